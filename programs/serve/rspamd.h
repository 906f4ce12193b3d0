// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Puts rspamd in front of the delivery of postern serve.

#ifndef POSTERN_PROGRAMS_SERVE_RSPAMD_H_
#define POSTERN_PROGRAMS_SERVE_RSPAMD_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/delivery.h"
#include "programs/serve/rspamd_option.h"
#include "service/metrics.h"
#include "system/run.h"

namespace postern::programs {

// Returns how many of `threads` may ask rspamd at one time. If it hangs, the
// others still find threads: the recipients of new messages, and the checks
// that ask other programs.
size_t RspamdAtOnce(int threads);

// Returns service::MailService::Process::filter, which is empty without
// --rspamd. Its error names the option or the file. `run` is for all snapshots
// of the configuration together. `metrics` may be null; it must outlive the
// deliveries.
std::function<absl::StatusOr<std::shared_ptr<Delivery>>(
    std::shared_ptr<Delivery>, const std::string& host)>
MakeRspamdWrapper(const RspamdOption& option, service::Metrics* metrics,
                  system::Run run);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_RSPAMD_H_
