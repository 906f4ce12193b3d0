// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/partial.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "delivery/partial/partial_delivery.h"
#include "delivery/spool.h"
#include "engine/ask.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "log/log.h"
#include "log/log_line.h"
#include "log/report.h"
#include "policy/decision.h"
#include "service/destination.h"
#include "service/mail_options.h"

namespace postern::programs {
namespace {

using delivery::PartialReply;
using service::Finding;

std::string TableOf(const PartialOption& option) {
  return absl::StrCat(option.directory, "/accepted");
}

// Logs each recipient that does not have the message, as for LMTP clients.
void LogRefused(const Envelope& envelope, const SessionInfo& session,
                absl::Span<const Verdict> verdicts) {
  for (size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i].accepted()) continue;
    log::WriteLog(policy::LogDecision({.kind = verdicts[i].kind(),
                                       .rule = std::string(verdicts[i].rule()),
                                       .message = envelope.message,
                                       .source = verdicts[i].source(),
                                       .from = envelope.from,
                                       .to = envelope.to[i].path,
                                       .reply = *verdicts[i].reply()},
                                      session, log::LineStyle()));
  }
}

}  // namespace

std::unique_ptr<delivery::AcceptedRecipients> MakeAcceptedRecipients(
    const PartialOption& option) {
  if (option.directory.empty()) return nullptr;
  return std::make_unique<delivery::AcceptedRecipients>(
      delivery::AcceptedRecipientsOptions{.file = TableOf(option)});
}

std::function<std::shared_ptr<Delivery>(std::shared_ptr<Delivery>,
                                        const std::string& spec)>
MakePartialWrapper(const PartialOption& option,
                   delivery::AcceptedRecipients* accepted, system::Run run) {
  if (!option.reply) return nullptr;
  return [reply = *option.reply, directory = option.directory, accepted, run](
             std::shared_ptr<Delivery> delivery, const std::string& spec) {
    return std::make_shared<delivery::PartialDelivery>(
        std::move(delivery),
        delivery::PartialDeliveryOptions{
            .reply = reply,
            .accepted = accepted,
            .destination = spec,
            .directory = directory,
            .run = run,
            .note = LogRefused,
            .report = log::ReportToLog("partial-delivery")});
  };
}

void TestPartial(const ServeOptions& options, service::Findings* findings) {
  const PartialOption& option = options.partial;
  if (!option.directory.empty()) {
    const std::string file = TableOf(option);
    if (access(option.directory.c_str(), W_OK | X_OK) != 0) {
      const int error = errno;
      findings->AddError(absl::StrCat("--partial-delivery: ", option.directory,
                                      ": ", strerror(error)));
    } else if (access(file.c_str(), F_OK) == 0 &&
               access(file.c_str(), R_OK | W_OK) != 0) {
      const int error = errno;
      findings->AddError(
          absl::StrCat("--partial-delivery: ", file, ": ", strerror(error)));
    } else if (absl::Status status =
                   delivery::Spool::CheckDirectory(option.directory);
               !status.ok()) {
      findings->AddError(
          absl::StrCat("--partial-delivery: ", status.message()));
    }
  }
  if (option.reply) return;
  for (const service::DestinationOption& each : options.Destinations()) {
    const auto hop = service::NextHopOf(each.spec);
    const bool smtp =
        std::any_of(options.listen.begin(), options.listen.end(),
                    [&each](const ListenOption& listen) {
                      return !listen.lmtp && listen.deliver == each.name;
                    });
    if (!smtp || !hop.ok() || !hop->lmtp) continue;
    findings->Add(
        {Finding::Severity::kWarning, each.Place(),
         "if the next hop takes a message for some of its recipients only, "
         "SMTP clients send it again, and these recipients get it again",
         "use --partial-delivery retry:DIR"});
  }
}

}  // namespace postern::programs
