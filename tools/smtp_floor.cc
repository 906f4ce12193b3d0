// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A server for comparison in tools/bench: it makes the same system calls as
// postern serve and does as little else as possible.
//
//   smtp_floor [CERTIFICATE KEY]
//
// Listens on a free port of 127.0.0.1, prints its address, and serves until it
// is killed. It has one thread, uses epoll, sends the replies to the input of
// one read with one write, and discards messages. It trusts its client: it
// identifies commands by their first letter, and the end of a message by its
// last five bytes.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
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
  SSL* tls = nullptr;
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
    case 'S':
      return "220 ready\r\n";
    default:
      return "250 2.0.0 ok\r\n";
  }
}

// Processes `in`. Returns false after QUIT. Sets *tls after STARTTLS.
bool Serve(Client* client, std::string_view in, std::string* out, bool* tls) {
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
      // The end may arrive in two reads: compare the last octets of both.
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
    *tls = *tls || letter == 'S';
    if (letter == 'Q') return false;
  }
  return true;
}

// Returns the number of bytes read, 0 at the end, -1 if there are none yet.
ssize_t Read(const Client& client, std::vector<char>* buffer) {
  if (client.tls == nullptr) {
    const ssize_t n = recv(client.socket, buffer->data(), buffer->size(), 0);
    return n < 0 && errno != EAGAIN ? 0 : n;
  }
  const int n =
      SSL_read(client.tls, buffer->data(), static_cast<int>(buffer->size()));
  if (n > 0) return n;
  return SSL_get_error(client.tls, n) == SSL_ERROR_WANT_READ ? -1 : 0;
}

void Write(const Client& client, std::string_view bytes) {
  if (client.tls == nullptr) {
    (void)!send(client.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } else {
    (void)SSL_write(client.tls, bytes.data(), static_cast<int>(bytes.size()));
  }
}

void Close(Client* client) {
  if (client->tls != nullptr) SSL_shutdown(client->tls);
  SSL_free(client->tls);
  close(client->socket);
  delete client;
}

SSL_CTX* Context(const char* certificate, const char* key) {
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
    Die(certificate);
  }
  // The same cipher as postern serve, and no session tickets, which postern
  // serve does not send on port 25.
  if (SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1) {
    Die("ciphersuites");
  }
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  return context;
}

}  // namespace

int main(int argc, char** argv) {
  SSL_CTX* const context = argc == 3 ? Context(argv[1], argv[2]) : nullptr;
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
        const ssize_t n = Read(*client, &buffer);
        if (n <= 0) {
          goes_on = n < 0;
          break;
        }
        out.clear();
        bool tls = false;
        goes_on =
            Serve(client, {buffer.data(), static_cast<size_t>(n)}, &out, &tls);
        if (!out.empty()) Write(*client, out);
        if (tls && context != nullptr) {
          client->tls = SSL_new(context);
          SSL_set_fd(client->tls, client->socket);
          SSL_set_accept_state(client->tls);  // SSL_read() does the handshake
        } else if (client->tls == nullptr &&
                   static_cast<size_t>(n) < buffer.size()) {
          break;
        }
      }
      if (!goes_on) Close(client);
    }
  }
}
