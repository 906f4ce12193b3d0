// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Answers those who watch: /metrics and /healthz, by HTTP.

#ifndef POSTERN_PROGRAMS_SERVE_METRICS_SERVER_H_
#define POSTERN_PROGRAMS_SERVE_METRICS_SERVER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/listening_socket.h"
#include "system/descriptor.h"

struct MHD_Daemon;

namespace postern::programs {

//   GET /metrics   what `text` returns, called on the server's own thread
//   GET /healthz   200 "ok", or 503 "stopping" or "stuck"
//
// HEAD is as GET, another path 404, another method 405. A connection ends when
// it was silent for ten seconds, and there are 32 at most: who trickles on all
// of them keeps others out. No TLS, and nobody is asked who he is: numbers
// alone are told, but listen where only friends are.
//
// The methods are for one thread; the server has its own, and SayAlive() and
// SayStopping() are thread-safe. The destructor ends it, whatever its clients
// do.
class MetricsServer {
 public:
  // How old a word of SayAlive() may be.
  static constexpr absl::Duration kPatience = absl::Seconds(10);

  explicit MetricsServer(std::function<std::string()> text)
      : text_(std::move(text)) {}
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;
  ~MetricsServer();

  // Takes the address, and returns it with the port that it was given. Nobody
  // is answered yet.
  absl::StatusOr<net::ListenAddress> Listen(const net::ListenAddress& address);
  // Answers from now on. An error: the system has no thread.
  absl::Status Start();

  // All that matters has done something lately. Until the first, and when the
  // last is too old, we are "stuck".
  void SayAlive();
  // We go down: "stopping", from now on.
  void SayStopping() { stopping_.store(true); }

 private:
  struct Http;  // what the library calls

  const std::function<std::string()> text_;
  system::Descriptor socket_;  // until Start()
  MHD_Daemon* daemon_ = nullptr;
  // The last word, in nanoseconds of the monotonic clock; -1: none.
  std::atomic<int64_t> alive_{-1};
  std::atomic<bool> stopping_{false};
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_METRICS_SERVER_H_
