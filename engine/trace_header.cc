// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/trace_header.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "engine/grammar/date_time.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/octet_set.h"

namespace postern {
namespace {

constexpr OctetSet kAlphanumerics = OctetSet::Range('0', '9') |
                                    OctetSet::Range('A', 'Z') |
                                    OctetSet::Range('a', 'z');

// Appends the first `limit` octets of `text`, with '?' for those not in `safe`.
void AppendSafe(absl::string_view text, const OctetSet& safe, size_t limit,
                std::string* out) {
  for (char c : text.substr(0, limit)) {
    out->push_back(safe.Has(c) ? c : '?');
  }
}

void AppendSanitized(absl::string_view text, std::string* out) {
  constexpr OctetSet kSafe = kAlphanumerics | OctetSet(".@%+/=:-[]");
  AppendSafe(text, kSafe, 255, out);
}

void AppendName(absl::string_view name, std::string* out) {
  AppendSanitized(name.empty() ? "unknown" : name, out);
}

// RFC 5321 4.1.3: formats an address as an address literal.
void AppendLiteral(const IpAddress& address, std::string* out) {
  absl::StrAppend(out, address.v4() ? "[" : "[IPv6:", address.ToString(), "]");
}

// RFC 8314 4.3: the name in the IANA registry, which has underscores.
void AppendCipher(absl::string_view name, std::string* out) {
  constexpr OctetSet kSafe = kAlphanumerics | OctetSet("_-");
  AppendSafe(name, kSafe, 64, out);
}

// RFC 3848: S for TLS, A for an authenticated client. HELO has neither.
void AppendProtocol(const SessionInfo& session, bool smtp_utf8,
                    std::string* out) {
  switch (session.hello_verb) {
    case Hello::Verb::kHelo:
      out->append("SMTP");
      return;
    case Hello::Verb::kEhlo:
      out->append(smtp_utf8 ? "UTF8SMTP" : "ESMTP");
      break;
    case Hello::Verb::kLhlo:
      out->append(smtp_utf8 ? "UTF8LMTP" : "LMTP");
      break;
  }
  if (session.tls != nullptr) out->push_back('S');
  if (!session.identity.empty()) out->push_back('A');
}

}  // namespace

std::string FormatReceived(const SessionInfo& session, bool smtp_utf8,
                           absl::string_view host, const TraceStamp& stamp,
                           bool show_user) {
  std::string out;
  out.reserve(256);  // enough for most fields
  out.append("Received: from ");
  AppendName(session.hello_name, &out);
  out.append(" (");
  if (show_user && !session.identity.empty()) {
    AppendSanitized(session.identity, &out);
    out.push_back('@');
  } else if (session.remote_info) {
    AppendSanitized(*session.remote_info, &out);
    out.push_back('@');
  }
  const bool forged = session.name_status == NameStatus::kForged;
  AppendName(forged ? absl::string_view() : session.remote_name, &out);
  if (session.remote_address) {
    out.push_back(' ');
    AppendLiteral(*session.remote_address, &out);
  }
  out.append(")\r\n\tby ");
  AppendSanitized(session.local_name.empty() ? host : session.local_name, &out);
  out.append(" with ");
  AppendProtocol(session, smtp_utf8, &out);
  out.append(" id ");
  AppendSanitized(stamp.id, &out);
  if (session.tls != nullptr && !session.tls->cipher.empty()) {
    out.append(" tls ");
    AppendCipher(session.tls->cipher, &out);
  }
  out.append(";\r\n\t");
  AppendMailDate(stamp.time, &out);
  out.append("\r\n");
  return out;
}

}  // namespace postern
