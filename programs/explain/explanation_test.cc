// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/explain/explanation.h"

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "engine/grammar/ip_address.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "log/log.h"
#include "programs/explain/dialogue.h"
#include "service/mail_service.h"
#include "service/mail_session.h"

namespace postern::programs {
namespace {

using testing::ElementsAre;

class ExplanationTest : public testing::Test {
 protected:
  ExplanationTest() {
    directory_.Write("me", "mx.example\n");
    directory_.Write("rcpthosts", "local.example\n.sub.example\n");
    options_.control = directory_.path();
    options_.deliver = "discard";
    inquiry_.info.remote_address = IpAddress::Parse("203.0.113.9");
    inquiry_.hello = "client.example";
    inquiry_.sender = "s@client.example";
  }

  service::MailService Make() const {
    auto service = service::MailService::Make(options_, {.warns = false});
    EXPECT_TRUE(service.ok()) << service.status();
    return *std::move(service);
  }

  // Returns "CHECK ANSWER SOURCE" for each step that has an opinion.
  std::vector<std::string> Opinions(const ExplainedCommand& command) const {
    std::vector<std::string> opinions;
    for (const policy::CheckStep& step : command.checks) {
      if (!step.verdict) continue;
      std::string source = step.verdict->source();
      const std::string_view folder(directory_.path());
      if (source.starts_with(folder)) source.erase(0, folder.size() + 1);
      opinions.push_back(absl::StrCat(
          step.row->rule, step.verdict->accepted() ? " accepts" : " refuses",
          source.empty() ? "" : " ", source));
    }
    return opinions;
  }

  files::TestDirectory directory_;
  service::MailOptions options_;
  Inquiry inquiry_;
};

TEST_F(ExplanationTest, NamesEachCheckWithItsSource) {
  directory_.Write("badmailfrom", "# spam\nspammer@client.example\n");
  const service::MailService service = Make();
  inquiry_.recipients = {"u@a.sub.example", "u@elsewhere.example"};
  auto commands = Explain(service, *service.outlets[0],
                          service.outlets[0]->config, inquiry_);
  ASSERT_EQ(commands.size(), 5u);
  EXPECT_EQ(commands[0].reply, "220 mx.example ESMTP");
  EXPECT_EQ(commands[3].command, "RCPT TO:<u@a.sub.example>");
  EXPECT_THAT(Opinions(commands[3]),
              ElementsAre("rcpthosts accepts rcpthosts:2"));
  EXPECT_EQ(commands[3].decision->rule(), "rcpthosts");
  EXPECT_EQ(commands[3].reply, "250 2.1.5 ok");
  EXPECT_THAT(Opinions(commands[4]), ElementsAre("not-listed refuses"));
  EXPECT_FALSE(commands[4].accepted());

  // A check that comes after an acceptance and may accept is not asked.
  bool asked = true;
  for (const policy::CheckStep& step : commands[3].checks) {
    if (step.row->rule == "morercpthosts") asked = step.asked;
  }
  EXPECT_FALSE(asked);

  inquiry_.sender = "spammer@client.example";
  commands = Explain(service, *service.outlets[0], service.outlets[0]->config,
                     inquiry_);
  EXPECT_THAT(Opinions(commands[3]),
              ElementsAre("badmailfrom refuses badmailfrom:2"));
}

TEST_F(ExplanationTest, AUserMayRelayAndHasAuthenticated) {
  const service::MailService service = Make();
  inquiry_.user = "ann";
  inquiry_.recipients = {"u@elsewhere.example"};
  ServerConfig config = service.outlets[0]->config;
  config.require_auth = true;
  const auto commands = Explain(service, *service.outlets[0], config, inquiry_);
  ASSERT_EQ(commands.size(), 5u);
  EXPECT_EQ(commands[2].command, "AUTH PLAIN");
  EXPECT_EQ(commands[2].reply.substr(0, 3), "235");
  EXPECT_THAT(Opinions(commands[4]),
              ElementsAre("authenticated accepts user ann"));
}

TEST_F(ExplanationTest, EndsAtTheFirstRefusalBeforeTheRecipients) {
  const service::MailService service = Make();
  inquiry_.recipients = {"u@local.example"};
  inquiry_.info.denied = true;
  auto commands = Explain(service, *service.outlets[0],
                          service.outlets[0]->config, inquiry_);
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_THAT(Opinions(commands[0]), ElementsAre("tcprules refuses"));
  EXPECT_EQ(commands[0].reply.substr(0, 3), "554");

  inquiry_.info.denied = false;
  inquiry_.sender = "no address";
  commands = Explain(service, *service.outlets[0], service.outlets[0]->config,
                     inquiry_);
  ASSERT_EQ(commands.size(), 3u);
  EXPECT_FALSE(commands[2].decision);  // the protocol refuses it
  EXPECT_EQ(commands[2].reply.substr(0, 3), "501");
}

TEST_F(ExplanationTest, TheContentIsNotStored) {
  files::TestDirectory maildir;
  maildir.MakeMaildir("box");
  options_.deliver = absl::StrCat("maildir:", maildir.File("box"));
  const service::MailService service = Make();
  ExplainedSession session(service, *service.outlets[0], "");
  const ServerConfig config = session.Config(service.outlets[0]->config);
  Dialogue dialogue(config, session.responder(), inquiry_.info, false);
  dialogue.Greeting();
  dialogue.Send("EHLO c");
  dialogue.Send("MAIL FROM:<s@x.example>");
  EXPECT_EQ(dialogue.Send("RCPT TO:<u@local.example>"), "250 2.1.5 ok\r\n");
  EXPECT_EQ(dialogue.Send("DATA").substr(0, 3), "451");
}

// A session as the servers have it: with the policy itself and the log.
class ServedDialogue {
 public:
  ServedDialogue(const service::MailService& service,
                 const ServerConfig& config, const Inquiry& inquiry)
      : session_(service, *service.outlets[0]),
        user_(inquiry.user),
        explained_(service, *service.outlets[0], inquiry.user),
        config_(config),
        dialogue_(config_, Responder(), inquiry.info, inquiry.tls) {}

  Dialogue& dialogue() { return dialogue_; }

 private:
  ResponderOptions Responder() {
    ResponderOptions options = session_.responder();
    // Only AUTH is that of the explanation: the test has no passwords.
    options.authenticator = explained_.responder().authenticator;
    return options;
  }

  service::MailSession session_;
  const std::string user_;
  ExplainedSession explained_;
  const ServerConfig config_;
  Dialogue dialogue_;
};

class NoLog : public log::LogSink {
 public:
  NoLog() { log::SetLogSink(this); }
  ~NoLog() override { log::SetLogSink(nullptr); }
  void Add(absl::string_view line) override { lines_.emplace_back(line); }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

// What is explained is what a session of the server gets, over generated
// configurations, clients and mail; and the explanation names the check that
// the server's log names.
TEST_F(ExplanationTest, AgreesWithTheServer) {
  std::minstd_rand random(7);
  const auto one_of = [&random](const std::vector<std::string>& texts) {
    return texts[random() % texts.size()];
  };
  const std::vector<std::string> domains = {
      "local.example", "a.sub.example", "sub.example",  "elsewhere.example",
      "[127.0.0.1]",   "[192.0.2.77]",  "LOCAL.example"};
  files::TestDirectory mail;
  mail.MakeMaildir("local.example/u");
  mail.MakeMaildir("other/u");
  int refused = 0;
  int accepted = 0;
  for (int round = 0; round < 400; ++round) {
    directory_.Write(
        "rcpthosts",
        one_of({"local.example\n", "local.example\n.sub.example\n", "\n"}));
    directory_.Write("badmailfrom",
                     one_of({"\n", "@bad.example\n", "s@client.example\n"}));
    directory_.Write("senders", "ann:s@client.example\n");
    options_.senders = random() % 2 == 0;
    options_.deliver =
        one_of({"discard", absl::StrCat("maildir:", mail.path(), "/%d/%u")});
    Inquiry inquiry = inquiry_;
    inquiry.info.denied = random() % 10 == 0;
    if (random() % 3 == 0) inquiry.info.relay_client = one_of({"", ".fix"});
    if (random() % 3 == 0) inquiry.info.name_status = NameStatus::kTemporary;
    if (random() % 3 == 0) inquiry.user = one_of({"ann", "bob"});
    inquiry.tls = random() % 2 == 0;
    inquiry.sender = one_of({"", "s@client.example", "s@bad.example",
                             "<s@x> SIZE=1", "<s@x> NOSUCH=1", "broken@@x"});
    inquiry.recipients.clear();
    for (int i = 0; i < 3; ++i) {
      inquiry.recipients.push_back(absl::StrCat("u@", one_of(domains)));
    }
    const service::MailService service = Make();
    ServerConfig config = service.outlets[0]->config;
    config.require_auth = random() % 4 == 0;
    config.lmtp = random() % 4 == 0;
    const auto commands =
        Explain(service, *service.outlets[0], config, inquiry);

    const NoLog log;
    ServedDialogue served(
        service,
        ExplainedSession(service, *service.outlets[0], inquiry.user)
            .Config(config),
        inquiry);
    for (const ExplainedCommand& command : commands) {
      std::string sent = command.command;
      if (sent == "AUTH PLAIN") {
        sent = absl::StrCat("AUTH PLAIN ", absl::Base64Escape(absl::StrCat(
                                               std::string(1, '\0'), "u",
                                               std::string(1, '\0'), "p")));
      }
      const size_t logged = log.lines().size();
      const std::string reply = sent.empty() ? served.dialogue().Greeting()
                                             : served.dialogue().Send(sent);
      EXPECT_EQ(absl::StripSuffix(reply, "\r\n"), command.reply) << sent;
      const bool rcpt = sent.starts_with("RCPT");
      if (rcpt && command.decision) {
        ++(command.accepted() ? accepted : refused);
        ASSERT_GT(log.lines().size(), logged);
        EXPECT_THAT(log.lines().back(),
                    testing::HasSubstr(absl::StrCat(
                        "decision=", command.accepted() ? "accept" : "refuse",
                        " rule=", command.decision->rule(), " ")));
      }
    }
  }
  EXPECT_GT(accepted, 100);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace postern::programs
