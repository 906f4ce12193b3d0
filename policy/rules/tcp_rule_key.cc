// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/tcp_rule_key.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace postern::policy {
namespace {

constexpr size_t kGroups = 8;  // groups of 16 bits in an IPv6 address

// tcpserver shortens even a single zero group to "::", unlike RFC 5952 4.2.2.
constexpr size_t kShortestRun = 1;

std::optional<std::string> ConfirmedName(const SessionInfo& peer) {
  if (peer.name_status != NameStatus::kConfirmed) return std::nullopt;
  const absl::string_view name = absl::StripSuffix(peer.remote_name, ".");
  if (name.empty()) return std::nullopt;
  return absl::AsciiStrToLower(name);
}

bool HasKey(const SessionInfo& peer, absl::string_view key) {
  const std::vector<std::string> keys = TcpRuleKeys(peer);
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

}  // namespace

std::vector<std::string> TcpRuleKeys(const SessionInfo& peer) {
  if (!peer.remote_address) return {""};
  const std::string ip = TcpRuleAddress(*peer.remote_address);
  const std::optional<std::string> name = ConfirmedName(peer);
  std::vector<std::string> keys;
  if (peer.remote_info) {
    keys.push_back(absl::StrCat(*peer.remote_info, "@", ip));
    if (name) keys.push_back(absl::StrCat(*peer.remote_info, "@=", *name));
  }
  keys.push_back(ip);
  if (name) keys.push_back(absl::StrCat("=", *name));
  for (size_t size = ip.size(); size-- > 1;) {
    const char last = ip[size - 1];
    if (last == '.' || last == ':') keys.push_back(ip.substr(0, size));
  }
  if (name) {
    // The whole name is already in the list, even if it begins with a dot.
    for (size_t i = 1; i < name->size(); ++i) {
      if ((*name)[i] == '.') keys.push_back(absl::StrCat("=", name->substr(i)));
    }
    keys.push_back("=");
  }
  keys.push_back("");
  return keys;
}

std::string TcpRuleAddress(const IpAddress& address) {
  return address.ToString(kShortestRun);
}

bool IsTcpRuleKey(absl::string_view key) {
  // Builds a client that has the key, if there can be one.
  SessionInfo peer;
  peer.remote_address = IpAddress::Parse("192.0.2.1");
  absl::string_view address = key;
  if (const size_t at = key.rfind('@'); at != absl::string_view::npos) {
    peer.remote_info.emplace(key.substr(0, at));
    address = key.substr(at + 1);
  }
  if (absl::ConsumePrefix(&address, "=")) {
    const bool whole = !address.empty() && address[0] != '.';
    peer.remote_name = absl::StrCat(whole ? "" : "a", address);
    peer.name_status = NameStatus::kConfirmed;
    return HasKey(peer, key);
  }
  if (address.empty()) return HasKey(peer, key);
  // Text that can follow a prefix of an IPv4 address or of an IPv6 address. In
  // IPv6 a run of zeros may have ended, may begin, or may still follow.
  std::string more;
  for (size_t i = 0; i < kGroups; ++i) {
    for (absl::string_view end : {"", "1", ":1", ":"}) {
      peer.remote_address = IpAddress::Parse(absl::StrCat(address, more, end));
      if (peer.remote_address && HasKey(peer, key)) return true;
    }
    more += absl::StrContains(address, ':') ? "1:" : "1.";
  }
  return false;
}

}  // namespace postern::policy
