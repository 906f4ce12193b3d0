// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The value of --partial-delivery.

#ifndef POSTERN_PROGRAMS_SERVE_PARTIAL_OPTION_H_
#define POSTERN_PROGRAMS_SERVE_PARTIAL_OPTION_H_

#include <optional>
#include <string>

#include "delivery/partial/partial_delivery.h"
#include "service/options.h"

namespace postern::programs {

struct PartialOption {
  std::optional<delivery::PartialReply> reply;  // nullopt: not given
  std::string directory;                        // for kRetry, absolute
};

inline constexpr service::OptionRow kPartialDeliveryRow = {
    "partial-delivery", "MODE",
    "if a next hop takes a message for some recipients\n"
    "only: retry:DIR (451, and the retry reaches only\n"
    "the others), accept or refuse; with an absolute\n"
    "DIR, a directory for what has to be remembered"};

// Reads the option into `option`, and adds mistakes to `given`.
void ReadPartialOption(service::Options* given, PartialOption* option);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_PARTIAL_OPTION_H_
