// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/server_session.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "absl/base/macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/answer_check.h"
#include "engine/auth_line.h"
#include "engine/capabilities.h"
#include "engine/grammar/mechanism.h"

namespace postern {
namespace {

// Returns `line` without its leading white space.
absl::string_view StripLeadingSpace(absl::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line;
}

// Whether a line is an AUTH command, or was meant to be one. The rest of it,
// and what follows it, may be a password, even if the command is refused.
bool MeansAuth(absl::string_view line) {
  return absl::StartsWithIgnoreCase(StripLeadingSpace(line), "AUTH");
}

// Whether a line is a BDAT command, or was meant to be one. A message may
// follow it: if the line cannot be parsed, what follows must not be read as
// commands.
bool MeansBdat(absl::string_view line) {
  line = StripLeadingSpace(line);
  return absl::StartsWithIgnoreCase(line, "BDAT") &&
         (line.size() == 4 || !absl::ascii_isalnum(line[4]));
}

// Returns the part of a command line that a log may show. For AUTH, and for
// what was meant to be AUTH, that excludes the initial response.
absl::string_view ShownCommand(absl::string_view line) {
  constexpr absl::string_view kAuth = "AUTH";
  if (!MeansAuth(line)) return line.substr(0, Refusal::kMaxCommand);
  line = StripLeadingSpace(line);
  // A command may have the mechanism in lower case, but then base64 would look
  // like one, too, so only upper case is shown.
  absl::string_view rest = line.substr(kAuth.size());
  if (absl::StartsWith(rest, " ")) rest.remove_prefix(1);
  const absl::string_view word = rest.substr(0, rest.find(' '));
  const size_t before = line.size() - rest.size();
  return line.substr(0,
                     IsMechanism(word) ? before + word.size() : kAuth.size());
}

bool IsQuit(const std::variant<Command, Reply>& parsed) {
  const auto* command = std::get_if<Command>(&parsed);
  return command != nullptr && command->row->verb == Verb::kQuit;
}

// Whether a client must wait for the reply to this command before it sends
// more.
bool EndsGroup(const Command& command) {
  if (command.row->verb != Verb::kAuth) return command.row->ends_group;
  // With an initial response the exchange may need only this one line. Without
  // it, the client must wait for the challenge.
  return command.argument.find(' ') == absl::string_view::npos;
}

}  // namespace

ServerSession::ServerSession(const ServerConfig& config)
    : config_(config), output_(config.max_output) {}

ServerSession::ServerSession(const ServerConfig& config, SessionHandoff handoff)
    : ServerSession(config) {
  state_ = State::kContinued;
  client_ = std::move(handoff);
}

Step ServerSession::Advance(absl::string_view in) {
  size_t consumed = 0;
  size_t secret = 0;
  while (true) {
    std::optional<Step> step = Run(in.substr(consumed), &consumed);
    if (std::exchange(secret_, false)) secret = consumed;
    if (!step) continue;
    step->consumed = consumed;
    step->secret = secret;
    wants_input_ = step->kind == Step::Kind::kNeedInput;
    line_ = {};  // its bytes belong to the caller
    return *step;
  }
}

std::optional<Step> ServerSession::Run(absl::string_view in, size_t* consumed) {
  if (abort_due_) {
    abort_due_ = false;
    Step step{Step::Kind::kAborted};
    if (intake_ != nullptr && std::exchange(intake_->refusal_due, false)) {
      step.refusal = intake_->refusal.get();
    }
    return step;
  }
  if (state_ == State::kClosed) {
    Step step{Step::Kind::kClosed};
    step.reason = reason_;
    return step;
  }
  if (Output().size() >= config_.max_output) {
    return Step{Step::Kind::kNeedFlush};
  }
  if (shutting_down_ && asks_.empty() &&
      (state_ == State::kStart || state_ == State::kContinued ||
       state_ == State::kAuth ||
       (state_ == State::kCommand && transaction_ != Transaction::kChunks))) {
    if (GivenReply* next = next_reply()) *next = {};
    Refuse({421, {4, 3, 2}, "shutting down, try again later (#4.3.2)"}, "");
    Close(CloseReason::kShutdown);
    return std::nullopt;
  }
  switch (state_) {
    case State::kStart:
      state_ = State::kCommand;
      return AskStep(asks_.Open(Connected{}));
    case State::kContinued:
      state_ = State::kCommand;
      return AskStep(asks_.Open(StartTls{}));
    case State::kCommand:
      return RunCommands(in, consumed);
    case State::kAuth:
      return RunAuth(in, consumed);
    case State::kBody:
      return RunBody(in, consumed);
    case State::kDiscardChunk:
      return RunDiscardChunk(in, consumed);
    case State::kStartTls:
      return RunStartTls(in);
    case State::kClosed:
      break;
  }
  return std::nullopt;
}

std::optional<Step> ServerSession::RunStartTls(absl::string_view in) {
  // Plaintext after STARTTLS would be taken for data that TLS has protected
  // (CVE-2011-0411). There is no reply: the client has its 220, and expects a
  // handshake.
  if (!in.empty()) {
    Close(CloseReason::kAbuse);
  } else if (input_ended_) {
    Close(CloseReason::kPeerGone);
  } else {
    return Step{Step::Kind::kStartTls};
  }
  return std::nullopt;
}

Step ServerSession::AskStep(const Ask* ask) {
  Step step;
  step.kind = Step::Kind::kAsk;
  step.ask = ask;
  return step;
}

std::optional<Step> ServerSession::WantInput() {
  if (!input_ended_) return Step{Step::Kind::kNeedInput};
  Close(CloseReason::kPeerGone);
  return std::nullopt;
}

LineReader::Result ServerSession::ReadLine(absl::string_view in,
                                           size_t max_line) {
  return reader_.Next(in, max_line, config_.strictness);
}

std::optional<Step> ServerSession::RefuseBareLf(absl::string_view command) {
  Refuse({500, {5, 5, 2}, "bare LF in command, lines end in CRLF (#5.5.2)"},
         command);
  Close(CloseReason::kAbuse);
  return std::nullopt;
}

std::optional<Step> ServerSession::RunCommands(absl::string_view in,
                                               size_t* consumed) {
  if (!asks_.empty()) return LookAhead(in, consumed);
  next_waits_ = false;
  const bool begun = !reader_.discarding();
  const LineReader::Result read = ReadLine(in, config_.max_line);
  if (begun && read.kind != LineReader::Result::Kind::kLine &&
      read.consumed > 0) {
    overlong_bdat_ = MeansBdat(in);
  }
  *consumed += read.consumed;
  // An overlong line is consumed in pieces, and may be an AUTH command.
  const bool piece = read.kind != LineReader::Result::Kind::kLine &&
                     read.line.empty() && read.consumed > 0;
  if (piece) secret_ = true;
  if (read.kind == LineReader::Result::Kind::kPartial) return WantInput();
  line_ = read.line;  // empty if the line is too long
  if (GivenReply* next = next_reply()) *next = {};
  // Even if it is not served, or out of turn: the client has sent the password.
  secret_ = piece || MeansAuth(read.line);
  ++progress_;
  const bool whole = read.kind == LineReader::Result::Kind::kLine;
  const auto parsed = ParseCommand(read.line, config_.strictness);
  if (client_.errors >= config_.max_errors ||
      client_.auth_failures >= config_.max_auth_failures) {
    // RFC 5321 4.1.1.10: QUIT gets its 221 at any time.
    if (!whole || !IsQuit(parsed)) {
      Refuse({421, {4, 7, 0}, "too many errors (#4.7.0)"});
      Close(CloseReason::kAbuse);
      return std::nullopt;
    }
  }
  if (read.kind == LineReader::Result::Kind::kBareLf) {
    return RefuseBareLf(line_);
  }
  if (!whole) {
    Refuse({500, {5, 5, 2}, "line too long (#5.5.2)"});
    if (overlong_bdat_) Close(CloseReason::kAbuse);
    return std::nullopt;
  }
  if (const auto* reply = std::get_if<Reply>(&parsed)) {
    Refuse(*reply);
    if (MeansBdat(read.line)) Close(CloseReason::kAbuse);
    return std::nullopt;
  }
  const Command& command = std::get<Command>(parsed);
  if (command.row->verb != Verb::kUnknown) {
    after_auth_ = command.row->verb == Verb::kAuth;
  }
  if (in.size() > read.consumed && command.row->verb != Verb::kQuit &&
      (EndsGroup(command) || !client_.extended)) {
    client_.violations.pipelining = true;
    if (config_.pipelining == OutOfTurn::kReject) {
      Refuse({554, {5, 5, 0}, "you must wait for my replies (#5.5.0)"});
      Close(CloseReason::kAbuse);
      return std::nullopt;
    }
  }
  const std::optional<Step> step = OnCommand(command);
  if (command.row->verb == Verb::kUnknown && MeansBdat(read.line)) {
    Close(CloseReason::kAbuse);
  }
  return step;
}

std::optional<Step> ServerSession::OnCommand(const Command& command) {
  const Ask* ask = Serve(command);
  if (ask == nullptr) return std::nullopt;
  return AskStep(ask);
}

const Ask* ServerSession::Serve(const Command& command) {
  const Verb verb = command.row->verb;
  if (GivenReply* next = next_reply(); next && verb != Verb::kUnknown) {
    next->verb = command.row->name;
  }
  const Phase now = phase();
  if (verb == Verb::kBdat) {
    auto chunk = ParseBdat(command.argument);
    if (auto* reply = std::get_if<Reply>(&chunk)) {
      Refuse(*reply);
      Close(CloseReason::kAbuse);  // the next command's position is unknown
      return nullptr;
    }
    return OnBdat(std::get<Chunk>(chunk));
  }
  const std::vector<std::string>& more = config_.more_verbs;
  const bool served =
      verb == Verb::kUnimplemented
          ? std::find(more.begin(), more.end(), command.row->name) != more.end()
          : Serves(config_, tls_.get(), verb);
  if (now != Phase::kRefused && !served) {
    Refuse(NotServed(verb));
    return nullptr;
  }
  if (!command.row->AllowedIn(now)) {
    Refuse(OutOfSequence(verb, now));
    return nullptr;
  }
  switch (verb) {
    case Verb::kHelo:
      return OnHello(Hello::Verb::kHelo, command.argument);
    case Verb::kEhlo:
      return OnHello(Hello::Verb::kEhlo, command.argument);
    case Verb::kLhlo:
      return OnHello(Hello::Verb::kLhlo, command.argument);
    case Verb::kMail:
      return OnMail(command.argument);
    case Verb::kRcpt:
      return OnRcpt(command.argument);
    case Verb::kData:
      if (envelope_->parameters.body == BodyType::kBinaryMime) {
        Refuse({503, {5, 5, 1}, "BODY=BINARYMIME needs BDAT (#5.5.1)"});
        return nullptr;
      }
      intake().chunked = false;
      return asks_.Open(BeginBody());
    case Verb::kVrfy:
      return OnVrfy(command.argument);
    case Verb::kRset:
      Abort();
      Say({250, {2, 0, 0}, "flushed"});
      return nullptr;
    case Verb::kNoop:
      Say({250, {2, 0, 0}, "ok"});
      return nullptr;
    case Verb::kHelp:
      Say(HelpReply(config_, tls_.get()));
      return nullptr;
    case Verb::kQuit:
      Say({221, {2, 0, 0}, config_.greeting});
      Close(CloseReason::kQuit);
      return nullptr;
    case Verb::kStartTls:
      return OnStartTls();
    case Verb::kAuth:
      return OnAuth(command.argument);
    case Verb::kXClient:
      return OnXClient(command.argument);
    case Verb::kWeb:
      // A browser or a proxy that was made to connect to this server would
      // continue with header lines, and with a body that an attacker chose.
      // They must not be read as commands.
      Say({221, {2, 7, 0}, "this is SMTP (#2.7.0)"});
      Close(CloseReason::kAbuse);
      return nullptr;
    case Verb::kUnknown:
      Refuse(NotServed(verb));
      return nullptr;
    case Verb::kUnimplemented:
      return asks_.Open(
          Other{command.row->name, std::string(command.argument)});
    case Verb::kBdat:
      break;
  }
  return nullptr;
}

ParameterRules ServerSession::parameter_rules() const {
  return {OfferedExtensions(config_, tls_.get()),
          /*auth_offered=*/OffersAuth(config_, tls_.get()), config_.strictness};
}

Utf8 ServerSession::utf8() const {
  return envelope_->parameters.smtp_utf8 ? Utf8::kYes : Utf8::kNo;
}

const Ask* ServerSession::OnHello(Hello::Verb verb,
                                  absl::string_view argument) {
  return asks_.Open(Hello{verb, std::string(argument)});
}

// While RCPTs are open, further RCPTs may be asked if their replies cannot
// depend on the open answers: complete, well-formed lines below all limits.
std::optional<Step> ServerSession::LookAhead(absl::string_view in,
                                             size_t* consumed) {
  const Step waiting{Step::Kind::kWaiting};
  if (next_waits_ || asks_.size() >= config_.max_open_asks ||
      !asks_.Only<Rcpt>() ||
      envelope_->to.size() + asks_.size() >= config_.max_recipients ||
      (config_.max_invalid_recipients > 0 &&
       client_.invalid_recipients + static_cast<int>(asks_.size()) >=
           config_.max_invalid_recipients) ||
      client_.errors + static_cast<int>(asks_.size()) >= config_.max_errors) {
    return waiting;
  }
  LineReader peek = reader_;
  const LineReader::Result read =
      peek.Next(in, config_.max_line, config_.strictness);
  if (read.kind == LineReader::Result::Kind::kPartial && read.consumed == 0) {
    reader_ = peek;  // its state stays valid
    return waiting;
  }
  if (read.kind == LineReader::Result::Kind::kLine) {
    const auto parsed = ParseCommand(read.line, config_.strictness);
    const auto* command = std::get_if<Command>(&parsed);
    if (command != nullptr && command->row->verb == Verb::kRcpt &&
        std::holds_alternative<Rcpt>(
            ParseRcpt(command->argument, parameter_rules(), utf8()))) {
      reader_ = peek;
      *consumed += read.consumed;
      ++progress_;
      return AskStep(OnRcpt(command->argument));
    }
  }
  next_waits_ = true;
  examined_ += peek.examined() - reader_.examined();
  return waiting;
}

const Ask* ServerSession::OnMail(absl::string_view argument) {
  if (config_.max_messages > 0 && client_.messages >= config_.max_messages) {
    Refuse({452, {4, 5, 3}, "too many messages in one session (#4.5.3)"});
    return nullptr;
  }
  ++client_.messages;
  auto parsed = ParseMail(argument, parameter_rules());
  if (const auto* reply = std::get_if<Reply>(&parsed)) {
    Refuse(*reply);
    return nullptr;
  }
  Mail& mail = std::get<Mail>(parsed);
  mail.message = client_.messages;
  if (config_.max_message_size != 0 &&
      mail.parameters.size.value_or(0) > config_.max_message_size) {
    Refuse(TooBig());
    return nullptr;
  }
  return asks_.Open(std::move(mail));
}

const Ask* ServerSession::OnRcpt(absl::string_view argument) {
  if (config_.max_invalid_recipients > 0 &&
      client_.invalid_recipients >= config_.max_invalid_recipients) {
    Refuse({421, {4, 3, 0}, "too many invalid addresses, goodbye (#4.3.0)"});
    Close(CloseReason::kAbuse);
    return nullptr;
  }
  auto parsed = ParseRcpt(argument, parameter_rules(), utf8());
  if (const auto* reply = std::get_if<Reply>(&parsed)) {
    Refuse(*reply);
    return nullptr;
  }
  if (envelope_->to.size() >= config_.max_recipients) {
    Refuse({452, {4, 5, 3}, "too many recipients (#4.5.3)"});
    return nullptr;
  }
  Rcpt& rcpt = std::get<Rcpt>(parsed);
  rcpt.from = envelope_->from;
  rcpt.message = client_.messages;
  rcpt.size = envelope_->parameters.size;
  rcpt.index = rcpts_asked_++;
  return asks_.Open(std::move(rcpt));
}

const Ask* ServerSession::OnVrfy(absl::string_view argument) {
  auto parsed = ParseVerify(argument, parameter_rules());
  if (const auto* reply = std::get_if<Reply>(&parsed)) {
    Refuse(*reply);
    return nullptr;
  }
  VerifyArgument& verify = std::get<VerifyArgument>(parsed);
  return asks_.Open(Verify{std::move(verify.text), verify.smtp_utf8});
}

const Ask* ServerSession::OnStartTls() {
  if (tls_ != nullptr) {
    Refuse({503, {5, 5, 1}, "TLS has already started (#5.5.1)"});
    return nullptr;
  }
  return asks_.Open(StartTls{});
}

const Ask* ServerSession::OnXClient(absl::string_view argument) {
  auto parsed = ParseXClient(argument);
  if (const auto* reply = std::get_if<Reply>(&parsed)) {
    Refuse(*reply);
    return nullptr;
  }
  if (const auto& login = std::get<XClient>(parsed).login;
      login && !login->value.empty() && !config_.xclient_login) {
    Refuse({501, {5, 5, 4}, "no LOGIN in XCLIENT here (#5.5.4)"});
    return nullptr;
  }
  // The client is another one: nothing that was known of the last one may stay.
  XClient& client = std::get<XClient>(parsed);
  client_.greeted = false;
  client_.extended = false;
  client_.identity = client.login ? client.login->value : "";
  if (tls_ != nullptr && !tls_->peer_subject.empty()) {
    TlsInfo without = *tls_;
    without.peer_subject.clear();  // the proxy's
    tls_ = std::make_shared<const TlsInfo>(std::move(without));
  }
  Connected connected;
  connected.client.emplace(std::move(client));
  return asks_.Open(std::move(connected));
}

const Ask* ServerSession::OnAuth(absl::string_view argument) {
  // RFC 4954 3 requires EHLO, but cameras send EHLO, HELO and then AUTH.
  if (!client_.greeted) {
    Refuse({503, {5, 5, 1}, "EHLO first (#5.5.1)"});
    return nullptr;
  }
  if (!client_.identity.empty()) {
    Refuse({503, {5, 5, 1}, "authenticated already (#5.5.1)"});
    return nullptr;
  }
  if (!OffersAuth(config_, tls_.get()) && tls_ == nullptr) {
    Refuse(OutOfSequence(Verb::kAuth, Phase::kTlsRequired));
    return nullptr;
  }
  auto begin = ReadAuthCommand(argument, config_, tls_.get());
  if (const auto* reply = std::get_if<Reply>(&begin)) {
    Refuse(*reply);
    return nullptr;
  }
  exchange_ = true;
  return asks_.Open(std::get<AuthBegin>(std::move(begin)));
}

std::optional<Step> ServerSession::RunAuth(absl::string_view in,
                                           size_t* consumed) {
  if (!asks_.empty()) return Step{Step::Kind::kWaiting};
  const LineReader::Result read = ReadLine(in, config_.max_auth_line);
  *consumed += read.consumed;
  if (read.consumed > 0) secret_ = true;
  if (read.kind == LineReader::Result::Kind::kPartial) return WantInput();
  ++progress_;
  if (read.kind == LineReader::Result::Kind::kBareLf) {
    return RefuseBareLf("AUTH");
  }
  auto response = read.kind == LineReader::Result::Kind::kOverlong
                      ? AuthLineTooLong()
                      : ReadAuthLine(read.line);
  if (const auto* reply = std::get_if<Reply>(&response)) {
    EndAuth();
    Refuse(*reply, "AUTH");
    return std::nullopt;
  }
  return AskStep(asks_.Open(std::get<AuthResponse>(std::move(response))));
}

// Ends an exchange that the client does not complete. The attempt counts as a
// failure, and the embedder gets a kAborted.
void ServerSession::EndAuth() {
  if (exchange_) {
    abort_due_ = true;
    ++client_.auth_failures;
  }
  exchange_ = false;
  state_ = State::kCommand;
}

void ServerSession::TimedOut() {
  if (state_ == State::kClosed) return;
  if (AwaitsReplyToBareNewline()) {
    const Reply refusal = intake_->content->Refusal().value_or(
        Reply{451,
              {4, 5, 2},
              "the message ends in a bare newline, not in CRLF.CRLF: lines "
              "end in CRLF (#4.5.2)"});
    SayForMessage(refusal);
    Report(refusal, "DATA", /*content=*/true);
  } else if (state_ != State::kStartTls) {
    if (GivenReply* next = next_reply()) *next = {};
    // After STARTTLS's 220, a client would take the reply for handshake data.
    Refuse({421, {4, 4, 2}, "timeout (#4.4.2)"}, "");
  }
  Close(CloseReason::kTimeout);
}

void ServerSession::TlsStarted(TlsInfo info) {
  ABSL_HARDENING_ASSERT(state_ == State::kStart || state_ == State::kStartTls);
  tls_ = std::make_shared<const TlsInfo>(std::move(info));
  if (state_ == State::kStart) return;
  ++progress_;
  state_ = State::kCommand;
  examined_ += reader_.examined();
  reader_ = LineReader();
  client_.greeted = false;
  client_.extended = false;
  client_.identity.clear();
}

void ServerSession::TalkedEarly() {
  ABSL_HARDENING_ASSERT(state_ == State::kStart ||
                        (!asks_.empty() && asks_.Only<Connected>()));
  client_.violations.early_talk = true;
  if (config_.early_talk != OutOfTurn::kReject) return;
  Refuse({554, {5, 5, 0}, "you must wait for my greeting (#5.5.0)"}, "");
  Close(CloseReason::kAbuse);
}

void ServerSession::ReleaseIdleMemory() {
  if (transaction_ != Transaction::kNone || !asks_.empty() ||
      state_ == State::kDiscardChunk) {
    return;
  }
  output_.ReleaseIdleMemory();
  asks_.ReleaseIdleMemory();
  envelope_.reset();
  if (intake_ == nullptr) return;
  if (intake_->content) examined_ += intake_->content->examined();
  intake_.reset();
}

absl::Duration ServerSession::ReadTimeout() const {
  return state_ == State::kBody || state_ == State::kDiscardChunk
             ? config_.data_timeout
             : config_.command_timeout;
}

absl::Duration ServerSession::IdleTimeout() const {
  if (!AwaitsReplyToBareNewline()) return absl::InfiniteDuration();
  return std::min(config_.bare_newline_timeout, ReadTimeout());
}

// While no input is wanted the server is waiting for the delivery, and the
// client's silence must not cost it the message.
bool ServerSession::AwaitsReplyToBareNewline() const {
  return state_ == State::kBody && !intake_->ended && wants_input_ &&
         intake_->content->LooksEnded();
}

const SessionHandoff& ServerSession::handoff() const {
  ABSL_HARDENING_ASSERT(asks_.Only<StartTls>() && !asks_.empty());
  return client_;
}

const Envelope& ServerSession::envelope() const {
  static const auto* const none = new Envelope;
  return envelope_ != nullptr ? *envelope_ : *none;
}

uint64_t ServerSession::content() const {
  const bool content = state_ == State::kBody ||
                       state_ == State::kDiscardChunk ||
                       transaction_ == Transaction::kChunks;
  return content ? static_cast<uint64_t>(client_.messages) : 0;
}

uint64_t ServerSession::examined() const {
  return reader_.examined() + examined_ +
         (intake_ != nullptr && intake_->content ? intake_->content->examined()
                                                 : 0);
}

bool ServerSession::idle() const {
  return (state_ == State::kStart || state_ == State::kCommand) &&
         transaction_ == Transaction::kNone && asks_.empty() &&
         reader_.between_lines();
}

ServerSession::Intake& ServerSession::intake() {
  if (intake_ == nullptr) intake_ = std::make_unique<Intake>();
  return *intake_;
}

Phase ServerSession::phase() const {
  if (refused_) return Phase::kRefused;
  switch (transaction_) {
    case Transaction::kNone:
      break;
    case Transaction::kOpen:
      return envelope_->to.empty() ? Phase::kMail : Phase::kRcpt;
    case Transaction::kChunks:
      return Phase::kChunks;
    case Transaction::kBroken:
      return Phase::kBroken;
  }
  if (config_.require_tls && tls_ == nullptr) return Phase::kTlsRequired;
  if (config_.require_hello && !client_.greeted) return Phase::kUngreeted;
  if (config_.require_auth && client_.identity.empty()) {
    return Phase::kAuthRequired;
  }
  return Phase::kIdle;
}

void ServerSession::Say(const Reply& reply) {
  if (reply.permanent()) ++client_.errors;
  Append(reply);
}

void ServerSession::Append(const Reply& reply) {
  const size_t before = Output().size();
  output_.Append(reply);
  Note(reply.code, before);
}

void ServerSession::AppendChallenge(absl::string_view bytes) {
  const size_t before = Output().size();
  output_.AppendChallenge(bytes);
  Note(334, before);
}

void ServerSession::Note(int code, size_t before) {
  const GivenReply* next = next_reply();
  if (next == nullptr) return;
  GivenReply& given = reports_->given->open.emplace_back(*next);
  given.code = code;
  given.size = Output().size() - before;
}

void ServerSession::ReportReplies() {
  if (reports_ == nullptr) reports_ = std::make_unique<Reports>();
  reports_->given = std::make_unique<Given>();
}

std::vector<GivenReply> ServerSession::TakeReplies() {
  if (next_reply() == nullptr) return {};
  return std::exchange(reports_->given->open, {});
}

void ServerSession::SayForMessage(const Reply& reply) {
  const size_t times = config_.lmtp ? envelope().to.size() : 1;
  for (size_t i = 0; i < times; ++i) Append(reply);
  if (times > 0 && reply.permanent()) ++client_.errors;
}

void ServerSession::Report(const Reply& reply, absl::string_view command,
                           bool content) {
  if (reports_ == nullptr) reports_ = std::make_unique<Reports>();
  ++reports_->all;
  const VerbRow& row = FindVerb(command.substr(0, command.find(' ')));
  const bool known = row.verb != Verb::kUnknown;
  const bool withheld = !known && after_auth_;
  if (withheld) secret_ = true;
  if (known || MeansAuth(command)) after_auth_ = MeansAuth(command);
  // A 421, which ends the session, is always reported: there is only one.
  if (client_.reported >= config_.max_reported && reply.code != 421) return;
  ++client_.reported;
  Refusal& refusal = reports_->open.emplace_back();
  if (known) refusal.verb = row.name;
  if (!withheld) refusal.command = std::string(ShownCommand(command));
  refusal.reply = reply;
  if (transaction_ != Transaction::kNone) refusal.message = client_.messages;
  refusal.content = content;
}

std::vector<Refusal> ServerSession::TakeRefusals() {
  if (reports_ == nullptr) return {};
  return std::exchange(reports_->open, {});
}

void ServerSession::EndTransaction() {
  transaction_ = Transaction::kNone;
  if (intake_ != nullptr) intake_->draining = false;
  if (envelope_ != nullptr) envelope_->Clear();
}

void ServerSession::Abort() {
  if (transaction_ != Transaction::kNone && !draining()) abort_due_ = true;
  EndTransaction();
}

void ServerSession::Close(CloseReason reason) {
  Abort();
  EndAuth();
  asks_.Clear();
  state_ = State::kClosed;
  reason_ = reason;
}

}  // namespace postern
