// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Which clients the server treats leniently. engine/grammar/strictness.h
// describes what the lenient mode accepts.

#ifndef POSTERN_POLICY_RULES_LENIENT_CLIENTS_H_
#define POSTERN_POLICY_RULES_LENIENT_CLIENTS_H_

#include <optional>
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
// text from others, and an LF in that text would begin a command here.
//
// Thread-safety: immutable after construction. Any thread may look up clients.
class LenientClients {
 public:
  // No clients.
  LenientClients() = default;

  // Parses `entries`: networks as in NetworkList::Parse(), or exactly one of
  // the two words. An error quotes the invalid entry.
  static absl::StatusOr<LenientClients> Parse(
      absl::Span<const std::string> entries);
  // Parses the value of a variable. Blanks separate its entries.
  static absl::StatusOr<LenientClients> ParseVariable(absl::string_view value);

  // Returns the mode for the client at `address`. A client without an address
  // is not in any network.
  Strictness Of(const std::optional<IpAddress>& address) const;

 private:
  bool all_ = false;
  net::NetworkList networks_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_LENIENT_CLIENTS_H_
