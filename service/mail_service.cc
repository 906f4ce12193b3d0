// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/mail_service.h"

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "log/log.h"
#include "log/report.h"
#include "net/own_addresses.h"
#include "policy/check_list.h"
#include "policy/checks.h"
#include "policy/decision.h"
#include "service/destination.h"
#include "service/named_destination.h"
#include "service/route_list.h"

namespace postern::service {
namespace {

// The largest number of recipients that are checked at one time, if other
// threads check them.
constexpr int kRecipientsAhead = 8;

std::optional<std::string> Variable(const char* name) {
  const char* const value = getenv(name);
  if (value == nullptr) return std::nullopt;
  return value;
}

// Whether an option names a program that a check runs.
bool ChecksRunPrograms(const MailOptions& options) {
  for (const policy::CheckEntry& check : policy::CheckList()) {
    if (check.row.runs_program &&
        options.check_options.count(std::string(check.row.option)) > 0) {
      return true;
    }
  }
  return false;
}

bool AnyHasMailboxes(const MailOptions& options) {
  for (const DestinationOption& destination : options.Destinations()) {
    if (HasMailboxes(destination.spec)) return true;
  }
  return false;
}

// Makes the deliveries of a MailService.
class DeliveryMaker {
 public:
  // All must outlive this object.
  DeliveryMaker(const MailOptions& options, const MailService::Process& process,
                MailService* service, std::vector<absl::Status>* errors)
      : options_(options),
        process_(process),
        service_(*service),
        errors_(*errors) {
    if (!process.forward) return;
    forward_ = [&process](delivery::NextHop hop, const std::string& host,
                          absl::string_view rule) {
      return process.forward(std::move(hop), host, rule,
                             /*threads=*/process.filter != nullptr);
    };
  }

  // Makes the delivery of a destination, which several listeners may share.
  // Returns null after an error. Sets `*partial` to Destination::partial.
  std::shared_ptr<Delivery> MakeShared(const DestinationOption& option,
                                       bool* partial) {
    auto made = MakeDestination({.spec = option.spec,
                                 .control = options_.control,
                                 .host = service_.controls->me,
                                 .environment = options_.child_environment,
                                 .report = log::ReportToLog("delivery"),
                                 .controls = service_.controls,
                                 .forward = forward_,
                                 .publish = process_.publish});
    if (!made.ok()) {
      errors_.push_back(made.status());
      return nullptr;
    }
    *partial = made->partial;
    service_.runs_programs |= made->runs_programs;
    if (made->check) {
      service_.check_deliveries.push_back(std::move(made->check));
    }
    std::shared_ptr<Delivery> delivery = std::move(made->delivery);
    // A filter runs on threads that may block.
    if (made->blocks && !process_.filter && process_.pool) {
      delivery = process_.pool(std::move(delivery));
    }
    const bool one = options_.destinations.empty() && !service_.routes;
    if (one || !process_.name_destination) return delivery;
    return process_.name_destination(
        std::move(delivery),
        {.rule = made->kind,
         .name = option.name,
         .metric = option.name.empty() ? option.spec : option.name},
        process_.metrics);
  }

  // Adds to the delivery of a listener, whose destination has `spec`, what the
  // process has for it. Returns null after an error. `partial` is whether its
  // verdicts may differ between recipients.
  std::shared_ptr<Delivery> Wrap(std::shared_ptr<Delivery> delivery,
                                 const std::string& spec, bool partial) {
    if (process_.filter) {
      auto filtered = process_.filter(std::move(delivery), service_.host_name);
      if (!filtered.ok()) {
        errors_.push_back(filtered.status());
        return nullptr;
      }
      delivery = *std::move(filtered);
      if (process_.pool) delivery = process_.pool(std::move(delivery));
    }
    if (process_.partial && partial) {
      delivery = process_.partial(std::move(delivery), spec);
    }
    // Outside of the routes: a message with several destinations counts once.
    if (!process_.limit_rates) return delivery;
    return process_.limit_rates(std::move(delivery));
  }

 private:
  const MailOptions& options_;
  const MailService::Process& process_;
  MailService& service_;
  std::vector<absl::Status>& errors_;
  MakeForward forward_;
};

}  // namespace

MailService::MailService() = default;
MailService::MailService(const MailService& other) = default;
MailService::MailService(MailService&& other) noexcept = default;
MailService& MailService::operator=(MailService&& other) noexcept = default;
MailService::~MailService() = default;

absl::StatusOr<MailService> MailService::Make(const MailOptions& options,
                                              const Process& process) {
  Problems problems;
  MailService service = Make(options, process, &problems);
  if (process.warns) {
    for (const std::string& warning : problems.warnings) {
      log::WriteLog("warning", warning);
    }
  }
  if (!problems.errors.empty()) return problems.errors[0];
  return service;
}

MailService MailService::Make(const MailOptions& options,
                              const Process& process, Problems* problems) {
  MailService service;
  std::vector<absl::Status>& errors = problems->errors;
  policy::Controls controls = policy::ReadControls(
      {.directory = options.control,
       .open_relay = options.open_relay,
       .senders = options.senders,
       .aliases = AnyHasMailboxes(options),
       .extension_separators = options.extension_separators,
       .databytes = options.databytes,
       .databytes_env = Variable("DATABYTES")},
      &errors);
  problems->warnings = controls.warnings;
  service.controls =
      std::make_shared<const policy::Controls>(std::move(controls));
  service.host_name = service.controls->me.empty() ? service.controls->greeting
                                                   : service.controls->me;
  service.show_user = options.auth.show_user;
  service.metrics = process.metrics;
  service.messages = process.messages;

  if (process.read_routes) {
    service.routes = process.read_routes(options, *service.controls, &errors,
                                         &problems->warnings);
  }
  service.runs_programs =
      RunsCheckers(options.auth) || ChecksRunPrograms(options);
  ServerConfig config = MakeServerConfig(options, *service.controls);
  if (process.run) config.max_open_asks = kRecipientsAhead;
  DeliveryMaker maker(options, process, &service, &errors);
  std::vector<std::shared_ptr<Outlet>> outlets;
  std::deque<bool> partials;  // of each outlet: Destination::partial
  for (DestinationOption& option : options.Destinations()) {
    Outlet& outlet = *outlets.emplace_back(std::make_shared<Outlet>());
    outlet.config = config;
    bool& partial = partials.emplace_back();
    outlet.delivery = maker.MakeShared(option, &partial);
    outlet.destination = std::move(option);
  }
  if (outlets.empty()) {
    errors.push_back(
        absl::InvalidArgumentError("--deliver: there is no destination"));
  }
  std::vector<std::shared_ptr<Delivery>> targets;
  bool ignored = false;  // the verdicts of several destinations may differ
  if (service.routes != nullptr) {
    for (const RouteList::Target& target : service.routes->targets()) {
      const auto named = std::find_if(
          outlets.begin(), outlets.end(), [&target](const auto& outlet) {
            return !target.name.empty() &&
                   outlet->destination.name == target.name;
          });
      targets.push_back(named != outlets.end()
                            ? (*named)->delivery
                            : maker.MakeShared({"", target.spec}, &ignored));
    }
  }
  // After an error nothing is served, and the errors are complete.
  const auto missing = [](const auto& delivery) { return delivery == nullptr; };
  const bool complete =
      std::none_of(targets.begin(), targets.end(), missing) &&
      std::none_of(outlets.begin(), outlets.end(), [&](const auto& outlet) {
        return missing(outlet->delivery);
      });
  for (const std::shared_ptr<Outlet>& outlet : outlets) {
    if (!complete) break;
    outlet->reaches.assign(targets.begin(), targets.end());
    outlet->reaches.push_back(outlet->delivery);
  }
  for (size_t i = 0; i < outlets.size() && complete; ++i) {
    const std::shared_ptr<Outlet>& outlet = outlets[i];
    if (!targets.empty()) {
      outlet->delivery =
          process.follow_routes(service.routes, service.controls->me,
                                std::move(outlet->delivery), targets);
    }
    outlet->delivery =
        maker.Wrap(std::move(outlet->delivery), outlet->destination.spec,
                   partials[i] || !targets.empty());
    if (outlet->delivery == nullptr) break;
    outlet->config.carried = outlet->delivery->carries();
  }

  auto backend = OpenBackends(options.auth, options.child_environment,
                              service.host_name, process.open_backend, &errors);
  if (backend.ok() && *backend != nullptr) {
    service.backend = *std::move(backend);
    service.authenticator = process.guard(service.backend);
  }

  policy::CheckSetup setup = {
      .controls = service.controls,
      .own_addresses = std::make_shared<const net::InterfaceAddresses>(),
      .delivery = nullptr,
      .run = process.run,
      .environment = options.child_environment,
      .report = log::ReportToLog("check"),
      .option =
          [&options](absl::string_view name) {
            const auto found = options.check_options.find(std::string(name));
            return found == options.check_options.end() ? std::string()
                                                        : found->second.front();
          },
      .values =
          [&options](absl::string_view name) {
            const auto found = options.check_options.find(std::string(name));
            return found == options.check_options.end()
                       ? std::vector<std::string>()
                       : found->second;
          },
      .dns = process.dns,
      .greylist = process.greylist,
      .spf = process.spf,
      .note =
          [metrics = process.metrics](const policy::Question& question,
                                      const Verdict& verdict) {
            if (metrics != nullptr) metrics->CountNoted(verdict.rule());
            log::WriteLog(
                policy::LogNoted(question, verdict, log::LineStyle()));
          }};
  std::shared_ptr<policy::Checks> shared;
  for (const std::shared_ptr<Outlet>& outlet : outlets) {
    setup.delivery = outlet->delivery;
    auto checks = shared == nullptr ? policy::Checks::Make(
                                          setup, policy::CheckList(), &errors)
                                    : shared->ForDelivery(setup);
    if (!checks.ok()) {
      // Make() has added its errors. They are those of each destination.
      if (shared != nullptr) errors.push_back(checks.status());
      break;
    }
    outlet->policy = *std::move(checks);
    if (shared == nullptr) shared = outlet->policy;
  }
  service.outlets.assign(outlets.begin(), outlets.end());
  return service;
}

std::shared_ptr<const MailService::Outlet> MailService::OutletTo(
    absl::string_view name) const {
  for (const std::shared_ptr<const Outlet>& outlet : outlets) {
    if (outlet->destination.name == name) return outlet;
  }
  return nullptr;
}

absl::Status CheckConfig(const ServerConfig& config,
                         absl::string_view control) {
  // Only the greeting is read from a file and can be invalid.
  const absl::Status status = config.Validate();
  if (status.ok()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(control, "/smtpgreeting, or me: ", status.message()));
}

std::string MailHelp() {
  return absl::StrCat(
      "\nThe deliveries (--deliver SPEC):\n", FormatDeliveries(DeliveryRows()),
      "\nThe checks, in the order in which they are asked. A recipient that no "
      "check\naccepts is refused; after the checks the delivery decides.\n",
      policy::FormatChecks(policy::CheckList()));
}

}  // namespace postern::service
