// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What one program tells another that goes on with its session at STARTTLS.

#ifndef POSTERN_PROGRAMS_SMTPD_HANDOVER_H_
#define POSTERN_PROGRAMS_SMTPD_HANDOVER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/event.h"
#include "engine/session_handoff.h"
#include "system/descriptor.h"

namespace postern::programs {

// The rest is in the arguments, the environment and the descriptors, which stay
// as they are.
struct Handover {
  // When the session began, in milliseconds of CLOCK_MONOTONIC, which all
  // programs of a machine share: its time does not begin anew.
  uint64_t began = 0;
  std::string session;  // SessionInfo::session_id
  SessionHandoff stood;
  // The facts that the client's commands have made (engine/session_info.h).
  Hello::Verb hello_verb = Hello::Verb::kHelo;
  std::string hello_name;
  std::string mechanism;

  friend bool operator==(const Handover&, const Handover&) = default;
};

// Returns it as one line of printable ASCII, whatever the client has said:
// "began=81231 greeted=1 extended=1 verb=1 hello=client.example ...".
std::string FormatHandover(const Handover& handover);

// Reads what FormatHandover() has made. An error names the field.
absl::StatusOr<Handover> ParseHandover(absl::string_view text);

// Puts it into a sealed memory file (memfd_create(2)) and returns the file's
// descriptor, which a program that takes this one's place inherits. It names
// the client and its user, which a command line would show to every user of
// the machine (ps(1)); the descriptors of a process are open to its own user
// and to root alone. An error says which call failed.
absl::StatusOr<system::Descriptor> StoreHandover(const Handover& handover);

// Reads what StoreHandover() has stored at `descriptor`, and closes it: no
// child inherits it. A descriptor that is not such a file is an error, and
// stays open.
absl::StatusOr<Handover> LoadHandover(int descriptor);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SMTPD_HANDOVER_H_
