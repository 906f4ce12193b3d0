// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/trace_header.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace postern {
namespace {

// RFC 5321 4.1.3: an address as an address literal.
std::string Literal(absl::string_view address) {
  const bool v6 = address.find(':') != absl::string_view::npos;
  return absl::StrCat(v6 ? "[IPv6:" : "[", Sanitize(address), "]");
}

// RFC 8314 4.3: the name of IANA's registry, which has underscores.
std::string CipherName(absl::string_view name) {
  std::string out(name.substr(0, 64));
  for (char& c : out) {
    if (!absl::ascii_isalnum(c) && c != '_' && c != '-') c = '?';
  }
  return out;
}

// RFC 3848: an S for TLS, an A for a client that has authenticated. A client
// of HELO has neither.
std::string Protocol(const SessionInfo& session, bool smtp_utf8) {
  absl::string_view name = "SMTP";
  switch (session.hello_verb) {
    case Hello::Verb::kHelo:
      return "SMTP";
    case Hello::Verb::kEhlo:
      name = smtp_utf8 ? "UTF8SMTP" : "ESMTP";
      break;
    case Hello::Verb::kLhlo:
      name = smtp_utf8 ? "UTF8LMTP" : "LMTP";
      break;
  }
  return absl::StrCat(name, session.tls ? "S" : "",
                      session.identity.empty() ? "" : "A");
}

}  // namespace

std::string FormatReceived(const SessionInfo& session, bool smtp_utf8,
                           absl::string_view host, const TraceStamp& stamp,
                           bool show_user) {
  std::string peer;
  if (show_user && !session.identity.empty()) {
    absl::StrAppend(&peer, Sanitize(session.identity), "@");
  } else if (session.remote_info) {
    absl::StrAppend(&peer, Sanitize(*session.remote_info), "@");
  }
  const bool named = !session.remote_name.empty() &&
                     session.name_status != NameStatus::kForged;
  absl::StrAppend(&peer, named ? Sanitize(session.remote_name) : "unknown");
  if (!session.remote_address.empty()) {
    absl::StrAppend(&peer, " ", Literal(session.remote_address));
  }
  const absl::string_view by =
      session.local_name.empty() ? host : session.local_name;
  return absl::StrCat(
      "Received: from ",
      session.hello_name.empty() ? "unknown" : Sanitize(session.hello_name),
      " (", peer, ")\r\n\tby ", Sanitize(by), " with ",
      Protocol(session, smtp_utf8), " id ", Sanitize(stamp.id),
      session.tls && !session.tls->cipher.empty() ? " tls " : "",
      session.tls ? CipherName(session.tls->cipher) : "", ";\r\n\t",
      absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", stamp.time,
                       absl::UTCTimeZone()),
      "\r\n");
}

std::string Sanitize(absl::string_view text) {
  constexpr absl::string_view kSafe = ".@%+/=:-[]";
  std::string out(text.substr(0, 255));
  for (char& c : out) {
    if (!absl::ascii_isalnum(c) && kSafe.find(c) == absl::string_view::npos) {
      c = '?';
    }
  }
  return out;
}

}  // namespace postern
