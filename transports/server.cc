// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/server.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/reply.h"
#include "net/event_loop.h"
#include "net/socket_address.h"
#include "system/descriptor.h"
#include "system/processors.h"
#include "system/thread.h"
#include "transports/connection.h"
#include "transports/session_id.h"
#include "transports/ucspi.h"

namespace postern::transports {
namespace {

// How many connections are accepted, and for how long, before others are
// served.
constexpr int kBatch = 64;
constexpr std::chrono::milliseconds kBatchTime{1};
// The most batches that are accepted during shutdown. They hold more clients
// than an accept queue, but a flood of clients cannot delay the end of the
// process.
constexpr int kMaxLastBatches = 256;
// How long accepting pauses when the system lacks the resources for it.
constexpr std::chrono::milliseconds kPause{200};
// The most refused clients that a thread keeps until they have closed.
constexpr int kMaxHeld = 64;

Reply Overloaded() {
  return {421, {4, 3, 2}, "too many connections, try again later (#4.3.2)"};
}

bool LacksResources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS ||
         error == ENOMEM;
}

// Returns whether accept(2) failed because of one client: it has disconnected,
// a firewall forbids it, or Linux reports a pending network error of its
// connection.
bool IsClients(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPERM:
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

// Returns whether a socket that is bound to `host` accepts connections to more
// than one local address.
bool IsAny(const std::optional<IpAddress>& host) {
  return !host || host == IpAddress::Parse("::") ||
         host == IpAddress::Parse("0.0.0.0");
}

system::Descriptor OpenSpare() {
  return system::Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

// Returns OK if clients can be accepted on `socket`, or else an error that says
// what it is.
absl::Status CheckListens(int socket) {
  const auto value = [socket](int option) {
    int value = 0;
    socklen_t length = sizeof(value);
    return getsockopt(socket, SOL_SOCKET, option, &value, &length) == 0 ? value
                                                                        : -1;
  };
  const int type = value(SO_TYPE);
  if (type < 0) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("descriptor ", socket, " is not a socket"));
  }
  const int domain = value(SO_DOMAIN);
  absl::string_view what;
  if (type != SOCK_STREAM) {
    what = "is not a stream socket";
  } else if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX) {
    what = "is neither a TCP nor a Unix socket";
  } else if (value(SO_ACCEPTCONN) != 1) {
    what =
        "does not listen: it is a connection (Accept=yes in a systemd unit?), "
        "or listen(2) was not called";
  } else {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the socket of descriptor ", socket, " ", what));
}

}  // namespace

// One thread, its event loop, and its connections.
class Server::Shard : public ConnectionHost {
 public:
  Shard(Server* server, int number)
      : ConnectionHost(&loop_, &server->options_.times),
        server_(*server),
        number_(number),
        spare_(OpenSpare()) {}

  const absl::Status& status() const { return loop_.status(); }
  std::chrono::nanoseconds longest_turn() const { return loop_.longest_turn(); }
  size_t connections() const { return open_.load(std::memory_order_relaxed); }
  bool drained() const {
    return drained_.load(std::memory_order_acquire) && connections() == 0;
  }
  uint64_t refused_admission() const {
    return refused_admission_.load(std::memory_order_relaxed);
  }

  void Accept(size_t listener, std::shared_ptr<system::Descriptor> socket,
              bool shared) {
    acceptors_.push_back(
        std::make_unique<Acceptor>(this, listener, std::move(socket), shared));
  }
  absl::Status Start();
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

  // Returns whether the thread has responded since the last call.
  bool Responsive() {
    const bool answered = answered_.exchange(false);
    if (answered) {
      loop_.Post([this] { answered_.store(true); });
    }
    return answered;
  }

  // Call both on the loop's thread.
  void Drain();
  void Abandon();

 private:
  using Id = ConnectionId;
  struct Slot {
    std::unique_ptr<Connection> connection;
    uint32_t generation = 0;
    uint32_t listener = 0;
  };

  class Acceptor : public net::EventLoop::Handler, public net::Timer {
   public:
    Acceptor(Shard* shard, size_t listener,
             std::shared_ptr<system::Descriptor> socket, bool shared)
        : shard_(*shard),
          listener_(listener),
          socket_(std::move(socket)),
          shared_(shared) {}

    bool Watch() {
      // A socket that all threads share must wake only one of them for a
      // client.
      const uint32_t wake = shared_ ? uint32_t{EPOLLEXCLUSIVE} : 0;
      return shard_.loop_.Watch(socket_->get(), EPOLLIN | wake, this);
    }
    // Closes the socket during shutdown. Accepts the clients in its queue
    // first, so that they get a 421 and not a reset.
    void Stop() {
      if (socket_ == nullptr) return;
      for (int i = 0; i < kMaxLastBatches; ++i) {
        if (AcceptBatch() != Queue::kMore) break;
      }
      if (socket_ == nullptr) return;  // Fail() closed it
      shard_.loop_.Unwatch(socket_->get());
      shard_.loop_.timers().Disarm(this);
      socket_ = nullptr;
    }
    void OnEvents(uint32_t) override {
      if (AcceptBatch() == Queue::kStuck) Pause();
    }

   private:
    enum class Queue : uint8_t {
      kEmpty,
      kMore,   // there may be more clients
      kStuck,  // the system lacks the resources to accept
    };

    // Accepts up to kBatch clients. Returns the state of the queue.
    Queue AcceptBatch();
    void OnTimer() override {
      if (!Watch()) Pause();
    }
    void Pause() {
      shard_.loop_.Unwatch(socket_->get());
      shard_.loop_.timers().Arm(this, shard_.loop_.now() + kPause);
    }
    // Stops accepting because of `error`.
    void Fail(int error);

    Shard& shard_;
    const size_t listener_;
    // Closed when the last thread stops accepting on it. Null: this thread has
    // stopped.
    std::shared_ptr<system::Descriptor> socket_;
    const bool shared_;
  };

  Connection* Find(Id id) {
    const Slot& slot = slots_[id.slot];
    return slot.generation == id.generation ? slot.connection.get() : nullptr;
  }
  // Makes a Connection for `socket`.
  Id Place(size_t listener, int socket);
  void Open(size_t listener, int socket, const sockaddr_storage& peer);
  void Begin(Id id, Admission admission);
  // Refuses the client of `socket`, for which there is no descriptor.
  void TurnAway(size_t listener, int socket);
  // Accepts a client with the spare descriptor, and refuses it. Returns false
  // if even that fails.
  bool TurnAwayWithSpare(size_t listener, int listening);

  void OnProxyRefused(const SessionInfo& peer, absl::string_view why) override {
    server_.service_.OnProxyRefused(peer, why);
  }
  void Admit(Id id, SessionInfo info) override;
  void Post(Id id, PostedAnswer answer) override;
  void Yield(Id id) override;
  bool HoldRefused() override;
  void ReleaseRefused() override { --held_; }
  void OnClosed(Id id) override;

  Server& server_;
  const int number_;
  net::EventLoop loop_;
  std::thread thread_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;  // free slots
  std::atomic<size_t> open_{0};
  std::atomic<uint64_t> refused_admission_{0};
  std::atomic<bool> answered_{true};  // see Responsive()
  bool draining_ = false;
  std::atomic<bool> drained_{false};  // the listeners are closed
  int held_ = 0;              // refused clients that have not closed yet
  system::Descriptor spare_;  // for TurnAwayWithSpare(); closed if lost
};

absl::Status Server::Shard::Start() {
  for (const auto& acceptor : acceptors_) {
    if (!acceptor->Watch()) return absl::ErrnoToStatus(errno, "epoll_ctl");
  }
  absl::StatusOr<std::thread> thread = system::StartThread(
      absl::StrCat("loop ", number_), [this] { loop_.Run(); });
  if (!thread.ok()) return thread.status();
  thread_ = *std::move(thread);
  return absl::OkStatus();
}

Server::Shard::Acceptor::Queue Server::Shard::Acceptor::AcceptBatch() {
  // Another thread may have taken the spare descriptor while
  // TurnAwayWithSpare() had closed it.
  if (!shard_.spare_.is_open()) shard_.spare_ = OpenSpare();
  const Time end = std::chrono::steady_clock::now() + kBatchTime;
  for (int i = 0; i < kBatch && std::chrono::steady_clock::now() < end; ++i) {
    sockaddr_storage peer = {};
    socklen_t length = sizeof(peer);
    const int socket =
        accept4(socket_->get(), reinterpret_cast<sockaddr*>(&peer), &length,
                SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      if (shard_.server_.IsReserved(socket)) {
        shard_.TurnAway(listener_, socket);
      } else {
        shard_.Open(listener_, socket, peer);
      }
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return Queue::kEmpty;
    } else if (LacksResources(errno)) {
      if (!shard_.TurnAwayWithSpare(listener_, socket_->get())) {
        return Queue::kStuck;
      }
    } else if (!IsClients(errno)) {
      Fail(errno);
      return Queue::kEmpty;
    }
  }
  return Queue::kMore;
}

void Server::Shard::Acceptor::Fail(int error) {
  const absl::Status why = absl::ErrnoToStatus(
      error, absl::StrCat(shard_.server_.listeners_[listener_].address.Format(),
                          ": accept"));
  shard_.loop_.Unwatch(socket_->get());
  shard_.loop_.timers().Disarm(this);
  socket_ = nullptr;
  shard_.server_.service_.OnListenerFailed(listener_, why);
}

void Server::Shard::TurnAway(size_t listener, int socket) {
  refused_admission_.fetch_add(1, std::memory_order_relaxed);
  slots_[Place(listener, socket).slot].connection->Refuse(Overloaded());
}

bool Server::Shard::TurnAwayWithSpare(size_t listener, int listening) {
  server_.ReadDescriptorLimit();
  spare_.Reset();
  const int socket =
      accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket >= 0) {
    // This client uses the last descriptor, so it is not kept until it closes.
    const int held = std::exchange(held_, kMaxHeld);
    TurnAway(listener, socket);
    held_ = held;
  }
  spare_ = OpenSpare();
  return socket >= 0;
}

bool Server::Shard::HoldRefused() {
  if (held_ >= server_.max_held_.load(std::memory_order_relaxed)) return false;
  ++held_;
  return true;
}

ConnectionId Server::Shard::Place(size_t listener, int socket) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const Id id{free_.back(), slots_[free_.back()].generation};
  free_.pop_back();
  open_.fetch_add(1, std::memory_order_relaxed);
  slots_[id.slot].listener = static_cast<uint32_t>(listener);
  slots_[id.slot].connection = std::make_unique<Connection>(
      socket, id, server_.listeners_[listener].options.tls, this);
  if (draining_) slots_[id.slot].connection->Shutdown();
  return id;
}

void Server::Shard::Open(size_t listener, int socket,
                         const sockaddr_storage& peer) {
  const Id id = Place(listener, socket);
  const Listener& from = server_.listeners_[listener];
  // Connections inherit the limits of a TCP socket, but not of a Unix socket.
  if (!from.address.path.empty()) (void)net::LimitBuffers(socket);
  SessionInfo info;
  info.session_id = NewSessionId();
  net::ReadSocketAddress(peer, &info.remote_address, &info.remote_port);
  if (IsAny(from.address.host)) {
    ReadSocketAddresses(socket, &info);
  } else {
    info.local_address = from.address.host;
    info.local_port = from.address.port;
  }
  if (!from.options.proxy) return Admit(id, std::move(info));
  Connection& connection = *slots_[id.slot].connection;
  if (!server_.service_.IsProxy(info)) return connection.Begin({});
  connection.ReadProxyHeader(std::move(info));
}

void Server::Shard::Admit(Id id, SessionInfo info) {
  const size_t listener = slots_[id.slot].listener;
  server_.service_.Admit(
      listener, std::move(info), [this, id](Admission admission) {
        if (loop_.OnThread()) return Begin(id, std::move(admission));
        loop_.Post([this, id, admission = std::move(admission)]() mutable {
          Begin(id, std::move(admission));
        });
      });
  if (Connection* c = Find(id)) c->AwaitAdmission();
}

void Server::Shard::Begin(Id id, Admission admission) {
  if (Connection* c = Find(id)) c->Begin(std::move(admission));
}

void Server::Shard::Post(Id id, PostedAnswer answer) {
  if (loop_.OnThread()) {
    Connection* const connection = Find(id);
    if (connection == nullptr) return;
    // While another connection runs, the loop's buffer is in use.
    if (connection->running()) return connection->Answer(std::move(answer));
    // Without the system calls of Post().
    return loop_.Later([this, id, answer = std::move(answer)]() mutable {
      if (Connection* c = Find(id)) c->Answer(std::move(answer));
    });
  }
  loop_.Post([this, id, answer = std::move(answer)]() mutable {
    if (Connection* c = Find(id)) c->Answer(std::move(answer));
  });
}

void Server::Shard::Yield(Id id) {
  loop_.Later([this, id] {
    if (Connection* c = Find(id)) c->Continue();
  });
}

void Server::Shard::OnClosed(Id id) {
  // The caller may be a function of the connection.
  loop_.Later([this, id] {
    slots_[id.slot].connection.reset();
    ++slots_[id.slot].generation;
    free_.push_back(id.slot);
    const size_t before = open_.fetch_sub(1, std::memory_order_relaxed);
    if (draining_ && before == 1) loop_.Stop();
  });
}

void Server::Shard::Drain() {
  draining_ = true;
  for (const auto& acceptor : acceptors_) acceptor->Stop();
  for (const Slot& slot : slots_) {
    if (slot.connection != nullptr) slot.connection->Shutdown();
  }
  drained_.store(true, std::memory_order_release);
  if (connections() == 0) loop_.Stop();
}

void Server::Shard::Abandon() {
  Drain();
  for (const Slot& slot : slots_) {
    if (slot.connection != nullptr) slot.connection->Abandon();
  }
}

Server::Server(Service* service, ServerOptions options)
    : service_(*service), options_(std::move(options)) {
  const int threads =
      options_.threads > 0 ? options_.threads : system::UsableProcessors();
  for (int i = 0; i < threads; ++i) {
    shards_.push_back(std::make_unique<Shard>(this, i));
  }
}

Server::~Server() {
  Abandon();
  Join();
  shards_.clear();
}

absl::StatusOr<net::ListenAddress> Server::Listen(
    const net::ListenAddress& address, ListenerOptions options) {
  const bool share = address.path.empty() && shards_.size() > 1;
  if (share && address.port != 0) {
    // A socket that shares its address would not fail if another server uses it
    // already.
    const auto alone = net::Listen(address, false);
    if (!alone.ok()) return alone.status();
  }
  absl::StatusOr<system::Descriptor> first = net::Listen(address, share);
  if (!first.ok()) return first.status();
  absl::StatusOr<net::ListenAddress> bound = Adopt(first->get(), options);
  if (!bound.ok()) return bound;
  (void)first->Release();  // Adopt() owns it
  if (!address.path.empty()) return bound;
  // Keeps `address` as given: [::] does not mean all addresses of both
  // families. But "*" becomes 0.0.0.0 if there is no IPv6.
  net::ListenAddress same = address;
  same.port = bound->port;
  if (!same.host) same.host = bound->host;
  listeners_.back().address = same;
  while (share && listeners_.back().sockets.size() < shards_.size()) {
    absl::StatusOr<system::Descriptor> next = net::Listen(same, share);
    if (!next.ok()) return next.status();
    listeners_.back().sockets.push_back(
        std::make_shared<system::Descriptor>(*std::move(next)));
  }
  return same;
}

absl::StatusOr<net::ListenAddress> Server::Adopt(int socket,
                                                 ListenerOptions options) {
  if (absl::Status status = CheckListens(socket); !status.ok()) return status;
  if (absl::Status status = net::LimitBuffers(socket); !status.ok())
    return status;
  // The program that opened the socket may have left it blocking. An event loop
  // must not block.
  const int flags = fcntl(socket, F_GETFL);
  if (flags < 0 || fcntl(socket, F_SETFL, flags | O_NONBLOCK) != 0) {
    return absl::ErrnoToStatus(errno, "fcntl");
  }
  absl::StatusOr<net::ListenAddress> bound = net::BoundAddress(socket);
  if (!bound.ok()) return bound;
  listeners_.push_back(
      {{std::make_shared<system::Descriptor>(socket)}, options, *bound});
  return bound;
}

void Server::ReadDescriptorLimit() {
  rlimit files = {};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  const int limit = static_cast<int>(
      std::min<rlim_t>(files.rlim_cur, std::numeric_limits<int>::max()));
  // The reserve is for the rest of the process and for refused clients: one for
  // each thread during its reply, and those that are kept.
  const int threads = static_cast<int>(shards_.size());
  const int least = 2 * threads + 2;
  const int reserve = std::clamp(limit / 16, least, std::max(least, 256));
  descriptors_.store(limit - reserve, std::memory_order_relaxed);
  max_held_.store(std::min(kMaxHeld, (reserve - threads) / (2 * threads)),
                  std::memory_order_relaxed);
}

bool Server::IsReserved(int fd) {
  // accept(2) returns the lowest free descriptor, so its number shows how many
  // are in use. The limit may have been raised.
  if (fd < descriptors_.load(std::memory_order_relaxed)) return false;
  ReadDescriptorLimit();
  return fd >= descriptors_.load(std::memory_order_relaxed);
}

absl::Status Server::Start() {
  ReadDescriptorLimit();
  for (size_t n = 0; n < listeners_.size(); ++n) {
    const auto sockets = std::exchange(listeners_[n].sockets, {});
    for (size_t i = 0; i < shards_.size(); ++i) {
      shards_[i]->Accept(n, sockets[i % sockets.size()], sockets.size() == 1);
    }
  }
  for (const auto& shard : shards_) {
    if (!shard->status().ok()) return shard->status();
    if (absl::Status status = shard->Start(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void Server::Drain() {
  for (const auto& shard : shards_) {
    shard->loop().Post([&shard = *shard] { shard.Drain(); });
  }
}

void Server::Abandon() {
  for (const auto& shard : shards_) {
    shard->loop().Post([&shard = *shard] { shard.Abandon(); });
  }
}

void Server::Join() {
  for (const auto& shard : shards_) shard->Join();
}

bool Server::Responsive() {
  bool all = true;
  for (const auto& shard : shards_) all = shard->Responsive() && all;
  return all;
}

uint64_t Server::refused_admission() const {
  uint64_t all = 0;
  for (const auto& shard : shards_) all += shard->refused_admission();
  return all;
}

std::chrono::nanoseconds Server::longest_turn() const {
  std::chrono::nanoseconds longest{0};
  for (const auto& shard : shards_) {
    longest = std::max(longest, shard->longest_turn());
  }
  return longest;
}

bool Server::drained() const {
  return std::all_of(shards_.begin(), shards_.end(),
                     [](const auto& shard) { return shard->drained(); });
}

size_t Server::connections() const {
  size_t all = 0;
  for (const auto& shard : shards_) all += shard->connections();
  return all;
}

}  // namespace postern::transports
