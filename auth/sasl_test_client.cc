// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/sasl_test_client.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "auth/sasl_callback.h"
#include "gtest/gtest.h"

namespace postern::auth {

struct SaslTestClient::Callbacks {
  static int Name(void* self, int id, const char** result, unsigned* size) {
    const SaslTestUser& user = static_cast<SaslTestClient*>(self)->user_;
    *result =
        id == SASL_CB_USER ? user.authorize_as.c_str() : user.name.c_str();
    if (size != nullptr) *size = static_cast<unsigned>(std::strlen(*result));
    return SASL_OK;
  }
  static int Password(sasl_conn_t*, void* self, int, sasl_secret_t** secret) {
    *secret = reinterpret_cast<sasl_secret_t*>(
        static_cast<SaslTestClient*>(self)->secret_.data());
    return SASL_OK;
  }
  static int Realm(void*, int, const char** realms, const char** result) {
    *result = realms != nullptr ? *realms : "";
    return SASL_OK;
  }
};

SaslTestClient::SaslTestClient(const std::string& mechanism, SaslTestUser user)
    : user_(std::move(user)),
      callbacks_{
          {SASL_CB_USER, SaslCallback(&Callbacks::Name), this},
          {SASL_CB_AUTHNAME, SaslCallback(&Callbacks::Name), this},
          {SASL_CB_PASS, SaslCallback(&Callbacks::Password), this},
          {SASL_CB_GETREALM, SaslCallback(&Callbacks::Realm), this},
          {SASL_CB_LIST_END, nullptr, nullptr},
      } {
  static const int initialised = sasl_client_init(nullptr);
  EXPECT_EQ(initialised, SASL_OK);
  secret_.resize(sizeof(sasl_secret_t) + user_.password.size());
  auto* const secret = reinterpret_cast<sasl_secret_t*>(secret_.data());
  secret->len = user_.password.size();
  std::copy(user_.password.begin(), user_.password.end(), secret->data);

  EXPECT_EQ(sasl_client_new("smtp", "mx.example.org", nullptr, nullptr,
                            callbacks_, SASL_SUCCESS_DATA, &connection_),
            SASL_OK);
  sasl_security_properties_t properties = {};
  sasl_setprop(connection_, SASL_SEC_PROPS, &properties);
  if (mechanism == "EXTERNAL") {
    sasl_setprop(connection_, SASL_AUTH_EXTERNAL, user_.name.c_str());
  }
  const char* bytes = nullptr;
  unsigned size = 0;
  const int result = sasl_client_start(connection_, mechanism.c_str(), nullptr,
                                       &bytes, &size, nullptr);
  EXPECT_TRUE(result == SASL_OK || result == SASL_CONTINUE)
      << mechanism << ": " << sasl_errdetail(connection_);
  if (bytes != nullptr) initial_response_.emplace(bytes, size);
}

SaslTestClient::~SaslTestClient() { sasl_dispose(&connection_); }

std::optional<std::string> SaslTestClient::Respond(
    const std::string& challenge) {
  const char* bytes = nullptr;
  unsigned size = 0;
  const int result = sasl_client_step(connection_, challenge.c_str(),
                                      static_cast<unsigned>(challenge.size()),
                                      nullptr, &bytes, &size);
  std::optional<std::string> response;
  if (result == SASL_OK || result == SASL_CONTINUE) {
    response.emplace(bytes == nullptr ? "" : bytes,
                     bytes == nullptr ? 0 : size);
  }
  return response;
}

AuthAnswer StartNow(AuthExchange* exchange,
                    const std::optional<std::string>& initial_response) {
  AuthAnswer answer(std::in_place_type<AuthChallenge>);
  int answers = 0;
  exchange->Start(initial_response, [&](AuthAnswer given) {
    answer = std::move(given);
    ++answers;
  });
  EXPECT_EQ(answers, 1);
  return answer;
}

AuthAnswer RespondNow(AuthExchange* exchange, const std::string& response) {
  AuthAnswer answer(std::in_place_type<AuthChallenge>);
  int answers = 0;
  exchange->Respond(response, [&](AuthAnswer given) {
    answer = std::move(given);
    ++answers;
  });
  EXPECT_EQ(answers, 1);
  return answer;
}

std::string Describe(const AuthAnswer& answer) {
  if (const auto* granted = std::get_if<AuthGranted>(&answer)) {
    return absl::StrCat("granted ", granted->identity);
  }
  if (const auto* challenge = std::get_if<AuthChallenge>(&answer)) {
    return absl::StrCat("challenge ", challenge->bytes);
  }
  const Reply& reply = *std::get<Verdict>(answer).reply();
  return absl::StrCat(reply.code, " ", reply.enhanced.class_, ".",
                      reply.enhanced.subject, ".", reply.enhanced.detail);
}

std::string Play(AuthExchange* exchange, SaslTestClient* client, bool initial) {
  const auto& first = client->initial_response();
  AuthAnswer answer =
      StartNow(exchange, initial ? first : std::optional<std::string>());
  if (!initial && first.has_value()) {
    const auto* challenge = std::get_if<AuthChallenge>(&answer);
    // An empty challenge requests the initial response.
    if (challenge != nullptr && challenge->bytes.empty()) {
      answer = RespondNow(exchange, *first);
    }
  }
  while (const auto* challenge = std::get_if<AuthChallenge>(&answer)) {
    const std::optional<std::string> response =
        client->Respond(challenge->bytes);
    if (!response.has_value()) return "the server did not prove itself";
    answer = RespondNow(exchange, *response);
  }
  return Describe(answer);
}

}  // namespace postern::auth
