// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/tls_channel.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <utility>

#include "absl/base/macros.h"

namespace postern::net {
namespace {

using Kind = Channel::Result::Kind;

// A record has at most 16 KiB of content (RFC 8446 5.2), and few octets without
// content arrive between two of them. Without this limit, a client that
// endlessly sends key updates, or tries to renegotiate, would keep a Read()
// from returning.
constexpr uint32_t kMaxWithoutContent = uint32_t{128} << 10;

// OpenSSL reads the 5 octets of a record's header first, and then its content:
// two system calls for each record. Therefore a read for a header reads this
// much. It holds a handshake message or a command. It is not more, because
// octets that were read together are processed together: the channel below,
// which ends a connection's turn, does not see the records in them.
constexpr size_t kAhead = 512;

std::string PrintedSubject(const X509* certificate) {
  BIO* const memory = BIO_new(BIO_s_mem());
  if (memory == nullptr) return "";
  std::string subject;
  if (X509_NAME_print_ex(memory, X509_get_subject_name(certificate),
                         /*indent=*/0, XN_FLAG_RFC2253) >= 0) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(memory, &bytes);
    if (size > 0) subject.assign(bytes, static_cast<size_t>(size));
  }
  BIO_free(memory);
  return subject;
}

// Empties OpenSSL's queue of errors, which belongs to the thread. Returns the
// first error of the TLS library, or else the first of any library, such as a
// cipher's. Returns 0 if there is none.
unsigned long TakeError() {
  unsigned long taken = 0;
  while (const unsigned long error = ERR_get_error()) {
    if (taken == 0 || (ERR_GET_LIB(taken) != ERR_LIB_SSL &&
                       ERR_GET_LIB(error) == ERR_LIB_SSL)) {
      taken = error;
    }
  }
  return taken;
}

}  // namespace

struct TlsChannel::Below {
  // Shared by all channels and never freed. It has no state.
  static const BIO_METHOD* Method() {
    static const BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(
          BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "postern channel");
      BIO_meth_set_read(made, &Read);
      BIO_meth_set_write(made, &Write);
      BIO_meth_set_ctrl(made, &Control);
      return made;
    }();
    return method;
  }

  static TlsChannel& Owner(BIO* bio) {
    return *static_cast<TlsChannel*>(BIO_get_data(bio));
  }

  static int Read(BIO* bio, char* room, int size) {
    TlsChannel& owner = Owner(bio);
    BIO_clear_retry_flags(bio);
    if (owner.without_content_ > kMaxWithoutContent) {
      owner.error_ = "too many records without content";
      owner.below_ended_ = true;
      owner.ahead_.clear();
    }
    const auto wanted = static_cast<size_t>(size);
    if (owner.ahead_.empty()) {
      if (owner.below_ended_) return 0;
      if (wanted >= kAhead) {
        return Count(
            &owner,
            Report(bio, owner.below_.Read(absl::MakeSpan(room, wanted))));
      }
      std::array<char, kAhead> read;
      const int count = Report(bio, owner.below_.Read(absl::MakeSpan(read)));
      if (count <= 0) return count;
      owner.ahead_.assign(read.data(), static_cast<size_t>(count));
    }
    const size_t count = owner.ahead_.copy(room, wanted);
    if (count < owner.ahead_.size()) {
      owner.ahead_.erase(0, count);
    } else {
      owner.ahead_ = std::string();  // an idle channel holds no memory for it
    }
    return Count(&owner, static_cast<int>(count));
  }

  static int Count(TlsChannel* owner, int count) {
    if (owner->established_ && count > 0) {
      owner->without_content_ += static_cast<uint32_t>(count);
    }
    return count;
  }

  static int Write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    return Report(bio, Owner(bio).below_.Write(absl::string_view(
                           bytes, static_cast<size_t>(size))));
  }

  static int Report(BIO* bio, Result result) {
    switch (result.kind) {
      case Kind::kOk:
        return static_cast<int>(result.count);
      case Kind::kWantRead:
        BIO_set_retry_read(bio);
        return -1;
      case Kind::kWantWrite:
        BIO_set_retry_write(bio);
        return -1;
      case Kind::kEnd:
        Owner(bio).below_ended_ = true;
        return 0;
    }
    return 0;
  }

  static long Control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }
};

// The arguments of the other constructor are evaluated in any order, so each
// has a copy of the pointer.
TlsChannel::TlsChannel(std::shared_ptr<const TlsContext> context,
                       Channel* below)
    : TlsChannel(context, context->NewServer(), /*client=*/false, below) {}

TlsChannel::TlsChannel(std::shared_ptr<const TlsClientContext> context,
                       const std::string& name, Channel* below)
    : TlsChannel(context, context->NewClient(name), /*client=*/true, below) {}

TlsChannel::TlsChannel(std::shared_ptr<const void> context,
                       TlsContext::SslPointer ssl, bool client, Channel* below)
    : below_(*below),
      context_(std::move(context)),
      ssl_(std::move(ssl)),
      client_(client) {
  BIO* const bio = ssl_ == nullptr ? nullptr : BIO_new(Below::Method());
  if (bio == nullptr) {
    error_ = "out of memory";
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
}

TlsChannel::~TlsChannel() = default;

Channel::Result TlsChannel::Handshake() {
  if (!error_.empty()) return {Kind::kEnd};
  if (established_) return {Kind::kOk};
  ERR_clear_error();
  const int returned = SSL_do_handshake(ssl_.get());
  if (returned != 1) {
    const Result result = Outcome(returned);
    return input_ended_ ? FailGone() : result;
  }
  established_ = true;
  return {Kind::kOk};
}

Channel::Result TlsChannel::Read(absl::Span<char> room) {
  ABSL_HARDENING_ASSERT(established_);
  if (!error_.empty() || input_ended_) return {Kind::kEnd};
  ERR_clear_error();
  size_t count = 0;
  const int returned =
      SSL_read_ex(ssl_.get(), room.data(), room.size(), &count);
  if (returned != 1) return Outcome(returned);
  without_content_ = 0;
  return {Kind::kOk, count};
}

Channel::Result TlsChannel::Write(absl::string_view bytes) {
  ABSL_HARDENING_ASSERT(established_);
  if (!error_.empty() || output_ended_) return {Kind::kEnd};
  ERR_clear_error();
  size_t count = 0;
  const int returned =
      SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
  write_unfinished_ = returned != 1;
  if (returned != 1) return Outcome(returned);
  return {Kind::kOk, count};
}

Channel::Result TlsChannel::Shutdown() {
  if (shutdown_) return {Kind::kOk};
  output_ended_ = true;
  if (!established_ || !error_.empty() || write_unfinished_) {
    return {Kind::kEnd};
  }
  ERR_clear_error();
  // SSL_shutdown() sends close_notify at the first call. A further call would
  // read until the peer's arrives.
  const int returned = SSL_shutdown(ssl_.get());
  if (returned < 0) return Outcome(returned);
  shutdown_ = true;
  return {Kind::kOk};
}

TlsInfo TlsChannel::info() const {
  ABSL_HARDENING_ASSERT(established_);
  TlsInfo info;
  info.protocol = SSL_get_version(ssl_.get());
  info.cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl_.get()));
  const X509* const client = SSL_get0_peer_certificate(ssl_.get());
  if (client != nullptr && SSL_get_verify_result(ssl_.get()) == X509_V_OK) {
    info.peer_subject = PrintedSubject(client);
  }
  ERR_clear_error();
  return info;
}

Channel::Result TlsChannel::Outcome(int returned) {
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      return {Kind::kWantRead};
    case SSL_ERROR_WANT_WRITE:
      return {Kind::kWantWrite};
    case SSL_ERROR_ZERO_RETURN:
      input_ended_ = true;
      return {Kind::kEnd};
    default:
      break;
  }
  const unsigned long error = TakeError();
  if (error == 0) return FailGone();
  if (client_ && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    return Fail(VerificationError(ssl_.get()));
  }
  const char* const reason = ERR_reason_error_string(error);
  return Fail(reason != nullptr ? reason : "unknown error");
}

Channel::Result TlsChannel::FailGone() {
  return Fail(client_ ? "server closed the connection"
                      : "client closed the connection");
}

Channel::Result TlsChannel::Fail(absl::string_view why) {
  if (error_.empty()) error_ = why;
  return {Kind::kEnd};
}

}  // namespace postern::net
