// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/listen_option.h"

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "net/tls_settings.h"
#include "service/options.h"

namespace postern::programs {
namespace {

using net::TlsVersion;

// Returns the meaning of a listener as text, or the mistake.
std::string Meaning(const absl::StatusOr<ListenOption>& listen) {
  if (!listen.ok()) return std::string(listen.status().message());
  std::vector<std::string> parts = {listen->Where()};
  if (listen->options.tls) parts.push_back("tls-first");
  if (listen->options.proxy) parts.push_back("proxy");
  if (listen->lmtp) parts.push_back("lmtp");
  if (listen->require_tls) parts.push_back("530-before-tls");
  if (listen->no_tls) parts.push_back("no-tls");
  if (listen->auth) parts.push_back("auth");
  if (listen->require_auth) parts.push_back("530-before-auth");
  for (const std::string& each : listen->mechanisms) parts.push_back(each);
  if (listen->min_version) {
    parts.push_back(
        absl::StrCat("min-", static_cast<int>(*listen->min_version)));
  }
  if (listen->ciphers) parts.push_back(*listen->ciphers);
  if (listen->tickets) parts.push_back(*listen->tickets ? "yes" : "no");
  for (const net::TlsFiles& each : listen->certificates) {
    parts.push_back(absl::StrCat(each.chain_file, "&", each.key_file));
  }
  if (listen->client_ca)
    parts.push_back(absl::StrCat("ca:", *listen->client_ca));
  return absl::StrJoin(parts, " ");
}

std::string Meaning(absl::string_view text) {
  return Meaning(ListenOption::Parse(text));
}

TEST(ListenOptionTest, SectionHasAKeyForEachWord) {
  const struct {
    std::vector<service::OptionValue::Key> keys;
    const char* meaning;
  } kCases[] = {
      {{}, "192.0.2.1:587"},
      {{{"tls", "yes", ""}, {"submission", "true", ""}},
       "192.0.2.1:587 tls-first auth 530-before-auth"},
      {{{"lmtp", "no", ""}, {"proxy", "off", ""}}, "192.0.2.1:587"},
      {{{"auth", "yes", ""}}, "192.0.2.1:587 auth"},
      {{{"auth", "no", ""}}, "192.0.2.1:587"},
      {{{"auth", "plain+cram-md5", ""}}, "192.0.2.1:587 auth PLAIN CRAM-MD5"},
      {{{"cert", "/a,b", ""}, {"key", "/c", ""}}, "192.0.2.1:587 /a,b&/c"},
      {{{"tls", "no", ""}},
       "192.0.2.1:587: tls: cannot be no; write no-tls = yes, or leave it out"},
      {{{"tickets", "0", ""}},
       "192.0.2.1:587: tickets: cannot be no; write no-tickets = yes, or leave "
       "it out"},
      {{{"proxy", "maybe", ""}},
       "192.0.2.1:587: proxy: yes or no, not \"maybe\""},
      {{{"cert", "", ""}}, "192.0.2.1:587: cert: the value is empty"},
      {{{"tls", "yes", ""}, {"tls", "yes", ""}},
       "192.0.2.1:587: tls is given twice"},
      {{{"tls", "yes", ""}, {"no-tls", "yes", ""}},
       "192.0.2.1:587: tls contradicts no-tls"},
      {{{"max-errors", "1", ""}}, "192.0.2.1:587: unknown word max-errors"},
  };
  for (const auto& [keys, meaning] : kCases) {
    service::OptionValue section;
    section.text = "192.0.2.1:587";
    section.is_section = true;
    section.keys = keys;
    EXPECT_EQ(Meaning(ListenOption::ParseSection(section)), meaning);
  }
}

TEST(ListenOptionTest, HasAnAddressAndWords) {
  const struct {
    const char* text;
    const char* meaning;
  } kCases[] = {
      {"192.0.2.1:25", "192.0.2.1:25"},
      {"[2001:db8::1]:25,tls", "[2001:db8::1]:25 tls-first"},
      {"unix:/run/p,proxy", "unix:/run/p proxy"},
      {"systemd:smtp,require-tls", "systemd:smtp 530-before-tls"},
      {"1.2.3.4:25,auth", "1.2.3.4:25 auth"},
      {"1.2.3.4:25,auth=plain+Login", "1.2.3.4:25 auth PLAIN LOGIN"},
      {"1.2.3.4:25,submission", "1.2.3.4:25 auth 530-before-auth"},
      {"1.2.3.4:25,submission,auth=plain",
       "1.2.3.4:25 auth 530-before-auth PLAIN"},
      {"1.2.3.4:24,lmtp", "1.2.3.4:24 lmtp"},
      {"unix:/run/p,lmtp", "unix:/run/p lmtp"},
      {"1.2.3.4:25,no-tls", "1.2.3.4:25 no-tls"},
      {"1.2.3.4:25,tls-min=1.0", "1.2.3.4:25 min-0"},
      {"1.2.3.4:25,tls-min=1.3", "1.2.3.4:25 min-3"},
      {"1.2.3.4:25,ciphers=ECDHE+AES:AES128-SHA:@SECLEVEL=0",
       "1.2.3.4:25 ECDHE+AES:AES128-SHA:@SECLEVEL=0"},
      {"1.2.3.4:25,tickets", "1.2.3.4:25 yes"},
      {"1.2.3.4:25,no-tickets", "1.2.3.4:25 no"},
      {"1.2.3.4:25,cert=/a,cert=/b", "1.2.3.4:25 /a&/a /b&/b"},
      {"1.2.3.4:25,cert=/a,cert=/b,key=/c,key=/d", "1.2.3.4:25 /a&/c /b&/d"},
      {"1.2.3.4:25,client-ca=/a", "1.2.3.4:25 ca:/a"},
      {"1.2.3.4:25,no-client-ca", "1.2.3.4:25 ca:"},
  };
  for (const auto& c : kCases) EXPECT_EQ(Meaning(c.text), c.meaning);
}

TEST(ListenOptionTest, ErrorNamesTheInvalidWord) {
  const struct {
    const char* words;
    const char* mistake;
  } kCases[] = {
      {"", "unknown word "},
      {"TLS", "unknown word TLS"},
      {"starttls=1", "unknown word starttls=1"},
      {"tls=1", "tls has no value: tls=1"},
      {"proxy=", "proxy has no value: proxy="},
      {"tls-min", "tls-min: the value is empty"},
      {"ciphers=", "ciphers: the value is empty"},
      {"cert=", "cert: the value is empty"},
      {"client-ca=", "client-ca: the value is empty"},
      {"auth=", "auth: the value is empty"},
      {"auth=PLAIN+", "a mechanism is empty: auth=PLAIN+"},
      {"tls-min=1.4", "tls-min: 1.0, 1.1, 1.2 or 1.3, not \"1.4\""},
      {"tls-min=TLSv1.2", "tls-min: 1.0, 1.1, 1.2 or 1.3, not \"TLSv1.2\""},
      {"tls,tls", "tls is given twice"},
      {"ciphers=HIGH,ciphers=LOW", "ciphers is given twice"},
      {"cert=/a,key=/b,key=/c", "key: needs as many as cert, or none"},
      {"key=/b", "key: needs as many as cert, or none"},
      {"tickets,no-tickets", "tickets contradicts no-tickets"},
      {"no-tls,tls", "tls contradicts no-tls"},
      {"no-tls,require-tls", "require-tls contradicts no-tls"},
      {"no-tls,tls-min=1.0", "tls-min contradicts no-tls"},
      {"no-tls,ciphers=HIGH", "ciphers contradicts no-tls"},
      {"no-tls,cert=/a", "cert contradicts no-tls"},
      {"lmtp", "lmtp: port 25 is SMTP's"},
      {"lmtp=1", "lmtp has no value: lmtp=1"},
      {"client-ca=/a,no-client-ca", "client-ca contradicts no-client-ca"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Meaning(absl::StrCat("1.2.3.4:25,", c.words)),
              absl::StrCat("1.2.3.4:25: ", c.mistake));
  }
  EXPECT_NE(ListenOption::Parse("").status().message(), "");
  EXPECT_NE(ListenOption::Parse("systemd:").status().message(), "");
  EXPECT_NE(ListenOption::Parse("nowhere").status().message(), "");
}

// Words override the options of the program.
TEST(ListenOptionTest, WordsOverrideTheOptionsOfTheProgram) {
  service::CertificateOptions options;
  options.certificates = {{"/all", "/all.key"}};
  options.client_ca = "/ca";
  options.tls.min_version = TlsVersion::kTls11;
  options.tls.ciphers = "HIGH";

  const auto plain = ListenOption::Parse("1.2.3.4:25");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->Tls(options),
            (net::TlsSettings{TlsVersion::kTls11, "HIGH", false}));
  EXPECT_EQ(plain->Certificates(options)[0].key_file, "/all.key");
  EXPECT_EQ(plain->ClientCa(options), "/ca");
  EXPECT_TRUE(plain->HasTls(options));
  EXPECT_FALSE(plain->HasTls({}));
  EXPECT_FALSE(plain->WantsTls());

  const auto own = ListenOption::Parse(
      "1.2.3.4:25,tls-min=1.3,ciphers=aRSA,cert=/own,client-ca=/other");
  ASSERT_TRUE(own.ok());
  EXPECT_EQ(own->Tls(options),
            (net::TlsSettings{TlsVersion::kTls13, "aRSA", false}));
  ASSERT_EQ(own->Certificates(options).size(), 1u);
  EXPECT_EQ(own->Certificates(options)[0].chain_file, "/own");
  EXPECT_EQ(own->ClientCa(options), "/other");
  EXPECT_TRUE(own->HasTls({}));

  const auto none = ListenOption::Parse("1.2.3.4:25,no-tls");
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->HasTls(options));
  const auto nobody = ListenOption::Parse("1.2.3.4:25,no-client-ca");
  ASSERT_TRUE(nobody.ok());
  EXPECT_EQ(nobody->ClientCa(options), "");
}

TEST(ListenOptionTest, SendsTicketsWhereAuthIsRequired) {
  const struct {
    const char* words;
    bool tickets;
  } kCases[] = {
      {"", false},
      {",auth", false},
      {",tls", false},
      {",submission", true},
      {",submission,no-tickets", false},
      {",no-tickets,submission", false},
      {",tickets", true},
  };
  for (const auto& c : kCases) {
    const auto listen = ListenOption::Parse(absl::StrCat("1.2.3.4:1", c.words));
    ASSERT_TRUE(listen.ok()) << c.words;
    EXPECT_EQ(listen->Tls({}).tickets, c.tickets) << c.words;
  }
}

TEST(ListenOptionTest, RecognizesWordsThatNeedTls) {
  for (const char* word :
       {"tls", "require-tls", "tls-min=1.3", "ciphers=HIGH", "tickets",
        "no-tickets", "client-ca=/a", "no-client-ca"}) {
    const auto listen = ListenOption::Parse(absl::StrCat("1.2.3.4:1,", word));
    ASSERT_TRUE(listen.ok()) << word;
    EXPECT_TRUE(listen->WantsTls()) << word;
  }
  for (const char* word : {"proxy", "auth", "submission", "no-tls"}) {
    const auto listen = ListenOption::Parse(absl::StrCat("1.2.3.4:1,", word));
    ASSERT_TRUE(listen.ok()) << word;
    EXPECT_FALSE(listen->WantsTls()) << word;
  }
}

}  // namespace
}  // namespace postern::programs
