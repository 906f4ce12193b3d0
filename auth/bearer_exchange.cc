// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/bearer_exchange.h"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "auth/gs2.h"
#include "auth/identity.h"
#include "auth/refusal.h"
#include "engine/grammar/wipe.h"

namespace postern::auth {
namespace {

constexpr char kSeparator = '\x01';

// RFC 7628 3.2.2.
constexpr char kInvalidToken[] =
    R"({"status":"invalid_token","schemes":"bearer"})";

// b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
bool IsToken(absl::string_view text) {
  while (absl::ConsumeSuffix(&text, "=")) {
  }
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) ||
           absl::string_view("-._~+/").find(c) != absl::string_view::npos;
  });
}

// value = *(VCHAR / SP / HTAB / CR / LF )
bool IsValue(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isprint(c) || c == '\t' || c == '\r' || c == '\n';
  });
}

// Returns the token after "Bearer ", with the scheme in upper or lower case
// (RFC 7235 2.1). Returns nullopt if the value has another form.
std::optional<absl::string_view> ReadToken(absl::string_view value) {
  constexpr absl::string_view kScheme = "bearer ";
  if (!absl::StartsWithIgnoreCase(value, kScheme)) return std::nullopt;
  value.remove_prefix(kScheme.size());
  while (absl::ConsumePrefix(&value, " ")) {
  }
  if (!IsToken(value)) return std::nullopt;
  return value;
}

// Removes the text before `end`, and `end` itself, from `text`, and returns
// that text. Returns nullopt, and removes nothing, if `end` does not occur.
std::optional<absl::string_view> TakeUntil(char end, absl::string_view* text) {
  const size_t at = text->find(end);
  if (at == absl::string_view::npos) return std::nullopt;
  const absl::string_view taken = text->substr(0, at);
  text->remove_prefix(at + 1);
  return taken;
}

AuthChallenge InvalidToken() {
  return {kInvalidToken, AuthChallenge::Reveals::kWrong};
}

class BearerExchange : public AuthExchange {
 public:
  using Parse = std::optional<BearerMessage> (*)(absl::string_view message);

  BearerExchange(Parse parse, TokenChecker* checker,
                 const SharedSessionInfo& session)
      : parse_(parse), checker_(*checker), session_(session) {}

  void Start(std::optional<std::string> initial_response, Done done) override {
    if (!initial_response) return std::move(done)(AuthChallenge{""});
    Respond(*std::move(initial_response), std::move(done));
  }

  void Respond(std::string response, Done done) override {
    const Secret message(std::move(response));
    // Every response to the challenge has the same result. Otherwise a client
    // that guesses tokens could choose a reply that does not count as a
    // failure.
    if (failed_) return std::move(done)(WrongCredentials());
    AuthAnswer answer = Check(message.text());
    failed_ = std::holds_alternative<AuthChallenge>(answer);
    std::move(done)(std::move(answer));
  }

  absl::string_view user() const override { return user_; }

 private:
  AuthAnswer Check(absl::string_view text) {
    std::optional<BearerMessage> message = parse_(text);
    if (!message) return Malformed();
    user_ = std::move(message->user);
    if (message->token.empty()) return InvalidToken();
    AuthAnswer answer = checker_.Check({message->token, user_}, *session_);
    if (const auto* granted = std::get_if<AuthGranted>(&answer)) {
      if (user_.empty() || absl::EqualsIgnoreCase(user_, granted->identity)) {
        return answer;
      }
      return InvalidToken();
    }
    const auto* verdict = std::get_if<Verdict>(&answer);
    if (verdict != nullptr && verdict->reply() == WrongCredentials().reply()) {
      return InvalidToken();
    }
    return answer;
  }

  const Parse parse_;
  TokenChecker& checker_;
  const SharedSessionInfo session_;
  std::string user_;
  bool failed_ = false;  // only the refusal is still to be sent
};

}  // namespace

std::optional<BearerMessage> ParseOauthBearer(absl::string_view message) {
  BearerMessage result;
  std::optional<Gs2Header> header = TakeGs2Header(&message);
  if (!header || TakeUntil(kSeparator, &message) != absl::string_view()) {
    return std::nullopt;
  }
  result.user = std::move(header->authorization_identity);
  if (!result.user.empty() && !IsIdentity(result.user)) return std::nullopt;
  std::set<absl::string_view> keys;
  for (;;) {
    const std::optional<absl::string_view> pair =
        TakeUntil(kSeparator, &message);
    if (!pair) return std::nullopt;
    if (pair->empty()) break;
    absl::string_view value = *pair;
    const std::optional<absl::string_view> key = TakeUntil('=', &value);
    if (!key || key->empty() ||
        !std::all_of(key->begin(), key->end(), absl::ascii_isalpha) ||
        !IsValue(value) || !keys.insert(*key).second) {
      return std::nullopt;
    }
    if (*key != "auth" || value.empty()) continue;
    const std::optional<absl::string_view> token = ReadToken(value);
    if (!token) return std::nullopt;
    result.token = *token;
  }
  if (!message.empty()) return std::nullopt;
  return result;
}

std::optional<BearerMessage> ParseXoauth2(absl::string_view message) {
  BearerMessage result;
  if (!absl::ConsumePrefix(&message, "user=")) return std::nullopt;
  const std::optional<absl::string_view> user = TakeUntil(kSeparator, &message);
  if (!user || !IsIdentity(*user) || !absl::ConsumePrefix(&message, "auth=") ||
      !absl::ConsumeSuffix(&message, "\x01\x01")) {
    return std::nullopt;
  }
  const std::optional<absl::string_view> token = ReadToken(message);
  if (!token) return std::nullopt;
  result.user = std::string(*user);
  result.token = *token;
  return result;
}

std::unique_ptr<AuthExchange> MakeBearerExchange(
    absl::string_view mechanism, TokenChecker* checker,
    const SharedSessionInfo& session) {
  if (mechanism == "OAUTHBEARER") {
    return std::make_unique<BearerExchange>(ParseOauthBearer, checker, session);
  }
  if (mechanism == "XOAUTH2") {
    return std::make_unique<BearerExchange>(ParseXoauth2, checker, session);
  }
  return nullptr;
}

}  // namespace postern::auth
