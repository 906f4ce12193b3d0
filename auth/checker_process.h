// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A program that is run to tell whether a secret is right: checkpassword's
// interface, as far as it is common to all kinds of secrets.

#ifndef POSTERN_AUTH_CHECKER_PROCESS_H_
#define POSTERN_AUTH_CHECKER_PROCESS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/session_info.h"

namespace postern::auth {

struct CheckerQuestion {
  // The program, by its path, and its arguments.
  absl::Span<const std::string> command;
  // What it finds in its environment before SessionVariables().
  absl::Span<const std::pair<std::string, std::string>> environment;
  // What it reads from descriptor 3, to its end. A pipe must hold it: 4,096
  // octets always do, and 65,536 where the system is not short of memory.
  absl::string_view fields;
  // Octets at the end of `fields` that it may leave unread.
  size_t optional = 0;
  // Octets that it may write to descriptor 1, which is /dev/null if that is 0.
  size_t max_output = 0;
  // How long it may take before it is killed.
  absl::Duration timeout;
};

struct CheckerAnswer {
  enum class Kind : uint8_t {
    kYes,      // the secret is right
    kNo,       // it is wrong, or the program's rules refuse it
    kUnknown,  // an outage: the program did not find out
  };
  Kind kind = Kind::kUnknown;
  std::string output;  // of kYes: what it wrote
  std::string why;     // of kUnknown, for a log; the program is not named
};

struct CheckerExit {
  int code = 0;
  CheckerAnswer::Kind kind = CheckerAnswer::Kind::kUnknown;
  absl::string_view meaning;
};

// What the exit codes of checkers mean. A code that is not here is an outage,
// as is a signal. checkpassword's interface has 0, 1, 2 and 111; vchkpw of
// vpopmail adds the others that are a no.
inline constexpr CheckerExit kCheckerExits[] = {
    {0, CheckerAnswer::Kind::kYes, "the secret is right"},
    {1, CheckerAnswer::Kind::kNo, "the secret is wrong, or access is denied"},
    {2, CheckerAnswer::Kind::kUnknown, "the program is used wrongly"},
    {3, CheckerAnswer::Kind::kNo, "wrong password or unknown user"},
    {12, CheckerAnswer::Kind::kNo, "the user's name is empty"},
    {13, CheckerAnswer::Kind::kNo, "the password is empty"},
    {20, CheckerAnswer::Kind::kNo, "the user's name has a bad character"},
    {21, CheckerAnswer::Kind::kNo, "no such user of the system"},
    {22, CheckerAnswer::Kind::kNo, "wrong password of a user of the system"},
    {23, CheckerAnswer::Kind::kNo, "a user of the system who may not log in"},
    {100, CheckerAnswer::Kind::kUnknown, "a permanent fault of the program"},
    {111, CheckerAnswer::Kind::kUnknown, "a temporary fault of the program"},
};

// Returns what `code` means by the table.
CheckerAnswer::Kind KindOfCheckerExit(int code);

// Runs the program, and waits for its end. It finds the session in its
// environment, which is constructed (system/session_variables.h), /dev/null at
// descriptor 0, and our standard error at 2.
//
// A program that says yes and has not read the fields knows nothing of the
// secret: it is /bin/true, or some other mistake, and would make an open relay.
// That is kUnknown, and so is more output than it may write. Thread-safe.
CheckerAnswer AskChecker(const CheckerQuestion& question,
                         const SessionInfo& session);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_CHECKER_PROCESS_H_
