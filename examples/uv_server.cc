// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An SMTP server with STARTTLS in the event loop of libuv:
//   uv_server ADDRESS:PORT CERTIFICATE KEY
// docs/embedding.md explains it.

#include <stdio.h>
#include <sys/socket.h>
#include <uv.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "net/tls_channel.h"
#include "site.h"
#include "transports/socket_session.h"

using namespace postern;
using namespace std::chrono;

Site site;
std::shared_ptr<const net::TlsContext> tls;
uv_loop_t* const loop = uv_default_loop();
uv_poll_t listener;
size_t clients = 0;

class Client {
 public:
  explicit Client(int fd) : session_(fd, &site.times, {.secure = Secure}) {
    ++clients;
    poll_.data = timer_.data = this;
    uv_poll_init(loop, &poll_, fd);
    uv_timer_init(loop, &timer_);
    session_.Begin(site.config, site.responder, {});
    Run();
  }
  // A client waits in the queue of the kernel.
  static void Accept(uv_poll_t*, int, int) {
    int from;
    uv_fileno(reinterpret_cast<uv_handle_t*>(&listener), &from);
    const int fd = accept4(from, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) new Client(fd);  // deletes itself when it is closed
    if (clients >= MaxClients()) uv_poll_stop(&listener);
  }

 private:
  static std::unique_ptr<net::SecureChannel> Secure(net::Channel* below) {
    return std::make_unique<net::TlsChannel>(tls, below);
  }
  // The socket is ready, or the deadline is over.
  static void OnEvent(auto* handle, auto...) {
    static_cast<Client*>(handle->data)->Run();
  }
  static void Close(void* handle) {
    uv_close(static_cast<uv_handle_t*>(handle), OnClosed);
  }
  // libuv has released a handle: first poll_, then timer_.
  static void OnClosed(uv_handle_t* handle) {
    auto* const client = static_cast<Client*>(handle->data);
    if (handle->type != UV_TIMER) return Close(&client->timer_);
    delete client;
    --clients;
    uv_poll_start(&listener, UV_READABLE, Accept);
  }
  void Run() {
    static char buffer[64 << 10];
    const auto wait = session_.Run(buffer);
    uv_poll_stop(&poll_);
    uv_timer_stop(&timer_);
    if (wait.closed) return Close(&poll_);
    const int events = (wait.read * UV_READABLE) | (wait.write * UV_WRITABLE);
    if (events != 0) uv_poll_start(&poll_, events, OnEvent);
    const auto left = ceil<milliseconds>(wait.deadline - steady_clock::now());
    uv_timer_start(&timer_, OnEvent, std::max<int64_t>(left.count(), 0), 0);
  }

  uv_poll_t poll_;
  uv_timer_t timer_;
  transports::SocketSession session_;
};

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: uv_server ADDRESS:PORT CERTIFICATE KEY\n");
    return 2;
  }
  const auto socket = Listen(argv[1]);
  const auto made =
      net::TlsContext::Make({.certificates = {{argv[2], argv[3]}}});
  const absl::Status error = socket.ok() ? made.status() : socket.status();
  if (!error.ok()) return Fail("uv_server", error);
  tls = *made;
  site.config.offer_starttls = true;
  uv_poll_init(loop, &listener, socket->get());
  uv_poll_start(&listener, UV_READABLE, Client::Accept);
  return uv_run(loop, UV_RUN_DEFAULT);
}
