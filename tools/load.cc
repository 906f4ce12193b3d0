// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tools/load.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "tools/measured_server.h"

namespace postern::tools {

struct Load::Client {
  int socket = -1;
  SSL* tls = nullptr;
  bool shaking = false;  // in the TLS handshake
  size_t turn = 0;
  size_t sent = 0;                              // octets of this turn
  int replies = 0;                              // that are still missing
  size_t column = 0;                            // in a reply line
  bool last = false;                            // last line of the reply
  std::chrono::steady_clock::time_point asked;  // when the turn was sent

  ~Client() {
    SSL_free(tls);
    close(socket);
  }
};

std::string Content(size_t size) {
  std::string text = "Subject: a message\r\n\r\n";
  while (text.size() < size) text += std::string(74, 'x') + "\r\n";
  return text + ".\r\n";
}

double Percentile(std::vector<double> values, double part) {
  const auto place =
      values.begin() + static_cast<std::ptrdiff_t>(
                           part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

std::vector<Turn> Session(int messages, bool pipelined,
                          std::string_view content) {
  std::vector<Turn> turns = {{"", 1}, {"EHLO client.example\r\n", 1}};
  for (int i = 0; i < messages; ++i) {
    if (pipelined) {
      turns.push_back(
          {"MAIL FROM:<sender@client.example>\r\n"
           "RCPT TO:<recipient@local.example>\r\nDATA\r\n",
           3});
    } else {
      turns.push_back({"MAIL FROM:<sender@client.example>\r\n"});
      turns.push_back({"RCPT TO:<recipient@local.example>\r\n"});
      turns.push_back({"DATA\r\n"});
    }
    turns.push_back({.says = content, .timed = true});
  }
  turns.push_back({"QUIT\r\n"});
  return turns;
}

Load::Load(const std::vector<Turn>& turns, int sessions, int at_once, int port)
    : turns_(turns),
      at_once_(at_once),
      port_(port),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      tls_(SSL_CTX_new(TLS_client_method())),
      to_begin_(sessions) {
  SSL_CTX_set_mode(tls_, SSL_MODE_ENABLE_PARTIAL_WRITE);
}

Load::~Load() {
  SSL_CTX_free(tls_);
  close(epoll_);
}

void Load::Run() {
  for (int i = 0; i < at_once_; ++i) Begin();
  std::array<epoll_event, 64> events;
  while (open_ > 0) {
    const int count = epoll_wait(epoll_, events.data(),
                                 static_cast<int>(events.size()), 30'000);
    if (count <= 0) Die("a server does not reply");
    for (int i = 0; i < count; ++i) {
      Go(static_cast<Client*>(events[static_cast<size_t>(i)].data.ptr));
    }
  }
}

void Load::Begin() {
  if (to_begin_ == 0) return;
  --to_begin_;
  ++open_;
  auto* const client = new Client;
  client->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const sockaddr_in address = Loopback(port_);
  if (connect(client->socket, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) != 0) {
    Die("connect");
  }
  fcntl(client->socket, F_SETFL, O_NONBLOCK);
  client->replies = turns_[0].replies;
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.ptr = client;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, client->socket, &event) != 0) {
    Die("epoll_ctl");
  }
}

void Load::Go(Client* client) {
  while (true) {
    const Turn& turn = turns_[client->turn];
    if (client->shaking && !Handshake(client)) return;
    while (client->sent < turn.says.size()) {
      if (turn.timed) client->asked = std::chrono::steady_clock::now();
      const int n = Send(client, turn.says.substr(client->sent));
      if (n < 0) break;
      client->sent += static_cast<size_t>(n);
    }
    Listen(client);
    if (client->sent < turn.says.size() || client->replies > 0) return;
    if (turn.timed) {
      const std::chrono::duration<double, std::milli> delay =
          std::chrono::steady_clock::now() - client->asked;
      delays_.push_back(delay.count());
    }
    if (turn.tls && client->tls == nullptr) {
      client->tls = SSL_new(tls_);
      SSL_set_fd(client->tls, client->socket);
      SSL_set_connect_state(client->tls);
      client->shaking = true;
      continue;
    }
    if (++client->turn == turns_.size()) {
      delete client;
      --open_;
      return Begin();
    }
    client->sent = 0;
    client->replies += turns_[client->turn].replies;
  }
}

bool Load::Handshake(Client* client) {
  const int done = SSL_do_handshake(client->tls);
  if (done == 1) {
    client->shaking = false;
    return true;
  }
  const int error = SSL_get_error(client->tls, done);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
    Die("a handshake");
  }
  return false;
}

int Load::Send(Client* client, std::string_view bytes) {
  if (client->tls != nullptr) {
    const int n =
        SSL_write(client->tls, bytes.data(), static_cast<int>(bytes.size()));
    if (n <= 0 && SSL_get_error(client->tls, n) != SSL_ERROR_WANT_WRITE) {
      Die("SSL_write");
    }
    return n;
  }
  const ssize_t n =
      send(client->socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN) Die("send");
  return static_cast<int>(n);
}

int Load::Receive(Client* client) {
  if (client->tls != nullptr) {
    const int n =
        SSL_read(client->tls, buffer_.data(), static_cast<int>(buffer_.size()));
    if (n > 0) return n;
    return SSL_get_error(client->tls, n) == SSL_ERROR_WANT_READ ? -1 : 0;
  }
  const ssize_t n = recv(client->socket, buffer_.data(), buffer_.size(), 0);
  return static_cast<int>(n);
}

void Load::Listen(Client* client) {
  int n = 0;
  while ((n = Receive(client)) > 0) {
    for (int i = 0; i < n; ++i) {
      const char c = buffer_[static_cast<size_t>(i)];
      if (client->column == 0 && c != '2' && c != '3') Die("a refusal");
      if (client->column == 3) client->last = c == ' ';
      ++client->column;
      if (c != '\n') continue;
      client->column = 0;
      if (client->last) --client->replies;
    }
    if (client->tls == nullptr && static_cast<size_t>(n) < buffer_.size()) {
      return;
    }
  }
  if (n == 0 && client->replies > 0) Die("a server closed a connection");
}

}  // namespace postern::tools
