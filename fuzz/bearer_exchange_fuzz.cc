// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: a message that parses has the same meaning after a model client has
// written it again. Only the owner's token gets a grant, and only for the
// owner, whatever name the client gives. After a failure the client gets a 535
// to its next response, whatever it is.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "auth/bearer_exchange.h"
#include "auth/refusal.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

class Owner : public TokenChecker {
 public:
  AuthAnswer Check(const TokenCredentials& credentials,
                   const SessionInfo&) override {
    if (credentials.token == "a") return AuthGranted{"a@b"};
    return WrongCredentials();
  }
};

std::string Write(bool rfc, const BearerMessage& message) {
  const std::string end = absl::StrCat("\1auth=Bearer ", message.token, "\1\1");
  if (!rfc) return absl::StrCat("user=", message.user, end);
  const std::string name =
      absl::StrReplaceAll(message.user, {{"=", "=3D"}, {",", "=2C"}});
  const std::string gs2 =
      name.empty() ? "n,," : absl::StrCat("n,a=", name, ",");
  return gs2 + (message.token.empty() ? "\1\1" : end);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const bool rfc = input.ConsumeBool();
  const auto parse = rfc ? ParseOauthBearer : ParseXoauth2;
  const std::string second = input.ConsumeRandomLengthString(40);
  const std::string text = input.ConsumeRemainingBytesAsString();
  const std::optional<BearerMessage> message = parse(text);
  if (message) {
    const std::string written = Write(rfc, *message);
    const std::optional<BearerMessage> again = parse(written);
    EXPECT_TRUE(again.has_value());
    EXPECT_EQ(again->user, message->user);
    EXPECT_EQ(again->token, message->token);
  }
  Owner owner;
  const auto exchange =
      MakeBearerExchange(rfc ? "OAUTHBEARER" : "XOAUTH2", &owner,
                         std::make_shared<const SessionInfo>());
  AuthAnswer answer;
  exchange->Start(text, [&](AuthAnswer m) { answer = std::move(m); });
  const bool grant =
      message && message->token == "a" &&
      (message->user.empty() || absl::EqualsIgnoreCase(message->user, "a@b"));
  EXPECT_EQ(std::holds_alternative<AuthGranted>(answer), grant);
  EXPECT_EQ(std::holds_alternative<AuthChallenge>(answer), message && !grant);
  if (message && !grant) {
    exchange->Respond(second, [&](AuthAnswer m) { answer = std::move(m); });
    EXPECT_EQ(std::get<Verdict>(answer).reply(), WrongCredentials().reply());
  }
  return 0;
}

}  // namespace postern::auth
