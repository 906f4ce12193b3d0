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
#include "engine/event.h"
#include "engine/grammar/parameters.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/strictness.h"
#include "engine/grammar/utf8.h"
#include "engine/grammar/verb.h"

namespace postern {

// A command line taken apart. The views are of the line.
struct Command {
  const VerbRow* row = nullptr;
  absl::string_view argument;  // without the white space around it
};

// Takes a line, without its CRLF, apart; or gives the Reply to send:
//
//   - 501 5.5.2 for a character that no argument may hold (RFC 5321 4.1.2): a
//     control character, NUL, a bare CR or LF. HT is accepted, and separates
//     nothing. 500 5.5.2 if the verb is not known either.
//   - The same for an octet beyond ASCII (RFC 5321 2.4), with two exceptions.
//     MAIL, RCPT and VRFY may hold UTF-8 (RFC 6531 3.2), which the parsers
//     below judge. HELO, EHLO and LHLO may hold any such octet: PCs introduce
//     themselves by a name such as "büro-pc" in UTF-8 or in the code page of
//     their country, and no decision depends on that name. In both cases, the
//     control characters U+0080 to U+009F, in UTF-8, are refused.
//   - 501 5.5.4 for an argument that is missing or may not be there (RFC 5321
//     4.3.2). Under kLenient, HELO, EHLO and LHLO need none.
//
// A request of a web browser is a command whatever it holds, since the session
// must end there.
std::variant<Command, Reply> ParseCommand(
    absl::string_view line, Strictness strictness = Strictness::kStrict);

// Parse MAIL's and RCPT's arguments ("FROM:<u@d> SIZE=1"), or give the Reply
// to send. White space behind the colon, and missing angle brackets around an
// address, are let pass. An address beyond ASCII needs the parameter SMTPUTF8
// of MAIL: without it, MAIL draws 550 5.6.7 and RCPT 553 5.6.7 (RFC 6531 3.5).
// `utf8` says whether the transaction's MAIL had it. RCPT leaves Rcpt::from and
// Rcpt::index alone.
std::variant<Mail, Reply> ParseMail(absl::string_view argument,
                                    const ParameterRules& rules);
std::variant<Rcpt, Reply> ParseRcpt(absl::string_view argument,
                                    const ParameterRules& rules, Utf8 utf8);

// Return the command without its CRLF: "MAIL FROM:<u@d> SIZE=1". Parsing what
// stands behind the verb gives the path and the parameters again, under rules
// that offer them. An address beyond ASCII needs SMTPUTF8, here too.
std::string FormatMail(const Mail& mail);
std::string FormatRcpt(const Rcpt& rcpt);

// What VRFY asks about.
struct VerifyArgument {
  std::string text;  // as sent; UTF-8 if SMTPUTF8 is offered
  // Behind it stood SMTPUTF8: the reply may hold UTF-8 (RFC 6531 3.7.4.2).
  bool smtp_utf8 = false;
};

// Parses VRFY's argument. Where SMTPUTF8 is offered, a last word SMTPUTF8 is
// its parameter, and the rest may be UTF-8 with or without it, since that
// speaks of the reply only (RFC 6531 3.1, 3.2). Where it is not, the word is
// like any other and UTF-8 draws 550 5.6.7: RFC 6531 3.5 has no code for VRFY,
// and 553 would say that the name is ambiguous (RFC 5321 3.5.1).
std::variant<VerifyArgument, Reply> ParseVerify(absl::string_view argument,
                                                const ParameterRules& rules);

// What BDAT announces, RFC 3030 2.
struct Chunk {
  uint64_t size = 0;  // octets that follow the line
  bool last = false;
};

// Parses BDAT's argument, "1000" or "1000 LAST": 501 5.5.4 for anything else,
// and past 2^64-1. Where the chunk ends is not known then, and what follows the
// line must not be read as commands.
std::variant<Chunk, Reply> ParseBdat(absl::string_view argument);

// What AUTH asks for, RFC 4954 4.
struct AuthArgument {
  std::string mechanism;  // RFC 4422 3.1: 1 to 20 of A-Z 0-9 - _
  // A view of the argument. As sent: base64, of no checked syntax, or "=" for
  // an empty one.
  std::optional<absl::string_view> initial_response;
};

// Parses AUTH's argument, "PLAIN AHUAcA==", the mechanism in any case: 501
// 5.5.4 for anything else.
std::variant<AuthArgument, Reply> ParseAuth(absl::string_view argument);

}  // namespace postern

#endif  // POSTERN_ENGINE_COMMAND_H_
