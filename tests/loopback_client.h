// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The client's side of a loopback. Sends the commands and computes the reply
// that each must get.

#ifndef POSTERN_TESTS_LOOPBACK_CLIENT_H_
#define POSTERN_TESTS_LOOPBACK_CLIENT_H_

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/client_session.h"
#include "tests/loopback.h"
#include "tests/loopback_offer.h"
#include "tests/loopback_wire.h"

namespace postern {

class LoopbackClient {
 public:
  // Both must outlive the client.
  LoopbackClient(const Loopback& loopback, const Chooser& choose);

  // Runs one step with the bytes that arrived on `wire`. Returns false if the
  // session waits for bytes or a handshake, or is closed.
  bool Run(LoopbackWire& wire);

  ClientSession& session() { return session_; }
  // Returns true if the handshake can begin.
  bool shakes_hands() const { return shakes_hands_; }
  void TlsStarted();
  const std::optional<ClientClose>& closed() const { return closed_; }
  // Returns true if DATA got content with a bare newline.
  bool gave_bare_newline() const { return gave_bare_newline_; }

  // Checks, at the end, that `stored` are the first of the expected messages,
  // and that the client got positive replies for these and no others.
  void CheckStored(absl::Span<const LoopbackMessage> stored) const;
  // Checks that each command got its reply and each expected message was
  // stored.
  void CheckComplete(absl::Span<const LoopbackMessage> stored) const;

 private:
  // A reply that the client must get.
  struct Due {
    bool positive = true;
    std::string text = {};  // empty: any
  };
  struct Body {
    std::string rest;  // not lent to the session yet
    // LMTP: recipients that get no reply if the content fails before its end.
    std::vector<CommandId> spares;
  };
  struct Stored {
    LoopbackMessage message;
    std::vector<CommandId> heard_by;
  };

  void Heard(const ClientStep& step);
  void FailedEarly(CommandId body);
  void OnChallenge(const ClientStep& step);
  void Lend(CommandId body);

  // Starts the next acts, or QUIT.
  void Give();
  // Each returns false if no other act can be pipelined after it.
  bool Do(const LoopbackMail& mail);
  bool Do(const LoopbackAuth& auth);
  bool Do(const LoopbackTls& tls);
  bool Do(const LoopbackGreet& greet);
  // Sends RSET: the last transaction may have ended without content.
  void Clear();
  Mail GiveMail(const LoopbackMail& mail, CommandId* id);
  CommandId GiveBody(const LoopbackMail& mail, bool* chunks);
  void Expect(CommandId id, Due due);
  // Returns whether the server accepts mail in the current state.
  bool TakesMail() const;

  const Loopback& loopback_;
  const Chooser& choose_;
  ClientSession session_;
  LoopbackOffer offer_;   // after all commands that were sent
  std::string identity_;  // after all commands that were sent
  bool shakes_hands_ = false;
  std::optional<ClientClose> closed_;

  size_t given_ = 0;     // acts started
  bool doomed_ = false;  // a command failed; all later ones of the batch do
  std::map<CommandId, std::deque<Due>> open_;
  std::map<CommandId, LoopbackAuth> exchanges_;
  std::map<CommandId, Body> bodies_;
  std::unique_ptr<std::vector<char>> lent_;
  bool gave_bare_newline_ = false;
  std::vector<Stored> stored_;
};

}  // namespace postern

#endif  // POSTERN_TESTS_LOOPBACK_CLIENT_H_
