// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One SMTP session in memory, command by command.

#ifndef POSTERN_PROGRAMS_EXPLAIN_DIALOGUE_H_
#define POSTERN_PROGRAMS_EXPLAIN_DIALOGUE_H_

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/responder.h"
#include "engine/served_session.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "engine/session_times.h"

namespace postern::programs {

// Serves a client whose octets are given as strings. Time stands still, so no
// timeout applies. Waits for answers that come later, from any thread.
//
// Thread-compatible.
class Dialogue {
 public:
  // With `tls`, the session is as after a TLS handshake. `config` and what
  // `responder` points to must outlive this object. `responder.post` must be
  // empty.
  Dialogue(const ServerConfig& config, ResponderOptions responder,
           SessionInfo info, bool tls);

  // Returns the greeting, or the reply that refuses the client. Call it first.
  std::string Greeting() { return Run(); }
  // Sends `line` and CRLF. Returns the reply, with CRLF at the end of each of
  // its lines. Empty if the session is over.
  std::string Send(absl::string_view line);

  bool over() const { return over_; }

 private:
  // Does what the session needs until it waits for input or is over. Returns
  // its output.
  std::string Run();
  void AwaitAnswers();

  const SessionTimes times_;
  ServedSession session_;
  std::vector<char> buffer_;
  std::string input_;
  bool over_ = false;

  std::mutex mutex_;
  std::condition_variable answered_;
  std::vector<PostedAnswer> answers_;  // guarded by mutex_
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_EXPLAIN_DIALOGUE_H_
