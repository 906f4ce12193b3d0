// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/mail_service.h"

#include <cstdlib>
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

// Adds to the delivery of a listener what the process has for it.
absl::StatusOr<std::shared_ptr<Delivery>> WrapDelivery(
    std::shared_ptr<Delivery> delivery, const Destination& destination,
    const std::string& spec, const MailService& service,
    const MailService::Process& process) {
  bool blocks = destination.blocks;
  if (process.filter) {
    auto filtered = process.filter(std::move(delivery), service.host_name);
    if (!filtered.ok()) return filtered.status();
    delivery = *std::move(filtered);
    blocks = true;
  }
  if (process.pool && blocks) delivery = process.pool(std::move(delivery));
  if (process.partial && destination.partial) {
    delivery = process.partial(std::move(delivery), spec);
  }
  if (process.limit_rates) delivery = process.limit_rates(std::move(delivery));
  return delivery;
}

}  // namespace

MailService::MailService() = default;
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

  MakeForward forward;
  if (process.forward) {
    forward = [&process](delivery::NextHop hop, const std::string& host,
                         absl::string_view rule) {
      return process.forward(std::move(hop), host, rule,
                             /*threads=*/process.filter != nullptr);
    };
  }
  service.runs_programs =
      RunsCheckers(options.auth) || ChecksRunPrograms(options);
  ServerConfig config = MakeServerConfig(options, *service.controls);
  if (process.run) config.max_open_asks = kRecipientsAhead;
  std::vector<std::shared_ptr<Outlet>> outlets;
  for (DestinationOption& option : options.Destinations()) {
    Outlet& outlet = *outlets.emplace_back(std::make_shared<Outlet>());
    outlet.destination = std::move(option);
    outlet.config = config;
    auto destination =
        MakeDestination({.spec = outlet.destination.spec,
                         .control = options.control,
                         .host = service.controls->me,
                         .environment = options.child_environment,
                         .report = log::ReportToLog("delivery"),
                         .controls = service.controls,
                         .forward = forward,
                         .publish = process.publish});
    if (!destination.ok()) {
      errors.push_back(destination.status());
      continue;
    }
    service.runs_programs |= destination->runs_programs;
    if (destination->check) {
      service.check_deliveries.push_back(std::move(destination->check));
    }
    const std::shared_ptr<Delivery> delivery = std::move(destination->delivery);
    outlet.reaches = {delivery};
    auto wrapped = WrapDelivery(delivery, *destination, outlet.destination.spec,
                                service, process);
    if (!wrapped.ok()) {
      errors.push_back(wrapped.status());
      continue;
    }
    outlet.delivery = *std::move(wrapped);
    outlet.config.carried = outlet.delivery->carries();
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
