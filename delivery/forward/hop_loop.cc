// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/hop_loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "net/channel.h"
#include "net/connecting_socket.h"
#include "net/socket_channel.h"
#include "net/turn.h"
#include "system/thread.h"

namespace postern::delivery {
namespace {

using Kind = net::Channel::Result::Kind;

// The time between two connect(2) to a Unix socket whose backlog is full.
constexpr std::chrono::milliseconds kRetry{100};

net::ConnectingSocket SocketFor(const HopAddress& address) {
  return address.path.empty() ? net::ConnectingSocket(*address.ip, address.port)
                              : net::ConnectingSocket(address.path);
}

// Returns what servers must have in common to share a HopHealth. Without words,
// all hops with the same server know the same.
std::string OwnTerms(const NextHop& hop, const HopSecurity& security) {
  NextHop words = hop;
  words.hosts.clear();
  return absl::StrCat(hop.implicit_tls ? "smtps" : "", words.Format(),
                      security.version());
}

class SocketWire : public HopWire,
                   private net::Channel,
                   private net::EventLoop::Handler,
                   private net::Timer {
 public:
  // `own` returns whether this process listens at an address of this machine.
  SocketWire(net::EventLoop* loop, const HopAddress& address,
             std::function<bool(const HopAddress&)> own,
             std::function<void()> moved)
      : loop_(*loop),
        address_(address),
        own_(std::move(own)),
        moved_(std::move(moved)),
        socket_(SocketFor(address)),
        channel_(socket_.socket(), &turn_) {
    Connect();
  }
  ~SocketWire() override {
    if (watched_) loop_.Unwatch(socket_.socket());
  }

  Kind Connected() override {
    if (error_ != 0) return Kind::kEnd;
    if (!watched_) return Kind::kWantWrite;  // OnTimer() connects
    switch (socket_.Check()) {
      case State::kConnected:
        return Kind::kOk;
      case State::kPending:
      case State::kBusy:
        return Kind::kWantWrite;
      case State::kFailed:
        break;
    }
    error_ = socket_.error();
    return Kind::kEnd;
  }
  std::string error() const override { return strerror(error_); }
  Place place() const override {
    if (net::PlaceOfPeer(socket_.socket()) == net::PeerPlace::kElsewhere) {
      return Place::kElsewhere;
    }
    return own_(address_) ? Place::kThisServer : Place::kThisMachine;
  }

  net::Channel& channel() override {
    // The session limits what a turn would limit: the content comes in small
    // pieces, and a server can only reply to commands.
    turn_.Begin(loop_.now());
    return *this;
  }

 private:
  using State = net::ConnectingSocket::State;

  // Makes no system call unless an event has reported input: the caller reads
  // after each write, when the server has seldom replied yet.
  Result Read(absl::Span<char> room) override {
    if (!readable_) return {Kind::kWantRead};
    const Result result = channel_.Read(room);
    // A read that did not fill the room has emptied the socket, and the next
    // octet causes an event. An end of input may have caused its event already.
    const bool emptied = result.kind == Kind::kOk
                             ? result.count < room.size() && !hung_up_
                             : result.kind == Kind::kWantRead && !turn_.over();
    if (emptied) readable_ = false;
    return result;
  }
  Result Write(absl::string_view bytes) override {
    return channel_.Write(bytes);
  }

  void OnEvents(uint32_t events) override {
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
    if ((events & EPOLLIN) != 0 || hung_up_) readable_ = true;
    moved_();
  }
  void OnTimer() override {
    Connect();
    moved_();
  }

  void Connect() {
    const State state = socket_.Connect();
    if (state == State::kBusy) {
      // The server works. The caller limits the time.
      return loop_.timers().Arm(this, loop_.now() + kRetry);
    }
    error_ = socket_.error();
    if (state == State::kFailed) return;
    watched_ = loop_.Watch(socket_.socket(),
                           EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, this);
    if (!watched_) error_ = errno;
  }

  net::EventLoop& loop_;
  const HopAddress address_;
  const std::function<bool(const HopAddress&)> own_;
  const std::function<void()> moved_;
  net::ConnectingSocket socket_;
  net::Turn turn_;
  net::SocketChannel channel_;
  bool watched_ = false;
  bool readable_ = false;
  bool hung_up_ = false;  // the server closed its side, or all of it
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
    // The words are part of it: a connection is for its next hop alone.
    const std::string terms = absl::StrCat(
        hop.implicit_tls ? "smtps" : "", hop.Format(), " ", security.version());
    std::shared_ptr<HopPool>& pool = pools_[absl::StrCat(
        hop.lmtp ? "lmtp " : "smtp ", config.host_name, " ", terms)];
    if (pool == nullptr) {
      RemoveUnused();
      std::vector<std::shared_ptr<HopHealth>> health;
      const std::string own = OwnTerms(hop, security);
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
    return std::make_unique<SocketWire>(
        &loop_, address,
        [&forwarding = forwarding_](const HopAddress& at) {
          return forwarding.Listens(at);
        },
        std::move(moved));
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

void Forwarding::SetListening(std::vector<net::ListenAddress> addresses) {
  const std::lock_guard<std::mutex> lock(mutex_);
  listening_ = std::move(addresses);
}

bool Forwarding::Listens(const HopAddress& address) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto is = [&address](const net::ListenAddress& own) {
    if (!address.path.empty()) return own.path == address.path;
    return own.path.empty() && own.port == address.port &&
           (!own.host || *own.host == *IpAddress::Parse("0.0.0.0") ||
            *own.host == *IpAddress::Parse("::") || own.host == address.ip);
  };
  return std::any_of(listening_.begin(), listening_.end(), is);
}

std::vector<HopStatus> Forwarding::Status() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::map<std::string, HopStatus> all;
  for (const auto& weak : registered_) {
    const auto registered = weak.lock();
    if (registered == nullptr) continue;
    for (const auto& [server, health] : *registered) {
      const HopHealth::Counts& counts = *counts_.at(server);
      const bool before = all.count(server) == 0 || all[server].works;
      all[server] = {.server = server,
                     .works = before && health->works(),
                     .open = counts.open,
                     .used = counts.used,
                     .opened = counts.opened,
                     .failed = counts.failed,
                     .waits = counts.waits};
    }
  }
  std::vector<HopStatus> list;
  for (auto& [server, status] : all) list.push_back(std::move(status));
  return list;
}

std::shared_ptr<const void> Forwarding::Register(const NextHop& hop,
                                                 const HopSecurity& security) {
  auto made = std::make_shared<std::vector<Registered>>();
  for (const HopAddress& address : hop.hosts) {
    made->push_back(
        {address.Format(), HealthOf(address, OwnTerms(hop, security))});
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  registered_.erase(
      std::remove_if(registered_.begin(), registered_.end(),
                     [](const auto& each) { return each.expired(); }),
      registered_.end());
  registered_.push_back(made);
  return made;
}

std::shared_ptr<HopHealth> Forwarding::HealthOf(const HopAddress& address,
                                                const std::string& terms) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (auto each = health_.begin(); each != health_.end();) {
    each = each->second.expired() ? health_.erase(each) : std::next(each);
  }
  const std::string server = address.Format();
  std::weak_ptr<HopHealth>& known = health_[absl::StrCat(server, " ", terms)];
  std::shared_ptr<HopHealth> health = known.lock();
  if (health == nullptr) {
    std::shared_ptr<HopHealth::Counts>& counts = counts_[server];
    if (counts == nullptr) counts = std::make_shared<HopHealth::Counts>();
    health = std::make_shared<HopHealth>(counts);
    known = health;
  }
  return health;
}

}  // namespace postern::delivery
