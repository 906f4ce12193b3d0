// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/hop_link.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "delivery/one_verdict.h"

namespace postern::delivery {
namespace {

// Replies are short. More is left in the socket.
constexpr size_t kRead = 4096;
constexpr size_t kMaxInput = size_t{64} << 10;
// Pieces of output are collected up to this size. A piece of this size is
// written without a copy.
constexpr size_t kGather = 4096;

}  // namespace

Reply HopFailure::ToReply() const {
  EnhancedCode code = {4, 4, 2};  // a bad connection
  switch (kind) {
    case Kind::kUnreachable:
      code = {4, 4, 1};  // no answer from host
      break;
    case Kind::kRefused:
    case Kind::kShutdown:
      code = {4, 3, 2};  // the system does not accept messages
      break;
    case Kind::kBusy:
      code = {4, 4, 5};  // congestion
      break;
    case Kind::kProtocol:
    case Kind::kContent:
      code = {4, 5, 0};
      break;
    case Kind::kLost:
    case Kind::kTimeout:
    case Kind::kSlow:
      break;
  }
  return {451, code,
          absl::StrCat("the next hop ", what, " (#4.", code.subject, ".",
                       code.detail, ")")};
}

HopLink::HopLink(Owner* owner, HopDriver* driver, const ClientConfig* config,
                 HopAddress address, std::string host)
    : owner_(*owner),
      driver_(*driver),
      address_(std::move(address)),
      host_(std::move(host)),
      session_(*config),
      lent_(driver->now()),
      entered_(driver->now()),
      since_(driver->now()) {}

HopLink::~HopLink() = default;

void HopLink::Start() {
  hello_ = session_.Greet();
  Enter(Stage::kConnecting);
  wire_ = driver_.Connect(address_, [weak = weak_from_this()] {
    if (const std::shared_ptr<HopLink> link = weak.lock()) link->Run();
  });
  driver_.timers().Arm(this, Deadline());
  Wake();
}

void HopLink::Wake() {
  if (waking_ || stage_ == Stage::kClosed) return;
  waking_ = true;
  driver_.Later([weak = weak_from_this()] {
    if (const std::shared_ptr<HopLink> link = weak.lock()) {
      link->waking_ = false;
      link->Run();
    }
  });
}

void HopLink::Lend(HopUser* user) {
  user_ = user;
  ++uses_;
  lent_ = driver_.now();
  next_ = HopStage::kEnvelope;
  Wake();
}

void HopLink::EndBody() {
  gathering_ = false;
  // An error closes the session, which OnLost() reports.
  (void)session_.EndBody();
}

void HopLink::Passed(HopStage stage) {
  next_ = HopStage::kMessage;
  owner_.OnPassed(this, stage);
}

void HopLink::Release(Left left) {
  user_ = nullptr;
  user_deadline_.reset();
  if (stage_ != Stage::kReady) return;
  switch (left) {
    case Left::kClean:
      // A reply that came too early has closed the session.
      if (!session_.idle()) return Close(nullptr);
      Enter(Stage::kReady);
      Wake();
      return owner_.OnIdle(this);
    case Left::kEnvelope:
      Enter(Stage::kResetting);
      reset_ = session_.Reset();
      return Wake();
    case Left::kContent:
      return Close(nullptr);
  }
}

void HopLink::set_user_deadline(std::optional<Time> deadline) {
  user_deadline_ = deadline;
  Wake();
}

void HopLink::Quit() {
  if (stage_ == Stage::kClosed || stage_ == Stage::kQuitting) return;
  if (stage_ == Stage::kConnecting) return Close(nullptr);
  Enter(Stage::kQuitting);
  session_.Quit();
  Wake();
}

void HopLink::Enter(Stage stage) {
  stage_ = stage;
  entered_ = since_ = driver_.now();
}

HopLink::Time HopLink::Deadline() const {
  switch (stage_) {
    case Stage::kConnecting:
      return entered_ + kConnectTimeout;
    case Stage::kGreeting:
      return entered_ + kGreetTimeout;
    case Stage::kResetting:
      return entered_ + kResetTimeout;
    case Stage::kQuitting:
      return entered_ + kQuitTimeout;
    case Stage::kReady:
    case Stage::kClosed:
      break;
  }
  if (user_ == nullptr) return entered_ + kIdleTimeout;
  Time deadline = user_deadline_.value_or(Time::max());
  if (waiting_) {
    // Only the reply to a message may take longer than others.
    const absl::Duration asked = session_.ReadTimeout();
    const std::chrono::minutes most = asked > absl::FromChrono(kMessageTimeout)
                                          ? kMessageTimeout
                                          : kReplyTimeout;
    deadline =
        std::min(deadline, since_ + std::min(absl::ToChronoNanoseconds(asked),
                                             std::chrono::nanoseconds(most)));
  }
  return deadline;
}

void HopLink::OnTimer() {
  // What has arrived in time counts, even if the thread was busy.
  Run();
  if (stage_ == Stage::kClosed || driver_.now() < Deadline()) return;
  switch (stage_) {
    case Stage::kConnecting:
      return Fail(HopFailure::Kind::kUnreachable,
                  "does not accept connections: timeout");
    case Stage::kGreeting:
      return Fail(HopFailure::Kind::kTimeout, "does not greet: timeout");
    case Stage::kReady:
      if (user_ == nullptr) return Quit();
      if (user_deadline_ && driver_.now() >= *user_deadline_ &&
          (!waiting_ || driver_.now() - since_ < kHangs)) {
        return Fail(HopFailure::Kind::kSlow, "is too slow: timeout");
      }
      return Fail(HopFailure::Kind::kTimeout, "does not reply: timeout");
    case Stage::kResetting:
    case Stage::kQuitting:
      return Close(nullptr);
    case Stage::kClosed:
      return;
  }
}

void HopLink::Run() {
  if (running_ || stage_ == Stage::kClosed) return;
  // A callback may make the owner drop the link.
  const std::shared_ptr<HopLink> keep = shared_from_this();
  running_ = true;
  while (stage_ != Stage::kClosed && Act()) {
  }
  running_ = false;
  if (stage_ == Stage::kClosed) return;
  if (const Time deadline = Deadline(); deadline < Time::max()) {
    driver_.timers().Arm(this, deadline);
  } else {
    driver_.timers().Disarm(this);
  }
}

bool HopLink::Act() {
  if (stage_ == Stage::kConnecting) {
    const Kind kind = wire_->Connected();
    if (kind == Kind::kEnd) {
      Fail(HopFailure::Kind::kUnreachable,
           absl::StrCat("does not accept connections: ", wire_->error()));
    }
    if (kind != Kind::kOk) return false;
    Enter(Stage::kGreeting);
  }
  const ClientStep step = session_.Advance(in_);
  in_.erase(0, step.consumed);
  const bool waiting = step.kind == ClientStep::Kind::kNeedInput ||
                       step.kind == ClientStep::Kind::kNeedFlush ||
                       !out_.empty();
  if (waiting != waiting_ || session_.progress() != progress_) {
    waiting_ = waiting;
    progress_ = session_.progress();
    since_ = driver_.now();
  }
  switch (step.kind) {
    case ClientStep::Kind::kReply:
      return OnReply(step);
    case ClientStep::Kind::kSkipped:
      if (user_ != nullptr) (void)user_->OnStep(step);
      return true;
    case ClientStep::Kind::kBodyWanted:
      gathering_ = true;
      if (out_.size() < kGather && user_ != nullptr && user_->OnStep(step)) {
        return true;
      }
      // The user may have released the link.
      return stage_ != Stage::kClosed && Transfer();
    case ClientStep::Kind::kNeedInput:
    case ClientStep::Kind::kNeedFlush:
    case ClientStep::Kind::kIdle:
      return Transfer();
    case ClientStep::Kind::kClosed:
      OnSessionClosed(step.reason);
      return false;
    case ClientStep::Kind::kChallenge:
    case ClientStep::Kind::kStartTls:
      break;  // never: this side gives neither command
  }
  Fail(HopFailure::Kind::kProtocol, "sends what no command asked for");
  return false;
}

bool HopLink::OnReply(const ClientStep& step) {
  const Reply& reply = *step.reply;
  if (reply.code == 421) {
    shutdown_ = reply;  // the session closes
    return true;
  }
  switch (stage_) {
    case Stage::kGreeting:
      if (reply.code / 100 != 2) {
        Fail(HopFailure::Kind::kRefused,
             absl::StrCat("does not serve this host: ", Quote(reply)));
        return false;
      }
      if (step.command != hello_) return true;
      Enter(Stage::kReady);
      owner_.OnReady(this);
      return true;
    case Stage::kReady:
      if (user_ != nullptr) (void)user_->OnStep(step);
      return true;
    case Stage::kResetting:
      if (step.command != reset_) return true;
      if (reply.code / 100 != 2) {
        Quit();
        return true;
      }
      Enter(Stage::kReady);
      owner_.OnIdle(this);
      return true;
    case Stage::kConnecting:
    case Stage::kQuitting:
    case Stage::kClosed:
      break;
  }
  return true;
}

size_t HopLink::Write(absl::string_view octets) {
  const net::Channel::Result written = wire_->channel().Write(octets);
  // The server may have given a reason before it closed.
  output_failed_ = written.kind == Kind::kEnd;
  return written.kind == Kind::kOk ? written.count : 0;
}

bool HopLink::Transfer() {
  while (gathering_ && out_.size() < kGather) {
    const absl::string_view piece = session_.Output();
    if (piece.empty() || (out_.empty() && piece.size() >= kGather)) break;
    const size_t count = std::min(piece.size(), kGather - out_.size());
    out_.append(piece.data(), count);
    session_.OutputWritten(count);
  }
  if (!output_failed_ && !out_.empty()) {
    // The end of the content leaves in the same write as its last pieces.
    const size_t gathered = out_.size();
    if (!gathering_) absl::StrAppend(&out_, session_.Output());
    const size_t count = Write(out_);
    out_.resize(gathered);
    if (count > 0) {
      out_.erase(0, std::min(count, gathered));
      if (count > gathered) session_.OutputWritten(count - gathered);
      if (out_.empty()) since_ = driver_.now();
      return true;
    }
  } else if (!output_failed_ && !session_.Output().empty()) {
    if (const size_t count = Write(session_.Output()); count > 0) {
      session_.OutputWritten(count);
      return true;
    }
  }
  if (input_ended_ || in_.size() >= kMaxInput) return false;
  std::array<char, kRead> room;
  const net::Channel::Result read = wire_->channel().Read(absl::MakeSpan(room));
  if (read.kind == Kind::kOk) {
    in_.append(room.data(), read.count);
    return true;
  }
  if (read.kind == Kind::kEnd || output_failed_) {
    input_ended_ = true;
    session_.EndOfInput();
    // The session would wait for output that cannot leave.
    if (output_failed_ && (!out_.empty() || !session_.Output().empty())) {
      OnSessionClosed(ClientClose::kPeerGone);
      return false;
    }
    return true;
  }
  return false;
}

void HopLink::OnSessionClosed(ClientClose reason) {
  // Nothing depends on the connection.
  if (stage_ == Stage::kQuitting || stage_ == Stage::kResetting || idle()) {
    return Close(nullptr);
  }
  switch (reason) {
    case ClientClose::kShutdown:
      return Fail(HopFailure::Kind::kShutdown,
                  absl::StrCat("is not available: ",
                               Quote(shutdown_.value_or(Reply{421, {}, ""}))));
    case ClientClose::kQuit:
    case ClientClose::kPeerGone:
      return Fail(HopFailure::Kind::kLost, "closed the connection");
    case ClientClose::kTimeout:
      return Fail(HopFailure::Kind::kTimeout, "does not reply: timeout");
    case ClientClose::kContent:
      return Fail(HopFailure::Kind::kContent,
                  "cannot get content with a bare newline");
    case ClientClose::kProtocol:
    case ClientClose::kAbuse:
      return Fail(HopFailure::Kind::kProtocol, "sent an invalid reply");
  }
}

void HopLink::Fail(HopFailure::Kind kind, std::string what) {
  HopFailure failure{kind, std::move(what), ""};
  failure.source = absl::StrCat(host_, ": ", failure.what);
  Close(&failure);
}

void HopLink::Close(const HopFailure* failure) {
  const std::shared_ptr<HopLink> keep = shared_from_this();
  stage_ = Stage::kClosed;
  driver_.timers().Disarm(this);
  // The wire may be the caller.
  driver_.Later([wire = std::move(wire_)]() mutable { wire.reset(); });
  HopUser* const user = std::exchange(user_, nullptr);
  owner_.OnClosed(this, failure);
  if (user != nullptr && failure != nullptr) user->OnLost(*failure);
}

}  // namespace postern::delivery
