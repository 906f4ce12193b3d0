// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/metrics_server.h"

#include <microhttpd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace postern::programs {
namespace {

constexpr unsigned kMaxConnections = 32;
constexpr unsigned kTimeout = 10;             // seconds
constexpr size_t kMemory = size_t{16} << 10;  // for a connection's request

MHD_Result Answer(MHD_Connection* connection, unsigned code,
                  absl::string_view text, const char* type) {
  MHD_Response* const response = MHD_create_response_from_buffer(
      text.size(), const_cast<char*>(text.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;  // no memory: the connection ends
  MHD_Result queued =
      MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
  if (queued == MHD_YES && code == MHD_HTTP_METHOD_NOT_ALLOWED) {
    queued =
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  }
  if (queued == MHD_YES) {
    queued = MHD_queue_response(connection, code, response);
  }
  MHD_destroy_response(response);
  return queued;
}

}  // namespace

struct MetricsServer::Http {
  // Called by the library when the header of a request is complete. A body is
  // not read: the request is answered and the connection is closed.
  static MHD_Result OnRequest(void* self, MHD_Connection* connection,
                              const char* url, const char* method,
                              const char* /*version*/, const char* /*upload*/,
                              size_t* /*upload_size*/, void** /*state*/) {
    constexpr char kText[] = "text/plain; charset=utf-8";
    const MetricsServer& server = *static_cast<MetricsServer*>(self);
    const absl::string_view path = url;
    const absl::string_view verb = method;
    if (verb != MHD_HTTP_METHOD_GET && verb != MHD_HTTP_METHOD_HEAD) {
      return Answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET it\n", kText);
    }
    if (path == "/metrics") {
      return Answer(connection, MHD_HTTP_OK, server.text_(),
                    "text/plain; version=0.0.4; charset=utf-8");
    }
    if (path != "/healthz") {
      return Answer(connection, MHD_HTTP_NOT_FOUND, "/metrics or /healthz\n",
                    kText);
    }
    if (server.stopping_.load()) {
      return Answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping\n",
                    kText);
    }
    const int64_t alive = server.alive_.load();
    if (alive < 0 ||
        server.now_().count() - alive > absl::ToInt64Nanoseconds(kPatience)) {
      return Answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "stuck\n", kText);
    }
    return Answer(connection, MHD_HTTP_OK, "ok\n", kText);
  }
};

MetricsServer::~MetricsServer() {
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
}

absl::StatusOr<net::ListenAddress> MetricsServer::Listen(
    const net::ListenAddress& address) {
  absl::StatusOr<system::Descriptor> socket =
      net::Listen(address, /*share=*/false);
  if (!socket.ok()) return socket.status();
  socket_ = *std::move(socket);
  const absl::StatusOr<net::ListenAddress> bound =
      net::BoundAddress(socket_.get());
  if (!bound.ok()) return bound.status();
  // The address as requested: the socket's is the same for "*" and "[::]".
  net::ListenAddress same = address;
  same.port = bound->port;
  return same;
}

absl::Status MetricsServer::Start() {
  daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, /*port=*/0,
      /*accept policy: all*/ nullptr, nullptr, &Http::OnRequest, this,
      MHD_OPTION_LISTEN_SOCKET, socket_.get(), MHD_OPTION_CONNECTION_LIMIT,
      kMaxConnections, MHD_OPTION_CONNECTION_TIMEOUT, kTimeout,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMemory, MHD_OPTION_END);
  if (daemon_ == nullptr) {
    return absl::ResourceExhaustedError("cannot start the server of metrics");
  }
  (void)socket_.Release();  // the daemon closes the socket
  return absl::OkStatus();
}

void MetricsServer::SayAlive() { alive_.store(now_().count()); }

std::chrono::nanoseconds MetricsServer::MonotonicTime() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

}  // namespace postern::programs
