// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/hop_loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "net/socket_address.h"
#include "net/socket_channel.h"
#include "net/turn.h"
#include "system/descriptor.h"
#include "system/thread.h"

namespace postern::delivery {
namespace {

using Kind = net::Channel::Result::Kind;

// The time between two connect(2) to a Unix socket whose backlog is full.
constexpr std::chrono::milliseconds kRetry{100};

class SocketWire : public HopWire,
                   private net::EventLoop::Handler,
                   private net::Timer {
 public:
  SocketWire(net::EventLoop* loop, const HopAddress& address,
             std::function<void()> moved)
      : loop_(*loop), moved_(std::move(moved)) {
    size_ = address.path.empty()
                ? net::MakeSocketAddress(*address.ip, address.port, &address_)
                : net::MakeUnixAddress(address.path, &address_);
    socket_.Reset(socket(address_.ss_family,
                         SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_.is_open()) {
      error_ = errno;
      return;
    }
    if (address.path.empty()) {
      const int on = 1;
      (void)setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on,
                       sizeof(on));
    }
    channel_.emplace(socket_.get(), &turn_);
    Connect();
  }
  ~SocketWire() override {
    if (watched_) loop_.Unwatch(socket_.get());
  }

  Kind Connected() override {
    if (error_ != 0) return Kind::kEnd;
    if (connected_) return Kind::kOk;
    if (!watched_) return Kind::kWantWrite;  // OnTimer() connects
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
      error = errno;
    }
    error_ = error;
    if (error_ != 0) return Kind::kEnd;
    sockaddr_storage peer;
    socklen_t length = sizeof(peer);
    if (getpeername(socket_.get(), reinterpret_cast<sockaddr*>(&peer),
                    &length) != 0) {
      return Kind::kWantWrite;
    }
    connected_ = true;
    return Kind::kOk;
  }
  std::string error() const override { return strerror(error_); }

  net::Channel& channel() override {
    // The session limits what a turn would limit: the content comes in small
    // pieces, and a server can only reply to commands.
    turn_.Begin(loop_.now());
    return *channel_;
  }

 private:
  void OnEvents(uint32_t) override { moved_(); }
  void OnTimer() override {
    Connect();
    moved_();
  }

  void Connect() {
    if (connect(socket_.get(), reinterpret_cast<sockaddr*>(&address_), size_) ==
        0) {
      connected_ = true;
    } else if (errno == EAGAIN && address_.ss_family == AF_UNIX) {
      // The server works, but has not accepted the connections before this one:
      // unix(7) has no EINPROGRESS. The caller limits the time.
      return loop_.timers().Arm(this, loop_.now() + kRetry);
    } else if (errno != EINPROGRESS) {
      error_ = errno;
      return;
    }
    watched_ = loop_.Watch(socket_.get(),
                           EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, this);
    if (!watched_) error_ = errno;
  }

  net::EventLoop& loop_;
  const std::function<void()> moved_;
  sockaddr_storage address_ = {};
  socklen_t size_ = 0;
  system::Descriptor socket_;
  net::Turn turn_;
  std::optional<net::SocketChannel> channel_;
  bool connected_ = false;
  bool watched_ = false;
  int error_ = 0;
};

}  // namespace

class Forwarding::Loop : public net::EventLoop::Resident, public HopDriver {
 public:
  Loop(Forwarding* forwarding, net::EventLoop* loop)
      : forwarding_(*forwarding), loop_(*loop) {}
  ~Loop() override {
    for (auto& [key, pool] : pools_) pool->Shutdown();
  }

  std::shared_ptr<HopPool> PoolOf(const NextHop& hop,
                                  const ClientConfig& config,
                                  const HopSecurity& security) {
    const std::string terms = absl::StrCat(
        hop.implicit_tls ? "smtps" : "", hop.Format(), " ", security.version());
    std::shared_ptr<HopPool>& pool = pools_[absl::StrCat(
        hop.lmtp ? "lmtp " : "smtp ", config.host_name, " ", terms)];
    if (pool == nullptr) {
      RemoveUnused();
      std::vector<std::shared_ptr<HopHealth>> health;
      // Without words, all hops with the same server know the same.
      NextHop words = hop;
      words.hosts.clear();
      std::string own = absl::StrCat(hop.implicit_tls ? "smtps" : "",
                                     words.Format(), security.version());
      for (const HopAddress& address : hop.hosts) {
        health.push_back(forwarding_.HealthOf(address, own));
      }
      pool = std::make_shared<HopPool>(hop, config, security, std::move(health),
                                       this);
    }
    return pool;
  }

  Time now() const override { return loop_.now(); }
  net::TimerWheel& timers() override { return loop_.timers(); }
  void Later(Task task) override { loop_.Later(std::move(task)); }
  std::function<void(Task)> Poster() override {
    return [loop = &loop_](Task task) { loop->Post(std::move(task)); };
  }
  std::unique_ptr<HopWire> Connect(const HopAddress& address,
                                   std::function<void()> moved) override {
    return std::make_unique<SocketWire>(&loop_, address, std::move(moved));
  }
  void Resolve(const std::string& name, Resolved done) override {
    if (!forwarding_.resolve_) {
      return std::move(done)(absl::UnavailableError("there is no resolver"));
    }
    forwarding_.resolve_(
        name, [loop = &loop_, done = std::move(done)](
                  absl::StatusOr<std::vector<IpAddress>> addresses) mutable {
          loop->Post([addresses = std::move(addresses),
                      done = std::move(done)]() mutable {
            std::move(done)(std::move(addresses));
          });
        });
  }

 private:
  // Removes the pools whose connections have ended, such as those with the
  // credentials from before a reload.
  void RemoveUnused() {
    for (auto each = pools_.begin(); each != pools_.end();) {
      HopPool* const pool = each->second.get();
      // Null: the one that is being made.
      if (pool == nullptr || each->second.use_count() > 1 ||
          pool->connections() > 0) {
        ++each;
        continue;
      }
      pool->Shutdown();
      each = pools_.erase(each);
    }
  }

  Forwarding& forwarding_;
  net::EventLoop& loop_;
  std::map<std::string, std::shared_ptr<HopPool>> pools_;
};

Forwarding::Forwarding(Resolve resolve) : resolve_(std::move(resolve)) {}

Forwarding::~Forwarding() {
  if (own_loop_ != nullptr) own_loop_->Stop();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<HopPool> Forwarding::PoolOf(net::EventLoop* loop,
                                            const NextHop& hop,
                                            const ClientConfig& config,
                                            const HopSecurity& security) {
  auto* const resident = loop->ResidentOf(
      this, [&]() -> std::unique_ptr<net::EventLoop::Resident> {
        return std::make_unique<Loop>(this, loop);
      });
  return static_cast<Loop*>(resident)->PoolOf(hop, config, security);
}

absl::StatusOr<net::EventLoop*> Forwarding::OwnLoop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (own_loop_ != nullptr) return own_loop_.get();
  auto loop = std::make_unique<net::EventLoop>();
  if (!loop->status().ok()) return loop->status();
  absl::StatusOr<std::thread> thread =
      system::StartThread("forward", [loop = loop.get()] { loop->Run(); });
  if (!thread.ok()) return thread.status();
  own_loop_ = std::move(loop);
  thread_ = *std::move(thread);
  return own_loop_.get();
}

std::shared_ptr<HopHealth> Forwarding::HealthOf(const HopAddress& address,
                                                const std::string& terms) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::shared_ptr<HopHealth>& health =
      health_[absl::StrCat(address.Format(), " ", terms)];
  if (health == nullptr) health = std::make_shared<HopHealth>();
  return health;
}

}  // namespace postern::delivery
