// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An SMTP server inside a test, without a socket, in virtual time: for clients
// that do no I/O, and for timeouts.
//
//   rig::Pipe pipe;
//   pipe.On(rig::Rcpt()).Stall();
//   EXPECT_EQ(pipe.Receive(), "220 rig.example ESMTP\r\n");
//   pipe.Send("EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n");
//   pipe.AdvanceTime(absl::Minutes(5));  // takes no time
//   EXPECT_EQ(pipe.Receive(), ...);      // the replies to EHLO and MAIL

#ifndef POSTERN_RIG_PIPE_H_
#define POSTERN_RIG_PIPE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/instant.h"
#include "engine/served_session.h"
#include "engine/session_times.h"
#include "engine/tls_info.h"
#include "rig/options.h"
#include "rig/rig.h"
#include "rig/session.h"

namespace postern::rig {

// One connection at a time. Not thread-safe. The clock starts at 2026-01-01
// 00:00:00 UTC, and only AdvanceTime() moves it, so each run of a test has the
// same transcript.
class Pipe : public Rig {
 public:
  // Connects.
  explicit Pipe(Options options = {});
  ~Pipe();

  // Closes the connection, and makes a new one. Messages, faults and the time
  // stay.
  void Reconnect();

  // Sends octets to the server. It does not get them before it reads again, if
  // a fault limits that, and never after closed().
  void Send(absl::string_view octets);
  // Returns the octets that the server has sent since the last call. A reply
  // that a fault splits comes in several calls of ReceiveWrite().
  std::string Receive();
  // Returns the octets of the next write of the server: what a client with a
  // socket may read at once. Empty: none.
  std::string ReceiveWrite();
  // Octets of Send() that the server has not read.
  size_t unread() const { return input_.size(); }

  // The client closes its side.
  void EndOfInput();
  // Whether the server has closed the connection. Receive() may still return
  // octets.
  bool closed() const { return closed_; }

  // Whether the server waits for a TLS handshake. There are no octets of TLS in
  // a Pipe: the next function replaces the handshake on both sides.
  bool wants_tls() const { return wants_tls_; }
  void StartTls(TlsInfo info = {"TLSv1.3", "TLS_AES_128_GCM_SHA256", ""});

  // Moves the clock. Everything that is due on the way happens at its time.
  void AdvanceTime(absl::Duration duration);
  absl::Duration elapsed() const { return now_ - Instant(); }

 private:
  using Next = ServedSession::Next;

  void Connect();
  void Disconnect();
  // Does what the session asks for, as far as the client allows it.
  void Run();
  void ReportEnd();

  const SessionTimes times_;
  Instant now_;
  std::vector<char> buffer_ = std::vector<char>(size_t{64} << 10);
  std::string input_;                // sent and not read
  std::vector<std::string> writes_;  // sent by the server and not received
  bool input_ended_ = false;
  bool closed_ = false;
  bool wants_tls_ = false;
  bool reported_ = false;
  std::unique_ptr<Session> session_;
  std::unique_ptr<ServedSession> served_;  // destroyed before session_
};

}  // namespace postern::rig

#endif  // POSTERN_RIG_PIPE_H_
