// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/verb.h"

#include <array>
#include <string>

#include "absl/base/macros.h"
#include "absl/strings/ascii.h"

namespace postern {
namespace {

constexpr uint16_t Bit(Phase phase) {
  return static_cast<uint16_t>(1 << static_cast<int>(phase));
}
constexpr uint16_t kAlways = (1 << kPhases) - 1;
constexpr uint16_t kServed = kAlways & ~Bit(Phase::kRefused);
constexpr uint16_t kInTransaction = Bit(Phase::kMail) | Bit(Phase::kRcpt) |
                                    Bit(Phase::kChunks) | Bit(Phase::kBroken);
constexpr uint16_t kBetween = kServed & ~kInTransaction;
// RFC 3207 4 and RFC 4954 6: the phases for commands that must wait for
// required TLS or AUTH. RSET need not wait: RFC 5321 4.1.1.5 allows it at any
// time.
constexpr uint16_t kTrusted =
    kServed & ~(Bit(Phase::kTlsRequired) | Bit(Phase::kAuthRequired));

// RFC 5321 4.3.2: DATA, RSET and QUIT have no arguments. RFC 5321 4.1.4: NOOP,
// HELP, VRFY and RSET may come before EHLO. HELP lists the names in this order.
constexpr VerbRow kTable[] = {
    {"EHLO", Verb::kEhlo, Argument::kNeeded, kServed, true},
    {"HELO", Verb::kHelo, Argument::kNeeded, kServed, true},
    {"LHLO", Verb::kLhlo, Argument::kNeeded, kServed, true},
    {"MAIL", Verb::kMail, Argument::kNeeded, Bit(Phase::kIdle), false},
    {"RCPT", Verb::kRcpt, Argument::kNeeded,
     Bit(Phase::kMail) | Bit(Phase::kRcpt), false},
    {"DATA", Verb::kData, Argument::kNone, Bit(Phase::kRcpt), true},
    {"BDAT", Verb::kBdat, Argument::kIgnored,
     Bit(Phase::kRcpt) | Bit(Phase::kChunks), false},
    {"RSET", Verb::kRset, Argument::kNone, kServed, false},
    {"NOOP", Verb::kNoop, Argument::kIgnored, kServed, true},
    {"VRFY", Verb::kVrfy, Argument::kNeeded, kTrusted, true},
    {"QUIT", Verb::kQuit, Argument::kNone, kAlways, false},
    {"STARTTLS", Verb::kStartTls, Argument::kNone, kBetween, true},
    {"AUTH", Verb::kAuth, Argument::kNeeded,
     Bit(Phase::kAuthRequired) | Bit(Phase::kIdle), false},
    {"XCLIENT", Verb::kXClient, Argument::kNeeded, kBetween, true},
    {"HELP", Verb::kHelp, Argument::kIgnored, kTrusted, false},
    {"EXPN", Verb::kUnimplemented, Argument::kIgnored, kTrusted, true},
    {"TURN", Verb::kUnimplemented, Argument::kIgnored, kTrusted, true},
    {"ETRN", Verb::kUnimplemented, Argument::kIgnored, kTrusted, false},
    {"SEND", Verb::kUnimplemented, Argument::kIgnored, kTrusted, false},
    {"SOML", Verb::kUnimplemented, Argument::kIgnored, kTrusted, false},
    {"SAML", Verb::kUnimplemented, Argument::kIgnored, kTrusted, false},
    {"GET", Verb::kWeb, Argument::kIgnored, kAlways, false},
    {"POST", Verb::kWeb, Argument::kIgnored, kAlways, false},
    {"CONNECT", Verb::kWeb, Argument::kIgnored, kAlways, false},
};
// The names as numbers, so that each needs one comparison.
constexpr uint64_t Pack(uint64_t before, char c) {
  return before << 8 | static_cast<unsigned char>(c);
}
constexpr auto kPackedNames = [] {
  std::array<uint64_t, ABSL_ARRAYSIZE(kTable)> packed = {};
  for (size_t i = 0; i < packed.size(); ++i) {
    for (char c : kTable[i].name) packed[i] = Pack(packed[i], c);
  }
  return packed;
}();
constexpr VerbRow kUnknownRow = {"", Verb::kUnknown, Argument::kIgnored,
                                 kServed, false};

Reply* BadSequence(absl::string_view why) {
  return new Reply{503, {5, 5, 1}, std::string(why)};
}

}  // namespace

absl::Span<const VerbRow> VerbTable() { return kTable; }

const VerbRow& FindVerb(absl::string_view name) {
  if (name.size() > sizeof(uint64_t)) return kUnknownRow;
  uint64_t packed = 0;
  for (char c : name) packed = Pack(packed, absl::ascii_toupper(c));
  for (size_t i = 0; i < ABSL_ARRAYSIZE(kTable); ++i) {
    if (kPackedNames[i] == packed && kTable[i].name.size() == name.size()) {
      return kTable[i];
    }
  }
  return kUnknownRow;
}

const Reply& OutOfSequence(Verb verb, Phase phase) {
  static const auto* const refused =
      BadSequence("not serving you, QUIT please (#5.5.1)");
  static const auto* const plain =
      new Reply{530, {5, 7, 0}, "must issue a STARTTLS command first (#5.7.0)"};
  static const auto* const ungreeted = BadSequence("EHLO first (#5.5.1)");
  static const auto* const stranger =
      new Reply{530, {5, 7, 0}, "authentication required (#5.7.0)"};
  static const auto* const idle = BadSequence("MAIL first (#5.5.1)");
  static const auto* const transaction =
      BadSequence("not in a transaction (#5.5.1)");
  static const auto* const mail = BadSequence("sender already given (#5.5.1)");
  static const auto* const rcpt = BadSequence("RCPT first (#5.5.1)");
  static const auto* const chunks = BadSequence("BDAT LAST first (#5.5.1)");
  static const auto* const broken =
      BadSequence("a BDAT has failed, RSET please (#5.5.1)");
  switch (phase) {
    case Phase::kRefused:
      return *refused;
    case Phase::kTlsRequired:
      return *plain;
    case Phase::kUngreeted:
      return *ungreeted;
    case Phase::kAuthRequired:
      return *stranger;
    case Phase::kIdle:
      return *idle;
    case Phase::kMail:
    case Phase::kRcpt:
      break;
    case Phase::kChunks:
      return *chunks;
    case Phase::kBroken:
      return *broken;
  }
  if (verb == Verb::kMail) return *mail;
  return verb == Verb::kData || verb == Verb::kBdat ? *rcpt : *transaction;
}

const Reply& NotServed(Verb verb) {
  static const auto* const lmtp =
      new Reply{500, {5, 5, 1}, "this is LMTP, use LHLO (#5.5.1)"};
  static const auto* const unknown =
      new Reply{500, {5, 5, 2}, "unrecognized command (#5.5.2)"};
  static const auto* const unimplemented =
      new Reply{502, {5, 5, 1}, "unimplemented (#5.5.1)"};
  if (verb == Verb::kHelo || verb == Verb::kEhlo) return *lmtp;
  if (verb == Verb::kLhlo || verb == Verb::kXClient || verb == Verb::kUnknown) {
    return *unknown;
  }
  return *unimplemented;
}

}  // namespace postern
