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
       .aliases = HasMailboxes(options.deliver),
       .extension_separators = options.extension_separators,
       .databytes = options.databytes,
       .databytes_env = Variable("DATABYTES")},
      &errors);
  problems->warnings = controls.warnings;
  service.controls =
      std::make_shared<const policy::Controls>(std::move(controls));
  service.host_name = service.controls->me.empty() ? service.controls->greeting
                                                   : service.controls->me;
  service.config = MakeServerConfig(options, *service.controls);
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
  auto destination = MakeDestination({.spec = options.deliver,
                                      .control = options.control,
                                      .host = service.controls->me,
                                      .environment = options.child_environment,
                                      .report = log::ReportToLog("delivery"),
                                      .controls = service.controls,
                                      .forward = std::move(forward)});
  if (destination.ok()) {
    service.runs_programs = destination->runs_programs ||
                            RunsCheckers(options.auth) ||
                            ChecksRunPrograms(options);
    service.delivery = std::move(destination->delivery);
    service.check_delivery = std::move(destination->check);
    service.config.carried = service.delivery->carries();
    if (process.filter) {
      auto filtered =
          process.filter(std::move(service.delivery), service.host_name);
      if (filtered.ok()) {
        service.delivery = *std::move(filtered);
        destination->blocks = true;
      } else {
        errors.push_back(filtered.status());
      }
    }
    if (service.delivery != nullptr && process.pool && destination->blocks) {
      service.delivery = process.pool(std::move(service.delivery));
    }
    if (service.delivery != nullptr && process.limit_rates) {
      service.delivery = process.limit_rates(std::move(service.delivery));
    }
  } else {
    errors.push_back(destination.status());
  }
  if (process.run) service.config.max_open_asks = kRecipientsAhead;

  auto backend = OpenBackends(options.auth, options.child_environment,
                              service.host_name, process.open_backend, &errors);
  if (backend.ok() && *backend != nullptr) {
    service.backend = *std::move(backend);
    service.authenticator = process.guard(service.backend);
  }

  auto checks = policy::Checks::Make(
      {.controls = service.controls,
       .own_addresses = std::make_shared<const net::InterfaceAddresses>(),
       .delivery = service.delivery,
       .run = process.run,
       .environment = options.child_environment,
       .report = log::ReportToLog("check"),
       .option =
           [&options](absl::string_view name) {
             const auto found = options.check_options.find(std::string(name));
             return found == options.check_options.end()
                        ? std::string()
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
           }},
      policy::CheckList(), &errors);
  if (checks.ok()) service.policy = *std::move(checks);
  return service;
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
