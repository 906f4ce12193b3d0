// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/mail_session_host.h"

#include <stdlib.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "log/log.h"

namespace postern::programs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MailSessionHostTest : public testing::Test,
                            public ClientLookup,
                            private log::LogSink {
 protected:
  MailSessionHostTest() {
    unsetenv("DATABYTES");
    directory_.Write("me", "mx.example.org\n");
    directory_.Write("rcpthosts", "local.example\n");
    options_.control = directory_.path();
    options_.deliver = "discard";
    options_.listen.push_back(*ListenOption::Parse("127.0.0.1:25"));
    const std::vector<std::string> peers = {"192.0.2.0/24"};
    options_.xclient_peers = *net::NetworkList::Parse(peers);
    service::Findings findings;
    snapshot_ = ServiceSnapshot::Read(options_, {}, &findings);
    EXPECT_NE(snapshot_, nullptr);
    log::SetLogSink(this);
  }
  ~MailSessionHostTest() override { log::SetLogSink(nullptr); }

  policy::ConnectionLimits::Slot Admit(absl::string_view address) {
    return std::get<policy::ConnectionLimits::Slot>(
        limits_.Admit(IpAddress::Parse(address), 0));
  }

  // Makes the host of a session of `peer`, for which rules set `databytes`.
  std::unique_ptr<MailSessionHost> Serve(
      const std::optional<IpAddress>& peer,
      std::optional<uint64_t> databytes = std::nullopt) {
    policy::RuleFacts rules;
    rules.databytes = databytes;
    return std::make_unique<MailSessionHost>(snapshot_, 0, rules,
                                             Admit("192.0.2.1"), nullptr, peer,
                                             options_.xclient_peers, this);
  }

  // XCLIENT names `client`; returns its refusal, if there is one.
  std::optional<Verdict> Change(const ResponderOptions& options,
                                SessionInfo* client) {
    std::optional<Verdict> refusal;
    options.client_changed(
        std::make_shared<const SessionInfo>(*client),
        [&](std::variant<Verdict, FactsChange> found) {
          if (auto* const verdict = std::get_if<Verdict>(&found)) {
            refusal.emplace(std::move(*verdict));
          } else {
            std::move(std::get<FactsChange>(found))(*client);
          }
        });
    return refusal;
  }

  files::TestDirectory directory_;
  ServeOptions options_;
  std::shared_ptr<const ServiceSnapshot> snapshot_;
  policy::ConnectionLimits limits_{{}};
  policy::RuleFacts rules_;  // of clients that XCLIENT names
  bool refuses_ = false;
  std::vector<std::string> lines_;

 private:
  void Find(const SharedSessionInfo& client, Done done) override {
    // The slot of the client that it replaces is free by then.
    EXPECT_EQ(limits_.open(), 0u);
    if (refuses_) {
      return std::move(done)(Verdict::Drop({421, {4, 3, 2}, "too many"}));
    }
    std::move(done)(Found{absl::StrCat("name.", client->remote_name),
                          NameStatus::kConfirmed, rules_, Admit("192.0.2.2")});
  }
  void Add(absl::string_view line) override { lines_.emplace_back(line); }
};

TEST_F(MailSessionHostTest, OnlyListedPeersHaveXClient) {
  const auto proxy = Serve(IpAddress::Parse("192.0.2.7"));
  EXPECT_TRUE(proxy->config().xclient);
  EXPECT_FALSE(proxy->config().xclient_login);  // there is no AUTH
  EXPECT_TRUE(proxy->responder().client_changed);
  for (const char* other : {"192.0.3.7", "2001:db8::1", "::192.0.2.7", ""}) {
    const auto host = Serve(IpAddress::Parse(other), 1000);
    EXPECT_FALSE(host->config().xclient) << other;
    EXPECT_FALSE(host->responder().client_changed) << other;
    EXPECT_EQ(host->config().max_message_size, 1000u);
  }
}

TEST_F(MailSessionHostTest, LoginCountsWhereThereIsAuth) {
  auto snapshot = std::make_shared<ServiceSnapshot>();
  ServiceSnapshot::Listener& listener = snapshot->listeners.emplace_back();
  listener.outlet = snapshot_->listeners[0].outlet;
  listener.config.mechanisms = {"PLAIN"};
  snapshot_ = snapshot;
  EXPECT_TRUE(Serve(IpAddress::Parse("192.0.2.7"))->config().xclient_login);
}

TEST_F(MailSessionHostTest, AClientThatXClientNamesTakesThePeersPlace) {
  const uint64_t usual = snapshot_->listeners[0].config.max_message_size;
  const auto host = Serve(IpAddress::Parse("192.0.2.7"), 1000);
  const ServerConfig& config = host->config();
  EXPECT_EQ(config.max_message_size, 1000u);
  const ResponderOptions options = host->responder();
  SessionInfo client;
  client.session_id = "s";
  client.remote_address = IpAddress::Parse("198.51.100.1");
  client.remote_name = "x";
  client.identity = "alice";

  rules_.relay_client = "@fix";
  rules_.strictness = Strictness::kLenient;
  EXPECT_FALSE(Change(options, &client));
  EXPECT_EQ(limits_.open(), 1u);
  EXPECT_EQ(client.remote_name, "name.x");
  EXPECT_EQ(client.name_status, NameStatus::kConfirmed);
  EXPECT_EQ(client.relay_client, "@fix");
  EXPECT_EQ(config.max_message_size, usual);  // the peer's is gone
  EXPECT_EQ(config.strictness, Strictness::kLenient);
  EXPECT_TRUE(config.xclient);
  EXPECT_THAT(lines_, ElementsAre(HasSubstr(" session=s xclient from=192.0.2.7 "
                                            "ip=198.51.100.1 user=alice\n")));
  EXPECT_EQ(&host->config(), &config);

  rules_ = {};
  rules_.databytes = 7;
  EXPECT_FALSE(Change(options, &client));
  EXPECT_EQ(client.relay_client, std::nullopt);
  EXPECT_EQ(config.max_message_size, 7u);
  EXPECT_EQ(config.strictness, Strictness::kStrict);

  lines_.clear();
  refuses_ = true;
  const std::optional<Verdict> refusal = Change(options, &client);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->kind(), Verdict::Kind::kDrop);
  EXPECT_EQ(limits_.open(), 0u);
  EXPECT_THAT(lines_, IsEmpty());
}

}  // namespace
}  // namespace postern::programs
