// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Which clients the lenient mode is for (engine/grammar/strictness.h has what
// it accepts).

#ifndef POSTERN_POLICY_RULES_LENIENT_CLIENTS_H_
#define POSTERN_POLICY_RULES_LENIENT_CLIENTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/strictness.h"
#include "net/network_list.h"

namespace postern::policy {

// The value of --lenient, and of the variable POSTERN_LENIENT in a rule of
// tcpserver: networks, the word "all", or the word "none".
//
// List only clients that send mail of their own. A relay in the list passes on
// what others wrote, and an LF in that would begin a command here.
//
// Thread-safety: once built it never changes; any thread may look things up.
class LenientClients {
 public:
  // None.
  LenientClients() = default;

  // Returns the clients of `entries`, each a network as in NetworkList::Parse()
  // or, alone, one of the two words. An error quotes the entry that is wrong.
  static absl::StatusOr<LenientClients> Parse(
      absl::Span<const std::string> entries);
  // The same for a variable: blanks separate its entries.
  static absl::StatusOr<LenientClients> ParseVariable(absl::string_view value);

  // Returns the mode for the client at `address`. A client without an address
  // is in no network.
  Strictness Of(const std::optional<IpAddress>& address) const;

 private:
  bool all_ = false;
  net::NetworkList networks_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_LENIENT_CLIENTS_H_
