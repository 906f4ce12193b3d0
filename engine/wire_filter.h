// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The interface WireFilter: what is between a session and its driver. It sees
// the octets of both directions and may change the replies, hold them back, or
// close the connection. For servers that test clients (rig/). Under TLS it sees
// the octets without TLS. To record a session, use a SessionObserver
// (engine/session_observer.h).

#ifndef POSTERN_ENGINE_WIRE_FILTER_H_
#define POSTERN_ENGINE_WIRE_FILTER_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "engine/instant.h"
#include "engine/server_session.h"

namespace postern {

// A ServedSession calls one filter on its own thread, from Begin() to its end.
// It passes each octet of input and each reply to the filter, in the order in
// which the session has served them, and sends only what Output() returns.
//
// While the filter holds replies back or lets nothing be read, the client waits
// for the server, so no timeout of the client runs.
class WireFilter {
 public:
  virtual ~WireFilter() = default;

  // The session has consumed `input`, which is not empty. The first `secret`
  // octets may contain a password. `input` is valid until this returns.
  virtual void OnInput(absl::string_view input, size_t secret, Instant now) = 0;
  // The session has given a reply, with these octets. `octets` is valid until
  // this returns.
  virtual void OnReply(const GivenReply& reply, absl::string_view octets,
                       Instant now) = 0;

  // Does what is due at `now`.
  virtual void Advance(Instant now) = 0;
  // Returns when to call Advance() next. Never(): there is nothing to wait for.
  // If replies are held back, or nothing is read, until then, the connection
  // ends when the client closes it.
  virtual Instant deadline() const = 0;

  // The octets that the driver may write now, valid until the next non-const
  // call.
  virtual absl::string_view Output() const = 0;
  // Reports that the first `n` octets of Output() are written.
  virtual void OutputWritten(size_t n) = 0;
  // Returns whether replies are left that are not in Output() yet.
  virtual bool holds() const = 0;

  // Returns how many octets may be read now. 0: none, until deadline().
  virtual size_t Room() const = 0;
  // Reports that `n` octets were read.
  virtual void OnRead(size_t n) = 0;

  // Returns whether the connection must be closed now, without another reply.
  virtual bool closes() const = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_WIRE_FILTER_H_
