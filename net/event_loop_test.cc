// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/event_loop.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace postern::net {
namespace {

class Listener : public EventLoop::Handler {
 public:
  explicit Listener(std::function<void(uint32_t)> then)
      : then_(std::move(then)) {}
  void OnEvents(uint32_t events) override { then_(events); }

 private:
  std::function<void(uint32_t)> then_;
};

class Alarm : public Timer {
 public:
  explicit Alarm(std::function<void()> then) : then_(std::move(then)) {}

 private:
  void OnTimer() override { then_(); }
  std::function<void()> then_;
};

TEST(EventLoopTest, TasksOfEachThreadRunInOrder) {
  EventLoop loop;
  ASSERT_TRUE(loop.status().ok());
  std::vector<int> order;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&loop, &order, t] {
      EXPECT_FALSE(loop.OnThread());
      for (int i = 0; i < 1000; ++i) {
        loop.Post([&loop, &order, t, i] {
          EXPECT_TRUE(loop.OnThread());
          order.push_back(t * 1000 + i);
          if (order.size() == 4000) loop.Stop();
        });
      }
    });
  }
  loop.Run();
  for (std::thread& thread : threads) thread.join();
  std::array<int, 4> next = {0, 1000, 2000, 3000};
  for (int n : order) EXPECT_EQ(n, next[static_cast<size_t>(n / 1000)]++);
}

TEST(EventLoopTest, ATaskMayPostAnother) {
  EventLoop loop;
  int count = 0;
  std::function<void()> again = [&] {
    if (++count == 10) return loop.Stop();
    loop.Post([&] { again(); });
  };
  loop.Post([&] { again(); });
  loop.Run();
  EXPECT_EQ(count, 10);
}

TEST(EventLoopTest, CallsTheHandlerOfAReadableDescriptor) {
  EventLoop loop;
  std::array<int, 2> sockets;
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets.data()), 0);
  uint32_t seen = 0;
  Listener listener([&](uint32_t events) {
    seen = events;
    loop.Stop();
  });
  ASSERT_TRUE(loop.Watch(sockets[0], EPOLLIN | EPOLLET, &listener));
  ASSERT_EQ(write(sockets[1], "x", 1), 1);
  loop.Run();
  EXPECT_EQ(seen, uint32_t{EPOLLIN});
  close(sockets[0]);
  close(sockets[1]);
}

TEST(EventLoopTest, AnUnwatchedDescriptorHasNoEvents) {
  EventLoop loop;
  std::array<int, 2> sockets;
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets.data()), 0);
  Listener listener([&](uint32_t) { FAIL(); });
  ASSERT_TRUE(loop.Watch(sockets[0], EPOLLIN, &listener));
  loop.Unwatch(sockets[0]);
  ASSERT_EQ(write(sockets[1], "x", 1), 1);
  Alarm alarm([&] { loop.Stop(); });
  loop.timers().Arm(&alarm, loop.now() + std::chrono::milliseconds(100));
  loop.Run();
  close(sockets[0]);
  close(sockets[1]);
}

TEST(EventLoopTest, ATimerIsNotEarly) {
  EventLoop loop;
  Timer::Time met;
  Alarm alarm([&] {
    met = std::chrono::steady_clock::now();
    loop.Stop();
  });
  const Timer::Time deadline = loop.now() + std::chrono::milliseconds(120);
  loop.timers().Arm(&alarm, deadline);
  loop.Run();
  EXPECT_GE(met, deadline);
}

TEST(EventLoopTest, LaterRunsATaskAtTheEndOfTheRound) {
  EventLoop loop;
  std::vector<int> order;
  loop.Post([&] {
    loop.Later([&] {
      order.push_back(3);
      loop.Later([&] {
        order.push_back(4);
        loop.Stop();
      });
    });
    order.push_back(1);
  });
  loop.Post([&] { order.push_back(2); });
  loop.Run();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4}));
}

TEST(EventLoopTest, DestroysTasksThatHaveNotRun) {
  const auto held = std::make_shared<int>(1);
  {
    EventLoop loop;
    loop.Post([held] {});
    loop.Later([held] {});
  }
  EXPECT_EQ(held.use_count(), 1);
}

// The server destroys what the tasks refer to before it destroys the loop.
TEST(EventLoopTest, StoppedLoopHoldsNoTasks) {
  const auto held = std::make_shared<int>(1);
  EventLoop loop;
  // Posts a task when it is destroyed, as an abandoned transaction may.
  class Poster {
   public:
    Poster(EventLoop* loop, std::shared_ptr<int> held)
        : loop_(*loop), held_(std::move(held)) {}
    Poster(const Poster&) = delete;
    Poster& operator=(const Poster&) = delete;
    ~Poster() {
      loop_.Post([held = held_] { FAIL(); });
    }

   private:
    EventLoop& loop_;
    const std::shared_ptr<int> held_;
  };
  loop.Post([&loop, held] {
    loop.Stop();
    loop.Post([held] { FAIL(); });
    loop.Post([poster = std::make_unique<Poster>(&loop, held)] { FAIL(); });
  });
  loop.Run();
  EXPECT_EQ(held.use_count(), 1);
  loop.Post([held] { FAIL(); });
  EXPECT_EQ(held.use_count(), 1);
}

// The destructor of a task puts off another one, as that of a connection does.
TEST(EventLoopTest, TaskMayPutOffAnotherWhenItIsDestroyed) {
  const auto held = std::make_shared<int>(1);
  EventLoop loop;
  class Owner {
   public:
    Owner(EventLoop* loop, std::shared_ptr<int> held, int depth)
        : loop_(*loop), held_(std::move(held)), depth_(depth) {}
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    ~Owner() {
      if (depth_ == 0) return;
      for (int i = 0; i < 3; ++i) {
        loop_.Later([next = std::make_unique<Owner>(&loop_, held_,
                                                    depth_ - 1)] { FAIL(); });
      }
    }

   private:
    EventLoop& loop_;
    const std::shared_ptr<int> held_;
    const int depth_;
  };
  // The tasks of Later() run once more in the round of Stop(). These follow.
  loop.Post([&] {
    loop.Stop();
    loop.Later([&] {
      loop.Later([owner = std::make_unique<Owner>(&loop, held, 4)] { FAIL(); });
    });
  });
  loop.Run();
  EXPECT_EQ(held.use_count(), 1);
}

TEST(EventLoopTest, ResidentEndsWithTheLoopOnItsThread) {
  class Tenant : public EventLoop::Resident {
   public:
    Tenant(EventLoop* loop, std::string* log) : loop_(*loop), log_(*log) {}
    ~Tenant() override {
      log_ += loop_.OnThread() ? "ends on the loop" : "ends elsewhere";
      // It may still put off what needs the end of a round.
      loop_.Later([] {});
    }

   private:
    EventLoop& loop_;
    std::string& log_;
  };
  EXPECT_EQ(EventLoop::Running(), nullptr);
  std::string log;
  {
    EventLoop loop;
    int made = 0;
    const int key = 0;
    loop.Post([&] {
      EXPECT_EQ(EventLoop::Running(), &loop);
      const auto make = [&] {
        ++made;
        return std::make_unique<Tenant>(&loop, &log);
      };
      EventLoop::Resident* const first = loop.ResidentOf(&key, make);
      EXPECT_EQ(loop.ResidentOf(&key, make), first);
      EXPECT_NE(loop.ResidentOf(&made, make), first);
      loop.Stop();
    });
    loop.Run();
    EXPECT_EQ(made, 2);
    EXPECT_EQ(log, "ends on the loopends on the loop");
  }
  EXPECT_EQ(EventLoop::Running(), nullptr);
}

}  // namespace
}  // namespace postern::net
