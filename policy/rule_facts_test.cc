// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rule_facts.h"

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

TEST(RuleFactsTest, VariablesBecomeFacts) {
  const auto facts = ReadRuleFacts({true,
                                    {{"RELAYCLIENT", "@fix"},
                                     {"DATABYTES", "1000x"},
                                     {"POSTERN_BARE_NEWLINES", "normalize"},
                                     {"POSTERN_LENIENT", "all"},
                                     {"COLOUR", "blue"}}},
                                   IpAddress::Parse("192.0.2.1"));
  ASSERT_TRUE(facts.ok()) << facts.status();
  SessionInfo info;
  facts->Apply(&info);
  EXPECT_FALSE(info.denied);
  EXPECT_EQ(info.relay_client, "@fix");
  EXPECT_EQ(info.environment.size(), 5u);
  const auto config = facts->Change(ServerConfig());
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->max_message_size, 1000u);
  EXPECT_EQ(config->bare_newlines, BareNewlines::kNormalize);
  EXPECT_EQ(config->strictness, Strictness::kLenient);
}

TEST(RuleFactsTest, SettingsWithoutAVariableStayTheSame) {
  const auto facts = ReadRuleFacts({true, {{"COLOUR", "blue"}}},
                                   IpAddress::Parse("192.0.2.1"));
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->Change(ServerConfig()), nullptr);
  EXPECT_FALSE(facts->relay_client);
  // What the rules said about another client is gone.
  ServerConfig changed;
  changed.max_message_size = 1000;
  changed.bare_newlines = BareNewlines::kNormalize;
  changed.strictness = Strictness::kLenient;
  facts->Change(ServerConfig(), &changed);
  EXPECT_EQ(changed.max_message_size, ServerConfig().max_message_size);
  EXPECT_EQ(changed.bare_newlines, BareNewlines::kReject);
  EXPECT_EQ(changed.strictness, Strictness::kStrict);
}

TEST(RuleFactsTest, DeniedClientHasNoVariables) {
  const auto facts =
      ReadRuleFacts({false, {{"RELAYCLIENT", ""}}}, std::nullopt);
  ASSERT_TRUE(facts.ok()) << facts.status();
  SessionInfo info;
  facts->Apply(&info);
  EXPECT_TRUE(info.denied);
  EXPECT_FALSE(info.relay_client);
  EXPECT_TRUE(info.environment.empty());
}

TEST(RuleFactsTest, InvalidRecipientsHaveALimit) {
  const std::pair<const char*, int> values[] = {
      {"7", 7}, {"7x", 7},
      {"0", 0}, {"", 0},
      {"x", 0}, {"99999999999999999999", std::numeric_limits<int>::max()}};
  for (const char* const name : {"VALIDRCPTTO_LIMIT", "BRTLIMIT"}) {
    for (const auto& [value, want] : values) {
      const auto facts = ReadRuleFacts({true, {{name, value}}}, std::nullopt);
      ASSERT_TRUE(facts.ok()) << facts.status();
      ServerConfig config;
      config.max_invalid_recipients = 3;
      const auto changed = facts->Change(config);
      ASSERT_NE(changed, nullptr) << value;
      EXPECT_EQ(changed->max_invalid_recipients, want) << name << value;
    }
  }
}

TEST(RuleFactsTest, InvalidRecipientsOfRelayClientsHaveNoLimit) {
  ServerConfig config;
  config.max_invalid_recipients = 3;
  const auto change =
      [&config](std::vector<std::pair<std::string, std::string>> variables) {
        const auto facts =
            ReadRuleFacts({true, std::move(variables)}, std::nullopt);
        EXPECT_TRUE(facts.ok()) << facts.status();
        const auto changed = facts->Change(config);
        return changed == nullptr ? 3 : changed->max_invalid_recipients;
      };
  EXPECT_EQ(change({}), 3);
  EXPECT_EQ(change({{"RELAYCLIENT", ""}}), 0);
  EXPECT_EQ(change({{"RELAYCLIENT", ""}, {"BRTLIMIT", "7"}}), 7);
}

// As of postern-smtpd, which tcpserver starts.
TEST(RuleFactsTest, ProcessHasTheVariablesOfChecks) {
  const RuleFacts facts = ReadProcessFacts([](const char* name) {
    const absl::string_view text = name;
    return text == "NOBADHELO"           ? ""
           : text == "VALIDRCPTTO_LIMIT" ? "5"
           : text == "HOME"              ? "/"
                                         : nullptr;
  });
  EXPECT_EQ(facts.max_invalid_recipients, 5);
  using Variables = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(facts.variables, Variables({{"NOBADHELO", ""}}));
  const RuleFacts none = ReadProcessFacts([](const char*) { return nullptr; });
  EXPECT_EQ(none.max_invalid_recipients, std::nullopt);
  EXPECT_TRUE(none.variables.empty());
}

TEST(RuleFactsTest, InvalidValueIsAnError) {
  const std::pair<const char*, const char*> bad[] = {
      {"RELAYCLIENT", "x@"},
      {"POSTERN_BARE_NEWLINES", ""},
      {"POSTERN_BARE_NEWLINES", "yes"},
      {"POSTERN_LENIENT", "192.0.2.0/33"},
  };
  for (const auto& [name, value] : bad) {
    const auto facts =
        ReadRuleFacts({true, {{name, value}}}, IpAddress::Parse("192.0.2.1"));
    EXPECT_TRUE(absl::IsInvalidArgument(facts.status())) << name;
    EXPECT_TRUE(absl::StrContains(facts.status().message(), name))
        << facts.status();
  }
}

}  // namespace
}  // namespace postern::policy
