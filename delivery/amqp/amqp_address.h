// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The address of a queue in RabbitMQ.
//
//   amqp:mq-a.example,mq-b.example,queue=mail,auth=/etc/postern/amqp
//   amqps:192.0.2.1:5671,queue=mail,auth=/etc/postern/amqp,ca=/etc/ca.pem

#ifndef POSTERN_DELIVERY_AMQP_AMQP_ADDRESS_H_
#define POSTERN_DELIVERY_AMQP_AMQP_ADDRESS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "delivery/forward/next_hop.h"

namespace postern::delivery {

struct AmqpAddress {
  // Connect with TLS: the certificate must be valid for the name of the host.
  bool tls = false;
  // At least one. The first one that works is used. No Unix sockets.
  std::vector<HopAddress> hosts;
  std::string queue;        // its name, kMaxQueue octets at most
  std::string auth;         // a file: see ReadAmqpCredentials()
  std::string vhost = "/";  // the virtual host of the broker
  std::string ca;           // a file of authorities in PEM; empty: the system's
  std::string spool = "/tmp";  // the directory of temporary files
  // Seconds in which the broker must confirm a message. The client waits ten
  // minutes for the reply to its content (RFC 5321 4.5.3.2.6).
  int timeout = 30;

  static constexpr size_t kMaxHosts = NextHop::kMaxHosts;
  // AMQP permits 255 octets, and postern relay appends to the name.
  static constexpr size_t kMaxQueue = 200;
  static constexpr int kMaxTimeout = 300;

  // Parses the text after "amqp:" or, with `tls`, "amqps:". Hosts come first:
  // an IPv4 address, an IPv6 address in brackets or a host name, and ":PORT",
  // which may be left out (5672, with TLS 5671). Then come the words queue=NAME
  // and auth=FILE, which are required, and vhost=NAME, ca=FILE, spool=DIR and
  // timeout=SECONDS. An error names the part that is wrong.
  static absl::StatusOr<AmqpAddress> Parse(bool tls, absl::string_view text);

  // Returns text that Parse() reads as this address.
  std::string Format() const;

  friend bool operator==(const AmqpAddress&, const AmqpAddress&) = default;
};

// The queues that belong to the queue QUEUE of an address. All are durable
// quorum queues, which refuse messages when they are full and dead-letter at
// least once. They are declared with these arguments, so a queue with others is
// an error.
//
//   QUEUE            messages that are to be forwarded. What it drops because
//                    of a policy (a delivery limit, an age) goes to QUEUE.dead
//   QUEUE.dead       messages that were not forwarded, for an administrator
//   QUEUE.retry.N    messages that return to QUEUE after N seconds
std::string DeadQueue(const std::string& queue);
std::string RetryQueue(const std::string& queue, int seconds);

struct AmqpCredentials {
  std::string user;
  std::string password;

  friend bool operator==(const AmqpCredentials&,
                         const AmqpCredentials&) = default;
};

// Reads a file with one line, USER:PASSWORD. Only the first colon separates.
// The file must be a secret, as files::ReadSecret() defines it for `user`. An
// error names the file. Blocks on the disk.
absl::StatusOr<AmqpCredentials> ReadAmqpCredentials(
    const std::string& path, const std::string& user = "");

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_AMQP_AMQP_ADDRESS_H_
