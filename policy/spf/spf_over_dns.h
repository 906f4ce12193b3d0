// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Answers questions of SPF with lookups in DNS.

#ifndef POSTERN_POLICY_SPF_SPF_OVER_DNS_H_
#define POSTERN_POLICY_SPF_SPF_OVER_DNS_H_

#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "policy/names/dns.h"
#include "policy/spf/spf.h"

namespace postern::policy {

class SpfOverDns : public Spf {
 public:
  // RFC 7208 4.6.4 requires at least 20 seconds.
  static constexpr absl::Duration kTimeout = absl::Seconds(20);

  // `dns` must outlive all evaluations. An evaluation that needs another lookup
  // after `timeout` ends as if DNS had failed, so it takes at most `timeout`
  // and the time of one lookup. `now` returns the time of a clock that does not
  // go back, from any thread. Empty: the system's clock.
  explicit SpfOverDns(Dns* dns, absl::Duration timeout = kTimeout,
                      std::function<absl::Duration()> now = nullptr);

  // Calls `done` on the thread that answers the last lookup.
  void Check(SpfQuestion question, Done done) override;

 private:
  struct Progress;

  void Continue(std::shared_ptr<Progress> progress);
  absl::Duration Now() const;

  Dns* const dns_;
  const absl::Duration timeout_;
  const std::function<absl::Duration()> now_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SPF_SPF_OVER_DNS_H_
