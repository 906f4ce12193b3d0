// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The state of a session in a handoff from postern-smtpd to postern-smtpd-tls
// at STARTTLS.

#ifndef POSTERN_PROGRAMS_SMTPD_HANDOFF_H_
#define POSTERN_PROGRAMS_SMTPD_HANDOFF_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/session_handoff.h"
#include "system/descriptor.h"

namespace postern::programs {

// The other state is in the arguments, the environment and the descriptors,
// which do not change.
struct Handoff {
  // The time when the session began, in milliseconds of CLOCK_MONOTONIC. All
  // programs of a host share this clock, so the session's timeout does not
  // start again.
  uint64_t began = 0;
  std::string session;  // SessionInfo::session_id
  SessionHandoff handoff;
  // The session facts from the client's commands (engine/session_info.h).
  Hello::Verb hello_verb = Hello::Verb::kHelo;
  std::string hello_name;
  std::string mechanism;

  friend bool operator==(const Handoff&, const Handoff&) = default;
};

// Returns the state as one line of printable ASCII, for any text from the
// client: "began=81231 greeted=1 extended=1 verb=1 hello=client.example ...".
std::string FormatHandoff(const Handoff& handoff);

// Parses a line from FormatHandoff(). An error names the field.
absl::StatusOr<Handoff> ParseHandoff(absl::string_view text);

// Stores the state in a sealed memory file (memfd_create(2)) and returns the
// descriptor of the file. The program that replaces this one inherits it. The
// file contains the names of the client and its user. A command line would show
// these to every user of the host (ps(1)); the descriptors of a process are
// only accessible to its own user and to root. An error says which call failed.
absl::StatusOr<system::Descriptor> StoreHandoff(const Handoff& handoff);

// Reads the state that StoreHandoff() stored at `descriptor`, and closes the
// descriptor, so that no child inherits it. If the descriptor is not such a
// file, returns an error and does not close it.
absl::StatusOr<Handoff> LoadHandoff(int descriptor);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SMTPD_HANDOFF_H_
