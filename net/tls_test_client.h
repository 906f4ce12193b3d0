// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A TLS client for tests, and the wire between it and a server, in memory.

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

// The server's end of a connection whose bytes lie open.
class TestWire : public Channel {
 public:
  Result Read(absl::Span<char> room) override;
  Result Write(absl::string_view bytes) override;

  std::string to_server;
  std::string to_client;
  bool client_gone = false;         // behind `to_server`
  size_t step = std::string::npos;  // octets that go at once
  size_t room = std::string::npos;  // octets that still go to the client
  // Each call that could do something is refused once.
  bool stutter = false;
  int reads = 0;  // calls of Read()

 private:
  bool Refuse();

  bool refused_ = false;
};

// OpenSSL's client, as far as tests need one. Any certificate is good to it.
class TlsTestClient {
 public:
  using Session = std::shared_ptr<ssl_session_st>;

  // Empty or 0: as OpenSSL does without.
  struct Options {
    int min_version = 0;  // TLS1_2_VERSION and so on
    int max_version = 0;
    std::string ciphers;      // for TLS 1.2 and before
    std::string suites;       // for TLS 1.3, in the client's order
    std::string signatures;   // algorithms
    std::string groups;       // the first is tried first
    std::string server_name;  // asked for
    std::string protocols;    // ALPN, as it is on the wire
    TlsFiles certificate;
    Session session;  // to resume
  };

  TlsTestClient(const Options& options, TestWire* wire);
  ~TlsTestClient();

  // Asks for this host from now on.
  void AskFor(const std::string& server_name);
  // Goes on with the handshake as far as it can: true if it is done.
  bool Handshake();
  // Writes all of it, or fails the test.
  void Write(absl::string_view bytes);
  // Returns what has come.
  std::string Read();
  void CloseNotify();
  void RenewKey();     // TLS 1.3
  bool Renegotiate();  // TLS 1.2; whether the first step could be done

  // A close_notify has come.
  bool saw_close() const;
  // Did the server take up Options::session?
  bool resumed() const;
  // The common name of the server's certificate.
  std::string server_name() const;
  // How many certificates the server has sent.
  int chain_length() const;
  // The protocol of ALPN, if the server chose one.
  std::string protocol() const;
  // The last ticket, if one has come. Read() looks for it.
  Session session() const { return state_->session; }
  // How many tickets have come.
  int tickets() const { return state_->tickets; }

 private:
  struct State {
    Session session;
    int tickets = 0;
  };

  void TakeIn();
  void PutOut();

  TestWire& wire_;
  // On the heap: OpenSSL has its address.
  const std::unique_ptr<State> state_ = std::make_unique<State>();
  std::shared_ptr<ssl_ctx_st> context_;
  std::shared_ptr<ssl_st> ssl_;
};

}  // namespace postern::net

#endif  // POSTERN_NET_TLS_TEST_CLIENT_H_
