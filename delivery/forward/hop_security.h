// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How this server and a next hop prove to each other who they are.

#ifndef POSTERN_DELIVERY_FORWARD_HOP_SECURITY_H_
#define POSTERN_DELIVERY_FORWARD_HOP_SECURITY_H_

#include <memory>
#include <string>

#include "delivery/forward/next_hop.h"
#include "engine/client_exchange.h"
#include "log/report.h"
#include "net/tls_client_context.h"

namespace postern::delivery {

// What the words of a NextHop refer to, as it was when the configuration was
// read.
struct HopSecurity {
  // Verifies if a server of the hop has the level kVerify. Null: no server has
  // a level above kMay, and kMay is then without TLS.
  std::shared_ptr<const net::TlsClientContext> tls;
  std::shared_ptr<ClientAccount> account;  // null: no AUTH
  // Gets a line when TLS does not work and the level is kMay.
  log::Report report;

  // Octets that change when the connections that exist must not be used any
  // more.
  std::string version() const;
};

// What one connection needs.
struct HopTerms {
  TlsLevel level = TlsLevel::kNone;
  bool implicit_tls = false;
  bool local = false;  // HopAddress::is_local() and is_loopback()
  std::string name;    // that the certificate must have
  HopSecurity security;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FORWARD_HOP_SECURITY_H_
