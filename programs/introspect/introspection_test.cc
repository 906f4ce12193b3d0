// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/introspect/introspection.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern::programs {
namespace {

// Returns the identity, "no" or "no answer".
std::string Read(absl::string_view json, const IntrospectionRules& rules) {
  const absl::StatusOr<std::string> identity = ReadIntrospection(json, rules);
  if (identity.ok()) return *identity;
  if (absl::IsPermissionDenied(identity.status())) return "no";
  EXPECT_TRUE(absl::IsDataLoss(identity.status())) << identity.status();
  return "no answer";
}

TEST(IntrospectionTest, ReturnsTheUserOfTheToken) {
  const struct {
    absl::string_view json;
    absl::string_view result;
    absl::string_view claim = "username";
    absl::string_view scope = "";
  } cases[] = {
      // Examples of RFC 7662 2.2.
      {R"({"active": true, "client_id": "l238j323ds-23ij4",
           "username": "jdoe", "scope": "read write dolphin",
           "sub": "Z5O3upPC88QrAjx00dis", "extension_field": "twenty-seven"})",
       "jdoe"},
      {R"({"active": false})", "no"},
      {R"({"active":true,"sub":"s","username":"u"})", "s", "sub"},
      {R"({"active":true,"email":"u@x","username":"u"})", "u@x", "email"},
      {R"({"active":true,"email":"u@x","email_verified":true})", "u@x",
       "email"},
      {R"({"active":true,"email":"u@x","email_verified":"true"})", "u@x",
       "email"},
      {R"({"active":true,"email":"u@x","email_verified":false})", "no",
       "email"},
      {R"({"active":true,"email":"u@x","email_verified":"false"})", "no",
       "email"},
      {R"({"active":true,"email":"u@x","email_verified":1})", "no", "email"},
      {R"({"active":true,"username":"u","email_verified":false})", "u"},
      {R"({"active":true,"username":"u"})", "no", "email"},
      {R"({"active":true})", "no"},
      {R"({"active":false,"username":"u"})", "no"},
      {R"({"active":true,"username":"u","scope":"a smtp b"})", "u", "username",
       "smtp"},
      {R"({"active":true,"username":"u","scope":"smtp"})", "u", "username",
       "smtp"},
      {R"({"active":true,"username":"u","scope":"smtps asmtp"})", "no",
       "username", "smtp"},
      {R"({"active":true,"username":"u","scope":""})", "no", "username",
       "smtp"},
      {R"({"active":true,"username":"u"})", "no", "username", "smtp"},
      {R"({"active":true,"username":"u","scope":["smtp"]})", "no answer",
       "username", "smtp"},
      {R"({"active":true,"username":"\u00fc"})", "\xc3\xbc"},
      {R"({"active":"true","username":"u"})", "no answer"},
      {R"({"active":1,"username":"u"})", "no answer"},
      {R"({"username":"u"})", "no answer"},
      {R"({"active":true,"username":7})", "no answer"},
      {R"({"active":true,"username":null})", "no answer"},
      {R"({"active":true,"username":""})", "no answer"},
      {R"({"active":true,"username":"a\nb"})", "no answer"},
      {R"({"active":true,"username":"a\u0000"})", "no answer"},
      {R"([{"active":true,"username":"u"}])", "no answer"},
      {R"({"active":true,"username":"u"})"
       "x",
       "no answer"},
      {R"({"active":true,"username":"u")", "no answer"},
      {"{\"active\":true,\"username\":\"\xff\"}", "no answer"},
      {"true", "no answer"},
      {"<html>", "no answer"},
      {"", "no answer"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Read(c.json, {.claim = std::string(c.claim),
                            .scope = std::string(c.scope)}),
              c.result)
        << std::string(c.json);
  }
}

TEST(IntrospectionTest, AcceptsOnlyBearerAccessTokens) {
  const struct {
    absl::string_view members;
    absl::string_view result;
  } cases[] = {
      {R"("token_type":"Bearer")", "u"},
      {R"("token_type":"bearer")", "u"},
      {R"("token_type":"access_token")", "u"},
      {R"("token_type":"urn:ietf:params:oauth:token-type:access_token")", "u"},
      {R"("token_type":"refresh_token")", "no"},
      {R"("token_type":"id_token")", "no"},
      {R"("token_type":"urn:ietf:params:oauth:token-type:refresh_token")",
       "no"},
      {R"("token_type":"DPoP")", "no"},
      {R"("token_type":"mac")", "no"},
      {R"("token_type":"N_A")", "no"},
      {R"("token_type":"Bearer x")", "no"},
      {R"("token_type":"")", "no"},
      {R"("token_type":null)", "no answer"},
      {R"("token_type":["Bearer"])", "no answer"},
      {R"("token_use":"access")", "u"},
      {R"("token_use":"access_token","token_type":"Bearer")", "u"},
      {R"("token_use":"refresh_token","token_type":"Bearer")", "no"},
      {R"("token_use":"id")", "no"},
      {R"("token_use":7)", "no answer"},
      {R"("typ":"Bearer")", "u"},
      {R"("typ":"at+jwt")", "u"},
      {R"("typ":"application/at+JWT")", "u"},
      {R"("typ":"Refresh","token_type":"Bearer")", "no"},
      {R"("typ":"Offline")", "no"},
      {R"("typ":"ID")", "no"},
      {R"("typ":true)", "no answer"},
      {R"("cnf":{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"})", "no"},
      {R"("cnf":null)", "no"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(
        Read(absl::StrCat(R"({"active":true,"username":"u",)", c.members, "}"),
             {}),
        c.result)
        << std::string(c.members);
  }
}

TEST(IntrospectionTest, RequiresTheConfiguredAudience) {
  const struct {
    absl::string_view members;
    absl::string_view result;
  } cases[] = {
      {R"(,"aud":"mail")", "u"},
      {R"(,"aud":["calendar","mail"])", "u"},
      {R"(,"aud":["mail"])", "u"},
      {R"(,"aud":"calendar")", "no"},
      {R"(,"aud":"Mail")", "no"},
      {R"(,"aud":"mail calendar")", "no"},
      {R"(,"aud":["calendar","mailbox"])", "no"},
      {R"(,"aud":[])", "no"},
      {R"(,"aud":"")", "no"},
      {"", "no"},
      {R"(,"aud":null)", "no answer"},
      {R"(,"aud":7)", "no answer"},
      {R"(,"aud":["mail",7])", "no answer"},
      {R"(,"aud":[["mail"]])", "no answer"},
      {R"(,"aud":{"mail":true})", "no answer"},
  };
  for (const auto& c : cases) {
    const std::string json =
        absl::StrCat(R"({"active":true,"username":"u")", c.members, "}");
    EXPECT_EQ(Read(json, {.audience = "mail"}), c.result) << json;
    EXPECT_EQ(Read(json, {}), "u") << json;
  }
}

TEST(IntrospectionTest, DeepNestingIsHarmless) {
  EXPECT_EQ(Read(std::string(1 << 16, '['), {}), "no answer");
  EXPECT_EQ(
      Read(absl::StrCat(R"({"active":true,"username":"u","x":)",
                        std::string(30000, '['), std::string(30000, ']'), "}"),
           {}),
      "u");
}

}  // namespace
}  // namespace postern::programs
