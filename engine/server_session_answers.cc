// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// ServerSession: the embedder's answers and their effects.

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "engine/answer_check.h"
#include "engine/capabilities.h"
#include "engine/server_session.h"

namespace postern {

absl::Status ServerSession::Complete(RequestId id, Verdict verdict) {
  AskQueue::Entry* open = asks_.Find(id);
  if (open == nullptr) return absl::NotFoundError("no such open request");
  if (absl::Status status = CheckAnswer(open->ask, verdict); !status.ok()) {
    return status;
  }
  if (GivenReply* next = next_reply()) next->asked = true;
  ++progress_;
  open->verdict.emplace(std::move(verdict));
  while (AskQueue::Entry* answered = asks_.Take()) {
    Apply(answered->ask, *answered->verdict);
    asks_.Recycle(answered);
  }
  return absl::OkStatus();
}

absl::Status ServerSession::Complete(RequestId id,
                                     absl::Span<const Verdict> verdicts) {
  const AskQueue::Entry* open = asks_.Find(id);
  if (open == nullptr) return absl::NotFoundError("no such open request");
  if (!config_.lmtp || !std::holds_alternative<BodyEnd>(open->ask.what) ||
      verdicts.size() != envelope().to.size()) {
    return absl::FailedPreconditionError(
        "several verdicts fit only a BodyEnd under LMTP, one for each "
        "recipient");
  }
  for (const Verdict& verdict : verdicts) {
    if (absl::Status status = CheckAnswer(open->ask, verdict); !status.ok()) {
      return status;
    }
  }
  if (GivenReply* next = next_reply()) next->asked = true;
  ++progress_;
  asks_.Clear();  // nothing else is open after a message
  MessageDecided(verdicts);
  return absl::OkStatus();
}

absl::Status ServerSession::CompleteAuth(RequestId id, AuthAnswer answer) {
  const AskQueue::Entry* open = asks_.Find(id);
  if (open == nullptr) return absl::NotFoundError("no such open request");
  if (!std::holds_alternative<AuthBegin>(open->ask.what) &&
      !std::holds_alternative<AuthResponse>(open->ask.what)) {
    return absl::FailedPreconditionError("not a question of AUTH");
  }
  if (auto* verdict = std::get_if<Verdict>(&answer)) {
    return Complete(id, std::move(*verdict));
  }
  if (GivenReply* next = next_reply()) next->asked = true;
  if (const auto* challenge = std::get_if<AuthChallenge>(&answer)) {
    if (challenge->bytes.size() > ReplyQueue::kMaxChallenge) {
      return absl::InvalidArgumentError("a challenge of more than 9216 octets");
    }
    state_ = State::kAuth;
    AppendChallenge(challenge->bytes);
  } else {
    AuthGranted& granted = std::get<AuthGranted>(answer);
    if (granted.identity.empty()) {
      return absl::InvalidArgumentError("an empty identity");
    }
    exchange_ = false;
    state_ = State::kCommand;
    client_.identity = std::move(granted.identity);
    Say({235, {2, 7, 0}, "ok"});
  }
  ++progress_;
  asks_.Clear();  // nothing else is open during AUTH
  return absl::OkStatus();
}

void ServerSession::Apply(Ask& ask, const Verdict& verdict) {
  if (std::holds_alternative<BodyEnd>(ask.what)) {
    return MessageDecided({&verdict, 1});
  }
  if (verdict.accepted()) return Accepted(ask, verdict);
  const Reply& reply = *verdict.reply();
  const bool drop = verdict.kind() == Verdict::Kind::kDrop;
  if (std::holds_alternative<BodyBegin>(ask.what)) {
    // The embedder has refused, so there is nothing to abort.
    if (intake_->chunked && !drop) {
      return FailChunk(intake_->chunk, reply, Cause::kAnswer);
    }
    EndTransaction();
  } else if (std::holds_alternative<AuthBegin>(ask.what) ||
             std::holds_alternative<AuthResponse>(ask.what)) {
    exchange_ = false;
    state_ = State::kCommand;
    // A failure of the backend counts too: otherwise a client could guess
    // without limit while the backend fails.
    ++client_.auth_failures;
  } else if (std::holds_alternative<Rcpt>(ask.what) && reply.permanent() &&
             client_.identity.empty()) {
    ++client_.invalid_recipients;
  }
  Say(reply);
  if (std::holds_alternative<StartTls>(ask.what)) {
    Report(reply, "STARTTLS", /*content=*/false);
  }
  if (const auto* connected = std::get_if<Connected>(&ask.what)) {
    refused_ = true;
    // A refused greeting answers no command, and is no error of the client.
    if (!connected->client) client_.errors = 0;
  }
  if (drop) Close(CloseReason::kRefused);
}

void ServerSession::Accepted(Ask& ask, const Verdict& verdict) {
  const std::optional<Reply>& reply = verdict.reply();
  if (std::holds_alternative<Connected>(ask.what)) {
    Say(reply,
        {220,
         {},
         absl::StrCat(config_.greeting, config_.lmtp ? " LMTP" : " ESMTP")});
  } else if (const auto* hello = std::get_if<Hello>(&ask.what)) {
    Abort();  // RFC 5321 4.1.4: as RSET
    client_.greeted = true;
    client_.extended = hello->verb != Hello::Verb::kHelo;
    Say(client_.extended ? EhloReply(config_, tls_.get())
                         : Reply{250, {}, config_.greeting});
  } else if (std::holds_alternative<StartTls>(ask.what)) {
    state_ = State::kStartTls;
    Say({220, {2, 0, 0}, "ready"});
  } else if (auto* mail = std::get_if<Mail>(&ask.what)) {
    transaction_ = Transaction::kOpen;
    rcpts_asked_ = 0;
    if (envelope_ == nullptr) envelope_ = std::make_unique<Envelope>();
    envelope_->from = std::move(mail->from);
    envelope_->parameters = std::move(mail->parameters);
    envelope_->message = mail->message;
    if (verdict.path()) envelope_->from = *verdict.path();
    Say(reply, {250, {2, 1, 0}, "ok"});
  } else if (auto* rcpt = std::get_if<Rcpt>(&ask.what)) {
    Recipient& recipient = envelope_->to.emplace_back();
    recipient.path = std::move(rcpt->to);
    recipient.parameters = std::move(rcpt->parameters);
    if (verdict.path()) recipient.path = *verdict.path();
    Say(reply, {250, {2, 1, 5}, "ok"});
  } else if (std::holds_alternative<BodyBegin>(ask.what)) {
    BodyAccepted(verdict);
  } else if (std::holds_alternative<Other>(ask.what)) {
    Say(reply, {250, {2, 0, 0}, "ok"});
  } else {
    // RFC 5321 3.5.3: nothing was verified, so the code is not 250.
    Say(reply, {252, {2, 0, 0}, "send some mail, i'll try my best"});
  }
}

// `verdicts` has one for each recipient, or one for all.
void ServerSession::MessageDecided(absl::Span<const Verdict> verdicts) {
  const Reply usual = {250, {2, 0, 0}, "ok"};
  bool drop = false;
  bool accepted = false;
  const int errors = client_.errors;
  for (const Verdict& verdict : verdicts) {
    const Reply& reply = verdict.reply() ? *verdict.reply() : usual;
    if (verdicts.size() == 1) {
      SayForMessage(reply);
    } else {
      Say(reply);
    }
    drop = drop || verdict.kind() == Verdict::Kind::kDrop;
    accepted = accepted || verdict.accepted();
  }
  // A message is at most one error, however many recipients it has.
  client_.errors = accepted ? 0 : std::min(client_.errors, errors + 1);
  EndTransaction();
  if (drop) Close(CloseReason::kRefused);
}

}  // namespace postern
