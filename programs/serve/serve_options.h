// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The command line of postern serve.

#ifndef POSTERN_PROGRAMS_SERVE_SERVE_OPTIONS_H_
#define POSTERN_PROGRAMS_SERVE_SERVE_OPTIONS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
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
#include "service/finding.h"
#include "service/mail_options.h"
#include "service/options.h"

namespace postern::programs {

// The file that these commands read if --config names no other one.
inline constexpr absl::string_view kDefaultConfig = "/etc/postern/postern.conf";

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
  // The configuration file and what it includes. The user of --user reads them
  // at SIGHUP.
  std::vector<std::string> config_files;
};

// Returns whether host names or a check need a resolver.
bool AsksDns(const ServeOptions& options);

// Returns an error if the ciphers of `listen`, or else those of --tls-ciphers,
// cannot be used. It names the option.
absl::Status CheckCiphers(const ServeOptions& options,
                          const ListenOption& listen);

// The rows of these options, except for those of the checks
// (service::CheckOptionRows()). For commands that read the configuration of the
// server.
absl::Span<const service::OptionRow> ServeOptionRows();

// Reads the given options into `options`, and adds mistakes to `given`. At
// least one listener is not required.
void ReadServeOptions(service::Options* given, ServeOptions* options);

// The configuration of a server: its command line, its file and its variables,
// with this precedence. Immutable.
class ServeConfiguration {
 public:
  // Reads them. `arguments` are the command line after "serve", and must
  // outlive the object. Returns null if the program must end with `*exit_code`:
  // 0 after --help and --version, 100 after an error. The error is on standard
  // error and names the option, or the file and line. `default_file`, which is
  // read if it exists and --config names no other file, must outlive the
  // object, too.
  static std::unique_ptr<const ServeConfiguration> Read(
      absl::Span<const char* const> arguments, int* exit_code,
      absl::string_view default_file = kDefaultConfig);

  // Reads the file again, while a server runs with this configuration. Options
  // that cannot change in a running server stay as they are, and `findings`
  // gets a warning about each one that has changed, with its place. Returns
  // null if there is a mistake; `findings` gets all of them as errors. If this
  // configuration is from the default file, it is a mistake that the file does
  // not exist any more: the defaults have none of its limits and checks. Blocks
  // on the disk. May be called from any thread, one call at a time.
  std::unique_ptr<const ServeConfiguration> ReadAgain(
      service::Findings* findings) const;

  const ServeOptions& options() const { return options_; }

 private:
  ServeConfiguration(absl::Span<const char* const> arguments,
                     absl::string_view default_file);

  void ReadOptions();

  absl::Span<const char* const> arguments_;
  absl::string_view default_file_;
  // Whether the server has a resolver. It has one since its start or never.
  bool asks_dns_ = false;
  service::Options given_;
  ServeOptions options_;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_SERVE_OPTIONS_H_
