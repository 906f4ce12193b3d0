// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Passes answers from any thread to the thread that serves a session.

#ifndef POSTERN_TRANSPORTS_ANSWER_BOX_H_
#define POSTERN_TRANSPORTS_ANSWER_BOX_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "engine/responder.h"
#include "engine/served_session.h"

namespace postern::transports {

// The place where a driver gets answers. Post() is thread-safe. Only the
// session's thread may call the other functions. Share it (std::shared_ptr)
// with all code that may answer later.
class AnswerBox {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // Call it on the thread of `session`. Post() calls `wake`, if it is not
  // empty, for a driver that does not block in Wait().
  explicit AnswerBox(ServedSession* session,
                     std::function<void()> wake = nullptr)
      : thread_(std::this_thread::get_id()),
        session_(session),
        wake_(std::move(wake)) {}

  // Accepts an answer. On the session's thread, passes it to the session at
  // once.
  void Post(PostedAnswer&& answer) {
    if (std::this_thread::get_id() == thread_) {
      if (session_ == nullptr) return;
      session_->Answer(std::move(answer));
    } else {
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        answers_.push_back(std::move(answer));
      }
      changed_.notify_one();
    }
    if (wake_) wake_();
  }

  // Waits for answers from other threads, and passes them to the session.
  // Returns false if there are none at the deadline.
  bool Wait(Deadline deadline) {
    std::vector<PostedAnswer> answers;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      if (!changed_.wait_until(lock, deadline,
                               [this] { return !answers_.empty(); })) {
        return false;
      }
      answers.swap(answers_);
    }
    for (PostedAnswer& answer : answers) session_->Answer(std::move(answer));
    return true;
  }

  // Does the same without waiting.
  void Take() {
    std::vector<PostedAnswer> answers;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      answers.swap(answers_);
    }
    for (PostedAnswer& answer : answers) session_->Answer(std::move(answer));
  }

  // The session has ended. Later answers are dropped.
  void Close() { session_ = nullptr; }

 private:
  const std::thread::id thread_;
  ServedSession* session_;
  const std::function<void()> wake_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<PostedAnswer> answers_;
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_ANSWER_BOX_H_
