// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The messages of postern serve that wait for the answer of their delivery. The
// log names each one that the shutdown of the server interrupts.

#ifndef POSTERN_SERVICE_MESSAGES_IN_PROGRESS_H_
#define POSTERN_SERVICE_MESSAGES_IN_PROGRESS_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "absl/strings/string_view.h"
#include "log/log_line.h"

namespace postern::service {

// What the log shows about a message, whatever its outcome is.
struct MessageFacts {
  std::string session;  // SessionInfo::session_id
  int message = 0;      // the number within the session
  uint64_t size = 0;    // in octets, so far
  size_t rcpts = 0;
  log::LogLine origin;  // fields about the client and the sender
};

// Returns "message result=RESULT size=7 rcpts=2", followed by the origin.
log::LogLine MessageLine(absl::string_view result, const MessageFacts& facts);

// Thread-safe. Must outlive its Pending objects.
class MessagesInProgress {
 public:
  // A message from the end of its content until its outcome is logged, exactly
  // once. Used by one thread at a time.
  class Pending {
   public:
    // `all` may be null. Then the shutdown interrupts no message.
    Pending(MessagesInProgress* all, MessageFacts facts);
    // Logs a message whose answer was not logged, with "reply=none": the client
    // did not get a reply. Logs a message without an answer after Interrupt()
    // as interrupted.
    ~Pending();
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;

    // Called when the delivery has answered. A refusal after Interrupt() is
    // logged as an interruption.
    void Answer(bool accepted);
    // Called when the client has the reply. Logs the message with `reply`, a
    // field.
    void Log(const log::LogLine& reply);

   private:
    friend class MessagesInProgress;

    // Returns whether the caller must log the message now.
    bool Take();
    // Returns the line for a message without a reply.
    log::LogLine Unreplied() const;

    MessagesInProgress* const all_;
    const MessageFacts facts_;
    std::optional<bool> accepted_;  // guarded by all_->mutex_, as is the next
    bool logged_ = false;
  };

  // Begins the shutdown: clients get no more answers. From now on, a message
  // that is not accepted is interrupted.
  void Interrupt();
  bool interrupted() const;

  // Logs each message that is not logged yet, and returns their number. Called
  // immediately before the process ends. The outcome of messages without an
  // answer is unknown.
  size_t LogRest();

 private:
  mutable std::mutex mutex_;
  bool interrupted_ = false;               // guarded by mutex_
  std::unordered_set<Pending*> unlogged_;  // guarded by mutex_
};

}  // namespace postern::service

#endif  // POSTERN_SERVICE_MESSAGES_IN_PROGRESS_H_
