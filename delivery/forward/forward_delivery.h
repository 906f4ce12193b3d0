// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A Delivery that forwards messages to a next hop.

#ifndef POSTERN_DELIVERY_FORWARD_FORWARD_DELIVERY_H_
#define POSTERN_DELIVERY_FORWARD_FORWARD_DELIVERY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "delivery/forward/hop_loop.h"
#include "delivery/forward/hop_security.h"
#include "delivery/forward/next_hop.h"
#include "engine/client_config.h"
#include "engine/delivery.h"
#include "engine/grammar/extension.h"
#include "engine/proxied_client.h"
#include "engine/session_info.h"

namespace postern::delivery {

// Forwards each transaction while it arrives, so a 250 of this server is a 250
// of the next hop: see ForwardTransaction. Nothing is stored here. It serves
// every recipient.
//
// Thread-safe.
class ForwardDelivery : public Delivery {
 public:
  enum class Calls : uint8_t {
    // Transactions are used on the event loop that calls Begin(), and never
    // block it.
    kOnEventLoop,
    // Transactions are used on other threads. Their Write() waits for the event
    // loop of the Forwarding, and returns true.
    kOnThreads,
  };

  // `forwarding` must outlive the delivery and its transactions. `host_name` is
  // this server's name for EHLO. `rule` is Verdict::rule() of the answers, and
  // must be static. `security` has what the words of `hop` name.
  ForwardDelivery(Forwarding* forwarding, NextHop hop, std::string host_name,
                  absl::string_view rule, Calls calls,
                  HopSecurity security = {});

  // SMTPUTF8 is passed on. A next hop that does not offer it gets no message
  // that needs it (RFC 6531 3.1). Text in chunks is sent after DATA. DSN and
  // BINARYMIME depend on the next hop, so its words decide.
  ExtensionSet carries() const override;
  bool ServesRemote(const Path&) const override { return true; }
  bool LooksUpRecipients() const override {
    return calls_ == Calls::kOnThreads;
  }
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override;

 private:
  // Returns what the next hop may get to know, or nothing if no word asks for
  // it.
  ProxiedClient ClientOf(const SessionInfo& session) const;

  Forwarding& forwarding_;
  const NextHop hop_;
  const HopSecurity security_;
  const ClientConfig config_;
  const absl::string_view rule_;
  const Calls calls_;
  const std::shared_ptr<const void> registered_;  // for Forwarding::Status()
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FORWARD_FORWARD_DELIVERY_H_
