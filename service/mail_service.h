// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Builds everything that serves mail from the options: control files, checks,
// the delivery and the users. All servers use it.

#ifndef POSTERN_SERVICE_MAIL_SERVICE_H_
#define POSTERN_SERVICE_MAIL_SERVICE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auth/backend.h"
#include "delivery/amqp/amqp_address.h"
#include "delivery/forward/next_hop.h"
#include "engine/authenticator.h"
#include "engine/delivery.h"
#include "engine/server_config.h"
#include "policy/checks.h"
#include "policy/control/controls.h"
#include "policy/greylisting/greylist_table.h"
#include "policy/names/dns.h"
#include "policy/spf/spf.h"
#include "service/backends.h"
#include "service/mail_options.h"
#include "service/messages_in_progress.h"
#include "service/metrics.h"
#include "system/run.h"

namespace postern::service {

class RouteList;
struct DestinationName;

// The files as they were when it was made. A session uses one MailService from
// beginning to end; a reload makes another one. Immutable and thread-safe.
struct MailService {
  // What the process provides. All of it is thread-safe.
  struct Process {
    // Runs tasks that block on another thread. Empty: they may block the
    // calling thread, and there is only one session.
    system::Run run;
    // Wraps a delivery that blocks, so that it blocks on other threads. Empty
    // if `run` is empty.
    std::function<std::shared_ptr<Delivery>(std::shared_ptr<Delivery>)> pool;
    // Wraps the delivery of a listener, to limit rates. Empty: no limits.
    std::function<std::shared_ptr<Delivery>(std::shared_ptr<Delivery>)>
        limit_rates;
    // Wraps the delivery of a listener with a filter of content, before `pool`.
    // Its result blocks. `host` is the name of this server. Empty: no filter.
    std::function<absl::StatusOr<std::shared_ptr<Delivery>>(
        std::shared_ptr<Delivery>, const std::string& host)>
        filter;
    // Makes a delivery that forwards. `threads`: its transactions are used on
    // threads that may block, because a filter is in front of it. Empty: this
    // program cannot forward. An error is about a file that a word of `hop`
    // names.
    std::function<absl::StatusOr<std::unique_ptr<Delivery>>(
        delivery::NextHop hop, const std::string& host, absl::string_view rule,
        bool threads)>
        forward;
    // Makes a delivery that publishes to a queue. Empty: this program cannot
    // publish.
    std::function<absl::StatusOr<std::unique_ptr<Delivery>>(
        delivery::AmqpAddress address, uint64_t max_size,
        absl::string_view rule)>
        publish;
    // Reads control/routes, and makes a delivery that follows it: ReadRoutes()
    // and FollowRoutes() of service/route_list.h. Empty: this program has no
    // routes. Not linked into postern-smtpd.
    std::function<std::shared_ptr<const RouteList>(
        const MailOptions& options, const policy::Controls& controls,
        std::vector<absl::Status>* errors, std::vector<std::string>* warnings)>
        read_routes;
    std::function<std::shared_ptr<Delivery>(
        std::shared_ptr<const RouteList> routes, std::string me,
        std::shared_ptr<Delivery> own,
        std::vector<std::shared_ptr<Delivery>> targets)>
        follow_routes;
    // Names a destination in answers and metrics (NameDestination()). Empty:
    // this program has one destination.
    std::function<std::shared_ptr<Delivery>(std::shared_ptr<Delivery>,
                                            DestinationName, Metrics*)>
        name_destination;
    // Wraps a delivery with Destination::partial, after `pool`. `spec` names
    // the destination. Empty: SMTP clients get one of its verdicts.
    std::function<std::shared_ptr<Delivery>(std::shared_ptr<Delivery>,
                                            const std::string& spec)>
        partial;
    // Opens the backends of AUTH that need a library.
    OpenBackend open_backend;
    // Makes the Authenticator of the sessions from a backend that may block.
    std::function<std::shared_ptr<Authenticator>(
        std::shared_ptr<auth::Backend>)>
        guard;
    Metrics* metrics = nullptr;  // null: no counting
    // Null: interruptions are not logged.
    MessagesInProgress* messages = nullptr;
    // Null: the checks cannot ask DNS. Must live until the last answer.
    policy::Dns* dns = nullptr;
    // Null: --greylist is an error. Must live until the last answer.
    policy::GreylistTable* greylist = nullptr;
    policy::Spf* spf = nullptr;
    bool warns = true;  // whether to log warnings about the files
  };
  // What Make() has found, for a caller that wants to know all of it.
  struct Problems {
    std::vector<absl::Status> errors;
    std::vector<std::string> warnings;  // sentences
  };

  // Where the mail of a listener goes, and what depends on that.
  struct Outlet {
    DestinationOption destination;
    // The configuration of every session, without TLS and AUTH, which depend on
    // the program and the listener.
    ServerConfig config;
    std::shared_ptr<policy::Checks> policy;
    std::shared_ptr<Delivery> delivery;
    // The deliveries of all destinations that a recipient can have.
    std::vector<std::shared_ptr<const Delivery>> reaches;
  };

  // Not inline, to keep postern-smtpd small.
  MailService();
  MailService(const MailService& other);  // the copy shares all parts
  MailService(MailService&& other) noexcept;
  MailService& operator=(MailService&& other) noexcept;
  ~MailService();

  // Reads the control files and users, and builds all parts. An error names the
  // file or the option.
  static absl::StatusOr<MailService> Make(const MailOptions& options,
                                          const Process& process);
  // Does the same, but adds all errors and warnings to `problems` instead of
  // returning the first error and logging the warnings. If there is an error,
  // the result lacks parts, and must not serve.
  static MailService Make(const MailOptions& options, const Process& process,
                          Problems* problems);

  std::shared_ptr<const policy::Controls> controls;
  std::string host_name;  // for Received fields
  // One for each destination, in the order of MailOptions::Destinations().
  std::vector<std::shared_ptr<const Outlet>> outlets;
  // control/routes; null: there are none.
  std::shared_ptr<const RouteList> routes;
  // Destination::check of each destination that has one.
  std::vector<std::function<std::vector<std::string>()>> check_deliveries;
  std::shared_ptr<auth::Backend> backend;        // null if there are no users
  std::shared_ptr<Authenticator> authenticator;  // null if there are no users
  bool show_user = false;                        // in Received fields
  bool runs_programs = false;  // for delivery or to check passwords
  Metrics* metrics = nullptr;
  MessagesInProgress* messages = nullptr;

  // Returns the outlet to the destination `name`, or null. Empty: to the
  // destination without a name.
  std::shared_ptr<const Outlet> OutletTo(absl::string_view name) const;
};

// Returns an error if `config`, made from the control files in `control`, is
// not valid.
absl::Status CheckConfig(const ServerConfig& config, absl::string_view control);

// Returns the end of the --help text, after the options: the kinds of
// deliveries, and the checks in their order.
std::string MailHelp();

}  // namespace postern::service

#endif  // POSTERN_SERVICE_MAIL_SERVICE_H_
