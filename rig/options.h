// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The options of a rig.

#ifndef POSTERN_RIG_OPTIONS_H_
#define POSTERN_RIG_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "engine/grammar/extension.h"
#include "engine/session_observer.h"

namespace postern::rig {

// A user for AUTH. The password serves PLAIN, LOGIN, CRAM-MD5 and
// SCRAM-SHA-256, the token OAUTHBEARER and XOAUTH2.
struct User {
  // What the client gives as its user name.
  std::string name;
  std::string password;  // empty: no password is correct
  std::string token;     // empty: no token is correct
};

// Whether and how a server uses TLS.
enum class TlsMode : uint8_t {
  kNone,      // STARTTLS is not offered
  kStartTls,  // STARTTLS is offered
  kFirst,     // the connection begins with TLS (RFC 8314 3.3)
};

// How a rig behaves.
struct Options {
  // The server's name in replies, and in its certificate.
  std::string host_name = "rig.example";
  // More names and IP addresses for the certificate.
  std::vector<std::string> certificate_names = {"localhost", "127.0.0.1",
                                                "::1"};
  // Where Server listens: net::ListenAddress::Parse(). Port 0 is a free one.
  std::string address = "127.0.0.1:0";

  // Whether and how the server uses TLS.
  TlsMode tls = TlsMode::kNone;
  bool require_tls = false;   // 530 for mail without TLS
  bool require_auth = false;  // 530 for mail without AUTH
  bool lmtp = false;          // RFC 2033

  // AUTH is offered if there are users, with and without TLS. EXTERNAL needs a
  // client certificate, which Rig::ClientCertificate() makes, and no user.
  std::vector<User> users;
  // The SASL mechanisms, in the order in which EHLO announces them: of "PLAIN",
  // "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2", "EXTERNAL".
  // Empty: the first four, and the next two if a user has a token.
  std::vector<std::string> mechanisms;

  // The extensions, in addition to PIPELINING, SIZE, 8BITMIME and
  // ENHANCEDSTATUSCODES. Fault::hidden hides any of them.
  ExtensionSet extensions = ExtensionSet::All();
  uint64_t max_message_size = uint64_t{50} << 20;  // SIZE; 0: no limit

  // Recipient and sender addresses may request faults: FaultOfAddress().
  bool address_faults = false;

  // Makes the observer of each session, which sees it before faults change its
  // replies. A null one, or an empty function: there is none. Is called on the
  // thread of the session, which destroys the observer.
  std::function<std::unique_ptr<SessionObserver>()> observe;

  // Transcripts show passwords.
  bool show_passwords = false;
  // What is kept. If there is more, the oldest is dropped.
  size_t max_messages = 10000;                     // and sessions
  size_t max_octets = size_t{256} << 20;           // sum of Message::cost()
  size_t max_transcript_octets = size_t{4} << 20;  // of one session

  // The number of the first message.
  int first_message = 1;

  // How long a client may be silent. RFC 5321 4.5.3.2.7 requires five minutes.
  absl::Duration command_timeout = absl::Minutes(5);
};

}  // namespace postern::rig

#endif  // POSTERN_RIG_OPTIONS_H_
