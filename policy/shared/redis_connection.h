// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One connection to a Redis. hiredis formats the commands and parses the
// replies; the sockets, TLS and the times are ours.

#ifndef POSTERN_POLICY_SHARED_REDIS_CONNECTION_H_
#define POSTERN_POLICY_SHARED_REDIS_CONNECTION_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "net/channel.h"
#include "net/connecting_socket.h"
#include "net/secure_channel.h"
#include "net/tls_client_context.h"
#include "net/turn.h"
#include "policy/shared/redis_address.h"

struct redisReader;

namespace postern::policy {

// What a connection needs.
struct RedisAccess {
  RedisAddress address;
  std::string password;                              // with auth=
  std::shared_ptr<const net::TlsClientContext> tls;  // with rediss:
  // The server is only read. Then the test of a connection writes nothing.
  bool read_only = false;
  // Returns the addresses of a host name. May block. Null: getaddrinfo(3).
  std::function<absl::StatusOr<std::vector<IpAddress>>(const std::string& host)>
      lookup;
};

// Reads the files that `address` names: the password, for the user `user` as
// ReadRedisPassword(), and the authorities. An error names the file.
absl::StatusOr<RedisAccess> ReadRedisAccess(const RedisAddress& address,
                                            const std::string& user);

// A reply: an array of integers, an error, or a status such as OK.
struct RedisReply {
  bool error = false;
  std::string text;  // of an error: printable, of limited length
  std::vector<int64_t> numbers;
};

// Thread-compatible. After an error the connection is of no use any more.
class RedisConnection {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Octets of a reply. A longer one is an error.
  static constexpr size_t kMaxReply = size_t{64} << 10;
  // Digits of the number of elements of an array. A larger number is an error:
  // hiredis allocates memory for all elements when it has read the number.
  static constexpr size_t kMaxArrayDigits = 4;

  // Connects, authenticates, chooses the database, and tests with a script that
  // it may write and expire a key, or read one. Blocks while a host name is
  // looked up, then for at most `timeout` until it is connected, and for at
  // most `timeout` until the test is over. Each address of the host has an
  // equal part of the time to connect, and the time that those before have
  // left. A readable descriptor `wake` (-1: none) ends it with kCancelled.
  static absl::StatusOr<std::unique_ptr<RedisConnection>> Open(
      const RedisAccess& access, std::chrono::milliseconds timeout,
      int wake = -1);

  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;
  ~RedisConnection();

  // Sends a command. Its octets wait until Wait() writes them.
  void Send(absl::Span<const absl::string_view> command);
  // The command that runs a script, with `prefix` before each key.
  void SendScript(absl::string_view script, absl::string_view prefix,
                  absl::Span<const std::string> keys,
                  absl::Span<const std::string> arguments);

  // Writes and reads until something was read, `wake` is readable, or
  // `deadline` has passed.
  absl::Status Wait(Time deadline, int wake);
  // Returns the next reply, or nullopt if it has not arrived.
  absl::StatusOr<std::optional<RedisReply>> Next();

 private:
  struct ReaderFree {
    void operator()(redisReader* reader) const;
  };

  RedisConnection();

  absl::Status Connect(const RedisAccess& access,
                       std::chrono::milliseconds timeout, int wake);
  // Connects `socket_`.
  absl::Status ConnectSocket(Time deadline, int wake);
  absl::Status Secure(const RedisAccess& access, Time deadline, int wake);
  absl::Status Begin(const RedisAccess& access, Time deadline, int wake);
  // Waits for the reply to `what`.
  absl::StatusOr<RedisReply> Await(absl::string_view what, Time deadline,
                                   int wake);
  // The same. A reply that is an error is an outage.
  absl::StatusOr<RedisReply> Call(absl::string_view what, Time deadline,
                                  int wake);
  // The same for AUTH. The error has no text of the server, which may contain
  // the password.
  absl::Status CallAuth(Time deadline, int wake);
  // Returns whether hiredis may parse `octets`, the next ones of the server.
  bool MayParse(absl::string_view octets);
  absl::Status Transfer(bool* has_read);
  absl::Status Lost() const;

  net::Turn turn_;
  std::optional<net::ConnectingSocket> socket_;
  std::unique_ptr<net::Channel> plain_;
  std::unique_ptr<net::SecureChannel> secure_;  // null: without TLS
  net::Channel* channel_ = nullptr;
  const std::unique_ptr<redisReader, ReaderFree> reader_;
  size_t fed_ = 0;      // octets since the last reply
  size_t column_ = 0;   // of the next octet in its line
  bool array_ = false;  // the line has the number of elements of an array
  std::string output_;  // not written yet
  bool want_write_ = false;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SHARED_REDIS_CONNECTION_H_
