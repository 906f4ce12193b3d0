// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Where a Redis is, as --shared-state names it.

#ifndef POSTERN_POLICY_SHARED_REDIS_ADDRESS_H_
#define POSTERN_POLICY_SHARED_REDIS_ADDRESS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"

namespace postern::policy {

struct RedisAddress {
  bool tls = false;  // "rediss:": always with a verified certificate
  std::string path;  // of a Unix socket, absolute; empty: host and port
  std::string host;  // a host name or an IP address, without brackets
  uint16_t port = 6379;

  // What the words give. Each comment begins with the word.
  int database = 0;                 // db=N
  std::string auth;                 // auth=FILE: the password
  std::string user;                 // user=NAME: of an ACL
  std::string ca;                   // ca=FILE: PEM, in place of the system's
  std::string prefix = "postern:";  // prefix=TEXT: of all keys
  // timeout=N, in seconds: for an answer, for all attempts to connect, and for
  // the start of a connection.
  absl::Duration timeout = absl::Seconds(1);

  static constexpr int kMaxDatabase = 65535;
  static constexpr size_t kMaxPrefix = 64;
  static constexpr int kMaxTimeout = 60;

  // Parses redis:HOST[:PORT], redis:unix:PATH or rediss:HOST[:PORT], and then
  // words, each after a comma. An IPv6 address is in brackets. A password needs
  // a Unix socket, a loopback address, "localhost" or rediss:, because others
  // could read it. DNS may have any address for "localhost": MayConnect(). The
  // error names the part that is wrong.
  static absl::StatusOr<RedisAddress> Parse(absl::string_view text);

  // Returns whether a connection to `ip`, an address of the host, may be
  // opened. A password without TLS stays within this machine.
  bool MayConnect(const IpAddress& ip) const;

  // Returns the address without words, for logs: "redis:127.0.0.1:6379".
  std::string Format() const;

  friend bool operator==(const RedisAddress&, const RedisAddress&) = default;
};

// Reads a file with one line, the password. It must be a secret, as
// files::ReadSecret() defines it for `user`. The error names the file. Blocks
// on the disk.
absl::StatusOr<std::string> ReadRedisPassword(const std::string& path,
                                              const std::string& user);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SHARED_REDIS_ADDRESS_H_
