// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A server for comparison in tools/bench: it makes the same system calls on
// both sides as postern serve with a next hop, and does as little else as
// possible.
//
//   forward_floor HOP-PORT
//
// Listens on a free port of 127.0.0.1, prints its address, and serves until it
// is killed. It has one thread, uses epoll, and keeps connections to the next
// hop. MAIL and RCPT leave in one write, DATA after them, and the content as it
// comes, with a field of the size of Received. It trusts both sides: it
// identifies commands by their first letter, and the end of a message by its
// last five bytes.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr std::string_view kReceived =
    "Received: from client.example (127.0.0.1)\r\n"
    "  by mx.example with ESMTP; 30 Nov 2026 12:00:00 -0000\r\n";

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::exit(1);
}

// One connection, to a client or to the next hop.
struct Side {
  int socket = -1;
  bool hop = false;
  Side* other = nullptr;  // of the transaction
  std::string in;
  // Of a client.
  std::string mail;
  enum class Wait { kNothing, kEnvelope, kData, kEnd } wait = Wait::kNothing;
  bool content = false;
  // Of the next hop.
  int replies = 0;      // that are due
  std::string pending;  // leaves after the reply to EHLO
};

class Floor {
 public:
  explicit Floor(uint16_t port) : epoll_(epoll_create1(0)) {
    hop_.sin_family = AF_INET;
    hop_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    hop_.sin_port = htons(port);
  }

  [[noreturn]] void Run() {
    const int listening = Listen();
    epoll_event event = {};
    event.events = EPOLLIN;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, listening, &event) != 0) Die("epoll");
    std::array<epoll_event, 256> events;
    while (true) {
      const int count = epoll_wait(epoll_, events.data(),
                                   static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        auto* side =
            static_cast<Side*>(events[static_cast<size_t>(i)].data.ptr);
        if (side == nullptr) {
          Accept(listening);
        } else if (side->socket >= 0) {
          Read(side);
        }
      }
      for (Side* const side : closed_) delete side;
      closed_.clear();
    }
  }

 private:
  int Listen() {
    const int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(listening, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    if (bind(listening, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        listen(listening, 4096) != 0 ||
        getsockname(listening, reinterpret_cast<sockaddr*>(&address),
                    &length) != 0) {
      Die("listen");
    }
    std::printf("127.0.0.1:%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    close(STDOUT_FILENO);
    return listening;
  }

  Side* Add(int socket, bool hop) {
    auto* const side = new Side;
    side->socket = socket;
    side->hop = hop;
    epoll_event event = {};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = side;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
    return side;
  }

  void Accept(int listening) {
    int socket = -1;
    while ((socket = accept4(listening, nullptr, nullptr, SOCK_NONBLOCK)) >=
           0) {
      Send(Add(socket, /*hop=*/false), "220 mx ESMTP\r\n");
    }
  }

  // Waits if the socket's buffer is full: a figure of a floor must not depend
  // on how it stores what it cannot send.
  static void Send(Side* side, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n =
          send(side->socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN) return;
      if (n > 0) bytes.remove_prefix(static_cast<size_t>(n));
    }
  }

  void Close(Side* side) {
    close(side->socket);
    side->socket = -1;
    closed_.push_back(side);
  }

  void Read(Side* side) {
    while (side->socket >= 0) {
      const ssize_t n = recv(side->socket, buffer_.data(), buffer_.size(), 0);
      if (n < 0 && (errno == EAGAIN || errno == ENOTCONN)) return;
      if (n <= 0) {
        if (side->hop) Die("the next hop closed a connection");
        return Close(side);
      }
      side->in.append(buffer_.data(), static_cast<size_t>(n));
      if (side->hop) {
        OnReplies(side);
      } else {
        Serve(side);
      }
      if (static_cast<size_t>(n) < buffer_.size()) return;
    }
  }

  void Begin(Side* client, std::string_view rcpt) {
    const std::string envelope = client->mail + std::string(rcpt);
    if (!idle_.empty()) {
      client->other = idle_.back();
      idle_.pop_back();
      client->other->replies = 2;
      Send(client->other, envelope);
    } else {
      const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      const int on = 1;
      setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      (void)connect(socket, reinterpret_cast<sockaddr*>(&hop_), sizeof(hop_));
      client->other = Add(socket, /*hop=*/true);
      client->other->pending = envelope;
      client->other->replies = 1;  // the greeting
      client->other->mail = "EHLO mx\r\n";
    }
    client->other->other = client;
    client->wait = Side::Wait::kEnvelope;
  }

  void OnReplies(Side* hop) {
    size_t end = 0;
    while (hop->replies > 0 &&
           (end = hop->in.find('\n')) != std::string::npos) {
      if (hop->in[3] == ' ') --hop->replies;
      hop->in.erase(0, end + 1);
    }
    if (hop->replies > 0) return;
    if (!hop->mail.empty()) {
      hop->replies = 1;
      Send(hop, std::exchange(hop->mail, ""));
      return;
    }
    if (!hop->pending.empty()) {
      hop->replies = 2;
      Send(hop, std::exchange(hop->pending, ""));
      return;
    }
    Side* const client = hop->other;
    if (client == nullptr) return;
    switch (client->wait) {
      case Side::Wait::kEnvelope:
        Send(client, "250 2.1.5 ok\r\n");
        break;
      case Side::Wait::kData:
        client->content = true;
        Send(hop, kReceived);
        Send(client, "354 go ahead\r\n");
        break;
      case Side::Wait::kEnd:
        hop->other = nullptr;
        client->other = nullptr;
        idle_.push_back(hop);
        Send(client, "250 2.0.0 ok\r\n");
        break;
      case Side::Wait::kNothing:
        Die("a reply to no command");
    }
    client->wait = Side::Wait::kNothing;
    Serve(client);
  }

  void Serve(Side* client) {
    constexpr std::string_view kEnd = "\r\n.\r\n";
    while (client->wait == Side::Wait::kNothing && !client->in.empty()) {
      if (client->content) {
        const size_t end = client->in.find(kEnd);
        if (end == std::string::npos) {
          // The end may arrive in two reads.
          if (client->in.size() < kEnd.size()) return;
          const size_t most = client->in.size() - (kEnd.size() - 1);
          Send(client->other, std::string_view(client->in).substr(0, most));
          client->in.erase(0, most);
          return;
        }
        Send(client->other,
             std::string_view(client->in).substr(0, end + kEnd.size()));
        client->in.erase(0, end + kEnd.size());
        client->content = false;
        client->other->replies = 1;
        client->wait = Side::Wait::kEnd;
        return;
      }
      const size_t end = client->in.find('\n');
      if (end == std::string::npos) return;
      const std::string line = client->in.substr(0, end + 1);
      client->in.erase(0, end + 1);
      switch (line[0]) {
        case 'E':
          Send(client, "250-mx\r\n250 PIPELINING\r\n");
          break;
        case 'M':
          client->mail = line;
          Send(client, "250 2.1.0 ok\r\n");
          break;
        case 'R':
          Begin(client, line);
          break;
        case 'D':
          client->wait = Side::Wait::kData;
          client->other->replies = 1;
          Send(client->other, line);
          break;
        case 'Q':
          Send(client, "221 bye\r\n");
          return Close(client);
        default:
          Send(client, "250 2.0.0 ok\r\n");
      }
    }
  }

  const int epoll_;
  sockaddr_in hop_ = {};
  std::vector<char> buffer_ = std::vector<char>(size_t{256} << 10);
  std::vector<Side*> idle_;
  std::vector<Side*> closed_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: forward_floor HOP-PORT\n");
    return 100;
  }
  Floor(static_cast<uint16_t>(std::atoi(argv[1]))).Run();
}
