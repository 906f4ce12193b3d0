// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/server_session.h"

#include <utility>

#include "absl/base/macros.h"
#include "absl/strings/str_cat.h"
#include "engine/capabilities.h"

namespace postern {
namespace {

Reply BadSequence(absl::string_view why) {
  return {503, {5, 5, 1}, std::string(why)};
}

Reply TooBig() {
  return {552,
          {5, 3, 4},
          "sorry, that message size exceeds my databytes limit (#5.3.4)"};
}

// Returns why `verdict` cannot answer `ask`.
absl::Status CheckAnswer(const Ask& ask, const Verdict& verdict) {
  if (verdict.accepted()) {
    if (!verdict.reply()) return absl::OkStatus();
    if (std::holds_alternative<Hello>(ask.what) ||
        std::holds_alternative<BodyBegin>(ask.what)) {
      return absl::FailedPreconditionError(
          "the reply to an accepted Hello or BodyBegin is the engine's");
    }
    if (verdict.reply()->code / 100 == 2) return absl::OkStatus();
    return absl::InvalidArgumentError("Accept takes a 2yz reply");
  }
  const int code = verdict.reply() ? verdict.reply()->code : 0;
  if (code < 400 || code > 599) {
    return absl::InvalidArgumentError(
        "Refuse and Drop take a 4yz or 5yz reply");
  }
  if (code == 421 && verdict.kind() == Verdict::Kind::kRefuse) {
    return absl::InvalidArgumentError("421 closes: use Drop");
  }
  return absl::OkStatus();
}

Step AskStep(const Ask* ask) {
  Step step;
  step.kind = Step::Kind::kAsk;
  step.ask = ask;
  return step;
}

}  // namespace

ServerSession::ServerSession(const ServerConfig& config)
    : config_(config), scanner_(config.bare_newlines) {}

Step ServerSession::Advance(absl::string_view in) {
  size_t consumed = 0;
  while (true) {
    Step step;
    const absl::string_view rest = in.substr(consumed);
    if (abort_due_) {
      abort_due_ = false;
      step.kind = Step::Kind::kAborted;
      step.refusal = draining_ ? &refusal_ : nullptr;
    } else if (state_ == State::kClosed) {
      step.kind = Step::Kind::kClosed;
      step.reason = reason_;
    } else if (Output().size() >= config_.max_output) {
      step.kind = Step::Kind::kNeedFlush;
    } else if (state_ == State::kStart) {
      state_ = State::kCommand;
      step = AskStep(asks_.Open(Connected{}));
    } else {
      std::optional<Step> next = state_ == State::kBody
                                     ? RunBody(rest, &consumed)
                                     : RunCommands(rest, &consumed);
      if (!next) continue;
      step = *next;
    }
    step.consumed = consumed;
    return step;
  }
}

std::optional<Step> ServerSession::RunCommands(absl::string_view in,
                                               size_t* consumed) {
  if (!asks_.empty()) return LookAhead(in, consumed);
  const LineReader::Result read = reader_.Next(in, config_.max_line);
  *consumed += read.consumed;
  if (read.kind == LineReader::Result::Kind::kPartial) {
    if (!input_ended_) return Step{Step::Kind::kNeedInput};
    Close(CloseReason::kPeerGone);
    return std::nullopt;
  }
  ++progress_;
  if (errors_ >= config_.max_errors) {
    Say({421, {4, 7, 0}, "too many errors (#4.7.0)"});
    Close(CloseReason::kAbuse);
    return std::nullopt;
  }
  if (read.kind == LineReader::Result::Kind::kOverlong) {
    Say({500, {5, 5, 2}, "line too long (#5.5.2)"});
    return std::nullopt;
  }
  const auto command = ParseCommand(read.line);
  if (const auto* reply = std::get_if<Reply>(&command)) {
    Say(*reply);
    return std::nullopt;
  }
  return OnCommand(std::get<Command>(command));
}

std::optional<Step> ServerSession::OnCommand(const Command& command) {
  const Phase now = phase();
  if (!command.row->AllowedIn(now)) {
    Say(BadSequence(OutOfSequence(command.row->verb, now)));
    return std::nullopt;
  }
  const Ask* ask = nullptr;
  switch (command.row->verb) {
    case Verb::kHelo:
    case Verb::kEhlo:
      ask = asks_.Open(Hello{command.row->verb == Verb::kEhlo
                                 ? Hello::Verb::kEhlo
                                 : Hello::Verb::kHelo,
                             std::string(command.argument)});
      break;
    case Verb::kMail:
      ask = OnMail(command.argument);
      break;
    case Verb::kRcpt:
      ask = OnRcpt(command.argument);
      break;
    case Verb::kData:
      ask = asks_.Open(BodyBegin{});
      break;
    case Verb::kVrfy: {
      auto parsed = ParseVerify(command.argument, ParameterRules());
      if (const auto* reply = std::get_if<Reply>(&parsed)) {
        Say(*reply);
      } else {
        ask = asks_.Open(
            Verify{std::get<VerifyArgument>(std::move(parsed)).text});
      }
      break;
    }
    case Verb::kRset:
      Abort();
      Say({250, {2, 0, 0}, "flushed"});
      break;
    case Verb::kNoop:
      Say({250, {2, 0, 0}, "ok"});
      break;
    case Verb::kHelp:
      Say({214, {2, 0, 0}, "EHLO HELO MAIL RCPT DATA RSET NOOP VRFY QUIT"});
      break;
    case Verb::kQuit:
      Say({221, {2, 0, 0}, config_.greeting});
      Close(CloseReason::kQuit);
      break;
    case Verb::kUnimplemented:
      Say({502, {5, 5, 1}, "unimplemented (#5.5.1)"});
      break;
    case Verb::kWeb:
      // A browser or a proxy made to speak to us would go on with headers, and
      // with a body that an attacker chose: commands, to us.
      Say({221, {2, 7, 0}, "this is SMTP (#2.7.0)"});
      Close(CloseReason::kAbuse);
      break;
    case Verb::kUnknown:
      Say({500, {5, 5, 2}, "unrecognized command (#5.5.2)"});
      break;
  }
  if (ask == nullptr) return std::nullopt;
  return AskStep(ask);
}

// While RCPTs are open, further RCPTs may be asked if nothing in their replies
// can depend on the open answers: whole, well-formed lines below all limits.
std::optional<Step> ServerSession::LookAhead(absl::string_view in,
                                             size_t* consumed) {
  const Step waiting{Step::Kind::kWaiting};
  if (asks_.size() >= config_.max_open_asks || !asks_.Only<Rcpt>() ||
      envelope_.to.size() + asks_.size() >= config_.max_recipients ||
      errors_ + static_cast<int>(asks_.size()) >= config_.max_errors) {
    return waiting;
  }
  LineReader peek = reader_;
  const LineReader::Result read = peek.Next(in, config_.max_line);
  if (read.kind != LineReader::Result::Kind::kLine) {
    if (read.consumed == 0) reader_ = peek;  // what it knows stays true
    return waiting;
  }
  const auto parsed = ParseCommand(read.line);
  const auto* command = std::get_if<Command>(&parsed);
  if (command == nullptr || command->row->verb != Verb::kRcpt) return waiting;
  if (std::holds_alternative<Reply>(
          ParseRcpt(command->argument, ParameterRules(), Utf8::kNo))) {
    return waiting;
  }
  reader_ = peek;
  *consumed += read.consumed;
  ++progress_;
  return AskStep(OnRcpt(command->argument));
}

const Ask* ServerSession::OnMail(absl::string_view argument) {
  auto parsed = ParseMail(argument, ParameterRules());
  if (const auto* reply = std::get_if<Reply>(&parsed)) {
    Say(*reply);
    return nullptr;
  }
  Mail& mail = std::get<Mail>(parsed);
  if (config_.max_message_size != 0 &&
      mail.parameters.size.value_or(0) > config_.max_message_size) {
    Say(TooBig());
    return nullptr;
  }
  return asks_.Open(std::move(mail));
}

const Ask* ServerSession::OnRcpt(absl::string_view argument) {
  auto parsed = ParseRcpt(argument, ParameterRules(), Utf8::kNo);
  if (const auto* reply = std::get_if<Reply>(&parsed)) {
    Say(*reply);
    return nullptr;
  }
  if (envelope_.to.size() >= config_.max_recipients) {
    Say({452, {4, 5, 3}, "too many recipients (#4.5.3)"});
    return nullptr;
  }
  Rcpt& rcpt = std::get<Rcpt>(parsed);
  rcpt.from = envelope_.from;
  rcpt.index = rcpts_asked_++;
  return asks_.Open(std::move(rcpt));
}

std::optional<Step> ServerSession::RunBody(absl::string_view in,
                                           size_t* consumed) {
  if (body_ended_) return EndBody();
  const BodyScanner::Result scan = scanner_.Scan(in);
  *consumed += scan.consumed;
  body_ended_ = scan.end;
  block_ += scan.consumed;
  if (block_ >= config_.data_block) {
    block_ = 0;
    ++progress_;
  }
  for (absl::string_view slice : scan.slices) hops_.Add(slice);
  if (!draining_) {
    if (std::optional<Reply> refusal = ContentRefusal()) {
      // The transaction ends here; the reply waits for the end of the data.
      refusal_ = *std::move(refusal);
      draining_ = true;
      Abort();
    }
  }
  if (!draining_ && !scan.slices.empty()) {
    Step step;
    step.kind = Step::Kind::kBody;
    step.body = scan.slices;
    return step;
  }
  if (scan.consumed > 0 || abort_due_) return std::nullopt;
  if (!input_ended_) return Step{Step::Kind::kNeedInput};
  Close(CloseReason::kPeerGone);
  return std::nullopt;
}

std::optional<Step> ServerSession::EndBody() {
  body_ended_ = false;
  draining_ = false;
  block_ = 0;
  ++progress_;
  state_ = State::kCommand;
  if (std::optional<Reply> refusal = ContentRefusal()) {
    Say(*refusal);
    return std::nullopt;
  }
  return AskStep(asks_.Open(BodyEnd{scanner_.size()}));
}

// Returns the reply to content that breaks a rule of ours. Of several, the one
// that does not depend on where in the message each was seen.
std::optional<Reply> ServerSession::ContentRefusal() const {
  if (const auto& defect = scanner_.defect()) {
    return Reply{554,
                 {5, 5, 2},
                 absl::StrCat("bare ", defect->newline == '\n' ? "LF" : "CR",
                              " in line ", defect->line,
                              " of the message, lines end in CRLF (#5.5.2)")};
  }
  if (hops_.hops() >= config_.max_hops) {
    return Reply{
        554, {5, 4, 6}, "too many hops, this message is looping (#5.4.6)"};
  }
  if (config_.max_message_size != 0 &&
      scanner_.size() > config_.max_message_size) {
    return TooBig();
  }
  return std::nullopt;
}

absl::Status ServerSession::Complete(RequestId id, Verdict verdict) {
  const Ask* ask = asks_.Find(id);
  if (ask == nullptr) return absl::NotFoundError("no such open request");
  if (absl::Status status = CheckAnswer(*ask, verdict); !status.ok()) {
    return status;
  }
  ++progress_;
  asks_.Answer(id, std::move(verdict));
  while (const auto answered = asks_.Take()) {
    Apply(answered->first, answered->second);
  }
  return absl::OkStatus();
}

void ServerSession::Apply(const Ask& ask, const Verdict& verdict) {
  if (verdict.accepted()) return Accepted(ask, verdict);
  const bool connected = std::holds_alternative<Connected>(ask.what);
  if (std::holds_alternative<BodyBegin>(ask.what) ||
      std::holds_alternative<BodyEnd>(ask.what)) {
    EndTransaction();  // by the embedder's own word: nothing to abort
  }
  Say(*verdict.reply());
  if (connected) {
    refused_ = true;
    errors_ = 0;  // a greeting answers no command
  }
  if (verdict.kind() == Verdict::Kind::kDrop) Close(CloseReason::kRefused);
}

void ServerSession::Accepted(const Ask& ask, const Verdict& verdict) {
  const std::optional<Reply>& reply = verdict.reply();
  if (std::holds_alternative<Connected>(ask.what)) {
    Say(reply, {220, {}, absl::StrCat(config_.greeting, " ESMTP")});
  } else if (const auto* hello = std::get_if<Hello>(&ask.what)) {
    Abort();  // RFC 5321 4.1.4: as RSET
    greeted_ = true;
    Say(hello->verb == Hello::Verb::kEhlo ? EhloReply(config_)
                                          : Reply{250, {}, config_.greeting});
  } else if (const auto* mail = std::get_if<Mail>(&ask.what)) {
    transaction_ = true;
    rcpts_asked_ = 0;
    envelope_.from = verdict.path().value_or(mail->from);
    envelope_.parameters = mail->parameters;
    Say(reply, {250, {2, 1, 0}, "ok"});
  } else if (const auto* rcpt = std::get_if<Rcpt>(&ask.what)) {
    envelope_.to.push_back(verdict.path().value_or(rcpt->to));
    Say(reply, {250, {2, 1, 5}, "ok"});
  } else if (std::holds_alternative<BodyBegin>(ask.what)) {
    state_ = State::kBody;
    scanner_ = BodyScanner(config_.bare_newlines);
    hops_ = HopCounter();
    Say({354, {}, "go ahead"});
  } else if (std::holds_alternative<BodyEnd>(ask.what)) {
    EndTransaction();
    errors_ = 0;
    Say(reply, {250, {2, 0, 0}, "ok"});
  } else {
    // RFC 5321 3.5.3: nothing was verified, so not 250.
    Say(reply, {252, {2, 0, 0}, "send some mail, i'll try my best"});
  }
}

void ServerSession::OutputWritten(size_t n) {
  ABSL_HARDENING_ASSERT(n <= Output().size());
  written_ += n;
  if (written_ == output_.size()) {
    output_.clear();
    written_ = 0;
  } else if (written_ >= config_.max_output) {
    output_.erase(0, written_);
    written_ = 0;
  }
}

void ServerSession::TimedOut() {
  if (state_ == State::kClosed) return;
  Say({421, {4, 4, 2}, "timeout (#4.4.2)"});
  Close(CloseReason::kTimeout);
}

absl::Duration ServerSession::ReadTimeout() const {
  return state_ == State::kBody ? config_.data_timeout
                                : config_.command_timeout;
}

bool ServerSession::idle() const {
  return !transaction_ && state_ != State::kBody && asks_.empty() &&
         reader_.between_lines();
}

Phase ServerSession::phase() const {
  if (refused_) return Phase::kRefused;
  if (transaction_) {
    return envelope_.to.empty() ? Phase::kMail : Phase::kRcpt;
  }
  return greeted_ || !config_.require_hello ? Phase::kIdle : Phase::kUngreeted;
}

void ServerSession::Say(const Reply& reply) {
  if (reply.permanent()) ++errors_;
  output_ += FormatReply(reply);
}

void ServerSession::EndTransaction() {
  transaction_ = false;
  envelope_ = Envelope();
}

void ServerSession::Abort() {
  if (transaction_) abort_due_ = true;
  EndTransaction();
}

void ServerSession::Close(CloseReason reason) {
  Abort();
  asks_.Clear();
  state_ = State::kClosed;
  reason_ = reason;
}

}  // namespace postern
