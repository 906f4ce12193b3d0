// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/delegation/policy_request.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace postern::policy {
namespace {

constexpr absl::string_view kUnknown = "unknown";

constexpr struct {
  absl::string_view part;  // of the cipher's name
  int bits;
} kCiphers[] = {
    {"AES_128", 128}, {"AES128", 128},      {"AES_256", 256},
    {"AES256", 256},  {"CHACHA20", 256},    {"ARIA128", 128},
    {"ARIA256", 256}, {"CAMELLIA128", 128}, {"CAMELLIA256", 256},
};

class Request {
 public:
  Request& Add(absl::string_view name, absl::string_view value) {
    absl::StrAppend(&text_, name, "=");
    for (const char c : value) {
      text_ += absl::ascii_iscntrl(static_cast<unsigned char>(c)) ? '?' : c;
    }
    text_ += '\n';
    return *this;
  }
  Request& Add(absl::string_view name, uint64_t value) {
    return Add(name, absl::string_view(absl::StrCat(value)));
  }

  std::string End() && { return std::move(text_) + '\n'; }

 private:
  std::string text_;
};

absl::string_view Protocol(const SessionInfo& session) {
  switch (session.hello_verb) {
    case Hello::Verb::kHelo:
      return "SMTP";
    case Hello::Verb::kEhlo:
      return "ESMTP";
    case Hello::Verb::kLhlo:
      return "LMTP";
  }
  return "";
}

absl::string_view OrUnknown(absl::string_view text) {
  return text.empty() ? kUnknown : text;
}

std::string Port(uint16_t port) {
  return port == 0 ? std::string() : absl::StrCat(port);
}

// What depends on the state.
struct Facts {
  absl::string_view state;
  const Path& from;
  const Path& to;
  uint64_t recipients = 0;
  int message = 0;
  std::optional<uint64_t> size;
};

std::string Format(const Facts& facts, const SessionInfo& session) {
  static const TlsInfo& no_tls = *new TlsInfo;
  const TlsInfo& tls = session.tls == nullptr ? no_tls : *session.tls;
  const bool confirmed = session.name_status == NameStatus::kConfirmed;
  Request request;
  request.Add("request", "smtpd_access_policy")
      .Add("protocol_state", facts.state)
      .Add("protocol_name", Protocol(session))
      .Add("client_address", OrUnknown(ToString(session.remote_address)))
      .Add("client_name", confirmed ? OrUnknown(session.remote_name) : kUnknown)
      .Add("client_port", Port(session.remote_port))
      .Add("reverse_client_name", OrUnknown(session.remote_name))
      .Add("server_address", ToString(session.local_address))
      .Add("server_port", Port(session.local_port))
      .Add("helo_name", session.hello_name)
      .Add("sender", facts.from.Address())
      .Add("recipient", facts.to.Address())
      .Add("recipient_count", facts.recipients)
      .Add("queue_id", "")
      .Add("instance", absl::StrCat(session.session_id, "-", facts.message))
      .Add("size", facts.size.value_or(0))
      .Add("etrn_domain", "")
      .Add("stress", "")
      .Add("sasl_method", session.mechanism)
      .Add("sasl_username", session.identity)
      .Add("sasl_sender", "")
      .Add("ccert_subject", tls.peer_subject)
      .Add("ccert_issuer", "")
      .Add("ccert_fingerprint", "")
      .Add("ccert_pubkey_fingerprint", "")
      .Add("encryption_protocol", tls.protocol)
      .Add("encryption_cipher", tls.cipher)
      .Add("encryption_keysize", static_cast<uint64_t>(CipherBits(tls.cipher)))
      .Add("policy_context", "");
  return std::move(request).End();
}

}  // namespace

int CipherBits(absl::string_view cipher) {
  for (const auto& row : kCiphers) {
    if (absl::StrContains(cipher, row.part)) return row.bits;
  }
  return 0;
}

std::string FormatPolicyRequest(const Rcpt& rcpt, const Path& from,
                                const Path& to, const SessionInfo& session) {
  return Format({.state = "RCPT",
                 .from = from,
                 .to = to,
                 .message = rcpt.message,
                 .size = rcpt.size},
                session);
}

std::string FormatPolicyRequest(const BodyBegin& begin,
                                const SessionInfo& session) {
  return Format({.state = "DATA",
                 .from = begin.from,
                 .to = begin.to,
                 .recipients = begin.recipients,
                 .message = begin.message,
                 .size = begin.size},
                session);
}

}  // namespace postern::policy
