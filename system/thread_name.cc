// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/thread_name.h"

#include <sys/prctl.h>

#include <array>

namespace postern::system {
namespace {

constexpr size_t kMaxName = 15;

}  // namespace

void NameThread(absl::string_view name) {
  const std::string text(name.substr(0, kMaxName));
  (void)prctl(PR_SET_NAME, text.c_str());  // fails only for a bad address
}

std::string ThreadName() {
  std::array<char, kMaxName + 1> name = {};
  (void)prctl(PR_GET_NAME, name.data());  // as above
  return name.data();
}

}  // namespace postern::system
