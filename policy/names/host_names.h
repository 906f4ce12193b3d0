// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Host names of clients, confirmed by a forward lookup. The owner of a reverse
// zone can write any name into it, but only the owner of the name controls its
// addresses.
//
//   PTR of the client's address   a.example, b.example, ...
//   A or AAAA of each name        confirmed if the client's address is in it
//
// tcpserver looks up only the first name. Resolvers rotate the order, so a
// client with two names is confirmed only sometimes. Here all names count. They
// are tried in alphabetical order, and the first confirmed name is the client's
// name, so the result is always the same. If a name cannot be looked up now,
// the search ends with kTemporary, because a rule may name this very host.

#ifndef POSTERN_POLICY_NAMES_HOST_NAMES_H_
#define POSTERN_POLICY_NAMES_HOST_NAMES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"
#include "engine/session_info.h"
#include "system/descriptor.h"

namespace postern::policy {

struct HostName {
  // In lower case, without a dot at its end: letters, digits, '-', '_' and '.'.
  // For kForged the first host name, for the log, or empty if there was none.
  // Empty for kNone and kTemporary.
  std::string name;
  // kConfirmed; kTemporary: no server answered, or the answer was an error or
  // invalid; kForged: there are names, but none is confirmed; kNone: there is
  // no name. Never kUnchecked.
  NameStatus status = NameStatus::kNone;

  friend bool operator==(const HostName&, const HostName&) = default;
};

// Sends questions to the resolver with c-ares, on its own thread.
//
// The owner of a zone can put any text into it. Names that are not valid host
// names are ignored: names with other octets, with labels that are empty or
// longer than 63 octets, with more than 253 octets, and names with a number at
// the end, which could be taken for an address (192.0.2.1). Of the valid names,
// the first ten in alphabetical order are used. So one lookup needs at most
// eleven questions, one after another.
//
// Thread-safety: Lookup() and counts() may be called from any thread at any
// time, also from `done`.
class HostNames {
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
    // The largest number of clients that are looked up at one time, each with
    // one question. Other lookups wait. At least 1.
    size_t at_once = 100;
    // The largest number of lookups without an answer. Above it, the answer is
    // kTemporary immediately.
    size_t most_open = 1000;
    // The number of clients whose answers are cached. A new answer replaces the
    // oldest.
    size_t cached = 4096;
    // An answer is cached for the shortest time to live of its records, but
    // within these limits. An answer without records is cached for `min_ttl`.
    // kTemporary is not cached.
    absl::Duration min_ttl = absl::Seconds(5);
    absl::Duration max_ttl = absl::Minutes(5);
    // Returns the time of a clock that does not go back. Empty: the system's
    // clock.
    std::function<absl::Duration()> clock;
  };

  struct Counts {
    uint64_t lookups = 0;  // all lookups
    uint64_t cached = 0;   // answered from the cache
    uint64_t joined = 0;   // waited for another lookup of the same client
    uint64_t refused = 0;  // above Options::most_open
    uint64_t questions = 0;
  };

  using Done = absl::AnyInvocable<void(HostName) &&>;

  // Starts the thread, with the signal mask of the calling thread. Returns
  // kInvalidArgument if a server is invalid, there are too many, or `timeout`
  // or `tries` is outside the range above. Returns kResourceExhausted if the
  // thread does not start, and kInternal if c-ares or the system fails.
  static absl::StatusOr<std::unique_ptr<HostNames>> Open(Options options);
  HostNames(const HostNames&) = delete;
  HostNames& operator=(const HostNames&) = delete;
  // Answers all open lookups with kTemporary, and waits for the thread. `done`
  // must not destroy this object.
  ~HostNames();

  // Finds the name of `address`, and calls `done` once. Calls it before this
  // method returns if the answer is cached or the lookup is refused. Otherwise
  // calls it on the thread of this object, where `done` must not block. Lookups
  // of the same address at the same time share one search.
  void Lookup(const IpAddress& address, Done done);

  Counts counts() const;

 private:
  using Key = IpAddress::Bytes;
  struct Question;
  struct Channel;
  struct Cached {
    HostName name;
    absl::Duration until;
  };

  HostNames(Options options, std::unique_ptr<Channel> channel,
            system::Descriptor wake);

  // The methods below run on the thread.
  void Run();
  void Wait();
  void Ask(Question* question, const std::string& name, uint16_t type);
  static void OnAnswer(void* question, int status, absl::string_view answer);
  void Continue(Question* question);
  // Destroys `question`.
  void Finish(Question* question, HostName name);
  // The caller holds `mutex_`.
  void Remember(const Key& key, const HostName& name, absl::Duration ttl);

  const Options options_;
  const std::unique_ptr<Channel> channel_;  // used by the thread only
  const system::Descriptor wake_;  // an eventfd: there is work for the thread
  std::vector<Question*> ready_;   // with an answer; used by the thread only

  mutable std::mutex mutex_;  // guards the members below
  bool stopping_ = false;
  Counts counts_;
  size_t open_ = 0;  // lookups whose `done` is not called yet
  absl::flat_hash_map<Key, std::unique_ptr<Question>> questions_;
  std::deque<Question*> waiting_;  // those of questions_ that are not started
  absl::flat_hash_map<Key, Cached> cache_;
  std::deque<Key> oldest_;  // each key of cache_ once

  std::thread thread_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_NAMES_HOST_NAMES_H_
