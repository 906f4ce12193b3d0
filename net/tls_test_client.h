// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A TLS client for tests, and an in-memory wire between it and a server.

#ifndef POSTERN_NET_TLS_TEST_CLIENT_H_
#define POSTERN_NET_TLS_TEST_CLIENT_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "net/channel.h"
#include "net/tls_files.h"

// OpenSSL's names for SSL, SSL_CTX and SSL_SESSION.
struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace postern::net {

// The server's end of a connection. Tests can read and change its bytes.
class TestWire : public Channel {
 public:
  Result Read(absl::Span<char> room) override;
  Result Write(absl::string_view bytes) override;

  std::string to_server;
  std::string to_client;
  bool client_gone = false;         // after `to_server`
  size_t step = std::string::npos;  // octets that one call moves
  size_t room = std::string::npos;  // octets that the client still accepts
  // Each call that could move octets is refused once.
  bool stutter = false;
  int reads = 0;  // calls of Read()

 private:
  bool Refuse();

  bool refused_ = false;
};

// An OpenSSL client with the functions that tests need. It accepts any
// certificate.
class TlsTestClient {
 public:
  using Session = std::shared_ptr<ssl_session_st>;

  // Empty or 0: OpenSSL's default.
  struct Options {
    int min_version = 0;  // TLS1_2_VERSION and so on
    int max_version = 0;
    std::string ciphers;      // for TLS 1.2 and before
    std::string suites;       // for TLS 1.3, in the client's order
    std::string signatures;   // algorithms
    std::string groups;       // in the order of preference
    std::string server_name;  // the host that it asks for
    std::string protocols;    // ALPN, in wire format
    TlsFiles certificate;
    Session session;  // to resume
  };

  TlsTestClient(const Options& options, TestWire* wire);
  ~TlsTestClient();

  // Asks for this host from now on.
  void AskFor(const std::string& server_name);
  // Continues the handshake as far as possible. Returns whether it is complete.
  bool Handshake();
  // Writes all of `bytes`. Fails the test if that is not possible.
  void Write(absl::string_view bytes);
  // Returns the bytes that have arrived.
  std::string Read();
  void CloseNotify();
  void RenewKey();     // TLS 1.3
  bool Renegotiate();  // TLS 1.2; returns whether it sent anything

  // Returns whether the server sent close_notify.
  bool saw_close() const;
  // Returns whether the server resumed Options::session.
  bool resumed() const;
  // The common name of the server's certificate.
  std::string server_name() const;
  // The number of certificates that the server sent.
  int chain_length() const;
  // The protocol of ALPN, if the server chose one.
  std::string protocol() const;
  // The last ticket, or null. Read() receives tickets.
  Session session() const { return state_->session; }
  // The number of tickets that have arrived.
  int tickets() const { return state_->tickets; }

 private:
  struct State {
    Session session;
    int tickets = 0;
  };

  void TakeIn();
  void PutOut();

  TestWire& wire_;
  // On the heap, because OpenSSL keeps its address.
  const std::unique_ptr<State> state_ = std::make_unique<State>();
  std::shared_ptr<ssl_ctx_st> context_;
  std::shared_ptr<ssl_st> ssl_;
};

}  // namespace postern::net

#endif  // POSTERN_NET_TLS_TEST_CLIENT_H_
