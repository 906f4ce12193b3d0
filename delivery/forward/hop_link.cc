// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/hop_link.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/base/macros.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "delivery/one_verdict.h"
#include "engine/grammar/domain.h"

namespace postern::delivery {
namespace {

// Replies are short. More is left in the socket.
constexpr size_t kRead = 4096;
constexpr size_t kMaxInput = size_t{64} << 10;
// Pieces of output are collected up to this size. A piece of this size is
// written without a copy.
constexpr size_t kGather = 4096;

constexpr absl::string_view kNoXClient =
    "does not offer XCLIENT to this server";

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
    case Kind::kTls:
      code = {4, 7, 5};  // cryptographic failure
      break;
    case Kind::kLogin:
    case Kind::kCredentials:
      // Not 4.7.8: the credentials are not the client's.
      code = {4, 3, 5};  // system incorrectly configured
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

HopLink::HopLink(Owner* owner, HopDriver* driver, const NextHop* hop,
                 const ClientConfig* config, size_t server, HopAddress address,
                 HopTerms terms, std::string header, ProxiedClient client,
                 Time ready_by)
    : owner_(*owner),
      driver_(*driver),
      hop_(*hop),
      config_(*config),
      server_(server),
      address_(std::move(address)),
      host_(address_.Format()),
      terms_(std::move(terms)),
      single_use_(!header.empty()),
      ready_by_(ready_by),
      header_(std::move(header)),
      client_(std::move(client)),
      session_(*config),
      lent_(driver->now()),
      entered_(driver->now()),
      since_(driver->now()) {}

HopLink::~HopLink() = default;

void HopLink::Start() {
  hello_ = Greet();
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
  next_ = authenticates_each() ? HopStage::kAuth : HopStage::kEnvelope;
  if (hop_.xclient) {
    Enter(Stage::kNaming);
    ProxiedClient client = user->client();
    client_address_ = AddressOf(client);
    // The server would take it for the user that this connection has, and
    // refuse AUTH.
    if (terms_.security.account != nullptr) client.client.login.reset();
    const absl::StatusOr<CommandId> id = session_.NameClient(client);
    unnamed_ = !id.ok();  // Act() reports it: the user does not expect it here
    if (id.ok()) {
      naming_ = *id;
      hello_ = session_.GreetFor(client);
    }
  }
  Wake();
}

absl::StatusOr<CommandId> HopLink::BeginBody(BodyCommand framing) {
  chunks_ = framing == BodyCommand::kBdat;
  absl::StatusOr<CommandId> id = session_.BeginBody(framing);
  Wake();
  return id;
}

void HopLink::EndBody() {
  gathering_ = false;
  // An error closes the session, which OnLost() reports.
  (void)session_.EndBody();
}

void HopLink::Passed(HopStage stage) {
  next_ =
      stage < HopStage::kEnvelope ? HopStage::kEnvelope : HopStage::kMessage;
  owner_.OnPassed(this, stage);
}

void HopLink::Release(Left left) {
  user_ = nullptr;
  user_deadline_.reset();
  if (stage_ == Stage::kNaming || stage_ == Stage::kAuthenticating) {
    return Close(nullptr);
  }
  if (stage_ != Stage::kReady) return;
  // The server takes everything on this connection for this user's client.
  if (single_use_ && left != Left::kContent) return Quit();
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

void HopLink::Leave() {
  if (!idle() || wire_ == nullptr) return;
  session_.Quit();
  (void)Write(session_.Output());
  Close(nullptr);
}

void HopLink::Enter(Stage stage) {
  stage_ = stage;
  entered_ = since_ = driver_.now();
}

bool HopLink::opening() const {
  return stage_ < Stage::kReady && user_ == nullptr;
}

HopLink::Time HopLink::Deadline() const {
  const Time deadline = StageDeadline();
  return opening() ? std::min(deadline, ready_by_) : deadline;
}

HopLink::Time HopLink::StageDeadline() const {
  switch (stage_) {
    case Stage::kConnecting:
      return entered_ + kConnectTimeout;
    case Stage::kGreeting:
      return entered_ + kGreetTimeout;
    case Stage::kStartTls:
    case Stage::kHandshake:
      return entered_ + kTlsTimeout;
    case Stage::kAuthenticating:
      return std::min(entered_ + kAuthTimeout,
                      user_deadline_.value_or(Time::max()));
    case Stage::kNaming:
      return std::min(entered_ + kNamingTimeout,
                      user_deadline_.value_or(Time::max()));
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
  // Something else took the time, such as the servers before this one.
  if (opening() && driver_.now() < StageDeadline()) return FailSlow();
  switch (stage_) {
    case Stage::kConnecting:
      return Fail(HopFailure::Kind::kUnreachable,
                  "does not accept connections: timeout");
    case Stage::kGreeting:
      return Fail(HopFailure::Kind::kTimeout, "does not greet: timeout");
    case Stage::kStartTls:
    case Stage::kHandshake:
      return Fail(HopFailure::Kind::kTls, "does not complete TLS: timeout");
    case Stage::kAuthenticating:
      if (driver_.now() < entered_ + kAuthTimeout) return FailSlow();
      return Fail(HopFailure::Kind::kTimeout, "does not reply: timeout");
    case Stage::kNaming:
      if (driver_.now() < entered_ + kNamingTimeout) return FailSlow();
      return Fail(HopFailure::Kind::kTimeout, "does not reply: timeout");
    case Stage::kReady:
      if (user_ == nullptr) return Quit();
      if (user_deadline_ && driver_.now() >= *user_deadline_ &&
          (!waiting_ || driver_.now() - since_ < kHangs)) {
        return FailSlow();
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
    if (wire_->place() == HopWire::Place::kThisServer) {
      Fail(HopFailure::Kind::kRefused,
           "is this server itself: mail loops back to it");
      return false;
    }
    if (!WriteHeader()) return false;
    if (terms_.implicit_tls) return BeginTls();
    Enter(Stage::kGreeting);
  }
  if (stage_ == Stage::kHandshake) return ContinueHandshake();
  if (stage_ == Stage::kNaming && unnamed_) {
    Fail(HopFailure::Kind::kRefused, std::string(kNoXClient));
    return false;
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
      gathering_ = !chunks_;
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
      return OnChallenge(step.challenge);
    case ClientStep::Kind::kStartTls:
      return BeginTls();
  }
  Fail(HopFailure::Kind::kProtocol, "sends what no command asked for");
  return false;
}

bool HopLink::OnReply(const ClientStep& step) {
  const Reply& reply = *step.reply;
  tls_works_ = tls_ != nullptr;
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
      if (LoopsBack(reply)) {
        Fail(HopFailure::Kind::kRefused,
             "has the name of this server: mail loops back to it");
        return false;
      }
      return Negotiate();
    case Stage::kNaming:
      return OnNamed(step);
    case Stage::kStartTls:
      Fail(HopFailure::Kind::kTls, "refuses TLS", Quote(reply));
      return false;
    case Stage::kAuthenticating:
      return step.command != auth_ || OnAuthReply(reply);
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
    case Stage::kHandshake:
    case Stage::kQuitting:
    case Stage::kClosed:
      break;
  }
  return true;
}

bool HopLink::LoopsBack(const Reply& hello) const {
  constexpr uint16_t kSmtpPort = 25;
  if (hop_.lmtp || address_.port != kSmtpPort ||
      wire_->place() != HopWire::Place::kElsewhere) {
    return false;
  }
  const absl::string_view text = hello.text;
  return EqualDomains(text.substr(0, text.find_first_of(" \n")),
                      config_.host_name);
}

bool HopLink::OnNamed(const ClientStep& step) {
  if (step.reply->code / 100 != 2) {
    Fail(HopFailure::Kind::kRefused,
         absl::StrCat("does not serve the client that XCLIENT names: ",
                      Quote(*step.reply)));
    return false;
  }
  if (step.command != hello_) return true;
  return terms_.security.account != nullptr ? BeginAuth() : BecomeReady();
}

bool HopLink::BecomeReady() {
  Enter(Stage::kReady);
  user_->OnReady();
  return true;
}

bool HopLink::WriteHeader() {
  while (!header_.empty()) {
    const size_t count = Write(header_);
    header_.erase(0, count);
    if (output_failed_) {
      Fail(HopFailure::Kind::kLost, "closed the connection");
      return false;
    }
    if (count == 0) return false;
  }
  return true;
}

bool HopLink::Negotiate() {
  if (tls_ == nullptr && terms_.level != TlsLevel::kNone &&
      (terms_.level != TlsLevel::kMay || terms_.security.tls != nullptr)) {
    if (session_.offers("STARTTLS")) {
      // An error means that the session has closed, which Act() reports.
      if (!session_.StartTls().ok()) return true;
      Enter(Stage::kStartTls);
      return true;
    }
    if (terms_.level != TlsLevel::kMay) {
      Fail(HopFailure::Kind::kTls, "does not offer STARTTLS");
      return false;
    }
  }
  // XCLIENT begins a new session of the server, so AUTH has to follow it.
  if (terms_.security.account != nullptr && !authenticated_ && !hop_.xclient) {
    return BeginAuth();
  }
  // Another server may offer it, so this one must not be used for a client.
  if (hop_.xclient && !session_.keywords().HasParameter("XCLIENT", "ADDR")) {
    Fail(HopFailure::Kind::kRefused, std::string(kNoXClient));
    return false;
  }
  Enter(Stage::kReady);
  owner_.OnReady(this);
  return true;
}

bool HopLink::BeginTls() {
  ABSL_HARDENING_ASSERT(terms_.security.tls != nullptr);
  tls_ = std::make_unique<net::TlsChannel>(terms_.security.tls, terms_.name,
                                           &wire_->channel());
  Enter(Stage::kHandshake);
  return true;
}

bool HopLink::ContinueHandshake() {
  const Kind kind = static_cast<net::TlsChannel&>(channel()).Handshake().kind;
  if (kind == Kind::kEnd) {
    Fail(HopFailure::Kind::kTls,
         absl::StrCat("does not complete TLS: ", tls_->error()));
    return false;
  }
  if (kind != Kind::kOk) return false;
  Enter(Stage::kGreeting);
  if (terms_.implicit_tls) return true;
  session_.TlsStarted();
  hello_ = Greet();
  return true;
}

bool HopLink::BeginAuth() {
  // No other server gets a password, whatever the configuration says.
  if (!terms_.local && (tls_ == nullptr || terms_.level != TlsLevel::kVerify)) {
    Fail(HopFailure::Kind::kLogin, "gets no password without verified TLS");
    return false;
  }
  Enter(Stage::kAuthenticating);
  const std::vector<std::string> offered = absl::StrSplit(
      session_.keywords().Parameters("AUTH"), ' ', absl::SkipEmpty());
  terms_.security.account->Begin(
      offered,
      [weak = weak_from_this(), post = driver_.Poster()](
          absl::StatusOr<std::unique_ptr<ClientExchange>> begun) mutable {
        post([weak = std::move(weak), begun = std::move(begun)]() mutable {
          const std::shared_ptr<HopLink> link = weak.lock();
          if (link != nullptr) link->OnExchange(std::move(begun));
        });
      });
  return true;
}

void HopLink::OnExchange(
    absl::StatusOr<std::unique_ptr<ClientExchange>> begun) {
  if (stage_ != Stage::kAuthenticating) return;  // a timeout, or the end
  if (!begun.ok()) {
    const bool refused = absl::IsPermissionDenied(begun.status());
    return Fail(
        refused ? HopFailure::Kind::kCredentials : HopFailure::Kind::kLogin,
        refused ? "does not accept this server's credentials"
                : "cannot authenticate this server",
        std::string(begun.status().message()));
  }
  exchange_ = *std::move(begun);
  const std::optional<std::string> initial = exchange_->Start();
  const absl::StatusOr<CommandId> command =
      session_.Auth(exchange_->mechanism(), initial);
  if (!command.ok()) {
    return Fail(HopFailure::Kind::kLogin, "cannot authenticate this server",
                std::string(command.status().message()));
  }
  auth_ = *command;
  Run();
}

bool HopLink::OnChallenge(absl::string_view challenge) {
  const std::optional<std::string> response = exchange_->Respond(challenge);
  const absl::Status sent =
      response ? session_.AuthRespond(*response) : session_.AuthCancel();
  // A response that is too long.
  if (!sent.ok()) (void)session_.AuthCancel();
  return true;
}

bool HopLink::OnAuthReply(const Reply& reply) {
  std::unique_ptr<ClientExchange> exchange = std::move(exchange_);
  std::string detail = Quote(reply);
  if (reply.code / 100 == 2) {
    if (exchange->Accepted()) {
      authenticated_ = true;
      if (user_ == nullptr) return Negotiate();
      Passed(HopStage::kAuth);
      return BecomeReady();
    }
    Fail(HopFailure::Kind::kLogin, "has not proved who it is",
         exchange->error());
    return false;
  }
  if (!exchange->error().empty()) {
    absl::StrAppend(&detail, " (", exchange->error(), ")");
  }
  // 501: this side has cancelled, or the server cannot read the message.
  if (!reply.permanent() || reply.code == 501) {
    Fail(HopFailure::Kind::kLogin, "cannot authenticate this server",
         std::move(detail));
    return false;
  }
  if (exchange->Refused()) {
    exchange.reset();
    return BeginAuth();
  }
  Fail(HopFailure::Kind::kCredentials,
       "does not accept this server's credentials", std::move(detail));
  return false;
}

net::Channel& HopLink::channel() {
  net::Channel& below = wire_->channel();
  return tls_ != nullptr ? *tls_ : below;
}

size_t HopLink::Write(absl::string_view octets) {
  const net::Channel::Result written = channel().Write(octets);
  // The server may have given a reason before it closed.
  output_failed_ = written.kind == Kind::kEnd;
  return written.kind == Kind::kOk ? written.count : 0;
}

bool HopLink::Transfer() {
  const size_t before = out_.size();
  while (gathering_ && out_.size() < kGather) {
    const absl::string_view piece = session_.Output();
    if (piece.empty() || (out_.empty() && piece.size() >= kGather)) break;
    const size_t count = std::min(piece.size(), kGather - out_.size());
    out_.append(piece.data(), count);
    session_.OutputWritten(count);
  }
  // The user may have more content now, or its end.
  if (out_.size() > before && out_.size() < kGather) return true;
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
  const net::Channel::Result read = channel().Read(absl::MakeSpan(room));
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
      if (stage_ == Stage::kStartTls) {
        return Fail(HopFailure::Kind::kTls,
                    "closed the connection after STARTTLS");
      }
      // In TLS 1.3 the handshake ends for the client before the server has
      // judged the client's part, so the alert comes afterwards.
      if (stage_ == Stage::kGreeting && tls_ != nullptr && !tls_works_) {
        const std::string error = tls_->error();
        return Fail(HopFailure::Kind::kTls,
                    absl::StrCat("does not complete TLS: ",
                                 error.empty() ? "server closed the connection"
                                               : error));
      }
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

void HopLink::FailSlow() {
  Fail(HopFailure::Kind::kSlow, "is too slow: timeout");
}

void HopLink::Fail(HopFailure::Kind kind, std::string what,
                   std::string detail) {
  HopFailure failure{kind, std::move(what), ""};
  if (detail.empty() && kind == HopFailure::Kind::kLost && tls_ != nullptr) {
    detail = tls_->error();
  }
  failure.source = absl::StrCat(host_, ": ", failure.what,
                                detail.empty() ? "" : ": ", detail);
  Close(&failure);
}

void HopLink::Close(const HopFailure* failure) {
  const std::shared_ptr<HopLink> keep = shared_from_this();
  stage_ = Stage::kClosed;
  driver_.timers().Disarm(this);
  exchange_.reset();
  // After a reply, the server expects close_notify, and not just the end.
  if (tls_ != nullptr)
    (void)static_cast<net::TlsChannel&>(channel()).Shutdown();
  // The wire may be the caller.
  driver_.Later([wire = std::move(wire_), tls = std::move(tls_)]() mutable {
    tls.reset();
    wire.reset();
  });
  HopUser* const user = std::exchange(user_, nullptr);
  owner_.OnClosed(this, failure);
  if (user != nullptr && failure != nullptr) user->OnLost(*failure);
}

}  // namespace postern::delivery
