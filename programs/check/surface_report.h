// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A relay surface (policy/surface/relay_surface.h) for administrators: who may
// send where, grouped by what is granted. surface_formats.h writes it.

#ifndef POSTERN_PROGRAMS_CHECK_SURFACE_REPORT_H_
#define POSTERN_PROGRAMS_CHECK_SURFACE_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "net/address_set.h"
#include "policy/surface/relay_surface.h"
#include "programs/check/client_addresses.h"

namespace postern::programs {

// The clients of one rule, or of one line that makes several rules.
struct SurfaceClients {
  // In the order in which rules are looked up: a client belongs to the first
  // row that has it.
  enum class Kind : uint8_t {
    kIdent,    // `name`: a key with an ident name
    kAddress,  // by a rule for whole addresses
    kName,     // `name`: a host name
    kNetwork,  // by a rule for a prefix
    kSuffix,   // `name`: the end of a host name, with its dot
    kAnyName,  // any confirmed host name
    kOthers,   // all other clients
    kUsers,    // authenticated users
  };
  Kind kind = Kind::kOthers;
  std::string name;
  net::AddressSet addresses;         // kAddress and kNetwork
  std::vector<TextPrefix> prefixes;  // the same
  // What grants it: "FILE:LINE", "FILE key KEY" or an option. May be empty.
  std::string source;
  size_t rules = 1;         // how many rules are merged in this row
  bool claimed = false;     // only clients that a proxy names
  bool no_address = false;  // includes clients of Unix sockets

  // Returns whether DNS decides who these clients are.
  bool TrustsDns() const;
};

// Clients with the same rights.
struct SurfaceGroup {
  enum class Effect : uint8_t {
    kRelay,    // may send to every recipient
    kSuffix,   // `detail` is appended to every recipient
    kLocal,    // may send to the local recipients in `detail`
    kNothing,  // may send to no recipient
    kDenied,   // gets no session
    kOutage,   // gets a 421, because of `detail`
  };
  Effect effect = Effect::kNothing;
  std::string detail;
  // Whether the appended domain is one of this host's (kSuffix).
  bool local = false;
  std::vector<SurfaceClients> clients;
};

// Returns who the clients are, as one text for each network, or one text for
// the others. If there are more than `most` texts, the last text contains the
// number of the others; 0: no limit.
std::vector<std::string> WhoTexts(const SurfaceClients& clients, size_t most);

// Returns what the clients of a group may do: "may send to every domain".
std::string EffectText(const SurfaceGroup& group);

struct ListedDomain {
  std::string entry;
  std::string source;  // "FILE:LINE" or "FILE key KEY"
};

// An entry of Surface::unreached_...
struct UnreachedEntry {
  std::string list;  // "rule", "domain" or "sender"
  policy::Unreached entry;
};

struct SurfaceReport {
  std::vector<SurfaceGroup> groups;  // in the order of Effect
  bool must_authenticate = false;    // every listener requires AUTH
  bool own_senders = false;          // users have senders of their own
  // The entries that accept recipients, and those among them that are for a
  // top-level domain or for more (IsWideDomain()).
  std::vector<ListedDomain> domains;
  std::vector<ListedDomain> wide_domains;
  size_t rcpthosts = 0;      // entries of this file
  size_t morercpthosts = 0;  // entries of this database
  // Entries of badmailfrom, if no client may use them as senders.
  size_t refused_senders = 0;
  std::vector<policy::Claimant> claimants;
  std::vector<policy::OutsideCheck> outside;
  bool trusts_dns = false;     // a rule of a group trusts DNS
  bool names_precede = false;  // rules for host names precede networks
  std::vector<UnreachedEntry> unreached;
  std::vector<std::string> notes;
  // One sentence about who may send where.
  std::string summary;
};

// Makes the report. `own_senders` is the option --senders.
SurfaceReport MakeSurfaceReport(const policy::Surface& surface,
                                bool own_senders);

// A right that gives strangers an open relay.
struct OpenRelay {
  std::string source;  // as in SurfaceClients
  std::string what;    // "every client may ..."
};

// Returns the rights with which strangers may send to every domain without
// AUTH: those of all other clients, of all clients that have any name or one in
// a top-level domain, and of so many addresses that no organization has them.
// Without what a proxy must claim, and without --open-relay, which says it.
std::vector<OpenRelay> OpenRelays(const SurfaceReport& report);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_CHECK_SURFACE_REPORT_H_
