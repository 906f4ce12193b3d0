// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A complete SMTP server in one thread with poll(2). It shows how to embed
// ServedSession in your own event loop. It listens on a free port of 127.0.0.1,
// prints the port, accepts mail to example.org and discards it.

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <list>
#include <optional>
#include <variant>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "delivery/discard.h"
#include "engine/served_session.h"

using namespace postern;
using Kind = ServedSession::Next::Kind;

class OnlyUs : public Policy {
  std::optional<Verdict> Decide(const Ask& ask, const SharedSessionInfo&,
                                Later) override {
    const auto* rcpt = std::get_if<Rcpt>(&ask.what);
    const bool ours = rcpt == nullptr || rcpt->to.domain == "example.org";
    if (ours) return Verdict::Accept();
    return Verdict::Refuse({550, {5, 7, 1}, "not here"});
  }
};

Instant Now() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Instant(now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec);
}

struct Client {
  Client(int fd, const SessionTimes* times) : fd(fd), session(times, Now()) {}
  ~Client() { close(fd); }

  const int fd;
  ServedSession session;
  ServedSession::Next next;
};

// Does one thing that the session needs. Returns false if that would block.
bool Act(Client& client, absl::Span<char> buffer) {
  ServedSession& session = client.session;
  const ServedSession::Next next = client.next = session.Advance(Now());
  if (next.kind == Kind::kFinish) {
    shutdown(client.fd, SHUT_WR);
    session.OutputEnded();
    return true;
  }
  if (!next.output.empty()) {
    const ssize_t n = send(client.fd, next.output.data(), next.output.size(),
                           MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) session.Written(n);
    if (n < 0 && errno != EAGAIN) session.PeerGone();
    if (n > 0 || errno != EAGAIN) return true;
  }
  if (!next.read && next.kind != Kind::kDiscard) return false;
  const absl::Span<char> room = next.read ? session.Room(buffer) : buffer;
  const ssize_t n = recv(client.fd, room.data(), room.size(), MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return false;
  if (n <= 0) session.EndOfInput();
  if (n > 0 && next.read) session.Received(n);
  if (n > 0 && !next.read) session.Discarded(n);
  return true;
}

int main() {
  sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const any_port = reinterpret_cast<sockaddr*>(&address);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (bind(listener, any_port, size) != 0 || listen(listener, 64) != 0 ||
      getsockname(listener, any_port, &size) != 0) {
    return 1;
  }
  dprintf(STDOUT_FILENO, "%d\n", ntohs(address.sin_port));
  OnlyUs policy;
  delivery::Discard discard;
  const ServerConfig config = {.greeting = "mx.example.org"};
  const auto stamp = [] { return TraceStamp{absl::Now(), "1"}; };
  const SessionTimes times;
  std::vector<char> buffer(size_t{64} << 10);
  std::list<Client> clients;
  while (true) {
    std::vector<pollfd> polled = {{listener, POLLIN, 0}};
    Instant wake = Now() + absl::Hours(1);
    for (auto it = clients.begin(); it != clients.end();) {
      ServedSession& session = it->session;
      if (session.deadline() <= Now()) session.OnDeadline(Now());
      while (Act(*it, absl::MakeSpan(buffer))) continue;
      session.ReleaseBuffer();
      const ServedSession::Next& next = it->next;
      const bool reads = next.read || next.kind == Kind::kDiscard;
      const int out = next.output.empty() ? 0 : POLLOUT;
      const short events = static_cast<short>((reads ? POLLIN : 0) | out);
      polled.push_back({it->fd, events, 0});
      const bool done = next.kind == Kind::kBusy || next.kind == Kind::kClose;
      wake = std::min(wake, done ? Now() : session.deadline());
      it = next.kind == Kind::kClose ? clients.erase(it) : std::next(it);
    }
    const int64_t wait = absl::ToInt64Milliseconds(wake - Now()) + 1;
    poll(polled.data(), polled.size(), std::max<int64_t>(wait, 0));
    const int fd = accept(listener, nullptr, nullptr);
    if (fd < 0) continue;
    clients.emplace_back(fd, &times)
        .session.Begin(config, {&policy, &discard, config.greeting, stamp}, {});
  }
}
