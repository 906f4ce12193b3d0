// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/destination.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "delivery/discard.h"
#include "delivery/maildir.h"
#include "delivery/maildir_location.h"
#include "delivery/maildir_recipients.h"
#include "delivery/qmail_queue.h"
#include "delivery/spec.h"

namespace postern::service {
namespace {

// The folder that holds the control folder: /var/qmail. It is absolute, so that
// the log can name what is below it.
std::string Home(absl::string_view control) {
  std::string path(control);
  if (!absl::StartsWith(path, "/")) {
    char* const folder = getcwd(nullptr, 0);  // null: it has been removed
    path = absl::StrCat(folder == nullptr ? "." : folder, "/", path);
    free(folder);
  }
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.rfind('/');
  return path.substr(0, slash == 0 ? 1 : slash);
}

}  // namespace

absl::StatusOr<Destination> MakeDestination(
    absl::string_view spec, absl::string_view control,
    const policy::Controls& controls, const system::Variables& environment,
    std::function<void(absl::string_view)> report) {
  auto parsed = delivery::ParseSpec(spec);
  if (!parsed.ok()) return parsed.status();
  Destination destination;
  destination.blocks = true;
  if (const auto* maildir = std::get_if<delivery::MaildirSpec>(&*parsed)) {
    auto location =
        delivery::MaildirLocation::Parse(maildir->pattern, controls.me);
    if (!location.ok()) return location.status();
    if (!location->shared()) {
      destination.recipients =
          std::make_unique<delivery::MaildirRecipients>(*location, report);
    }
    destination.delivery = std::make_unique<delivery::Maildir>(
        *std::move(location),
        delivery::MaildirOptions{.host = controls.me,
                                 .catch_all = maildir->catch_all,
                                 .report = std::move(report)});
  } else if (const auto* queue =
                 std::get_if<delivery::QmailQueueSpec>(&*parsed)) {
    destination.runs_programs = true;
    delivery::QmailQueueOptions options;
    options.home = Home(control);
    options.environment = environment;
    options.report = std::move(report);
    if (!queue->program.empty()) options.program = queue->program;
    // Present even when empty, as qmail-smtpd has it: then nothing can be run.
    if (const char* program = getenv("QMAILQUEUE")) options.program = program;
    destination.delivery =
        std::make_unique<delivery::QmailQueue>(std::move(options));
  } else {
    destination.delivery = std::make_unique<delivery::Discard>();
    destination.blocks = false;
  }
  return destination;
}

}  // namespace postern::service
