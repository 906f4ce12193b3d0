// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Runs a program that checks a secret. This is the part of checkpassword's
// interface that is common to all kinds of secrets.

#ifndef POSTERN_AUTH_CHECKER_PROCESS_H_
#define POSTERN_AUTH_CHECKER_PROCESS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "log/report.h"

namespace postern::auth {

struct CheckerQuestion {
  // The path of the program, and its arguments.
  absl::Span<const std::string> command;
  // The environment of the program, before SessionVariables().
  absl::Span<const std::pair<std::string, std::string>> environment;
  // The octets that the program reads from descriptor 3. They must fit into a
  // pipe: 4,096 octets always fit, and 65,536 do unless the system is short of
  // memory.
  absl::string_view fields;
  // The number of octets at the end of `fields` that it need not read.
  size_t optional = 0;
  // The number of octets that it may write to descriptor 1. If 0, that is
  // /dev/null.
  size_t max_output = 0;
  // The program is killed after this time.
  absl::Duration timeout;
};

struct CheckerAnswer {
  enum class Kind : uint8_t {
    kYes,      // the secret is right
    kNo,       // the secret is wrong, or access is denied
    kUnknown,  // an outage: the program did not decide
  };
  Kind kind = Kind::kUnknown;
  std::string output;  // if kYes: what the program wrote
  std::string why;     // if kUnknown: the reason, without the program's name
};

struct CheckerExit {
  int code = 0;
  CheckerAnswer::Kind kind = CheckerAnswer::Kind::kUnknown;
  absl::string_view meaning;
};

// The exit codes of checkers. A code that is not in this table is an outage,
// and so is a signal. The interface of checkpassword defines 0, 1, 2 and 111.
// vchkpw of vpopmail adds the other codes for kNo.
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

// Returns the refusal for an answer, or nullopt if it is kYes. For kUnknown,
// also reports the reason as "PROGRAM: WHY".
std::optional<Verdict> RefusalFor(const CheckerAnswer& answer,
                                  absl::string_view program,
                                  const log::Report& report);

// Returns the meaning of `code` in the table.
CheckerAnswer::Kind KindOfCheckerExit(int code);

// Runs the program and waits for its end. Its environment describes the session
// (system/session_variables.h). Its descriptor 0 is /dev/null, and descriptor 2
// is the standard error of this process. Thread-safe.
//
// The answer is kUnknown if the program exits with 0 but has not read the
// fields, except for the optional part: such a program, /bin/true for example,
// does not check the secret, and would make the server an open relay. The
// answer is also kUnknown if the output is longer than allowed.
CheckerAnswer AskChecker(const CheckerQuestion& question,
                         const SessionInfo& session);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_CHECKER_PROCESS_H_
