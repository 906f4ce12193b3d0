// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/pipe_client.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "gtest/gtest.h"

namespace postern::rig {

void PipeClient::Give(bool tls, bool user, std::string content) {
  content_ = std::move(content);
  (void)session_.Greet();
  Run();
  if (tls && session_.StartTls().ok()) {
    Run();
    (void)session_.Greet();
    Run();
  }
  if (user &&
      session_.Auth("PLAIN", absl::string_view("\0alice\0secret", 13)).ok()) {
    Run();
  }
  // A session that is closed takes no command.
  if (closed_) return;
  ASSERT_TRUE(session_.Send(postern::Mail{.from = {"a", "x"}}).ok());
  for (const char* to : {"b", "c"}) {
    const absl::StatusOr<CommandId> rcpt =
        session_.Send(postern::Rcpt{.to = {to, "y"}});
    ASSERT_TRUE(rcpt.ok());
    recipients_[*rcpt] = absl::StrCat(to, "@y");
  }
  const absl::StatusOr<CommandId> body = session_.BeginBody();
  ASSERT_TRUE(body.ok());
  body_ = *body;
  session_.Quit();
  Run();
}

void PipeClient::Run() {
  using Kind = ClientStep::Kind;
  while (true) {
    const ClientStep step = session_.Advance(in_);
    in_.erase(0, step.consumed);
    const std::string out(session_.Output());
    session_.OutputWritten(out.size());
    pipe_.Send(out);
    switch (step.kind) {
      case Kind::kReply:
        replies_.push_back(step.reply->code);
        codes_[step.command] = step.reply->code;
        continue;
      case Kind::kSkipped:
        replies_.push_back(0);
        codes_[step.command] = 0;
        continue;
      case Kind::kBodyWanted:
        if (std::exchange(body_given_, true)) {
          ASSERT_TRUE(session_.EndBody().ok());
        } else {
          ASSERT_TRUE(session_.LendBody(content_).ok());
        }
        continue;
      case Kind::kStartTls:
        // Without a handshake the server has closed the connection, or a fault
        // keeps it.
        if (pipe_.wants_tls()) {
          pipe_.StartTls();
          session_.TlsStarted();
        } else {
          session_.TimedOut();
        }
        continue;
      case Kind::kClosed:
        closed_ = step.reason;
        return;
      case Kind::kChallenge:
        ASSERT_TRUE(session_.AuthCancel().ok());
        continue;
      case Kind::kNeedFlush:
      case Kind::kNeedInput:
      case Kind::kIdle:
        break;
    }
    if (!out.empty()) continue;
    // One write at a time, so that splits reach the session.
    const std::string more = pipe_.ReceiveWrite();
    if (!more.empty()) {
      in_ += more;
    } else if (pipe_.closed() && !std::exchange(ended_, true)) {
      session_.EndOfInput();
    } else {
      return;
    }
  }
}

std::vector<std::string> PipeClient::accepted() const {
  std::vector<std::string> accepted;
  for (const auto& [command, address] : recipients_) {
    if (CodeOf(command) == 250) accepted.push_back(address);
  }
  return accepted;
}

std::optional<int> PipeClient::CodeOf(CommandId command) const {
  const auto found = codes_.find(command);
  if (found == codes_.end()) return std::nullopt;
  return found->second;
}

}  // namespace postern::rig
