// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A server for many connections in one process: several threads, each with an
// event loop.

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

// What all listeners of a server share.
struct ServerOptions {
  // The number of threads. Each has an event loop and serves a connection from
  // its accept(2) to its end. 0: one thread for each processor that the process
  // may use, system::UsableProcessors().
  int threads = 0;
  // The timeouts of all connections, except those in ServerConfig.
  SessionTimes times;
};

// What one listener does.
struct ListenerOptions {
  bool tls = false;    // connections begin with a TLS handshake, RFC 8314 3.3
  bool proxy = false;  // connections begin with a PROXY header
};

// Server accepts connections and serves each on one of its threads.
//
//   Server server(&service, {});
//   server.Listen(*ListenAddress::Parse("127.0.0.1:2525"));
//   server.Start();
//   ...
//   server.Drain();    // idle clients get a 421, other sessions continue
//   server.Abandon();  // all sessions end now
//   server.Join();
//
// Some descriptors are reserved for the rest of the process. When all others
// are in use, new clients get a 421, and the existing sessions continue.
//
// Call Listen(), Adopt() and Start() on one thread, before all other functions.
// The other functions are thread-safe. The destructor calls Abandon() and
// Join().
class Server {
 public:
  // `service` must outlive the server. The server must outlive all answers that
  // `service` still owes when Join() returns, because an answer to a closed
  // connection also reaches the server, which ignores it. So end the threads
  // that answer after Join(), and before the destructor.
  Server(Service* service, ServerOptions options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Adds a listener. Returns its address with the port that it got. The n-th
  // listener is the listener n of Service::Admit().
  absl::StatusOr<net::ListenAddress> Listen(const net::ListenAddress& address,
                                            ListenerOptions options = {});
  // Adds a listener for a socket that listens already, and takes ownership of
  // it. Returns an error, which names the reason, if it is not a listening
  // stream socket of TCP or Unix. The socket then stays the caller's.
  absl::StatusOr<net::ListenAddress> Adopt(int socket,
                                           ListenerOptions options = {});

  // Starts the threads. Returns an error if the system lacks threads or
  // descriptors.
  absl::Status Start();

  // Accepts the clients that are in the accept queues, and none after them.
  // Each session, including theirs, gets a 421 as soon as it waits for no
  // answer and no content. Join() returns after the last session.
  void Drain();
  // Does the same, and closes all connections.
  void Abandon();
  // Waits for the threads to end.
  void Join();

  // The number of open connections.
  size_t connections() const;
  // Returns whether Drain() or Abandon() is complete: the clients in the accept
  // queues were accepted, all listeners are closed, and no connection is left.
  bool drained() const;
  // The number of clients so far that got a 421 because there was no descriptor
  // for them. Service::Admit() was not called for them.
  uint64_t refused_admission() const;
  // Returns the longest time that a thread has served one client while its
  // other clients waited: see EventLoop::longest_turn().
  std::chrono::nanoseconds longest_turn() const;

  // Returns whether all threads have responded since the last call, and asks
  // them again. For a watchdog.
  bool Responsive();

 private:
  class Shard;
  // The sockets of one address: one for each thread, or one for all threads.
  struct Listener {
    // Until Start(), which gives them to the threads.
    std::vector<std::shared_ptr<system::Descriptor>> sockets;
    ListenerOptions options;
    net::ListenAddress address;
  };

  // Computes the number of descriptors for connections from the process's
  // limit.
  void ReadDescriptorLimit();
  // Returns whether the descriptor `fd` is reserved.
  bool IsReserved(int fd);

  Service& service_;
  const ServerOptions options_;
  std::vector<Listener> listeners_;
  // Connections may have descriptors below this one.
  std::atomic<int> descriptors_{0};
  // The number of refused clients that a thread may keep until they have
  // closed.
  std::atomic<int> max_held_{0};
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_SERVER_H_
