// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// UCSPI-TLS: a super-server (sslserver -n, s6-ucspitlsd) starts TLS when its
// child asks for it.

#ifndef POSTERN_TRANSPORTS_UCSPI_TLS_H_
#define POSTERN_TRANSPORTS_UCSPI_TLS_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/tls_info.h"
#include "net/channel.h"
#include "net/descriptor_stream.h"
#include "net/secure_channel.h"
#include "net/stream_channel.h"
#include "transports/ucspi.h"

namespace postern::transports {

// What a super-server offers.
struct UcspiTls {
  int control = -1;       // SSLCTLFD, a socket
  int input = -1;         // SSLREADFD: what the client sends through TLS
  int output = -1;        // SSLWRITEFD: what is sent to the client
  bool required = false;  // UCSPITLS is "!"
};

// Reads SSLCTLFD, SSLREADFD, SSLWRITEFD and UCSPITLS. There is no offer if none
// of the first three is set, or if UCSPITLS is "-": sslserver without -n names
// descriptors that are closed. Sets FD_CLOEXEC on the descriptors of an offer,
// because no other program needs them.
//
// An error names the variable: its value is not the number of an open
// descriptor, or is a number from 0 to 2; only some of the three are set;
// UCSPITLS is not "", "-" or "!", or is "!" without the others.
absl::StatusOr<std::optional<UcspiTls>> ReadUcspiTls(
    const Environment& environment);

// Returns the values of SSL_PROTOCOL and SSL_CIPHER, and of SSL_CLIENT_S_DN if
// SSL_CLIENT_VERIFY is "SUCCESS". Web servers use the same names. A value that
// is not printable ASCII, or longer than 255 octets, counts as missing.
TlsInfo ReadTlsVariables(const Environment& environment);

// The channel to a client for which the super-server does TLS from the first
// byte. The bytes in the channel are not encrypted: TLS is between the client
// and the super-server.
class OutsideTlsChannel : public net::SecureChannel {
 public:
  // `below` must outlive the channel.
  OutsideTlsChannel(TlsInfo info, net::StreamChannel* below)
      : info_(std::move(info)), below_(*below) {}

  Result Handshake() override { return {Result::Kind::kOk}; }
  Result Read(absl::Span<char> room) override { return below_.Read(room); }
  Result Write(absl::string_view bytes) override { return below_.Write(bytes); }
  // The super-server sends close_notify when the descriptors are closed.
  Result Shutdown() override { return {Result::Kind::kOk}; }

  TlsInfo info() const override { return info_; }
  std::string error() const override { return ""; }

 protected:
  // What the super-server says about its TLS.
  TlsInfo info_;
  // The descriptors of the client.
  net::StreamChannel& below_;
};

// The channel to a client with which the super-server starts TLS on request.
class UcspiTlsChannel : public OutsideTlsChannel {
 public:
  // The longest list of variables that is read. It stops a super-server that
  // never ends the list. The many fields of a certificate take a few KiB.
  static constexpr size_t kMaxList = size_t{64} << 10;

  // `stream` is the connection without TLS, with two descriptors. `below` is a
  // channel over it. Both must outlive this channel.
  UcspiTlsChannel(const UcspiTls& offer, net::DescriptorStream* stream,
                  net::StreamChannel* below);

  // Asks for TLS, reads the list of variables that confirms it, and replaces
  // the descriptors of the stream by those of the super-server. The connection
  // without TLS cannot be reached after that. Blocks at most until `below`'s
  // deadline. kEnd: there is no TLS, see error().
  Result Handshake() override;
  std::string error() const override { return std::string(error_); }

 private:
  Result Fail(absl::string_view why);

  const UcspiTls offer_;
  net::DescriptorStream& stream_;
  absl::string_view error_;  // static storage
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_UCSPI_TLS_H_
