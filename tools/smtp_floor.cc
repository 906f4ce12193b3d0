// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The yardstick of tools/bench server: the least that a server can do that
// makes the same system calls and parses nothing.
//
//   smtp_floor
//
// Listens on a free port of 127.0.0.1, prints it, and serves until it is
// killed: one thread, epoll, one write for all replies that one read has
// caused, messages forgotten. It trusts its client: it knows commands by their
// first letter, and the end of a message by its last five bytes.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Client {
  int socket = -1;
  bool content = false;
  std::string left;  // part of a line, or the last bytes of content
};

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::exit(1);
}

std::string_view Reply(char letter) {
  switch (letter) {
    case 'E':
      return "250-mx\r\n250 PIPELINING\r\n";
    case 'D':
      return "354 go ahead\r\n";
    case 'Q':
      return "221 bye\r\n";
    default:
      return "250 2.0.0 ok\r\n";
  }
}

// Serves what has come; returns whether the client goes on.
bool Serve(Client* client, std::string_view in, std::string* out) {
  constexpr std::string_view kEnd = "\r\n.\r\n";
  while (!in.empty()) {
    if (client->content) {
      const size_t end = in.find(kEnd);
      if (end != in.npos) {
        client->content = false;
        client->left.clear();
        in.remove_prefix(end + kEnd.size());
        *out += "250 2.0.0 ok\r\n";
        continue;
      }
      // The end may be cut: then it is the last of what two reads have given.
      if (in.size() >= kEnd.size()) client->left.clear();
      client->left.append(
          in.substr(in.size() - std::min<size_t>(in.size(), 4)));
      if (client->left.size() > kEnd.size()) {
        client->left.erase(0, client->left.size() - kEnd.size());
      }
      if (client->left != kEnd) return true;
      client->content = false;
      client->left.clear();
      *out += "250 2.0.0 ok\r\n";
      return true;
    }
    const size_t end = in.find('\n');
    if (end == in.npos) {
      client->left.append(in);
      return true;
    }
    const char letter = client->left.empty() ? in[0] : client->left[0];
    client->left.clear();
    in.remove_prefix(end + 1);
    *out += Reply(letter);
    client->content = letter == 'D';
    if (letter == 'Q') return false;
  }
  return true;
}

}  // namespace

int main() {
  const int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  setsockopt(listening, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  if (bind(listening, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      listen(listening, 4096) != 0 ||
      getsockname(listening, reinterpret_cast<sockaddr*>(&address), &length) !=
          0) {
    Die("listen");
  }
  std::printf("127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  close(STDOUT_FILENO);

  const int epoll = epoll_create1(0);
  epoll_event event = {};
  event.events = EPOLLIN;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &event) != 0) Die("epoll");
  std::vector<char> buffer(size_t{256} << 10);
  std::string out;
  std::array<epoll_event, 256> events;
  while (true) {
    const int count =
        epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      auto* client =
          static_cast<Client*>(events[static_cast<size_t>(i)].data.ptr);
      if (client == nullptr) {
        int socket = -1;
        while ((socket = accept4(listening, nullptr, nullptr, SOCK_NONBLOCK)) >=
               0) {
          auto* const added = new Client{socket};
          event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
          event.data.ptr = added;
          epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
          (void)!send(socket, "220 mx ESMTP\r\n", 14, MSG_NOSIGNAL);
        }
        continue;
      }
      bool goes_on = true;
      while (goes_on) {
        const ssize_t n = recv(client->socket, buffer.data(), buffer.size(), 0);
        if (n <= 0) {
          goes_on = n < 0 && errno == EAGAIN;
          break;
        }
        out.clear();
        goes_on = Serve(client, {buffer.data(), static_cast<size_t>(n)}, &out);
        if (!out.empty()) {
          (void)!send(client->socket, out.data(), out.size(), MSG_NOSIGNAL);
        }
        if (static_cast<size_t>(n) < buffer.size()) break;
      }
      if (!goes_on) {
        close(client->socket);
        delete client;
      }
    }
  }
}
