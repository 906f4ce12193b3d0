// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/service_snapshot.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "policy/names/dns.h"
#include "programs/serve/forward.h"
#include "programs/serve/listen_option.h"
#include "service/auth_options.h"
#include "service/destination.h"
#include "service/mail_service.h"
#include "service/route_list.h"

namespace postern::programs {
namespace {

// A certificate that expires in this time should have been renewed: certbot
// renews those of Let's Encrypt 30 days before.
constexpr absl::Duration kRenewal = absl::Hours(24 * 14);

// Adds findings about the certificates of one listener. `me` is control/me.
void CheckCertificates(const net::TlsContext& tls, absl::string_view me,
                       service::Findings* findings) {
  findings->AddWarnings(tls.warnings());
  const absl::Time now = absl::Now();
  for (const net::TlsCertificate& certificate : tls.certificates()) {
    const std::string warning = ExpiryWarning(certificate, now);
    if (certificate.not_after() < now) {
      // The text of the warning: the more severe finding replaces it.
      findings->AddFault(warning);
    } else if (!warning.empty()) {
      findings->AddWarning(warning);
    }
  }
  const auto& all = tls.certificates();
  if (me.empty() || all.empty() ||
      std::any_of(all.begin(), all.end(),
                  [me](const auto& each) { return each.Names(me); })) {
    return;
  }
  findings->AddWarning(absl::StrCat(
      all.front().file(), ": the certificate does not name ", me,
      ", the host of control/me; clients that connect to this name and verify "
      "it need a certificate for it"));
}

// Each listener has its own TLS context, so that a ticket of one listener is
// not valid at another.
std::vector<ServiceSnapshot::Listener> MakeListeners(
    const ServeOptions& options, const service::MailService& mail,
    service::Findings* findings) {
  std::vector<ServiceSnapshot::Listener> listeners;
  for (const ListenOption& listen : options.listen) {
    const std::string where = absl::StrCat("--listen: ", listen.Where(), ": ");
    ServiceSnapshot::Listener& listener = listeners.emplace_back();
    listener.outlet = mail.OutletTo(listen.deliver);
    if (listener.outlet == nullptr) {  // an error of the options
      findings->AddError(absl::StrCat(where, "it has no destination"));
      continue;
    }
    listener.config = listener.outlet->config;
    listener.config.lmtp = listen.lmtp;
    if (listen.HasTls(options)) {
      // The options have the same error, with the place of the value.
      if (const absl::Status ciphers = CheckCiphers(options, listen);
          !ciphers.ok()) {
        findings->AddError(ciphers.message());
        continue;
      }
      net::TlsOptions tls_options{
          listen.Tls(options), absl::StrCat(listeners.size()),
          listen.Certificates(options), listen.ClientCa(options)};
      const auto tls = net::TlsContext::Make(tls_options);
      if (!tls.ok()) {
        findings->AddError(tls.status().message());
        continue;
      }
      CheckCertificates(**tls, mail.controls->me, findings);
      listener.tls = *tls;
      listener.config.offer_starttls = !listen.options.tls;
      listener.config.require_tls = listen.require_tls;
    }
    if (listen.auth && mail.backend != nullptr) {
      const absl::Status status = service::OfferAuth(
          *mail.backend, options.auth, listen.mechanisms, &listener.config);
      if (!status.ok()) {
        findings->AddError(absl::StrCat(where, status.message()));
        continue;
      }
      listener.config.require_auth = listen.require_auth;
      if (listener.tls == nullptr &&
          listener.config.mechanisms_without_tls.empty()) {
        findings->AddError(absl::StrCat(
            where,
            "without a certificate or --auth-insecure there is no AUTH"));
      } else if (listener.tls == nullptr &&
                 listener.config.mechanisms.size() >
                     listener.config.mechanisms_without_tls.size()) {
        findings->AddWarning(absl::StrCat(
            where, "without a certificate AUTH has only ",
            absl::StrJoin(listener.config.mechanisms_without_tls, ", "),
            ", which many clients do not know"));
      }
    }
    // Without a greeting, a file is missing, which is an error already.
    if (listener.config.greeting.empty()) continue;
    const absl::Status status =
        service::CheckConfig(listener.config, options.control);
    if (!status.ok()) findings->AddError(status.message());
  }
  return listeners;
}

// Adds findings about destinations that have no use, and about destinations and
// routes that this process cannot follow.
void CheckRoutes(const ServeOptions& options, const service::MailService& mail,
                 const policy::Dns* dns, service::Findings* findings) {
  const std::vector<service::RouteList::Target> no_targets;
  const auto& targets =
      mail.routes == nullptr ? no_targets : mail.routes->targets();
  for (const service::DestinationOption& each : options.destinations) {
    const auto listens = [&each](const ListenOption& listen) {
      return listen.deliver == each.name;
    };
    const auto routes = [&each](const service::RouteList::Target& target) {
      return target.name == each.name;
    };
    if (options.listen.empty() ||
        std::any_of(options.listen.begin(), options.listen.end(), listens) ||
        std::any_of(targets.begin(), targets.end(), routes)) {
      continue;
    }
    // No error: a line of the file may return after another SIGHUP.
    findings->AddWarning(
        absl::StrCat(each.Place(), ": no listener and no route uses it"));
  }
  const bool smtp =
      std::any_of(options.listen.begin(), options.listen.end(),
                  [](const ListenOption& listen) { return !listen.lmtp; });
  if (!targets.empty() && smtp && !options.partial.reply) {
    findings->AddWarning(absl::StrCat(
        options.control,
        "/routes: if a message has several destinations and only some take it, "
        "SMTP clients send it again, and recipients that have it get it again; "
        "use --partial-delivery retry:DIR"));
  }
  if (dns != nullptr) return;
  // A server that starts with such a name asks DNS, so this is a reload.
  const auto check = [findings](absl::string_view place,
                                absl::string_view spec) {
    const auto hop = service::NextHopOf(spec);
    if (!hop.ok() || !WithHostsFile(*hop).has_names()) return;
    findings->AddError(absl::StrCat(
        place, ": ", spec,
        ": this server does not ask DNS since its start; restart it, or write "
        "an address"));
  };
  for (const service::DestinationOption& each : options.Destinations()) {
    check(each.Place(), each.spec);
  }
  for (const service::RouteList::Target& target : targets) {
    check(target.source, target.spec);
  }
}

}  // namespace

std::shared_ptr<const ServiceSnapshot> ServiceSnapshot::Read(
    const ServeOptions& options, const service::MailService::Process& process,
    service::Findings* findings) {
  const size_t errors_before =
      findings->count(service::Finding::Severity::kError);
  service::MailService::Problems problems;
  service::MailService mail =
      service::MailService::Make(options, process, &problems);
  findings->AddErrors(problems.errors);
  findings->AddWarnings(problems.warnings);
  CheckRoutes(options, mail, process.dns, findings);
  // Before the files are read: a later change is noticed then.
  std::vector<CertificateFile> files = CertificateFiles(options);
  auto listeners = MakeListeners(options, mail, findings);
  std::optional<policy::RedisAccess> shared_state;
  if (options.shared_state) {
    auto access = policy::ReadRedisAccess(*options.shared_state, options.user);
    if (access.ok()) {
      shared_state = *std::move(access);
    } else {
      findings->AddError(
          absl::StrCat("--shared-state: ", access.status().message()));
    }
  }
  if (findings->count(service::Finding::Severity::kError) > errors_before) {
    return nullptr;
  }
  auto snapshot = std::make_shared<ServiceSnapshot>();
  snapshot->options = options;
  snapshot->certificate_files = std::move(files);
  snapshot->mail = std::move(mail);
  snapshot->listeners = std::move(listeners);
  snapshot->shared_state = std::move(shared_state);
  return snapshot;
}

std::string ExpiryWarning(const net::TlsCertificate& certificate,
                          absl::Time now) {
  const absl::Duration left = certificate.not_after() - now;
  if (left < absl::ZeroDuration()) {
    return absl::StrCat(certificate.file(), ": the certificate has expired");
  }
  if (left >= kRenewal) return "";
  const int days =
      static_cast<int>(std::ceil(absl::FDivDuration(left, absl::Hours(24))));
  return absl::StrCat(certificate.file(), ": the certificate expires in ", days,
                      days == 1 ? " day (" : " days (",
                      absl::FormatTime("%Y-%m-%d", certificate.not_after(),
                                       absl::UTCTimeZone()),
                      "); renew it");
}

std::shared_ptr<const ServiceSnapshot> ServiceSnapshot::ReadCertificates(
    const ServiceSnapshot& old, service::Findings* findings) {
  const size_t errors_before =
      findings->count(service::Finding::Severity::kError);
  auto snapshot = std::make_shared<ServiceSnapshot>(old);
  snapshot->certificate_files = CertificateFiles(old.options);
  snapshot->listeners = MakeListeners(old.options, old.mail, findings);
  if (findings->count(service::Finding::Severity::kError) > errors_before) {
    return nullptr;
  }
  return snapshot;
}

std::vector<ServiceSnapshot::CertificateFile> ServiceSnapshot::CertificateFiles(
    const ServeOptions& options) {
  std::vector<std::string> paths;
  for (const ListenOption& listen : options.listen) {
    if (!listen.HasTls(options)) continue;
    for (const net::TlsFiles& each : listen.Certificates(options)) {
      paths.push_back(each.chain_file);
      paths.push_back(each.key_file);
    }
    if (!listen.ClientCa(options).empty()) {
      paths.push_back(listen.ClientCa(options));
    }
  }
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  std::vector<CertificateFile> files;
  for (std::string& path : paths) {
    CertificateFile& file = files.emplace_back();
    struct stat facts = {};
    if (stat(path.c_str(), &facts) == 0) {
      file.device = facts.st_dev;
      file.inode = facts.st_ino;
      file.size = facts.st_size;
      file.changed = absl::ToUnixNanos(absl::TimeFromTimespec(facts.st_mtim));
    }
    file.path = std::move(path);
  }
  return files;
}

std::vector<const net::TlsCertificate*> ServiceSnapshot::Certificates() const {
  std::vector<const net::TlsCertificate*> all;
  for (const Listener& listener : listeners) {
    if (listener.tls == nullptr) continue;
    for (const net::TlsCertificate& each : listener.tls->certificates()) {
      if (std::none_of(all.begin(), all.end(), [&each](const auto* other) {
            return other->file() == each.file();
          })) {
        all.push_back(&each);
      }
    }
  }
  return all;
}

}  // namespace postern::programs
