// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// UCSPI-TLS: TLS that a super-server (sslserver -n, s6-ucspitlsd) has ready,
// and begins when its child asks for it.

#ifndef POSTERN_TRANSPORTS_UCSPI_TLS_H_
#define POSTERN_TRANSPORTS_UCSPI_TLS_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/event.h"
#include "net/channel.h"
#include "net/descriptor_stream.h"
#include "net/secure_channel.h"
#include "net/stream_channel.h"
#include "transports/ucspi.h"

namespace postern::transports {

// What a super-server offers.
struct UcspiTls {
  int control = -1;       // SSLCTLFD, a socket
  int input = -1;         // SSLREADFD: what the client says through TLS
  int output = -1;        // SSLWRITEFD: what is said to it
  bool required = false;  // UCSPITLS is "!"
};

// Reads SSLCTLFD, SSLREADFD, SSLWRITEFD and UCSPITLS. Nothing is offered where
// none of the first three is there; nor where the last is "-", whatever they
// say: sslserver without -n names descriptors that are closed. Those of an
// offer are closed in programs that are run: they are nobody else's.
//
// An error names the variable: a number that is none, or of no descriptor that
// is open, or of one that is taken (0 to 2); one of the three alone; UCSPITLS
// with another value than "", "-" and "!", or with "!" alone.
absl::StatusOr<std::optional<UcspiTls>> ReadUcspiTls(
    const Environment& environment);

// Returns what SSL_PROTOCOL and SSL_CIPHER say, and SSL_CLIENT_S_DN where
// SSL_CLIENT_VERIFY is "SUCCESS", as servers of the web name them. What is not
// printable ASCII, or longer than 255 octets, counts as not there.
TlsInfo ReadTlsVariables(const Environment& environment);

// The channel to a client for whom the super-server does TLS, since its first
// byte. What goes through it is plain: TLS is between these two.
class OutsideTlsChannel : public net::SecureChannel {
 public:
  // `below` must outlive it.
  OutsideTlsChannel(TlsInfo info, net::StreamChannel* below)
      : info_(std::move(info)), below_(*below) {}

  Result Handshake() override { return {Result::Kind::kOk}; }
  Result Read(absl::Span<char> room) override { return below_.Read(room); }
  Result Write(absl::string_view bytes) override { return below_.Write(bytes); }
  // The super-server says it, when it finds the descriptors closed.
  Result Shutdown() override { return {Result::Kind::kOk}; }

  TlsInfo info() const override { return info_; }
  std::string error() const override { return ""; }

 protected:
  TlsInfo info_;
  net::StreamChannel& below_;
};

// The same for a client with whom the super-server begins TLS when it is asked
// to.
class UcspiTlsChannel : public OutsideTlsChannel {
 public:
  // The longest list of variables that is read. It stops a super-server that
  // never ends one; a certificate's many fields are a few KiB.
  static constexpr size_t kMaxList = size_t{64} << 10;

  // `stream` is the connection in the clear, of two descriptors, and `below` it
  // again; both outlive this.
  UcspiTlsChannel(const UcspiTls& offer, net::DescriptorStream* stream,
                  net::StreamChannel* below);

  // Asks for TLS, reads the list of variables that says that it is there, and
  // has its descriptors take the place of the stream's: the connection in the
  // clear is out of reach then. Takes until `below`'s deadline. kEnd: there is
  // no TLS, see error().
  Result Handshake() override;
  std::string error() const override { return std::string(error_); }

 private:
  Result Fail(absl::string_view why);

  const UcspiTls offer_;
  net::DescriptorStream& stream_;
  absl::string_view error_;  // lasts as the program does
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_UCSPI_TLS_H_
