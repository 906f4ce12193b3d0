// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Where a program's mail goes: --deliver.

#ifndef POSTERN_SERVICE_DESTINATION_H_
#define POSTERN_SERVICE_DESTINATION_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/delivery.h"
#include "engine/policy.h"
#include "policy/control/controls.h"
#include "system/session_variables.h"

namespace postern::service {

// A delivery, and what it says about recipients.
struct Destination {
  std::unique_ptr<Delivery> delivery;
  std::unique_ptr<Policy> recipients;  // null: takes every recipient
  bool blocks = false;                 // both wait for the disk
  bool runs_programs = false;          // which may be set-user-id: qmail-queue
};

// Makes what `spec` (delivery/spec.h) says. `control` is the control folder,
// beside which qmail's programs are; `environment` is what those find in theirs
// before the session's; `report` is called with failures, on any thread.
// $QMAILQUEUE goes before the program of `spec`, and a rule's QMAILQUEUE before
// both. An error names what is wrong with `spec`.
absl::StatusOr<Destination> MakeDestination(
    absl::string_view spec, absl::string_view control,
    const policy::Controls& controls, const system::Variables& environment,
    std::function<void(absl::string_view)> report);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_DESTINATION_H_
