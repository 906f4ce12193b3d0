// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The delivery ports: where accepted mail goes. Implementations live in
// delivery/ and in whatever embeds postern.

#ifndef POSTERN_ENGINE_DELIVERY_H_
#define POSTERN_ENGINE_DELIVERY_H_

#include <memory>
#include <variant>
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

// One message on its way in. One object a transaction, so that nothing of one
// message can leak into the next. Used by one thread at a time.
//
// Destroying a sink that was not committed discards what it holds. A sink is
// never destroyed while an answer of its Commit() is due.
class MessageSink {
 public:
  virtual ~MessageSink() = default;

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
  // the sink alive: move it out of the sink's own members to call it, or
  // neither ever goes.
  virtual void Commit(Policy::Done done) = 0;

  // The same for LMTP (RFC 2033 4.2), where some recipients may be accepted
  // and others refused: gives one verdict for each of the envelope, in order,
  // or a single one for all. As it is here, all have Commit()'s.
  virtual void CommitEach(EachDone done);
};

// Opens sinks. Shared by sessions where the transport has threads, and then
// thread-safe.
class Delivery {
 public:
  using Opened = std::variant<std::unique_ptr<MessageSink>, Reply>;

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

  // Opens a sink for a message to `envelope`'s recipients, of which there is
  // at least one, or gives the 4yz or 5yz Reply that says why not. Both
  // arguments live until Open() returns: a sink copies what it needs.
  virtual Opened Open(const Envelope& envelope, const SessionInfo& session) = 0;

  // Called when the engine has given the reply to a message whose content it
  // refuses (bare newlines, hops, size): for a log. Its sink, if there was one,
  // is gone by then. Not called if the session ends before the reply is due.
  virtual void OnContentRefused(const Refusal& refusal,
                                const SessionInfo& session) {
    (void)refusal;
    (void)session;
  }
};

}  // namespace postern

#endif  // POSTERN_ENGINE_DELIVERY_H_
