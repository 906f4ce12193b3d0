// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/event_loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <utility>

namespace postern::net {
namespace {

thread_local EventLoop* running = nullptr;

// Returns the milliseconds until `time`, rounded up, so that the loop does not
// wake before it.
int Wait(Timer::Time now, Timer::Time time) {
  if (time <= now) return 0;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(time - now);
  return static_cast<int>(wait.count());  // at most about 100 s: see TimerWheel
}

}  // namespace

EventLoop::EventLoop()
    : now_(std::chrono::steady_clock::now()),
      timers_(now_),
      scratch_(kScratch) {
  epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
  if (epoll_.is_open()) wake_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLET;
  if (!epoll_.is_open() || !wake_.is_open() ||
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    status_ = absl::ErrnoToStatus(errno, "cannot make an event loop");
  }
}

EventLoop::~EventLoop() = default;

void EventLoop::Run() {
  running = this;
  std::array<epoll_event, 256> events;
  while (!stopped_.load(std::memory_order_acquire)) {
    const std::optional<Timer::Time> next = timers_.Next();
    const int wait = !later_.empty() ? 0 : next ? Wait(now_, *next) : -1;
    const int count = epoll_wait(epoll_.get(), events.data(),
                                 static_cast<int>(events.size()), wait);
    now_ = std::chrono::steady_clock::now();
    bool posted = false;
    for (int i = 0; i < count; ++i) {
      auto* const handler =
          static_cast<Handler*>(events[static_cast<size_t>(i)].data.ptr);
      if (handler == nullptr) {
        posted = true;
      } else {
        handler->OnEvents(events[static_cast<size_t>(i)].events);
        EndTurn();
      }
    }
    if (posted) RunPosted();
    timers_.Advance(now_);
    // Tasks that these tasks put off run in the next round.
    for (Task& task : std::exchange(later_, {})) {
      EndTurn();
      std::move(task)();
    }
    EndTurn();
  }
  // They may use the loop until the end, and so may the tasks that they put
  // off.
  residents_.clear();
  while (!later_.empty()) std::exchange(later_, {});
  running = nullptr;
  // Destroyed without the lock: a destructor may post another task.
  std::vector<Task> rest;
  const std::lock_guard<std::mutex> lock(mutex_);
  over_ = true;
  rest.swap(posted_);
}

void EventLoop::RunPosted() {
  // The eventfd is reset first. A task that is posted after the swap below
  // finds an empty list and wakes the loop again.
  uint64_t rung = 0;
  (void)!read(wake_.get(), &rung, sizeof(rung));
  std::vector<Task> tasks;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks.swap(posted_);
  }
  for (Task& task : tasks) {
    std::move(task)();
    EndTurn();
  }
}

void EventLoop::EndTurn() {
  const Timer::Time now = std::chrono::steady_clock::now();
  const int64_t took = std::chrono::nanoseconds(now - now_).count();
  now_ = now;
  if (took > longest_turn_.load(std::memory_order_relaxed)) {
    longest_turn_.store(took, std::memory_order_relaxed);
  }
}

void EventLoop::Stop() {
  stopped_.store(true, std::memory_order_release);
  Post([] {});
}

void EventLoop::Post(Task task) {
  bool first = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (over_) return;  // the caller destroys the task, without the lock
    first = posted_.empty();
    posted_.push_back(std::move(task));
  }
  constexpr uint64_t kRing = 1;
  if (first) (void)!write(wake_.get(), &kRing, sizeof(kRing));
}

bool EventLoop::OnThread() const { return running == this; }

EventLoop* EventLoop::Running() { return running; }

EventLoop::Resident* EventLoop::ResidentOf(
    const void* key, absl::FunctionRef<std::unique_ptr<Resident>()> make) {
  std::unique_ptr<Resident>& resident = residents_[key];
  if (resident == nullptr) resident = make();
  return resident.get();
}

bool EventLoop::Watch(int fd, uint32_t events, Handler* handler) {
  epoll_event event = {};
  event.events = events;
  event.data.ptr = handler;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void EventLoop::Unwatch(int fd) {
  (void)epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

}  // namespace postern::net
