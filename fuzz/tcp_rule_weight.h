// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// tcpserver's order of rules, said the other way round: not which keys to look
// for, but which of two keys says more of a client.

#ifndef POSTERN_FUZZ_TCP_RULE_WEIGHT_H_
#define POSTERN_FUZZ_TCP_RULE_WEIGHT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "engine/session_info.h"

namespace postern {

// The greater says more.
struct TcpRuleWeight {
  int64_t kind = 0;   // 0: nothing
  size_t length = 0;  // among keys of one kind

  friend auto operator<=>(const TcpRuleWeight&, const TcpRuleWeight&) = default;
};

// Returns the weight of `key` for a client whose address is written `ip`, and
// whose name is confirmed and has no capitals.
inline TcpRuleWeight WeighTcpRule(const std::string& key, const std::string& ip,
                                  const SessionInfo& peer) {
  const std::string info = peer.remote_info.value_or("\n") + "@";
  const std::string name = "=" + peer.remote_name;
  // No key has a newline: these are for the kinds that are not whole.
  const std::string whole[] = {"\n", "", "=",         "\n",     "\n",
                               name, ip, info + name, info + ip};
  const auto* found = std::find(std::begin(whole), std::end(whole), key);
  if (found != std::end(whole)) return {found - whole, 0};
  if (absl::StartsWith(key, "=.") && absl::EndsWith(name, key.substr(1))) {
    return {3, key.size()};
  }
  const bool prefix = key.back() == '.' || key.back() == ':';
  if (prefix && absl::StartsWith(ip, key)) return {4, key.size()};
  return {};
}

}  // namespace postern

#endif  // POSTERN_FUZZ_TCP_RULE_WEIGHT_H_
