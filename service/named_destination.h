// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Names the destination of a message in the log and in the metrics.

#ifndef POSTERN_SERVICE_NAMED_DESTINATION_H_
#define POSTERN_SERVICE_NAMED_DESTINATION_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/delivery.h"
#include "service/metrics.h"

namespace postern::service {

// How a destination is named.
struct DestinationName {
  absl::string_view rule;  // Verdict::rule() of answers without one; static
  // Precedes Verdict::source() of its answers, with ": ". Empty: nothing does.
  std::string name;
  std::string metric;  // the value of the label `destination`
};

// Returns a delivery that passes everything on to `delivery`, names it in its
// answers, and counts its messages in `metrics`, which may be null and must
// outlive the transactions: a message that is accepted for one recipient at
// least counts as accepted. Thread-safe if `delivery` is.
std::shared_ptr<Delivery> NameDestination(std::shared_ptr<Delivery> delivery,
                                          DestinationName name,
                                          Metrics* metrics);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_NAMED_DESTINATION_H_
