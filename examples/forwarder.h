// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An example of a delivery with a socket: it forwards each transaction to
// another SMTP server while it arrives. docs/extending.md explains it.

#ifndef POSTERN_EXAMPLES_FORWARDER_H_
#define POSTERN_EXAMPLES_FORWARDER_H_

#include <memory>
#include <string>
#include <utility>

#include "engine/client_config.h"
#include "engine/delivery.h"

namespace postern::examples {

// The client gets the next hop's replies to RCPT and to the message. So nothing
// is accepted that the next hop refuses, and no bounce is needed. If the next
// hop cannot be reached, or closes the connection, the client gets a 451.
//
// Thread-safe. Its transactions block on the next hop: an event loop must run
// them on threads (delivery/pooled_delivery.h). Must outlive its transactions.
class Forwarder : public Delivery {
 public:
  // `socket_path` is the Unix socket of the next hop; `host` is this host's
  // name, for EHLO.
  Forwarder(std::string socket_path, std::string host)
      : socket_path_(std::move(socket_path)),
        config_{.host_name = std::move(host)} {}

  bool ServesRemote(const Path&) const override { return true; }
  bool LooksUpRecipients() const override { return true; }
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override;

 private:
  const std::string socket_path_;
  const ClientConfig config_;
};

}  // namespace postern::examples

#endif  // POSTERN_EXAMPLES_FORWARDER_H_
