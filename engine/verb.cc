// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/verb.h"

#include "absl/strings/match.h"

namespace postern {
namespace {

constexpr uint8_t Bit(Phase phase) {
  return static_cast<uint8_t>(1 << static_cast<int>(phase));
}
constexpr uint8_t kOpen = Bit(Phase::kUngreeted) | Bit(Phase::kIdle) |
                          Bit(Phase::kMail) | Bit(Phase::kRcpt);
constexpr uint8_t kAlways = kOpen | Bit(Phase::kRefused);
constexpr uint8_t kInTransaction = Bit(Phase::kMail) | Bit(Phase::kRcpt);

// RFC 5321 4.3.2: no arguments behind DATA, RSET and QUIT. 4.1.4: NOOP, HELP,
// VRFY and RSET may come before EHLO.
constexpr VerbRow kTable[] = {
    {"EHLO", Verb::kEhlo, Argument::kNeeded, kOpen},
    {"HELO", Verb::kHelo, Argument::kNeeded, kOpen},
    {"MAIL", Verb::kMail, Argument::kNeeded, Bit(Phase::kIdle)},
    {"RCPT", Verb::kRcpt, Argument::kNeeded, kInTransaction},
    {"DATA", Verb::kData, Argument::kNone, Bit(Phase::kRcpt)},
    {"RSET", Verb::kRset, Argument::kNone, kOpen},
    {"NOOP", Verb::kNoop, Argument::kIgnored, kOpen},
    {"VRFY", Verb::kVrfy, Argument::kNeeded, kOpen},
    {"HELP", Verb::kHelp, Argument::kIgnored, kOpen},
    {"QUIT", Verb::kQuit, Argument::kNone, kAlways},
    {"EXPN", Verb::kUnimplemented, Argument::kIgnored, kOpen},
    {"TURN", Verb::kUnimplemented, Argument::kIgnored, kOpen},
    {"ETRN", Verb::kUnimplemented, Argument::kIgnored, kOpen},
    {"SEND", Verb::kUnimplemented, Argument::kIgnored, kOpen},
    {"SOML", Verb::kUnimplemented, Argument::kIgnored, kOpen},
    {"SAML", Verb::kUnimplemented, Argument::kIgnored, kOpen},
    {"AUTH", Verb::kUnimplemented, Argument::kIgnored, kOpen},
    {"BDAT", Verb::kUnimplemented, Argument::kIgnored, kOpen},
    {"STARTTLS", Verb::kUnimplemented, Argument::kIgnored, kOpen},
    {"GET", Verb::kWeb, Argument::kIgnored, kAlways},
    {"POST", Verb::kWeb, Argument::kIgnored, kAlways},
    {"CONNECT", Verb::kWeb, Argument::kIgnored, kAlways},
};
constexpr VerbRow kUnknownRow = {"", Verb::kUnknown, Argument::kIgnored, kOpen};

}  // namespace

absl::Span<const VerbRow> VerbTable() { return kTable; }

const VerbRow& FindVerb(absl::string_view name) {
  for (const VerbRow& row : kTable) {
    if (absl::EqualsIgnoreCase(row.name, name)) return row;
  }
  return kUnknownRow;
}

absl::string_view OutOfSequence(Verb verb, Phase phase) {
  switch (phase) {
    case Phase::kRefused:
      return "not serving you, QUIT please (#5.5.1)";
    case Phase::kUngreeted:
      return "EHLO first (#5.5.1)";
    case Phase::kIdle:
      return "MAIL first (#5.5.1)";
    case Phase::kMail:
    case Phase::kRcpt:
      break;
  }
  return verb == Verb::kMail ? "sender already given (#5.5.1)"
                             : "RCPT first (#5.5.1)";
}

}  // namespace postern
