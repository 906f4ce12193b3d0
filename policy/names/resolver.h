// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A stub resolver: it sends questions to name servers with c-ares, on its own
// thread, and caches the answers. A process needs one.

#ifndef POSTERN_POLICY_NAMES_RESOLVER_H_
#define POSTERN_POLICY_NAMES_RESOLVER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "policy/names/dns.h"
#include "policy/names/dns_answer.h"
#include "system/descriptor.h"

namespace postern::policy {

// Lookups of the same name and type at the same time share one question.
//
// Thread-safety: Lookup() and counts() may be called from any thread at any
// time, also from `done`.
class Resolver : public Dns {
 public:
  struct Options {
    // "192.0.2.1", "192.0.2.1:53", "[2001:db8::1]:53", at most 8. Empty: the
    // servers of resolv.conf(5).
    std::vector<std::string> servers;
    // The timeout of a server for one question, 1 ms to 1 minute, and the
    // number of tries for each server, 1 to 10. Each further try has twice the
    // timeout of the one before.
    absl::Duration timeout = absl::Seconds(2);
    int tries = 2;
    // The largest number of questions at one time. Others wait. At least 1.
    size_t at_once = 200;
    // The largest number of questions without an answer. Above it, and above
    // kMaxWaiters lookups that wait for one answer, the answer is kTemporary
    // immediately.
    size_t most_open = 4000;
    // The number of answers that are cached. A new answer replaces the oldest.
    // An answer whose records have more than kMaxCachedOctets is not cached.
    size_t cached = 8192;
    // An answer is cached for its time to live, but within these limits. An
    // answer without records is cached for `min_ttl`, and so is kTemporary, so
    // that a server that does not answer delays only one recipient of many.
    absl::Duration min_ttl = absl::Seconds(5);
    absl::Duration max_ttl = absl::Minutes(5);
    // Returns the time of a clock that does not go back. Empty: the system's
    // clock.
    std::function<absl::Duration()> clock;
  };
  static constexpr size_t kMaxCachedOctets = 2048;
  static constexpr size_t kMaxWaiters = 10000;

  struct Counts {
    uint64_t lookups = 0;    // all lookups
    uint64_t cached = 0;     // answered from the cache
    uint64_t joined = 0;     // waited for an open question
    uint64_t refused = 0;    // above Options::most_open
    uint64_t questions = 0;  // sent to servers
    uint64_t answered = 0;   // of these, with an answer of a server
    uint64_t failed = 0;     // of these, answered with kTemporary
    uint64_t timed_out = 0;  // of those that failed: no server answered in time
    // Not since the start, but now: questions without an answer, and answers in
    // the cache, of which some may be too old to be used.
    uint64_t open = 0;
    uint64_t cache_size = 0;
  };

  // Makes a resolver without its thread: lookups wait until Start(). Returns
  // kInvalidArgument if a server is invalid, there are too many, or `timeout`
  // or `tries` is outside the range above, and kInternal if c-ares or the
  // system fails.
  static absl::StatusOr<std::unique_ptr<Resolver>> Make(Options options);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  // Calls Stop().
  ~Resolver() override;

  // Starts the thread, with the signal mask of the calling thread. Call it
  // once. Returns kResourceExhausted if the thread does not start.
  absl::Status Start();
  // Answers all open lookups with kTemporary, and waits for the thread. Later
  // lookups are answered with kTemporary. `done` must not call this method.
  void Stop();

  // Calls `done` before it returns if the answer is cached or the lookup is
  // refused. Otherwise calls it on the thread of this object.
  void Lookup(absl::string_view name, DnsAnswer::Type type, Done done) override;

  Counts counts() const;

 private:
  using Key = std::pair<std::string, uint16_t>;  // name in lower case, type
  struct Question;
  struct Channel;
  struct Cached {
    DnsResult result;
    absl::Duration until;
  };

  Resolver(Options options, std::unique_ptr<Channel> channel,
           system::Descriptor wake);

  // The methods below run on the thread, or in the destructor after it.
  void Run();
  void CancelAll();
  void Wait();
  static void OnAnswer(void* question, int status, absl::string_view answer);
  // Destroys `question`.
  void Finish(Question* question, const DnsResult& result);
  // The callers of these hold `mutex_`.
  bool IsFull(const Key& key) const;
  void Remember(const Key& key, const DnsResult& result);
  absl::Duration Now() const;

  const Options options_;
  const std::unique_ptr<Channel> channel_;  // used by the thread only
  const system::Descriptor wake_;  // an eventfd: there is work for the thread
  std::vector<Question*> ready_;   // with an answer; used by the thread only

  mutable std::mutex mutex_;  // guards the members below
  bool stopping_ = false;
  Counts counts_;
  absl::flat_hash_map<Key, std::unique_ptr<Question>> questions_;
  std::deque<Question*> waiting_;  // those of questions_ that are not started
  absl::flat_hash_map<Key, Cached> cache_;
  std::deque<Key> oldest_;  // each key of cache_ once

  std::thread thread_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_NAMES_RESOLVER_H_
