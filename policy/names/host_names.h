// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Clients' host names, confirmed forward: whoever has a reverse zone can write
// any name into it, but only the owner of the name can give it addresses.
//
//   PTR of the client's address   a.example, b.example, ...
//   A or AAAA of each name        confirmed, if the client's is among them
//
// tcpserver asks for the first name alone, and resolvers turn round the order:
// a client with two names is confirmed at times. Here all count. They are tried
// in the order of the alphabet, and the first that is confirmed is the client's
// name, so it is the same each time. A name that cannot be looked up now ends
// the search, as kTemporary: a rule may be about just this one.

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
  // Lower-case, without a dot at its end: letters, digits, '-', '_' and '.'.
  // Of kForged the first name that there was, for the log; empty if none was a
  // host name. Of kNone and kTemporary empty.
  std::string name;
  // kConfirmed; kTemporary: no server answered, or with an error, or with what
  // cannot be read; kForged: there are names, and none is confirmed; kNone:
  // there is no name. Never kUnchecked.
  NameStatus status = NameStatus::kNone;

  friend bool operator==(const HostName&, const HostName&) = default;
};

// Asks the resolver by c-ares, in a thread of its own.
//
// What a name server says is its owner's word. Names that are no host names
// are passed over: those of other octets, of labels that are empty or longer
// than 63, of more than 253 octets, and those that end in a number, which some
// reader might take for an address (192.0.2.1). Of the others, the first ten in
// the order of the alphabet count: so one look-up is eleven questions at most,
// one after the other.
//
// Thread-safety: Lookup() and counts() may be called from any thread at any
// time, by `done` too.
class HostNames {
 public:
  struct Options {
    // "192.0.2.1", "192.0.2.1:53", "[2001:db8::1]:53", at most 8; empty: those
    // of resolv.conf(5).
    std::vector<std::string> servers;
    // How long a server has for one question, 1 ms to 1 minute, and how often
    // each is asked, 1 to 10 times. The second time it has twice as long, and
    // so on.
    absl::Duration timeout = absl::Seconds(2);
    int tries = 2;
    // Clients whose names are looked up at once, each with one question. The
    // others wait in line. At least 1.
    size_t at_once = 100;
    // Look-ups without an answer yet. Beyond these the answer is kTemporary, at
    // once.
    size_t most_open = 1000;
    // Clients whose answers are kept. The oldest makes room.
    size_t cached = 4096;
    // An answer is kept for the shortest time to live of the records in it, but
    // within these bounds; one without records for the shorter. kTemporary is
    // not kept.
    absl::Duration min_ttl = absl::Seconds(5);
    absl::Duration max_ttl = absl::Minutes(5);
    // Returns the time by a clock that does not go back. Absent: the system's.
    std::function<absl::Duration()> clock;
  };

  struct Counts {
    uint64_t lookups = 0;  // all
    uint64_t cached = 0;   // of these, answered from the cache
    uint64_t joined = 0;   // that waited for another's answer, same client
    uint64_t refused = 0;  // beyond Options::most_open
    uint64_t questions = 0;
  };

  using Done = absl::AnyInvocable<void(HostName) &&>;

  // Starts the thread, with the signal mask of the caller. Returns
  // kInvalidArgument where a server is none, there are too many, or `timeout`
  // or `tries` is not as above; kInternal where c-ares or the system has
  // failed.
  static absl::StatusOr<std::unique_ptr<HostNames>> Open(Options options);
  HostNames(const HostNames&) = delete;
  HostNames& operator=(const HostNames&) = delete;
  // Answers all that is open with kTemporary, and waits for the thread: not to
  // be called by `done`.
  ~HostNames();

  // Finds the name of `address`, and calls `done` once: before this returns if
  // the answer is known or cannot be had, and otherwise in the thread of this
  // object, where `done` must not wait for anything. Look-ups of the same
  // address at the same time are one.
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

  // Those below run in the thread.
  void Run();
  void Wait();
  void Ask(Question* question, const std::string& name, uint16_t type);
  static void OnAnswer(void* question, int status, absl::string_view answer);
  void Continue(Question* question);
  // Destroys `question`.
  void Finish(Question* question, HostName name);
  // `mutex_` is held.
  void Remember(const Key& key, const HostName& name, absl::Duration ttl);

  const Options options_;
  const std::unique_ptr<Channel> channel_;  // the thread's
  const system::Descriptor wake_;  // an eventfd: there is something to do
  std::vector<Question*> ready_;   // the thread's: their answer has come

  mutable std::mutex mutex_;  // of all below
  bool stopping_ = false;
  Counts counts_;
  size_t open_ = 0;  // calls of `done` that are to come
  absl::flat_hash_map<Key, std::unique_ptr<Question>> questions_;
  std::deque<Question*> waiting_;  // of these, what is not yet under way
  absl::flat_hash_map<Key, Cached> cache_;
  std::deque<Key> oldest_;  // each of cache_ once

  std::thread thread_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_NAMES_HOST_NAMES_H_
