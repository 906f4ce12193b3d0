// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/shared/redis_store.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "system/thread.h"

namespace postern::policy {
namespace {

// A connection that has worked so long is not one of a series of failures.
constexpr std::chrono::seconds kStable{10};
// The time of a wait without a deadline.
constexpr std::chrono::hours kLong{1};

}  // namespace

RedisStore::RedisStore(Options options)
    : options_(std::move(options)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      access_(options_.access) {}

RedisStore::~RedisStore() {
  (void)Stop(std::chrono::milliseconds(0));
  if (thread_.joinable()) thread_.join();
}

absl::Status RedisStore::Start() {
  if (wake_.get() < 0) return absl::ErrnoToStatus(errno, "eventfd");
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = false;
  }
  auto thread = system::StartThread("redis", [this] { Run(); });
  std::unique_lock<std::mutex> lock(mutex_);
  if (!thread.ok()) {
    ended_ = true;
    return thread.status();
  }
  thread_ = *std::move(thread);
  changed_.wait_for(lock, 2 * options_.timeout, [this] { return attempted_; });
  return absl::OkStatus();
}

bool RedisStore::Stop(std::chrono::milliseconds wait) {
  std::unique_lock<std::mutex> lock(mutex_);
  stopping_ = true;
  works_.store(false, std::memory_order_release);
  changed_.notify_all();
  Wake();
  return changed_.wait_for(lock, wait, [this] { return ended_; });
}

void RedisStore::SetAccess(RedisAccess access) {
  const std::lock_guard<std::mutex> lock(mutex_);
  access_ = std::move(access);
}

void RedisStore::Wake() {
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof(one));  // it may be readable already
}

void RedisStore::ClearWake() {
  uint64_t woken = 0;
  (void)!read(wake_.get(), &woken, sizeof(woken));  // it may be zero
}

bool RedisStore::stopped() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stopping_;
}

bool RedisStore::Pause(std::chrono::milliseconds time) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_for(lock, time, [this] { return stopping_; });
  return !stopping_;
}

void RedisStore::Ask(SharedQuestion question, Done done) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (works() && open_ < kMaxOpen) {
      ++open_;
      asked_.emplace_back(
          std::move(question),
          Open{std::move(done),
               std::chrono::steady_clock::now() + options_.timeout});
      // The thread takes all questions when it is woken.
      if (asked_.size() == 1) Wake();
      return;
    }
  }
  skipped_.fetch_add(1, std::memory_order_relaxed);
  std::move(done)(absl::UnavailableError("the shared state does not work"));
}

RedisStore::Counts RedisStore::counts() const {
  return {answered_.load(std::memory_order_relaxed),
          failed_.load(std::memory_order_relaxed),
          skipped_.load(std::memory_order_relaxed)};
}

void RedisStore::Report(bool works, const absl::Status& why) {
  const std::string text =
      absl::StrCat(options_.access.address.Format(), ": ",
                   works ? absl::string_view("works") : why.message());
  // A server that is down for hours is one line.
  if (text == reported_) return;
  reported_ = text;
  if (options_.report) options_.report(works, text);
}

void RedisStore::Run() {
  std::chrono::milliseconds retry = options_.first_retry;
  do {
    // A question may have woken the thread when the last connection failed.
    ClearWake();
    RedisAccess access;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) break;
      access = access_;
    }
    auto connection =
        RedisConnection::Open(access, options_.timeout, wake_.get());
    absl::Status why = connection.status();
    if (stopped()) break;
    if (connection.ok()) {
      const Time since = std::chrono::steady_clock::now();
      std::deque<Open> sent;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!stopping_) works_.store(true, std::memory_order_release);
        attempted_ = true;
      }
      Report(true, absl::OkStatus());
      changed_.notify_all();
      why = Serve(connection->get(), &sent);
      works_.store(false, std::memory_order_release);
      if (std::chrono::steady_clock::now() - since >= kStable) {
        retry = options_.first_retry;
      }
      connection->reset();
      // Before the questions are answered: what follows from them is logged
      // after the reason.
      if (!stopped()) Report(false, why);
      Fail(std::move(sent), why);
    } else {
      Report(false, why);
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        attempted_ = true;
      }
      changed_.notify_all();
    }
    const auto pause = retry;
    retry = std::min(2 * retry, options_.last_retry);
    if (!Pause(pause)) break;
  } while (true);
  // What was asked at the moment of Stop().
  Fail({}, absl::CancelledError("the server stops"));
  const std::lock_guard<std::mutex> lock(mutex_);
  attempted_ = true;
  ended_ = true;
  changed_.notify_all();
}

absl::Status RedisStore::Serve(RedisConnection* connection,
                               std::deque<Open>* sent) {
  while (true) {
    // First: a question after this wakes the thread again.
    ClearWake();
    std::deque<std::pair<SharedQuestion, Open>> asked;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) return absl::CancelledError("the server stops");
      asked.swap(asked_);
    }
    for (auto& [question, open] : asked) {
      connection->SendScript(question.script, options_.access.address.prefix,
                             question.keys, question.arguments);
      sent->push_back(std::move(open));
    }
    const Time until = sent->empty() ? std::chrono::steady_clock::now() + kLong
                                     : sent->front().until;
    const absl::Status waited = connection->Wait(until, wake_.get());
    if (!waited.ok() && !absl::IsCancelled(waited) &&
        !absl::IsDeadlineExceeded(waited)) {
      return waited;
    }
    while (true) {
      auto reply = connection->Next();
      if (!reply.ok()) return reply.status();
      if (!*reply) break;
      if ((*reply)->error) return absl::UnavailableError((*reply)->text);
      if (sent->empty()) {
        return absl::UnavailableError("sent a reply that no question has");
      }
      Open open = std::move(sent->front());
      sent->pop_front();
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        --open_;
      }
      answered_.fetch_add(1, std::memory_order_relaxed);
      std::move(open.done)(std::move((*reply)->numbers));
    }
    if (!sent->empty() &&
        sent->front().until <= std::chrono::steady_clock::now()) {
      return absl::DeadlineExceededError(
          absl::StrCat("no answer within ", options_.timeout.count(), " ms"));
    }
  }
}

void RedisStore::Fail(std::deque<Open> sent, const absl::Status& why) {
  std::deque<std::pair<SharedQuestion, Open>> asked;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    asked.swap(asked_);
    open_ = 0;
  }
  failed_.fetch_add(sent.size() + asked.size(), std::memory_order_relaxed);
  for (Open& each : sent) std::move(each.done)(why);
  for (auto& [question, open] : asked) std::move(open.done)(why);
}

}  // namespace postern::policy
