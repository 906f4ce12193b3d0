// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/auth_options.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace postern::service {
namespace {

TEST(ParseAuthSpecTest, ReadsFourKinds) {
  struct Row {
    const char* text;
    const char* result;
  };
  for (const Row& row : {
           Row{"sasl", "sasl"},
           Row{"cdb:/etc/users", "cdb /etc/users"},
           Row{"checkpassword:/bin/checkpassword",
               "checkpassword /bin/checkpassword /bin/true"},
           Row{"checkpassword:/bin/a,b c,d", "checkpassword /bin/a b c d"},
           Row{"oauth:/bin/a,b c,d", "oauth /bin/a b c d"},
           Row{"oauth:/bin/a", "oauth /bin/a"},
           Row{"oauth:", "not the absolute path of a program: "},
           Row{"oauth:a", "not the absolute path of a program: a"},
           Row{"cdb:", "no file after cdb:"},
           Row{"checkpassword:", "not the absolute path of a program: "},
           Row{"checkpassword:a", "not the absolute path of a program: a"},
           Row{"SASL",
               "neither checkpassword:PROGRAM nor cdb:FILE nor oauth:PROGRAM "
               "nor sasl: SASL"},
           Row{"",
               "neither checkpassword:PROGRAM nor cdb:FILE nor oauth:PROGRAM "
               "nor sasl: "},
       }) {
    const auto spec = ParseAuthSpec(row.text);
    std::string result;
    if (!spec.ok()) {
      result = std::string(spec.status().message());
    } else if (spec->kind == AuthSpec::Kind::kSasl) {
      result = "sasl";
    } else if (spec->kind == AuthSpec::Kind::kCdb) {
      result = absl::StrCat("cdb ", spec->file);
    } else {
      const bool oauth = spec->kind == AuthSpec::Kind::kOauth;
      result = absl::StrCat(oauth ? "oauth " : "checkpassword ",
                            absl::StrJoin(spec->command, " "));
    }
    EXPECT_EQ(result, row.result);
  }
}

class FakeBackend : public auth::Backend {
 public:
  std::vector<auth::Mechanism> mechanisms() const override {
    return {{"SCRAM-SHA-256", false}, {"PLAIN", true}, {"LOGIN", true}};
  }
  std::unique_ptr<AuthExchange> Begin(absl::string_view,
                                      const SharedSessionInfo&) override {
    return nullptr;
  }
};

TEST(OfferAuthTest, OffersNoSecretsWithoutTls) {
  AuthOptions options;
  ServerConfig config;
  ASSERT_TRUE(OfferAuth(FakeBackend(), options, {}, &config).ok());
  EXPECT_EQ(absl::StrJoin(config.mechanisms, " "), "SCRAM-SHA-256 PLAIN LOGIN");
  EXPECT_EQ(absl::StrJoin(config.mechanisms_without_tls, " "), "SCRAM-SHA-256");
  options.insecure = true;
  ASSERT_TRUE(OfferAuth(FakeBackend(), options, {}, &config).ok());
  EXPECT_EQ(config.mechanisms, config.mechanisms_without_tls);
}

TEST(OfferAuthTest, OffersAllowedMechanismsInTheirOrder) {
  AuthOptions options;
  ServerConfig config;
  ASSERT_TRUE(
      OfferAuth(FakeBackend(), options, {"PLAIN", "SCRAM-SHA-256"}, &config)
          .ok());
  EXPECT_EQ(absl::StrJoin(config.mechanisms, " "), "PLAIN SCRAM-SHA-256");
  EXPECT_EQ(absl::StrJoin(config.mechanisms_without_tls, " "), "SCRAM-SHA-256");
  EXPECT_EQ(OfferAuth(FakeBackend(), options, {"PLAIN", "CRAM-MD5"}, &config)
                .message(),
            "no --auth offers AUTH CRAM-MD5 here");
}

}  // namespace
}  // namespace postern::service
