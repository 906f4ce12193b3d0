// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/service_snapshot.h"

#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "log/log.h"
#include "policy/control/controls.h"
#include "policy/rules/not_read.h"
#include "service/auth_options.h"
#include "service/mail_service.h"

namespace postern::programs {
namespace {

// Each listener has its own TLS context, so that a ticket of one listener is
// not valid at another.
absl::StatusOr<std::vector<ServiceSnapshot::Listener>> MakeListeners(
    const ServeOptions& options, const ServerConfig& config,
    const auth::Backend* backend) {
  std::vector<ServiceSnapshot::Listener> listeners;
  std::set<std::string> warned;
  for (const ListenOption& listen : options.listen) {
    ServiceSnapshot::Listener& listener = listeners.emplace_back();
    listener.config = config;
    listener.config.lmtp = listen.lmtp;
    if (listen.HasTls(options)) {
      net::TlsOptions tls_options{
          listen.Tls(options), absl::StrCat(listeners.size()),
          listen.Certificates(options), listen.ClientCa(options)};
      const auto tls = net::TlsContext::Make(tls_options);
      if (!tls.ok()) return tls.status();
      // Listeners with the same certificate have the same warnings.
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
          listener.config.mechanisms_without_tls.empty()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "--listen: ", listen.Where(),
            ": without a certificate or --auth-insecure there is no AUTH"));
      }
      if (listener.tls == nullptr &&
          listener.config.mechanisms.size() >
              listener.config.mechanisms_without_tls.size()) {
        const std::string warning = absl::StrCat(
            "--listen: ", listen.Where(),
            ": without a certificate AUTH has only ",
            absl::StrJoin(listener.config.mechanisms_without_tls, ", "),
            ", which many clients do not know");
        if (warned.insert(warning).second) log::WriteLog("warning", warning);
      }
    }
    const absl::Status status =
        service::CheckConfig(listener.config, options.control);
    if (!status.ok()) return status;
  }
  return listeners;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ServiceSnapshot>> ServiceSnapshot::Read(
    const ServeOptions& options, const service::MailService::Process& process) {
  absl::StatusOr<service::MailService> mail =
      service::MailService::Make(options, process);
  if (!mail.ok()) return mail.status();
  for (const std::string& warning : policy::CheckDatabases(*mail->controls)) {
    log::WriteLog("warning", warning);
  }
  if (mail->check_delivery) {
    for (const std::string& warning : mail->check_delivery()) {
      log::WriteLog("warning", warning);
    }
  }
  for (const std::string& warning :
       policy::CheckNotRead(options.control, getenv)) {
    log::WriteLog("warning", warning);
  }
  auto listeners = MakeListeners(options, mail->config, mail->backend.get());
  if (!listeners.ok()) return listeners.status();
  auto snapshot = std::make_shared<ServiceSnapshot>();
  snapshot->mail = *std::move(mail);
  snapshot->listeners = *std::move(listeners);
  return std::shared_ptr<const ServiceSnapshot>(std::move(snapshot));
}

}  // namespace postern::programs
