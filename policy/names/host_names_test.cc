// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/names/host_names.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"
#include "policy/names/dns_stand_in.h"
#include "policy/names/resolver.h"

namespace postern::policy {
namespace {

using Options = Resolver::Options;
using Behaviour = DnsStandIn::Behaviour;

constexpr auto kA = DnsStandIn::kA;
constexpr auto kAaaa = DnsStandIn::kAaaa;
constexpr auto kCname = DnsStandIn::kCname;
constexpr auto kPtr = DnsStandIn::kPtr;

constexpr absl::string_view kReverse = "1.2.0.192.in-addr.arpa";
constexpr absl::string_view kReverse6 =
    "1.0.0.0.0.0.0.0.f.e.d.c.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";

const HostName kNobody = {"", NameStatus::kNone};
const HostName kLater = {"", NameStatus::kTemporary};

HostName Confirmed(absl::string_view name) {
  return {std::string(name), NameStatus::kConfirmed};
}

HostName Forged(absl::string_view name) {
  return {std::string(name), NameStatus::kForged};
}

// The names, and the resolver that they use.
class Names {
 public:
  explicit Names(Options options) {
    auto resolver = Resolver::Make(std::move(options));
    EXPECT_TRUE(resolver.ok()) << resolver.status();
    resolver_ = *std::move(resolver);
    EXPECT_TRUE(resolver_->Start().ok());
    names_ = std::make_unique<HostNames>(resolver_.get());
  }

  void Lookup(const IpAddress& address, HostNames::Done done) {
    names_->Lookup(address, std::move(done));
  }
  Resolver::Counts counts() const { return resolver_->counts(); }

 private:
  // Outlives the last answer, which the destructor of the resolver gives.
  std::unique_ptr<HostNames> names_;
  std::unique_ptr<Resolver> resolver_;
};

std::unique_ptr<Names> Open(const DnsStandIn& dns, Options options = {}) {
  options.servers = {dns.server()};
  return std::make_unique<Names>(std::move(options));
}

std::future<HostName> Ask(Names* names, absl::string_view address) {
  std::promise<HostName> promise;
  std::future<HostName> future = promise.get_future();
  names->Lookup(*IpAddress::Parse(address),
                [promise = std::move(promise)](HostName name) mutable {
                  promise.set_value(std::move(name));
                });
  return future;
}

HostName Find(Names* names, absl::string_view address = "192.0.2.1") {
  return Ask(names, address).get();
}

struct Record {
  absl::string_view owner;
  DnsStandIn::Type type;
  absl::string_view data;
};

TEST(HostNamesTest, NameIsConfirmedByItsAddresses) {
  const struct {
    std::vector<Record> records;
    absl::string_view client;
    HostName want;
  } cases[] = {
      {{{kReverse, kPtr, "mx.example"}, {"mx.example", kA, "192.0.2.1"}},
       "192.0.2.1",
       Confirmed("mx.example")},
      {{{kReverse, kPtr, "MX.Example"}, {"mx.example", kA, "192.0.2.1"}},
       "::ffff:192.0.2.1",
       Confirmed("mx.example")},
      {{{kReverse6, kPtr, "mx.example"},
        {"mx.example", kA, "192.0.2.1"},
        {"mx.example", kAaaa, "2001:db8::cdef:0:1"}},
       "2001:DB8::cdef:0:1",
       Confirmed("mx.example")},
      // A name that several hosts share.
      {{{kReverse, kPtr, "out.example"},
        {"out.example", kA, "192.0.2.7"},
        {"out.example", kA, "192.0.2.1"},
        {"out.example", kA, "192.0.2.9"}},
       "192.0.2.1",
       Confirmed("out.example")},
      // Several names, of which one or two belong to the client.
      {{{kReverse, kPtr, "a.example"},
        {kReverse, kPtr, "b.example"},
        {"a.example", kA, "192.0.2.7"},
        {"b.example", kA, "192.0.2.1"}},
       "192.0.2.1",
       Confirmed("b.example")},
      {{{kReverse, kPtr, "gone.example"},
        {kReverse, kPtr, "mx.example"},
        {"mx.example", kA, "192.0.2.1"}},
       "192.0.2.1",
       Confirmed("mx.example")},
      {{{kReverse, kPtr, "c.example"},
        {kReverse, kPtr, "a.example"},
        {kReverse, kPtr, "b.example"},
        {"a.example", kA, "192.0.2.7"},
        {"b.example", kA, "192.0.2.1"},
        {"c.example", kA, "192.0.2.1"}},
       "192.0.2.1",
       Confirmed("b.example")},
      // RFC 2317, and an alias of the host name.
      {{{kReverse, kCname, "1.0-31.2.0.192.in-addr.arpa"},
        {"1.0-31.2.0.192.in-addr.arpa", kPtr, "mx.example"},
        {"mx.example", kCname, "host.example"},
        {"host.example", kA, "192.0.2.1"}},
       "192.0.2.1",
       Confirmed("mx.example")},
      {{{kReverse, kPtr, "_a-1.example"}, {"_a-1.example", kA, "192.0.2.1"}},
       "192.0.2.1",
       Confirmed("_a-1.example")},

      // The owner of a reverse zone can write any name.
      {{{kReverse, kPtr, "mx.victim"}, {"mx.victim", kA, "198.51.100.1"}},
       "192.0.2.1",
       Forged("mx.victim")},
      {{{kReverse, kPtr, "mx.victim"}}, "192.0.2.1", Forged("mx.victim")},
      {{{kReverse, kPtr, "b.victim"}, {kReverse, kPtr, "a.victim"}},
       "192.0.2.1",
       Forged("a.victim")},
      {{{kReverse, kPtr, "mx.victim"},
        {"mx.victim", kAaaa, "2001:db8::cdef:0:1"}},
       "192.0.2.1",
       Forged("mx.victim")},
      {{{kReverse6, kPtr, "mx.victim"}, {"mx.victim", kA, "192.0.2.1"}},
       "2001:db8::cdef:0:1",
       Forged("mx.victim")},
      // Names that are not host names, whatever addresses they have.
      {{{kReverse, kPtr, "192.0.2.1"}, {"192.0.2.1", kA, "192.0.2.1"}},
       "192.0.2.1",
       Forged("")},
      {{{kReverse, kPtr, "mx.127"}, {"mx.127", kA, "192.0.2.1"}},
       "192.0.2.1",
       Forged("")},
      {{{kReverse, kPtr, "a b.example"}, {"a b.example", kA, "192.0.2.1"}},
       "192.0.2.1",
       Forged("")},
      {{{kReverse, kPtr, "a\r\nb.example"}}, "192.0.2.1", Forged("")},
      {{{kReverse, kPtr, "\xc3\xa4.example"}}, "192.0.2.1", Forged("")},
      {{{kReverse, kPtr, "*.example"}}, "192.0.2.1", Forged("")},
      {{{kReverse, kPtr, "a b.example"},
        {kReverse, kPtr, "mx.example"},
        {"mx.example", kA, "192.0.2.1"}},
       "192.0.2.1",
       Confirmed("mx.example")},

      {{}, "192.0.2.1", kNobody},
      {{{kReverse, kA, "192.0.2.1"}}, "192.0.2.1", kNobody},
      {{{kReverse, kPtr, "mx.example"}, {"mx.example", kA, "192.0.2.1"}},
       "192.0.2.2",
       kNobody},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(absl::StrCat(c.client, " ", c.want.name));
    DnsStandIn dns;
    for (const Record& record : c.records) {
      dns.Add(record.owner, record.type, record.data);
    }
    EXPECT_EQ(Find(Open(dns).get(), c.client), c.want);
  }
}

TEST(HostNamesTest, FailedLookupIsTemporary) {
  const struct {
    absl::string_view name;
    Behaviour behaviour;
    HostName want;
  } cases[] = {
      {kReverse, Behaviour::kServFail, kLater},
      {kReverse, Behaviour::kTruncated, kLater},
      {kReverse, Behaviour::kGarbage, kLater},
      {kReverse, Behaviour::kSilent, kLater},
      // b.example and c.example belong to the client, a.example does not.
      {"a.example", Behaviour::kServFail, kLater},
      {"a.example", Behaviour::kTruncated, kLater},
      {"a.example", Behaviour::kGarbage, kLater},
      {"a.example", Behaviour::kSilent, kLater},
      {"b.example", Behaviour::kServFail, kLater},
      {"c.example", Behaviour::kServFail, Confirmed("b.example")},
      {"c.example", Behaviour::kSilent, Confirmed("b.example")},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(absl::StrCat(c.name, " ", static_cast<int>(c.behaviour)));
    DnsStandIn dns;
    for (absl::string_view name : {"a.example", "b.example", "c.example"}) {
      dns.Add(kReverse, kPtr, name);
    }
    dns.Add("b.example", kA, "192.0.2.1");
    dns.Add("c.example", kA, "192.0.2.1");
    dns.Behave(c.name, c.behaviour);
    // Short only if the test waits for the timeout.
    const bool lost = c.behaviour == Behaviour::kSilent && c.want == kLater;
    const absl::Duration timeout =
        lost ? absl::Milliseconds(100) : absl::Seconds(20);
    const auto names = Open(
        dns, {.timeout = timeout, .tries = 1, .min_ttl = absl::ZeroDuration()});
    EXPECT_EQ(Find(names.get()), c.want);
    if (c.want == kLater && !lost) {
      dns.Behave(c.name, Behaviour::kAnswers);
      EXPECT_EQ(Find(names.get()), Confirmed("b.example"));  // not cached
    }
  }
}

// A UDP port of 127.0.0.1 that refuses packets from other sockets, and that no
// other program can open at the same time.
class ClosedPort {
 public:
  ClosedPort() : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in own = {};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* address = reinterpret_cast<sockaddr*>(&own);
    socklen_t size = sizeof(own);
    EXPECT_EQ(bind(socket_, address, size), 0);
    EXPECT_EQ(getsockname(socket_, address, &size), 0);
    // A connected socket accepts only packets from this address.
    EXPECT_EQ(connect(socket_, address, size), 0);
    server_ = absl::StrCat("127.0.0.1:", ntohs(own.sin_port));
  }
  ClosedPort(const ClosedPort&) = delete;
  ClosedPort& operator=(const ClosedPort&) = delete;
  ~ClosedPort() { close(socket_); }

  const std::string& server() const { return server_; }

 private:
  const int socket_;
  std::string server_;
};

TEST(HostNamesTest, UnreachableServerIsTemporary) {
  const ClosedPort closed;
  Names names({.servers = {closed.server()},
               .timeout = absl::Milliseconds(100),
               .tries = 1});
  EXPECT_EQ(Find(&names), kLater);
}

TEST(HostNamesTest, TriesTheNextServerAfterATimeout) {
  DnsStandIn silent;
  silent.Behave(kReverse, Behaviour::kSilent);
  DnsStandIn dns;
  dns.Add(kReverse, kPtr, "mx.example");
  for (DnsStandIn* stand_in : {&silent, &dns}) {
    stand_in->Add("mx.example", kA, "192.0.2.1");
  }
  Names names({.servers = {silent.server(), dns.server()},
               .timeout = absl::Milliseconds(500),
               .tries = 3});
  EXPECT_EQ(Find(&names), Confirmed("mx.example"));
}

TEST(HostNamesTest, TriesAtMostTenNames) {
  for (const bool tenth : {true, false}) {
    DnsStandIn dns;
    for (int i = 13; i-- > 0;) {
      dns.Add(kReverse, kPtr, absl::StrCat("n", i + 10, ".example"));
    }
    const std::string name = tenth ? "n19.example" : "n20.example";
    dns.Add(name, kA, "192.0.2.1");
    const auto names = Open(dns);
    EXPECT_EQ(Find(names.get()),
              tenth ? Confirmed(name) : Forged("n10.example"));
    EXPECT_EQ(dns.questions(), 11);
    EXPECT_EQ(names->counts().questions, 11);
  }
}

// The answers of DNS are cached, so the second lookup of a client asks nothing,
// and each name is asked again when its own records expire.
TEST(HostNamesTest, AnswersOfDnsAreCached) {
  DnsStandIn dns;
  dns.Add(kReverse, kPtr, "mx.example", 60);
  dns.Add("mx.example", kA, "192.0.2.1", 90);
  std::atomic<int64_t> now = 1000;  // seconds
  const auto names =
      Open(dns, {.clock = [&now] { return absl::Seconds(now.load()); }});
  for (const auto& [second, questions] :
       std::vector<std::pair<int64_t, size_t>>{
           {0, 2}, {59, 2}, {60, 3}, {89, 3}, {90, 4}}) {
    now = 1000 + second;
    EXPECT_EQ(Find(names.get(), "::ffff:c000:201"), Confirmed("mx.example"));
    EXPECT_EQ(dns.questions(), questions) << second;
  }
}

TEST(HostNamesTest, AnswersManyLookupsAtOneTime) {
  DnsStandIn dns;
  for (int i = 0; i < 200; ++i) {
    dns.Add(absl::StrCat(i, ".2.0.192.in-addr.arpa"), kPtr,
            absl::StrCat("n", i, ".example"));
    dns.Add(absl::StrCat("n", i, ".example"), kA, absl::StrCat("192.0.2.", i));
  }
  const auto names =
      Open(dns, {.timeout = absl::Seconds(20), .at_once = 7, .most_open = 200});
  std::vector<std::future<HostName>> answers;
  for (int i = 0; i < 200; ++i) {
    answers.push_back(Ask(names.get(), absl::StrCat("192.0.2.", i)));
  }
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(answers[static_cast<size_t>(i)].get(),
              Confirmed(absl::StrCat("n", i, ".example")));
  }
  EXPECT_EQ(names->counts().questions, 400);
}

TEST(HostNamesTest, DoneMayStartALookup) {
  DnsStandIn dns;
  dns.Add(kReverse, kPtr, "mx.example");
  dns.Add("mx.example", kA, "192.0.2.1");
  const auto names = Open(dns);
  std::promise<HostName> promise;
  names->Lookup(*IpAddress::Parse("192.0.2.2"), [&](HostName name) {
    EXPECT_EQ(name, kNobody);
    names->Lookup(*IpAddress::Parse("192.0.2.1"), [&](HostName next) {
      names->Lookup(*IpAddress::Parse("192.0.2.1"), [&](HostName again) {
        EXPECT_EQ(again, next);
        promise.set_value(again);
      });
    });
  });
  EXPECT_EQ(promise.get_future().get(), Confirmed("mx.example"));
}

TEST(HostNamesTest, LookupDuringTheDestructorIsTemporary) {
  DnsStandIn dns;
  dns.Behave(kReverse, Behaviour::kSilent);
  auto names = Open(dns, {.timeout = absl::Minutes(1)});
  std::promise<HostName> promise;
  names->Lookup(
      *IpAddress::Parse("192.0.2.1"), [&, asked = names.get()](HostName name) {
        EXPECT_EQ(name, kLater);
        asked->Lookup(*IpAddress::Parse("192.0.2.2"), [&](HostName again) {
          promise.set_value(std::move(again));
        });
      });
  dns.WaitForQuestions(1);
  names.reset();
  EXPECT_EQ(promise.get_future().get(), kLater);
}

}  // namespace
}  // namespace postern::policy
