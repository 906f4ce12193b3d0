// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The delivery ports: where accepted mail goes. Implementations live in
// delivery/ and in programs that embed postern.
//
// A delivery makes one MailTransaction for each mail transaction, RFC 5321 3.3,
// and the session takes it through the same steps as the client takes the
// session:
//
//   MAIL                  Delivery::Begin()
//   RCPT                  AddRecipient(), for each that the policy accepts
//   DATA, or first BDAT   Open()
//   content               Write()
//   its end               Commit()
//   RSET, EHLO, an end of the session, content that is refused
//                         the destructor

#ifndef POSTERN_ENGINE_DELIVERY_H_
#define POSTERN_ENGINE_DELIVERY_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/event.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"
#include "engine/policy.h"
#include "engine/session_info.h"
#include "engine/verdict.h"

namespace postern {

// One mail transaction. One object for each, so that nothing of one message can
// leak into the next. Used by one thread at a time.
//
// Destroying a transaction that was not committed discards what it holds. It is
// never destroyed while an answer is due.
class MailTransaction {
 public:
  virtual ~MailTransaction() = default;

  // Decides about a recipient that the policy has accepted. `rcpt.to` is the
  // address as the envelope will have it. Answers as Policy::Decide(): now, or
  // after a call of `later`; several answers may be due at once. An acceptance
  // may bring a reply (2yz), and changes no address. As it is here, accepts.
  //
  // What was accepted here is in the envelope afterwards, unless the
  // transaction ends before.
  virtual std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                              Policy::Later later) {
    (void)rcpt;
    (void)later;
    return Verdict::Accept();
  }

  // Prepares for content, or returns the 4yz or 5yz reply that refuses it: then
  // the transaction is over. Called once, before Write(). The envelope has at
  // least one recipient; it lives until this returns.
  virtual std::optional<Reply> Open(const Envelope& envelope) = 0;

  // Takes the slices; they live until Write() returns. Lines end in CRLF, and
  // a CRLF may be cut by the end of a slice; what came by BDAT need not end in
  // one, and with BODY=BINARYMIME it is any octets (RFC 3030). Returns false
  // for "call no more until `ready` has run"; `ready` is called exactly once
  // then, from any thread, and never when true was returned. A failure (disk
  // full) is remembered and comes out of Commit().
  virtual bool Write(absl::Span<const absl::string_view> slices,
                     absl::AnyInvocable<void() &&> ready) = 0;

  // Called on the session's thread once the session has given the reply to
  // Commit() or CommitEach(): never if the answer came too late for it, or the
  // session was over. For logs, which must not claim a reply that was not
  // given. A client whose connection breaks then may still not get it.
  virtual void OnReplied() {}

  // What answers CommitEach().
  using EachDone = absl::AnyInvocable<void(std::vector<Verdict>) &&>;

  // Makes the message safe, then answers, once, from any thread: accepts only
  // when it would survive a power cut (RFC 5321 6.1), for all recipients of
  // the envelope or for none. Nothing but OnReplied() and the destructor is
  // called afterwards, and those perhaps before `done` returns. `done` keeps
  // the transaction alive: move it out of its own members to call it, or
  // neither is ever destroyed.
  virtual void Commit(Policy::Done done) = 0;

  // The same for LMTP (RFC 2033 4.2), where some recipients may be accepted
  // and others refused: gives one verdict for each of the envelope, in order,
  // or a single one for all. As it is here, all have Commit()'s.
  virtual void CommitEach(EachDone done);
};

// Begins transactions. Shared by sessions where the transport has threads, and
// then thread-safe.
class Delivery {
 public:
  virtual ~Delivery() = default;

  // Returns the extensions that need something of a delivery and have it here
  // (engine/grammar/extension.h says what): for ServerConfig::carried. None,
  // unless overridden.
  virtual ExtensionSet carries() const { return {}; }

  // Returns true if mail to `recipient`, a mailbox of another host, reaches it
  // this way. A delivery into mailboxes of this host has no way to send it on,
  // and the message would stay here for ever: as it is here, none is served. A
  // policy asks before it accepts a recipient only because the client may
  // relay. Does not wait; called from any thread.
  virtual bool ServesRemote(const Path& recipient) const {
    (void)recipient;
    return false;
  }

  // Returns whether AddRecipient() may wait for a disk or another host, so that
  // it must not be called on a thread that serves other clients. For deliveries
  // that block; see delivery/pooled_delivery.h.
  virtual bool LooksUpRecipients() const { return false; }

  // Begins a transaction: MAIL has been accepted. Never null, and waits for
  // nothing; a delivery that cannot serve says so to the first recipient. The
  // envelope has no recipients yet, and lives until this returns. The facts are
  // a snapshot, to be kept as long as wanted.
  virtual std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) = 0;

  // Called when the engine has given the reply to a message whose content it
  // refuses (bare newlines, hops, size): for a log. Its transaction is gone by
  // then. Not called if the session ends before the reply is due.
  virtual void OnContentRefused(const Refusal& refusal,
                                const SessionInfo& session) {
    (void)refusal;
    (void)session;
  }
};

}  // namespace postern

#endif  // POSTERN_ENGINE_DELIVERY_H_
