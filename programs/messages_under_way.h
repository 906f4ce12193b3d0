// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The messages of postern serve that wait for their delivery's answer, so that
// the log names each of them that the end of the server interrupts.

#ifndef POSTERN_PROGRAMS_MESSAGES_UNDER_WAY_H_
#define POSTERN_PROGRAMS_MESSAGES_UNDER_WAY_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_set>

#include "engine/path.h"

namespace postern::programs {

// What the log says about a message.
struct MessageFacts {
  std::string id;     // see LoggedDelivery; empty: it has none
  uint64_t size = 0;  // octets so far
  size_t rcpts = 0;
  Path from;
};

// Thread-safe. Must outlive its Pending objects.
class MessagesUnderWay {
 public:
  // A message from its end to its delivery's answer. One thread at a time.
  class Pending {
   public:
    // `all` may be null: then the answer is always to be logged.
    Pending(MessagesUnderWay* all, MessageFacts facts);
    // A message that was interrupted, and not answered, is logged.
    ~Pending();
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;

    const MessageFacts& facts() const { return facts_; }

    // The delivery has answered. Returns whether that answer is to be logged.
    // It is not where the message was refused because it was interrupted, which
    // is logged here, if it has not been yet.
    bool Answer(bool accepted);

   private:
    friend class MessagesUnderWay;

    MessagesUnderWay* const all_;
    const MessageFacts facts_;
  };

  // Begins the end: no client gets an answer any more. From now on, a message
  // that is not accepted is one that was interrupted.
  void Interrupt();
  bool interrupted() const;

  // Logs each message that still waits, as the last thing before the process
  // ends, and returns how many there are. What becomes of them is not known.
  size_t LogRest();

  // Logs that a message was interrupted.
  static void Log(const MessageFacts& facts);

 private:
  mutable std::mutex mutex_;
  bool interrupted_ = false;                       // guarded by mutex_
  std::unordered_set<const Pending*> unanswered_;  // guarded by mutex_
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_MESSAGES_UNDER_WAY_H_
