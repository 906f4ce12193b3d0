// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The one assembly of what serves mail: control files, checks, the delivery and
// the users, put together as the options say. Every program uses it.

#ifndef POSTERN_SERVICE_MAIL_SERVICE_H_
#define POSTERN_SERVICE_MAIL_SERVICE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "auth/backend.h"
#include "engine/authenticator.h"
#include "engine/delivery.h"
#include "engine/policy.h"
#include "engine/server_config.h"
#include "policy/control/controls.h"
#include "service/backends.h"
#include "service/mail_options.h"
#include "service/messages_under_way.h"
#include "service/metrics.h"
#include "system/run.h"

namespace postern::service {

// As its files were when it was made. A session is served by one MailService
// from its beginning to its end; files that are read again make another one.
// Immutable, and thread-safe.
struct MailService {
  // What the process provides; all of it thread-safe.
  struct Process {
    // Runs what blocks on another thread. Empty: it may block where it is
    // called, and there is one session.
    system::Run run;
    // Has a delivery that blocks do so on other threads. Empty where `run` is.
    std::function<std::shared_ptr<Delivery>(std::shared_ptr<Delivery>)> pool;
    // Opens backends for AUTH that need a library.
    OpenBackend open_backend;
    // Makes the Authenticator that sessions ask, of a backend, which may wait.
    std::function<std::shared_ptr<Authenticator>(
        std::shared_ptr<auth::Backend>)>
        guard;
    Metrics* metrics = nullptr;            // null: nothing is counted
    MessagesUnderWay* messages = nullptr;  // null: their end is not logged
    bool warns = true;  // whether warnings about the files are logged
  };

  // Out of line, to keep postern-smtpd small.
  MailService();
  MailService(MailService&& other) noexcept;
  MailService& operator=(MailService&& other) noexcept;
  ~MailService();

  // Reads the control files and users, and puts everything together. An error
  // names the file, or the option.
  static absl::StatusOr<MailService> Make(const MailOptions& options,
                                          const Process& process);

  std::shared_ptr<const policy::Controls> controls;
  // Of every session. It offers no TLS and no AUTH, since that depends on the
  // program and its listeners.
  ServerConfig config;
  std::string host_name;           // of Received fields
  std::shared_ptr<Policy> policy;  // the checks
  std::shared_ptr<Delivery> delivery;
  std::shared_ptr<auth::Backend> backend;        // null: there are no users
  std::shared_ptr<Authenticator> authenticator;  // null: there are no users
  bool show_user = false;                        // in Received fields
  bool runs_programs = false;  // to deliver, or to check passwords
  Metrics* metrics = nullptr;
  MessagesUnderWay* messages = nullptr;
};

// Returns an error if `config`, which was made of the control files in
// `control`, is not valid.
absl::Status CheckConfig(const ServerConfig& config, absl::string_view control);

// Returns what --help says after the options: the kinds of deliveries, and the
// checks in their order.
std::string MailHelp();

}  // namespace postern::service

#endif  // POSTERN_SERVICE_MAIL_SERVICE_H_
