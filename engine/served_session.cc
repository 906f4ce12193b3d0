// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/served_session.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/base/macros.h"
#include "engine/verdict.h"

namespace postern {
namespace {

constexpr size_t kOctetsOfAUnit = 4096;

Reply NotAdmitted() {
  return {421, {4, 3, 2}, "too busy, try again later (#4.3.2)"};
}

// RFC 3207 4.
Reply TlsNotAvailable() {
  return {454, {4, 7, 0}, "TLS not available (#4.7.0)"};
}

}  // namespace

ServedSession::ServedSession(const SessionTimes* times, Instant now,
                             Manner manner)
    : times_(*times), manner_(manner) {
  clocks_.began = clocks_.entered = now;
}

ServedSession::~ServedSession() {
  // A mail transaction or an exchange may answer while it is destroyed.
  live_.reset();
}

void ServedSession::AwaitPreface() { Enter(Stage::kPreface); }

void ServedSession::PrefaceRead() {
  if (stage_ == Stage::kPreface) Enter(Stage::kAdmission);
}

void ServedSession::Begin(const ServerConfig& config,
                          ResponderOptions responder, SessionInfo info) {
  if (stage_ != Stage::kAdmission || given_up_) return;
  live_.emplace(config, WithPost(std::move(responder)), std::move(info));
  Start();
  if (manner_.tls_first) {
    Enter(Stage::kHandshake);
  } else {
    BeginGreeting();
  }
}

void ServedSession::Continue(const ServerConfig& config, SessionHandoff stood,
                             ResponderOptions responder, SessionInfo info) {
  if (stage_ != Stage::kAdmission || given_up_) return;
  live_.emplace(config, std::move(stood), WithPost(std::move(responder)),
                std::move(info));
  Start();
  opened_ = true;
  Enter(Stage::kRunning);
}

ResponderOptions ServedSession::WithPost(ResponderOptions responder) {
  if (!responder.post) {
    responder.post = [this](PostedAnswer answer) { Answer(std::move(answer)); };
  }
  return responder;
}

void ServedSession::Start() {
  if (going_down_) live_->session.Shutdown();
  if (times_.pace.min_rate > 0) pace_ = std::make_unique<Pace>(&times_.pace);
}

void ServedSession::BeginGreeting() {
  const bool waits = times_.greet_delay > absl::ZeroDuration() && !going_down_;
  opened_ = !waits;
  Enter(waits ? Stage::kGreetDelay : Stage::kRunning);
}

void ServedSession::Refuse(const Reply& reply) {
  if (stage_ != Stage::kAdmission || given_up_) return;
  if (manner_.tls_first) return GiveUp(CloseReason::kRefused);
  after_ = std::make_unique<After>();
  after_->refusal = FormatReply(reply);
  reason_ = CloseReason::kRefused;
  Enter(Stage::kLastReply);
}

ServedSession::Next ServedSession::Advance(Instant now) {
  uint32_t work = 0;
  while (Settle(now) && work < kMaxWork) work += TakeStep();
  Next next;
  if (stage_ == Stage::kRunning) {
    next.kind = Next::Kind::kBusy;
  } else {
    ReadClocks(now);
    next = Describe();
  }
  next.work = work;
  return next;
}

void ServedSession::Answer(PostedAnswer&& answer) {
  answers_.push_back(std::move(answer));
}

bool ServedSession::Settle(Instant now) {
  if (!answers_.empty()) TakeAnswers(now);
  if (given_up_ && stage_ != Stage::kClosed) {
    End(now, /*flushed=*/false);
    Enter(Stage::kClosed);
  }
  switch (stage_) {
    case Stage::kFlush:
      if (output().size() < live_->session.config().max_output)
        Enter(Stage::kRunning);
      break;
    case Stage::kStartTls:
      if (output().empty()) Enter(Stage::kHandshake);
      break;
    case Stage::kLastReply:
      if (output().empty()) LastReplyTaken(now);
      break;
    default:
      break;
  }
  return stage_ == Stage::kRunning;
}

void ServedSession::TakeAnswers(Instant now) {
  // An answer may lead to another one.
  for (size_t i = 0; i < answers_.size() && live_; ++i) {
    if (std::holds_alternative<TransactionReady>(answers_[i].what)) {
      if (stage_ == Stage::kSink) Resume(now);
    } else {
      // The responder may add another answer, which may move `answers_`.
      PostedAnswer answer = std::move(answers_[i]);
      live_->responder.Answer(std::move(answer));
      if (stage_ == Stage::kAnswer) Resume(now);
    }
  }
  answers_.clear();
}

// The client has waited for an answer. That time does not count against it.
void ServedSession::Resume(Instant now) {
  if (!entered_) {
    clocks_.progress = clocks_.progress + (now - clocks_.entered);
  }
  Enter(Stage::kRunning);
}

uint32_t ServedSession::TakeStep() {
  const Step step = live_->session.Advance(input_.view());
  input_.Wipe(step.secret);
  input_.Consume(step.consumed);
  live_->responder.OnAdvanced();
  in_body_ = step.kind == Step::Kind::kBody ||
             (in_body_ && step.kind == Step::Kind::kNeedInput);
  // Consumed octets stay readable until the step is done.
  switch (step.kind) {
    case Step::Kind::kAsk:
      OnAsk(*step.ask);
      break;
    case Step::Kind::kBody:
      if (!live_->responder.OnBody(step.body)) Enter(Stage::kSink);
      break;
    case Step::Kind::kAborted:
      live_->responder.OnAborted();
      break;
    case Step::Kind::kNeedInput:
      idle_ = live_->session.idle();
      Enter(Stage::kInput);
      break;
    case Step::Kind::kNeedFlush:
      Enter(Stage::kFlush);
      break;
    case Step::Kind::kWaiting:
      Enter(Stage::kAnswer);
      break;
    case Step::Kind::kStartTls:
      Enter(Stage::kStartTls);
      break;
    case Step::Kind::kClosed:
      reason_ = step.reason;
      Enter(Stage::kLastReply);
      break;
  }
  return static_cast<uint32_t>(1 + step.consumed / kOctetsOfAUnit);
}

void ServedSession::OnAsk(const Ask& ask) {
  // If plaintext has arrived after STARTTLS, the session must decide.
  if (manner_.asks_for_tls && std::holds_alternative<StartTls>(ask.what) &&
      input_.view().empty()) {
    tls_question_ = &ask;
    Enter(Stage::kTlsQuestion);
  } else {
    live_->responder.OnAsk(ask);
  }
}

void ServedSession::AllowTls(bool available) {
  if (stage_ != Stage::kTlsQuestion) return;
  if (available) {
    live_->responder.OnAsk(*tls_question_);
  } else {
    (void)live_->session.Complete(  // the question is open
        tls_question_->id, Verdict::Refuse(TlsNotAvailable()));
  }
  Enter(Stage::kRunning);
}

void ServedSession::TlsStarted(TlsInfo info) {
  if (stage_ != Stage::kHandshake) return;
  live_->responder.TlsStarted(std::move(info));
  if (opened_) {
    Enter(Stage::kRunning);
  } else {
    BeginGreeting();
  }
}

// Without a QUIT or an end of input, the client may have sent more commands,
// which must be read before the connection is closed.
void ServedSession::LastReplyTaken(Instant now) {
  End(now, /*flushed=*/true);
  const bool expected =
      reason_ == CloseReason::kQuit || reason_ == CloseReason::kPeerGone;
  Enter(expected ? Stage::kClosed : Stage::kFinish);
}

void ServedSession::End(Instant now, bool flushed) {
  input_.Clear();
  if (!live_) return;
  after_ = std::make_unique<After>();
  SessionEnd& end = after_->end.emplace();
  end.reason = reason_;
  end.flushed = flushed;
  end.clean = flushed && (reason_ == CloseReason::kQuit ||
                          (reason_ == CloseReason::kPeerGone && idle_));
  if (late_handshake_) end.tls_error = "the handshake took too long";
  end.bytes_in = bytes_in_;
  end.bytes_out = bytes_out_;
  end.replies = live_->session.replies();
  end.refused = live_->session.refused();
  end.duration = now - clocks_.began;
  after_->info = live_->responder.info();
  live_.reset();
  std::vector<PostedAnswer>().swap(answers_);
}

void ServedSession::GiveUp(CloseReason reason) {
  if (!given_up_) reason_ = reason;
  given_up_ = true;
}

void ServedSession::Shutdown() {
  going_down_ = true;
  if (!live_) {
    if (stage_ == Stage::kPreface) Abandon();
    return;
  }
  live_->session.Shutdown();
  switch (stage_) {
    case Stage::kHandshake:
      // After STARTTLS the handshake continues and a 421 follows, because a
      // client whose handshake fails may send its mail without TLS.
      if (!opened_) Abandon();
      break;
    case Stage::kGreetDelay:
    case Stage::kInput:
      opened_ = true;
      Enter(Stage::kRunning);
      break;
    default:
      break;
  }
}

absl::Span<char> ServedSession::Room(absl::Span<char> shared) {
  const size_t most =
      in_body_ ? shared.size()
               : std::max(kReadAhead, live_->session.config().InputRoom());
  return input_.Room(shared, most);
}

void ServedSession::Received(size_t n) {
  input_.Filled(n);
  bytes_in_ += n;
  fresh_input_ = true;
  if (stage_ == Stage::kGreetDelay) {
    live_->session.TalkedEarly();
    opened_ = true;
  }
  Enter(Stage::kRunning);
}

void ServedSession::EndOfInput() {
  switch (stage_) {
    case Stage::kGreetDelay:
    case Stage::kInput:
      live_->session.EndOfInput();
      opened_ = true;
      Enter(Stage::kRunning);
      break;
    case Stage::kPreface:
    case Stage::kFinish:
    case Stage::kDiscard:
      GiveUp(CloseReason::kPeerGone);
      break;
    default:
      break;
  }
}

absl::string_view ServedSession::output() const {
  if (live_) return live_->session.Output();
  if (after_ != nullptr) return after_->refusal;
  return {};
}

void ServedSession::Written(size_t n) {
  bytes_out_ += n;
  if (live_) {
    live_->session.OutputWritten(n);
  } else if (after_ != nullptr) {
    after_->refusal.erase(0, n);
  }
}

void ServedSession::OutputEnded() {
  if (stage_ == Stage::kFinish) Enter(Stage::kDiscard);
}

void ServedSession::Discarded(size_t n) {
  // The loop ends here, so no sum is much larger than the limit.
  discarded_bytes_ +=
      static_cast<uint32_t>(std::min<size_t>(n, kMaxDiscarded + 1));
  if (discarded_bytes_ > kMaxDiscarded) GiveUp(CloseReason::kPeerGone);
}

void ServedSession::ReleaseBuffer() {
  input_.Keep();
  if (stage_ != Stage::kInput) return;
  live_->session.ReleaseIdleMemory();
  if (answers_.empty()) std::vector<PostedAnswer>().swap(answers_);
}

void ServedSession::ReadClocks(Instant now) {
  if (std::exchange(entered_, false)) clocks_.entered = now;
  if (std::exchange(fresh_input_, false)) clocks_.last_input = now;
  const size_t waits = output().size();
  if (waits > 0 && bytes_out_ >= output_due_) {
    output_due_ = bytes_out_ + waits;
    clocks_.output = now;
  }
  if (!live_) return;
  if (live_->session.progress() != progress_) {
    progress_ = live_->session.progress();
    clocks_.progress = now;
  }
  if (pace_ != nullptr) {
    const bool our_turn = stage_ == Stage::kAnswer || stage_ == Stage::kSink;
    pace_->Update(live_->session.content(), our_turn, now, bytes_in_);
  }
}

ServedSession::Next ServedSession::Describe() const {
  using Kind = Next::Kind;
  Next next;
  next.output = output();
  switch (stage_) {
    case Stage::kGreetDelay:
    case Stage::kInput:
      next.read = true;
      break;
    case Stage::kPreface:
    case Stage::kAdmission:
    case Stage::kFlush:
    case Stage::kAnswer:
    case Stage::kSink:
    case Stage::kStartTls:
    case Stage::kLastReply:
      break;
    case Stage::kTlsQuestion:
      if (next.output.empty()) next.kind = Kind::kTlsQuestion;
      break;
    case Stage::kHandshake:
      next.kind = Kind::kHandshake;
      break;
    case Stage::kFinish:
      next.kind = Kind::kFinish;
      break;
    case Stage::kDiscard:
      next.kind = Kind::kDiscard;
      break;
    case Stage::kRunning:
      next.kind = Kind::kBusy;
      break;
    case Stage::kClosed:
      next.kind = Kind::kClose;
      next.output = {};
      break;
  }
  return next;
}

TimeFacts ServedSession::facts() const {
  return {times_, clocks_, live_ ? &live_->session : nullptr, pace_.get(),
          !output().empty()};
}

Instant ServedSession::deadline() const {
  return FirstDeadline(stage_, facts());
}

void ServedSession::OnDeadline(Instant now) {
  if (entered_) return;  // the stage is new, with another deadline
  const TimeFacts facts = this->facts();
  for (const TimeRule& rule : TimeRules()) {
    if (!rule.AppliesIn(stage_) || now < rule.Deadline(facts)) continue;
    if (rule.from == TimeRule::From::kPace && !pace_->TooSlow(now, bytes_in_)) {
      continue;
    }
    switch (rule.then) {
      case TimeRule::Then::kClose:
        late_handshake_ = stage_ == Stage::kHandshake;
        return GiveUp(CloseReason::kTimeout);
      case TimeRule::Then::kTurnAway:
        return Refuse(NotAdmitted());
      case TimeRule::Then::kGreet:
        opened_ = true;
        return Enter(Stage::kRunning);
      case TimeRule::Then::kTimeOut:
        live_->session.TimedOut();
        return Enter(Stage::kRunning);
    }
  }
}

}  // namespace postern
