// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The server's side of a loopback: drives the session, decides, and stores
// mail.

#ifndef POSTERN_TESTS_LOOPBACK_SERVER_H_
#define POSTERN_TESTS_LOOPBACK_SERVER_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/server_session.h"
#include "engine/step.h"
#include "engine/verdict.h"
#include "tests/loopback.h"
#include "tests/loopback_wire.h"

namespace postern {

class LoopbackServer {
 public:
  // Both must outlive the server.
  LoopbackServer(const Loopback& loopback, const Chooser& choose);

  // Runs one step with the bytes that arrived on `wire`. Returns false if the
  // session waits for bytes or a handshake, or is closed.
  bool Run(LoopbackWire& wire);

  ServerSession& session() { return session_; }
  const std::vector<LoopbackMessage>& messages() const { return messages_; }
  // Returns true after STARTTLS, unless it was refused: then the client may not
  // send plaintext any more.
  bool awaits_tls() const { return awaits_tls_; }
  // Returns true if the handshake can begin.
  bool shakes_hands() const { return shakes_hands_; }
  void TlsStarted();
  const std::optional<CloseReason>& closed() const { return closed_; }

 private:
  void AnswerOne();
  void Answer(const Ask& ask);
  Verdict Decide(const Ask& ask);
  AuthAnswer Start(const AuthBegin& begin);
  AuthAnswer Respond(absl::string_view bytes);
  AuthAnswer CheckPlain(absl::string_view bytes) const;
  // Stores the message, unless it is refused, and answers.
  void End(const Ask& ask);

  const Loopback& loopback_;
  const Chooser& choose_;
  ServerSession session_;
  size_t steps_ = 0;
  bool awaits_tls_ = false;
  bool shakes_hands_ = false;
  std::optional<CloseReason> closed_;

  std::vector<Ask> open_;
  std::string mechanism_;             // of the current exchange, or empty
  std::optional<std::string> login_;  // the user of LOGIN

  bool in_message_ = false;  // content is arriving
  bool cut_off_ = false;     // the last step ended it without a reply
  std::string content_;
  std::vector<LoopbackMessage> messages_;
};

}  // namespace postern

#endif  // POSTERN_TESTS_LOOPBACK_SERVER_H_
