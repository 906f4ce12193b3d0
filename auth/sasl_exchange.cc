// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/sasl_exchange.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "auth/refusal.h"
#include "engine/grammar/wipe.h"

namespace postern::auth {
namespace {

AuthAnswer Refusal(Verdict verdict) {
  return AuthAnswer(std::in_place_type<Verdict>, std::move(verdict));
}

AuthAnswer Challenge(std::string bytes, AuthChallenge::Reveals reveals) {
  return AuthAnswer(std::in_place_type<AuthChallenge>,
                    AuthChallenge{std::move(bytes), reveals});
}

}  // namespace

SaslExchange::SaslExchange(const SaslLibrary* library,
                           std::shared_ptr<const SaslOptions> options,
                           SaslMechanism mechanism, SharedSessionInfo session)
    : library_(library),
      options_(std::move(options)),
      mechanism_(std::move(mechanism)),
      session_(std::move(session)) {}

void SaslExchange::Start(std::optional<std::string> initial_response,
                         Done done) {
  if (initial_response.has_value() && mechanism_.server_first) {
    std::move(done)(Refusal(ServerIsFirst()));
    return;
  }
  const bool external = mechanism_.name == "EXTERNAL";
  std::string subject;
  if (external && session_->tls != nullptr) {
    subject = session_->tls->peer_subject;
  }
  if (external && subject.empty()) {
    std::move(done)(Refusal(WrongCredentials()));
    return;
  }
  AuthAnswer answer = [&] {
    const SaslLog log;
    connection_.emplace(*options_, *session_, subject);
    return Judge(connection_->Start(mechanism_.name, initial_response), log);
  }();
  if (initial_response.has_value()) Wipe(&*initial_response);
  std::move(done)(std::move(answer));
}

void SaslExchange::Respond(std::string response, Done done) {
  if (!identity_.empty()) {
    // RFC 4954 4: the response to additional data must be empty.
    AuthAnswer answer = response.empty()
                            ? AuthAnswer(std::in_place_type<AuthGranted>,
                                         AuthGranted{std::move(identity_)})
                            : Refusal(Malformed());
    std::move(done)(std::move(answer));
    return;
  }
  AuthAnswer answer = [&] {
    const SaslLog log;
    return Judge(connection_->Respond(response), log);
  }();
  Wipe(&response);
  std::move(done)(std::move(answer));
}

absl::string_view SaslExchange::user() const {
  return connection_.has_value() ? absl::string_view(connection_->user()) : "";
}

AuthAnswer SaslExchange::Judge(SaslConnection::Step step, const SaslLog& log) {
  if (step.outcome != SaslOutcome::kOutage && log.has_errors()) {
    Complain(step.result, log.text());
  }
  switch (step.outcome) {
    case SaslOutcome::kProved:
      return Grant(std::move(step));
    case SaslOutcome::kGoesOn:
      return Challenge(std::move(step.bytes), AuthChallenge::Reveals::kNothing);
    case SaslOutcome::kMalformed:
      return Refusal(Malformed());
    case SaslOutcome::kWrong: {
      const absl::Status file = step.result == SASL_NOUSER
                                    ? library_->CheckUserFile()
                                    : absl::OkStatus();
      if (file.ok()) return Refusal(WrongCredentials());
      Complain(step.result, file.message());
      return Refusal(Outage());
    }
    case SaslOutcome::kOutage:
      break;
  }
  Complain(step.result, log.text());
  return Refusal(Outage());
}

AuthAnswer SaslExchange::Grant(SaslConnection::Step step) {
  std::string identity = connection_->Identity();
  if (identity.empty()) {
    Complain(step.result, "no identity, or a security layer");
    return Refusal(Outage());
  }
  if (step.bytes.empty()) {
    return AuthAnswer(std::in_place_type<AuthGranted>,
                      AuthGranted{std::move(identity)});
  }
  identity_ = std::move(identity);
  return Challenge(std::move(step.bytes), AuthChallenge::Reveals::kRight);
}

void SaslExchange::Complain(int result, absl::string_view log) const {
  options_->report(absl::StrCat("sasl ", mechanism_.name, ": ",
                                sasl_errstring(result, nullptr, nullptr),
                                log.empty() ? "" : ": ", log));
}

}  // namespace postern::auth
