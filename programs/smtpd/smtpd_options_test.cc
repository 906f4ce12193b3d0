// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/smtpd/smtpd_options.h"

#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "net/tls_settings.h"
#include "programs/smtpd/handoff.h"

namespace postern::programs {
namespace {

class SmtpdOptionsTest : public testing::Test {
 protected:
  // Options are also read from variables, so the test starts without variables.
  void SetUp() override {
    clearenv();
    setenv("PATH", "/bin:/usr/bin", /*overwrite=*/1);
  }

  // Reads a command line. Sets `printed_` to the output and `exit_code_` to the
  // exit code.
  std::optional<SmtpdOptions> Read(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "postern-smtpd");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    exit_code_ = -1;
    auto options = ReadSmtpdOptions(static_cast<int>(argv.size()), argv.data(),
                                    &exit_code_);
    printed_ = testing::internal::GetCapturedStdout() +
               testing::internal::GetCapturedStderr();
    return options;
  }

  int exit_code_ = -1;
  std::string printed_;
};

TEST_F(SmtpdOptionsTest, HasDefaults) {
  const auto options = Read({});
  ASSERT_TRUE(options);
  EXPECT_EQ(exit_code_, 0);
  EXPECT_EQ(printed_, "");
  EXPECT_EQ(options->control, "/var/qmail/control");
  EXPECT_EQ(options->deliver, "qmail-queue");
  EXPECT_EQ(options->databytes, 0u);  // no limit, as in qmail-smtpd
  EXPECT_EQ(options->max_recipients, 10000);
  EXPECT_EQ(options->max_errors, 100);
  EXPECT_EQ(options->max_invalid_recipients, 0);
  EXPECT_FALSE(options->submission);
  EXPECT_FALSE(options->tls_wrapped);
  EXPECT_FALSE(options->tls_outside);
  EXPECT_FALSE(options->require_tls);
  EXPECT_FALSE(options->handoff);
  EXPECT_TRUE(options->auth.specs.empty());
  EXPECT_TRUE(options->certificates.empty());
}

// tcpserver can be configured to pass no local name.
TEST_F(SmtpdOptionsTest, NeedsNoProgramName) {
  int exit_code = -1;
  EXPECT_TRUE(ReadSmtpdOptions(0, nullptr, &exit_code));
  EXPECT_EQ(exit_code, 0);
}

TEST_F(SmtpdOptionsTest, ReadsEachOption) {
  auto options =
      Read({"--tls-cert=/a", "--tls-min=1.0", "--tls-ciphers=AES128-SHA",
            "--require-tls", "--tls-wrapped", "--max-recipients=7",
            "--max-errors=8", "--submission", "--auth=cdb:/users"});
  ASSERT_TRUE(options) << printed_;
  ASSERT_EQ(options->certificates.size(), 1u);
  EXPECT_EQ(options->tls.min_version, net::TlsVersion::kTls10);
  EXPECT_EQ(options->tls.ciphers, "AES128-SHA");
  EXPECT_TRUE(options->require_tls);
  EXPECT_TRUE(options->tls_wrapped);
  EXPECT_FALSE(options->tls_outside);
  EXPECT_EQ(options->max_recipients, 7);
  EXPECT_EQ(options->max_errors, 8);
  EXPECT_TRUE(options->submission);

  options = Read({"--tls-outside"});
  ASSERT_TRUE(options) << printed_;
  EXPECT_TRUE(options->tls_outside);
  EXPECT_FALSE(options->tls_wrapped);
  EXPECT_FALSE(options->require_tls);
  EXPECT_FALSE(options->submission);
}

TEST_F(SmtpdOptionsTest, ReadsTheArgumentsOfAPatchedQmail) {
  const auto options =
      Read({"--submission", "mx.example.org", "/bin/sh", "/bin/true"});
  ASSERT_TRUE(options) << printed_;
  ASSERT_EQ(options->auth.specs.size(), 1u);
  EXPECT_EQ(options->auth.specs[0].kind,
            service::AuthSpec::Kind::kCheckpassword);
  EXPECT_EQ(options->auth.specs[0].text, "mx.example.org /bin/sh /bin/true");
  EXPECT_EQ(options->auth.specs[0].host, "mx.example.org");
  EXPECT_EQ(options->auth.specs[0].command,
            (std::vector<std::string>{"/bin/sh", "/bin/true"}));
}

TEST_F(SmtpdOptionsTest, ReadsAHandoff) {
  Handoff handoff;
  handoff.began = 12345;
  handoff.hello_name = "client.example";
  const auto options =
      Read({absl::StrCat("--handoff=", StoreHandoff(handoff)->Release())});
  ASSERT_TRUE(options) << printed_;
  ASSERT_TRUE(options->handoff);
  EXPECT_TRUE(*options->handoff == handoff);
}

TEST_F(SmtpdOptionsTest, ErrorNamesTheMistake) {
  const struct {
    std::vector<std::string> arguments;
    const char* mistake;
  } kCases[] = {
      {{"--submission"}, "--submission: needs a CHECKER, or --auth"},
      {{"--tls-wrapped"}, "--tls-wrapped: needs --tls-cert"},
      {{"--tls-min=1.0"}, "--tls-min: needs --tls-cert"},
      {{"--tls-ciphers=HIGH"}, "--tls-ciphers: needs --tls-cert"},
      {{"--client-ca=/ca"}, "--client-ca: needs --tls-cert"},
      {{"--tls-cert=/a", "--tls-wrapped", "--tls-outside"},
       "--tls-outside: not with --tls-wrapped"},
      {{"--tls-key=/a"}, "--tls-key: needs as many as --tls-cert, or none"},
      {{"--handoff=nonsense"}, "--handoff: "},
      {{"--handoff=1000000"}, "--handoff: descriptor 1000000"},
      {{"/no/such/checker", "/bin/true"}, ""},
      {{"--listen=127.0.0.1:0"}, "unknown option --listen"},
      {{"--max-errors=0"}, "--max-errors: 1 to 1000000"},
  };
  for (const auto& c : kCases) {
    EXPECT_FALSE(Read(c.arguments)) << c.mistake;
    EXPECT_EQ(exit_code_, 100) << c.mistake;
    EXPECT_TRUE(
        absl::StartsWith(printed_, absl::StrCat("postern-smtpd: ", c.mistake)))
        << printed_;
  }
}

TEST_F(SmtpdOptionsTest, HelpAndVersionExitWithZero) {
  EXPECT_FALSE(Read({"--help"}));
  EXPECT_EQ(exit_code_, 0);
  EXPECT_TRUE(absl::StrContains(printed_, "--tls-ciphers LIST")) << printed_;
  // --handoff is an internal option.
  EXPECT_FALSE(absl::StrContains(printed_, "handoff")) << printed_;
  EXPECT_FALSE(Read({"--version"}));
  EXPECT_EQ(exit_code_, 0);
  EXPECT_TRUE(absl::StartsWith(printed_, "postern-smtpd ")) << printed_;
}

}  // namespace
}  // namespace postern::programs
