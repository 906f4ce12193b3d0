// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A client that uses all functions of ClientSession with a server that may send
// any octets.

#ifndef POSTERN_FUZZ_TALK_H_
#define POSTERN_FUZZ_TALK_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/client_session.h"
#include "engine/proxied_client.h"
#include "gtest/gtest.h"

namespace postern {

class Talk {
 public:
  Talk(const ClientConfig& config, size_t cut)
      : config_(config), cut_(cut), session_(config) {
    session_.Greet();
  }

  // The server sends `wire`, a piece of `cut` octets whenever the client waits,
  // and then closes the connection. Returns the client's steps as text.
  std::string Go(absl::string_view wire) {
    while (true) {
      Drain();
      const std::vector<char> block(in_.begin(), in_.end());
      const ClientStep step =
          session_.Advance(absl::string_view(block.data(), block.size()));
      EXPECT_LE(step.consumed, in_.size());
      in_.erase(0, step.consumed);
      if (step.kind == ClientStep::Kind::kClosed) {
        EXPECT_EQ(session_.Output(), "");
        return absl::StrCat(log_, ClientCloseName(step.reason));
      }
      if (!Act(step)) {
        EXPECT_LT(in_.size(), config_.max_line);
        if (wire.empty()) session_.EndOfInput();
        const absl::string_view piece = wire.substr(0, cut_);
        in_.append(piece.data(), piece.size());
        wire.remove_prefix(piece.size());
      }
      if (session_.idle()) Give();
    }
  }

  // Returns what the client has written.
  const std::string& written() const { return written_; }

 private:
  // Returns false if the client waits.
  bool Act(const ClientStep& step) {
    using Kind = ClientStep::Kind;
    const uint64_t id = static_cast<uint64_t>(step.command);
    switch (step.kind) {
      case Kind::kReply:
        absl::StrAppend(&log_, id, " ", step.reply->code, " ", step.reply->text,
                        "\n");
        // A 421 between two commands belongs to no command, like the greeting.
        EXPECT_LE(++replies_[id], id == 0 || config_.lmtp ? 2 : 1);
        return true;
      case Kind::kSkipped:
        absl::StrAppend(&log_, id, " skipped\n");
        return true;
      case Kind::kChallenge:
        absl::StrAppend(&log_, id, " ", step.challenge, "\n");
        // AuthRespond() refuses a response of more than 9216 octets.
        if (!session_.AuthRespond(step.challenge).ok()) {
          EXPECT_TRUE(session_.AuthCancel().ok());
        }
        return true;
      case Kind::kBodyWanted:
        absl::StrAppend(&log_, id, " body\n");
        EXPECT_TRUE(session_.LendBody(kContent).ok());
        EXPECT_TRUE(session_.EndBody().ok());
        return true;
      case Kind::kNeedFlush:
        EXPECT_NE(session_.Output(), "");
        return true;
      case Kind::kStartTls:
        EXPECT_EQ(in_, "");
        break;
      case Kind::kIdle:
        EXPECT_TRUE(session_.idle());
        break;
      case Kind::kNeedInput:
      case Kind::kClosed:
        break;
    }
    return false;
  }

  // Starts the next stage: AUTH and messages, STARTTLS, XCLIENT, QUIT.
  void Give() {
    switch (stage_++) {
      case 0:
        (void)session_.Auth("PLAIN", std::string(500, 'x'));  // if offered
        return GiveMail();
      case 1:
        (void)session_.Auth("LOGIN", std::nullopt);  // if offered
        GiveMail();
        session_.Reset();
        return GiveMail();
      case 2:
        (void)session_.StartTls();  // if offered
        session_.Greet();
        return;
      case 3:
        (void)session_.NameClient(client_);  // if offered
        session_.GreetFor(client_);
        return GiveMail();
      case 4:
        session_.Quit();
        return;
    }
  }

  void GiveMail() {
    Mail mail{{"s", "x"}};
    (void)session_.DescribeClient(client_);  // if offered
    if (session_.offers("SIZE")) mail.parameters.size = 9;
    (void)session_.Send(mail);  // while AUTH is open, offers are known
    EXPECT_TRUE(session_.Send(Rcpt{{}, {"u", "d"}}).ok());
    EXPECT_TRUE(session_.Send(Rcpt{{}, {"v", "d"}}).ok());
    const bool chunks = session_.offers("CHUNKING");
    EXPECT_TRUE(
        session_.BeginBody(chunks ? BodyCommand::kBdat : BodyCommand::kData)
            .ok());
  }

  void Drain() {
    while (!session_.Output().empty()) {
      absl::StrAppend(&written_, session_.Output());
      session_.OutputWritten(session_.Output().size());
    }
  }

  static constexpr absl::string_view kContent = "hi\r\n.\r\n";

  const ClientConfig& config_;
  const size_t cut_;
  // Text that would be three commands without xtext.
  const ProxiedClient client_{
      .client = {.login = XClientValue<std::string>{.value = "u LOGIN=v"},
                 .address =
                     XClientValue<std::optional<IpAddress>>{
                         .value = IpAddress::Parse("192.0.2.1")}},
      .session = "s\r\nQUIT\r\n"};
  ClientSession session_;
  int stage_ = 0;
  std::string in_;
  std::string written_;
  std::string log_;
  std::map<uint64_t, int> replies_;
};

}  // namespace postern

#endif  // POSTERN_FUZZ_TALK_H_
