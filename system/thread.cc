// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/thread.h"

#include <sys/prctl.h>

#include <array>
#include <cstddef>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace postern::system {
namespace {

constexpr size_t kMaxName = 15;

}  // namespace

absl::StatusOr<std::thread> StartThread(
    absl::string_view name, absl::AnyInvocable<void() &&> function) {
  try {
    return std::thread([name = std::string(name.substr(0, kMaxName)),
                        function = std::move(function)]() mutable {
      (void)prctl(PR_SET_NAME, name.c_str());  // fails only for a bad address
      std::move(function)();
    });
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot start the thread ", name, ": ", error.what()));
  }
}

std::string ThreadName() {
  std::array<char, kMaxName + 1> name = {};
  (void)prctl(PR_GET_NAME, name.data());  // fails only for a bad address
  return name.data();
}

}  // namespace postern::system
