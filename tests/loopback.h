// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// For tests: a ClientSession and a ServerSession connected in memory.

#ifndef POSTERN_TESTS_LOOPBACK_H_
#define POSTERN_TESTS_LOOPBACK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "engine/ask.h"
#include "engine/client_config.h"
#include "engine/grammar/path.h"
#include "engine/server_config.h"

namespace postern {

// Returns a number below `n`; `n` is at least 1. The result of a loopback does
// not depend on these choices.
using Chooser = std::function<size_t(size_t n)>;

// A message that the client sends. If it needs an extension that the server
// does not offer, the test first checks that ClientSession refuses it, and then
// sends the message without. tests/loopback_rules.h says what the server
// refuses.
struct LoopbackMail {
  Mail mail;
  std::vector<Recipient> to;
  std::string content;
  bool chunks = false;  // with BDAT, if the server offers it
};

// An AUTH exchange with PLAIN, LOGIN or EXTERNAL.
struct LoopbackAuth {
  std::string mechanism;
  std::string user = "u";    // no NUL, not empty
  std::string secret = "s";  // not for EXTERNAL
  bool initial = false;      // with an initial response
  bool cancel = false;       // at the last challenge
};

// STARTTLS and EHLO.
struct LoopbackTls {};

// Another EHLO.
struct LoopbackGreet {};

using LoopbackAct =
    std::variant<LoopbackMail, LoopbackAuth, LoopbackTls, LoopbackGreet>;

// An attacker who injects plaintext after STARTTLS (RFC 3207 6).
enum class Meddler : uint8_t {
  kNone,
  kToServer,  // after the command
  kToClient,  // after the 220
};

// More errors than any loopback has. With fewer, the server may close.
inline constexpr int kManyErrors = 1000;

struct Loopback {
  ServerConfig server = {.greeting = "mx",
                         .max_errors = kManyErrors,
                         .max_auth_failures = kManyErrors};
  ClientConfig client = {.host_name = "c"};
  bool ehlo = true;          // whether the server accepts EHLO
  bool handshakes = true;    // whether the server accepts STARTTLS
  std::string peer_subject;  // of the client's certificate
  Meddler meddler = Meddler::kNone;
  size_t shutdown = 0;  // the server step before its Shutdown(); 0: none
  std::vector<LoopbackAct> acts;
};

// A message that the server has stored.
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

// Performs all acts. `choose` decides the sizes of reads and writes, the pieces
// of content and the delays of answers. Checks that
//   - the server stores exactly the messages that were sent and accepted, with
//     their envelope, parameters, content, identity and TLS state
//   - each command gets its own reply, and the client gets a positive reply to
//     a message if and only if the message is stored
//   - nothing known before TLS is known after it, and an injection ends the
//     session
//   - content with a bare newline ends the session after DATA, is refused after
//     BDAT, and is stored only with BODY=BINARYMIME
//   - a server that shuts down, or that has seen too many errors, sends a 421
// Returns the number of stored messages.
size_t RunLoopback(const Loopback& loopback, const Chooser& choose);

}  // namespace postern

#endif  // POSTERN_TESTS_LOOPBACK_H_
