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
                             Options options)
    : times_(*times), options_(options) {
  clocks_.began = clocks_.entered = now;
}

ServedSession::~ServedSession() {
  // A mail transaction or an exchange may answer while it is destroyed.
  live_.reset();
}

void ServedSession::AwaitPreface() { Enter(SessionStage::kPreface); }

void ServedSession::PrefaceRead() {
  if (stage_ == SessionStage::kPreface) Enter(SessionStage::kAdmission);
}

void ServedSession::Begin(const ServerConfig& config,
                          ResponderOptions responder, SessionInfo info,
                          WireFilter* filter) {
  if (stage_ != SessionStage::kAdmission || given_up_) return;
  live_.emplace(config, WithPost(std::move(responder)), std::move(info));
  if (filter != nullptr) {
    live_->filter = filter;
    live_->session.ReportReplies();
  }
  if (observer() != nullptr) observer()->OnBegin(config, *this->info());
  Start();
  if (options_.tls_first) {
    Enter(SessionStage::kHandshake);
  } else {
    BeginGreeting();
  }
}

void ServedSession::Continue(const ServerConfig& config, SessionHandoff handoff,
                             ResponderOptions responder, SessionInfo info) {
  if (stage_ != SessionStage::kAdmission || given_up_) return;
  live_.emplace(config, std::move(handoff), WithPost(std::move(responder)),
                std::move(info));
  if (observer() != nullptr) observer()->OnBegin(config, *this->info());
  Start();
  opened_ = true;
  Enter(SessionStage::kRunning);
}

ResponderOptions ServedSession::WithPost(ResponderOptions responder) {
  if (!responder.post) {
    responder.post = [this](PostedAnswer answer) { Answer(std::move(answer)); };
  }
  return responder;
}

void ServedSession::Start() {
  if (shutting_down_) {
    Observe(SessionObserver::Event::kShutdown);
    live_->session.Shutdown();
  }
  if (times_.pace.min_rate > 0) pace_ = std::make_unique<Pace>(&times_.pace);
}

void ServedSession::BeginGreeting() {
  const bool waits =
      times_.greet_delay > absl::ZeroDuration() && !shutting_down_;
  opened_ = !waits;
  Enter(waits ? SessionStage::kGreetDelay : SessionStage::kRunning);
}

void ServedSession::Refuse(const Reply& reply) {
  if (stage_ != SessionStage::kAdmission || given_up_) return;
  if (options_.tls_first) return GiveUp(CloseReason::kRefused);
  after_ = std::make_unique<After>();
  after_->refusal = FormatReply(reply);
  reason_ = CloseReason::kRefused;
  Enter(SessionStage::kLastReply);
}

ServedSession::Next ServedSession::Advance(Instant now) {
  uint32_t work = 0;
  while (Settle(now) && work < kMaxWork) work += TakeStep(now);
  if (stage_ != SessionStage::kRunning) ReadClocks(now);
  Next next = Describe();
  next.work = work;
  return next;
}

void ServedSession::Answer(PostedAnswer&& answer) {
  answers_.push_back(std::move(answer));
}

bool ServedSession::Settle(Instant now) {
  if (!answers_.empty()) TakeAnswers(now);
  if (filter() != nullptr) RunFilter(now);
  if (given_up_ && stage_ != SessionStage::kClosed) {
    End(now, /*flushed=*/false);
    Enter(SessionStage::kClosed);
  }
  switch (stage_) {
    case SessionStage::kFlush:
      if (live_->session.Output().size() < live_->session.config().max_output)
        Enter(SessionStage::kRunning);
      break;
    case SessionStage::kStartTls:
      if (AllWritten()) Enter(SessionStage::kHandshake);
      break;
    case SessionStage::kLastReply:
      if (AllWritten()) LastReplyTaken(now);
      break;
    case SessionStage::kPreface:
    case SessionStage::kAdmission:
    case SessionStage::kHandshake:
    case SessionStage::kGreetDelay:
    case SessionStage::kRunning:
    case SessionStage::kInput:
    case SessionStage::kAnswer:
    case SessionStage::kContentBlocked:
    case SessionStage::kTlsQuestion:
    case SessionStage::kFinish:
    case SessionStage::kDiscard:
    case SessionStage::kClosed:
      break;
  }
  return stage_ == SessionStage::kRunning;
}

void ServedSession::TakeAnswers(Instant now) {
  // An answer may lead to another one.
  for (size_t i = 0; i < answers_.size() && live_; ++i) {
    if (std::holds_alternative<TransactionReady>(answers_[i].what)) {
      if (stage_ == SessionStage::kContentBlocked) Resume(now);
    } else {
      // The responder may add another answer, which may move `answers_`.
      PostedAnswer answer = std::move(answers_[i]);
      live_->responder.Answer(std::move(answer));
      if (stage_ == SessionStage::kAnswer) Resume(now);
    }
  }
  answers_.clear();
}

// The client has waited for an answer. That time does not count against it.
void ServedSession::Resume(Instant now) {
  if (!entered_) {
    clocks_.progress = clocks_.progress + (now - clocks_.entered);
  }
  Enter(SessionStage::kRunning);
}

void ServedSession::RunFilter(Instant now) {
  WireFilter& filter = *live_->filter;
  for (const GivenReply& reply : live_->session.TakeReplies()) {
    const absl::string_view octets =
        live_->session.Output().substr(0, reply.size);
    if (observer() != nullptr) observer()->OnReplies(octets);
    filter.OnReply(reply, octets, now);
    live_->session.OutputWritten(reply.size);
  }
  filter.Advance(now);
  if (filter.closes()) Abandon();
  // The client has ended its input, and waits for what never comes.
  const bool ended =
      live_->peer_closed ||
      (stage_ == SessionStage::kLastReply && reason_ == CloseReason::kPeerGone);
  if (ended && FilterStalls()) GiveUp(CloseReason::kPeerGone);
}

bool ServedSession::FilterWaits() const {
  const WireFilter* filter = this->filter();
  if (filter == nullptr || !filter->Output().empty()) return false;
  return filter->holds() ||
         (stage_ == SessionStage::kInput && filter->Room() == 0);
}

bool ServedSession::FilterStalls() const {
  if (!FilterWaits() || filter()->deadline() != Instant::Never()) return false;
  return stage_ == SessionStage::kStartTls ||
         stage_ == SessionStage::kLastReply ||
         (stage_ == SessionStage::kInput && filter()->Room() == 0);
}

bool ServedSession::AllWritten() const {
  return output().empty() && (filter() == nullptr || !filter()->holds());
}

uint32_t ServedSession::TakeStep(Instant now) {
  const Step step = live_->session.Advance(input_.view());
  if (live_->filter != nullptr && step.consumed > 0) {
    live_->filter->OnInput(input_.view().substr(0, step.consumed), step.secret,
                           now);
  }
  if (observer() != nullptr && step.consumed > 0) {
    observer()->OnConsumed(input_.view().substr(0, step.consumed),
                           step.secret);
  }
  input_.Wipe(step.secret);
  input_.Consume(step.consumed);
  live_->responder.OnAdvanced();
  in_body_ = step.kind == Step::Kind::kBody ||
             (in_body_ && step.kind == Step::Kind::kNeedInput);
  // Consumed octets stay readable until the step is done.
  switch (step.kind) {
    case Step::Kind::kAsk:
      if (observer() != nullptr) {
        observer()->OnAsk(*step.ask, live_->session.envelope());
      }
      OnAsk(*step.ask);
      break;
    case Step::Kind::kBody:
      if (!live_->responder.OnBody(step.body))
        Enter(SessionStage::kContentBlocked);
      break;
    case Step::Kind::kAborted:
      live_->responder.OnAborted();
      break;
    case Step::Kind::kNeedInput:
      idle_ = live_->session.idle();
      Enter(SessionStage::kInput);
      break;
    case Step::Kind::kNeedFlush:
      Enter(SessionStage::kFlush);
      break;
    case Step::Kind::kWaiting:
      Enter(SessionStage::kAnswer);
      break;
    case Step::Kind::kStartTls:
      Enter(SessionStage::kStartTls);
      break;
    case Step::Kind::kClosed:
      if (observer() != nullptr) observer()->OnClosed(step.reason);
      reason_ = step.reason;
      Enter(SessionStage::kLastReply);
      break;
  }
  return static_cast<uint32_t>(1 + step.consumed / kOctetsOfAUnit);
}

void ServedSession::OnAsk(const Ask& ask) {
  // If plaintext has arrived after STARTTLS, the session must decide.
  if (options_.asks_for_tls && std::holds_alternative<StartTls>(ask.what) &&
      input_.view().empty()) {
    tls_question_ = &ask;
    Enter(SessionStage::kTlsQuestion);
  } else {
    live_->responder.OnAsk(ask);
  }
}

void ServedSession::AllowTls(bool available) {
  if (stage_ != SessionStage::kTlsQuestion) return;
  if (available) {
    live_->responder.OnAsk(*tls_question_);
  } else {
    const Verdict refusal = Verdict::Refuse(TlsNotAvailable());
    if (observer() != nullptr) {
      observer()->OnAnswer(tls_question_->id, {&refusal, 1});
    }
    (void)live_->session.Complete(tls_question_->id, refusal);  // it is open
  }
  Enter(SessionStage::kRunning);
}

void ServedSession::TlsStarted(TlsInfo info) {
  if (stage_ != SessionStage::kHandshake) return;
  live_->responder.TlsStarted(std::move(info));
  if (opened_) {
    Enter(SessionStage::kRunning);
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
  Enter(expected ? SessionStage::kClosed : SessionStage::kFinish);
}

void ServedSession::End(Instant now, bool flushed) {
  if (observer() != nullptr) {
    if (!live_->session.Output().empty()) {
      observer()->OnReplies(live_->session.Output());
    }
    observer()->OnEnd(input_.view(), reason_);
  }
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
  shutting_down_ = true;
  if (!live_) {
    if (stage_ == SessionStage::kPreface) Abandon();
    return;
  }
  Observe(SessionObserver::Event::kShutdown);
  live_->session.Shutdown();
  switch (stage_) {
    case SessionStage::kHandshake:
      // After STARTTLS the handshake continues and a 421 follows, because a
      // client whose handshake fails may send its mail without TLS.
      if (!opened_) Abandon();
      break;
    case SessionStage::kGreetDelay:
    case SessionStage::kInput:
      opened_ = true;
      Enter(SessionStage::kRunning);
      break;
    case SessionStage::kPreface:
    case SessionStage::kAdmission:
    case SessionStage::kRunning:
    case SessionStage::kFlush:
    case SessionStage::kAnswer:
    case SessionStage::kContentBlocked:
    case SessionStage::kTlsQuestion:
    case SessionStage::kStartTls:
    case SessionStage::kLastReply:
    case SessionStage::kFinish:
    case SessionStage::kDiscard:
    case SessionStage::kClosed:
      break;
  }
}

absl::Span<char> ServedSession::Room(absl::Span<char> shared) {
  const size_t most =
      in_body_ ? shared.size()
               : std::max(kReadAhead, live_->session.config().InputRoom());
  const absl::Span<char> room = input_.Room(shared, most);
  return filter() == nullptr ? room : room.subspan(0, filter()->Room());
}

void ServedSession::Received(size_t n) {
  input_.Filled(n);
  if (filter() != nullptr) filter()->OnRead(n);
  if (observer() != nullptr) observer()->OnRead(n);
  bytes_in_ += n;
  fresh_input_ = true;
  if (stage_ == SessionStage::kGreetDelay) {
    Observe(SessionObserver::Event::kTalkedEarly);
    live_->session.TalkedEarly();
    opened_ = true;
  }
  Enter(SessionStage::kRunning);
}

void ServedSession::EndOfInput() {
  switch (stage_) {
    case SessionStage::kGreetDelay:
    case SessionStage::kInput:
      Observe(SessionObserver::Event::kEndOfInput);
      live_->session.EndOfInput();
      opened_ = true;
      Enter(SessionStage::kRunning);
      break;
    case SessionStage::kPreface:
    case SessionStage::kFinish:
    case SessionStage::kDiscard:
      GiveUp(CloseReason::kPeerGone);
      break;
    case SessionStage::kAdmission:
    case SessionStage::kHandshake:
    case SessionStage::kRunning:
    case SessionStage::kFlush:
    case SessionStage::kAnswer:
    case SessionStage::kContentBlocked:
    case SessionStage::kTlsQuestion:
    case SessionStage::kStartTls:
    case SessionStage::kLastReply:
    case SessionStage::kClosed:
      break;
  }
}

absl::string_view ServedSession::output() const {
  if (filter() != nullptr) return filter()->Output();
  if (live_) return live_->session.Output();
  if (after_ != nullptr) return after_->refusal;
  return {};
}

void ServedSession::Written(size_t n) {
  bytes_out_ += n;
  if (filter() != nullptr) {
    filter()->OutputWritten(n);
  } else if (live_) {
    if (observer() != nullptr) {
      observer()->OnReplies(live_->session.Output().substr(0, n));
    }
    live_->session.OutputWritten(n);
  } else if (after_ != nullptr) {
    after_->refusal.erase(0, n);
  }
}

void ServedSession::OutputEnded() {
  if (stage_ == SessionStage::kFinish) Enter(SessionStage::kDiscard);
}

void ServedSession::Discarded(size_t n) {
  // The loop ends here, so no sum is much larger than the limit.
  discarded_bytes_ +=
      static_cast<uint32_t>(std::min<size_t>(n, kMaxDiscarded + 1));
  if (discarded_bytes_ > kMaxDiscarded) GiveUp(CloseReason::kPeerGone);
}

void ServedSession::ReleaseBuffer() {
  input_.Keep();
  if (stage_ != SessionStage::kInput) return;
  live_->session.ReleaseIdleMemory();
  if (answers_.empty()) std::vector<PostedAnswer>().swap(answers_);
}

void ServedSession::ReadClocks(Instant now) {
  if (std::exchange(entered_, false)) clocks_.entered = now;
  if (std::exchange(fresh_input_, false)) clocks_.last_input = now;
  const size_t unwritten = output().size();
  if (unwritten > 0 && bytes_out_ >= output_due_) {
    output_due_ = bytes_out_ + unwritten;
    clocks_.output = now;
  }
  if (!live_) return;
  // The client has waited for the filter. That time does not count against it.
  const bool waits = FilterWaits();
  if (live_->filter_waits || waits) {
    clocks_.progress = clocks_.last_input = now;
  }
  live_->filter_waits = waits;
  if (live_->session.progress() != progress_) {
    progress_ = live_->session.progress();
    clocks_.progress = now;
  }
  if (pace_ != nullptr) {
    const bool our_turn = stage_ == SessionStage::kAnswer ||
                          stage_ == SessionStage::kContentBlocked;
    pace_->Update(live_->session.content(), our_turn, now, bytes_in_);
  }
}

ServedSession::Next ServedSession::Describe() const {
  using Kind = Next::Kind;
  Next next;
  next.output = output();
  switch (stage_) {
    case SessionStage::kGreetDelay:
    case SessionStage::kInput:
      next.read = filter() == nullptr || filter()->Room() > 0;
      break;
    case SessionStage::kPreface:
    case SessionStage::kAdmission:
    case SessionStage::kFlush:
    case SessionStage::kAnswer:
    case SessionStage::kContentBlocked:
    case SessionStage::kStartTls:
    case SessionStage::kLastReply:
      break;
    case SessionStage::kTlsQuestion:
      if (next.output.empty()) next.kind = Kind::kTlsQuestion;
      break;
    case SessionStage::kHandshake:
      next.kind = Kind::kHandshake;
      break;
    case SessionStage::kFinish:
      next.kind = Kind::kFinish;
      break;
    case SessionStage::kDiscard:
      next.kind = Kind::kDiscard;
      break;
    case SessionStage::kRunning:
      next.kind = Kind::kBusy;
      next.output = {};
      break;
    case SessionStage::kClosed:
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
  const WireFilter* filter = this->filter();
  if (filter == nullptr) return FirstDeadline(stage_, facts());
  // While the filter delays the session, only the end of its time limits it.
  return std::min(filter->deadline(),
                  FilterWaits() ? clocks_.began + times_.session_timeout
                                : FirstDeadline(stage_, facts()));
}

void ServedSession::OnDeadline(Instant now) {
  if (filter() != nullptr && filter()->deadline() <= now) {
    return filter()->Advance(now);
  }
  if (FilterWaits()) {
    if (now >= clocks_.began + times_.session_timeout) {
      GiveUp(CloseReason::kTimeout);
    }
    return;
  }
  if (entered_) return;  // the stage is new, with another deadline
  const TimeFacts facts = this->facts();
  for (const TimeRule& rule : TimeRules()) {
    if (!rule.AppliesIn(stage_) || now < rule.Deadline(facts)) continue;
    if (rule.from == TimeRule::From::kPace && !pace_->TooSlow(now, bytes_in_)) {
      continue;
    }
    switch (rule.then) {
      case TimeRule::Then::kClose:
        late_handshake_ = stage_ == SessionStage::kHandshake;
        return GiveUp(CloseReason::kTimeout);
      case TimeRule::Then::kRefuse:
        return Refuse(NotAdmitted());
      case TimeRule::Then::kGreet:
        opened_ = true;
        return Enter(SessionStage::kRunning);
      case TimeRule::Then::kTimeOut:
        Observe(SessionObserver::Event::kTimedOut);
        live_->session.TimedOut();
        return Enter(SessionStage::kRunning);
    }
  }
}

}  // namespace postern
