// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The messages of postern serve that wait for their delivery's answer, so that
// the log names each of them that the end of the server interrupts.

#ifndef POSTERN_SERVICE_MESSAGES_UNDER_WAY_H_
#define POSTERN_SERVICE_MESSAGES_UNDER_WAY_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "absl/strings/string_view.h"
#include "log/log_line.h"

namespace postern::service {

// What the log says about a message, whatever becomes of it.
struct MessageFacts {
  std::string session;  // SessionInfo::session_id
  int message = 0;      // the n-th of it
  uint64_t size = 0;    // octets so far
  size_t rcpts = 0;
  log::LogLine origin;  // whom it came from: fields
};

// Returns "message result=RESULT size=7 rcpts=2", and the message's origin.
log::LogLine MessageLine(absl::string_view result, const MessageFacts& facts);

// Thread-safe. Must outlive its Pending objects.
class MessagesUnderWay {
 public:
  // A message from its end on, until what became of it is logged: once, here.
  // One thread at a time.
  class Pending {
   public:
    // `all` may be null: then there is no such end.
    Pending(MessagesUnderWay* all, MessageFacts facts);
    // A message whose answer came, and was not logged, is logged with
    // "reply=none": the client did not get it. One that was interrupted and not
    // answered is logged as that.
    ~Pending();
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;

    // The delivery has answered. A refusal after Interrupt() is logged as the
    // interruption that it is.
    void Answer(bool accepted);
    // The client has the answer: logs it, with `reply`, a field.
    void Log(const log::LogLine& reply);

   private:
    friend class MessagesUnderWay;

    // Returns whether this is still to be logged, and by the caller.
    bool Take();
    // What is logged where no reply was given.
    log::LogLine Unreplied() const;

    MessagesUnderWay* const all_;
    const MessageFacts facts_;
    std::optional<bool> accepted_;  // guarded by all_->mutex_, as is the next
    bool logged_ = false;
  };

  // Begins the end: no client gets an answer any more. From now on, a message
  // that is not accepted is one that was interrupted.
  void Interrupt();
  bool interrupted() const;

  // Logs each message that is not logged yet, as the last thing before the
  // process ends, and returns how many there are. What becomes of those that
  // were not answered is not known.
  size_t LogRest();

  // Logs that a message was interrupted.
  static void Log(const MessageFacts& facts);

 private:
  mutable std::mutex mutex_;
  bool interrupted_ = false;               // guarded by mutex_
  std::unordered_set<Pending*> unlogged_;  // guarded by mutex_
};

}  // namespace postern::service

#endif  // POSTERN_SERVICE_MESSAGES_UNDER_WAY_H_
