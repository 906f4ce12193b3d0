// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A message that a rig has received, and the session that sent it.

#ifndef POSTERN_RIG_MESSAGE_H_
#define POSTERN_RIG_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "engine/ask.h"
#include "engine/session_info.h"
#include "engine/step.h"
#include "rig/transcript.h"

namespace postern::rig {

// What is known of a session. A value: a later fact makes another one.
struct SessionFacts {
  int number = 0;  // the n-th session of the rig, from 1
  // When the client connected.
  absl::Time began;
  // The addresses, the TLS version, the EHLO name and the user.
  SharedSessionInfo info;
  // What the client has used, in upper case: "PIPELINING", "SIZE", "8BITMIME",
  // "SMTPUTF8", "CHUNKING", "STARTTLS", "AUTH" and so on. PIPELINING: it sent a
  // command before it could have the reply to the last one.
  std::set<std::string> extensions;
  // How it ended. nullopt: it has not ended.
  std::optional<CloseReason> end;
  // What both sides have sent so far. It grows while the session runs.
  std::shared_ptr<const Transcript> transcript;
};

// A handle of an immutable message: cheap to copy. Thread-safe.
class Message {
 public:
  // What a message consists of. The functions of Message describe each part.
  struct Data {
    // Each is what the function of its name returns: `number`, `received`,
    // `envelope`, `to`, `from`, `raw`, `trace`, `session`, `transcript_begin`.
    int number = 0;
    absl::Time received;
    Envelope envelope;
    std::vector<std::string> to;
    std::string from;
    std::string raw;
    std::string trace;
    SessionFacts session;
    uint64_t transcript_begin = 0;
  };
  // A handle of `data`, which must not be null.
  explicit Message(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  // The n-th message of the rig, from 1. Dropped messages count.
  int number() const { return data_->number; }
  // When the server accepted it.
  absl::Time received() const { return data_->received; }

  // The envelope. from() is "" for the null sender. to() has the accepted
  // recipients, in order. Both have the form of Path::Address().
  const std::string& from() const { return data_->from; }
  const std::vector<std::string>& to() const { return data_->to; }
  // The same with the parameters of MAIL and RCPT. Envelope::message is the
  // number of the transaction in its session.
  const Envelope& envelope() const { return data_->envelope; }

  // The octets that the client sent: lines end in CRLF, and the dots of DATA
  // are removed. There is no Received field before it.
  const std::string& raw() const { return data_->raw; }
  // The Received field that a server would add.
  const std::string& trace() const { return data_->trace; }

  // The session, as it was when the message was accepted.
  const SessionFacts& session() const { return data_->session; }
  // The transcript of the session, to its end.
  const Transcript& transcript() const { return *data_->session.transcript; }
  // Where in it the message before this one ended (Transcript::EntriesFrom()).
  // 0: this is the first message of the session.
  uint64_t transcript_begin() const { return data_->transcript_begin; }

  // About the octets of memory for the message and what postern rig keeps for
  // lists and searches, if its header is short: its octets, kCost, and for each
  // recipient `kRecipientCost` and six times its address.
  size_t cost() const;
  static constexpr size_t kCost = 1000;
  static constexpr size_t kRecipientCost = 500;

  friend bool operator==(const Message&, const Message&) = default;
  // Prints "message 1 from <a@x> to <b@y> (123 octets)", for failed tests.
  friend std::ostream& operator<<(std::ostream& out, const Message& message);

 private:
  std::shared_ptr<const Data> data_;
};

}  // namespace postern::rig

#endif  // POSTERN_RIG_MESSAGE_H_
