// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/smtpd/exec_sibling.h"

#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "log/inetd_log.h"

namespace postern::programs {

absl::Status ExecSibling(absl::string_view name,
                         absl::Span<char* const> arguments,
                         const std::string& first) {
  constexpr char kSelf[] = "/proc/self/exe";
  std::array<char, PATH_MAX> room;
  const ssize_t size = readlink(kSelf, room.data(), room.size());
  if (size <= 0) return absl::ErrnoToStatus(errno, kSelf);
  const absl::string_view self(room.data(), static_cast<size_t>(size));
  const std::string program =
      absl::StrCat(self.substr(0, self.rfind('/') + 1), name);

  std::vector<char*> argv(arguments.begin(), arguments.end());
  std::string option = first;  // execv() takes non-const pointers
  if (!option.empty() && !argv.empty()) {
    argv.insert(argv.begin() + 1, option.data());
  }
  argv.push_back(nullptr);
  rlimit space = {};
  if (getrlimit(RLIMIT_AS, &space) == 0 &&
      space.rlim_cur < kSiblingAddressSpace) {
    return absl::ResourceExhaustedError(absl::StrCat(
        program, " needs ", kSiblingAddressSpace,
        " bytes of address space, and the limit is ", space.rlim_cur));
  }

  log::GiveConnectionBack();
  execv(program.c_str(), argv.data());
  const int error = errno;
  log::KeepLogOffConnection();
  return absl::ErrnoToStatus(error, program);
}

}  // namespace postern::programs
