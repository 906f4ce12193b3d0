// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/serve_options.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/finding.h"
#include "service/options.h"

namespace postern::programs {
namespace {

constexpr char kHere[] = "--listen=127.0.0.1:0";

class ServeOptionsTest : public testing::Test {
 protected:
  // Options are also read from variables, so the test starts without variables.
  void SetUp() override { clearenv(); }

  // Reads a command line. Sets `printed_` to the output and `exit_code_` to the
  // exit code.
  std::optional<ServeOptions> Read(std::vector<std::string> arguments) {
    arguments_ = std::move(arguments);
    const bool has_file = std::any_of(
        arguments_.begin(), arguments_.end(),
        [](const auto& each) { return absl::StartsWith(each, "--config"); });
    // A file of this host must not change a result.
    if (!has_file && default_file_.empty())
      arguments_.insert(arguments_.begin(), "--config=none");
    argv_.clear();
    for (std::string& argument : arguments_) argv_.push_back(argument.data());
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    exit_code_ = -1;
    configuration_ =
        default_file_.empty()
            ? ServeConfiguration::Read(argv_, &exit_code_)
            : ServeConfiguration::Read(argv_, &exit_code_, default_file_);
    printed_ = testing::internal::GetCapturedStdout() +
               testing::internal::GetCapturedStderr();
    if (configuration_ == nullptr) return std::nullopt;
    return configuration_->options();
  }

  std::vector<std::string> arguments_;
  std::vector<const char*> argv_;
  std::string default_file_;  // empty: none is read
  std::unique_ptr<const ServeConfiguration> configuration_;
  int exit_code_ = -1;
  std::string printed_;
};

TEST_F(ServeOptionsTest, HasDefaults) {
  const auto options = Read({kHere});
  ASSERT_TRUE(options);
  EXPECT_EQ(exit_code_, 0);
  EXPECT_EQ(printed_, "");
  ASSERT_EQ(options->listen.size(), 1u);
  EXPECT_EQ(options->rules, "");
  EXPECT_FALSE(options->rules_optional);
  EXPECT_FALSE(options->silent_deny);
  EXPECT_FALSE(options->host_names);
  EXPECT_TRUE(options->resolvers.empty());
  EXPECT_TRUE(options->proxies.empty());
  EXPECT_EQ(options->limits.in_all, 1000u);
  EXPECT_EQ(options->limits.from_client, 50u);
  EXPECT_EQ(options->limits.per_minute, 0u);
  EXPECT_TRUE(options->limits.exempt.empty());
  EXPECT_TRUE(options->rate_limits.empty());
  EXPECT_FALSE(options->shared_state);
  EXPECT_FALSE(options->greylist);
  EXPECT_EQ(options->attempts.of_client, 30u);
  EXPECT_EQ(options->attempts.of_user, 10u);
  EXPECT_TRUE(options->attempts.exempt.empty());
  EXPECT_EQ(options->auth_threads, 8);
  EXPECT_EQ(options->threads, 0);
  EXPECT_EQ(options->blocking_threads, 64);
  EXPECT_EQ(options->drain, 30);
  EXPECT_EQ(options->ready_fd, -1);
  EXPECT_EQ(options->user, "");
  EXPECT_FALSE(options->metrics);
  EXPECT_EQ(options->max_recipients, 1000);
  EXPECT_EQ(options->max_errors, 20);
  EXPECT_EQ(options->max_invalid_recipients, 100);
}

TEST_F(ServeOptionsTest, ListenersChooseDestinations) {
  auto options = Read({kHere, "--listen=127.0.0.2:587,deliver=out",
                       "--deliver=maildir:/m", "--deliver=out=smtp:a.example"});
  ASSERT_TRUE(options) << printed_;
  EXPECT_EQ(options->deliver, "maildir:/m");
  ASSERT_EQ(options->destinations.size(), 1u);
  EXPECT_EQ(options->destinations[0].Format(), "out=smtp:a.example");
  EXPECT_EQ(options->listen[0].deliver, "");
  EXPECT_EQ(options->listen[1].deliver, "out");
  EXPECT_TRUE(AsksDns(*options));  // for a.example
  options =
      Read({"--listen=127.0.0.2:587,deliver=out", "--deliver=out=discard"});
  ASSERT_TRUE(options) << printed_;
  EXPECT_EQ(options->deliver, "");
  options = Read({kHere});
  EXPECT_EQ(options->deliver, "qmail-queue");
}

TEST_F(ServeOptionsTest, MistakesOfDestinationsAreNamed) {
  const std::string there = "--listen=127.0.0.2:587,deliver=out";
  const struct {
    std::vector<std::string> arguments;
    absl::string_view mistake;
  } cases[] = {
      {{there, "--deliver=discard", "--deliver=outt=discard"},
       "--listen: 127.0.0.2:587: no --deliver has the name out; did you mean "
       "outt?"},
      {{there}, "--listen: 127.0.0.2:587: no --deliver has the name out\n"},
      {{there, "--deliver=out=discard", "--deliver=out=discard"},
       "--deliver: the name out is given twice"},
      {{there, "--deliver=out=discard", "--deliver=discard",
        "--deliver=maildir:/m"},
       "--deliver: \"maildir:/m\": only one destination may be without a name; "
       "give it one: NAME=maildir:/m"},
      {{there, "--deliver=out=discard", kHere},
       "--listen: 127.0.0.1:0: needs deliver=NAME, because each --deliver has "
       "a name"},
      {{kHere, "--deliver=discard", "--deliver=out=discard"},
       "--deliver out: no listener and no route uses it; write deliver=out "
       "after the address of --listen"},
      {{kHere, "--deliver=discard=discard"},
       "--deliver: \"discard\" is a kind of delivery and cannot be a name"},
      {{kHere, "--deliver=a.b=discard"},
       "--deliver: the name \"a.b\" is not made of letters"},
      {{kHere, "--deliver=out="}, "--deliver: the delivery is missing"},
      {{kHere, "--deliver=nowhere"},
       "--deliver: delivery \"nowhere\": not one of qmail-queue"},
      {{kHere, "--deliver=lmtp:/run/lmtp"},
       "--deliver: delivery \"lmtp:/run/lmtp\": \"/run/lmtp\": write a Unix "
       "socket as unix:PATH"},
      {{there, "--deliver=out=smtp:a b"},
       "--deliver: delivery \"smtp:a b\": \"a b\": the host is"},
      {{kHere, "--deliver=amqp:mq"}, "--deliver: "},
  };
  for (const auto& c : cases) {
    EXPECT_FALSE(Read(c.arguments)) << c.mistake;
    EXPECT_EQ(exit_code_, 100);
    EXPECT_TRUE(absl::StrContains(printed_, c.mistake)) << printed_;
  }
}

// Each option sets its own field.
TEST_F(ServeOptionsTest, ReadsEachOption) {
  const auto options = Read({kHere,
                             "--listen=127.0.0.2:25,proxy",
                             "--rules=/rules.cdb",
                             "--rules-optional",
                             "--silent-deny",
                             "--host-names",
                             "--resolver=192.0.2.1",
                             "--resolver=192.0.2.2",
                             "--proxy-from=192.0.2.0/24",
                             "--xclient-from=192.0.4.0/24",
                             "--max-connections=11",
                             "--max-per-client=12",
                             "--max-rate=13",
                             "--unlimited=10.0.0.0/8",
                             "--rate-limit=user:recipients=200/1h",
                             "--rate-limit=client:bytes=1k/1m",
                             "--shared-state=redis:localhost:7000,db=2",
                             "--greylist=/g,delay=60",
                             "--max-client-failures=14",
                             "--max-user-failures=15",
                             "--auth-threads=16",
                             "--threads=17",
                             "--blocking-threads=18",
                             "--drain=19",
                             "--user=mail",
                             "--metrics=127.0.0.1:9025",
                             "--max-recipients=20",
                             "--max-errors=21"});
  ASSERT_TRUE(options) << printed_;
  ASSERT_EQ(options->listen.size(), 2u);
  EXPECT_EQ(options->listen[1].Where(), "127.0.0.2:25");
  EXPECT_TRUE(options->listen[1].options.proxy);
  EXPECT_EQ(options->rules, "/rules.cdb");
  EXPECT_TRUE(options->rules_optional);
  EXPECT_TRUE(options->silent_deny);
  EXPECT_TRUE(options->host_names);
  EXPECT_EQ(options->resolvers,
            (std::vector<std::string>{"192.0.2.1", "192.0.2.2"}));
  EXPECT_TRUE(options->proxies.Contains(IpAddress::Parse("192.0.2.77")));
  EXPECT_FALSE(options->proxies.Contains(IpAddress::Parse("192.0.3.77")));
  EXPECT_TRUE(options->xclient_peers.Contains(IpAddress::Parse("192.0.4.7")));
  EXPECT_FALSE(options->xclient_peers.Contains(IpAddress::Parse("192.0.2.7")));
  EXPECT_EQ(options->limits.in_all, 11u);
  EXPECT_EQ(options->limits.from_client, 12u);
  EXPECT_EQ(options->limits.per_minute, 13u);
  EXPECT_TRUE(options->limits.exempt.Contains(IpAddress::Parse("10.1.2.3")));
  EXPECT_FALSE(options->limits.exempt.Contains(IpAddress::Parse("11.1.2.3")));
  ASSERT_EQ(options->rate_limits.size(), 2u);
  EXPECT_EQ(options->rate_limits[0].most, 200u);
  EXPECT_EQ(options->rate_limits[1].most, 1024u);
  ASSERT_TRUE(options->shared_state);
  EXPECT_EQ(options->shared_state->Format(), "redis:localhost:7000");
  EXPECT_EQ(options->shared_state->database, 2);
  ASSERT_TRUE(options->greylist);
  EXPECT_EQ(options->greylist->file, "/g");
  EXPECT_EQ(options->greylist->delay, absl::Minutes(1));
  EXPECT_EQ(options->attempts.of_client, 14u);
  EXPECT_EQ(options->attempts.of_user, 15u);
  EXPECT_TRUE(options->attempts.exempt.Contains(IpAddress::Parse("10.1.2.3")));
  EXPECT_EQ(options->auth_threads, 16);
  EXPECT_EQ(options->threads, 17);
  EXPECT_EQ(options->blocking_threads, 18);
  EXPECT_EQ(options->drain, 19);
  EXPECT_EQ(options->user, "mail");
  ASSERT_TRUE(options->metrics);
  EXPECT_EQ(options->metrics->Format(), "127.0.0.1:9025");
  EXPECT_EQ(options->max_recipients, 20);
  EXPECT_EQ(options->max_errors, 21);
}

TEST_F(ServeOptionsTest, NumbersHaveLimits) {
  const struct {
    const char* name;
    int least;
    int most;
  } kCases[] = {
      {"max-connections", 1, 1000000},
      {"max-per-client", 0, 1000000},
      {"max-rate", 0, 1000000},
      {"max-client-failures", 0, 1000000},
      {"max-user-failures", 0, 1000000},
      {"auth-threads", 1, 1024},
      {"threads", 0, 1024},
      {"blocking-threads", 1, 1024},
      {"drain", 0, 24 * 60 * 60},
      {"max-recipients", 1, 1000000},
      {"max-errors", 1, 1000000},
      {"max-invalid-recipients", 0, 1000000},
  };
  for (const auto& c : kCases) {
    for (const int good : {c.least, c.most}) {
      EXPECT_TRUE(Read({kHere, absl::StrCat("--", c.name, "=", good)}))
          << printed_;
    }
    for (const int bad : {c.least - 1, c.most + 1}) {
      EXPECT_FALSE(Read({kHere, absl::StrCat("--", c.name, "=", bad)}))
          << c.name;
      EXPECT_EQ(exit_code_, 100);
      EXPECT_TRUE(absl::StrContains(
          printed_, absl::StrCat("--", c.name, ": ", c.least, " to ", c.most)))
          << printed_;
    }
  }
}

TEST_F(ServeOptionsTest, ErrorNamesTheMistake) {
  const struct {
    std::vector<std::string> arguments;
    const char* mistake;
  } kCases[] = {
      {{}, "--listen is missing"},
      {{"--listen=nowhere"}, "--listen: "},
      {{"--listen=127.0.0.1:25,sideways"},
       "--listen: 127.0.0.1:25: unknown word sideways"},
      {{"--listen=127.0.0.1:25,tls"},
       "--listen: 127.0.0.1:25: needs --tls-cert or cert=FILE"},
      {{"--listen=127.0.0.1:25,tls-min=1.0"},
       "--listen: 127.0.0.1:25: needs --tls-cert or cert=FILE"},
      {{"--listen=127.0.0.1:25,cert=/a,ciphers=OOPS"},
       "--listen: 127.0.0.1:25: ciphers: OpenSSL has no cipher that matches "
       "OOPS"},
      {{kHere, "--tls-cert=/a", "--tls-ciphers=OOPS"},
       "--tls-ciphers: OpenSSL has no cipher that matches OOPS"},
      {{kHere, "--tls-min=1.3"}, "--tls-min: needs --tls-cert"},
      {{"--listen=127.0.0.1:25,proxy"},
       "--listen: 127.0.0.1:25: needs --proxy-from"},
      {{"--listen=127.0.0.1:25,auth"}, "--listen: 127.0.0.1:25: needs --auth"},
      {{kHere, "--auth=cdb:/users"},
       "--auth: no --listen says submission or auth"},
      {{kHere, "--proxy-from=192.0.2.1/24"}, "--proxy-from: "},
      {{kHere, "--rate-limit=user:recipients=200"}, "--rate-limit: "},
      {{kHere, "--greylist=g"}, "--greylist: "},
      {{kHere, "--shared-state=redis:"},
       "--shared-state: the server is missing"},
      {{kHere, "--shared-state=redis:localhost"},
       "--shared-state: needs --rate-limit, --greylist or --auth"},
      {{kHere, "--xclient-from=192.0.2.1/24"}, "--xclient-from: "},
      {{kHere, "--unlimited=everyone"}, "--unlimited: "},
      {{kHere, "--metrics=9025"}, "--metrics: "},
      {{kHere, "--ready-fd=2"}, "--ready-fd: descriptor 2 is the log's"},
      {{kHere, "--ready-fd=1000"}, "--ready-fd: "},
      {{kHere, "start"}, "unknown argument start"},
      {{kHere, "--no-such-option"}, "unknown option --no-such-option"},
  };
  for (const auto& c : kCases) {
    EXPECT_FALSE(Read(c.arguments)) << c.mistake;
    EXPECT_EQ(exit_code_, 100) << c.mistake;
    EXPECT_TRUE(
        absl::StartsWith(printed_, absl::StrCat("postern serve: ", c.mistake)))
        << printed_;
  }
}

// Each of these is valid only together with another option.
TEST_F(ServeOptionsTest, AcceptsOptionsThatNeedEachOther) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{
           {"--listen=127.0.0.1:25,tls", "--tls-cert=/a"},
           {"--listen=127.0.0.1:25,tls,cert=/a"},
           {"--listen=127.0.0.1:25,cert=/a", "--tls-min=1.3"},
           {"--listen=127.0.0.1:25,no-tls", "--tls-cert=/a"},
           {"--listen=127.0.0.1:25,ciphers=AES128-SHA", "--tls-cert=/a"},
           {"--listen=127.0.0.1:25,auth", "--auth=cdb:/users"},
           {"--listen=127.0.0.1:25,submission", "--auth=cdb:/users"},
           {"--listen=127.0.0.1:25,proxy", "--proxy-from=192.0.2.1"},
       }) {
    EXPECT_TRUE(Read(arguments)) << printed_;
  }
}

TEST_F(ServeOptionsTest, HelpAndVersionExitWithZero) {
  EXPECT_FALSE(Read({"--help"}));
  EXPECT_EQ(exit_code_, 0);
  for (const char* option : {"--listen ADDRESS", "--tls-min VERSION",
                             "--tls-ciphers LIST", "--metrics ADDRESS"}) {
    EXPECT_TRUE(absl::StrContains(printed_, option)) << option;
  }
  EXPECT_FALSE(Read({"--version"}));
  EXPECT_EQ(exit_code_, 0);
  EXPECT_TRUE(absl::StartsWith(printed_, "postern ")) << printed_;
}

TEST_F(ServeOptionsTest, DefaultsOfTheRowsAreTheDefaults) {
  std::vector<std::string> arguments = {kHere, "--tls-cert=/cert",
                                        "--rspamd=http://127.0.0.1:1"};
  const auto without = Read(arguments);
  ASSERT_TRUE(without) << printed_;
  for (const service::OptionRow& row : ServeOptionRows()) {
    const absl::string_view value = service::DefaultOf(row);
    if (!value.empty()) {
      arguments.push_back(absl::StrCat("--", row.name, "=", value));
    }
  }
  EXPECT_GT(arguments.size(), 25u);
  const auto with = Read(arguments);
  ASSERT_TRUE(with) << printed_;
  EXPECT_EQ(with->control, without->control);
  EXPECT_EQ(with->deliver, without->deliver);
  EXPECT_EQ(with->max_errors, without->max_errors);
  EXPECT_EQ(with->limits.in_all, without->limits.in_all);
  EXPECT_EQ(with->tls.min_version, without->tls.min_version);
  EXPECT_EQ(with->rspamd.timeout, without->rspamd.timeout);
}

TEST_F(ServeOptionsTest, ReadingAgainKeepsWhatCannotChange) {
  files::TestDirectory directory;
  const std::string file = directory.File("config");
  const auto write = [&](const std::string& text) {
    directory.Write("config", "deliver = discard\n" + text);
  };
  write("max-errors = 5\nthreads = 2\n[listen 127.0.0.1:0]\n");
  ASSERT_TRUE(Read({"--config", file})) << printed_;
  const auto first = std::move(configuration_);
  service::Findings findings;
  const auto texts = [&findings] {
    std::vector<std::string> all;
    for (const auto& finding : findings.all()) all.push_back(finding.Text());
    findings = {};
    return all;
  };
  write(
      "max-errors = 6\nthreads = 3\nuser = x\n"
      "[listen 127.0.0.1:0]\nrequire-tls = no\nproxy = no\n");
  auto again = first->ReadAgain(&findings);
  ASSERT_NE(again, nullptr);
  EXPECT_THAT(texts(), testing::UnorderedElementsAre(
                           file + ":3: threads: takes effect after a restart",
                           file + ":4: user: takes effect after a restart"));
  EXPECT_EQ(again->options().max_errors, 6);
  EXPECT_EQ(again->options().threads, 2);
  EXPECT_EQ(again->options().user, "");
  // What is still different is named again, and what is back is not.
  write("threads = 2\n[listen 127.0.0.1:0]\n[listen 127.0.0.2:0]\n");
  again = again->ReadAgain(&findings);
  ASSERT_NE(again, nullptr);
  EXPECT_THAT(texts(), testing::ElementsAre(
                           file + ":3: listen: takes effect after a restart"));
  EXPECT_EQ(again->options().listen.size(), 1u);
  EXPECT_EQ(again->options().max_errors, 20);
  write("[listen 127.0.0.1:0]\n");
  again = again->ReadAgain(&findings);
  ASSERT_NE(again, nullptr);
  EXPECT_THAT(texts(), testing::ElementsAre(
                           file + ":2: threads: is not set any more, which "
                                  "takes effect after a restart"));
  write("threads = many\n[listen 127.0.0.1:0]\n");
  EXPECT_EQ(again->ReadAgain(&findings), nullptr);
  EXPECT_THAT(texts(), testing::ElementsAre(testing::StartsWith(
                           file + ":2: threads: 0 to 1024, not ")));
}

TEST_F(ServeOptionsTest, ReadingAgainNeedsTheDefaultFileThatWasRead) {
  files::TestDirectory directory;
  default_file_ = directory.File("postern.conf");
  ASSERT_TRUE(Read({kHere})) << printed_;
  service::Findings findings;
  EXPECT_NE(configuration_->ReadAgain(&findings), nullptr);  // still none
  const std::string text = "max-errors = 5\ndns-list = list.example\n";
  directory.Write("postern.conf", text);
  ASSERT_TRUE(Read({kHere})) << printed_;
  ASSERT_EQ(remove(default_file_.c_str()), 0);
  EXPECT_EQ(configuration_->ReadAgain(&findings), nullptr);
  ASSERT_EQ(findings.all().size(), 1u);
  EXPECT_EQ(findings.all()[0].Text(),
            default_file_ +
                ": the file does not exist any more; restore it, or restart "
                "the server without it");
  directory.Write("postern.conf", text);
  const auto again = configuration_->ReadAgain(&findings);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->options().max_errors, 5);
}

TEST_F(ServeOptionsTest, AServerThatAsksDnsSinceItsStartCanDoItAgain) {
  files::TestDirectory directory;
  const std::string file = directory.File("config");
  const std::string base = "deliver = discard\nlisten = 127.0.0.1:0\n";
  const std::string list = base + "dns-list = list.example\n";
  service::Findings findings;
  directory.Write("config", list);
  ASSERT_TRUE(Read({"--config", file})) << printed_;
  directory.Write("config", base);
  auto again = configuration_->ReadAgain(&findings);
  ASSERT_NE(again, nullptr);
  EXPECT_FALSE(AsksDns(again->options()));
  directory.Write("config", list);
  again = again->ReadAgain(&findings);
  ASSERT_NE(again, nullptr);
  EXPECT_TRUE(AsksDns(again->options()));
  directory.Write("config", "deliver = smtp:a.example\nlisten = 127.0.0.1:0\n");
  ASSERT_NE(again->ReadAgain(&findings), nullptr);
  EXPECT_TRUE(findings.all().empty());
  // The other way, the check has no resolver.
  directory.Write("config", base);
  ASSERT_TRUE(Read({"--config", file})) << printed_;
  directory.Write("config", list);
  again = configuration_->ReadAgain(&findings);
  ASSERT_NE(again, nullptr);
  EXPECT_FALSE(AsksDns(again->options()));
  ASSERT_EQ(findings.all().size(), 1u);
  EXPECT_EQ(findings.all()[0].Text(),
            file + ":3: dns-list: takes effect after a restart");
}

// Options that wait for a restart must not cost more memory at each SIGHUP.
TEST_F(ServeOptionsTest, ReadingAgainAndAgainNeedsNoMoreMemory) {
  files::TestDirectory directory;
  const std::string file = directory.File("config");
  directory.Write("config", "deliver = discard\nlisten = 127.0.0.1:0\n");
  ASSERT_TRUE(Read({"--config", file})) << printed_;
  directory.Write("config",
                  "deliver = discard\nlisten = 127.0.0.2:0\nthreads = 3\n"
                  "user = x\n");
  service::Findings findings;
  auto used = configuration_->ReadAgain(&findings);
  size_t before = 0;
  for (int i = 0; i < 50; ++i) {
    findings = {};
    ASSERT_NE(used, nullptr);
    used = used->ReadAgain(&findings);
    EXPECT_EQ(findings.all().size(), 3u);
    const struct mallinfo2 heap = mallinfo2();
    const size_t now = heap.uordblks + heap.hblkhd;  // with large blocks
    if (i == 5) before = now;
    if (i > 5) {
      ASSERT_LE(now, before + 4096) << i;
    }
  }
}

}  // namespace
}  // namespace postern::programs
