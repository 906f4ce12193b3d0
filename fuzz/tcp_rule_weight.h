// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The order of tcpserver's rules, written in another way than in the server: it
// does not list the keys to look for, but says which of two keys is more
// specific.

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

// The greater weight is more specific.
struct TcpRuleWeight {
  int64_t kind = 0;   // 0: does not match
  size_t length = 0;  // among keys of one kind

  friend auto operator<=>(const TcpRuleWeight&, const TcpRuleWeight&) = default;
};

// Returns the weight of `key` for a client with the address `ip` in text form.
// Its name is confirmed and has no capitals.
inline TcpRuleWeight WeighTcpRule(const std::string& key, const std::string& ip,
                                  const SessionInfo& peer) {
  const std::string info = peer.remote_info.value_or("\n") + "@";
  const std::string name = "=" + peer.remote_name;
  // No key contains a newline: "\n" stands for the kinds of keys that are
  // prefixes.
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
