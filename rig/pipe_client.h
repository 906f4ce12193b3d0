// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The engine's ClientSession on a Pipe, for tests.

#ifndef POSTERN_RIG_PIPE_CLIENT_H_
#define POSTERN_RIG_PIPE_CLIENT_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/client_config.h"
#include "engine/client_session.h"
#include "engine/client_step.h"
#include "rig/pipe.h"

namespace postern::rig {

// Sends one message over the connection that `pipe` has at the time.
// Not thread-safe. `pipe` must outlive it.
class PipeClient {
 public:
  explicit PipeClient(Pipe* pipe) : pipe_(*pipe) {}
  PipeClient(const PipeClient&) = delete;
  PipeClient& operator=(const PipeClient&) = delete;

  // Sends `content` from a@x to b@y and c@y, and QUIT. With `tls`, STARTTLS
  // comes first, and with `user`, AUTH as alice with the password "secret".
  // What the server does not offer is not sent, and then neither is the
  // message. Returns when nothing more happens without time.
  void Give(bool tls = false, bool user = false,
            std::string content = "Subject: x\r\n\r\n.dot\r\n");
  // Continues until nothing more happens without time.
  void Run();

  ClientSession& session() { return session_; }
  // The codes of all replies so far. 0: the command was skipped.
  const std::vector<int>& replies() const { return replies_; }
  // The code of the reply to the message, to DATA if the server refused that,
  // or 0 if DATA was skipped. nullopt: there was none.
  std::optional<int> verdict() const { return CodeOf(body_); }
  // The recipients that got a 250.
  std::vector<std::string> accepted() const;
  std::optional<ClientClose> closed() const { return closed_; }

 private:
  std::optional<int> CodeOf(CommandId command) const;

  const ClientConfig config_ = {.host_name = "client.example"};
  ClientSession session_{config_};
  Pipe& pipe_;
  std::string content_;
  std::string in_;
  std::vector<int> replies_;
  std::map<CommandId, int> codes_;
  std::map<CommandId, std::string> recipients_;
  CommandId body_ = kNoCommand;
  std::optional<ClientClose> closed_;
  bool body_given_ = false;
  bool ended_ = false;
};

}  // namespace postern::rig

#endif  // POSTERN_RIG_PIPE_CLIENT_H_
