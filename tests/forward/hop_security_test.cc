// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// TLS and AUTH with a next hop, in virtual time.

#include "delivery/forward/hop_security.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "auth/client_account.h"
#include "delivery/forward/forward_transaction.h"
#include "delivery/forward/hop_health.h"
#include "delivery/forward/hop_pool.h"
#include "delivery/forward/next_hop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/test_certificates.h"
#include "net/tls_client_context.h"
#include "net/tls_context.h"
#include "tests/forward/virtual_hops.h"

namespace postern::delivery {
namespace {

using testing::ElementsAre;
using TlsFault = VirtualHops::TlsFault;

constexpr char kServer[] = "192.0.2.1:25";
constexpr char kHost[] = "relay.example";

class HopSecurityTest : public testing::Test {
 protected:
  HopSecurityTest()
      : authority_(certificates_.Make("ca", {.common_name = "CA"})) {}
  ~HopSecurityTest() override { Drop(); }

  void Drop() {
    if (pool_ == nullptr) return;
    hops_->Run();
    pool_->Shutdown();
    hops_->Run();
    pool_ = nullptr;
  }

  // The server has a certificate for `name`.
  void Serve(rig::Options options, const std::string& name = kHost,
             TlsFault fault = TlsFault::kNone, int last_day = 1) {
    Drop();
    hops_ = std::make_unique<VirtualHops>(options);
    hops_->SetName(kHost, {"192.0.2.1"});
    if (options.tls == rig::TlsMode::kNone) return;
    const auto context = net::TlsContext::Make(
        {.certificates = {
             certificates_.Make(name, {.common_name = name,
                                       .host_names = {name},
                                       .issuer = "ca",
                                       .authority = false,
                                       .first_day = std::min(-1, last_day - 1),
                                       .last_day = last_day})}});
    ASSERT_TRUE(context.ok()) << context.status();
    hops_->SetTls(*context, fault);
  }

  // The words follow the server. "CA" stands for the file of the authority.
  void Use(absl::string_view words,
           std::optional<auth::ClientCredentials> credentials = std::nullopt,
           NextHop::Kind kind = NextHop::Kind::kSmtp) {
    std::string text = absl::StrCat(host_, ":25", words);
    if (const size_t ca = text.find("ca=CA"); ca != text.npos) {
      text.replace(ca + 3, 2, authority_.chain_file);
    }
    const auto hop = NextHop::Parse(kind, text);
    ASSERT_TRUE(hop.ok()) << hop.status();
    HopSecurity security;
    const TlsLevel level = hop->LevelOf(hop->hosts[0]);
    if (level != TlsLevel::kNone) {
      const auto tls =
          net::TlsClientContext::Make({.verify = level == TlsLevel::kVerify,
                                       .ca_file = hop->ca_file,
                                       .fingerprints = hop->fingerprints});
      ASSERT_TRUE(tls.ok()) << tls.status();
      security.tls = *tls;
    }
    security.report = [this](absl::string_view line) {
      reports_.emplace_back(line);
    };
    if (credentials) {
      security.account = auth::MakeClientAccount(
          {.credentials = *credentials,
           .ask_for_token = [this]() -> absl::StatusOr<auth::BearerToken> {
             ++asked_;
             return auth::BearerToken{token_, absl::InfiniteDuration()};
           },
           .run = [this](auto task) { hops_->Later(std::move(task)); },
           .now = [] { return absl::UnixEpoch(); }});
    }
    std::vector<std::shared_ptr<HopHealth>> health;
    for (size_t each = 0; each < hop->hosts.size(); ++each) {
      health.push_back(std::make_shared<HopHealth>());
    }
    pool_ =
        std::make_shared<HopPool>(*hop, ClientConfig{.host_name = "us.example"},
                                  security, health, hops_.get());
  }

  struct Sent {
    Reply reply;
    std::string source;
    std::unique_ptr<ForwardTransaction> transaction;
  };
  std::unique_ptr<Sent> Begin() {
    auto sent = std::make_unique<Sent>();
    sent->transaction = std::make_unique<ForwardTransaction>(
        pool_, Envelope{.from = {"s", "x"}}, client_, "smtp");
    (void)sent->transaction->AddRecipient(
        {.to = {"u", "d"}}, [&]() -> Policy::Done {
          return [sent = sent.get()](const Verdict& verdict) {
            sent->reply = *verdict.reply();
            sent->source = verdict.source();
          };
        });
    return sent;
  }
  // Returns the reply to RCPT.
  Reply Rcpt() {
    const auto sent = Begin();
    EXPECT_TRUE(hops_->RunUntil([&] { return sent->reply.code != 0; },
                                absl::Minutes(5)));
    source_ = sent->source;
    const Reply reply = sent->reply;
    sent->transaction.reset();
    hops_->Run();
    return reply;
  }
  // The connections with TLS, and the commands of all.
  size_t Count(absl::string_view text) {
    size_t count = 0;
    for (const rig::SessionFacts& session : Server().sessions()) {
      count += absl::StrContains(session.transcript->Format(), text) ? 1 : 0;
    }
    return count;
  }
  rig::Pipe& Server() { return hops_->At(kServer); }

  net::TestCertificates certificates_;
  const net::TlsFiles authority_;
  std::unique_ptr<VirtualHops> hops_;
  std::shared_ptr<HopPool> pool_;
  std::vector<std::string> reports_;
  std::string source_;
  std::string host_ = kHost;
  ProxiedClient client_;
  std::string token_ = "token";
  int asked_ = 0;
};

const rig::Options kPlain{};
const rig::Options kStartTls{.tls = rig::TlsMode::kStartTls};
const rig::Options kTlsOnly{.tls = rig::TlsMode::kStartTls,
                            .require_tls = true};

TEST_F(HopSecurityTest, TlsIsUsedWhereItIsOffered) {
  for (const char* words :
       {"", ",tls=may", ",tls=encrypt", ",tls=verify,ca=CA", ",ca=CA"}) {
    Serve(kTlsOnly);
    Use(words);
    EXPECT_EQ(Rcpt().code, 250) << words;
    EXPECT_EQ(hops_->connects().size(), 1u) << words;
    // The connection is used again.
    EXPECT_EQ(Rcpt().code, 250) << words;
    EXPECT_EQ(hops_->connects().size(), 1u) << words;
  }
  // It is not used with tls=none.
  Serve(kTlsOnly);
  Use(",tls=none");
  EXPECT_EQ(Rcpt().code, 451);
}

TEST_F(HopSecurityTest, ImplicitTlsBeginsBeforeTheGreeting) {
  Serve({.tls = rig::TlsMode::kFirst});
  Use(",ca=CA", std::nullopt, NextHop::Kind::kSmtps);
  EXPECT_EQ(Rcpt().code, 250);
  EXPECT_EQ(hops_->connects().size(), 1u);
  Serve({.tls = rig::TlsMode::kFirst}, "other.example");
  Use(",ca=CA", std::nullopt, NextHop::Kind::kSmtps);
  EXPECT_TRUE(absl::StrContains(Rcpt().text, "hostname mismatch"));
}

// What may prevent TLS.
struct Trouble {
  absl::string_view name;
  rig::Options options;
  TlsFault fault = TlsFault::kNone;
  int refusal = 0;  // of STARTTLS
  bool closes = false;
  absl::string_view text;  // for the client
};
std::vector<Trouble> Troubles() {
  return {
      {"not offered", kPlain, TlsFault::kNone, 0, false,
       "the next hop does not offer STARTTLS"},
      {"refused", kStartTls, TlsFault::kNone, 454, false,
       "the next hop refuses TLS"},
      {"refused permanently", kStartTls, TlsFault::kNone, 502, false,
       "the next hop refuses TLS"},
      {"closes", kStartTls, TlsFault::kNone, 0, true,
       "the next hop closed the connection after STARTTLS"},
      {"garbage", kStartTls, TlsFault::kGarbage, 0, false,
       "the next hop does not complete TLS: wrong version number"},
      {"closes in the handshake", kStartTls, TlsFault::kCloses, 0, false,
       "the next hop does not complete TLS: server closed the connection"},
      {"hangs in the handshake", kStartTls, TlsFault::kHangs, 0, false,
       "the next hop does not complete TLS: timeout"},
      // As TLS 1.3 does with an alert about the client.
      {"closes after the handshake", kStartTls, TlsFault::kClosesAfter, 0,
       false,
       "the next hop does not complete TLS: server closed the connection"},
  };
}

TEST_F(HopSecurityTest, RequiredTlsIsNeverLeftOut) {
  for (const char* words : {",tls=encrypt", ",tls=verify,ca=CA"}) {
    for (const Trouble& trouble : Troubles()) {
      SCOPED_TRACE(absl::StrCat(words, ": ", trouble.name));
      Serve(trouble.options, kHost, trouble.fault);
      if (trouble.refusal != 0) {
        Server().On(rig::StartTls()).Reply(trouble.refusal, "no TLS");
      }
      if (trouble.closes) Server().On(rig::StartTls()).Close();
      Use(words);
      const Reply reply = Rcpt();
      EXPECT_EQ(reply.code, 451);
      EXPECT_EQ(reply.text, absl::StrCat(trouble.text, " (#4.7.5)"));
      EXPECT_TRUE(absl::StartsWith(source_, "relay.example:25 (192.0.2.1): "))
          << source_;
      EXPECT_EQ(Count("MAIL FROM"), 0u);
      // The circuit breaker is open.
      EXPECT_EQ(Rcpt(), reply);
      EXPECT_EQ(hops_->connects().size(), 1u);
      EXPECT_TRUE(reports_.empty());
    }
  }
}

TEST_F(HopSecurityTest, OptionalTlsIsLeftOutIfItDoesNotWork) {
  for (const Trouble& trouble : Troubles()) {
    SCOPED_TRACE(trouble.name);
    const bool offered = trouble.options.tls != rig::TlsMode::kNone;
    Serve(trouble.options, kHost, trouble.fault);
    if (trouble.refusal != 0) {
      Server().On(rig::StartTls()).Reply(trouble.refusal, "no TLS");
    }
    if (trouble.closes) Server().On(rig::StartTls()).Close();
    Use("");
    reports_.clear();
    EXPECT_EQ(Rcpt().code, 250);
    const size_t before = offered ? 2 : 1;
    EXPECT_EQ(hops_->connects().size(), before);
    EXPECT_EQ(reports_.size(), offered ? 1u : 0u);
    if (!offered) continue;
    EXPECT_TRUE(absl::StrContains(reports_[0], "without TLS for 10 minutes"))
        << reports_[0];
    // It is not tried for each connection.
    hops_->AdvanceTime(absl::Minutes(5));
    EXPECT_EQ(Rcpt().code, 250);
    EXPECT_EQ(hops_->connects().size(), before + 1);
    // But later again.
    hops_->AdvanceTime(absl::Minutes(6));
    EXPECT_EQ(Rcpt().code, 250);
    EXPECT_EQ(hops_->connects().size(), before + 3);
    EXPECT_EQ(reports_.size(), 2u);
  }
}

TEST_F(HopSecurityTest, ServerIsVerified) {
  const std::string sum(64, '0');
  const struct {
    absl::string_view name;  // of the certificate
    int last_day;
    std::string words;
    absl::string_view text;  // empty: 250
  } cases[] = {
      {kHost, 1, ",ca=CA", ""},
      {"mx.example", 1, ",ca=CA,name=mx.example", ""},
      {"mx.example", 1, ",ca=CA", "does not complete TLS: hostname mismatch"},
      {kHost, 1, ",ca=CA,name=mx.example",
       "does not complete TLS: hostname mismatch"},
      {kHost, -1, ",ca=CA", "does not complete TLS: certificate has expired"},
      {kHost, 1, ",tls=verify",
       "does not complete TLS: unable to get local issuer certificate"},
      {kHost, 1, absl::StrCat(",fingerprint=", sum),
       "does not complete TLS: the certificate has another fingerprint"},
      // These levels do not verify.
      {"mx.example", 1, ",tls=encrypt", ""},
      {kHost, -1, ",tls=may", ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.words);
    Serve(kTlsOnly, std::string(c.name), TlsFault::kNone, c.last_day);
    Use(c.words);
    const Reply reply = Rcpt();
    EXPECT_EQ(hops_->connects().size(), 1u);
    if (c.text.empty()) {
      EXPECT_EQ(reply.code, 250) << reply.text;
      continue;
    }
    EXPECT_EQ(reply.code, 451);
    EXPECT_EQ(reply.text, absl::StrCat("the next hop ", c.text, " (#4.7.5)"));
  }
}

// An attacker may insert replies before the handshake (CVE-2011-0411).
TEST_F(HopSecurityTest, PlaintextBeforeTheHandshakeEndsTheConnection) {
  Serve(kStartTls);
  Server().On(rig::StartTls()).Raw("220 go\r\n250 injected\r\n");
  Use(",ca=CA");
  EXPECT_EQ(Rcpt().code, 451);
  EXPECT_EQ(Count("MAIL FROM"), 0u);
}

const auth::ClientCredentials kPassword{.user = "us", .password = "secret"};
const auth::ClientCredentials kToken{.user = "us", .token_command = {"/t"}};

rig::Options WithUsers(rig::Options options) {
  options.users = {{"us", "secret", "token"}};
  options.require_auth = true;
  return options;
}

TEST_F(HopSecurityTest, AccountIsUsedWithEachMechanism) {
  for (const char* mechanism : {"", "SCRAM-SHA-256", "PLAIN", "LOGIN"}) {
    Serve(WithUsers(kTlsOnly));
    auth::ClientCredentials credentials = kPassword;
    credentials.mechanism = mechanism;
    Use(",auth=/f,ca=CA", credentials);
    EXPECT_EQ(Rcpt().code, 250) << mechanism << ": " << source_;
    Drop();
    EXPECT_EQ(Count(absl::StrCat(
                  "C: AUTH ", *mechanism == 0 ? "SCRAM-SHA-256" : mechanism)),
              1u)
        << mechanism;
  }
  for (const char* mechanism : {"", "OAUTHBEARER", "XOAUTH2"}) {
    Serve(WithUsers(kTlsOnly));
    auth::ClientCredentials credentials = kToken;
    credentials.mechanism = mechanism;
    Use(",auth=/f,ca=CA", credentials);
    EXPECT_EQ(Rcpt().code, 250) << mechanism << ": " << source_;
  }
}

// Wherever the words come from, no password leaves without verified TLS.
TEST_F(HopSecurityTest, PasswordNeedsVerifiedTls) {
  Serve(WithUsers(kPlain));
  Use(",auth=/f,ca=CA", kPassword);
  EXPECT_EQ(Rcpt().code, 451);
  Drop();
  EXPECT_EQ(Count("C: AUTH"), 0u);
  for (const char* words : {",tls=none", ",tls=may", ",tls=encrypt"}) {
    Serve(WithUsers(kStartTls));
    Use(words, kPassword);  // without auth=, which contradicts them
    EXPECT_EQ(Rcpt().code, 451) << words;
    EXPECT_TRUE(absl::StrContains(source_, "gets no password")) << source_;
    Drop();
    EXPECT_EQ(Count("C: AUTH"), 0u) << words;
  }
}

TEST_F(HopSecurityTest, WrongPasswordIsTriedOnceAndThenRarely) {
  Serve(WithUsers(kTlsOnly));
  auth::ClientCredentials wrong = kPassword;
  wrong.password = "hunter2";
  wrong.mechanism = "PLAIN";
  Use(",auth=/f,ca=CA", wrong);
  EXPECT_EQ(Rcpt(), (Reply{451,
                           {4, 3, 5},
                           "the next hop does not accept this server's "
                           "credentials (#4.3.5)"}));
  EXPECT_TRUE(absl::StrContains(source_, ": 535 ")) << source_;
  EXPECT_FALSE(absl::StrContains(source_, "hunter2"));
  // A day of clients.
  for (int i = 0; i < 24 * 60; ++i) {
    hops_->AdvanceTime(absl::Minutes(1));
    EXPECT_EQ(Rcpt().code, 451);
  }
  EXPECT_GT(hops_->connects().size(), 20u);
  EXPECT_LT(hops_->connects().size(), 35u);
}

// The servers of a hop know the same account.
TEST_F(HopSecurityTest, RefusedPasswordIsNotTriedAtTheNextServer) {
  Serve(WithUsers(kTlsOnly));
  auth::ClientCredentials wrong = kPassword;
  wrong.password = "hunter2";
  Use(",relay.example:26,auth=/f,ca=CA", wrong);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Rcpt().code, 451);
    EXPECT_TRUE(absl::StrContains(source_, ": 535 ")) << source_;
    EXPECT_THAT(hops_->connects(), ElementsAre(kServer));
    hops_->AdvanceTime(absl::Seconds(15));
  }
  // A server that fails in another way has another one after it.
  Serve(WithUsers(kTlsOnly));
  Use(",relay.example:26,auth=/f,ca=CA", kPassword);
  Server().On(rig::Auth()).Reply(454, "4.7.0 later");
  EXPECT_EQ(Rcpt().code, 250) << source_;
  EXPECT_THAT(hops_->connects(), ElementsAre(kServer, "192.0.2.1:26"));
}

// A server may have lost its users for a moment: that says nothing about the
// password.
TEST_F(HopSecurityTest, OutageOfAuthIsNoRefusal) {
  Serve(WithUsers(kTlsOnly));
  Server().On(rig::Auth()).Once().Reply(454, "4.7.0 later");
  Use(",auth=/f,ca=CA", kPassword);
  EXPECT_EQ(Rcpt().text,
            "the next hop cannot authenticate this server (#4.3.5)");
  hops_->AdvanceTime(absl::Seconds(2));
  EXPECT_EQ(Rcpt().code, 250);
}

TEST_F(HopSecurityTest, ServerWithoutAuthGetsNoMail) {
  Serve(kTlsOnly);
  Use(",auth=/f,ca=CA", kPassword);
  EXPECT_EQ(Rcpt().code, 451);
  EXPECT_TRUE(absl::StrContains(source_, "the server does not offer AUTH"))
      << source_;
}

TEST_F(HopSecurityTest, TokenThatHasEndedIsReplaced) {
  Serve(WithUsers(kTlsOnly));
  Use(",auth=/f,ca=CA", kToken);
  EXPECT_EQ(Rcpt().code, 250) << source_;
  EXPECT_EQ(asked_, 1);
  hops_->AdvanceTime(absl::Minutes(1));  // the connection ends
  Server().On(rig::Auth()).Once().Reply(535, "5.7.8 token expired");
  EXPECT_EQ(Rcpt().code, 250) << source_;
  EXPECT_EQ(asked_, 2);
  EXPECT_THAT(hops_->connects(), ElementsAre(kServer, kServer));
  // A new one that does not work is not replaced.
  hops_->AdvanceTime(absl::Minutes(1));
  token_ = "wrong";
  Server().On(rig::Auth()).Reply(535, "5.7.8 no");
  EXPECT_EQ(Rcpt().code, 451);
  EXPECT_EQ(asked_, 3);
}

// DNS may have any address for it.
TEST_F(HopSecurityTest, LocalhostElsewhereGetsNoPassword) {
  Serve(WithUsers(kPlain));
  hops_->SetName("localhost", {"192.0.2.1"});
  host_ = "localhost";
  Use(",auth=/f", kPassword);
  EXPECT_EQ(Rcpt().code, 451);
  EXPECT_TRUE(absl::StrContains(source_, "gets no password")) << source_;
  Drop();
  EXPECT_EQ(Count("C: AUTH"), 0u);
}

// A client that has gone needs no second connection.
TEST_F(HopSecurityTest, FallbackNeedsAClient) {
  Serve(kStartTls, kHost, TlsFault::kHangs);
  Use("");
  const auto sent = Begin();
  hops_->Run();
  sent->transaction.reset();
  hops_->AdvanceTime(absl::Minutes(2));
  EXPECT_EQ(hops_->connects().size(), 1u);
  EXPECT_EQ(reports_.size(), 1u);
  hops_->AdvanceTime(absl::Minutes(2));
  EXPECT_EQ(Rcpt().code, 250);
  EXPECT_EQ(hops_->connects().size(), 2u);  // it was not tried again
}

// The client waits five minutes, and each server takes nearly all of its time.
TEST_F(HopSecurityTest, SearchEndsBeforeTheClientDoes) {
  Serve(WithUsers(kTlsOnly));
  Server().On(rig::Connect()).Stall();
  for (const char* port : {":27", ":28"}) {
    hops_->Set(absl::StrCat("192.0.2.1", port), VirtualHops::State::kHangs);
  }
  rig::Pipe& last = hops_->At("192.0.2.1:26");
  last.On(rig::Connect()).Delay(absl::Seconds(20));
  last.On(rig::Ehlo()).Delay(absl::Seconds(35));
  last.On(rig::StartTls()).Delay(absl::Seconds(25));
  last.On(rig::Auth()).Delay(absl::Seconds(55));
  Use(",relay.example:27,relay.example:28,relay.example:26,auth=/f,ca=CA",
      kPassword);
  const auto since = hops_->now();
  const Reply reply = Rcpt();
  EXPECT_EQ(reply.text, "the next hop is too slow: timeout (#4.4.2)");
  EXPECT_LE(absl::FromChrono(hops_->now() - since), absl::Seconds(241));
  EXPECT_EQ(hops_->connects().size(), 4u);
}

// The PROXY header precedes TLS. AUTH follows XCLIENT, which begins a new
// session of the server. XCLIENT names no user: the server would take this
// connection for authenticated, and refuse AUTH.
TEST_F(HopSecurityTest, ClientIsNamedAtItsPlace) {
  client_.client.address = {.value = IpAddress::Parse("192.0.2.7")};
  client_.client.port = {.value = 4711};
  client_.client.destination_address = {.value = IpAddress::Parse("192.0.2.9")};
  client_.client.destination_port = {.value = 25};
  const std::string header = "PROXY 192.0.2.7:4711";
  const std::string mail = "MAIL FROM:<s@x>";
  client_.client.login = XClientValue<std::string>{.value = "alice"};
  const struct {
    rig::Options options;
    NextHop::Kind kind;
    std::string words;
    bool auth;
    std::vector<std::string> order;
  } cases[] = {
      {kStartTls,
       NextHop::Kind::kSmtp,
       ",proxy,ca=CA",
       false,
       {header, "STARTTLS", "TLS", mail}},
      {{.tls = rig::TlsMode::kFirst},
       NextHop::Kind::kSmtps,
       ",proxy,ca=CA",
       false,
       {header, "TLS", mail}},
      {WithUsers({.tls = rig::TlsMode::kFirst}),
       NextHop::Kind::kSmtps,
       ",xclient,auth=/f,ca=CA",
       true,
       {"TLS", "XCLIENT ADDR=192.0.2.7 LOGIN=[UNAVAILABLE]", "AUTH", mail}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.words);
    Serve(c.options);
    hops_->TakeClients(kServer, absl::StrContains(c.words, "proxy"));
    if (c.auth) {
      Server()
          .On(rig::Ehlo())
          .Raw(
              "250-rig.example\r\n250-AUTH SCRAM-SHA-256\r\n"
              "250 XCLIENT ADDR LOGIN\r\n");
    }
    Use(c.words,
        c.auth ? std::optional<auth::ClientCredentials>(kPassword)
               : std::nullopt,
        c.kind);
    EXPECT_EQ(Rcpt().code, 250) << source_;
    EXPECT_EQ(hops_->clients(kServer), c.order);
    if (!c.auth) continue;
    // The next client, on the same connection.
    EXPECT_EQ(Rcpt().code, 250) << source_;
    std::vector<std::string> both = c.order;
    both.insert(both.end(), c.order.begin() + 1, c.order.end());
    EXPECT_EQ(hops_->clients(kServer), both);
    EXPECT_EQ(hops_->connects().size(), 1u);
    // A refusal of the password counts as one before the first message does.
    auth::ClientCredentials wrong = kPassword;
    wrong.password = "hunter2";
    Drop();
    Use(absl::StrCat(",relay.example:26", c.words), wrong, c.kind);
    const size_t before = hops_->connects().size();
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(Rcpt().code, 451);
      EXPECT_TRUE(absl::StrContains(source_, ": 535 ")) << source_;
      EXPECT_EQ(hops_->connects().size(), before + 1);
      hops_->AdvanceTime(absl::Seconds(15));
    }
  }
}

// The server may limit the attempts of the client that XCLIENT names, or allow
// the account only from some networks.
TEST_F(HopSecurityTest, AuthThatFailsForOneClientIsPossibleForOthers) {
  const auto name = [this](absl::string_view address) {
    client_.client.address = {.value = IpAddress::Parse(address)};
  };
  const auto attempts = [this] {
    const auto& clients = hops_->clients(kServer);
    return std::count(clients.begin(), clients.end(), "AUTH");
  };
  for (const int code : {450, 535}) {
    SCOPED_TRACE(code);
    Serve(WithUsers({.tls = rig::TlsMode::kFirst}));
    hops_->TakeClients(kServer, /*proxy=*/false);
    Server()
        .On(rig::Ehlo())
        .Raw("250-rig.example\r\n250-AUTH PLAIN\r\n250 XCLIENT ADDR\r\n");
    Use(",xclient,auth=/f,ca=CA", kPassword, NextHop::Kind::kSmtps);
    Server().On(rig::Auth()).Once().Reply(code, "5.7.0 not from there");
    name("192.0.2.1");
    EXPECT_EQ(Rcpt().code, 451);
    EXPECT_TRUE(absl::StrContains(source_, absl::StrCat(": ", code, " ")))
        << source_;
    // No further attempt for this client, and no pause for another one.
    EXPECT_EQ(Rcpt().code, 451);
    EXPECT_EQ(attempts(), 1);
    name("192.0.2.2");
    EXPECT_EQ(Rcpt().code, 250) << source_;
    EXPECT_EQ(attempts(), 2);
    // All clients in a row: then it is the account.
    Server().On(rig::Auth()).Reply(code, "5.7.0 no");
    for (int i = 1; i <= 5; ++i) {
      name(absl::StrCat("192.0.2.", i));
      EXPECT_EQ(Rcpt().code, 451);
      EXPECT_TRUE(absl::StrContains(source_, absl::StrCat(": ", code, " ")))
          << source_;
    }
    EXPECT_EQ(attempts(), 2 + 3);
  }
}

TEST_F(HopSecurityTest, HangingServerEndsInTime) {
  Serve(WithUsers(kTlsOnly));
  Server().On(rig::Auth()).Stall();
  Use(",auth=/f,ca=CA", kPassword);
  const auto since = hops_->now();
  EXPECT_EQ(Rcpt().code, 451);
  EXPECT_LE(absl::FromChrono(hops_->now() - since), absl::Seconds(61));
}

}  // namespace
}  // namespace postern::delivery
