// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/greylist.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"
#include "policy/check_list.h"
#include "policy/checks.h"
#include "policy/greylisting/greylist_table.h"
#include "system/run.h"

namespace postern::policy {
namespace {

// Answers with `wait`, and records the keys.
class ScriptedTable : public GreylistTable {
 public:
  absl::StatusOr<absl::Duration> Attempt(const GreylistKey& key) override {
    asked.push_back(
        absl::StrCat(key.network, " ", key.sender, " ", key.recipient));
    return wait;
  }

  void AttemptLater(const GreylistKey& key, const system::Run& run,
                    Done done) override {
    if (!asks_others) {
      return GreylistTable::AttemptLater(key, run, std::move(done));
    }
    open.push_back(std::move(done));
  }

  // AttemptLater() keeps its questions in `open`.
  bool asks_others = false;
  std::vector<Done> open;
  absl::StatusOr<absl::Duration> wait = absl::Milliseconds(299001);
  std::vector<std::string> asked;
};

class GreylistTest : public testing::Test {
 protected:
  GreylistTest() {
    info_.remote_address = IpAddress::Parse("192.0.2.1");
    auto controls = std::make_shared<Controls>();
    controls->open_relay = true;
    setup_.controls = std::move(controls);
    setup_.own_addresses = std::make_shared<net::InterfaceAddresses>();
    setup_.option = [this](absl::string_view name) {
      return name == "greylist" ? option_ : std::string();
    };
    setup_.greylist = &table_;
    setup_.report = [this](absl::string_view line) {
      reported_.emplace_back(line);
    };
  }

  // Returns what all checks of the programs decide about a recipient.
  Verdict Decide(Path to = {"u", "d.example"}) {
    const auto checks = Checks::Make(setup_);
    EXPECT_TRUE(checks.ok()) << checks.status();
    Ask ask;
    ask.what = Rcpt{.from = {"Ann+x", "a.example"}, .to = std::move(to)};
    std::optional<Verdict> answer;
    std::optional<Verdict> verdict = (*checks)->Decide(
        ask, std::make_shared<const SessionInfo>(info_),
        [&answer]() -> Policy::Done {
          return [&answer](Verdict late) { answer = std::move(late); };
        });
    while (!tasks_.empty()) {
      auto task = std::move(tasks_.front());
      tasks_.erase(tasks_.begin());
      std::move(task)();
    }
    if (!verdict) verdict = std::move(answer);
    EXPECT_TRUE(verdict);
    return verdict ? *std::move(verdict) : Verdict::Accept();
  }

  SessionInfo info_;
  std::string option_ = "/var/lib/postern/greylist";
  ScriptedTable table_;
  CheckSetup setup_;
  std::vector<std::string> reported_;
  std::vector<absl::AnyInvocable<void() &&>> tasks_;
};

TEST_F(GreylistTest, RefusesTemporarilyWithTheTimeToWait) {
  const Verdict verdict = Decide();
  ASSERT_TRUE(verdict.reply());
  EXPECT_EQ(
      *verdict.reply(),
      (Reply{451, {4, 7, 1}, "greylisted, try again in 300 seconds (#4.7.1)"}));
  EXPECT_EQ(verdict.kind(), Verdict::Kind::kRefuse);
  EXPECT_EQ(verdict.rule(), "greylist");
  EXPECT_EQ(verdict.source(), "192.0.2.0/24");
  table_.wait = absl::ZeroDuration();
  EXPECT_TRUE(Decide().accepted());
  EXPECT_EQ(table_.asked, std::vector<std::string>(
                              2, "192.0.2.0/24 ann@a.example u@d.example"));
}

TEST_F(GreylistTest, TableIsNotAskedOnTheCallersThread) {
  setup_.run = [this](absl::AnyInvocable<void() &&> task) {
    EXPECT_TRUE(table_.asked.empty());
    tasks_.push_back(std::move(task));
  };
  EXPECT_FALSE(Decide().accepted());
  EXPECT_EQ(table_.asked.size(), 1u);
}

// Only what blocks is limited to one thread.
TEST_F(GreylistTest, ManyAttemptsMayWaitForAnotherServer) {
  setup_.run = [this](absl::AnyInvocable<void() &&> task) {
    tasks_.push_back(std::move(task));
  };
  table_.asks_others = true;
  const auto checks = Checks::Make(setup_);
  ASSERT_TRUE(checks.ok()) << checks.status();
  Ask ask;
  ask.what = Rcpt{.from = {"s", "a.example"}, .to = {"u", "d.example"}};
  int refused = 0;
  for (int i = 0; i < 3; ++i) {
    const auto answer =
        (*checks)->Decide(ask, std::make_shared<const SessionInfo>(info_),
                          [&refused]() -> Policy::Done {
                            return [&refused](const Verdict& late) {
                              refused += !late.accepted();
                            };
                          });
    EXPECT_FALSE(answer);
  }
  ASSERT_EQ(table_.open.size(), 3u);
  EXPECT_TRUE(tasks_.empty());
  for (GreylistTable::Done& done : table_.open) {
    std::move(done)(absl::Seconds(9));
  }
  EXPECT_EQ(refused, 3);
}

TEST_F(GreylistTest, ClientsThatMayRelayAndExemptOnesAreNotAsked) {
  const SessionInfo stranger = info_;
  info_.relay_client = "";
  EXPECT_TRUE(Decide().accepted());
  info_ = stranger;
  info_.identity = "ann";
  EXPECT_TRUE(Decide().accepted());
  info_ = stranger;
  info_.environment = {{"NOGREYLIST", ""}};
  EXPECT_TRUE(Decide().accepted());
  info_ = stranger;
  info_.remote_address.reset();
  EXPECT_TRUE(Decide().accepted());
  EXPECT_TRUE(table_.asked.empty());
}

// Another check has refused the recipient permanently: the client must not try
// again, and the table is not filled.
TEST_F(GreylistTest, RefusedRecipientsAreNotAsked) {
  auto controls = std::make_shared<Controls>();
  setup_.controls = std::move(controls);
  const Verdict verdict = Decide();
  ASSERT_TRUE(verdict.reply());
  EXPECT_EQ(verdict.reply()->code / 100, 5);
  EXPECT_TRUE(table_.asked.empty());
}

TEST_F(GreylistTest, OutageIsATemporaryRefusal) {
  table_.wait = absl::UnavailableError("/g: disk I/O error");
  const Verdict verdict = Decide();
  ASSERT_TRUE(verdict.reply()) << "an outage of the table is a pass";
  EXPECT_EQ(*verdict.reply(),
            (Reply{451, {4, 3, 0}, "greylisting does not work now (#4.3.0)"}));
  EXPECT_EQ(verdict.source(), "/g: disk I/O error");
  EXPECT_TRUE(reported_.empty());
  option_ = "/g,ignore-outage";
  EXPECT_TRUE(Decide().accepted());
  EXPECT_EQ(reported_, std::vector<std::string>{"/g: disk I/O error, ignored"});
}

TEST_F(GreylistTest, ErrorNamesTheOption) {
  option_ = "g";
  EXPECT_EQ(MakeGreylist(setup_).status().message(),
            "--greylist: not the absolute path of a file: \"g\"");
  option_ = "/g";
  setup_.greylist = nullptr;
  EXPECT_EQ(MakeGreylist(setup_).status().message(),
            "--greylist: only postern serve has a table; under tcpserver, use "
            "postgrey and --policy-server");
}

}  // namespace
}  // namespace postern::policy
