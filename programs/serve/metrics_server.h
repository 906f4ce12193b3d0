// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Answers /metrics and /healthz over HTTP, for monitoring.

#ifndef POSTERN_PROGRAMS_SERVE_METRICS_SERVER_H_
#define POSTERN_PROGRAMS_SERVE_METRICS_SERVER_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/listening_socket.h"
#include "system/descriptor.h"

struct MHD_Daemon;

namespace postern::programs {

//   GET /metrics   the result of `text`, which runs on the server's own thread
//   GET /healthz   200 "ok", or 503 "stopping" or "stuck"
//
// HEAD is treated like GET. Another path gets a 404, another method a 405. A
// connection is closed after ten seconds of silence. There are at most 32
// connections, so a client that sends slowly on all of them locks out the
// others. There is no TLS and no authentication: the answers contain only
// numbers, but listen only where trusted hosts can connect.
//
// One thread uses the object, except for SayAlive() and SayStopping(), which
// are thread-safe. The server runs on its own thread. The destructor ends it,
// whatever its clients do.
class MetricsServer {
 public:
  // The largest age of the last SayAlive() at which the server is "ok".
  static constexpr absl::Duration kPatience = absl::Seconds(10);

  // `now` returns the time of a monotonic clock. It is called by the thread of
  // the server, too.
  explicit MetricsServer(
      std::function<std::string()> text,
      std::function<std::chrono::nanoseconds()> now = MonotonicTime)
      : text_(std::move(text)), now_(std::move(now)) {}
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;
  ~MetricsServer();

  // Opens the address and returns it with the assigned port. Requests are not
  // answered yet.
  absl::StatusOr<net::ListenAddress> Listen(const net::ListenAddress& address);
  // Answers requests from now on. An error means that the system cannot start a
  // thread.
  absl::Status Start();

  // Reports that the event loops have worked recently. Before the first call,
  // and if the last one is too old, /healthz is "stuck".
  void SayAlive();
  // Reports the shutdown: /healthz is "stopping" from now on.
  void SayStopping() { stopping_.store(true); }

 private:
  struct Http;  // the callback of the library

  static std::chrono::nanoseconds MonotonicTime();

  const std::function<std::string()> text_;
  const std::function<std::chrono::nanoseconds()> now_;
  system::Descriptor socket_;  // until Start()
  MHD_Daemon* daemon_ = nullptr;
  // The time of the last SayAlive() in nanoseconds. -1: none.
  std::atomic<int64_t> alive_{-1};
  std::atomic<bool> stopping_{false};
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_METRICS_SERVER_H_
