// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: whatever a client sends, it is not authenticated if it does not know
// bob's password. If it knows alice's, it is authenticated as alice or not at
// all. No input is reported as an outage.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "auth/sasl_backend.h"
#include "auth/sasl_test_client.h"
#include "auth/sasl_test_site.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

SaslBackend& Backend() {
  static const SaslTestSite site;
  static const std::shared_ptr<SaslBackend> backend = [] {
    site.UseUserFile();
    site.AddUser("alice", "mx.example.org", "wonderland");
    site.AddUser("bob", "mx.example.org",
                 std::to_string(std::random_device()()));
    return *SaslBackend::Open(
        {.config_dir = site.Path(),
         .host_name = "mx.example.org",
         .report = [](absl::string_view what) { ADD_FAILURE() << what; }});
  }();
  return *backend;
}

// Returns `said` as the fuzzer changes it.
std::optional<std::string> Change(const std::optional<std::string>& said,
                                  FuzzedDataProvider* input) {
  const int what = input->ConsumeIntegralInRange(0, 4);
  if (what < 2) return what == 0 ? said : std::optional<std::string>();
  const std::string text = input->ConsumeRandomLengthString(12000);
  std::string bytes = said.value_or("");
  const size_t at = input->ConsumeIntegralInRange<size_t>(0, bytes.size());
  if (what == 2) return text;
  if (what == 3) return bytes.insert(at, text);
  return bytes.erase(at, 1 + text.size());
}

void Talk(FuzzedDataProvider input) {
  const auto offered = Backend().mechanisms();
  const std::string mechanism =
      offered[input.ConsumeIntegral<uint8_t>() % offered.size()].name;
  const bool knows = input.ConsumeBool();
  SaslTestClient client(mechanism, {knows ? "alice" : "bob", "wonderland"});
  const auto exchange =
      Backend().Begin(mechanism, std::make_shared<const SessionInfo>());
  AuthAnswer answer =
      StartNow(exchange.get(), Change(client.initial_response(), &input));
  while (const auto* challenge = std::get_if<AuthChallenge>(&answer)) {
    const auto response = Change(client.Respond(challenge->bytes), &input);
    if (!response.has_value()) return;
    answer = RespondNow(exchange.get(), *response);
  }
  const std::string end = Describe(answer);
  EXPECT_TRUE(end == "535 5.7.8" || end.substr(0, 4) == "501 " ||
              (knows && end == "granted alice@mx.example.org"))
      << mechanism << ": " << end;
}

}  // namespace
}  // namespace postern::auth

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  postern::auth::Talk({data, size});
  return 0;
}
