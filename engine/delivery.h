// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The interfaces Delivery and MailTransaction, which take accepted mail.
// delivery/ has implementations; an embedder may have its own.
//
// A delivery creates one MailTransaction for each mail transaction, RFC 5321
// 3.3. The session calls it in this order:
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
#include "engine/ask.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"
#include "engine/policy.h"
#include "engine/session_info.h"
#include "engine/verdict.h"

namespace postern {

// One mail transaction. Each gets its own object, so that nothing of one
// message can leak into the next. Used by one thread at a time.
//
// Destroying a transaction that was not committed discards its message. It is
// never destroyed while an answer is due.
class MailTransaction {
 public:
  virtual ~MailTransaction() = default;

  // Decides about a recipient that the policy has accepted. `rcpt.to` is the
  // address that the envelope will have. Answers like Policy::Decide(): at
  // once, or after a call of `later`. Several answers may be due at once. An
  // acceptance may have a reply (2yz), but cannot change the address. The
  // default accepts.
  //
  // An accepted recipient is in the envelope afterwards, unless the transaction
  // ends before.
  virtual std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                              Policy::Later later) {
    (void)rcpt;
    (void)later;
    return Verdict::Accept();
  }

  // Prepares for content, at DATA or the first BDAT. Answers like
  // Policy::Decide(): at once, or after a call of `later`. The client waits two
  // minutes for the reply (RFC 5321 4.5.3.2.4). An acceptance means that
  // Write() or Commit() follows; what else it says is ignored. A refusal is the
  // reply to DATA or BDAT, and the transaction ends. Called once, when all
  // answers of AddRecipient() are given. The envelope has at least one
  // recipient. It is valid until this returns.
  virtual std::optional<Verdict> Open(const Envelope& envelope,
                                      Policy::Later later) = 0;

  // Takes the slices, which are valid until Write() returns. Lines end in CRLF,
  // and a CRLF may be split between slices. Content from BDAT may end without a
  // CRLF, and with BODY=BINARYMIME it is any octets (RFC 3030). The first call
  // of the engine has this server's own header fields: Received, and those of
  // Verdict::AddHeader().
  //
  // Returns false if Write() must not be called again until `ready` has run:
  // then `ready` must be called exactly once, on any thread. If it returns
  // true, `ready` must not be called. A failure (disk full) is remembered, and
  // Commit() refuses.
  virtual bool Write(absl::Span<const absl::string_view> slices,
                     absl::AnyInvocable<void() &&> ready) = 0;

  // Called on the session's thread after the session has given the reply to
  // Commit() or CommitEach(), or a refusal of Open(). Not called if the answer
  // came too late, or the session was over. For logs, which must not claim a
  // reply that was not given. The client may still not receive it if the
  // connection breaks.
  virtual void OnReplied() {}

  // Takes the answer to CommitEach().
  using EachDone = absl::AnyInvocable<void(std::vector<Verdict>) &&>;

  // Makes the message durable, then answers once, on any thread. Accepts only a
  // message that would survive a power cut (RFC 5321 6.1), for all recipients
  // of the envelope or for none. Only OnReplied() and the destructor are called
  // afterwards, possibly before `done` returns. `done` keeps the transaction
  // alive: move it out of a member of the transaction before calling it,
  // otherwise the two own each other and leak.
  virtual void Commit(Policy::Done done) = 0;

  // The same for LMTP (RFC 2033 4.2), where some recipients may be accepted and
  // others refused. Answers with one verdict for each recipient of the
  // envelope, in order, or with a single one for all. The default gives all of
  // them the verdict of Commit().
  virtual void CommitEach(EachDone done);
};

// Creates mail transactions. Must be thread-safe if the driver shares it
// between threads.
class Delivery {
 public:
  virtual ~Delivery() = default;

  // Returns the extensions that this delivery supports, of those that need
  // support from a delivery (see engine/grammar/extension.h): for
  // ServerConfig::carried. The default is none.
  virtual ExtensionSet carries() const { return {}; }

  // Returns true if this delivery takes mail for `recipient`, a mailbox of
  // another host. A delivery to local mailboxes cannot forward the message,
  // which would then stay here forever; so the default is false. A policy asks
  // before it accepts a recipient only because the client may relay. Must not
  // block. Called on any thread.
  virtual bool ServesRemote(const Path& recipient) const {
    (void)recipient;
    return false;
  }

  // Returns whether AddRecipient() may wait for a disk or another host, so that
  // it must not be called on a thread that serves other clients. For deliveries
  // that block; see delivery/pooled_delivery.h.
  virtual bool LooksUpRecipients() const { return false; }

  // Begins a transaction: MAIL has been accepted. Never returns null, and must
  // not block. A delivery that cannot serve refuses the first recipient. The
  // envelope has no recipients yet, and is valid until this returns. `session`
  // is a snapshot that may be kept.
  virtual std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) = 0;

  // Called after the engine has given the reply to a message whose content it
  // refuses (bare newlines, hops, size), for logs. The transaction is already
  // destroyed. Not called if the session ends before the reply is due.
  virtual void OnContentRefused(const Refusal& refusal,
                                const SessionInfo& session) {
    (void)refusal;
    (void)session;
  }
};

}  // namespace postern

#endif  // POSTERN_ENGINE_DELIVERY_H_
