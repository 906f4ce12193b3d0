// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The client's side of a loopback: what gives the commands, and knows what must
// come of each.

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
#include "engine/client_session.h"
#include "engine/event.h"
#include "tests/loopback.h"
#include "tests/loopback_offer.h"
#include "tests/loopback_wire.h"

namespace postern {

class LoopbackClient {
 public:
  // Both must outlive the client.
  LoopbackClient(const Loopback& loopback, const Chooser& choose);

  // Does what there is to do with what has come by `wire`, as far as one step.
  // Returns false if there is nothing but to wait.
  bool Run(LoopbackWire& wire);

  ClientSession& session() { return session_; }
  // Returns true where the handshake can begin.
  bool shakes_hands() const { return shakes_hands_; }
  void TlsStarted();
  const std::optional<ClientClose>& closed() const { return closed_; }
  // Returns true if content has been given that may not be sent.
  bool gave_bare_newline() const { return gave_bare_newline_; }

  // Checks, at the end, that `stored` are the first of the messages that had
  // to be, and that the client has heard of these and of no others.
  void CheckStored(absl::Span<const LoopbackMessage> stored) const;
  // Checks that nothing is without its reply, and nothing was not stored.
  void CheckComplete(absl::Span<const LoopbackMessage> stored) const;

 private:
  // A reply that must come.
  struct Due {
    bool positive = true;
    std::string text = {};  // empty: any
  };
  struct Body {
    std::string rest;  // to be lent
    // LMTP: whose verdicts are spared if it fails before its end.
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

  // Gives the next acts, or QUIT.
  void Give();
  // Each returns false if nothing can be given behind it for the moment.
  bool Do(const LoopbackMail& mail);
  bool Do(const LoopbackAuth& auth);
  bool Do(const LoopbackTls& tls);
  bool Do(const LoopbackGreet& greet);
  // Gives RSET: what came before may have ended without content.
  void Clear();
  Mail GiveMail(const LoopbackMail& mail, CommandId* id);
  CommandId GiveBody(const LoopbackMail& mail, bool* chunks);
  void Expect(CommandId id, Due due);
  // Whether the server takes mail, as things stand.
  bool TakesMail() const;

  const Loopback& loopback_;
  const Chooser& choose_;
  ClientSession session_;
  LoopbackOffer offer_;   // once all that was given is answered
  std::string identity_;  // the same
  bool shakes_hands_ = false;
  std::optional<ClientClose> closed_;

  size_t given_ = 0;     // acts
  bool doomed_ = false;  // all of this batch behind what has failed
  std::map<CommandId, std::deque<Due>> open_;
  std::map<CommandId, LoopbackAuth> exchanges_;
  std::map<CommandId, Body> bodies_;
  std::unique_ptr<std::vector<char>> lent_;
  bool gave_bare_newline_ = false;
  std::vector<Stored> stored_;
};

}  // namespace postern

#endif  // POSTERN_TESTS_LOOPBACK_CLIENT_H_
