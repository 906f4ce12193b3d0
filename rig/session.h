// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One session of a rig: the interfaces that the engine calls, and the Wire.

#ifndef POSTERN_RIG_SESSION_H_
#define POSTERN_RIG_SESSION_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/authenticator.h"
#include "engine/delivery.h"
#include "engine/policy.h"
#include "engine/responder.h"
#include "engine/served_session.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "rig/fault.h"
#include "rig/fault_table.h"
#include "rig/mailbox.h"
#include "rig/message.h"
#include "rig/options.h"
#include "rig/wire.h"

namespace postern::rig {

// What all sessions of a rig share. Its members are thread-safe or do not
// change.
struct Shared {
  const Options& options;        // how the rig behaves
  FaultTable& faults;            // for all sessions together
  Mailbox& mailbox;              // keeps the messages and the sessions
  Authenticator& authenticator;  // knows Options::users
  // The time of messages and transcripts.
  std::function<absl::Time()> now;
};

// Answers at once. Thread-compatible: belongs to the thread of its session.
// Must outlive the ServedSession.
class Session : public Policy, public Delivery, public Authenticator {
 public:
  // `shared` must outlive the session.
  Session(const Shared* shared, const SessionInfo& info);

  // What the ServedSession calls: this object.
  ResponderOptions responder();
  // The filter of the ServedSession. Valid as long as the object.
  Wire* wire() { return &wire_; }

  // The TLS handshake begins. Returns the fault that applies to it.
  std::optional<Fault> OnHandshake();
  // The session has ended.
  void OnEnd(const SessionEnd& end, const SessionInfo& info);

  std::optional<Verdict> Decide(const Ask& ask, const SharedSessionInfo& info,
                                Later later) override;
  ExtensionSet carries() const override { return Carried(); }
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& info) override;
  std::unique_ptr<AuthExchange> Begin(absl::string_view mechanism,
                                      const SharedSessionInfo& info) override;

  // The extensions that a rig can serve: it keeps every parameter, and forwards
  // nothing.
  static ExtensionSet Carried();

 private:
  class Transaction;
  class Exchange;

  // Returns the fault that applies to something at `stage` with these texts.
  // `size` is the size of the message for quotas.
  std::optional<Fault> Take(Stage stage, absl::Span<const std::string> subjects,
                            uint64_t size = 0);
  // The embedder's answer at `stage` is decided. The wire does what is left of
  // `fault` when the reply comes.
  void Expect(Stage stage, std::optional<Fault> fault);
  // Whether the client can get the 354 for which the next reply is due. If a
  // fault replaces it, no content follows to which another fault could apply.
  bool ExpectsContent() const;
  // Applies the fault of `stage` to the answer that would be `usual`, and
  // expects its reply.
  Verdict Judge(Stage stage, absl::Span<const std::string> subjects,
                uint64_t size = 0);
  // Returns the verdict of `fault`, and removes from it what that verdict does.
  static Verdict Answer(Stage stage, std::optional<Fault>* fault);
  std::optional<Fault> FindForReply(Stage stage, const GivenReply& reply);
  void Commit(Message::Data data);
  void Use(const MailParameters& parameters);
  SessionFacts Facts(const SharedSessionInfo& info);

  const Shared& shared_;
  SessionFacts facts_;
  Wire wire_;
  const std::unique_ptr<SessionObserver> observer_;  // may be null
  // Faults of answers whose replies are not on the wire yet, in their order.
  std::deque<std::pair<Stage, std::optional<Fault>>> expected_;
  std::vector<std::string> recipients_;  // accepted in this transaction
  uint64_t transcript_begin_ = 0;        // of the next message
};

}  // namespace postern::rig

#endif  // POSTERN_RIG_SESSION_H_
