// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The grammar of command lines, RFC 5321 4.1.1.

#ifndef POSTERN_ENGINE_COMMAND_H_
#define POSTERN_ENGINE_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/grammar/parameters.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/strictness.h"
#include "engine/grammar/utf8.h"
#include "engine/grammar/verb.h"

namespace postern {

// A parsed command line. The views point into the line.
struct Command {
  const VerbRow* row = nullptr;  // of VerbTable(), so static
  absl::string_view argument;    // without surrounding white space
};

// Parses a line, without its CRLF, or returns the Reply to send:
//
//   - 501 5.5.2 for a character that no argument may contain (RFC 5321 4.1.2):
//     a control character, NUL, a bare CR or LF. HT is accepted, but does not
//     separate words. 500 5.5.2 if the verb is unknown, too.
//   - The same for an octet beyond ASCII (RFC 5321 2.4), with two exceptions.
//     MAIL, RCPT and VRFY may contain UTF-8 (RFC 6531 3.2), which the parsers
//     below check. HELO, EHLO and LHLO may contain any such octet: PCs send a
//     name such as "büro-pc", in UTF-8 or in the code page of their country,
//     and no decision depends on that name. In both cases, the control
//     characters U+0080 to U+009F, in UTF-8, are refused.
//   - 501 5.5.4 for an argument that is missing or not allowed (RFC 5321
//     4.3.2). Under kLenient, HELO, EHLO and LHLO need no argument.
//
// A request of a web browser is always parsed as a command, because the session
// must end there.
std::variant<Command, Reply> ParseCommand(
    absl::string_view line, Strictness strictness = Strictness::kStrict);

// Parse the argument of MAIL or RCPT ("FROM:<u@d> SIZE=1"), or return the Reply
// to send. White space after the colon, and missing angle brackets around an
// address, are accepted. An address beyond ASCII needs the parameter SMTPUTF8
// of MAIL: without it, MAIL gets 550 5.6.7 and RCPT 553 5.6.7 (RFC 6531 3.5).
// `utf8` is whether the transaction's MAIL had it. ParseRcpt() does not set
// Rcpt::from and Rcpt::index.
std::variant<Mail, Reply> ParseMail(absl::string_view argument,
                                    const ParameterRules& rules);
std::variant<Rcpt, Reply> ParseRcpt(absl::string_view argument,
                                    const ParameterRules& rules, Utf8 utf8);

// Return the command without its CRLF: "MAIL FROM:<u@d> SIZE=1". Parsing its
// argument returns the same path and parameters, under rules that offer the
// parameters. An address beyond ASCII needs SMTPUTF8 here, too.
std::string FormatMail(const Mail& mail);
std::string FormatRcpt(const Rcpt& rcpt);

// The parsed argument of VRFY.
struct VerifyArgument {
  std::string text;  // as sent; UTF-8 if SMTPUTF8 is offered
  // SMTPUTF8 followed: the reply may contain UTF-8 (RFC 6531 3.7.4.2).
  bool smtp_utf8 = false;
};

// Parses VRFY's argument. If SMTPUTF8 is offered, a last word SMTPUTF8 is the
// parameter. The rest may be UTF-8 with or without it, because the parameter
// only concerns the reply (RFC 6531 3.1, 3.2). If it is not offered, the word
// is ordinary text and UTF-8 gets 550 5.6.7: RFC 6531 3.5 has no code for VRFY,
// and 553 would mean that the name is ambiguous (RFC 5321 3.5.1).
std::variant<VerifyArgument, Reply> ParseVerify(absl::string_view argument,
                                                const ParameterRules& rules);

// The parsed argument of BDAT, RFC 3030 2.
struct Chunk {
  uint64_t size = 0;  // octets that follow the line
  // Whether LAST was given: the chunk ends the message.
  bool last = false;
};

// Parses BDAT's argument, "1000" or "1000 LAST". 501 5.5.4 for anything else,
// and for sizes beyond 2^64-1. Then the end of the chunk is unknown, and what
// follows the line must not be read as commands.
std::variant<Chunk, Reply> ParseBdat(absl::string_view argument);

// The parsed argument of AUTH, RFC 4954 4.
struct AuthArgument {
  std::string mechanism;  // RFC 4422 3.1: 1 to 20 of A-Z 0-9 - _
  // A view of the argument, as sent: base64 that is not yet checked, or "=" for
  // an empty response.
  std::optional<absl::string_view> initial_response;
};

// Parses AUTH's argument, such as "PLAIN AHUAcA==". The mechanism may be in any
// case. 501 5.5.4 for anything else.
std::variant<AuthArgument, Reply> ParseAuth(absl::string_view argument);

}  // namespace postern

#endif  // POSTERN_ENGINE_COMMAND_H_
