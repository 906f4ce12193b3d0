// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// ESMTP parameters of MAIL and RCPT, RFC 5321 4.1.2, parsed, typed, printed.

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

// RET=, RFC 3461 4.3: what a notification of failure returns.
enum class Ret : uint8_t { kFull, kHeaders };

// BY=, RFC 2852 4.
struct DeliverBy {
  enum class Mode : uint8_t {
    kNotify,  // past the time: tell the sender that it is late
    kReturn,  // past the time: return the message; `seconds` is above 0
  };
  int32_t seconds = 0;  // -999999999..999999999: late already if negative
  Mode mode = Mode::kNotify;
  bool trace = false;  // tell the sender of each relay

  friend bool operator==(const DeliverBy&, const DeliverBy&) = default;
};

// HOLDFOR=, whole seconds, 1 to 999999999; or HOLDUNTIL=. RFC 4865 3.
using Hold = std::variant<absl::Duration, absl::Time>;

// The longest value of ENVID= as sent, RFC 3461 4.4.
inline constexpr size_t kMaxEnvid = 100;

struct MailParameters {
  // SIZE=, RFC 1870 3: octets, CRLF counted as two. A number past 2^64-1 is
  // held as 2^64-1.
  std::optional<uint64_t> size;
  std::optional<BodyType> body;
  bool smtp_utf8 = false;  // SMTPUTF8, RFC 6531 3.4
  std::optional<Ret> ret;
  // ENVID=, RFC 3461 4.4, decoded: printable ASCII and blanks, not empty.
  std::optional<std::string> envid;
  // AUTH=, RFC 4954 5: who submitted the message, by the client's word; the
  // null path for <>. What it is worth depends on who the client is.
  std::optional<Path> auth;
  bool require_tls = false;     // REQUIRETLS, RFC 8689 2
  std::optional<int> priority;  // MT-PRIORITY=, RFC 6710 5: -9..9
  std::optional<DeliverBy> deliver_by;
  std::optional<Hold> hold;

  friend bool operator==(const MailParameters&,
                         const MailParameters&) = default;
};

// NOTIFY=, RFC 3461 4.1: what the sender wants to hear of. All false: NEVER.
struct Notify {
  bool success = false;
  bool failure = false;
  bool delay = false;

  bool never() const { return !success && !failure && !delay; }

  friend bool operator==(const Notify&, const Notify&) = default;
};

// RRVS=, RFC 7293 3: who has the mailbox now must have had it since then.
struct Rrvs {
  enum class Action : uint8_t {
    kReject,    // by a server that cannot tell and cannot pass the question on
    kContinue,  // deliver all the same
  };
  absl::Time since;
  Action action = Action::kReject;

  friend bool operator==(const Rrvs&, const Rrvs&) = default;
};

struct RcptParameters {
  std::optional<Notify> notify;
  std::optional<Orcpt> orcpt;
  std::optional<Rrvs> rrvs;

  friend bool operator==(const RcptParameters&,
                         const RcptParameters&) = default;
};

// Which parameters there are. SIZE, BODY=7BIT and BODY=8BITMIME always;
// BINARYMIME, SMTPUTF8, RET and ENVID and NOTIFY and ORCPT (kDsn), REQUIRETLS,
// MT-PRIORITY, BY, HOLDFOR and HOLDUNTIL, RRVS with their extension.
struct ParameterRules {
  ExtensionSet offered;
  // AUTH= may name a mailbox, RFC 4954 3. AUTH=<> is always accepted: it claims
  // nothing, and clients send it on port 25 and before they log in.
  bool auth_offered = false;
  // Under kLenient, RET, ENVID, NOTIFY and ORCPT are ignored where they are not
  // offered.
  Strictness strictness = Strictness::kStrict;
};

// Parses what stands behind the reverse-path: "" or " KEYWORD[=value]...", in
// any order, keywords in any case. On a mistake the Reply to send: 501 5.5.4
// for bad syntax, a bad value or a parameter given twice (HOLDFOR and HOLDUNTIL
// are one), 555 5.5.4 for one that is not known or not offered (RFC 5321
// 4.1.1.11). Valid parameters of DSN never draw a reply (RFC 3461 5.1).
std::variant<MailParameters, Reply> ParseMailParameters(
    absl::string_view text, const ParameterRules& rules);

// The same for what stands behind the forward-path. Only in a transaction with
// SMTPUTF8, Utf8::kYes, may ORCPT=utf-8;... hold UTF-8 (RFC 6533 3).
std::variant<RcptParameters, Reply> ParseRcptParameters(
    absl::string_view text, const ParameterRules& rules, Utf8 utf8);

// Return the parameters as they stand behind the path: "" or
// " KEYWORD[=value]...", times in UTC. Parsing the result gives the parameters
// again, under rules that offer them.
std::string FormatMailParameters(const MailParameters& parameters);
std::string FormatRcptParameters(const RcptParameters& parameters);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_PARAMETERS_H_
