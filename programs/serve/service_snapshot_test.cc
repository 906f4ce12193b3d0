// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/service_snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "engine/ask.h"
#include "engine/grammar/extension.h"
#include "engine/session_info.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/test_certificates.h"
#include "programs/serve/certificate_watch.h"
#include "programs/serve/partial.h"

namespace postern::programs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Severity = service::Finding::Severity;

class ServiceSnapshotTest : public testing::Test {
 protected:
  ServiceSnapshotTest() {
    unsetenv("DATABYTES");
    folder_.Write("me", "mx.example.org\n");
    folder_.Write("rcpthosts", "local.example\n");
    options_.control = folder_.path();
    options_.deliver = "discard";
  }

  void Listen(const std::vector<std::string>& listens) {
    options_.listen.clear();
    for (const std::string& text : listens) {
      auto listen = ListenOption::Parse(absl::StrCat("127.0.0.1:", text));
      ASSERT_TRUE(listen.ok()) << listen.status();
      options_.listen.push_back(*std::move(listen));
    }
  }

  void HaveUsers() {
    service::AuthSpec spec;
    spec.kind = service::AuthSpec::Kind::kCheckpassword;
    spec.command = {"/bin/checkpassword", "/bin/true"};
    options_.auth.specs = {spec};
  }

  // Sets `findings_` to the findings.
  std::shared_ptr<const ServiceSnapshot> Read() {
    findings_ = {};
    auto snapshot =
        ServiceSnapshot::Read(options_,
                              {.run = [](auto task) { std::move(task)(); },
                               .guard =
                                   [this](std::shared_ptr<auth::Backend>) {
                                     guarded_ = true;
                                     return std::shared_ptr<Authenticator>();
                                   }},
                              &findings_);
    EXPECT_EQ(snapshot == nullptr, findings_.prevent_start());
    return snapshot;
  }
  // Returns the texts of findings.
  std::vector<std::string> Texts(Severity severity) const {
    std::vector<std::string> texts;
    for (const service::Finding& finding : findings_.all()) {
      if (finding.severity == severity) texts.push_back(finding.Text());
    }
    return texts;
  }
  // Returns the only error, or "".
  std::string Mistake() {
    (void)Read();  // the findings say all
    const std::vector<std::string> errors = Texts(Severity::kError);
    EXPECT_LE(errors.size(), 1u);
    return errors.empty() ? "" : errors[0];
  }

  net::TestCertificates certificates_;
  files::TestDirectory folder_;
  ServeOptions options_;
  service::Findings findings_;
  bool guarded_ = false;
};

TEST_F(ServiceSnapshotTest, WithoutCertificatesThereIsNoTls) {
  Listen({"25"});
  const auto snapshot = Read();
  ASSERT_NE(snapshot, nullptr);
  ASSERT_EQ(snapshot->listeners.size(), 1u);
  const ServiceSnapshot::Listener& listener = snapshot->listeners[0];
  EXPECT_EQ(listener.tls, nullptr);
  EXPECT_FALSE(listener.config.offer_starttls);
  EXPECT_FALSE(listener.config.require_tls);
  EXPECT_FALSE(listener.config.require_auth);
  EXPECT_TRUE(listener.config.mechanisms.empty());
  EXPECT_EQ(listener.config.greeting, "mx.example.org");
  EXPECT_EQ(snapshot->mail.host_name, "mx.example.org");
  EXPECT_FALSE(snapshot->mail.runs_programs);
  EXPECT_FALSE(guarded_);
}

TEST_F(ServiceSnapshotTest, EachListenerHasItsOwnTlsAndAuth) {
  options_.certificates = {certificates_.Make("all", {})};
  HaveUsers();
  Listen({"25", "465,tls", "26,require-tls", "27,no-tls", "587,submission",
          "588,auth"});
  const auto snapshot = Read();
  ASSERT_NE(snapshot, nullptr);
  EXPECT_TRUE(guarded_);
  EXPECT_TRUE(snapshot->mail.runs_programs);
  const struct {
    bool tls;
    bool offer_starttls;
    bool require_tls;
    bool auth;
    bool require_auth;
  } kExpected[] = {
      {true, true, false, false, false}, {true, false, false, false, false},
      {true, true, true, false, false},  {false, false, false, false, false},
      {true, true, false, true, true},   {true, true, false, true, false},
  };
  const std::vector<ServiceSnapshot::Listener>& listeners = snapshot->listeners;
  ASSERT_EQ(listeners.size(), std::size(kExpected));
  for (size_t i = 0; i < listeners.size(); ++i) {
    const ServerConfig& config = listeners[i].config;
    EXPECT_EQ(listeners[i].tls != nullptr, kExpected[i].tls) << i;
    EXPECT_EQ(config.offer_starttls, kExpected[i].offer_starttls) << i;
    EXPECT_EQ(config.require_tls, kExpected[i].require_tls) << i;
    EXPECT_EQ(!config.mechanisms.empty(), kExpected[i].auth) << i;
    EXPECT_EQ(config.require_auth, kExpected[i].require_auth) << i;
    EXPECT_TRUE(config.mechanisms_without_tls.empty()) << i;
    // A ticket of one listener is not valid at another.
    for (size_t other = 0; other < i; ++other) {
      EXPECT_TRUE(listeners[i].tls == nullptr ||
                  listeners[i].tls != listeners[other].tls);
    }
  }
}

// With the certificate, many senders still send mail, so the server starts.
TEST_F(ServiceSnapshotTest, AnExpiredCertificateIsAFault) {
  const net::TlsFiles old = certificates_.Make(
      "old",
      {.host_names = {"mx.example.org"}, .first_day = -3, .last_day = -2});
  const net::TlsFiles older = certificates_.Make(
      "older",
      {.host_names = {"mx.example.org"}, .first_day = -4, .last_day = -3});
  options_.certificates = {old};
  Listen({"25", "587",
          absl::StrCat("465,tls,cert=", older.chain_file,
                       ",key=", older.key_file)});
  ASSERT_NE(Read(), nullptr);
  EXPECT_THAT(Texts(Severity::kFault),
              ElementsAre(old.chain_file + ": the certificate has expired",
                          older.chain_file + ": the certificate has expired"));
  EXPECT_THAT(Texts(Severity::kWarning), IsEmpty());
}

TEST_F(ServiceSnapshotTest, WarnsBeforeACertificateExpires) {
  const struct {
    int last_day;
    const char* warning;
  } cases[] = {{1, ": the certificate expires in 1 day ("},
               {2, ": the certificate expires in 2 days ("},
               {14, ": the certificate expires in 14 days ("},
               {31, ""}};
  Listen({"25"});
  for (const auto& [last_day, warning] : cases) {
    const net::TlsFiles files = certificates_.Make(
        "soon", {.host_names = {"mx.example.org"}, .last_day = last_day});
    options_.certificates = {files};
    ASSERT_NE(Read(), nullptr);
    const std::vector<std::string> texts = Texts(Severity::kWarning);
    if (*warning == '\0') {
      EXPECT_THAT(texts, IsEmpty());
    } else {
      EXPECT_THAT(texts, ElementsAre(StartsWith(files.chain_file + warning)));
    }
  }
}

TEST_F(ServiceSnapshotTest, ARenewedPairIsUsedAsSoonAsItMatches) {
  const auto make = [this](const char* name) {
    return certificates_.Make(
        name, {.host_names = {"mx.example.org"}, .last_day = 90});
  };
  const net::TlsFiles live = make("live");
  const net::TlsFiles renewed = make("renewed");
  options_.certificates = {live};
  Listen({"25", "465,tls"});
  const auto first = Read();
  ASSERT_NE(first, nullptr);
  CertificateWatch watch(absl::Now());
  EXPECT_EQ(watch.Look(*first, absl::Now()).renewed, nullptr);
  // The key first, as a program that replaces one file after the other.
  ASSERT_EQ(rename(renewed.key_file.c_str(), live.key_file.c_str()), 0);
  const auto between = watch.Look(*first, absl::Now());
  EXPECT_EQ(between.renewed, nullptr);
  EXPECT_THAT(between.warnings,
              ElementsAre(StartsWith(live.key_file + ": not the key of ")));
  // It is tried again, and is not news.
  EXPECT_EQ(watch.Look(*first, absl::Now()).renewed, nullptr);
  EXPECT_THAT(watch.Look(*first, absl::Now()).warnings, IsEmpty());
  ASSERT_EQ(rename(renewed.chain_file.c_str(), live.chain_file.c_str()), 0);
  const auto after = watch.Look(*first, absl::Now());
  ASSERT_NE(after.renewed, nullptr);
  EXPECT_THAT(after.warnings, IsEmpty());
  EXPECT_EQ(after.renewed->listeners.size(), 2u);
  EXPECT_NE(after.renewed->listeners[0].tls, first->listeners[0].tls);
  EXPECT_EQ(after.renewed->listeners[0].outlet, first->listeners[0].outlet);
  EXPECT_EQ(watch.Look(*after.renewed, absl::Now()).renewed, nullptr);
}

// A renewed pair is tested as that of the start is.
TEST_F(ServiceSnapshotTest, TheFindingsAboutARenewedPairAreWarnings) {
  const net::TlsFiles live = certificates_.Make(
      "live", {.host_names = {"mx.example.org"}, .last_day = 90});
  const net::TlsFiles renewed = certificates_.Make(
      "renewed", {.host_names = {"other.example"}, .last_day = 3});
  options_.certificates = {live};
  Listen({"25"});
  const auto first = Read();
  ASSERT_NE(first, nullptr);
  CertificateWatch watch(absl::Now() - absl::Hours(25));
  ASSERT_EQ(rename(renewed.key_file.c_str(), live.key_file.c_str()), 0);
  ASSERT_EQ(rename(renewed.chain_file.c_str(), live.chain_file.c_str()), 0);
  ASSERT_EQ(chmod(live.key_file.c_str(), 0644), 0);
  const auto seen = watch.Look(*first, absl::Now());
  ASSERT_NE(seen.renewed, nullptr);
  EXPECT_THAT(
      seen.warnings,
      testing::UnorderedElementsAre(
          StartsWith(live.key_file + ": "),
          StartsWith(live.chain_file + ": the certificate expires in 3 days"),
          StartsWith(live.chain_file +
                     ": the certificate does not name mx.example.org")));
}

TEST_F(ServiceSnapshotTest, ARunningServerWarnsOfAnExpiryOnceADay) {
  const net::TlsFiles files = certificates_.Make(
      "soon", {.host_names = {"mx.example.org"}, .last_day = 20});
  options_.certificates = {files};
  Listen({"25", "587"});
  const auto snapshot = Read();
  ASSERT_NE(snapshot, nullptr);
  const absl::Time start = absl::Now();
  CertificateWatch watch(start);
  const auto warnings = [&](int hours) {
    return watch.Look(*snapshot, start + absl::Hours(hours)).warnings;
  };
  EXPECT_THAT(warnings(24 * 5), IsEmpty());
  EXPECT_THAT(warnings(24 * 7),
              ElementsAre(StartsWith(files.chain_file +
                                     ": the certificate expires in 13 days")));
  EXPECT_THAT(warnings(24 * 7 + 23), IsEmpty());
  EXPECT_THAT(warnings(24 * 8 + 1), testing::SizeIs(1));
  EXPECT_THAT(warnings(24 * 30),
              ElementsAre(files.chain_file + ": the certificate has expired"));
}

TEST_F(ServiceSnapshotTest, WarnsIfNoCertificateNamesTheHost) {
  const net::TlsFiles other = certificates_.Make(
      "other", {.host_names = {"mail.example.org"}, .last_day = 90});
  const net::TlsFiles right = certificates_.Make(
      "right", {.host_names = {"*.example.org"}, .last_day = 90});
  Listen({"25"});
  options_.certificates = {other};
  ASSERT_NE(Read(), nullptr);
  EXPECT_THAT(Texts(Severity::kWarning),
              ElementsAre(StartsWith(
                  other.chain_file +
                  ": the certificate does not name mx.example.org, ")));
  options_.certificates = {other, right};
  ASSERT_NE(Read(), nullptr);
  EXPECT_THAT(Texts(Severity::kWarning), IsEmpty());
}

TEST_F(ServiceSnapshotTest, WarnsIfAuthLacksPlainWithoutACertificate) {
  HaveUsers();
  options_.auth.cram_md5 =
      auth::CheckpasswordOptions::CramMd5::kChallengeResponse;
  Listen({"587,submission"});
  ASSERT_NE(Read(), nullptr);
  EXPECT_THAT(Texts(Severity::kWarning),
              ElementsAre("--listen: 127.0.0.1:587: without a certificate AUTH "
                          "has only CRAM-MD5, which many clients do not know"));
  options_.certificates = {certificates_.Make(
      "good", {.host_names = {"mx.example.org"}, .last_day = 90})};
  ASSERT_NE(Read(), nullptr);
  EXPECT_THAT(Texts(Severity::kWarning), IsEmpty());
}

TEST_F(ServiceSnapshotTest, AllErrorsAreFound) {
  const net::TlsFiles good = certificates_.Make("good", {});
  const net::TlsFiles other = certificates_.Make("other", {});
  HaveUsers();
  service::AuthSpec users;
  users.kind = service::AuthSpec::Kind::kCdb;
  users.text = "cdb:/none";
  options_.auth.specs.push_back(users);
  Listen({absl::StrCat("465,cert=", good.chain_file, ",key=", other.key_file),
          "25,cert=/missing,key=/missing"});
  folder_.Write("badhelo", "a(\n");
  folder_.Remove("rcpthosts");
  options_.deliver = "nowhere";
  options_.check_options["rcptcheck"] = {"relative"};
  options_.check_options["policy-server"] = {"inet:1"};
  EXPECT_EQ(Read(), nullptr);
  EXPECT_THAT(
      Texts(Severity::kError),
      ElementsAre(StartsWith(folder_.File("rcpthosts") + ": no such file; "),
                  StartsWith(folder_.File("badhelo") + ":1: "),
                  StartsWith("delivery \"nowhere\": not one of "),
                  "--auth cdb:/none: not in this program",
                  "--rcptcheck: not an absolute path: relative",
                  HasSubstr("--policy-server: \"inet:1\": "),
                  other.key_file + ": not the key of " + good.chain_file,
                  "/missing: No such file or directory"));
}

// What depends on the delivery is that of the listener's own destination.
TEST_F(ServiceSnapshotTest, EachListenerHasItsDestination) {
  options_.deliver = absl::StrCat("maildir:", folder_.path());
  options_.destinations = {{"out", "discard"},
                           {"queue", "qmail-queue:/bin/true"}};
  Listen({"25", "587,deliver=out", "588,deliver=queue"});
  const auto snapshot = Read();
  ASSERT_NE(snapshot, nullptr);
  const struct {
    const char* name;
    bool serves_remote;
    bool smtp_utf8;
  } cases[] = {{"", false, true}, {"out", true, true}, {"queue", true, false}};
  for (size_t i = 0; i < 3; ++i) {
    SCOPED_TRACE(i);
    const ServiceSnapshot::Listener& listener = snapshot->listeners[i];
    EXPECT_EQ(listener.outlet->destination.name, cases[i].name);
    EXPECT_EQ(listener.outlet->delivery->ServesRemote({"u", "x.example"}),
              cases[i].serves_remote);
    EXPECT_EQ(listener.config.carried.Has(Extension::kSmtpUtf8),
              cases[i].smtp_utf8);
    // The check no-relay asks the same delivery.
    auto info = std::make_shared<SessionInfo>();
    info->relay_client = "";
    const Ask ask{RequestId{}, Rcpt{{}, {"u", "x.example"}}};
    const auto verdict = listener.outlet->policy->Decide(
        ask, info, []() -> Policy::Done { return nullptr; });
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->rule(),
              cases[i].serves_remote ? "relayclient" : "no-relay");
  }
  // A program of any destination needs privileges.
  EXPECT_TRUE(snapshot->mail.runs_programs);
  // Without a resolver there is no address for a name.
  options_.destinations[0].spec = "smtp:relay.invalid";
  EXPECT_EQ(Read(), nullptr);
  EXPECT_THAT(Texts(Severity::kError),
              testing::Contains(
                  "--deliver out: smtp:relay.invalid: this server does not ask "
                  "DNS since its start; restart it, or write an address"));
  options_.destinations[0].spec = "discard";
  options_.destinations[1].spec = "queue";
  EXPECT_THAT(Mistake(), StartsWith("delivery \"queue\": not one of "));
  options_.deliver.clear();
  options_.destinations.clear();
  options_.listen.clear();
  EXPECT_EQ(Mistake(), "--deliver: there is no destination");
}

TEST_F(ServiceSnapshotTest, UnusedDestinationIsWarnedAbout) {
  options_.destinations = {{"in", "discard"}, {"out", "discard"}};
  Listen({"25", "26,deliver=in"});
  ASSERT_NE(Read(), nullptr);
  EXPECT_THAT(Texts(Severity::kWarning),
              ElementsAre("--deliver out: no listener and no route uses it"));
}

// A warning about --partial-delivery names the destinations that SMTP clients
// reach. LMTP clients get a reply for each recipient.
TEST_F(ServiceSnapshotTest, SmtpClientsOfAnLmtpServerAreWarnedAbout) {
  options_.deliver = "lmtp:unix:/a";
  options_.destinations = {{"boxes", "lmtp:unix:/b"}, {"out", "smtp:unix:/c"}};
  const struct {
    std::vector<std::string> listen;
    std::vector<std::string> places;
  } cases[] = {
      {{"24,lmtp,deliver=boxes", "587,deliver=out"}, {}},
      {{"24,lmtp", "25,deliver=boxes"}, {"--deliver boxes"}},
      {{"25", "24,lmtp,deliver=boxes"}, {"--deliver"}},
      {{"25", "26,deliver=boxes"}, {"--deliver", "--deliver boxes"}},
  };
  for (const auto& c : cases) {
    Listen(c.listen);
    service::Findings findings;
    TestPartial(options_, &findings);
    std::vector<std::string> places;
    for (const service::Finding& each : findings.all()) {
      places.push_back(each.where);
    }
    EXPECT_EQ(places, c.places);
  }
}

TEST_F(ServiceSnapshotTest, ErrorNamesTheMistake) {
  const net::TlsFiles good = certificates_.Make("good", {});
  const net::TlsFiles other = certificates_.Make("other", {});
  Listen({"25",
          absl::StrCat("465,cert=", good.chain_file, ",key=", other.key_file)});
  EXPECT_EQ(Mistake(),
            absl::StrCat(other.key_file, ": not the key of ", good.chain_file));
  Listen({"25"});
  options_.certificates = {{"/missing", "/missing"}};
  EXPECT_EQ(Mistake(), "/missing: No such file or directory");
  options_.certificates.clear();

  HaveUsers();
  Listen({"587,submission"});
  EXPECT_EQ(Mistake(),
            "--listen: 127.0.0.1:587: without a certificate or "
            "--auth-insecure there is no AUTH");
  options_.auth.insecure = true;
  EXPECT_EQ(Mistake(), "");
  options_.auth.insecure = false;
  options_.certificates = {good};
  EXPECT_EQ(Mistake(), "");
  Listen({"587,no-tls,submission"});
  EXPECT_EQ(Mistake(),
            "--listen: 127.0.0.1:587: without a certificate or "
            "--auth-insecure there is no AUTH");
  Listen({"587,auth=NTLM"});
  EXPECT_TRUE(absl::StartsWith(Mistake(), "--listen: 127.0.0.1:587: "))
      << Mistake();

  Listen({"25"});
  folder_.Write("me", "mx.example.org\rx\n");
  EXPECT_TRUE(absl::StartsWith(
      Mistake(), absl::StrCat(folder_.path(), "/smtpgreeting, or me: ")))
      << Mistake();
  folder_.Write("me", "mx.example.org\n");
  folder_.Remove("rcpthosts");
  EXPECT_TRUE(absl::StrContains(Mistake(), folder_.File("rcpthosts")))
      << Mistake();
  options_.open_relay = true;
  EXPECT_EQ(Mistake(), "");
  options_.deliver = "nowhere";
  EXPECT_NE(Mistake(), "");
}

TEST_F(ServiceSnapshotTest, EnvironmentMayLimitTheSize) {
  Listen({"25"});
  auto snapshot = Read();
  ASSERT_NE(snapshot, nullptr);
  EXPECT_EQ(snapshot->listeners[0].config.max_message_size, 50u << 20);
  folder_.Write("databytes", "1000\n");
  snapshot = Read();
  ASSERT_NE(snapshot, nullptr);
  EXPECT_EQ(snapshot->listeners[0].config.max_message_size, 1000u);
  setenv("DATABYTES", "2000", /*overwrite=*/1);
  snapshot = Read();
  unsetenv("DATABYTES");
  ASSERT_NE(snapshot, nullptr);
  EXPECT_EQ(snapshot->listeners[0].config.max_message_size, 2000u);
}

}  // namespace
}  // namespace postern::programs
