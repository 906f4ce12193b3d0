// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What became of a message that rspamd was to examine, for counters.

#ifndef POSTERN_DELIVERY_RSPAMD_OUTCOME_H_
#define POSTERN_DELIVERY_RSPAMD_OUTCOME_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace postern::delivery {

enum class RspamdOutcome : uint8_t {
  kNoAction,
  kGreylist,
  kAddHeader,
  kRewriteSubject,
  kSoftReject,
  kReject,
  kDiscard,
  kTooLarge,  // not examined, because of its size
  kOutage,    // no answer, or one that cannot be carried out
};

// By RspamdOutcome. The actions have rspamd's names.
inline constexpr absl::string_view kRspamdOutcomes[] = {
    "no action", "greylist", "add header", "rewrite subject", "soft reject",
    "reject",    "discard",  "too-large",  "outage"};
inline constexpr size_t kRspamdOutcomeCount =
    sizeof(kRspamdOutcomes) / sizeof(kRspamdOutcomes[0]);

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_RSPAMD_OUTCOME_H_
