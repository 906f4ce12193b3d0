// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The server's side of a TLS connection, over another channel.

#ifndef POSTERN_NET_TLS_CHANNEL_H_
#define POSTERN_NET_TLS_CHANNEL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/event.h"
#include "net/channel.h"
#include "net/secure_channel.h"
#include "net/tls_context.h"

namespace postern::net {

//   Handshake() until kOk
//   Read(), Write() in any order
//   Shutdown() until kOk or kEnd
//
// It begins with what the channel below gives next: there is no way to hand it
// what came before STARTTLS. Waits if the channel below does, and only then.
// Where a Read() or Handshake() wants something, all that was read from the
// channel below has been worked on; only there it may have read ahead.
// Each wish (kWantRead, kWantWrite) is about the channel below: a Read() may
// wait until it is writable, and a Write() until it is readable.
//
// An end is an end: behind the peer's close_notify, behind an end of input
// without one, and behind an error Read() gives kEnd, and nothing that comes in
// plain gets through.
class TlsChannel : public SecureChannel {
 public:
  // `below` must outlive it; the context is kept.
  TlsChannel(std::shared_ptr<const TlsContext> context, Channel* below);
  ~TlsChannel() override;
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  // Goes on with the handshake. kOk, with a count of 0: it is done, and so say
  // all later calls. kEnd: it failed, error() says why, and the client has been
  // told if it could be. The connection is of no use any more.
  Result Handshake() override;

  // Both only behind the handshake. kEnd without an error() is a close_notify;
  // writing may go on then.
  Result Read(absl::Span<char> room) override;
  Result Write(absl::string_view bytes) override;

  // Tells the client that nothing follows (RFC 8446 6.1), once, and does not
  // wait for its answer. kOk has a count of 0. kEnd: it cannot be told, as
  // where the handshake is not done, or a Write() still wants something: only
  // its bytes could follow. Nothing can be written behind a call.
  Result Shutdown() override;

  // Returns why it ended, in a few words for a log: "unsupported protocol",
  // "http request", "peer ended it". Empty if nothing went wrong. Printable,
  // and never what a client chose.
  std::string error() const override { return std::string(error_); }

  // Behind the handshake: what it has come to. The cipher's name is that of the
  // registry, as "tls" clauses have it (RFC 8314 4.3); the subject is in the
  // form of RFC 2253, in printable ASCII.
  TlsInfo info() const override;

 private:
  struct Below;  // the channel below as OpenSSL sees it

  // What a call has come to that returned `returned`, which is no success.
  Result Outcome(int returned);
  Result Fail(absl::string_view why);

  Channel& below_;
  const std::shared_ptr<const TlsContext> context_;
  const TlsContext::SslPointer ssl_;
  std::string ahead_;              // read below, and not yet by OpenSSL
  absl::string_view error_;        // lasts as the program does
  uint32_t barren_ = 0;            // octets taken in since the last given out
  bool established_ = false;       // the handshake is done
  bool below_ended_ = false;       // the channel below has said kEnd
  bool input_ended_ = false;       // a close_notify has come
  bool output_ended_ = false;      // Shutdown() was called
  bool shutdown_ = false;          // and has said kOk
  bool write_unfinished_ = false;  // the last Write() wants something
};

}  // namespace postern::net

#endif  // POSTERN_NET_TLS_CHANNEL_H_
