// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An example of a delivery with a socket: it passes each transaction on to
// another SMTP server as it comes. docs/extending.md explains it.

#ifndef POSTERN_EXAMPLES_FORWARDER_H_
#define POSTERN_EXAMPLES_FORWARDER_H_

#include <memory>
#include <string>
#include <utility>

#include "engine/client_config.h"
#include "engine/delivery.h"

namespace postern::examples {

// Gives RCPT's reply of the next hop to the client, and the reply to the
// message. So nothing is accepted that the next hop refuses, and no bounce is
// ever needed. If the next hop cannot be reached, or breaks the dialogue off,
// the client gets a 451.
//
// Thread-safe. Its transactions wait for the next hop, so an event loop gives
// them threads. It must outlive them.
class Forwarder : public Delivery {
 public:
  // `socket_path` is the Unix socket of the next hop; `host` is who we are.
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
