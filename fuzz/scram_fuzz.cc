// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: the exchange of a model client is granted to its user, who must
// exist, and the server proves that it knows the user's keys. No exchange is
// granted with a wrong password or with other bytes in place of one of the
// client's messages (except an equal proof).

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "auth/scram.h"
#include "engine/verdict.h"
#include "fuzz/scram_model.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

// Takes a text from the input. Each octet is one of `from`.
std::string Text(FuzzedDataProvider* input, absl::string_view from) {
  std::string text = input->ConsumeRandomLengthString(12);
  for (char& c : text) c = from[static_cast<unsigned char>(c) % from.size()];
  return text;
}

std::string Extensions(FuzzedDataProvider* input) {
  std::string text;
  for (int n = input->ConsumeIntegralInRange(0, 2); n > 0; --n) {
    absl::StrAppend(&text, ",x=", Text(input, "abp=;"), "1");
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const std::string user = Text(&input, "ab,=C23D") + "x";
  const std::string nonce = Text(&input, "=/~!%az") + "1";
  const std::string gs2 = input.ConsumeBool() ? "y" : "n";
  const bool authzid = input.ConsumeBool();
  ScramModelClient client(gs2, authzid, user, nonce, Extensions(&input));
  const std::string extensions = Extensions(&input);
  const bool knows = input.ConsumeIntegral<uint8_t>() != 0;
  const int changed = input.ConsumeIntegralInRange(0, 3);  // 3: none
  const std::string bytes = input.ConsumeRemainingBytesAsString();
  ScramModelSource source;
  const auto exchange = MakeScramExchange(&source, [] { return "nonce"; });
  std::string sent = changed == 0 ? bytes : client.First();
  bool proper = knows && absl::StartsWith(user, "a") && sent == client.First();
  AuthAnswer answer = SendScram(exchange.get(), sent, /*first=*/true);
  if (const auto* challenge = std::get_if<AuthChallenge>(&answer)) {
    const std::string right = client.Final(
        challenge->bytes, knows ? "pencil" : "pencils", extensions);
    sent = changed == 1 ? bytes : right;
    proper = proper && sent == right;
    answer = SendScram(exchange.get(), sent, /*first=*/false);
  }
  const auto* last = std::get_if<AuthChallenge>(&answer);
  EXPECT_EQ(last != nullptr, proper);
  if (last != nullptr) {
    EXPECT_EQ(last->bytes, client.server_final());
  }
  sent = changed == 2 ? bytes : "";
  answer = SendScram(exchange.get(), sent, /*first=*/false);
  const auto* granted = std::get_if<AuthGranted>(&answer);
  EXPECT_EQ(granted != nullptr, proper && sent.empty());
  if (granted != nullptr) {
    EXPECT_EQ(granted->identity, user);
  }
  return 0;
}

}  // namespace postern::auth
