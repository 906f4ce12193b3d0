// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/shared/redis_address.h"

#include <sys/un.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "engine/grammar/decimal.h"
#include "engine/grammar/ip_address.h"
#include "files/secret.h"
#include "net/address_words.h"

namespace postern::policy {
namespace {

constexpr size_t kMaxPasswordFile = 4096;

absl::Status Wrong(absl::string_view part, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", part, "\": ", why));
}

bool IsPrintable(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c < 0x7f; });
}

// What follows the server.
constexpr net::AddressWord<RedisAddress> kWords[] = {
    {.name = "db",
     .read =
         [](absl::string_view value, RedisAddress* address) {
           const auto number = ParseDecimal(value, /*max_digits=*/5);
           if (!number || *number > uint64_t{RedisAddress::kMaxDatabase}) {
             return absl::InvalidArgumentError(absl::StrCat(
                 "not a number from 0 to ", RedisAddress::kMaxDatabase));
           }
           address->database = static_cast<int>(*number);
           return absl::OkStatus();
         }},
    {.name = "auth",
     .read =
         [](absl::string_view value, RedisAddress* address) {
           return net::ReadPath(value, &address->auth);
         }},
    {.name = "user",
     .read =
         [](absl::string_view value, RedisAddress* address) {
           if (!IsPrintable(value)) {
             return absl::InvalidArgumentError(
                 "a name has printable characters and no spaces");
           }
           address->user = std::string(value);
           return absl::OkStatus();
         },
     .check =
         [](const RedisAddress& address) {
           if (!address.auth.empty()) return absl::OkStatus();
           return absl::InvalidArgumentError(
               "needs auth=FILE, a file with the password");
         }},
    {.name = "ca",
     .read =
         [](absl::string_view value, RedisAddress* address) {
           return net::ReadPath(value, &address->ca);
         },
     .check =
         [](const RedisAddress& address) {
           if (address.tls) return absl::OkStatus();
           return absl::InvalidArgumentError(
               "only rediss: verifies certificates");
         }},
    {.name = "prefix",
     .read =
         [](absl::string_view value, RedisAddress* address) {
           if (!IsPrintable(value) || value.size() > RedisAddress::kMaxPrefix) {
             return absl::InvalidArgumentError(
                 absl::StrCat("a prefix has 1 to ", RedisAddress::kMaxPrefix,
                              " printable characters and no spaces"));
           }
           address->prefix = std::string(value);
           return absl::OkStatus();
         }},
    {.name = "timeout",
     .read =
         [](absl::string_view value, RedisAddress* address) {
           const auto number = ParseDecimal(value, /*max_digits=*/2);
           if (!number || *number == 0 ||
               *number > uint64_t{RedisAddress::kMaxTimeout}) {
             return absl::InvalidArgumentError(
                 absl::StrCat("not a number of seconds from 1 to ",
                              RedisAddress::kMaxTimeout));
           }
           address->timeout = absl::Seconds(*number);
           return absl::OkStatus();
         }},
};

absl::Status ParseServer(absl::string_view text, RedisAddress* address) {
  absl::string_view path = text;
  if (absl::ConsumePrefix(&path, "unix:")) {
    if (address->tls) return Wrong(text, "a Unix socket has no TLS");
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
      return Wrong(text, "the path of the socket is too long");
    }
    if (absl::Status status = net::ReadPath(path, &address->path);
        !status.ok()) {
      return Wrong(text, status.message());
    }
    return absl::OkStatus();
  }
  absl::string_view host = text;
  std::optional<absl::string_view> port;
  if (absl::StartsWith(text, "[")) {
    const size_t end = text.find(']');
    if (end == text.npos) return Wrong(text, "a bracket is missing");
    host = text.substr(1, end - 1);
    const auto ip = IpAddress::Parse(host);
    if (!ip || ip->v4()) return Wrong(text, "not an IPv6 address in brackets");
    absl::string_view rest = text.substr(end + 1);
    if (absl::ConsumePrefix(&rest, ":")) {
      port = rest;
    } else if (!rest.empty()) {
      return Wrong(text, "no ':' between the address and the port");
    }
  } else if (const size_t colon = text.find(':'); colon != text.npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (host.empty() || !IsPrintable(host)) {
    return absl::InvalidArgumentError(
        "the server is missing: redis:HOST[:PORT], redis:unix:PATH or "
        "rediss:HOST[:PORT]");
  }
  address->host = std::string(host);
  if (!port) return absl::OkStatus();
  const auto number = ParseDecimal(*port, /*max_digits=*/5);
  if (!number || *number == 0 || *number > 65535) {
    return Wrong(text,
                 "not a port from 1 to 65535; an IPv6 address is in "
                 "brackets");
  }
  address->port = static_cast<uint16_t>(*number);
  return absl::OkStatus();
}

bool IsLoopback(const IpAddress& ip) {
  return ip == *IpAddress::Parse("::1") || (ip.v4() && ip.bytes()[12] == 127);
}

// Returns whether the address is meant to be on this machine.
bool IsLocal(const RedisAddress& address) {
  if (!address.path.empty() || address.host == "localhost") return true;
  const auto ip = IpAddress::Parse(address.host);
  return ip && IsLoopback(*ip);
}

}  // namespace

absl::StatusOr<RedisAddress> RedisAddress::Parse(absl::string_view text) {
  RedisAddress address;
  absl::string_view rest = text;
  address.tls = absl::ConsumePrefix(&rest, "rediss:");
  if (!address.tls && !absl::ConsumePrefix(&rest, "redis:")) {
    return Wrong(text,
                 "not redis:HOST[:PORT], redis:unix:PATH or "
                 "rediss:HOST[:PORT]");
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(rest, ',');
  if (absl::Status status = ParseServer(parts[0], &address); !status.ok()) {
    return status;
  }
  if (absl::Status status = net::ReadWords<RedisAddress>(
          kWords, absl::MakeConstSpan(parts).subspan(1), &address);
      !status.ok()) {
    return status;
  }
  if (!address.auth.empty() && !address.tls && !IsLocal(address)) {
    return absl::InvalidArgumentError(
        absl::StrCat(address.host,
                     ": others on the network could read the password of "
                     "auth=FILE; use rediss:, a Unix socket or a tunnel to "
                     "localhost"));
  }
  return address;
}

bool RedisAddress::MayConnect(const IpAddress& ip) const {
  return auth.empty() || tls || IsLoopback(ip);
}

std::string RedisAddress::Format() const {
  if (!path.empty()) return absl::StrCat("redis:unix:", path);
  const bool brackets = absl::StrContains(host, ':');
  return absl::StrCat(tls ? "rediss:" : "redis:", brackets ? "[" : "", host,
                      brackets ? "]" : "", ":", port);
}

absl::StatusOr<std::string> ReadRedisPassword(const std::string& path,
                                              const std::string& user) {
  const auto content = files::ReadSecret(path, kMaxPasswordFile, user);
  if (!content.ok()) return content.status();
  const absl::string_view line = absl::StripSuffix(*content, "\n");
  if (line.empty() || line.find_first_of(absl::string_view("\r\n\0", 3)) !=
                          absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is not one line with a password"));
  }
  return std::string(line);
}

}  // namespace postern::policy
