// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Where a program's mail goes: --deliver KIND or KIND:VALUE.

#ifndef POSTERN_SERVICE_DESTINATION_H_
#define POSTERN_SERVICE_DESTINATION_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/delivery.h"
#include "engine/policy.h"
#include "policy/control/controls.h"
#include "system/session_variables.h"

namespace postern::service {

struct Destination {
  std::unique_ptr<Delivery> delivery;
  bool blocks = true;          // it waits for the disk, or for another host
  bool runs_programs = false;  // which may be set-user-id: qmail-queue
};

// What deliveries are made of.
struct DestinationSetup {
  absl::string_view spec;         // the value of --deliver
  absl::string_view control;      // the directory of the control files
  absl::string_view host;         // control/me
  system::Variables environment;  // of programs, before the session's
  // Called with failures, on any thread.
  std::function<void(absl::string_view)> report;
};

// A kind of delivery. Constant data: --help takes its text from here, and the
// log and the metrics the name.
struct DeliveryRow {
  absl::string_view kind;   // also Verdict::rule() of its answers
  absl::string_view value;  // as --help shows it: ":DIR"; empty: it has none
  absl::string_view help;   // '\n' begins another line
  // Makes the delivery. `value` follows the colon; nullopt: there is no colon.
  // An error says what is wrong with it.
  absl::StatusOr<Destination> (*make)(std::optional<absl::string_view> value,
                                      const DestinationSetup& setup);
};

// Returns all kinds.
absl::Span<const DeliveryRow> DeliveryRows();

// Makes what `setup.spec` says. An error names it.
absl::StatusOr<Destination> MakeDestination(
    const DestinationSetup& setup,
    absl::Span<const DeliveryRow> rows = DeliveryRows());

// Returns an error if MakeDestination() would; makes nothing that lasts.
absl::Status CheckDestination(absl::string_view spec);

// Returns the kinds as text for --help.
std::string FormatDeliveries(absl::Span<const DeliveryRow> rows);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_DESTINATION_H_
