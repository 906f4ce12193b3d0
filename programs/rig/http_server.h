// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The HTTP server of postern rig.

#ifndef POSTERN_PROGRAMS_RIG_HTTP_SERVER_H_
#define POSTERN_PROGRAMS_RIG_HTTP_SERVER_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "net/listening_socket.h"
#include "programs/rig/http.h"
#include "programs/rig/http_guard.h"

struct MHD_Connection;
struct MHD_Daemon;

namespace postern::programs {

// HTTP/1.1 without TLS, without a thread of its own: the caller waits until
// descriptor() is readable or timeout() is over, and calls Work(), which calls
// the handler. A client that waits for a later response, or for events, costs a
// descriptor and some memory, and no thread.
//
// HttpGuard answers a request that it refuses. The server adds to each response
// the fields that keep other sites out: Content-Security-Policy,
// Cross-Origin-Resource-Policy, X-Content-Type-Options and so on. It never
// sends a field of CORS.
//
// A connection is closed after 30 seconds of silence, if the server does not
// owe it a response. While a response is to come later, or is a stream of
// events, the server checks at each `check_interval` whether the client has
// closed the connection. There are at most 512 connections. A request has at
// most `most_octets` octets of body; further ones get a 413. All bodies that
// are in memory at a time have at most twice as many; further ones get a 503.
//
// Not thread-safe.
class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  // Listens at `address`. Errors name it.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Make(
      const net::ListenAddress& address, HttpGuard guard, size_t most_octets,
      Handler handler, absl::Duration check_interval = absl::Seconds(15));
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  // Answers those that wait with a 503, and closes all connections.
  ~HttpServer();

  // The address with the assigned port.
  const net::ListenAddress& address() const { return address_; }

  int descriptor() const;
  // How long the caller may wait at most. InfiniteDuration(): without a limit.
  absl::Duration timeout() const;
  void Work();

  // Asks each response that comes later again.
  void Wake();
  // Sends an event to each stream. A stream whose client does not read is
  // closed at kMostBuffered octets: its client connects again and asks for the
  // state.
  void Broadcast(absl::string_view event, absl::string_view data);
  static constexpr size_t kMostBuffered = size_t{4} << 20;
  size_t streams() const { return streams_.size(); }

 private:
  struct Exchange;
  struct Callbacks;

  HttpServer(HttpGuard guard, size_t most_octets, Handler handler,
             absl::Duration check_interval)
      : guard_(std::move(guard)),
        most_octets_(most_octets),
        handler_(std::move(handler)),
        check_interval_(check_interval) {}

  // Asks the responses that come later: all, or those whose deadline is over.
  void Ask(absl::Time now, bool all);
  // Ends what waits for clients that have gone.
  void Check(absl::Time now);
  void PlanCheck();

  const HttpGuard guard_;
  const size_t most_octets_;
  const Handler handler_;
  const absl::Duration check_interval_;
  net::ListenAddress address_;
  MHD_Daemon* daemon_ = nullptr;
  std::set<Exchange*> waiting_;
  std::set<Exchange*> streams_;
  size_t body_octets_ = 0;  // of all requests
  absl::Time next_check_ = absl::InfiniteFuture();
  bool stopping_ = false;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_HTTP_SERVER_H_
