// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A program that is run to tell whether a secret is right: checkpassword's
// interface, as far as it is common to all kinds of secrets.

#ifndef POSTERN_AUTH_CHECKER_PROCESS_H_
#define POSTERN_AUTH_CHECKER_PROCESS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/session_info.h"

namespace postern::auth {

struct CheckerQuestion {
  // The program, by its path, and its arguments.
  absl::Span<const std::string> command;
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
    kYes,      // exit code 0
    kNo,       // exit code 1
    kUnknown,  // anything else
  };
  Kind kind = Kind::kUnknown;
  std::string output;  // of kYes: what it wrote
  std::string why;     // of kUnknown, for a log; the program is not named
};

// Runs the program, and waits for its end. It finds the session in its
// environment, /dev/null at descriptor 0, and our standard error at 2.
//
// A program that says yes and has not read the fields knows nothing of the
// secret: it is /bin/true, or some other mistake, and would make an open relay.
// That is kUnknown, and so is more output than it may write. Thread-safe.
CheckerAnswer AskChecker(const CheckerQuestion& question,
                         const SessionInfo& session);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_CHECKER_PROCESS_H_
