// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The clients of a measurement: many sessions of one kind, several at the same
// time, from one thread.

#ifndef POSTERN_TOOLS_LOAD_H_
#define POSTERN_TOOLS_LOAD_H_

#include <openssl/ssl.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace postern::tools {

// What a client sends, and the number of replies that it then waits for.
struct Turn {
  std::string_view says;
  int replies = 1;
  bool tls = false;    // a TLS handshake follows the replies
  bool timed = false;  // delays() includes the time until the last reply
};

// Returns a session of `messages`, each to one recipient. The reply to the end
// of each message is timed.
std::vector<Turn> Session(int messages, bool pipelined,
                          std::string_view content);

// Returns a message of about `size` octets, with the end of data.
std::string Content(size_t size);

// Returns the value below which `part` of the values are; `part` is 0 to 1.
// There must be at least one value.
double Percentile(std::vector<double> values, double part);

// Runs `sessions` sessions with a server, `at_once` of them at the same time.
// Run() returns after the last one. A refusal, or 30 seconds without a reply,
// ends the program.
class Load {
 public:
  Load(const std::vector<Turn>& turns, int sessions, int at_once, int port);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void Run();

  // Returns the milliseconds of each timed turn, from its last octet to the end
  // of its last reply.
  const std::vector<double>& delays() const { return delays_; }

 private:
  struct Client;

  void Begin();
  void Go(Client* client);
  // Each returns the number of octets, 0 at the end of the connection, and -1
  // if the call would block.
  int Send(Client* client, std::string_view bytes);
  int Receive(Client* client);
  // Returns whether the handshake is complete.
  bool Handshake(Client* client);
  void Listen(Client* client);

  const std::vector<Turn>& turns_;
  const int at_once_;
  const int port_;
  const int epoll_;
  SSL_CTX* const tls_;
  int to_begin_;
  int open_ = 0;
  std::vector<double> delays_;
  std::array<char, 16384> buffer_;
};

}  // namespace postern::tools

#endif  // POSTERN_TOOLS_LOAD_H_
