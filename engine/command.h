// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The grammar of command lines, RFC 5321 4.1.1.

#ifndef POSTERN_ENGINE_COMMAND_H_
#define POSTERN_ENGINE_COMMAND_H_

#include <variant>

#include "absl/strings/string_view.h"
#include "engine/event.h"
#include "engine/reply.h"
#include "engine/verb.h"

namespace postern {

// A command line taken apart. The views are of the line.
struct Command {
  const VerbRow* row = nullptr;
  absl::string_view argument;  // without the white space around it
};

// Takes a line, without its CRLF, apart; or gives the Reply to send: 500 5.5.2
// for a line that holds control characters, NUL, a bare CR or LF, or 8-bit
// octets (RFC 5321 2.4; HT is let pass, and is no separator), 501 5.5.4 for an
// argument that is missing or may not be there (RFC 5321 4.3.2).
std::variant<Command, Reply> ParseCommand(absl::string_view line);

// Parse MAIL's and RCPT's arguments ("FROM:<u@d> SIZE=1"), or give the Reply
// to send. White space behind the colon, and missing angle brackets around an
// address, are let pass.
std::variant<Mail, Reply> ParseMail(absl::string_view argument);
std::variant<Rcpt, Reply> ParseRcpt(absl::string_view argument);

}  // namespace postern

#endif  // POSTERN_ENGINE_COMMAND_H_
