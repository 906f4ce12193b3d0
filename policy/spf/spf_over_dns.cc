// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/spf/spf_over_dns.h"

#include <time.h>

#include <utility>

#include "policy/spf/spf_evaluation.h"

namespace postern::policy {

struct SpfOverDns::Progress {
  SpfEvaluation evaluation;
  absl::Duration end;
  Done done;
};

SpfOverDns::SpfOverDns(Dns* dns, absl::Duration timeout,
                       std::function<absl::Duration()> now)
    : dns_(dns), timeout_(timeout), now_(std::move(now)) {}

void SpfOverDns::Check(SpfQuestion question, Done done) {
  Continue(std::shared_ptr<Progress>(new Progress{
      SpfEvaluation(std::move(question)), Now() + timeout_, std::move(done)}));
}

// A lookup that is answered from a cache calls this function again before it
// returns. kMaxSpfLookups bounds the depth.
void SpfOverDns::Continue(std::shared_ptr<Progress> progress) {
  SpfEvaluation& evaluation = progress->evaluation;
  if (evaluation.lookup() && Now() >= progress->end) {
    evaluation.GiveUp("the lookups take too long");
  }
  if (!evaluation.lookup()) {
    return std::move(progress->done)(evaluation.answer());
  }
  const SpfEvaluation::Lookup lookup = *evaluation.lookup();
  dns_->Lookup(
      lookup.name, lookup.type,
      [this, progress = std::move(progress)](const DnsResult& result) mutable {
        progress->evaluation.Answer(result);
        Continue(std::move(progress));
      });
}

absl::Duration SpfOverDns::Now() const {
  if (now_) return now_();
  timespec time = {};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return absl::DurationFromTimespec(time);
}

}  // namespace postern::policy
