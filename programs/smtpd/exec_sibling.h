// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The program that a session goes on in.

#ifndef POSTERN_PROGRAMS_SMTPD_EXEC_SIBLING_H_
#define POSTERN_PROGRAMS_SMTPD_EXEC_SIBLING_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern::programs {

// Octets of address space that postern-smtpd-tls gets by with: OpenSSL and the
// other shared libraries take most of it. With less, its start or a handshake
// ends in a crash that the log does not mention.
inline constexpr uint64_t kSiblingAddressSpace = 24'000'000;

// Has the program `name`, of the folder that this program is in, run in this
// process: with `arguments` (argv, its name included, so that logs stay those
// of one program) and `first`, if it is not empty, before their options; with
// the environment, and the descriptors that are not closed by it. Returns only
// if that cannot be: the error names the file. A limit on address space below
// kSiblingAddressSpace (softlimit -a or -m) is such an error.
absl::Status ExecSibling(absl::string_view name,
                         absl::Span<char* const> arguments,
                         const std::string& first);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SMTPD_EXEC_SIBLING_H_
