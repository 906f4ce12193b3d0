// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The delivery of a program: --deliver KIND or KIND:VALUE.

#ifndef POSTERN_SERVICE_DESTINATION_H_
#define POSTERN_SERVICE_DESTINATION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "delivery/amqp/amqp_address.h"
#include "delivery/forward/next_hop.h"
#include "engine/delivery.h"
#include "engine/policy.h"
#include "log/report.h"
#include "policy/control/controls.h"
#include "system/session_variables.h"

namespace postern::service {

struct Destination {
  std::unique_ptr<Delivery> delivery;
  absl::string_view kind;      // DeliveryRow::kind
  bool blocks = true;          // waits for the disk or for another host
  bool runs_programs = false;  // possibly set-user-id, like qmail-queue
  // May accept a message for some of its recipients and refuse it for others,
  // also for an SMTP client, which gets one reply.
  bool partial = false;
  // Returns warnings about the configuration that only the disk shows, such as
  // aliases of mailboxes that do not exist. Blocks. For a server that starts
  // once. Empty if there is nothing to check.
  std::function<std::vector<std::string>()> check;
};

// Makes a delivery that forwards messages to `hop`. `host` is this server's
// name for EHLO. `rule` is Verdict::rule() of its answers, and static. An error
// is about a file that a word of `hop` names.
using MakeForward = std::function<absl::StatusOr<std::unique_ptr<Delivery>>(
    delivery::NextHop hop, const std::string& host, absl::string_view rule)>;

// Makes a delivery that publishes messages to a queue. `max_size` is the limit
// of this server, not 0. `rule` is as in MakeForward. An error says what is
// wrong with `address`.
using MakePublish = std::function<absl::StatusOr<std::unique_ptr<Delivery>>(
    delivery::AmqpAddress address, uint64_t max_size, absl::string_view rule)>;

// What deliveries are built from.
struct DestinationSetup {
  absl::string_view spec;         // the value of --deliver
  absl::string_view control;      // the directory of the control files
  absl::string_view host;         // control/me
  system::Variables environment;  // of programs, before the session's variables
  log::Report report;             // of the deliveries; called on any thread
  std::shared_ptr<const policy::Controls> controls = nullptr;  // for aliases
  MakeForward forward = nullptr;  // empty: this program cannot forward
  MakePublish publish = nullptr;  // empty: this program cannot publish
};

// One kind of delivery. Constant data: --help uses its texts, and the log and
// the metrics use its name.
struct DeliveryRow {
  absl::string_view kind;   // also Verdict::rule() of its answers
  absl::string_view value;  // as --help shows it, such as ":DIR"; empty: none
  absl::string_view help;   // '\n' starts a new line
  // Makes the delivery. `value` is the text after the colon; nullopt if there
  // is no colon. An error explains what is wrong with it.
  absl::StatusOr<Destination> (*make)(std::optional<absl::string_view> value,
                                      const DestinationSetup& setup);
};

// Returns all kinds of deliveries.
absl::Span<const DeliveryRow> DeliveryRows();

// Makes the delivery that `setup.spec` names. An error quotes the spec.
absl::StatusOr<Destination> MakeDestination(
    const DestinationSetup& setup,
    absl::Span<const DeliveryRow> rows = DeliveryRows());

// Returns the path of the program that --deliver qmail-queue:VALUE runs, unless
// a rule names another one: VALUE, or bin/qmail-queue, or the variable
// QMAILQUEUE of this process, if it is set. A relative path is relative to the
// parent of the directory `control`. Empty if the variable is empty: then no
// program can run.
std::string QueueProgram(std::optional<absl::string_view> value,
                         absl::string_view control);

// Returns whether the delivery that `spec` names has a mailbox for each
// recipient, so that aliases and address extensions apply.
bool HasMailboxes(absl::string_view spec);

// Returns the next hop of the delivery that `spec` names. kNotFound if it does
// not forward. Other errors name what is wrong.
absl::StatusOr<delivery::NextHop> NextHopOf(absl::string_view spec);

// Returns the queue of the delivery that `spec` names. The error is kNotFound
// if it is not a queue, and otherwise explains what is wrong with it.
absl::StatusOr<delivery::AmqpAddress> QueueOf(absl::string_view spec);

// Returns the error that MakeDestination() would return. Creates nothing
// permanent.
absl::Status CheckDestination(absl::string_view spec);

// Returns the kinds of deliveries as text for --help.
std::string FormatDeliveries(absl::Span<const DeliveryRow> rows);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_DESTINATION_H_
