// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The clients of a measurement: sessions of one kind, some at a time, from one
// thread.

#ifndef POSTERN_TOOLS_LOAD_H_
#define POSTERN_TOOLS_LOAD_H_

#include <openssl/ssl.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace postern::tools {

// What a client sends, and how many replies it then waits for.
struct Turn {
  std::string_view says;
  int replies = 1;
  bool tls = false;    // the handshake comes after them
  bool timed = false;  // the time to the last of them counts: see delays()
};

// Returns a session of `messages`, each to one recipient. The reply to the end
// of each message is timed.
std::vector<Turn> Session(int messages, bool pipelined,
                          std::string_view content);

// Returns a message of about `size` octets, with the end of data.
std::string Content(size_t size);

// Returns the value below which the share `part` of the values lies, 0 to 1.
// There must be one at least.
double Percentile(std::vector<double> values, double part);

// Plays `sessions` sessions to a server, `at_once` of them at a time, and
// returns when the last is over. A refusal, or a server that does not answer
// for 30 seconds, ends the program.
class Load {
 public:
  Load(const std::vector<Turn>& turns, int sessions, int at_once, int port);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void Run();

  // Returns the milliseconds that each timed turn has taken: from its last
  // octet to the end of its last reply.
  const std::vector<double>& delays() const { return delays_; }

 private:
  struct Client;

  void Begin();
  void Go(Client* client);
  // Each returns what there is to return, 0 at an end, -1 where the socket
  // makes it wait.
  int Send(Client* client, std::string_view bytes);
  int Receive(Client* client);
  // Returns whether the handshake is done.
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
