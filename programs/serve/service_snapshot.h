// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Everything that postern serve has read, at one time.

#ifndef POSTERN_PROGRAMS_SERVE_SERVICE_SNAPSHOT_H_
#define POSTERN_PROGRAMS_SERVE_SERVICE_SNAPSHOT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "auth/backend.h"
#include "engine/authenticator.h"
#include "engine/delivery.h"
#include "engine/policy.h"
#include "engine/server_config.h"
#include "net/tls_context.h"
#include "policy/control/controls.h"
#include "programs/serve/serve_options.h"
#include "service/backends.h"
#include "service/messages_under_way.h"
#include "service/metrics.h"
#include "system/run.h"

namespace postern::programs {

// A session is served by one ServiceSnapshot from its beginning to its end,
// however often the files are read again meanwhile. Immutable, and thread-safe.
struct ServiceSnapshot {
  // What a ServiceSnapshot needs of the process; all of it thread-safe.
  struct Process {
    system::Run run;  // what blocks
    // Opens backends for AUTH that need a library.
    service::OpenBackend open_backend;
    // Makes the one that sessions ask of a backend, which may wait.
    std::function<std::shared_ptr<Authenticator>(
        std::shared_ptr<auth::Backend>)>
        guard;
    service::Metrics* metrics = nullptr;  // null: not counted
    service::MessagesUnderWay* messages =
        nullptr;  // null: their end is not logged
  };

  // Reads the control files, certificates and users. An error names the file,
  // or the option.
  static absl::StatusOr<std::shared_ptr<const ServiceSnapshot>> Read(
      const ServeOptions& options, const Process& process);

  // What differs between listeners.
  struct Listener {
    ServerConfig config;
    std::shared_ptr<const net::TlsContext> tls;  // null: none
  };

  std::shared_ptr<const policy::Controls> controls;
  std::vector<Listener> listeners;
  std::shared_ptr<Authenticator> authenticator;  // null: no listener has AUTH
  bool show_user = false;                        // in Received fields
  std::string host_name;                         // of Received fields
  std::shared_ptr<Delivery> delivery;
  service::MessagesUnderWay* messages = nullptr;
  bool runs_programs = false;          // to deliver, or to check passwords
  std::shared_ptr<Policy> recipients;  // null: takes every recipient
  std::shared_ptr<Policy> relay;       // the decision
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_SERVICE_SNAPSHOT_H_
