// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/names/resolver.h"

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "policy/names/dns_stand_in.h"
#include "system/refuse_threads.h"

namespace postern::policy {
namespace {

using Options = Resolver::Options;
using Behaviour = DnsStandIn::Behaviour;
using Status = DnsResult::Status;

std::unique_ptr<Resolver> Open(const DnsStandIn& dns, Options options = {}) {
  options.servers = {dns.server()};
  auto resolver = Resolver::Make(std::move(options));
  EXPECT_TRUE(resolver.ok()) << resolver.status();
  EXPECT_TRUE((*resolver)->Start().ok());
  return std::move(resolver).value();
}

std::future<DnsResult> Ask(Resolver* resolver, absl::string_view name,
                           DnsAnswer::Type type = DnsAnswer::kA) {
  std::promise<DnsResult> promise;
  std::future<DnsResult> future = promise.get_future();
  resolver->Lookup(
      name, type,
      [promise = std::move(promise)](const DnsResult& result) mutable {
        promise.set_value(result);
      });
  return future;
}

TEST(ResolverTest, AnswersEachType) {
  DnsStandIn dns;
  dns.Add("a.example", DnsStandIn::kA, "192.0.2.1", 7);
  dns.Add("a.example", DnsStandIn::kAaaa, "2001:db8::1", 8);
  dns.Add("a.example", DnsStandIn::kMx, "10 mx.example", 9);
  dns.Add("a.example", DnsStandIn::kTxt, "a text", 10);
  dns.Add("null.example", DnsStandIn::kMx, "0 .", 11);
  dns.Add("b.example", DnsStandIn::kPtr, "a.example", 12);
  dns.Behave("down.example", Behaviour::kServFail);
  const struct {
    std::string name;
    DnsAnswer::Type type;
    DnsResult want;
  } cases[] = {
      {"a.example", DnsAnswer::kA, {Status::kFound, {"\xc0\0\2\1"}, 7}},
      {"a.example", DnsAnswer::kMx, {Status::kFound, {"10 mx.example"}, 9}},
      {"a.example", DnsAnswer::kTxt, {Status::kFound, {"a text"}, 10}},
      {"null.example", DnsAnswer::kMx, {Status::kFound, {"0 ."}, 11}},
      {"b.example", DnsAnswer::kPtr, {Status::kFound, {"a.example"}, 12}},
      {"b.example", DnsAnswer::kA, {Status::kNoRecords, {}, 0}},
      {"c.example", DnsAnswer::kA, {Status::kNoName, {}, 0}},
      {"down.example", DnsAnswer::kA, {Status::kTemporary, {}, 0}},
      // Names that cannot exist. A NUL would end the name in c-ares.
      {std::string(64, 'a') + ".example", DnsAnswer::kA, {Status::kNoName}},
      {std::string("a.example\0b", 11), DnsAnswer::kA, {Status::kNoName}},
  };
  const auto resolver = Open(dns);
  for (auto c : cases) {
    if (c.type == DnsAnswer::kA && !c.want.records.empty()) {
      c.want.records = {std::string("\xc0\0\2\1", 4)};
    }
    const DnsResult result = Ask(resolver.get(), c.name, c.type).get();
    EXPECT_EQ(result, c.want) << c.name << " " << c.type;
  }
  EXPECT_EQ(Ask(resolver.get(), "a.example", DnsAnswer::kAaaa)
                .get()
                .records.at(0)
                .size(),
            16);
}

TEST(ResolverTest, AnswerIsCachedAsLongAsItsRecords) {
  const struct {
    uint32_t ttl;
    int seconds;
  } cases[] = {{60, 60}, {1, 5}, {0, 5}, {86400, 300}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.seconds);
    DnsStandIn dns;
    dns.Add("a.example", DnsStandIn::kA, "192.0.2.1", c.ttl);
    std::atomic<int64_t> now = 1000;  // seconds
    const auto resolver =
        Open(dns, {.clock = [&now] { return absl::Seconds(now.load()); }});
    EXPECT_EQ(Ask(resolver.get(), "a.example").get().status, Status::kFound);
    now = 1000 + c.seconds - 1;
    EXPECT_EQ(Ask(resolver.get(), "A.EXAMPLE").get().status, Status::kFound);
    EXPECT_EQ(dns.questions(), 1);
    EXPECT_EQ(resolver->counts().cached, 1);
    now = 1000 + c.seconds;
    EXPECT_EQ(Ask(resolver.get(), "a.example").get().status, Status::kFound);
    EXPECT_EQ(dns.questions(), 2);
  }
}

TEST(ResolverTest, AnswerWithoutRecordsIsCachedForTheMinimum) {
  DnsStandIn dns;
  std::atomic<int64_t> now = 0;
  const auto resolver =
      Open(dns, {.clock = [&now] { return absl::Seconds(now.load()); }});
  for (const int64_t second : {0, 4, 5}) {
    now = second;
    EXPECT_EQ(Ask(resolver.get(), "a.example").get().status, Status::kNoName);
    EXPECT_EQ(dns.questions(), second < 5 ? 1 : 2);
  }
}

// A server that does not answer delays one of many recipients, and not for
// long.
TEST(ResolverTest, FailureIsCachedForTheShortestTime) {
  DnsStandIn dns;
  dns.Add("a.example", DnsStandIn::kA, "192.0.2.1");
  dns.Behave("a.example", Behaviour::kServFail);
  std::atomic<int64_t> now = 0;
  const auto resolver =
      Open(dns, {.clock = [&now] { return absl::Seconds(now.load()); }});
  EXPECT_EQ(Ask(resolver.get(), "a.example").get().status, Status::kTemporary);
  const size_t questions = dns.questions();
  dns.Behave("a.example", Behaviour::kAnswers);
  now = 4;
  EXPECT_EQ(Ask(resolver.get(), "a.example").get().status, Status::kTemporary);
  EXPECT_EQ(dns.questions(), questions);
  now = 5;
  EXPECT_EQ(Ask(resolver.get(), "a.example").get().status, Status::kFound);
  EXPECT_EQ(resolver->counts().failed, 1);
  EXPECT_EQ(resolver->counts().timed_out, 0);
  EXPECT_EQ(resolver->counts().answered, 1);
}

TEST(ResolverTest, CacheIsLimited) {
  DnsStandIn dns;
  const auto resolver = Open(dns, {.cached = 2});
  for (const auto& [name, questions] :
       std::vector<std::pair<std::string, size_t>>{{"a", 1},
                                                   {"b", 2},
                                                   {"a", 2},
                                                   {"c", 3},
                                                   {"b", 3},
                                                   {"c", 3},
                                                   {"a", 4}}) {
    EXPECT_EQ(Ask(resolver.get(), name).get().status, Status::kNoName);
    EXPECT_EQ(dns.questions(), questions) << name;
  }
  const auto none = Open(dns, {.cached = 0});
  (void)Ask(none.get(), "d").get();  // only the count matters
  (void)Ask(none.get(), "d").get();  // only the count matters
  EXPECT_EQ(dns.questions("d"), 2);
  // One answer with much text does not fill the memory.
  for (int i = 0; i < 65; ++i) {
    dns.Add("big", DnsStandIn::kTxt, "x");
  }
  for (const size_t questions : {1, 2}) {
    EXPECT_EQ(Ask(resolver.get(), "big", DnsAnswer::kTxt).get().records.size(),
              65);
    EXPECT_EQ(dns.questions("big"), questions);
  }
}

TEST(ResolverTest, EqualLookupsShareOneQuestion) {
  DnsStandIn dns;
  dns.Behave("a.example", Behaviour::kSilent);
  const auto resolver =
      Open(dns, {.timeout = absl::Milliseconds(500), .tries = 1});
  std::vector<std::future<DnsResult>> answers;
  for (int i = 0; i < 5; ++i) {
    answers.push_back(Ask(resolver.get(), i % 2 ? "a.example" : "A.Example"));
  }
  for (auto& answer : answers) {
    EXPECT_EQ(answer.get().status, Status::kTemporary);
  }
  const Resolver::Counts counts = resolver->counts();
  EXPECT_EQ(counts.questions, 1);
  EXPECT_EQ(counts.joined, 4);
  EXPECT_EQ(counts.failed, 1);
  EXPECT_EQ(counts.timed_out, 1);
  EXPECT_EQ(counts.open, 0);
  EXPECT_EQ(counts.cache_size, 1);
}

TEST(ResolverTest, NumberOfOpenLookupsIsLimited) {
  DnsStandIn dns;
  for (absl::string_view name : {"a", "b", "c", "d"}) {
    dns.Behave(name, Behaviour::kSilent);
  }
  auto resolver = Open(
      dns,
      {.timeout = absl::Minutes(1), .tries = 1, .at_once = 2, .most_open = 3});
  std::vector<std::future<DnsResult>> open;
  for (absl::string_view name : {"a", "b", "c", "a"}) {
    open.push_back(Ask(resolver.get(), name));
  }
  dns.WaitForQuestions(2);
  EXPECT_EQ(resolver->counts().open, 3);
  EXPECT_EQ(Ask(resolver.get(), "d").get().status, Status::kTemporary);
  EXPECT_EQ(resolver->counts().refused, 1);
  // Stop() answers the questions that are open and those that wait.
  resolver->Stop();
  for (auto& answer : open) EXPECT_EQ(answer.get().status, Status::kTemporary);
  EXPECT_EQ(dns.questions("c"), 0);
  EXPECT_EQ(Ask(resolver.get(), "a").get().status, Status::kTemporary);
}

TEST(ResolverTest, AnswersManyThreads) {
  DnsStandIn dns;
  dns.Add("n1", DnsStandIn::kA, "192.0.2.1");
  // One answer is cached and two questions may be open: all ways to an answer
  // occur.
  const auto resolver = Open(dns, {.timeout = absl::Seconds(20),
                                   .at_once = 2,
                                   .most_open = 2,
                                   .cached = 1});
  std::vector<std::thread> threads;
  std::atomic<uint64_t> refused = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        const int host = i % 3;
        const DnsResult result =
            Ask(resolver.get(), absl::StrCat("n", host)).get();
        if (result.status == Status::kTemporary) {
          ++refused;
        } else {
          EXPECT_EQ(result.status,
                    host == 1 ? Status::kFound : Status::kNoName);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(resolver->counts().lookups, 1200);
  EXPECT_EQ(resolver->counts().refused, refused);
}

TEST(ResolverTest, LookupsWaitForTheStart) {
  DnsStandIn dns;
  dns.Add("a", DnsStandIn::kA, "192.0.2.1");
  auto resolver = Resolver::Make({.servers = {dns.server()}});
  ASSERT_TRUE(resolver.ok());
  std::future<DnsResult> answer = Ask(resolver->get(), "a");
  ASSERT_TRUE((*resolver)->Start().ok());
  EXPECT_EQ(answer.get().status, Status::kFound);
  auto never = Resolver::Make({.servers = {dns.server()}});
  ASSERT_TRUE(never.ok());
  answer = Ask(never->get(), "a");
  never->reset();
  EXPECT_EQ(answer.get().status, Status::kTemporary);
}

TEST(ResolverTest, RefusesInvalidOptions) {
  const struct {
    Options options;
    absl::string_view why;
  } cases[] = {
      {{.servers = {"resolver.example"}}, "resolver.example"},
      {{.servers = {"127.0.0.1", "192.0.2.300"}}, "192.0.2.300"},
      {{.servers = std::vector<std::string>(9, "127.0.0.1")}, "more than 8"},
      {{.timeout = absl::ZeroDuration()}, "timeout"},
      {{.timeout = absl::InfiniteDuration()}, "timeout"},
      {{.tries = 0}, "tries"},
      {{.tries = 11}, "tries"},
  };
  for (const auto& c : cases) {
    const absl::Status status = Resolver::Make(c.options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(absl::StrContains(status.message(), c.why)) << status;
  }
  for (absl::string_view server :
       {"127.0.0.1", "127.0.0.1:5353", "::1", "[::1]:5353"}) {
    EXPECT_TRUE(Resolver::Make({.servers = {std::string(server)}}).ok())
        << server;
  }
}

TEST(ResolverTest, WithoutAThreadStartReturnsAnError) {
  std::thread([] {
    ASSERT_TRUE(system::RefuseThreads());
    auto resolver = Resolver::Make({.servers = {"127.0.0.1"}});
    ASSERT_TRUE(resolver.ok());
    const absl::Status status = (*resolver)->Start();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  }).join();
}

}  // namespace
}  // namespace postern::policy
