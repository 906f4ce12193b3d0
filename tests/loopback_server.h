// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The server's side of a loopback: what drives it, decides and stores.

#ifndef POSTERN_TESTS_LOOPBACK_SERVER_H_
#define POSTERN_TESTS_LOOPBACK_SERVER_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/event.h"
#include "engine/server_session.h"
#include "engine/verdict.h"
#include "tests/loopback.h"
#include "tests/loopback_wire.h"

namespace postern {

class LoopbackServer {
 public:
  // Both must outlive the server.
  LoopbackServer(const Loopback& loopback, const Chooser& choose);

  // Does what there is to do with what has come by `wire`, as far as one step.
  // Returns false if there is nothing but to wait.
  bool Run(LoopbackWire& wire);

  ServerSession& session() { return session_; }
  const std::vector<LoopbackMessage>& messages() const { return messages_; }
  // Returns true if STARTTLS is asked or has been granted: from there on no
  // plaintext may come.
  bool awaits_tls() const { return awaits_tls_; }
  // The same, once the handshake can begin.
  bool shakes_hands() const { return shakes_hands_; }
  void TlsStarted();
  const std::optional<CloseReason>& closed() const { return closed_; }

 private:
  void AnswerOne();
  void Answer(const Ask& ask);
  Verdict Decide(const Ask& ask);
  AuthMove Start(const AuthBegin& begin);
  AuthMove Respond(absl::string_view bytes);
  AuthMove CheckPlain(absl::string_view bytes) const;
  // Stores what has come, and says so.
  void End(const Ask& ask);

  const Loopback& loopback_;
  const Chooser& choose_;
  ServerSession session_;
  size_t steps_ = 0;
  bool awaits_tls_ = false;
  bool shakes_hands_ = false;
  std::optional<CloseReason> closed_;

  std::vector<Ask> open_;
  std::string mechanism_;             // of the exchange under way, or empty
  std::optional<std::string> login_;  // LOGIN's user, once it is known

  bool in_message_ = false;  // its content is on its way
  bool cut_off_ = false;     // the last step ended that, without a reply to it
  std::string content_;
  std::vector<LoopbackMessage> messages_;
};

}  // namespace postern

#endif  // POSTERN_TESTS_LOOPBACK_SERVER_H_
