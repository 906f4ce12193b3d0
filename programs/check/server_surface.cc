// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/check/server_surface.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/delivery.h"
#include "net/address_set.h"
#include "net/network_list.h"
#include "net/own_addresses.h"
#include "policy/names/dns.h"
#include "policy/names/dns_answer.h"
#include "policy/rules/tcp_rules.h"
#include "programs/check/destination_section.h"
#include "programs/serve/listen_option.h"
#include "programs/serve/preflight.h"
#include "service/mail_options.h"
#include "service/mail_service.h"

namespace postern::programs {
namespace {

// For checks that ask DNS. The surface asks none of them.
class UnaskedDns : public policy::Dns {
 public:
  void Lookup(absl::string_view, policy::DnsAnswer::Type, Done done) override {
    std::move(done)(policy::DnsResult());
  }
};

// Takes what a destination of any listener takes. The surface does not
// distinguish listeners, so this makes it an upper bound.
class AnyDestination : public Delivery {
 public:
  AnyDestination(const service::MailService& service,
                 const ServeOptions& options) {
    for (const auto& outlet : service.outlets) {
      const bool used =
          options.listen.empty() ||
          std::any_of(options.listen.begin(), options.listen.end(),
                      [&outlet](const ListenOption& listen) {
                        return listen.deliver == outlet->destination.name;
                      });
      if (!used) continue;
      reaches_.insert(reaches_.end(), outlet->reaches.begin(),
                      outlet->reaches.end());
    }
  }

  bool ServesRemote(const Path& recipient) const override {
    return std::any_of(reaches_.begin(), reaches_.end(),
                       [&recipient](const auto& delivery) {
                         return delivery->ServesRemote(recipient);
                       });
  }
  // Not called: the surface asks no transaction.
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return nullptr;
  }

 private:
  std::vector<std::shared_ptr<const Delivery>> reaches_;
};

bool AnyListener(const ServeOptions& options,
                 bool (*is)(const ListenOption& listen)) {
  return std::any_of(options.listen.begin(), options.listen.end(), is);
}

bool OffersAuth(const ServeOptions& options) {
  return !options.auth.specs.empty() &&
         (options.listen.empty() ||
          AnyListener(options,
                      [](const ListenOption& listen) { return listen.auth; }));
}

bool IsUnixSocket(const ListenOption& listen) {
  return listen.passed.empty() && !listen.address.path.empty();
}

void AddNetworks(const net::NetworkList& networks, absl::string_view option,
                 const policy::Claimant& rights,
                 std::vector<policy::Claimant>* claimants) {
  for (const net::Network& network : networks.networks()) {
    policy::Claimant claimant = rights;
    claimant.network = network;
    claimant.peers = net::AddressSet(network).Texts().front();
    claimant.source = absl::StrCat("--", option, " ", claimant.peers);
    claimants->push_back(std::move(claimant));
  }
}

}  // namespace

std::vector<policy::Claimant> ClaimantsOf(const ServeOptions& options) {
  std::vector<policy::Claimant> claimants;
  const bool proxied = options.listen.empty() ||
                       AnyListener(options, [](const ListenOption& listen) {
                         return listen.options.proxy;
                       });
  // XCLIENT names users only where a listener offers AUTH.
  policy::Claimant xclient;
  xclient.names = true;
  xclient.users = OffersAuth(options);
  // A proxy can claim an address that may use XCLIENT, and then use it.
  const policy::Claimant proxy =
      options.xclient_peers.networks().empty() ? policy::Claimant() : xclient;
  if (proxied) AddNetworks(options.proxies, "proxy-from", proxy, &claimants);
  for (const ListenOption& listen : options.listen) {
    // A socket from systemd may be a Unix socket. If it is not, its peers are
    // the networks of --proxy-from, which are claimants already.
    if (!listen.options.proxy ||
        (listen.passed.empty() && !IsUnixSocket(listen))) {
      continue;
    }
    policy::Claimant claimant = proxy;
    claimant.peers =
        listen.passed.empty() ? listen.address.path : listen.Where();
    claimant.source = absl::StrCat("--listen ", listen.Where(), ",proxy");
    claimants.push_back(std::move(claimant));
  }
  AddNetworks(options.xclient_peers, "xclient-from", xclient, &claimants);
  return claimants;
}

absl::StatusOr<ServerSurface> MakeServerSurface(const ServeOptions& options) {
  // The checks and the delivery of the server. Passwords are not asked for.
  service::MailOptions mail = options;
  mail.auth.specs.clear();
  UnaskedDns dns;
  const TestProcess process(options, &dns);
  const absl::StatusOr<service::MailService> service =
      service::MailService::Make(mail, process.get());
  if (!service.ok()) return service.status();
  policy::SurfaceInput input;
  std::optional<policy::TcpRules> rules;
  if (!options.rules.empty()) {
    absl::StatusOr<policy::TcpRules> opened =
        policy::TcpRules::Open(options.rules);
    if (opened.ok()) {
      rules = *std::move(opened);
      input.rules = &*rules;
      input.source = policy::RuleSource::Read(*rules);
    } else if (!absl::IsNotFound(opened.status()) || !options.rules_optional) {
      return opened.status();
    }
  }
  input.controls.directory = options.control;
  input.controls.open_relay = options.open_relay;
  input.controls.senders = options.senders;
  input.own_addresses = std::make_shared<const net::InterfaceAddresses>();
  input.delivery = std::make_shared<const AnyDestination>(*service, options);
  input.host_names = options.host_names;
  // A socket from systemd may be a Unix socket.
  input.no_address = AnyListener(options, [](const ListenOption& listen) {
    return !listen.passed.empty() || IsUnixSocket(listen);
  });
  input.anonymous = options.listen.empty() ||
                    AnyListener(options, [](const ListenOption& listen) {
                      return !listen.require_auth;
                    });
  input.users = OffersAuth(options);
  input.claimants = ClaimantsOf(options);
  // The checks of all destinations are in use for the same options.
  input.checks = service->outlets.front()->policy.get();
  for (const auto& [name, values] : options.check_options) {
    input.check_options.push_back(name);
  }
  absl::StatusOr<policy::Surface> surface = policy::MakeSurface(input);
  if (!surface.ok()) return surface.status();
  return ServerSurface{*std::move(surface), service->host_name,
                       DestinationSection(options, *service)};
}

}  // namespace postern::programs
