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

#include <string>

#include "absl/functional/any_invocable.h"
#include "engine/grammar/ip_address.h"
#include "engine/session_info.h"
#include "policy/names/dns.h"

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

// Looks up the names of clients.
//
// The owner of a zone can put any text into it. Names that are not valid host
// names are ignored: names with other octets, with labels that are empty or
// longer than 63 octets, with more than 253 octets, and names with a number at
// the end, which could be taken for an address (192.0.2.1). Of the valid names,
// the first ten in alphabetical order are used. So one lookup needs at most
// eleven questions, one after another. `Dns` limits, shares and caches them.
//
// Thread-safety: Lookup() may be called from any thread at any time, also from
// `done`.
class HostNames {
 public:
  using Done = absl::AnyInvocable<void(HostName) &&>;

  // `dns` must live until the last answer.
  explicit HostNames(Dns* dns) : dns_(dns) {}
  HostNames(const HostNames&) = delete;
  HostNames& operator=(const HostNames&) = delete;

  // Finds the name of `address`, and calls `done` once: before this method
  // returns, if all answers are cached, otherwise on the thread of `dns`.
  // `done` must not block.
  void Lookup(const IpAddress& address, Done done);

 private:
  Dns* const dns_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_NAMES_HOST_NAMES_H_
