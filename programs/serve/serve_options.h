// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The command line of postern serve.

#ifndef POSTERN_PROGRAMS_SERVE_SERVE_OPTIONS_H_
#define POSTERN_PROGRAMS_SERVE_SERVE_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "net/listening_socket.h"
#include "net/network_list.h"
#include "policy/greylisting/greylist_options.h"
#include "policy/limits/attempt_limits.h"
#include "policy/limits/connection_limits.h"
#include "policy/limits/rate_limits.h"
#include "policy/shared/redis_address.h"
#include "programs/serve/listen_option.h"
#include "programs/serve/partial_option.h"
#include "programs/serve/rspamd_option.h"
#include "service/certificate_options.h"
#include "service/mail_options.h"
#include "service/options.h"

namespace postern::programs {

struct ServeOptions : service::MailOptions, service::CertificateOptions {
  std::vector<ListenOption> listen;  // at least one
  std::string rules;                 // tcprules' database; empty: none
  bool rules_optional = false;
  bool silent_deny = false;
  bool host_names = false;
  std::vector<std::string> resolvers;  // none: those of /etc/resolv.conf
  net::NetworkList proxies;            // whose PROXY headers count
  net::NetworkList xclient_peers;      // whose XCLIENT counts
  std::optional<policy::GreylistOptions> greylist;
  policy::ConnectionLimits::Limits limits;
  std::vector<policy::RateLimit> rate_limits;
  std::optional<policy::RedisAddress> shared_state;  // absent: none
  int threads = 0;  // 0: one for each processor
  int blocking_threads = 64;
  int auth_threads = 8;
  policy::AttemptLimits::Limits attempts;
  RspamdOption rspamd;
  PartialOption partial;
  int drain = 30;                             // seconds
  int ready_fd = -1;                          // -1: none
  std::string user;                           // empty: do not change
  std::optional<net::ListenAddress> metrics;  // absent: none
  std::vector<std::string> warnings;  // about variables of the environment
};

// Returns whether host names or a check need a resolver.
bool AsksDns(const ServeOptions& options);

// The rows of these options, except for those of the checks
// (service::CheckOptionRows()). For commands that read the configuration of the
// server.
absl::Span<const service::OptionRow> ServeOptionRows();

// Reads the given options into `options`, and adds mistakes to `given`. At
// least one listener is not required.
void ReadServeOptions(service::Options* given, ServeOptions* options);

// Reads the command line after "serve", the file of --config and the variables
// POSTERN_..., in this order of precedence. Returns nullopt if the program must
// end with `*exit_code`: 0 after --help and --version, 100 after an error. The
// error is on standard error and names the option, or the file and line.
std::optional<ServeOptions> ReadServeOptions(int argc, char** argv,
                                             int* exit_code);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_SERVE_OPTIONS_H_
