// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/http_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "system/descriptor.h"

namespace postern::programs {
namespace {

constexpr unsigned kMaxConnections = 512;
constexpr unsigned kTimeout = 30;             // seconds
constexpr size_t kMemory = size_t{32} << 10;  // for the header of a request
constexpr size_t kBlock = size_t{32} << 10;   // of a stream

// For responses that are no document of ours: if a browser shows one as a
// document, it has no rights.
constexpr char kContentSecurityPolicy[] =
    "sandbox; default-src 'none'; frame-ancestors 'none'";

bool SetField(MHD_Response* response, const std::string& name,
              const std::string& value) {
  return MHD_add_response_header(response, name.c_str(), value.c_str()) ==
         MHD_YES;
}

HttpResponse RigEnds() { return HttpError(503, "The rig ends."); }

}  // namespace

// One request and its response.
struct HttpServer::Exchange {
  HttpServer* server = nullptr;
  MHD_Connection* connection = nullptr;
  HttpRequest request;
  std::optional<HttpResponse> refusal;
  std::optional<HttpResponse> waiting;   // with `later`
  std::optional<HttpResponse> response;  // to queue
  bool suspended = false;
  // Of a stream:
  std::string buffer;
  bool closing = false;

  // Not after the beginning of ~HttpServer(): the library does not permit it.
  void Suspend() {
    if (!suspended) MHD_suspend_connection(connection);
    suspended = true;
  }
  void Resume() {
    if (suspended) MHD_resume_connection(connection);
    suspended = false;
  }
  void DropBody() {
    server->body_octets_ -= request.body.size();
    std::string().swap(request.body);
  }
  // Whether the client has closed the connection, or its side of it. The
  // library does not look at a suspended connection.
  bool ClientHasGone() const {
    const MHD_ConnectionInfo* const info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == nullptr) return false;
    char octet = 0;
    const ssize_t count =
        recv(info->connect_fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    return count == 0 || (count < 0 && errno != EAGAIN &&
                          errno != EWOULDBLOCK && errno != EINTR);
  }
};

struct HttpServer::Callbacks {
  static MHD_Result AddQuery(void* to, MHD_ValueKind, const char* key,
                             const char* value) {
    static_cast<HttpRequest*>(to)->query.emplace(key, value ? value : "");
    return MHD_YES;
  }
  static MHD_Result AddHeader(void* to, MHD_ValueKind, const char* key,
                              const char* value) {
    std::map<std::string, std::string>& headers =
        static_cast<HttpRequest*>(to)->headers;
    const auto [field, added] =
        headers.emplace(absl::AsciiStrToLower(key), value ? value : "");
    // A second field must not hide the first one from the guard, or the other
    // way round.
    if (!added) absl::StrAppend(&field->second, ", ", value ? value : "");
    return MHD_YES;
  }

  // Called with the header of a request, then with each piece of its body, then
  // at its end, and again after each MHD_resume_connection().
  static MHD_Result OnRequest(void* self, MHD_Connection* connection,
                              const char* url, const char* method,
                              const char* /*version*/, const char* upload,
                              size_t* upload_size, void** state) {
    auto& server = *static_cast<HttpServer*>(self);
    auto* exchange = static_cast<Exchange*>(*state);
    if (exchange == nullptr) {
      exchange = new Exchange;
      *state = exchange;
      exchange->server = &server;
      exchange->connection = connection;
      exchange->request.method = method;
      exchange->request.path = url;
      MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, &AddQuery,
                                &exchange->request);
      MHD_get_connection_values(connection, MHD_HEADER_KIND, &AddHeader,
                                &exchange->request);
      exchange->refusal = server.guard_.Refuse(exchange->request);
      return MHD_YES;
    }
    if (*upload_size > 0) {
      std::string& body = exchange->request.body;
      if (exchange->refusal) {
        // Is answered at its end.
      } else if (body.size() + *upload_size > server.most_octets_) {
        exchange->refusal =
            HttpError(413, absl::StrCat("The request has more than ",
                                        server.most_octets_, " octets."));
        exchange->DropBody();
      } else if (server.body_octets_ + *upload_size > 2 * server.most_octets_) {
        exchange->refusal =
            HttpError(503, "The requests of this moment are too large.");
        exchange->DropBody();
      } else {
        body.append(upload, *upload_size);
        server.body_octets_ += *upload_size;
      }
      *upload_size = 0;
      return MHD_YES;
    }
    if (exchange->response) return Queue(exchange, *exchange->response);
    if (exchange->refusal) return Queue(exchange, *exchange->refusal);
    if (server.stopping_) return Queue(exchange, RigEnds());
    HttpResponse response = server.handler_(exchange->request);
    exchange->DropBody();
    if (!response.later) return Queue(exchange, response);
    if (const auto now = response.later(false)) return Queue(exchange, *now);
    exchange->waiting = std::move(response);
    server.waiting_.insert(exchange);
    server.PlanCheck();
    exchange->Suspend();
    return MHD_YES;
  }

  static MHD_Result Queue(Exchange* exchange, const HttpResponse& from) {
    MHD_Response* response = nullptr;
    if (from.events) {
      exchange->buffer = from.body;
      response = MHD_create_response_from_callback(
          MHD_SIZE_UNKNOWN, kBlock, &ReadStream, exchange, nullptr);
      exchange->server->streams_.insert(exchange);
      exchange->server->PlanCheck();
    } else {
      response = MHD_create_response_from_buffer(
          from.body.size(), const_cast<char*>(from.body.data()),
          MHD_RESPMEM_MUST_COPY);
    }
    if (response == nullptr) return MHD_NO;  // no memory: the connection ends
    bool set =
        SetField(response, "Content-Type", from.type) &&
        SetField(response, "Content-Security-Policy",
                 from.content_security_policy.empty()
                     ? kContentSecurityPolicy
                     : from.content_security_policy) &&
        SetField(response, "X-Content-Type-Options", "nosniff") &&
        SetField(response, "Cross-Origin-Resource-Policy", "same-origin") &&
        SetField(response, "Cross-Origin-Opener-Policy", "same-origin") &&
        SetField(response, "Referrer-Policy", "no-referrer") &&
        SetField(response, "Cache-Control", "no-store");
    for (const auto& [name, value] : from.headers) {
      set = set && SetField(response, name, value);
    }
    const MHD_Result queued =
        set ? MHD_queue_response(exchange->connection,
                                 static_cast<unsigned>(from.status), response)
            : MHD_NO;
    MHD_destroy_response(response);
    return queued;
  }

  static ssize_t ReadStream(void* self, uint64_t, char* to, size_t room) {
    auto& exchange = *static_cast<Exchange*>(self);
    if (exchange.buffer.empty()) {
      if (exchange.closing || exchange.server->stopping_) {
        return MHD_CONTENT_READER_END_OF_STREAM;
      }
      exchange.Suspend();
      return 0;
    }
    const size_t count = std::min(room, exchange.buffer.size());
    std::memcpy(to, exchange.buffer.data(), count);
    exchange.buffer.erase(0, count);
    return static_cast<ssize_t>(count);
  }

  static void OnCompleted(void* self, MHD_Connection*, void** state,
                          MHD_RequestTerminationCode) {
    auto& server = *static_cast<HttpServer*>(self);
    auto* const exchange = static_cast<Exchange*>(*state);
    if (exchange == nullptr) return;
    server.waiting_.erase(exchange);
    server.streams_.erase(exchange);
    exchange->DropBody();
    delete exchange;
    *state = nullptr;
  }
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Make(
    const net::ListenAddress& address, HttpGuard guard, size_t most_octets,
    Handler handler, absl::Duration check_interval) {
  absl::StatusOr<system::Descriptor> socket =
      net::Listen(address, /*share=*/false);
  if (!socket.ok()) return socket.status();
  const absl::StatusOr<net::ListenAddress> bound =
      net::BoundAddress(socket->get());
  if (!bound.ok()) return bound.status();
  std::unique_ptr<HttpServer> server(new HttpServer(
      std::move(guard), most_octets, std::move(handler), check_interval));
  server->address_ = address;
  server->address_.port = bound->port;
  server->daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, /*port=*/0,
      /*accept policy: all*/ nullptr, nullptr, &Callbacks::OnRequest,
      server.get(), MHD_OPTION_LISTEN_SOCKET, socket->get(),
      MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,
      MHD_OPTION_CONNECTION_TIMEOUT, kTimeout,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMemory, MHD_OPTION_NOTIFY_COMPLETED,
      &Callbacks::OnCompleted, server.get(), MHD_OPTION_END);
  if (server->daemon_ == nullptr) {
    return absl::ResourceExhaustedError("cannot start the HTTP server");
  }
  (void)socket->Release();  // the daemon closes the socket
  return server;
}

HttpServer::~HttpServer() {
  if (daemon_ == nullptr) return;
  // The library requires that no connection is suspended at its end, and
  // MHD_run() also serves requests that arrive now.
  stopping_ = true;
  for (Exchange* const exchange : waiting_) {
    exchange->response = RigEnds();
    exchange->Resume();
  }
  for (Exchange* const exchange : streams_) {
    exchange->closing = true;
    exchange->Resume();
  }
  waiting_.clear();
  MHD_run(daemon_);
  MHD_stop_daemon(daemon_);
}

int HttpServer::descriptor() const {
  return MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

absl::Duration HttpServer::timeout() const {
  absl::Duration least = absl::InfiniteDuration();
  MHD_UNSIGNED_LONG_LONG milliseconds = 0;
  if (MHD_get_timeout(daemon_, &milliseconds) == MHD_YES) {
    least = absl::Milliseconds(static_cast<int64_t>(milliseconds));
  }
  absl::Time next = next_check_;
  for (const Exchange* const exchange : waiting_) {
    next = std::min(next, exchange->waiting->deadline);
  }
  if (next < absl::InfiniteFuture())
    least = std::min(least, next - absl::Now());
  return std::max(least, absl::ZeroDuration());
}

void HttpServer::Work() {
  const absl::Time now = absl::Now();
  Ask(now, /*all=*/false);
  Check(now);
  MHD_run(daemon_);
}

void HttpServer::Wake() { Ask(absl::Now(), /*all=*/true); }

void HttpServer::Ask(absl::Time now, bool all) {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    Exchange* const exchange = *it;
    const bool expired = now >= exchange->waiting->deadline;
    if (all || expired) exchange->response = exchange->waiting->later(expired);
    if (!exchange->response) {
      ++it;
      continue;
    }
    it = waiting_.erase(it);
    exchange->Resume();
  }
}

void HttpServer::Broadcast(absl::string_view event, absl::string_view data) {
  for (Exchange* const exchange : streams_) {
    if (exchange->closing) continue;
    absl::StrAppend(&exchange->buffer, "event: ", event, "\ndata: ", data,
                    "\n\n");
    if (exchange->buffer.size() > kMostBuffered) {
      std::string().swap(exchange->buffer);
      exchange->closing = true;
    }
    exchange->Resume();
  }
}

void HttpServer::PlanCheck() {
  if (next_check_ == absl::InfiniteFuture()) {
    next_check_ = absl::Now() + check_interval_;
  }
}

void HttpServer::Check(absl::Time now) {
  if (now < next_check_) return;
  next_check_ = absl::InfiniteFuture();
  // A stream gets a comment. To write it to a client that has gone fails.
  for (Exchange* const exchange : streams_) {
    if (exchange->buffer.empty()) exchange->buffer = ":\n\n";
    exchange->Resume();
  }
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    Exchange* const exchange = *it;
    if (!exchange->ClientHasGone()) {
      ++it;
      continue;
    }
    exchange->response = HttpError(503, "The client has gone.");
    it = waiting_.erase(it);
    exchange->Resume();
  }
  if (!streams_.empty() || !waiting_.empty()) PlanCheck();
}

}  // namespace postern::programs
