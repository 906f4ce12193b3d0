// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/service_snapshot.h"

#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "delivery/pooled_delivery.h"
#include "log/log.h"
#include "policy/decision.h"
#include "policy/own_addresses.h"
#include "policy/pooled_policy.h"
#include "policy/relay_policy.h"
#include "policy/relay_rules.h"
#include "service/destination.h"
#include "service/mail_options.h"
#include "service/named_session.h"

namespace postern::programs {
namespace {

// A context for each listener: tickets of one are of no use at another.
absl::StatusOr<std::vector<ServiceSnapshot::Listener>> MakeListeners(
    const ServeOptions& options, const ServerConfig& config,
    const auth::Backend* backend) {
  std::vector<ServiceSnapshot::Listener> listeners;
  std::set<std::string> warned;
  for (const ListenOption& listen : options.listen) {
    ServiceSnapshot::Listener& listener = listeners.emplace_back();
    listener.config = config;
    if (listen.HasTls(options)) {
      net::TlsOptions tls_options{
          listen.Tls(options), absl::StrCat(listeners.size()),
          listen.Certificates(options), listen.ClientCa(options)};
      const auto tls = net::TlsContext::Make(tls_options);
      if (!tls.ok()) return tls.status();
      // Listeners that share a certificate share its faults.
      for (const std::string& warning : (*tls)->warnings()) {
        if (warned.insert(warning).second) log::WriteLog("warning", warning);
      }
      listener.tls = *tls;
      listener.config.offer_starttls = !listen.options.tls;
      listener.config.require_tls = listen.require_tls;
    }
    if (listen.auth) {
      const absl::Status status = service::OfferAuth(
          *backend, options.auth, listen.mechanisms, &listener.config);
      if (!status.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("--listen: ", listen.Where(), ": ", status.message()));
      }
      listener.config.require_auth = listen.require_auth;
      if (listener.tls == nullptr &&
          listener.config.mechanisms_in_clear.empty()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "--listen: ", listen.Where(),
            ": without a certificate or --auth-insecure there is no AUTH"));
      }
    }
    // Of what is read from files, only the greeting can be wrong.
    if (const absl::Status status = listener.config.Validate(); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          options.control, "/smtpgreeting, or me: ", status.message()));
    }
  }
  return listeners;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ServiceSnapshot>> ServiceSnapshot::Read(
    const ServeOptions& options, const Process& process) {
  const char* const databytes = getenv("DATABYTES");
  auto controls = policy::ReadControls(
      {.directory = options.control,
       .open_relay = options.open_relay,
       .senders = options.senders,
       .databytes = options.databytes,
       .databytes_env = databytes == nullptr
                            ? std::nullopt
                            : std::optional<std::string>(databytes)});
  if (!controls.ok()) return controls.status();
  for (const std::string& warning : controls->warnings) {
    log::WriteLog("warning", warning);
  }
  for (const std::string& warning : policy::CheckDatabases(*controls)) {
    log::WriteLog("warning", warning);
  }
  const auto snapshot = std::make_shared<ServiceSnapshot>();
  snapshot->controls =
      std::make_shared<const policy::Controls>(*std::move(controls));
  snapshot->host_name = snapshot->controls->me.empty()
                            ? snapshot->controls->greeting
                            : snapshot->controls->me;
  ServerConfig config = service::MakeServerConfig(options, *snapshot->controls);
  // Recipients whose Maildirs are looked for on other threads.
  config.max_open_asks = 8;
  auto destination = service::MakeDestination(
      options.deliver, options.control, *snapshot->controls,
      options.child_environment,
      [](absl::string_view what) { log::WriteLog("delivery", what); });
  if (!destination.ok()) return destination.status();
  config.carried = destination->delivery->carries();
  if (destination->blocks) {
    destination->delivery =
        service::NameSessions(std::move(destination->delivery));
  }
  snapshot->delivery = std::move(destination->delivery);
  snapshot->runs_programs =
      destination->runs_programs || service::RunsCheckers(options.auth);
  if (destination->recipients != nullptr) {
    snapshot->recipients =
        service::NameSessions(std::move(destination->recipients));
  }
  auto backend =
      service::OpenBackends(options.auth, options.child_environment,
                            snapshot->host_name, process.open_backend);
  if (!backend.ok()) return backend.status();
  auto listeners = MakeListeners(options, config, backend->get());
  if (!listeners.ok()) return listeners.status();
  snapshot->listeners = *std::move(listeners);
  if (*backend != nullptr) {
    snapshot->authenticator = process.guard(*std::move(backend));
  }
  snapshot->messages = process.messages;
  snapshot->show_user = options.auth.show_user;
  if (destination->blocks) {
    snapshot->delivery = std::make_shared<delivery::PooledDelivery>(
        std::move(snapshot->delivery), process.run);
    if (snapshot->recipients != nullptr) {
      snapshot->recipients = std::make_shared<policy::PooledPolicy>(
          std::move(snapshot->recipients), process.run);
    }
  }
  snapshot->relay = std::make_shared<policy::RelayPolicy>(
      std::make_shared<const policy::RelayRules>(
          snapshot->controls,
          std::make_shared<const policy::InterfaceAddresses>()),
      [metrics = process.metrics](const policy::Decision& decision,
                                  const SessionInfo& session) {
        if (metrics != nullptr) metrics->CountRecipient(decision);
        log::WriteLog(policy::LogDecision(decision, session, log::LineStyle()));
      },
      snapshot->recipients.get(), process.run, snapshot->delivery.get());
  return std::shared_ptr<const ServiceSnapshot>(snapshot);
}

}  // namespace postern::programs
