// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#ifndef POSTERN_AUTH_SASL_OPTIONS_H_
#define POSTERN_AUTH_SASL_OPTIONS_H_

#include <string>
#include <vector>

#include "auth/backend.h"
#include "log/report.h"

namespace postern::auth {

// The identity of this server for Cyrus SASL, and the mechanisms to offer.
struct SaslOptions {
  // The directory of postern.conf. If empty, the library searches for it.
  std::string config_dir;
  // The full host name of this server, for challenges and Kerberos tickets.
  // Must not be empty: the library would query DNS for it.
  std::string host_name;
  // The realms that may follow the '@' of a user's name, exactly as written
  // here. A name without realm gets the first one. If empty: `host_name` alone.
  std::vector<std::string> realms;
  // The registered name of the protocol (RFC 4422 4), for saslauthd and PAM.
  std::string service = "smtp";
  // The mechanisms to offer, in this order. If empty: all that are installed
  // and suitable.
  std::vector<std::string> mechanisms;
  log::Report report;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_OPTIONS_H_
