// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/loopback_client.h"

#include <cstdint>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/grammar/extension.h"
#include "gtest/gtest.h"
#include "tests/loopback_rules.h"

namespace postern {
namespace {

// Returns true if each CR and LF is half of a CRLF.
bool IsClean(const std::string& content) {
  return absl::StrReplaceAll(content, {{"\r\n", ""}}).find_first_of("\r\n") ==
         std::string::npos;
}

uint64_t Number(CommandId id) { return static_cast<uint64_t>(id); }

std::string PlainResponse(const LoopbackAuth& auth) {
  return absl::StrCat(absl::string_view("\0", 1), auth.user,
                      absl::string_view("\0", 1), auth.secret);
}

}  // namespace

LoopbackClient::LoopbackClient(const Loopback& loopback, const Chooser& choose)
    : loopback_(loopback),
      choose_(choose),
      session_(loopback.client),
      offer_{loopback} {
  EXPECT_EQ(loopback.client.Validate(), absl::OkStatus());
  Do(LoopbackGreet());
}

bool LoopbackClient::Run(LoopbackWire& wire) {
  const ClientStep step = wire.Advance(session_);
  switch (step.kind) {
    case ClientStep::Kind::kReply:
    case ClientStep::Kind::kSkipped:
      Heard(step);
      break;
    case ClientStep::Kind::kChallenge:
      OnChallenge(step);
      break;
    case ClientStep::Kind::kBodyWanted:
      Lend(step.command);
      break;
    case ClientStep::Kind::kIdle:
      Give();
      break;
    case ClientStep::Kind::kStartTls:
      shakes_hands_ = true;
      return false;
    case ClientStep::Kind::kNeedInput:
    case ClientStep::Kind::kNeedFlush:
      return false;
    case ClientStep::Kind::kClosed:
      closed_ = step.reason;
      return false;
  }
  return true;
}

void LoopbackClient::TlsStarted() {
  shakes_hands_ = false;
  session_.TlsStarted();
  for (absl::string_view keyword : {"PIPELINING", "SIZE", "AUTH", "STARTTLS"}) {
    EXPECT_FALSE(session_.offers(keyword)) << keyword << " from before TLS";
  }
}

// Checks that each command gets the right replies, and the right number.
void LoopbackClient::Heard(const ClientStep& step) {
  const bool replied = step.kind == ClientStep::Kind::kReply;
  if (replied && step.reply->code == 421) return;  // kClosed comes next
  if (step.command == kNoCommand) return;          // the greeting
  std::deque<Due>& dues = open_[step.command];
  const bool positive = replied && step.reply->code < 400;
  if (dues.empty() && !positive) return FailedEarly(step.command);
  ASSERT_FALSE(dues.empty()) << "one reply too many: " << Number(step.command);
  const Due& due = dues.front();
  EXPECT_EQ(positive, due.positive)
      << "command " << Number(step.command) << ": "
      << (replied ? step.reply->text : "skipped");
  if (replied && !due.text.empty()) {
    EXPECT_EQ(step.reply->text, due.text) << "the reply to another command";
  }
  dues.pop_front();
}

// RFC 2033 4.2: replies for each recipient follow only complete content.
void LoopbackClient::FailedEarly(CommandId body) {
  const auto found = bodies_.find(body);
  ASSERT_NE(found, bodies_.end()) << "one reply too many: " << Number(body);
  ASSERT_FALSE(found->second.spares.empty()) << Number(body);
  for (CommandId recipient : found->second.spares) {
    ASSERT_EQ(open_[recipient].size(), 1u);
    EXPECT_FALSE(open_[recipient].front().positive);
    open_[recipient].clear();
  }
  bodies_.erase(found);
}

void LoopbackClient::OnChallenge(const ClientStep& step) {
  ASSERT_EQ(exchanges_.count(step.command), 1u)
      << "a challenge without an exchange";
  const LoopbackAuth& auth = exchanges_[step.command];
  const bool user = step.challenge == "Username:";
  absl::Status status;
  if (auth.cancel && !user) {
    status = session_.AuthCancel();
  } else if (auth.mechanism == "LOGIN") {
    EXPECT_TRUE(user || step.challenge == "Password:") << step.challenge;
    status = session_.AuthRespond(user ? auth.user : auth.secret);
  } else {
    EXPECT_EQ(step.challenge, "");
    status = session_.AuthRespond(
        auth.mechanism == "PLAIN" ? PlainResponse(auth) : std::string());
  }
  EXPECT_EQ(status, absl::OkStatus());
}

void LoopbackClient::Lend(CommandId body) {
  // The bytes that were lent before are not used any more.
  ASSERT_EQ(bodies_.count(body), 1u) << "content without a message";
  std::string& rest = bodies_[body].rest;
  if (rest.empty()) {
    (void)session_.EndBody();  // closes if the content ends in a CR
    return;
  }
  const size_t n = 1 + choose_(rest.size());
  lent_ = std::make_unique<std::vector<char>>(
      rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(n));
  rest.erase(0, n);
  (void)session_.LendBody(  // closes if there is a bare newline
      absl::string_view(lent_->data(), lent_->size()));
}

void LoopbackClient::Give() {
  doomed_ = false;
  size_t acts = 1 + choose_(3);
  while (acts-- > 0 && given_ < loopback_.acts.size()) {
    const LoopbackAct& act = loopback_.acts[given_++];
    if (!std::visit([this](const auto& a) { return Do(a); }, act)) return;
  }
  if (given_ == loopback_.acts.size()) {
    open_[session_.Quit()].push_back({});  // succeeds even if doomed_
  }
}

void LoopbackClient::Expect(CommandId id, Due due) {
  if (doomed_) due.positive = false;
  open_[id].push_back(std::move(due));
}

bool LoopbackClient::TakesMail() const {
  const ServerConfig& config = loopback_.server;
  return !doomed_ && (!config.require_tls || offer_.tls) &&
         (!config.require_auth || !identity_.empty());
}

bool LoopbackClient::Do(const LoopbackGreet&) {
  Expect(session_.Greet(), {});
  if (!doomed_) offer_.extended = loopback_.ehlo || loopback_.client.lmtp;
  return false;  // the reply says what the server offers
}

void LoopbackClient::Clear() { Expect(session_.Reset(), {}); }

bool LoopbackClient::Do(const LoopbackTls&) {
  Clear();
  const absl::StatusOr<CommandId> id = session_.StartTls();
  EXPECT_EQ(id.ok(), offer_.HasStartTls()) << id.status();
  if (!id.ok()) return true;
  doomed_ |= !loopback_.handshakes;
  if (doomed_) {
    Expect(*id, {});
  } else {  // kStartTls is the reply
    offer_.tls = true;
    identity_.clear();
  }
  return Do(LoopbackGreet());
}

bool LoopbackClient::Do(const LoopbackAuth& auth) {
  Clear();
  std::string initial;
  if (auth.mechanism == "PLAIN") initial = PlainResponse(auth);
  if (auth.mechanism == "LOGIN") initial = auth.user;
  std::optional<absl::string_view> given;
  if (auth.initial) given.emplace(initial);
  const absl::StatusOr<CommandId> id = session_.Auth(auth.mechanism, given);
  EXPECT_EQ(id.ok(), offer_.HasMechanism(auth.mechanism)) << id.status();
  if (!id.ok()) return true;
  const bool login = auth.mechanism == "LOGIN";
  const bool external = auth.mechanism == "EXTERNAL";
  const bool cancelled = auth.cancel && (login || !auth.initial);
  const bool granted = identity_.empty() && !cancelled &&
                       (!loopback_.server.require_tls || offer_.tls) &&
                       (external || !IsWrongSecret(auth.secret));
  Expect(*id, {granted});
  exchanges_[*id] = auth;
  doomed_ |= !granted;
  if (!doomed_) identity_ = external ? loopback_.peer_subject : auth.user;
  return true;
}

// Sends MAIL without the parameters that may not be sent. Returns what was
// sent.
Mail LoopbackClient::GiveMail(const LoopbackMail& mail, CommandId* id) {
  Mail sent = mail.mail;
  if (!sent.from.ascii() && !sent.parameters.smtp_utf8) {
    EXPECT_TRUE(absl::IsInvalidArgument(session_.Send(sent).status()));
    sent.from = Path{"u", "d"};
  }
  sent.parameters = offer_.Trim(sent.parameters);
  if (sent.parameters != mail.mail.parameters) {
    const Mail whole{sent.from, mail.mail.parameters};
    EXPECT_TRUE(absl::IsFailedPrecondition(session_.Send(whole).status()));
    if (!sent.parameters.smtp_utf8 && !sent.from.ascii()) {
      sent.from = Path{"u", "d"};
    }
  }
  *id = session_.Send(sent).value();
  return sent;
}

CommandId LoopbackClient::GiveBody(const LoopbackMail& mail, bool* chunks) {
  const bool offered = offer_.Has(Extension::kChunking);
  if (*chunks != (mail.chunks && offered)) {  // BINARYMIME
    EXPECT_TRUE(absl::IsFailedPrecondition(session_.BeginBody().status()));
  } else if (mail.chunks && !offered) {
    EXPECT_TRUE(absl::IsFailedPrecondition(
        session_.BeginBody(BodyCommand::kBdat).status()));
  }
  return session_.BeginBody(*chunks ? BodyCommand::kBdat : BodyCommand::kData)
      .value();
}

bool LoopbackClient::Do(const LoopbackMail& mail) {
  const ServerConfig& config = loopback_.server;
  const bool lmtp = loopback_.client.lmtp;
  Clear();
  CommandId id{};
  const Mail sent = GiveMail(mail, &id);
  const uint64_t limit =
      config.max_message_size == 0 ? UINT64_MAX : config.max_message_size;
  const bool fits = sent.parameters.size.value_or(0) <= limit;
  const bool accepted = TakesMail() && fits && !IsRefused(sent.from);
  Expect(id, {accepted, TakesMail() && fits ? ReplyTextFor(sent.from) : ""});

  LoopbackMessage message{offer_.tls,      identity_, sent.from,
                          sent.parameters, {},        mail.content};
  std::vector<Recipient> to;
  std::vector<CommandId> ids;
  for (Recipient recipient : mail.to) {
    Rcpt rcpt{{}, recipient.path, recipient.parameters};
    if (!rcpt.to.ascii() && !sent.parameters.smtp_utf8) {
      EXPECT_TRUE(absl::IsInvalidArgument(session_.Send(rcpt).status()));
      continue;
    }
    recipient.parameters = offer_.Trim(recipient.parameters);
    if (recipient.parameters != rcpt.parameters) {
      EXPECT_TRUE(absl::IsFailedPrecondition(session_.Send(rcpt).status()));
      rcpt.parameters = recipient.parameters;
    }
    const CommandId rcpt_id = session_.Send(rcpt).value();
    const bool room = accepted && to.size() < config.max_recipients;
    const bool taken = room && !IsRefused(rcpt.to);
    Expect(rcpt_id, {taken, room ? ReplyTextFor(rcpt.to) : ""});
    if (!taken) continue;
    to.push_back(recipient);
    ids.push_back(rcpt_id);
  }

  const bool binary = sent.parameters.body == BodyType::kBinaryMime;
  bool chunks = binary || (mail.chunks && offer_.Has(Extension::kChunking));
  const CommandId body = GiveBody(mail, &chunks);
  if (!chunks && !message.content.empty() &&
      !absl::EndsWith(message.content, "\r\n")) {
    absl::StrAppend(&message.content, "\r\n");
  }
  const uint64_t size = message.content.size();
  const bool clean = binary || IsClean(mail.content);
  const bool asked = !to.empty() && !IsRefusedAtBody(sent.from);
  const bool complete = asked && clean && size <= limit;
  const bool stored = complete && !IsRefused(size);
  Stored expected{std::move(message), {}};
  if (!lmtp || to.empty()) {
    Expect(body, {stored, complete ? ReplyTextFor(size) : ""});
    if (stored) expected.heard_by.push_back(body);
    expected.message.to = to;
  }
  Body& lent = bodies_[body];
  lent.rest = mail.content;
  if (lmtp) {
    if (!complete) lent.spares = ids;
    for (size_t i = 0; i < to.size(); ++i) {
      const bool delivered = stored && !IsFull(to[i].path);
      Expect(ids[i], {delivered, complete ? ReplyTextFor(to[i].path) : ""});
      if (!delivered) continue;
      expected.heard_by.push_back(ids[i]);
      expected.message.to.push_back(to[i]);
    }
  }
  if (asked && !chunks && !clean) gave_bare_newline_ = true;
  if (!expected.heard_by.empty()) stored_.push_back(std::move(expected));
  return true;
}

void LoopbackClient::CheckStored(
    absl::Span<const LoopbackMessage> stored) const {
  ASSERT_LE(stored.size(), stored_.size());
  for (size_t i = 0; i < stored_.size(); ++i) {
    if (i < stored.size()) {
      EXPECT_EQ(stored[i], stored_[i].message);
    }
    for (CommandId id : stored_[i].heard_by) {
      EXPECT_EQ(open_.at(id).empty(), i < stored.size())
          << "message " << i << ", command " << Number(id);
    }
  }
}

void LoopbackClient::CheckComplete(
    absl::Span<const LoopbackMessage> stored) const {
  EXPECT_EQ(stored.size(), stored_.size());
  for (const auto& [id, dues] : open_) {
    EXPECT_TRUE(dues.empty()) << "no reply to " << Number(id);
  }
}

}  // namespace postern
