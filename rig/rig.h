// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What Server and Pipe have in common: an SMTP server for the tests of programs
// that send mail. It accepts everything, keeps what it gets, and fails where
// the test says so. It runs the engine of the programs.

#ifndef POSTERN_RIG_RIG_H_
#define POSTERN_RIG_RIG_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/server_config.h"
#include "net/tls_files.h"
#include "rig/certificates.h"
#include "rig/fault.h"
#include "rig/fault_table.h"
#include "rig/mailbox.h"
#include "rig/message.h"
#include "rig/options.h"
#include "rig/session.h"
#include "rig/users.h"

namespace postern::rig {

// Thread-safe, except for construction and destruction. Options that cannot be
// used, and a system without descriptors or threads, abort the program with the
// reason: a test cannot continue without its server.
class Rig {
 public:
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  // Adds a fault: see FaultBuilder.
  FaultBuilder On(Point point) { return {&faults_, std::move(point)}; }
  // Adds a fault, which must pass CheckFault(): from a script, for example.
  void Add(Fault fault) { faults_.Add(std::move(fault)); }
  // Removes all faults.
  void ClearFaults() { faults_.Clear(); }
  // The faults that have a number of times, and have applied less often.
  std::vector<std::pair<Fault, int>> UnmetFaults() const {
    return faults_.Unmet();
  }

  // The messages that were accepted, in order.
  std::vector<Message> messages() const { return mailbox_.Messages(); }
  // Waits until `count` messages were accepted since the last Clear(), or until
  // `timeout` is over. Returns the messages that are there then: a test checks
  // their number.
  std::vector<Message> WaitForMessages(
      size_t count, absl::Duration timeout = absl::Seconds(10)) const {
    return mailbox_.WaitForMessages(count, timeout);
  }
  // The sessions so far, also those that have not ended.
  std::vector<SessionFacts> sessions() const { return mailbox_.Sessions(); }
  // Waits until `count` sessions have ended since the last Clear(), or until
  // `timeout` is over. Returns the sessions that have ended.
  std::vector<SessionFacts> WaitForSessions(
      size_t count, absl::Duration timeout = absl::Seconds(10)) const {
    return mailbox_.WaitForSessions(count, timeout);
  }
  // Forgets the messages, and the sessions that have ended.
  void Clear() { mailbox_.Clear(); }
  // For programs that do more with messages.
  Mailbox& mailbox() { return mailbox_; }
  FaultTable& faults() { return faults_; }

  // The certificate of the authority of the server's certificates, PEM. Makes
  // no file.
  absl::StatusOr<std::string> AuthorityCertificate() {
    return certificates_.Authority();
  }
  // For programs, to which the next two must report errors.
  Certificates& certificates() { return certificates_; }
  // The path of a PEM file with it, for the client. The file exists as long as
  // the rig.
  std::string CaFile();
  // The files of a new certificate for a client, for EXTERNAL. Its user is its
  // subject, "CN=" and `name`, which has 1 to 64 octets.
  net::TlsFiles ClientCertificate(absl::string_view name);

  // The options with which it was made.
  const Options& options() const { return options_; }

 protected:
  // `now` returns the time of messages and transcripts.
  Rig(Options options, std::function<absl::Time()> now);
  ~Rig() = default;

  // Returns kInvalidArgument with the name of the option that cannot be used.
  absl::Status CheckConfig() const;
  const ServerConfig& config() const { return config_; }
  const Shared* shared() const { return &shared_; }

 private:
  const Options options_;
  Certificates certificates_;
  Users users_;
  FaultTable faults_;
  Mailbox mailbox_;
  ServerConfig config_;
  const Shared shared_;
};

// Prints "postern::rig: " and `why`, and aborts.
[[noreturn]] void Die(absl::string_view why);

}  // namespace postern::rig

#endif  // POSTERN_RIG_RIG_H_
