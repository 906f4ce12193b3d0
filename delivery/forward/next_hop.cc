// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/next_hop.h"

#include <sys/un.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace postern::delivery {
namespace {

constexpr uint16_t kSmtpPort = 25;

// Returns whether `name` can be a host name (RFC 1123 2.1). An underscore is
// allowed, because private zones have such names.
bool IsHostName(absl::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  for (const absl::string_view label : absl::StrSplit(name, '.')) {
    if (label.empty() || label.size() > 63) return false;
    const bool valid = std::all_of(label.begin(), label.end(), [](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
             c == '_';
    });
    if (!valid) return false;
  }
  // "192.0.2" is a mistyped address and not a name.
  const absl::string_view last = name.substr(name.rfind('.') + 1);
  return !std::all_of(last.begin(), last.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

absl::StatusOr<HopAddress> ParseHost(bool lmtp, absl::string_view text) {
  const auto wrong = [text](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\": ", why));
  };
  HopAddress address;
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "unix:")) {
    if (!absl::StartsWith(rest, "/")) return wrong("the path is not absolute");
    if (rest.size() >= sizeof(sockaddr_un::sun_path)) {
      return wrong("the path of a Unix socket has at most 107 octets");
    }
    address.path = std::string(rest);
    return address;
  }
  absl::string_view host = rest.substr(0, rest.find(':'));
  if (absl::ConsumePrefix(&rest, "[")) {
    host = rest.substr(0, rest.find(']'));
    address.ip = IpAddress::Parse(host);
    if (!address.ip || !absl::StrContains(host, ":") ||
        rest.size() == host.size()) {
      return wrong("not an IPv6 address in brackets");
    }
    rest.remove_prefix(host.size() + 1);
  } else {
    rest.remove_prefix(host.size());
    address.ip = IpAddress::Parse(host);
    if (!address.ip) {
      if (!IsHostName(host)) {
        return wrong(
            "the host is not a host name, an IPv4 address or an IPv6 address "
            "in brackets");
      }
      address.name = absl::AsciiStrToLower(host);
    }
  }
  if (rest.empty() && !lmtp) {
    address.port = kSmtpPort;
    return address;
  }
  int port = 0;
  if (!absl::ConsumePrefix(&rest, ":")) return wrong("the port is missing");
  const bool digits = std::all_of(rest.begin(), rest.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (!digits || !absl::SimpleAtoi(rest, &port) || port < 1 || port > 65535) {
    return wrong("the port is not a number from 1 to 65535");
  }
  if (lmtp && port == kSmtpPort) {
    return wrong("LMTP must not use port 25 (RFC 2033 5)");
  }
  address.port = static_cast<uint16_t>(port);
  return address;
}

}  // namespace

std::string HopAddress::Format() const {
  if (!path.empty()) return absl::StrCat("unix:", path);
  if (!ip) return absl::StrCat(name, ":", port);
  const std::string text = ip->ToString();
  return absl::StrContains(text, ":") ? absl::StrCat("[", text, "]:", port)
                                      : absl::StrCat(text, ":", port);
}

absl::StatusOr<NextHop> NextHop::Parse(bool lmtp, absl::string_view text) {
  if (text.empty()) {
    return absl::InvalidArgumentError(
        lmtp ? "the next hop is missing: lmtp:unix:PATH or lmtp:HOST:PORT"
             : "the next hop is missing: smtp:HOST[:PORT]");
  }
  NextHop hop;
  hop.lmtp = lmtp;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    absl::StatusOr<HopAddress> address = ParseHost(lmtp, part);
    if (!address.ok()) return address.status();
    if (std::find(hop.hosts.begin(), hop.hosts.end(), *address) !=
        hop.hosts.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", part, "\": the same server twice"));
    }
    hop.hosts.push_back(*std::move(address));
  }
  if (hop.hosts.size() > kMaxHosts) {
    return absl::InvalidArgumentError(
        absl::StrCat("a next hop has at most ", kMaxHosts, " servers"));
  }
  return hop;
}

bool NextHop::has_names() const {
  return std::any_of(hosts.begin(), hosts.end(), [](const HopAddress& address) {
    return !address.name.empty();
  });
}

}  // namespace postern::delivery
