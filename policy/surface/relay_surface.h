// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The relay surface: which clients may send to which recipients.
//
// The decision about a recipient (policy/relay_checks.h) depends on a client, a
// sender, a user and a recipient only by look-ups in finite lists: the keys of
// tcpserver's rules, badmailfrom, rcpthosts, morercpthosts.cdb. So the inputs
// form finitely many classes, and all inputs of one class get one verdict. The
// surface has these classes, a witness of each, and the verdict of the real
// checks about the witnesses.
//
//   Clients    by the first key of the rules that matches (tcp_rule_key.h), and
//              by the state of the host name. The order of the look-ups makes
//              this a decision tree, so the number of classes is linear in the
//              number of rules. Classes with equal facts share a Profile.
//   Senders    by the first matching line of badmailfrom, <>, others.
//   Users      no user, or any user.
//   Recipients by the first matching entry of rcpthosts or morercpthosts.cdb,
//              address literals, no domain, others.
//
// What is left out. Checks that depend on something else (CheckRow::outside)
// are not asked: DNS, programs, other servers, patterns, the name in HELO. They
// can only refuse, so the surface is an upper bound: no mail is accepted that
// the surface refuses. Surface::outside names those that are in use. The
// delivery is asked only by Delivery::ServesRemote(), which must not depend on
// more than the class; it can refuse a recipient afterwards.
//
// What is run. The checks are asked about
//   - each combination of a profile, a state of the host name, a user or none,
//     a kind of sender and a kind of recipient, by the first witness of the
//     kinds;
//   - every recipient class with an unlisted sender, and every listed sender
//     with one recipient, for one session of each RecipientPartition: if
//     possible one without RELAYCLIENT and without a user.
// The rest cannot differ: the checks read a recipient's domain only through
// HostList::Find(), and a sender only through FindAddress(), so classes of one
// kind differ in the source that the verdict names. MakeSurface() returns
// kInternal if the second part contradicts the first. relay_theorem_test.cc
// compares every input of small universes with the real checks.

#ifndef POSTERN_POLICY_SURFACE_RELAY_SURFACE_H_
#define POSTERN_POLICY_SURFACE_RELAY_SURFACE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/delivery.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/path.h"
#include "engine/session_info.h"
#include "net/network_list.h"
#include "net/own_addresses.h"
#include "policy/check.h"
#include "policy/checks.h"
#include "policy/control/controls.h"
#include "policy/rules/rule_source.h"
#include "policy/rules/tcp_rules.h"

namespace postern::policy {

// Peers that may claim to be any client: proxies of PROXY headers and of
// XCLIENT, and the users of a Unix socket that accepts PROXY headers.
struct Claimant {
  // The peers; nullopt for a Unix socket.
  std::optional<net::Network> network;
  // The peers as the configuration names them: "192.0.2.0/24", "/run/lmtp".
  std::string peers;
  std::string source;  // the option: "--xclient-from 192.0.2.0/24"
  bool names = false;  // may name a host name that DNS did not confirm
  bool users = false;  // may name an authenticated user
};

struct SurfaceInput {
  // The rules; null if there are none. Must live until the surface is made.
  const TcpRules* rules = nullptr;
  // The text of the rules, for the lines that the surface names as sources. If
  // it differs from the database, Surface::notes says so.
  RuleSource source;
  // Which control files to read. Patterns do not count: Surface::outside.
  ControlOptions controls;
  // Not null. Contain 0.0.0.0 or 127.0.0.1, as those of each host do.
  std::shared_ptr<const net::OwnAddresses> own_addresses;
  std::shared_ptr<const Delivery> delivery;  // null: takes every recipient

  bool host_names = false;  // whether host names are looked up in DNS
  bool ident = false;       // whether clients are asked for ident names
  bool no_address = false;  // whether clients without an address can connect
  bool anonymous = true;    // false if every listener requires AUTH
  bool users = false;       // whether a listener offers AUTH
  std::vector<Claimant> claimants;

  // The checks of the server and the names of their options that are given, for
  // Surface::outside. Null: the checks of CheckList().
  const Checks* checks = nullptr;
  std::vector<std::string> check_options;
};

// The addresses from `first` to `last`, both included.
struct AddressRange {
  IpAddress first;
  IpAddress last;
};

// The addresses whose first matching key, of the keys that are addresses or
// prefixes, is `key`. The sets of a surface are disjoint, and each address is
// in one of them.
struct AddressSet {
  // nullopt: the addresses that have no such key.
  std::optional<std::string> key;
  bool whole = false;  // `key` is a whole address and not a prefix

  // The IPv4 addresses: ascending, maximal ranges.
  std::vector<AddressRange> v4;

  // Whether the set has IPv6 addresses. Those of a prefix, or of no key, are
  // the addresses whose text (TcpRuleAddress()) begins with `key` and is
  // longer, except those in `v6_except`: keys that end in ':' are prefixes, and
  // each key is also the text of an address. These are the next longer keys;
  // those that begin with another one of them that is a prefix are left out.
  bool v6 = false;
  std::vector<std::string> v6_except;
  // The network that has exactly the addresses whose text begins with `key`.
  // nullopt if there is none: 2001:db8:: is also a prefix of
  // 2001:db8::1:2:3:4:5.
  std::optional<net::Network> v6_network;
};

// One client, as rules see it.
struct ClientWitness {
  std::optional<IpAddress> address;  // nullopt: the client of a Unix socket
  NameStatus name_status = NameStatus::kNone;  // none, temporary or confirmed
  std::string name;                            // if confirmed
  std::optional<std::string> ident;
};

// The clients for which one key of the rules is the first that matches.
struct ClientClass {
  // In the order of the look-ups.
  enum class Kind : uint8_t {
    kIdentAddress,  // joe@192.0.2.1
    kIdentName,     // joe@=a.example
    kAddress,       // 192.0.2.1
    kName,          // =a.example: any address without a rule of its own
    kPrefix,        // 192.0.2.: names without a rule of their own
    kSuffix,        // =.example: addresses without any rule
    kAnyName,       // =: addresses without any rule, other names
    kAny,           // the empty key: all other clients
    kNoRule,        // there is no empty key: all other clients
  };
  Kind kind = Kind::kNoRule;
  std::string key;     // of the rule
  std::string source;  // "FILE:LINE" or "FILE key KEY"; empty for kNoRule
  size_t profile = 0;  // in Surface::profiles
  // The client's addresses: an index of Surface::addresses. nullopt for kName
  // and the kinds with ident: all addresses that have no key of an earlier
  // kind (see `kind`).
  std::optional<size_t> addresses;
  // Whether it contains the clients without an address.
  bool no_address = false;
  // Whether only a Claimant that names host names can be in this class.
  bool claimed = false;
  // One client of each state that a host name has in this class: not confirmed
  // (kNone stands for kUnchecked and kForged, too), temporary failure,
  // confirmed. And a client without an address, if the class contains those. At
  // least one.
  std::vector<ClientWitness> witnesses;

  // Whether DNS decides who is in this class.
  bool TrustsNames() const {
    return kind == Kind::kName || kind == Kind::kSuffix ||
           kind == Kind::kAnyName || kind == Kind::kIdentName;
  }
  // Whether the client decides, by its ident name, if it is in this class.
  bool TrustsIdent() const {
    return kind == Kind::kIdentAddress || kind == Kind::kIdentName;
  }
};

// What the rules say about a client, as far as the checks read it. No two
// profiles of a surface are equal.
struct Profile {
  // The rules cannot be read for these clients, or have an invalid value: they
  // get a 421. The text says why. Empty: no outage.
  std::string outage;
  bool denied = false;
  std::optional<std::string> relay_client;
  // The variables that the checks of the surface read, sorted.
  std::vector<std::pair<std::string, std::string>> variables;
  size_t recipients = 0;  // in Surface::recipients

  friend bool operator==(const Profile&, const Profile&) = default;
};

// Recipients or senders that get one verdict. They are classified as the checks
// see them: the domain is what follows the last '@' of the whole address, and
// an address literal of this host is replaced with localiphost.
//
// With a value of RELAYCLIENT that is not empty, kLine, kDatabase and kUnlisted
// mean the domain that the recipient has after the value is appended, and there
// are no other literals than those of the first kinds.
struct RecipientClass {
  // A path is in the class of the first kind that applies.
  enum class Kind : uint8_t {
    kUnknownLiteral,  // [192.0.2.1], and this host's addresses are not known
    kControl,         // a control character in the address
    kOwnLiteral,      // [192.0.2.1] with an address of this host
    kLocalName,       // no '@': postmaster
    kNoDomain,        // nothing follows the last '@'
    kLine,            // `entry` of rcpthosts is the first that matches
    kDatabase,        // `entry` of morercpthosts.cdb is
    kLiteral,         // another IPv4 address literal
    kLiteral6,        // an IPv6 address literal
    kUnlisted,        // any other domain
    // Only with a value of RELAYCLIENT that contains '@': all other addresses,
    // because all get the same domain.
    kAll,
  };
  static constexpr size_t kKinds = 11;

  Kind kind = Kind::kUnlisted;
  std::string entry;   // of kLine and kDatabase
  std::string source;  // of the entry: "FILE:LINE" or "FILE key KEY"
  Path witness;
  // Whether a client can send such an address: ParsePath() accepts the witness.
  bool possible = true;
  // The witness as the envelope has it if it is accepted.
  Path envelope;
  // Whether `envelope` is local: its domain is listed, or it has none.
  bool local = false;
};

// All recipients, by their classes.
struct RecipientPartition {
  std::string suffix;  // the value of RELAYCLIENT
  std::vector<RecipientClass> classes;
};

struct SenderClass {
  enum class Kind : uint8_t {
    kUnknownLiteral,  // [192.0.2.1], and this host's addresses are not known
    kControl,         // a control character in the address
    kListed,          // `entry` of badmailfrom is the first that matches
    kNull,            // <>
    kOther,
  };
  static constexpr size_t kKinds = 5;

  Kind kind = Kind::kOther;
  std::string entry;   // of kListed
  std::string source;  // "FILE:LINE"
  Path witness;
};

// An entry that no input reaches: a rule, or an entry of a list.
struct Unreached {
  std::string entry;
  std::string source;  // "FILE:LINE" or "FILE key KEY"
  std::string why;     // "all its addresses have longer keys"
};

// A check that the classes do not cover.
struct OutsideCheck {
  std::string rule;
  // What turns it on: "--policy-server", "the variable RCPTCHECK" or, for a
  // check that is always in use, empty.
  std::string by;
  bool accepts = false;  // it may accept; otherwise it may only refuse
};

// An answer of the checks to the last question of: the connection, EHLO, MAIL,
// RCPT.
struct SurfaceVerdict {
  bool accepted = false;
  CheckStage stage = CheckStage::kRcpt;  // the question that was refused
  int code = 250;                        // of the reply
  std::string rule;                      // the check that decided
  std::string source;                    // Verdict::source()
  Path to;                               // the recipient in the envelope
  bool local = false;                    // RecipientClass::local
};

// One question to a surface. Numbers are indexes of the members of Surface.
struct SurfaceQuestion {
  size_t profile = 0;
  bool temporary = false;  // the look-up of the host name failed temporarily
  bool user = false;       // the client has authenticated
  size_t sender = 0;
  size_t recipient = 0;  // in Surface::recipients of the profile
};

// Immutable once made, so thread-safe.
struct Surface {
  std::vector<AddressSet> addresses;
  std::vector<ClientClass> clients;  // in the order of their kinds, then keys
  std::vector<Profile> profiles;
  std::vector<RecipientPartition> recipients;  // the first has no suffix
  std::vector<SenderClass> senders;

  std::vector<Unreached> unreached_rules;
  std::vector<Unreached> unreached_recipients;
  std::vector<Unreached> unreached_senders;
  std::vector<OutsideCheck> outside;
  // Sentences about the input: RuleSource::Warning().
  std::vector<std::string> notes;

  // Copies of the input.
  bool host_names = false;
  bool ident = false;
  bool anonymous = true;
  bool users = false;
  bool open_relay = false;
  std::vector<Claimant> claimants;

  // Returns the verdict. The question must be possible: `user` only if `users`
  // or a claimant has users, and no `user` only if `anonymous`.
  SurfaceVerdict Find(const SurfaceQuestion& question) const;

  // Returns whether some sender of the profile, with or without a user, may
  // send to the recipients of the class.
  bool Reaches(size_t profile, bool user, size_t recipient) const;
  // Returns whether some sender of the profile may send to a recipient that is
  // not local.
  bool Relays(size_t profile, bool user) const;
  // Returns whether sessions with a user, or without one, are possible.
  bool Possible(bool user) const;

  // The verdicts by kinds, in which Find() looks: see the head of this file.
  // The index is that of VerdictIndex(). nullopt: there is no such input.
  std::vector<std::optional<SurfaceVerdict>> verdicts;
  size_t VerdictIndex(size_t profile, bool temporary, bool user,
                      SenderClass::Kind sender,
                      RecipientClass::Kind recipient) const;
};

// Makes the surface. An error names the file that cannot be read. Linear in the
// number of rules and entries, apart from sorting: a second for 10,000 rules
// and 100,000 domains.
absl::StatusOr<Surface> MakeSurface(const SurfaceInput& input);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SURFACE_RELAY_SURFACE_H_
