// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Passwords as people type them, or as other programs hand them on.

#ifndef POSTERN_PROGRAMS_USERS_PASSWORD_PROMPT_H_
#define POSTERN_PROGRAMS_USERS_PASSWORD_PROMPT_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/wipe.h"

namespace postern::programs {

// Octets of a password: more is a file that was meant for something else.
inline constexpr size_t kMaxPassword = 1024;

// Asks at the terminal of the process, /dev/tty, whatever its standard input
// is; what is typed does not show. For one thread.
//
// A signal that would end or stop the process does so with the terminal as it
// was before; when it goes on, `prompt` comes again.
//
// kFailedPrecondition: there is no terminal. kInvalidArgument: an end where a
// line should be, no password in it, or too long a one.
absl::StatusOr<Secret> AskPassword(absl::string_view prompt);

// Reads a line, which ends with LF, CRLF or the end of the file, and nothing
// after it, from the descriptor `fd`. Errors are those of AskPassword(), and
// errno's.
absl::StatusOr<Secret> ReadPassword(int fd);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_USERS_PASSWORD_PROMPT_H_
