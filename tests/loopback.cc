// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/loopback.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/client_session.h"
#include "engine/server_session.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

bool Refused(const Path& path) {
  return absl::StartsWith(path.local_part, "no");
}
bool Refused(uint64_t size) { return size % 5 == 3; }

// Returns true if each CR and LF is half of a CRLF.
bool Clean(const std::string& content) {
  return absl::StrReplaceAll(content, {{"\r\n", ""}}).find_first_of("\r\n") ==
         std::string::npos;
}

uint64_t Number(CommandId id) { return static_cast<uint64_t>(id); }

// Moves bytes, some at a time, into what a session has not consumed.
class Wire {
 public:
  explicit Wire(const Chooser& choose) : choose_(choose) {}

  // Takes some of `output`; returns how much.
  size_t Write(absl::string_view output) {
    const size_t n = output.empty() ? 0 : 1 + choose_(output.size());
    sent_.append(output.data(), n);
    return n;
  }
  // Lets some of it arrive; returns false if there is nothing.
  bool Read() {
    if (sent_.empty()) return false;
    const size_t n = 1 + choose_(sent_.size());
    arrived_.append(sent_, 0, n);
    sent_.erase(0, n);
    return true;
  }
  // Gives what has arrived to `session`, in a block that is kept until the
  // next call, and freed then.
  template <typename Session>
  auto Advance(Session& session) {
    auto block =
        std::make_unique<std::vector<char>>(arrived_.begin(), arrived_.end());
    const auto step =
        session.Advance(absl::string_view(block->data(), block->size()));
    block_ = std::move(block);
    arrived_.erase(0, step.consumed);
    return step;
  }

 private:
  const Chooser& choose_;
  std::string sent_;
  std::string arrived_;
  std::unique_ptr<std::vector<char>> block_;
};

class Run {
 public:
  Run(const Loopback& loopback, const Chooser& choose)
      : loopback_(loopback),
        choose_(choose),
        client_(loopback_.client),
        server_(loopback_.server),
        to_client_(choose),
        to_server_(choose) {
    EXPECT_TRUE(loopback_.client.Validate().ok());
    EXPECT_TRUE(loopback_.server.Validate().ok());
  }

  size_t Go() {
    open_[client_.Greet()].push_back(true);
    client_goes_ = server_goes_ = true;
    while (!client_closed_ || !server_closed_) {
      const bool moved = Move();
      if (client_goes_) RunClient();
      if (server_goes_) RunServer();
      if (client_closed_) server_.EndOfInput();
      if (!moved && !client_goes_ && !server_goes_ && !client_closed_ &&
          client_.Output().empty() && server_.Output().empty()) {
        ADD_FAILURE() << "each waits for the other";
        return 0;
      }
      if (client_closed_ && !moved) server_goes_ = !server_closed_;
      if (testing::Test::HasFailure()) return 0;
    }
    EXPECT_EQ(messages_, expected_);
    if (closed_ == ClientClose::kQuit) {
      for (const auto& [id, replies] : open_) {
        EXPECT_TRUE(replies.empty()) << "no reply to " << Number(id);
      }
    }
    EXPECT_EQ(closed_, clean_ ? ClientClose::kQuit : ClientClose::kContent);
    return messages_.size();
  }

 private:
  // Lets bytes go both ways; returns false if there are none.
  bool Move() {
    const size_t up = to_server_.Write(client_.Output());
    client_.OutputWritten(up);
    const size_t down = to_client_.Write(server_.Output());
    server_.OutputWritten(down);
    client_goes_ |= up > 0;
    server_goes_ |= down > 0;
    const bool read = to_server_.Read();
    const bool heard = to_client_.Read();
    server_goes_ |= read;
    client_goes_ |= heard;
    return up > 0 || down > 0 || read || heard;
  }

  // --- the client ---

  void RunClient() {
    const ClientStep step = to_client_.Advance(client_);
    switch (step.kind) {
      case ClientStep::Kind::kReply:
        Heard(step.command, step.reply->positive());
        break;
      case ClientStep::Kind::kSkipped:
        Heard(step.command, false);
        break;
      case ClientStep::Kind::kBodyWanted:
        Lend();
        break;
      case ClientStep::Kind::kIdle:
        Give();
        break;
      case ClientStep::Kind::kNeedInput:
      case ClientStep::Kind::kNeedFlush:
        client_goes_ = false;
        break;
      case ClientStep::Kind::kClosed:
        closed_ = step.reason;
        client_closed_ = true;
        client_goes_ = false;
        break;
      case ClientStep::Kind::kChallenge:
      case ClientStep::Kind::kStartTls:
        ADD_FAILURE() << "a step that nothing has led to";
        break;
    }
  }

  // Each command is answered as often as it must, and as it must.
  void Heard(CommandId id, bool positive) {
    if (id == kNoCommand) return;
    std::vector<bool>& replies = open_[id];
    ASSERT_FALSE(replies.empty()) << "a reply too many to " << Number(id);
    EXPECT_EQ(positive, replies.front()) << "command " << Number(id);
    replies.erase(replies.begin());
  }

  // Gives the next mail, or some of them, or QUIT.
  void Give() {
    size_t mails = 1 + choose_(3);
    while (mails-- > 0 && given_ < loopback_.mails.size()) {
      Give(loopback_.mails[given_++]);
    }
    if (given_ == loopback_.mails.size()) {
      open_[client_.Quit()].push_back(true);
    }
  }

  void Give(const LoopbackMail& mail) {
    const bool extended = client_.offers("SIZE");
    const Mail sent{mail.mail.from,
                    extended ? mail.mail.parameters : MailParameters()};
    // What came before may have ended without content.
    open_[client_.Reset()].push_back(true);
    const bool accepted = !Refused(sent.from);
    open_[client_.Send(sent).value()].push_back(accepted);
    LoopbackMessage message{sent.from, sent.parameters, {}, mail.content};
    std::vector<CommandId> recipients;
    for (const Path& to : mail.to) {
      const CommandId id = client_.Send(Rcpt{{}, to}).value();
      open_[id].push_back(accepted && !Refused(to));
      if (!open_[id].front()) continue;
      message.to.push_back(to);
      recipients.push_back(id);
    }
    const bool chunks = mail.chunks && client_.offers("CHUNKING");
    if (!chunks && !absl::EndsWith(message.content, "\r\n") &&
        !message.content.empty()) {
      absl::StrAppend(&message.content, "\r\n");
    }
    const CommandId body =
        client_.BeginBody(chunks ? BodyCommand::kBdat : BodyCommand::kData)
            .value();
    const bool sends = !recipients.empty();
    // By BDAT a bare newline is sent, and the server's to refuse.
    const bool stored = sends && !Refused(message.content.size()) &&
                        (!chunks || Clean(mail.content));
    if (loopback_.client.lmtp && sends) {
      for (CommandId id : recipients) open_[id].push_back(stored);
    } else {
      open_[body].push_back(stored);
    }
    if (sends) bodies_[body] = mail.content;
    if (sends && !chunks && !Clean(mail.content)) clean_ = false;
    if (stored && clean_) expected_.push_back(message);
  }

  void Lend() {
    // What was lent before is dead by now.
    auto body = bodies_.begin();
    ASSERT_NE(body, bodies_.end()) << "content for nobody";
    std::string& rest = body->second;
    if (rest.empty()) {
      bodies_.erase(body);
      (void)client_.EndBody();  // closes if the content ends in a CR
      return;
    }
    const size_t n = 1 + choose_(rest.size());
    lent_ = std::make_unique<std::vector<char>>(rest.begin(), rest.begin() + n);
    rest.erase(0, n);
    (void)client_.LendBody(  // closes if there is a bare newline
        absl::string_view(lent_->data(), lent_->size()));
  }

  // --- the server ---

  void RunServer() {
    const Step step = to_server_.Advance(server_);
    switch (step.kind) {
      case Step::Kind::kAsk: {
        const RequestId id = step.ask->id;
        EXPECT_TRUE(server_.Complete(id, Decide(*step.ask)).ok());
        break;
      }
      case Step::Kind::kBody:
        for (absl::string_view slice : step.body) {
          absl::StrAppend(&content_, slice);
        }
        break;
      case Step::Kind::kAborted:
        content_.clear();
        break;
      case Step::Kind::kStartTls:
        ADD_FAILURE() << "a step that nothing has led to";
        break;
      case Step::Kind::kNeedInput:
      case Step::Kind::kNeedFlush:
      case Step::Kind::kWaiting:
        server_goes_ = false;
        break;
      case Step::Kind::kClosed:
        server_closed_ = true;
        server_goes_ = false;
        break;
    }
  }

  Verdict Decide(const Ask& ask) {
    const Verdict no = Verdict::Refuse({550, {5, 7, 1}, "no\nno"});
    if (const auto* hello = std::get_if<Hello>(&ask.what)) {
      if (hello->verb == Hello::Verb::kEhlo && !loopback_.ehlo) {
        return Verdict::Refuse({502, {5, 5, 1}, "what is that?"});
      }
    } else if (const auto* mail = std::get_if<Mail>(&ask.what)) {
      if (Refused(mail->from)) return no;
    } else if (const auto* rcpt = std::get_if<Rcpt>(&ask.what)) {
      if (Refused(rcpt->to)) return no;
    } else if (std::holds_alternative<BodyBegin>(ask.what)) {
      content_.clear();
    } else if (const auto* end = std::get_if<BodyEnd>(&ask.what)) {
      EXPECT_EQ(end->size, content_.size());
      if (Refused(end->size)) return no;
      const Envelope& envelope = server_.envelope();
      LoopbackMessage& message = messages_.emplace_back();
      message.from = envelope.from;
      message.parameters = envelope.parameters;
      for (const Recipient& to : envelope.to) message.to.push_back(to.path);
      message.content = content_;
    }
    return Verdict::Accept();
  }

  const Loopback& loopback_;
  const Chooser& choose_;
  ClientSession client_;
  ServerSession server_;
  Wire to_client_;
  Wire to_server_;
  bool client_goes_ = false;  // has something to do
  bool server_goes_ = false;
  bool client_closed_ = false;
  bool server_closed_ = false;

  size_t given_ = 0;                             // mails
  std::map<CommandId, std::vector<bool>> open_;  // replies to come: positive?
  std::map<CommandId, std::string> bodies_;      // to be lent
  std::unique_ptr<std::vector<char>> lent_;
  bool clean_ = true;  // no content with a bare newline was given
  ClientClose closed_ = ClientClose::kQuit;
  std::vector<LoopbackMessage> expected_;

  std::string content_;
  std::vector<LoopbackMessage> messages_;
};

}  // namespace

size_t RunLoopback(const Loopback& loopback, const Chooser& choose) {
  return Run(loopback, choose).Go();
}

void PrintTo(const LoopbackMessage& message, std::ostream* out) {
  *out << FormatPath(message.from);
  if (message.parameters.size) *out << " SIZE=" << *message.parameters.size;
  for (const Path& path : message.to) *out << " " << FormatPath(path);
  *out << ": " << testing::PrintToString(message.content);
}

}  // namespace postern
