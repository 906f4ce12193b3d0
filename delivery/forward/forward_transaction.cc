// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/forward_transaction.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "delivery/one_verdict.h"
#include "engine/client_session.h"
#include "engine/grammar/parameters.h"

namespace postern::delivery {
namespace {

// Returns whether a 5yz is about the connection between this server and the
// next hop. The sender can do nothing about it, and an administrator can:
// commands or parameters that the next hop does not know (RFC 5321 4.2.2 and
// 4.1.1.11), and authentication that it requires (RFC 4954 6).
bool IsAboutConnection(int code) {
  switch (code) {
    case 500:
    case 502:
    case 503:
    case 504:
    case 530:
    case 534:
    case 535:
    case 538:
    case 555:
      return true;
    default:
      return false;
  }
}

Mail MailOf(const Envelope& envelope) {
  Mail mail;
  mail.from = envelope.from;
  mail.parameters = envelope.parameters;
  return mail;
}

}  // namespace

ForwardTransaction::ForwardTransaction(std::shared_ptr<HopPool> pool,
                                       const Envelope& envelope,
                                       ProxiedClient client,
                                       absl::string_view rule)
    : pool_(std::move(pool)),
      rule_(rule),
      mail_(MailOf(envelope)),
      client_(std::move(client)) {}

ForwardTransaction::~ForwardTransaction() {
  if (acquiring_) pool_->Cancel(this);
  Release(body_begun_ ? HopLink::Left::kContent : HopLink::Left::kEnvelope);
}

void ForwardTransaction::Release(HopLink::Left left) {
  mail_sent_ = false;
  if (link_ != nullptr) std::exchange(link_, nullptr)->Release(left);
}

Verdict ForwardTransaction::Answer(const Reply& reply) const {
  if (reply.code / 100 == 2 || reply.code / 100 == 4 ||
      (reply.code / 100 == 5 && !IsAboutConnection(reply.code))) {
    Reply passed = reply;
    if (passed.text.size() > kMaxText) passed.text.resize(kMaxText);
    Verdict verdict = reply.code / 100 == 2
                          ? Verdict::Accept(std::move(passed))
                          : Verdict::Refuse(std::move(passed));
    return std::move(verdict).By(rule_).From(source_);
  }
  Reply refusal{451,
                {4, 5, 0},
                absl::StrCat("the next hop does not take it now: ",
                             Quote(reply), " (#4.5.0)")};
  return Verdict::Refuse(std::move(refusal)).By(rule_).From(source_);
}

Verdict ForwardTransaction::Refuse(const HopFailure& failure) const {
  return Verdict::Refuse(failure.ToReply()).By(rule_).From(failure.source);
}

std::optional<Verdict> ForwardTransaction::AddRecipient(const Rcpt& rcpt,
                                                        Policy::Later later) {
  if (refusal_) return refusal_;
  Pending pending{rcpt, {}, pool_->driver().now() + kRecipientTimeout};
  if (mail_sent_) {
    if (std::optional<Verdict> verdict = SendRecipient(&pending)) {
      return verdict;
    }
    link_->Wake();
  }
  pending.done = later();
  pending_.push_back(std::move(pending));
  if (link_ != nullptr) {
    SetDeadline();
  } else if (!acquiring_) {
    Acquire(/*fresh=*/false);
  }
  return std::nullopt;
}

std::optional<HopDriver::Time> ForwardTransaction::FirstDeadline() const {
  std::optional<HopDriver::Time> first;
  for (const Pending& pending : pending_) {
    first = std::min(first.value_or(pending.until), pending.until);
  }
  return first;
}

void ForwardTransaction::SetDeadline() {
  link_->set_user_deadline(FirstDeadline());
}

void ForwardTransaction::Acquire(bool fresh, size_t first) {
  acquiring_ = true;
  pool_->Acquire(this, this, fresh,
                 FirstDeadline().value_or(HopDriver::Time::max()), first);
}

void ForwardTransaction::OnLink(HopLink* link, bool reused) {
  acquiring_ = false;
  link_ = link;
  reused_ = reused;
  source_ = link->host();
  if (link->ready()) return SendMail();
  SetDeadline();
}

void ForwardTransaction::SendMail() {
  ClientSession& session = link_->session();
  if (std::optional<Reply> unfit = Unfit()) {
    Release(HopLink::Left::kClean);
    refusal_ = Verdict::Refuse(*std::move(unfit)).By(rule_).From(source_);
    return AnswerAll(*refusal_);
  }
  Mail mail = mail_;
  // These are information for the next hop. It can do without them.
  if (!session.offers("SIZE")) mail.parameters.size.reset();
  if (mail.parameters.body == BodyType::k7Bit && !session.offers("8BITMIME")) {
    mail.parameters.body.reset();
  }
  if (!session.offers("DSN")) {
    mail.parameters.ret.reset();
    mail.parameters.envid.reset();
  }
  // The next hop has no reason to trust it (RFC 4954 5).
  mail.parameters.auth.reset();
  const bool usable = session.idle();
  // Information for the log: a next hop that does not take it gets the mail.
  if (pool_->hop().xforward) (void)session.DescribeClient(client_);
  const absl::StatusOr<CommandId> id = session.Send(mail);
  if (!id.ok()) {
    Release(HopLink::Left::kClean);
    if (!usable) {
      // The session is closed, and says nothing about this message.
      return Fail({HopFailure::Kind::kLost, "closed the connection",
                   absl::StrCat(source_, ": closed the connection")});
    }
    Reply reply =
        absl::IsFailedPrecondition(id.status())
            ? Reply{554,
                    {5, 6, 3},
                    absl::StrCat("the next hop cannot take this message: ",
                                 id.status().message(), " (#5.6.3)")}
            : Reply{553,
                    {5, 1, 7},
                    "the next hop cannot be sent this sender (#5.1.7)"};
    refusal_ = Verdict::Refuse(std::move(reply)).By(rule_).From(source_);
    return AnswerAll(*refusal_);
  }
  mail_id_ = *id;
  mail_sent_ = true;
  std::vector<std::pair<Policy::Done, Verdict>> answers;
  for (auto pending = pending_.begin(); pending != pending_.end();) {
    if (std::optional<Verdict> verdict = SendRecipient(&*pending)) {
      answers.emplace_back(std::move(pending->done), *std::move(verdict));
      pending = pending_.erase(pending);
    } else {
      ++pending;
    }
  }
  SetDeadline();
  for (auto& [done, verdict] : answers) {
    std::move(done)(std::move(verdict));
  }
}

std::optional<Reply> ForwardTransaction::Unfit() const {
  const ClientSession& session = link_->session();
  const MailParameters& parameters = mail_.parameters;
  uint64_t most = 0;  // RFC 1870 4: 0, or none, is no limit
  if (parameters.size &&
      absl::SimpleAtoi(session.keywords().Parameters("SIZE"), &most) &&
      most != 0 && *parameters.size > most) {
    return Reply{552,
                 {5, 3, 4},
                 "the next hop does not take messages of this size (#5.3.4)"};
  }
  if (parameters.smtp_utf8 && !session.offers("SMTPUTF8")) {
    return Reply{550,
                 {5, 6, 9},
                 "the next hop does not take messages that need SMTPUTF8 "
                 "(#5.6.9)"};
  }
  if (parameters.body == BodyType::kBinaryMime &&
      !(session.offers("CHUNKING") && session.offers("BINARYMIME"))) {
    return Reply{451,
                 {4, 6, 3},
                 "the next hop does not take BODY=BINARYMIME now (#4.6.3)"};
  }
  return std::nullopt;
}

std::optional<Verdict> ForwardTransaction::SendRecipient(Pending* pending) {
  ClientSession& session = link_->session();
  Rcpt rcpt = pending->rcpt;
  if (!session.offers("DSN")) {
    // Without DSN the sender gets a report of a failure, and perhaps of a
    // delay.
    const std::optional<Notify>& notify = rcpt.parameters.notify;
    if (notify && (notify->success || !notify->failure)) {
      return Verdict::Refuse(
                 {451,
                  {4, 3, 3},
                  "the next hop does not take this NOTIFY now: it does not "
                  "offer DSN (#4.3.3)"})
          .By(rule_)
          .From(source_);
    }
    rcpt.parameters.notify.reset();
    rcpt.parameters.orcpt.reset();
  }
  const absl::StatusOr<CommandId> id = session.Send(rcpt);
  if (id.ok()) {
    pending->id = *id;
    return std::nullopt;
  }
  if (!absl::IsInvalidArgument(id.status())) {
    return Verdict::Refuse({451,
                            {4, 5, 0},
                            "the next hop cannot take this recipient now "
                            "(#4.5.0)"})
        .By(rule_)
        .From(source_);
  }
  return Verdict::Refuse({553,
                          {5, 1, 3},
                          "the next hop cannot be sent this address (#5.1.3)"})
      .By(rule_)
      .From(source_);
}

bool ForwardTransaction::OnStep(const ClientStep& step) {
  switch (step.kind) {
    case ClientStep::Kind::kReply:
      OnReply(step.command, *step.reply);
      return true;
    case ClientStep::Kind::kBodyWanted:
      return OnBodyWanted();
    case ClientStep::Kind::kSkipped:
      // Otherwise a RCPT whose MAIL was refused: it has its answer.
      if (body_begun_ && !result_ && step.command == body_id_) {
        Release(HopLink::Left::kEnvelope);
        std::vector<Verdict> verdicts;
        verdicts.push_back(
            Verdict::Refuse(
                {451, {4, 5, 0}, "the next hop has no recipient (#4.5.0)"})
                .By(rule_)
                .From(source_));
        Finish(std::move(verdicts));
      }
      return true;
    case ClientStep::Kind::kNeedInput:
    case ClientStep::Kind::kNeedFlush:
    case ClientStep::Kind::kIdle:
    case ClientStep::Kind::kClosed:
    case ClientStep::Kind::kChallenge:
    case ClientStep::Kind::kStartTls:
      break;  // never: the link keeps them
  }
  return true;
}

void ForwardTransaction::OnReply(CommandId command, const Reply& reply) {
  if (command == mail_id_) {
    mail_answered_ = true;
    if (reply.code / 100 == 2) return;
    if (reply.code == 503 && reused_) {
      // The server still has a sender. A new connection has none.
      Release(HopLink::Left::kContent);
      mail_answered_ = false;
      return Acquire(/*fresh=*/true);
    }
    link_->Passed(HopStage::kEnvelope);
    refusal_ = Answer(reply);
    Release(HopLink::Left::kEnvelope);
    return AnswerAll(*refusal_);
  }
  const auto pending = std::find_if(
      pending_.begin(), pending_.end(),
      [command](const Pending& each) { return each.id == command; });
  if (pending != pending_.end()) {
    link_->Passed(HopStage::kEnvelope);
    Policy::Done done = std::move(pending->done);
    Verdict verdict = Answer(reply);
    if (verdict.accepted()) {
      accepted_.push_back({pending->rcpt.to, command, std::nullopt});
    }
    pending_.erase(pending);
    SetDeadline();
    return std::move(done)(std::move(verdict));
  }
  if (body_begun_ && command == body_id_) {
    // The content ends here for the server: it is complete, or it was refused
    // before or after its beginning.
    link_->Passed(HopStage::kMessage);
    Release(body_ended_    ? Ended(reply.code / 100 == 2)
            : body_wanted_ ? HopLink::Left::kContent
                           : HopLink::Left::kEnvelope);
    std::vector<Verdict> verdicts;
    verdicts.push_back(Answer(reply));
    return Finish(std::move(verdicts));
  }
  // LMTP: the reply for one recipient.
  const auto accepted = std::find_if(
      accepted_.begin(), accepted_.end(),
      [command](const Accepted& each) { return each.id == command; });
  if (accepted == accepted_.end() || !body_ended_) return;
  accepted->reply = reply;
  link_->Passed(HopStage::kMessage);
  if (!std::all_of(accepted_.begin(), accepted_.end(),
                   [](const Accepted& each) { return each.reply; })) {
    return;
  }
  Release(Ended(std::all_of(
      accepted_.begin(), accepted_.end(),
      [](const Accepted& each) { return each.reply->code / 100 == 2; })));
  std::vector<Verdict> verdicts;
  for (const size_t index : order_) {
    verdicts.push_back(Answer(*accepted_[index].reply));
  }
  Finish(std::move(verdicts));
}

std::optional<Verdict> ForwardTransaction::Open(const Envelope& envelope,
                                                Policy::Later later) {
  if (refusal_) return refusal_;
  // The next hop must have exactly the recipients of the envelope. Otherwise a
  // recipient would get a message that the client believes refused, or lose it.
  std::vector<bool> taken(accepted_.size());
  for (const Recipient& recipient : envelope.to) {
    for (size_t i = 0; i < accepted_.size(); ++i) {
      if (taken[i] || !(accepted_[i].path == recipient.path)) continue;
      taken[i] = true;
      order_.push_back(i);
      break;
    }
  }
  if (link_ == nullptr || order_.size() != envelope.to.size() ||
      order_.size() != accepted_.size()) {
    Release(HopLink::Left::kEnvelope);
    return Verdict::Refuse({451,
                            {4, 5, 0},
                            "the next hop has other recipients than this "
                            "server (#4.5.0)"})
        .By(rule_)
        .From(source_);
  }
  // RFC 3030 3
  const absl::StatusOr<CommandId> id =
      link_->BeginBody(chunks() ? BodyCommand::kBdat : BodyCommand::kData);
  if (!id.ok()) {
    Release(HopLink::Left::kEnvelope);
    return Verdict::Refuse(
               {451, {4, 5, 0}, "the next hop cannot take content (#4.5.0)"})
        .By(rule_)
        .From(source_);
  }
  body_id_ = *id;
  body_begun_ = true;
  opened_.emplace(later());
  link_->set_user_deadline(pool_->driver().now() + kContentTimeout);
  return std::nullopt;
}

bool ForwardTransaction::Write(absl::Span<const absl::string_view> slices,
                               absl::AnyInvocable<void() &&> ready) {
  if (result_) return true;  // of a message that is refused
  for (const absl::string_view slice : slices) {
    content_.append(slice.data(), slice.size());
  }
  if (lent_.empty()) link_->Wake();
  if (content_.size() < kAhead) return true;
  ready_.emplace(std::move(ready));
  return false;
}

bool ForwardTransaction::OnBodyWanted() {
  if (body_ended_) return false;
  body_wanted_ = true;
  if (opened_) {
    link_->set_user_deadline(std::nullopt);
    // This object may not exist after the call. Write() or Complete() wakes the
    // link.
    std::move (*std::exchange(opened_, std::nullopt))(Verdict::Accept());
    return false;
  }
  lent_.clear();
  auto ready = std::exchange(ready_, std::nullopt);
  bool acted = false;
  if (!content_.empty()) {
    lent_.swap(content_);
    // An error closes the session, which OnLost() reports.
    (void)link_->session().LendBody(lent_);
    acted = true;
  } else if (body_complete_) {
    body_ended_ = true;
    link_->EndBody();
    acted = true;
  }
  if (ready) std::move (*ready)();
  return acted;
}

void ForwardTransaction::Commit(Policy::Done done) {
  done_.emplace(std::move(done));
  Complete();
}

void ForwardTransaction::CommitEach(EachDone done) {
  each_.emplace(std::move(done));
  Complete();
}

void ForwardTransaction::Complete() {
  body_complete_ = true;
  if (link_ != nullptr) {
    link_->set_user_deadline(pool_->driver().now() + HopLink::kMessageTimeout);
  }
  TryAnswer();
}

void ForwardTransaction::Finish(std::vector<Verdict> verdicts) {
  if (opened_) {
    // This object may not exist after the call.
    return std::move(*std::exchange(opened_, std::nullopt))(
        OneVerdict(std::move(verdicts)));
  }
  result_ = std::move(verdicts);
  content_.clear();
  if (auto ready = std::exchange(ready_, std::nullopt)) std::move (*ready)();
  TryAnswer();
}

void ForwardTransaction::TryAnswer() {
  if (!result_ || (!done_ && !each_)) return;
  std::vector<Verdict> verdicts = std::move(*result_);
  if (each_) {
    EachDone each = *std::exchange(each_, std::nullopt);
    return std::move(each)(std::move(verdicts));
  }
  Policy::Done done = *std::exchange(done_, std::nullopt);
  std::move(done)(OneVerdict(std::move(verdicts)));
}

void ForwardTransaction::OnUnavailable(const HopFailure& failure) {
  acquiring_ = false;
  Fail(failure);
}

void ForwardTransaction::OnLost(const HopFailure& failure) {
  using Kind = HopFailure::Kind;
  const size_t next = link_->server() + 1;
  const bool named = mail_sent_;
  link_ = nullptr;
  mail_sent_ = false;
  // The server may have closed an unused connection at any time. Nothing is
  // lost with it, and a new connection shows whether the server works.
  if (reused_ && !mail_answered_ && failure.kind != Kind::kTimeout &&
      failure.kind != Kind::kSlow && failure.kind != Kind::kCredentials) {
    return Acquire(/*fresh=*/true);
  }
  // XCLIENT or the AUTH after it has failed. The next server may take this
  // client. It knows the same account, and each refusal of that counts.
  if (!named && next < pool_->hop().hosts.size() &&
      failure.kind != Kind::kSlow && failure.kind != Kind::kCredentials) {
    return Acquire(/*fresh=*/true, next);
  }
  Fail(failure);
}

void ForwardTransaction::Fail(const HopFailure& failure) {
  const Verdict verdict = Refuse(failure);
  // Another RCPT may find a server that works, as long as none was accepted.
  if (!accepted_.empty()) refusal_ = verdict;
  mail_answered_ = false;
  if (!body_begun_) return AnswerAll(verdict);
  if (result_) return;
  std::vector<Verdict> verdicts;
  // Replies of LMTP that came before the failure count.
  const bool some =
      std::any_of(accepted_.begin(), accepted_.end(),
                  [](const Accepted& each) { return each.reply; });
  if (!some) {
    verdicts.push_back(verdict);
  } else {
    for (const size_t index : order_) {
      const std::optional<Reply>& reply = accepted_[index].reply;
      verdicts.push_back(reply ? Answer(*reply) : verdict);
    }
  }
  Finish(std::move(verdicts));
}

void ForwardTransaction::AnswerAll(const Verdict& verdict) {
  const Verdict answer = verdict;
  std::vector<Pending> pending = std::exchange(pending_, {});
  for (Pending& each : pending) std::move(each.done)(answer);
}

}  // namespace postern::delivery
