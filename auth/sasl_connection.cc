// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/sasl_connection.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "auth/sasl_callback.h"
#include "engine/grammar/ip_address.h"

namespace postern::auth {
namespace {

// The library's limit.
constexpr size_t kMaxIdentity = 1023;

// Returns both in the form that the library parses, or "" if they are unknown.
std::string AddressAndPort(const std::optional<IpAddress>& address,
                           uint16_t port) {
  if (port == 0 || !address) return "";
  return absl::StrCat(address->ToString(), ";", port);
}

const char* OrNull(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}

// Returns the size of the cipher's key in bits. The secure ciphers of TLS 1.2
// and 1.3 use 128, or have 256 in their names.
sasl_ssf_t Strength(const TlsInfo& tls) {
  for (const char* name : {"AES_256", "AES256", "CHACHA20"}) {
    if (absl::StrContains(tls.cipher, name)) return 256;
  }
  return 128;
}

// Returns true if the library treats the messages of `mechanism` as C strings.
// It would ignore everything after a NUL.
bool IsText(absl::string_view mechanism) {
  return mechanism == "LOGIN" || mechanism == "EXTERNAL" ||
         mechanism == "CRAM-MD5" || mechanism == "DIGEST-MD5" ||
         absl::StartsWith(mechanism, "SCRAM-");
}

SaslConnection::Step Outcome(int result, const char* bytes, unsigned size) {
  SaslConnection::Step step;
  step.result = result;
  step.outcome = OutcomeOfSaslResult(result);
  const bool sends = step.outcome == SaslOutcome::kGoesOn ||
                     step.outcome == SaslOutcome::kProved;
  if (sends && bytes != nullptr) step.bytes.assign(bytes, size);
  return step;
}

}  // namespace

struct SaslConnection::Callbacks {
  // The library calls this before it applies its own rules to a name. The
  // result is already canonical, because those rules differ between mechanisms,
  // and treat a blank name as an outage.
  static int CanonUser(sasl_conn_t*, void* self, const char* sent,
                       unsigned sent_size, unsigned flags, const char*,
                       char* out, unsigned room, unsigned* size) {
    auto* const connection = static_cast<SaslConnection*>(self);
    std::string identity;
    const int result = connection->Canonical({sent, sent_size}, &identity);
    if ((flags & SASL_CU_AUTHID) != 0) connection->user_ = identity;
    if (result != SASL_OK) return result;
    if (identity.size() >= room) return SASL_BUFOVER;
    std::memcpy(out, identity.c_str(), identity.size() + 1);
    *size = static_cast<unsigned>(identity.size());
    return SASL_OK;
  }
};

SaslConnection::SaslConnection(const SaslOptions& options,
                               const SessionInfo& session,
                               const std::string& subject)
    : options_(options),
      external_(!subject.empty()),
      callbacks_{
          {SASL_CB_CANON_USER, SaslCallback(&Callbacks::CanonUser), this},
          {SASL_CB_LIST_END, nullptr, nullptr},
      } {
  Create(session, subject);
}

void SaslConnection::Create(const SessionInfo& session,
                            const std::string& subject) {
  const std::string local =
      AddressAndPort(session.local_address, session.local_port);
  const std::string remote =
      AddressAndPort(session.remote_address, session.remote_port);
  created_ = sasl_server_new(
      options_.service.c_str(), options_.host_name.c_str(),
      external_ ? nullptr : options_.realms.front().c_str(), OrNull(local),
      OrNull(remote), callbacks_, SASL_SUCCESS_DATA, &connection_);
  // No security layer: a strength of at most 0, and no buffer for one.
  sasl_security_properties_t properties = {};
  properties.security_flags = SASL_SEC_NOANONYMOUS;
  if (created_ == SASL_OK) {
    created_ = sasl_setprop(connection_, SASL_SEC_PROPS, &properties);
  }
  if (created_ == SASL_OK && session.tls != nullptr) {
    const sasl_ssf_t strength = Strength(*session.tls);
    created_ = sasl_setprop(connection_, SASL_SSF_EXTERNAL, &strength);
  }
  if (created_ == SASL_OK && external_) {
    created_ = sasl_setprop(connection_, SASL_AUTH_EXTERNAL, subject.c_str());
  }
}

SaslConnection::~SaslConnection() { sasl_dispose(&connection_); }

std::vector<std::string> SaslConnection::Mechanisms() {
  const char* names = nullptr;
  if (created_ != SASL_OK ||
      sasl_listmech(connection_, nullptr, "", " ", "", &names, nullptr,
                    nullptr) != SASL_OK) {
    return {};
  }
  return absl::StrSplit(names, ' ', absl::SkipEmpty());
}

SaslConnection::Step SaslConnection::Start(
    const std::string& mechanism,
    const std::optional<std::string>& initial_response) {
  is_text_ = IsText(mechanism);
  if (created_ != SASL_OK) return Outcome(created_, nullptr, 0);
  if (initial_response.has_value() && is_text_ &&
      absl::StrContains(*initial_response, '\0')) {
    return Outcome(SASL_BADPROT, nullptr, 0);
  }
  awaits_login_name_ = mechanism == "LOGIN";
  // LOGIN ignores an empty initial response.
  if (initial_response.has_value() && !initial_response->empty()) {
    CheckLoginName(*initial_response);
  }
  const char* bytes = nullptr;
  unsigned size = 0;
  const int result = sasl_server_start(
      connection_, mechanism.c_str(),
      initial_response.has_value() ? initial_response->c_str() : nullptr,
      initial_response.has_value()
          ? static_cast<unsigned>(initial_response->size())
          : 0,
      &bytes, &size);
  return Outcome(result, bytes, size);
}

SaslConnection::Step SaslConnection::Respond(const std::string& response) {
  if (is_text_ && absl::StrContains(response, '\0')) {
    return Outcome(SASL_BADPROT, nullptr, 0);
  }
  if (login_name_ != SASL_OK) return Outcome(login_name_, nullptr, 0);
  CheckLoginName(response);
  const char* bytes = nullptr;
  unsigned size = 0;
  const int result =
      sasl_server_step(connection_, response.c_str(),
                       static_cast<unsigned>(response.size()), &bytes, &size);
  return Outcome(result, bytes, size);
}

std::string SaslConnection::Identity() const {
  const void* value = nullptr;
  if (sasl_getprop(connection_, SASL_SSF, &value) != SASL_OK ||
      *static_cast<const sasl_ssf_t*>(value) != 0 ||
      sasl_getprop(connection_, SASL_USERNAME, &value) != SASL_OK) {
    return "";
  }
  return static_cast<const char*>(value);
}

void SaslConnection::CheckLoginName(const std::string& name) {
  if (!awaits_login_name_) return;
  awaits_login_name_ = false;
  login_name_ = Canonical(name, &user_);
}

int SaslConnection::Canonical(absl::string_view sent,
                              std::string* identity) const {
  const absl::string_view name = absl::StripAsciiWhitespace(sent);
  *identity = std::string(external_ ? sent : name);
  const size_t at = name.find('@');
  if (name.empty() || (!external_ && at == 0)) return SASL_BADPROT;
  if (!external_ && at == absl::string_view::npos) {
    absl::StrAppend(identity, "@", options_.realms.front());
  }
  if (identity->size() > kMaxIdentity) return SASL_BUFOVER;
  if (external_ || at == absl::string_view::npos) return SASL_OK;
  const absl::string_view realm = name.substr(at + 1);
  const bool is_ours = std::find(options_.realms.begin(), options_.realms.end(),
                                 realm) != options_.realms.end();
  return is_ours ? SASL_OK : SASL_NOUSER;
}

}  // namespace postern::auth
