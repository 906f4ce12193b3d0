// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An SMTP server in one thread with poll(2): poll_server ADDRESS:PORT
// docs/embedding.md explains it.

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <list>
#include <vector>

#include "site.h"
#include "transports/socket_session.h"

using namespace postern;
using namespace std::chrono;
using transports::SocketSession;

int main(int argc, char** argv) {
  const auto listener = Listen(argc == 2 ? argv[1] : "");
  if (!listener.ok()) return Fail("poll_server", listener.status());

  Site site;
  static char buffer[64 << 10];
  std::list<SocketSession> clients;
  while (true) {
    // poll(2) ignores an entry with a negative descriptor.
    std::vector<pollfd> polled = {{-1, POLLIN, 0}};
    auto wake = steady_clock::now() + hours(1);
    for (auto client = clients.begin(); client != clients.end();) {
      const SocketSession::Wait wait = client->Run(buffer);
      if (wait.closed) {
        client = clients.erase(client);
        continue;
      }
      const int events = (wait.read ? POLLIN : 0) | (wait.write ? POLLOUT : 0);
      polled.push_back(
          {events != 0 ? client->socket() : -1, static_cast<short>(events), 0});
      wake = std::min(wake, wait.deadline);
      ++client;
    }
    if (clients.size() < MaxClients()) polled[0].fd = listener->get();
    const auto left = ceil<milliseconds>(wake - steady_clock::now()).count();
    poll(polled.data(), polled.size(), std::max<int>(left, 0));
    if (polled[0].revents == 0) continue;
    const int fd = accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;  // the client has gone
    clients.emplace_back(fd, &site.times, SocketSession::Options());
    clients.back().Begin(site.config, site.responder, {});
  }
}
