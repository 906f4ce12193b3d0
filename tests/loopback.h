// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A ClientSession and a ServerSession joined in memory.

#ifndef POSTERN_TESTS_LOOPBACK_H_
#define POSTERN_TESTS_LOOPBACK_H_

#include <cstddef>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "engine/client_config.h"
#include "engine/event.h"
#include "engine/path.h"
#include "engine/server_config.h"

namespace postern {

// Chooses a number below `n`, which is above 0. Whatever it chooses, the two
// sides come to the same.
using Chooser = std::function<size_t(size_t n)>;

// What a client is to send. The server refuses senders and recipients whose
// local part begins with "no", and content of a size that is 3 modulo 5.
struct LoopbackMail {
  Mail mail;
  std::vector<Path> to;
  std::string content;
  bool chunks = false;  // by BDAT, where it is offered
};

struct Loopback {
  ServerConfig server = {.greeting = "mx"};
  ClientConfig client = {.host_name = "c"};
  bool ehlo = true;  // the server knows it; HELO has no PIPELINING
  std::vector<LoopbackMail> mails;
};

// A message that the server's sink has got.
struct LoopbackMessage {
  Path from;
  MailParameters parameters;
  std::vector<Path> to;
  std::string content;

  friend bool operator==(const LoopbackMessage&,
                         const LoopbackMessage&) = default;
};
void PrintTo(const LoopbackMessage& message, std::ostream* out);

// Sends all mails, each side's bytes cut and each content lent as `choose`
// says. Checks that the sink gets what was sent, and of that only what the
// server accepts; and that each command has the reply that is its own. Where
// content has a bare newline, that it ends the session, and nothing of it
// arrives. Returns how many messages did.
size_t RunLoopback(const Loopback& loopback, const Chooser& choose);

}  // namespace postern

#endif  // POSTERN_TESTS_LOOPBACK_H_
