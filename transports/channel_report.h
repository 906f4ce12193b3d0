// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What the drivers report to a session after an operation on its channel.
//
// Each Report function returns whether the operation has a result. If not, the
// channel would block, nothing is reported, and the driver waits in its own
// way.

#ifndef POSTERN_TRANSPORTS_CHANNEL_REPORT_H_
#define POSTERN_TRANSPORTS_CHANNEL_REPORT_H_

#include "engine/served_session.h"
#include "net/channel.h"
#include "net/secure_channel.h"

namespace postern::transports {

// Whether the operation must be called again later.
inline bool WouldBlock(const net::Channel::Result& result) {
  using Kind = net::Channel::Result::Kind;
  return result.kind == Kind::kWantRead || result.kind == Kind::kWantWrite;
}

// `result` is that of writing ServedSession::Next::output.
inline bool ReportWritten(const net::Channel::Result& result,
                          ServedSession* session) {
  if (WouldBlock(result)) return false;
  if (result.kind == net::Channel::Result::Kind::kOk) {
    session->Written(result.count);
  } else {
    session->PeerGone();
  }
  return true;
}

// `result` is that of reading into ServedSession::Room().
inline bool ReportRead(const net::Channel::Result& result,
                       ServedSession* session) {
  if (WouldBlock(result)) return false;
  if (result.kind == net::Channel::Result::Kind::kOk) {
    session->Received(result.count);
  } else {
    session->EndOfInput();
  }
  return true;
}

// `result` is that of reading below TLS, at Next::Kind::kDiscard.
inline bool ReportDiscarded(const net::Channel::Result& result,
                            ServedSession* session) {
  if (WouldBlock(result)) return false;
  if (result.kind == net::Channel::Result::Kind::kOk) {
    session->Discarded(result.count);
  } else {
    session->EndOfInput();
  }
  return true;
}

// Continues the handshake of `secure`. Null: there is no TLS, so it fails.
// Returns the result, which is reported as in the other functions.
inline net::Channel::Result ContinueHandshake(net::SecureChannel* secure,
                                              ServedSession* session) {
  using Kind = net::Channel::Result::Kind;
  const net::Channel::Result result = secure == nullptr
                                          ? net::Channel::Result{Kind::kEnd}
                                          : secure->Handshake();
  if (result.kind == Kind::kOk) session->TlsStarted(secure->info());
  if (result.kind == Kind::kEnd) session->TlsFailed();
  return result;
}

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_CHANNEL_REPORT_H_
