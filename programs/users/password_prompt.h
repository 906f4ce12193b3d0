// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Reads passwords from a terminal or from a descriptor.

#ifndef POSTERN_PROGRAMS_USERS_PASSWORD_PROMPT_H_
#define POSTERN_PROGRAMS_USERS_PASSWORD_PROMPT_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/wipe.h"

namespace postern::programs {

// The largest size of a password in octets. Longer input is probably the wrong
// file.
inline constexpr size_t kMaxPassword = 1024;

// Asks on the terminal of the process, /dev/tty, even if standard input is
// something else. The input is not echoed. Call it from one thread only.
//
// If a signal ends or stops the process, the terminal settings are restored
// first. When the process continues, it shows `prompt` again.
//
// Returns kFailedPrecondition if there is no terminal, kInvalidArgument if the
// input ends before a line, or if the line is empty or too long, and otherwise
// the code of errno.
absl::StatusOr<Secret> AskPassword(absl::string_view prompt);

// Reads a line from the descriptor `fd`, and nothing after it. The line ends
// with LF, CRLF or the end of the file. Errors are those of AskPassword(), and
// those of read(2).
absl::StatusOr<Secret> ReadPassword(int fd);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_USERS_PASSWORD_PROMPT_H_
