// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The option --partial-delivery: the reply to an SMTP client whose message some
// recipients have and others do not.

#ifndef POSTERN_PROGRAMS_SERVE_PARTIAL_H_
#define POSTERN_PROGRAMS_SERVE_PARTIAL_H_

#include <functional>
#include <memory>
#include <string>

#include "delivery/partial/accepted_recipients.h"
#include "engine/delivery.h"
#include "programs/serve/serve_options.h"
#include "service/finding.h"
#include "system/run.h"

namespace postern::programs {

// Returns the table in the directory of `option`, which is not open, or null if
// the option has no directory.
std::unique_ptr<delivery::AcceptedRecipients> MakeAcceptedRecipients(
    const PartialOption& option);

// Returns service::MailService::Process::partial. `accepted` is the table above
// and must outlive the deliveries and their transactions. `run` runs what waits
// for a disk.
std::function<std::shared_ptr<Delivery>(std::shared_ptr<Delivery>,
                                        const std::string& spec)>
MakePartialWrapper(const PartialOption& option,
                   delivery::AcceptedRecipients* accepted, system::Run run);

// Tests whether the server can use the directory. Warns if a destination needs
// the option and it is not given.
void TestPartial(const ServeOptions& options, service::Findings* findings);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_PARTIAL_H_
