// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A ClientSession and a ServerSession joined in memory.

#ifndef POSTERN_TESTS_LOOPBACK_H_
#define POSTERN_TESTS_LOOPBACK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "engine/client_config.h"
#include "engine/event.h"
#include "engine/grammar/path.h"
#include "engine/server_config.h"

namespace postern {

// Chooses a number below `n`, which is above 0. Whatever it chooses, the two
// sides come to the same.
using Chooser = std::function<size_t(size_t n)>;

// What a client is to send: where it may, as it is; what the server does not
// offer, not before the client was seen to refuse it. tests/loopback_rules.h
// has what the server refuses.
struct LoopbackMail {
  Mail mail;
  std::vector<Recipient> to;
  std::string content;
  bool chunks = false;  // by BDAT, where it is offered
};

// An exchange of AUTH: of PLAIN, LOGIN or EXTERNAL.
struct LoopbackAuth {
  std::string mechanism;
  std::string user = "u";    // no NUL, not empty
  std::string secret = "s";  // not for EXTERNAL
  bool initial = false;      // the first response goes with the command
  bool cancel = false;       // at the last challenge
};

// STARTTLS and EHLO.
struct LoopbackTls {};

// EHLO once more.
struct LoopbackGreet {};

using LoopbackAct =
    std::variant<LoopbackMail, LoopbackAuth, LoopbackTls, LoopbackGreet>;

// Who puts plaintext behind STARTTLS: RFC 3207 6.
enum class Meddler : uint8_t {
  kNone,
  kToServer,  // behind the command
  kToClient,  // behind the 220
};

// More errors than any loopback has; with fewer, the server may have enough.
inline constexpr int kManyErrors = 1000;

struct Loopback {
  ServerConfig server = {.greeting = "mx",
                         .max_errors = kManyErrors,
                         .max_auth_failures = kManyErrors};
  ClientConfig client = {.host_name = "c"};
  bool ehlo = true;          // the server knows it; HELO has no extensions
  bool handshakes = true;    // or it refuses each STARTTLS
  std::string peer_subject;  // what it knows of the client by TLS
  Meddler meddler = Meddler::kNone;
  size_t shutdown = 0;  // it goes down before this step of it; 0: never
  std::vector<LoopbackAct> acts;
};

// A message that the server's sink has got.
struct LoopbackMessage {
  bool tls = false;
  std::string identity;
  Path from;
  MailParameters parameters;
  std::vector<Recipient> to;
  std::string content;

  friend bool operator==(const LoopbackMessage&,
                         const LoopbackMessage&) = default;
};
void PrintTo(const LoopbackMessage& message, std::ostream* out);

// Does all acts, each side's bytes cut, each content lent and each answer
// delayed as `choose` says. Checks
//   - that the sink gets what was sent, and of that what the server accepts;
//     envelope, parameters, content, identity and TLS
//   - that each command has the reply that is its own, and that the client
//     hears of a message as stored if and only if it is
//   - that nothing which was known before TLS is known behind it, and that a
//     meddler ends the session
//   - that content with a bare newline ends the session behind DATA, is refused
//     behind BDAT, and arrives with BODY=BINARYMIME alone
//   - that a server which goes down, or has had enough, says so: 421
// Returns how many messages have arrived.
size_t RunLoopback(const Loopback& loopback, const Chooser& choose);

}  // namespace postern

#endif  // POSTERN_TESTS_LOOPBACK_H_
