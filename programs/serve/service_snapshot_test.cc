// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/service_snapshot.h"

#include <stdlib.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "net/test_certificates.h"

namespace postern::programs {
namespace {

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

  // Sets `log_` to the lines that are logged.
  absl::StatusOr<std::shared_ptr<const ServiceSnapshot>> Read() {
    testing::internal::CaptureStderr();
    auto snapshot = ServiceSnapshot::Read(
        options_, {.run = [](auto task) { std::move(task)(); },
                   .guard =
                       [this](std::shared_ptr<auth::Backend>) {
                         guarded_ = true;
                         return std::shared_ptr<Authenticator>();
                       }});
    log_ = testing::internal::GetCapturedStderr();
    return snapshot;
  }
  std::string Mistake() { return std::string(Read().status().message()); }

  net::TestCertificates certificates_;
  files::TestDirectory folder_;
  ServeOptions options_;
  std::string log_;
  bool guarded_ = false;
};

TEST_F(ServiceSnapshotTest, WithoutCertificatesThereIsNoTls) {
  Listen({"25"});
  const auto snapshot = Read();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  ASSERT_EQ((*snapshot)->listeners.size(), 1u);
  const ServiceSnapshot::Listener& listener = (*snapshot)->listeners[0];
  EXPECT_EQ(listener.tls, nullptr);
  EXPECT_FALSE(listener.config.offer_starttls);
  EXPECT_FALSE(listener.config.require_tls);
  EXPECT_FALSE(listener.config.require_auth);
  EXPECT_TRUE(listener.config.mechanisms.empty());
  EXPECT_EQ(listener.config.greeting, "mx.example.org");
  EXPECT_EQ((*snapshot)->mail.host_name, "mx.example.org");
  EXPECT_FALSE((*snapshot)->mail.runs_programs);
  EXPECT_FALSE(guarded_);
}

TEST_F(ServiceSnapshotTest, EachListenerHasItsOwnTlsAndAuth) {
  options_.certificates = {certificates_.Make("all", {})};
  HaveUsers();
  Listen({"25", "465,tls", "26,require-tls", "27,no-tls", "587,submission",
          "588,auth"});
  const auto snapshot = Read();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_TRUE(guarded_);
  EXPECT_TRUE((*snapshot)->mail.runs_programs);
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
  const std::vector<ServiceSnapshot::Listener>& listeners =
      (*snapshot)->listeners;
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

TEST_F(ServiceSnapshotTest, WarnsOnceAboutACertificate) {
  const net::TlsFiles old =
      certificates_.Make("old", {.first_day = -3, .last_day = -2});
  const net::TlsFiles older =
      certificates_.Make("older", {.first_day = -4, .last_day = -3});
  options_.certificates = {old};
  Listen({"25", "587",
          absl::StrCat("465,tls,cert=", older.chain_file,
                       ",key=", older.key_file)});
  ASSERT_TRUE(Read().ok());
  for (const net::TlsFiles& each : {old, older}) {
    const std::string warning =
        absl::StrCat(each.chain_file, ": the certificate has expired");
    const size_t place = log_.find(warning);
    EXPECT_NE(place, std::string::npos) << log_;
    EXPECT_EQ(log_.find(warning, place + 1), std::string::npos) << log_;
  }
}

TEST_F(ServiceSnapshotTest, WarnsIfAuthLacksPlainWithoutACertificate) {
  HaveUsers();
  options_.auth.cram_md5 =
      auth::CheckpasswordOptions::CramMd5::kChallengeResponse;
  Listen({"587,submission"});
  ASSERT_TRUE(Read().ok());
  EXPECT_TRUE(absl::StrContains(
      log_,
      "--listen: 127.0.0.1:587: without a certificate AUTH has only CRAM-MD5, "
      "which many clients do not know"))
      << log_;
  options_.certificates = {certificates_.Make("good", {})};
  ASSERT_TRUE(Read().ok());
  EXPECT_FALSE(absl::StrContains(log_, "many clients")) << log_;
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
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ((*snapshot)->listeners[0].config.max_message_size, 50u << 20);
  folder_.Write("databytes", "1000\n");
  snapshot = Read();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ((*snapshot)->listeners[0].config.max_message_size, 1000u);
  setenv("DATABYTES", "2000", /*overwrite=*/1);
  snapshot = Read();
  unsetenv("DATABYTES");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ((*snapshot)->listeners[0].config.max_message_size, 2000u);
}

}  // namespace
}  // namespace postern::programs
