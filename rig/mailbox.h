// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The messages and sessions of a rig.

#ifndef POSTERN_RIG_MAILBOX_H_
#define POSTERN_RIG_MAILBOX_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "rig/message.h"

namespace postern::rig {

// Thread-safe. Keeps at most a number of messages and of sessions, and a number
// of octets of messages (Message::cost()), and as many of the transcripts of
// sessions that have ended. The oldest are dropped. A message may outlive its
// session, but not the session's transcript, which is then empty.
class Mailbox {
 public:
  // Each limit is at least one message or session, whatever its size. The first
  // message has the number `first`.
  Mailbox(size_t most_messages, size_t most_octets, int first = 1)
      : most_messages_(most_messages),
        most_octets_(most_octets),
        last_message_(first - 1) {}

  // Adds a message with the next number, which it returns.
  int Add(Message::Data data);
  // Adds a session with the next number, or replaces it.
  int BeginSession(SessionFacts facts);
  void UpdateSession(const SessionFacts& facts);

  // The messages that were accepted, and the sessions, in order.
  std::vector<Message> Messages() const;
  std::vector<SessionFacts> Sessions() const;
  // Returns a session by its number.
  std::optional<SessionFacts> Session(int number) const;
  // Removes all messages and the sessions that have ended. Their numbers are
  // not used again.
  void Clear();
  // Removes the messages for which `drop` returns true. Returns their number.
  size_t Remove(const std::function<bool(const Message&)>& drop);
  // How many messages were dropped because of a limit.
  size_t dropped() const;
  // The number of the oldest message that is there, or, if there is none, of
  // the next one. A message with a smaller number is gone.
  int oldest() const;

  // No more messages and sessions come: all waits end, and later ones return at
  // once.
  void Close();

  // Waits until `count` messages have been added since the last Clear(), or
  // until `timeout` is over. Returns the messages that are there.
  std::vector<Message> WaitForMessages(size_t count,
                                       absl::Duration timeout) const;
  // Waits until `count` sessions have ended since the last Clear(), or until
  // `timeout` is over. Returns the sessions that have ended.
  std::vector<SessionFacts> WaitForSessions(size_t count,
                                            absl::Duration timeout) const;
  // Wait for the same. Return whether it has happened: limits may have dropped
  // messages that were added.
  bool AwaitMessages(size_t count, absl::Duration timeout) const;
  bool AwaitSessions(size_t count, absl::Duration timeout) const;
  // Waits until `done` returns true, which is asked whenever something has
  // changed, or until `timeout` is over. Returns what `done` returned last.
  // `done` must not call the mailbox.
  bool Wait(const std::function<bool(const std::deque<Message>&)>& done,
            absl::Duration timeout) const;

  // Octets of the messages for `recipient`, compared without regard to case.
  uint64_t OctetsFor(const std::string& recipient) const;

  // Calls `added` for each later message, on the thread that has received it,
  // without a lock. Call it before the first session.
  void OnMessage(std::function<void(const Message&)> added) {
    added_ = std::move(added);
  }
  // Calls `changed` with each later session, when it begins, has a message and
  // ends, in the same way.
  void OnSession(std::function<void(const SessionFacts&)> changed) {
    session_changed_ = std::move(changed);
  }

 private:
  // Waits until `done` returns true, the mailbox is closed, or `timeout` is
  // over. Returns what `done` returns then.
  template <typename Done>
  bool Await(std::unique_lock<std::mutex>* lock, absl::Duration timeout,
             Done done) const;
  std::vector<SessionFacts> Ended() const;
  void Trim();
  void TrimSessions();

  const size_t most_messages_;
  const size_t most_octets_;
  std::function<void(const Message&)> added_;
  std::function<void(const SessionFacts&)> session_changed_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  // Guarded by mutex_:
  bool closed_ = false;
  std::deque<Message> messages_;
  std::map<int, SessionFacts> sessions_;
  int last_message_;
  int last_session_ = 0;
  size_t octets_ = 0;          // the costs of messages_
  size_t session_octets_ = 0;  // of the transcripts of ended sessions
  size_t dropped_ = 0;
  size_t added_since_clear_ = 0;
  size_t ended_since_clear_ = 0;
};

}  // namespace postern::rig

#endif  // POSTERN_RIG_MAILBOX_H_
