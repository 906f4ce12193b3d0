// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Brings answers from any thread to the one that serves a session.

#ifndef POSTERN_TRANSPORTS_ANSWER_BOX_H_
#define POSTERN_TRANSPORTS_ANSWER_BOX_H_

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "engine/responder.h"

namespace postern::transports {

// AnswerBox is where a blocking driver waits. Thread-safe. Share it
// (std::shared_ptr) with whoever may answer late.
class AnswerBox {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  using Answers = std::vector<PostedAnswer>;

  void Post(PostedAnswer answer) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      answers_.push_back(std::move(answer));
    }
    changed_.notify_one();
  }

  // Says that a sink takes more: ends WaitReady().
  void PostReady() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ready_ = true;
    }
    changed_.notify_one();
  }

  // Takes what has been posted, in order; perhaps nothing.
  Answers Take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(answers_, {});
  }

  // Waits until there is an answer to take. Returns false at the deadline.
  bool WaitAnswer(Deadline deadline) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_until(lock, deadline,
                               [this] { return !answers_.empty(); });
  }

  // Waits for PostReady(). Returns false at the deadline.
  bool WaitReady(Deadline deadline) {
    std::unique_lock<std::mutex> lock(mutex_);
    const bool ready =
        changed_.wait_until(lock, deadline, [this] { return ready_; });
    ready_ = false;
    return ready;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Answers answers_;
  bool ready_ = false;
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_ANSWER_BOX_H_
