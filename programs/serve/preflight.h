// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Reads the configuration of postern serve, and tests what it needs while it
// serves. postern serve does this at its start and at SIGHUP, postern check at
// any time. Both use these functions, so they find the same errors.
//
// An outage of another server, such as a name server that does not answer, is
// never an error.

#ifndef POSTERN_PROGRAMS_SERVE_PREFLIGHT_H_
#define POSTERN_PROGRAMS_SERVE_PREFLIGHT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "delivery/forward/hop_loop.h"
#include "policy/greylisting/greylist_file.h"
#include "policy/names/dns.h"
#include "policy/names/resolver.h"
#include "policy/spf/spf_over_dns.h"
#include "programs/serve/publish.h"
#include "programs/serve/serve_options.h"
#include "programs/serve/service_snapshot.h"
#include "service/finding.h"
#include "service/mail_service.h"

namespace postern::programs {

// Becomes `user`, permanently. Does nothing if it is empty, or if this process
// is this user already, and not root. kFailedPrecondition if this process is
// another user, and not root: a second attempt would have the same result.
absl::Status ChangeUser(const std::string& user);

// A process that reads a configuration and serves no client: the parts from
// which service::MailService builds the configuration. Nothing is asked, read
// or written until the configuration is used.
class TestProcess {
 public:
  // `dns` may be null, and must outlive the object.
  TestProcess(const ServeOptions& options, policy::Dns* dns);
  TestProcess(const TestProcess&) = delete;
  TestProcess& operator=(const TestProcess&) = delete;

  const service::MailService::Process& get() const { return process_; }

 private:
  policy::SpfOverDns spf_;
  delivery::Forwarding forwarding_;
  Publishers publishers_;
  std::optional<policy::GreylistFile> greylist_;
  service::MailService::Process process_;
};

// Whether to ask name servers and policy servers. That may take seconds, and
// their outage does not prevent a start.
enum class Network : uint8_t { kUnasked, kAsked };

// What a child process has found that is the user of --user.
struct UserFindings {
  // There was such a process. Otherwise this process is the user that serves,
  // and `needs` is only about the table of --greylist.
  bool tested = false;
  // The files that the server reads before it changes its user, and again after
  // SIGHUP.
  service::Findings files;
  // What it needs while it serves.
  service::Findings needs;
};

// If this process is root and --user is given, tests all in a child process
// that is this user. Otherwise tests only the table of --greylist, which a
// running server has open: it is not tested at SIGHUP. Blocks on the disk. The
// process must have no other threads. Returns an error if the child cannot be
// started or does not complete.
absl::StatusOr<UserFindings> TestAsUser(const ServeOptions& options,
                                        Network network);

// Returns a resolver that is not started, or null if nothing needs one.
// `findings` gets the mistakes of --resolver, and the resolver then has other
// servers.
std::unique_ptr<policy::Resolver> MakeResolver(const ServeOptions& options,
                                               service::Findings* findings);

// Reads the configuration, tests what it needs, and adds all findings. Tests as
// this process, unless `user` has tested it. Returns null if an error prevents
// the start, including those of `findings` before. Blocks on the disk.
std::shared_ptr<const ServiceSnapshot> ReadAndTest(
    const ServeOptions& options, const service::MailService::Process& process,
    const UserFindings& user, service::Findings* findings);

// Does all of the above, for a process that does not serve. Also tests whether
// this process can listen at the addresses of the options; an address that is
// in use is a warning. Returns an error if the test is not complete.
absl::Status TestConfiguration(const ServeOptions& options,
                               service::Findings* findings);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_PREFLIGHT_H_
