// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A server of many connections in one process: threads, each with an event
// loop of its own.

#ifndef POSTERN_TRANSPORTS_SERVER_H_
#define POSTERN_TRANSPORTS_SERVER_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/session_times.h"
#include "net/listening_socket.h"
#include "system/descriptor.h"
#include "transports/service.h"

namespace postern::transports {

struct ServerOptions {
  // Each has a loop, and connections that never leave it. 0: one for each
  // processor that the process may use, system::UsableProcessors().
  int threads = 0;
  SessionTimes times;
};

struct ListenerOptions {
  bool tls = false;    // sessions begin with a handshake, RFC 8314 3.3
  bool proxy = false;  // before all, a proxy says who the client is
};

// Server accepts connections and serves each on one of its threads.
//
//   Server server(&service, {});
//   server.Listen(*ListenAddress::Parse("127.0.0.1:2525"));
//   server.Start();
//   ...
//   server.Drain();    // 421 to idle clients, the others to their end
//   server.Abandon();  // now
//   server.Join();
//
// Some descriptors are reserved for the rest of the process. When all others
// are in use, new clients get a 421, and the open sessions go on.
//
// Listen() and Start() are for one thread, before the others; the rest is
// thread-safe. The destructor abandons and joins.
class Server {
 public:
  // `service` must outlive the server.
  Server(Service* service, ServerOptions options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Adds a listener, and returns where it listens, with the port that it was
  // given. The n-th is the listener n of Service::Admit().
  absl::StatusOr<net::ListenAddress> Listen(const net::ListenAddress& address,
                                            ListenerOptions options = {});
  // The same for a socket that listens already; it becomes the server's. An
  // error, which says what it is instead, if it is not a stream socket of
  // TCP or Unix that listens; it is the caller's then.
  absl::StatusOr<net::ListenAddress> Adopt(int socket,
                                           ListenerOptions options = {});

  // Serves from now on. An error: the system has no threads or descriptors.
  absl::Status Start();

  // Accepts the clients that are in the accept queues, and none after them.
  // Each session, and theirs too, gets a 421 at the next moment at which no
  // answer and no content is under way. Join() returns after the last of them.
  void Drain();
  // The same, and closes all connections.
  void Abandon();
  // Waits for the threads to end.
  void Join();

  // Connections that are open now.
  size_t connections() const;
  // Returns whether Drain() or Abandon() is complete: all listeners are closed,
  // after the clients in their accept queues were accepted, and no connection
  // is left.
  bool drained() const;
  // Clients so far that got a 421 because there was no descriptor for them;
  // Service was not asked about those.
  uint64_t turned_away() const;
  // Returns how long at most a thread has served one client while its others
  // waited: EventLoop::longest_turn().
  std::chrono::nanoseconds longest_turn() const;

  // Returns whether all threads have answered since the last call, and asks
  // them again: for a watchdog.
  bool Responsive();

 private:
  class Shard;
  // Sockets of one address: one for each thread, or one for them all.
  struct Listener {
    // Until Start().
    std::vector<std::shared_ptr<system::Descriptor>> sockets;
    ListenerOptions options;
    net::ListenAddress address;
  };

  // Sets what descriptors connections may have, by the process' limit.
  void ReadDescriptorLimit();
  // Returns whether connections may not have the descriptor `fd`.
  bool IsReserved(int fd);

  Service& service_;
  const ServerOptions options_;
  std::vector<Listener> listeners_;
  // Connections have descriptors below this one.
  std::atomic<int> descriptors_{0};
  // Refused clients that a thread may keep until they have closed.
  std::atomic<int> max_held_{0};
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_SERVER_H_
