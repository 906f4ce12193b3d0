// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// ESMTP parameters of MAIL and RCPT, RFC 5321 4.1.2: types, parsers,
// formatters.

#ifndef POSTERN_ENGINE_GRAMMAR_PARAMETERS_H_
#define POSTERN_ENGINE_GRAMMAR_PARAMETERS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/orcpt.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/strictness.h"
#include "engine/grammar/utf8.h"

namespace postern {

// BODY=, RFC 6152 3, RFC 3030 3.
enum class BodyType : uint8_t { k7Bit, k8BitMime, kBinaryMime };

// RET=, RFC 3461 4.3: what a failure notification returns.
enum class Ret : uint8_t { kFull, kHeaders };

// BY=, RFC 2852 4.
struct DeliverBy {
  // What to do when the time is over.
  enum class Mode : uint8_t {
    kNotify,  // after that time: notify the sender of the delay
    kReturn,  // after that time: return the message; `seconds` > 0
  };
  int32_t seconds = 0;        // -999999999..999999999; negative: already late
  Mode mode = Mode::kNotify;  // what to do when the time is over
  bool trace = false;         // notify the sender of each relay

  friend bool operator==(const DeliverBy&, const DeliverBy&) = default;
};

// HOLDFOR=, whole seconds, 1 to 999999999, or HOLDUNTIL=. RFC 4865 3.
using Hold = std::variant<absl::Duration, absl::Time>;

// The longest value of ENVID= as sent, RFC 3461 4.4.
inline constexpr size_t kMaxEnvid = 100;

// The parameters of MAIL, RFC 5321 4.1.1.11. nullopt: not given.
struct MailParameters {
  // SIZE=, RFC 1870 3: octets, CRLF counted as two. A number beyond 2^64-1 is
  // stored as 2^64-1.
  std::optional<uint64_t> size;
  std::optional<BodyType> body;  // BODY=, RFC 6152 3
  bool smtp_utf8 = false;        // SMTPUTF8, RFC 6531 3.4
  std::optional<Ret> ret;        // RET=, RFC 3461 4.3
  // ENVID=, RFC 3461 4.4, decoded: printable ASCII, spaces and tabs, not empty.
  std::optional<std::string> envid;
  // AUTH=, RFC 4954 5: the user that submitted the message, according to the
  // client; the null path for <>. Trust it only as far as the client.
  std::optional<Path> auth;
  bool require_tls = false;             // REQUIRETLS, RFC 8689 2
  std::optional<int> priority;          // MT-PRIORITY=, RFC 6710 5: -9..9
  std::optional<DeliverBy> deliver_by;  // BY=, RFC 2852 4
  std::optional<Hold> hold;             // HOLDFOR= or HOLDUNTIL=, RFC 4865 3

  friend bool operator==(const MailParameters&,
                         const MailParameters&) = default;
};

// NOTIFY=, RFC 3461 4.1: the events of which the sender wants notifications.
// All false: NEVER.
struct Notify {
  bool success = false;  // the message is delivered
  bool failure = false;  // it cannot be delivered
  bool delay = false;    // it is late

  // Whether no notification is wanted.
  bool never() const { return !success && !failure && !delay; }

  friend bool operator==(const Notify&, const Notify&) = default;
};

// RRVS=, RFC 7293 3: the mailbox must have had the same owner for some time.
struct Rrvs {
  // What a server does that cannot check the owner.
  enum class Action : uint8_t {
    kReject,    // refuse, if the server cannot check or pass on the question
    kContinue,  // deliver in any case
  };
  absl::Time since;                 // from then until now
  Action action = Action::kReject;  // if the client gives none: kReject

  friend bool operator==(const Rrvs&, const Rrvs&) = default;
};

// The parameters of RCPT, RFC 5321 4.1.1.11. nullopt: not given.
struct RcptParameters {
  std::optional<Notify> notify;  // NOTIFY=, RFC 3461 4.1
  std::optional<Orcpt> orcpt;    // ORCPT=, RFC 3461 4.2
  std::optional<Rrvs> rrvs;      // RRVS=, RFC 7293 3

  friend bool operator==(const RcptParameters&,
                         const RcptParameters&) = default;
};

// The parameters that are accepted. SIZE, BODY=7BIT and BODY=8BITMIME always
// are. With their extension: BINARYMIME, SMTPUTF8, RET, ENVID, NOTIFY and ORCPT
// (kDsn), REQUIRETLS, MT-PRIORITY, BY, HOLDFOR and HOLDUNTIL, RRVS.
struct ParameterRules {
  // The extensions that the reply to EHLO has offered.
  ExtensionSet offered;
  // AUTH= may name a mailbox, RFC 4954 3. AUTH=<> is always accepted: it makes
  // no claim, and clients send it on port 25 and before they authenticate.
  bool auth_offered = false;
  // Under kLenient, RET, ENVID, NOTIFY and ORCPT are ignored if they are not
  // offered.
  Strictness strictness = Strictness::kStrict;
};

// Parses the text after the reverse-path: "" or " KEYWORD[=value]...", in any
// order, keywords in any case. On an error returns the Reply to send: 501 5.5.4
// for bad syntax, a bad value or a parameter given twice (HOLDFOR and HOLDUNTIL
// count as one), 555 5.5.4 for one that is unknown or not offered (RFC 5321
// 4.1.1.11). Valid DSN parameters are never refused if offered (RFC 3461 5.1).
std::variant<MailParameters, Reply> ParseMailParameters(
    absl::string_view text, const ParameterRules& rules);

// The same for the text after the forward-path. ORCPT=utf-8;... may contain
// UTF-8 only in a transaction with SMTPUTF8, Utf8::kYes (RFC 6533 3).
std::variant<RcptParameters, Reply> ParseRcptParameters(
    absl::string_view text, const ParameterRules& rules, Utf8 utf8);

// Return the parameters as they follow the path: "" or " KEYWORD[=value]...",
// times in UTC. Parsing the result returns the same parameters, under rules
// that offer them.
std::string FormatMailParameters(const MailParameters& parameters);
std::string FormatRcptParameters(const RcptParameters& parameters);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_PARAMETERS_H_
