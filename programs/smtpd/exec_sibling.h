// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Replaces this program by another one that continues the session.

#ifndef POSTERN_PROGRAMS_SMTPD_EXEC_SIBLING_H_
#define POSTERN_PROGRAMS_SMTPD_EXEC_SIBLING_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern::programs {

// The address space that postern-smtpd-tls needs, in bytes. OpenSSL and the
// other shared libraries use most of it. With less, its start or a handshake
// ends in a crash that the log does not show.
inline constexpr uint64_t kSiblingAddressSpace = 24'000'000;

// Replaces this program in this process by the program `name` from the same
// directory. The new program gets `arguments` (argv, including the name, so
// that the log shows one program name), with `first`, if not empty, before the
// options. It inherits the environment, and the descriptors that are not
// close-on-exec. Returns only on failure; the error names the file. It is a
// failure if the limit on address space is below kSiblingAddressSpace
// (softlimit -a or -m).
absl::Status ExecSibling(absl::string_view name,
                         absl::Span<char* const> arguments,
                         const std::string& first);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SMTPD_EXEC_SIBLING_H_
