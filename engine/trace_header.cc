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

}  // namespace

std::string FormatReceived(const SessionInfo& session, absl::string_view host,
                           const TraceStamp& stamp) {
  std::string peer;
  if (session.remote_info) {
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
  // RFC 3848: the A says that the client has authenticated.
  const absl::string_view with = !session.extended          ? "SMTP"
                                 : session.identity.empty() ? "ESMTP"
                                                            : "ESMTPA";
  return absl::StrCat(
      "Received: from ",
      session.hello_name.empty() ? "unknown" : Sanitize(session.hello_name),
      " (", peer, ")\r\n\tby ", Sanitize(by), " with ", with, " id ",
      Sanitize(stamp.id), ";\r\n\t",
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
