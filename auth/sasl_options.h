// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#ifndef POSTERN_AUTH_SASL_OPTIONS_H_
#define POSTERN_AUTH_SASL_OPTIONS_H_

#include <string>
#include <vector>

#include "auth/backend.h"
#include "log/report.h"

namespace postern::auth {

// Who we are to Cyrus SASL, and what we want of it.
struct SaslOptions {
  // Where postern.conf is; empty: where the library looks for it.
  std::string config_dir;
  // This server's full name, in challenges and in tickets of Kerberos. Not
  // empty: the library would ask the DNS for one.
  std::string host_name;
  // What may stand behind the '@' of a user's name, to the letter. The first is
  // meant by a name without one. Empty: `host_name` alone.
  std::vector<std::string> realms;
  // The protocol's registered name (RFC 4422 4), which saslauthd and PAM hear.
  std::string service = "smtp";
  // What is offered, in this order; empty: whatever is installed and fit.
  std::vector<std::string> mechanisms;
  log::Report report;  // empty: no report
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_OPTIONS_H_
