// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/delegation/policy_stand_in.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace postern::policy {

PolicyStandIn::PolicyStandIn(Serve serve, const std::string& path)
    : stop_(eventfd(0, EFD_CLOEXEC)), serve_(std::move(serve)) {
  sockaddr_storage storage = {};
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  socklen_t size = sizeof(sockaddr_in);
  if (path.empty()) {
    auto* const inet = reinterpret_cast<sockaddr_in*>(&storage);
    inet->sin_family = AF_INET;
    inet->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  } else {
    auto* const local = reinterpret_cast<sockaddr_un*>(&storage);
    local->sun_family = AF_UNIX;
    if (path.size() >= sizeof(local->sun_path)) abort();
    memcpy(local->sun_path, path.c_str(), path.size() + 1);
    size = sizeof(sockaddr_un);
    address_ = absl::StrCat("unix:", path);
  }
  listener_.Reset(socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (bind(listener_.get(), address, size) != 0 ||
      listen(listener_.get(), 100) != 0) {
    abort();
  }
  if (path.empty()) {
    sockaddr_in bound = {};
    size = sizeof(bound);
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    address_ = absl::StrCat("inet:127.0.0.1:", ntohs(bound.sin_port));
  }
  acceptor_ = std::thread([this] { Accept(); });
}

PolicyStandIn::~PolicyStandIn() {
  eventfd_write(stop_.get(), 1);
  acceptor_.join();
  CloseConnections();
  for (std::thread& thread : threads_) thread.join();
}

int PolicyStandIn::connections() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<int>(sockets_.size());
}

std::vector<std::string> PolicyStandIn::requests() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

void PolicyStandIn::Answer(const Action& action) {
  const std::lock_guard<std::mutex> lock(mutex_);
  serve_ = [action](const std::string&) { return action; };
}

void PolicyStandIn::CloseConnections() {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const system::Descriptor& socket : sockets_) {
    shutdown(socket.get(), SHUT_RDWR);
  }
}

void PolicyStandIn::Accept() {
  while (true) {
    std::array<pollfd, 2> polled = {pollfd{listener_.get(), POLLIN, 0},
                                    pollfd{stop_.get(), POLLIN, 0}};
    if (poll(polled.data(), polled.size(), -1) < 0) continue;
    if (polled[1].revents != 0) return;
    const int socket = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    const std::lock_guard<std::mutex> lock(mutex_);
    sockets_.emplace_back(socket);
    threads_.emplace_back([this, socket] { Connection(socket); });
  }
}

void PolicyStandIn::Connection(int socket) {
  std::string input;
  std::array<char, 4096> room;
  while (true) {
    const ssize_t n = recv(socket, room.data(), room.size(), 0);
    if (n <= 0) return;
    input.append(room.data(), static_cast<size_t>(n));
    const size_t end = input.find("\n\n");
    if (end == std::string::npos) continue;
    const std::string request = input.substr(0, end + 2);
    input.erase(0, end + 2);
    Action action;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      requests_.push_back(request);
      action = serve_(request);
    }
    do {
      if (!action.send.empty() && send(socket, action.send.data(),
                                       action.send.size(), MSG_NOSIGNAL) < 0) {
        return;
      }
    } while (action.forever);
    if (action.close) shutdown(socket, SHUT_RDWR);
  }
}

}  // namespace postern::policy
