// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The configuration that postern serve has read at one time.

#ifndef POSTERN_PROGRAMS_SERVE_SERVICE_SNAPSHOT_H_
#define POSTERN_PROGRAMS_SERVE_SERVICE_SNAPSHOT_H_

#include <memory>
#include <optional>
#include <vector>

#include "engine/server_config.h"
#include "net/tls_context.h"
#include "policy/shared/redis_connection.h"
#include "programs/serve/serve_options.h"
#include "service/finding.h"
#include "service/mail_service.h"

namespace postern::programs {

// A session uses one ServiceSnapshot from beginning to end, even if the files
// are read again during the session. Immutable and thread-safe.
struct ServiceSnapshot {
  // Reads the control files, certificates and users. Adds all errors and
  // warnings to `findings`. Returns null if there is an error that prevents the
  // start.
  static std::shared_ptr<const ServiceSnapshot> Read(
      const ServeOptions& options, const service::MailService::Process& process,
      service::Findings* findings);

  // What differs between listeners.
  struct Listener {
    std::shared_ptr<const service::MailService::Outlet> outlet;
    ServerConfig config;
    std::shared_ptr<const net::TlsContext> tls;  // null: no TLS
  };

  service::MailService mail;
  std::vector<Listener> listeners;
  // What --shared-state needs; absent without it.
  std::optional<policy::RedisAccess> shared_state;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_SERVICE_SNAPSHOT_H_
