// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/server_config.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/mechanism.h"
#include "engine/grammar/path.h"
#include "engine/grammar/utf8.h"
#include "engine/grammar/verb.h"

namespace postern {
namespace {

// The greeting starts a reply line, which must not be split.
constexpr size_t kMaxGreeting = 400;

// The list must fit into one line of the EHLO reply (RFC 5321 4.5.3.1.5).
constexpr size_t kMaxMechanisms = 400;

bool AreMechanisms(const std::vector<std::string>& names) {
  size_t octets = 0;
  for (const std::string& name : names) {
    if (!IsMechanism(name)) return false;
    octets += name.size() + 1;
  }
  return octets <= kMaxMechanisms;
}

}  // namespace

absl::Status ServerConfig::Validate() const {
  const auto bad = [](absl::string_view what) {
    return absl::InvalidArgumentError(what);
  };
  if (greeting.empty() || greeting.size() > kMaxGreeting) {
    return bad("greeting: 1 to 400 octets");
  }
  if (!IsPrintableAscii(greeting)) return bad("greeting: printable ASCII only");
  // MAIL or RCPT with the longest path must fit.
  if (max_line < kMaxPath + 512) return bad("max_line: at least 1411");
  if (require_tls && !offer_starttls) {
    return bad(
        "require_tls: needs offer_starttls, or no client could send mail");
  }
  constexpr absl::string_view kNames =
      "names of SASL mechanisms, upper case, 400 octets in all";
  if (!AreMechanisms(mechanisms))
    return bad(absl::StrCat("mechanisms: ", kNames));
  if (!AreMechanisms(mechanisms_without_tls)) {
    return bad(absl::StrCat("mechanisms_without_tls: ", kNames));
  }
  if (require_auth && mechanisms.empty() && mechanisms_without_tls.empty()) {
    return bad("require_auth: needs mechanisms, or no client could send mail");
  }
  for (const std::string& verb : more_verbs) {
    const VerbRow& row = FindVerb(verb);
    if (row.verb != Verb::kUnimplemented || row.name != verb) {
      return bad(
          "more_verbs: registered verbs that the engine does not serve itself");
    }
  }
  if (max_auth_line < kMaxAuthBase64 + 2) {
    return bad("max_auth_line: at least 12290");
  }
  if (max_auth_failures < 1) return bad("max_auth_failures: at least 1");
  if (max_messages < 0) return bad("max_messages: at least 0");
  if (hold_limits && (hold_limits->longest < absl::Seconds(1) ||
                      hold_limits->longest > absl::Seconds(999999999))) {
    return bad("hold_limits: 1 to 999999999 seconds");
  }
  // As RFC 4865 4 and RFC 2852 4 print them: years of four digits, and at most
  // nine digits of seconds.
  if (hold_limits &&
      (hold_limits->latest < absl::UnixEpoch() ||
       hold_limits->latest >= absl::FromUnixSeconds(253402300800))) {
    return bad("hold_limits: a latest date from 1970 to 9999");
  }
  if (min_deliver_by < absl::ZeroDuration() ||
      min_deliver_by > absl::Seconds(999999999)) {
    return bad("min_deliver_by: 0 to 999999999 seconds");
  }
  if (max_recipients < 1) return bad("max_recipients: at least 1");
  if (max_output < 4096) return bad("max_output: at least 4096");
  if (max_errors < 1) return bad("max_errors: at least 1");
  if (max_invalid_recipients < 0) {
    return bad("max_invalid_recipients: at least 0");
  }
  if (max_hops < 1) return bad("max_hops: at least 1");
  if (max_open_asks < 1) return bad("max_open_asks: at least 1");
  if (data_block < 1) return bad("data_block: at least 1");
  if (command_timeout <= absl::ZeroDuration()) {
    return bad("command_timeout: more than 0");
  }
  if (data_timeout <= absl::ZeroDuration()) {
    return bad("data_timeout: more than 0");
  }
  if (bare_newline_timeout <= absl::ZeroDuration()) {
    return bad("bare_newline_timeout: more than 0");
  }
  return absl::OkStatus();
}

size_t ServerConfig::InputRoom() const {
  const bool auth = !mechanisms.empty() || !mechanisms_without_tls.empty();
  return auth ? std::max(max_line, max_auth_line) : max_line;
}

}  // namespace postern
