// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One side of a TLS connection, over another channel.

#ifndef POSTERN_NET_TLS_CHANNEL_H_
#define POSTERN_NET_TLS_CHANNEL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/tls_info.h"
#include "net/channel.h"
#include "net/secure_channel.h"
#include "net/tls_client_context.h"
#include "net/tls_context.h"

namespace postern::net {

//   Handshake() until kOk
//   Read(), Write() in any order
//   Shutdown() until kOk or kEnd
//
// TLS begins with the next byte that the channel below delivers. The caller
// cannot pass bytes that arrived before STARTTLS. A call blocks only if the
// channel below blocks. When Read() or Handshake() returns kWantRead or
// kWantWrite, all bytes that were read from the channel below have been
// processed; otherwise some may be left. kWantRead and kWantWrite refer to the
// channel below: Read() may wait until it is writable, and Write() until it is
// readable.
//
// The server's side does not depend on the client's certificate. The client's
// side completes the handshake only if the TlsClientContext accepts the
// server's certificate.
//
// After a close_notify from the peer, after an end of input without one, and
// after an error, Read() returns kEnd. Bytes that arrive without TLS are never
// returned.
class TlsChannel : public SecureChannel {
 public:
  // `below` must outlive the channel. The channel shares ownership of the
  // context.
  TlsChannel(std::shared_ptr<const TlsContext> context, Channel* below);
  // The client's side. `name` is as in TlsClientContext::NewClient().
  TlsChannel(std::shared_ptr<const TlsClientContext> context,
             const std::string& name, Channel* below);
  ~TlsChannel() override;
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  // Continues the handshake. kOk, with a count of 0: it is complete. All later
  // calls return the same. kEnd: it failed, and error() says why. The peer
  // gets an alert if it can be sent. The connection cannot be used any more.
  Result Handshake() override;

  // Call both only after the handshake. kEnd without an error() means a
  // close_notify. Write() still works after it.
  Result Read(absl::Span<char> room) override;
  Result Write(absl::string_view bytes) override;

  // Sends close_notify (RFC 8446 6.1), once, and does not wait for the
  // peer's. kOk has a count of 0. kEnd: close_notify cannot be sent, because
  // the connection failed, the handshake is not complete, or a Write() is
  // unfinished, after which only its remaining bytes could follow. Write()
  // fails after a call of Shutdown().
  Result Shutdown() override;

  // Returns why the channel ended, in a few words for a log: "unsupported
  // protocol", "http request", "client closed the connection", "certificate has
  // expired". Empty if there was no error. Printable. Never contains text that
  // the peer chose.
  std::string error() const override { return std::string(error_); }

  // Returns the result of the handshake. Call it only after the handshake. The
  // cipher has the name of the IANA registry, as in the "tls" clause of
  // Received (RFC 8314 4.3). The subject has the form of RFC 2253, in printable
  // ASCII.
  TlsInfo info() const override;

 private:
  struct Below;  // the channel below as OpenSSL sees it

  TlsChannel(std::shared_ptr<const void> context, TlsContext::SslPointer ssl,
             bool client, Channel* below);

  // Converts `returned`, the result of an OpenSSL call that failed or must be
  // repeated.
  Result Outcome(int returned);
  Result Fail(absl::string_view why);
  Result FailGone();  // the peer closed the connection

  Channel& below_;
  const std::shared_ptr<const void> context_;  // of ssl_
  const TlsContext::SslPointer ssl_;
  const bool client_;
  std::string ahead_;        // read from below, not yet by OpenSSL
  absl::string_view error_;  // static storage
  uint32_t without_content_ =
      0;                       // octets read since the last Read() with content
  bool established_ = false;   // the handshake is complete
  bool below_ended_ = false;   // the channel below returned kEnd
  bool input_ended_ = false;   // the peer sent close_notify
  bool output_ended_ = false;  // Shutdown() was called
  bool shutdown_ = false;      // and returned kOk
  bool write_unfinished_ = false;  // the last Write() must be repeated
};

}  // namespace postern::net

#endif  // POSTERN_NET_TLS_CHANNEL_H_
