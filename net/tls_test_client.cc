// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/tls_test_client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "gtest/gtest.h"

namespace postern::net {

using Kind = Channel::Result::Kind;

bool TestWire::Refuse() {
  refused_ = stutter && !refused_;
  return refused_;
}

Channel::Result TestWire::Read(absl::Span<char> room) {
  ++reads;
  if (Refuse()) return {Kind::kWantRead};
  if (to_server.empty()) return {client_gone ? Kind::kEnd : Kind::kWantRead};
  const size_t count = std::min({room.size(), to_server.size(), step});
  std::memcpy(room.data(), to_server.data(), count);
  to_server.erase(0, count);
  return {Kind::kOk, count};
}

Channel::Result TestWire::Write(absl::string_view bytes) {
  if (client_gone) return {Kind::kEnd};
  if (Refuse()) return {Kind::kWantWrite};
  const size_t count = std::min({bytes.size(), room, step});
  if (count == 0) return {Kind::kWantWrite};
  if (room != std::string::npos) room -= count;
  to_client.append(bytes.data(), count);
  return {Kind::kOk, count};
}

TlsTestClient::TlsTestClient(const Options& options, TestWire* wire)
    : wire_(*wire) {
  context_.reset(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX* const context = context_.get();
  // The client must send what is too weak, so that the server can refuse it.
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_min_proto_version(context, options.min_version);
  SSL_CTX_set_max_proto_version(context, options.max_version);
  if (!options.ciphers.empty()) {
    EXPECT_EQ(SSL_CTX_set_cipher_list(context, options.ciphers.c_str()), 1);
  }
  if (!options.suites.empty()) {
    EXPECT_EQ(SSL_CTX_set_ciphersuites(context, options.suites.c_str()), 1);
  }
  if (!options.signatures.empty()) {
    EXPECT_EQ(SSL_CTX_set1_sigalgs_list(context, options.signatures.c_str()),
              1);
  }
  if (!options.groups.empty()) {
    EXPECT_EQ(SSL_CTX_set1_groups_list(context, options.groups.c_str()), 1);
  }
  if (!options.protocols.empty()) {
    SSL_CTX_set_alpn_protos(
        context,
        reinterpret_cast<const unsigned char*>(options.protocols.data()),
        static_cast<unsigned int>(options.protocols.size()));
  }
  const TlsFiles& files = options.certificate;
  if (!files.chain_file.empty()) {
    EXPECT_EQ(
        SSL_CTX_use_certificate_chain_file(context, files.chain_file.c_str()),
        1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context, files.key_file.c_str(),
                                          SSL_FILETYPE_PEM),
              1);
  }
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(context, [](SSL* ssl, SSL_SESSION* session) {
    auto* state = static_cast<State*>(SSL_get_app_data(ssl));
    state->session.reset(session, SSL_SESSION_free);
    ++state->tickets;
    return 1;
  });

  ssl_.reset(SSL_new(context), SSL_free);
  SSL_set_app_data(ssl_.get(), state_.get());
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl_.get());
  if (!options.server_name.empty()) {
    AskFor(options.server_name);
  }
  if (options.session != nullptr) {
    EXPECT_EQ(SSL_set_session(ssl_.get(), options.session.get()), 1);
  }
}

TlsTestClient::~TlsTestClient() {
  // OpenSSL does not resume a session whose connection was not shut down.
  SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void TlsTestClient::AskFor(const std::string& server_name) {
  SSL_set_tlsext_host_name(ssl_.get(), server_name.c_str());
}

bool TlsTestClient::Handshake() {
  TakeIn();
  ERR_clear_error();
  const bool done = SSL_do_handshake(ssl_.get()) == 1;
  PutOut();
  return done;
}

void TlsTestClient::Write(absl::string_view bytes) {
  size_t count = 0;
  ERR_clear_error();
  EXPECT_EQ(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count), 1);
  EXPECT_EQ(count, bytes.size());
  PutOut();
}

std::string TlsTestClient::Read() {
  TakeIn();
  std::string read;
  std::array<char, 4096> room;
  size_t count = 0;
  ERR_clear_error();
  while (SSL_read_ex(ssl_.get(), room.data(), room.size(), &count) == 1) {
    read.append(room.data(), count);
  }
  PutOut();
  return read;
}

void TlsTestClient::CloseNotify() {
  ERR_clear_error();
  EXPECT_GE(SSL_shutdown(ssl_.get()), 0);
  PutOut();
}

void TlsTestClient::RenewKey() {
  ERR_clear_error();
  EXPECT_EQ(SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
  EXPECT_EQ(SSL_do_handshake(ssl_.get()), 1);
  PutOut();
}

bool TlsTestClient::Renegotiate() {
  ERR_clear_error();
  if (SSL_renegotiate(ssl_.get()) != 1) return false;
  SSL_do_handshake(ssl_.get());
  PutOut();
  return !wire_.to_server.empty();
}

bool TlsTestClient::saw_close() const {
  return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

bool TlsTestClient::resumed() const {
  return SSL_session_reused(ssl_.get()) == 1;
}

std::string TlsTestClient::server_name() const {
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return "";
  std::array<char, 256> name = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                            name.data(), static_cast<int>(name.size()));
  return name.data();
}

int TlsTestClient::chain_length() const {
  return sk_X509_num(SSL_get_peer_cert_chain(ssl_.get()));
}

std::string TlsTestClient::protocol() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return std::string(reinterpret_cast<const char*>(name), size);
}

void TlsTestClient::TakeIn() {
  std::string& bytes = wire_.to_client;
  if (bytes.empty()) return;
  BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(),
            static_cast<int>(bytes.size()));
  bytes.clear();
}

void TlsTestClient::PutOut() {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &bytes);
  wire_.to_server.append(bytes, static_cast<size_t>(size));
  BIO_reset(SSL_get_wbio(ssl_.get()));
}

}  // namespace postern::net
