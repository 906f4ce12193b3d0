// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/client_session.h"

#include <utility>

#include "absl/base/macros.h"
#include "absl/strings/str_cat.h"
#include "engine/client_command.h"
#include "engine/grammar/parameters.h"

namespace postern {
namespace {

absl::Status NotNow(absl::string_view what) {
  return absl::FailedPreconditionError(what);
}

ClientStep MakeStep(ClientStep::Kind kind, CommandId command) {
  ClientStep step;
  step.kind = kind;
  step.command = command;
  return step;
}

ClientStep ReplyStep(CommandId command, const Reply& reply) {
  ClientStep step = MakeStep(ClientStep::Kind::kReply, command);
  step.reply = &reply;
  return step;
}

// RFC 5321 4.2.1: completed, as opposed to 3yz, which continues.
bool Completed(const Reply& reply) { return reply.code / 100 == 2; }

}  // namespace

ClientSession::ClientSession(const ClientConfig& config)
    : config_(config), reader_(config.max_line, config.max_reply) {
  queue_.emplace_back();  // the greeting
  sent_ = 1;
}

CommandId ClientSession::Greet() { return GreetAs(config_.host_name); }

CommandId ClientSession::GreetFor(const ProxiedClient& client) {
  std::string name = HelloOf(client);
  return GreetAs(name.empty() ? config_.host_name : std::move(name));
}

CommandId ClientSession::GreetAs(std::string name) {
  const CommandId id =
      Queue(Command::Kind::kEhlo,
            absl::StrCat(config_.lmtp ? "LHLO " : "EHLO ", name, "\r\n"));
  if (!closed_) queue_.back().name = std::move(name);
  return id;
}

absl::StatusOr<CommandId> ClientSession::StartTls() {
  if (absl::Status status = Settled(); !status.ok()) return status;
  if (tls_) return NotNow("TLS has begun");
  if (!offers("STARTTLS")) return NotOffered("STARTTLS");
  return Queue(Command::Kind::kStartTls, "STARTTLS\r\n");
}

absl::StatusOr<CommandId> ClientSession::Auth(
    absl::string_view mechanism, std::optional<absl::string_view> initial) {
  if (absl::Status status = Settled(); !status.ok()) return status;
  // The server announced it, so it is printable and has no spaces.
  if (!keywords_.HasParameter("AUTH", mechanism)) {
    return NotOffered("this AUTH mechanism");
  }
  absl::StatusOr<ClientAuth> auth = ClientAuth::Begin(mechanism, initial);
  if (!auth.ok()) return auth.status();
  const CommandId id = Queue(Command::Kind::kAuth, auth->command());
  queue_.back().auth = std::make_unique<ClientAuth>(*std::move(auth));
  return id;
}

absl::Status ClientSession::AuthRespond(absl::string_view bytes) {
  ClientAuth* auth = Challenged();
  if (auth == nullptr) return NotNow("there is no challenge");
  const absl::StatusOr<std::string> line = auth->Respond(bytes);
  if (!line.ok()) return line.status();
  Append(&queue_.front(), *line);
  return absl::OkStatus();
}

absl::Status ClientSession::AuthCancel() {
  ClientAuth* auth = Challenged();
  if (auth == nullptr) return NotNow("there is no challenge");
  Append(&queue_.front(), auth->Cancel());
  return absl::OkStatus();
}

absl::StatusOr<CommandId> ClientSession::NameClient(
    const ProxiedClient& client) {
  if (absl::Status status = Settled(); !status.ok()) return status;
  absl::StatusOr<std::string> line = XClientLine(client, keywords_);
  if (!line.ok()) return line.status();
  return Queue(Command::Kind::kXClient, *std::move(line));
}

absl::StatusOr<CommandId> ClientSession::DescribeClient(
    const ProxiedClient& client) {
  if (absl::Status status = Settled(); !status.ok()) return status;
  absl::StatusOr<std::string> line = XForwardLine(client, keywords_);
  if (!line.ok()) return line.status();
  return Queue(Command::Kind::kXForward, *std::move(line));
}

absl::StatusOr<CommandId> ClientSession::Send(const Mail& mail) {
  const bool plain = mail.parameters == MailParameters();
  if (absl::Status status = plain ? Open() : Settled(); !status.ok()) {
    return status;
  }
  absl::StatusOr<std::string> line = MailLine(mail, keywords_);
  if (!line.ok()) return line.status();
  utf8_ = mail.parameters.smtp_utf8 ? Utf8::kYes : Utf8::kNo;
  binary_ = mail.parameters.body == BodyType::kBinaryMime;
  return Queue(Command::Kind::kMail, *std::move(line));
}

absl::StatusOr<CommandId> ClientSession::Send(const Rcpt& rcpt) {
  const bool plain = rcpt.parameters == RcptParameters();
  if (absl::Status status = plain ? Open() : Settled(); !status.ok()) {
    return status;
  }
  absl::StatusOr<std::string> line = RcptLine(rcpt, utf8_, keywords_);
  if (!line.ok()) return line.status();
  return Queue(Command::Kind::kRcpt, *std::move(line));
}

absl::StatusOr<CommandId> ClientSession::BeginBody(BodyCommand framing) {
  if (absl::Status status = Open(); !status.ok()) return status;
  if (framing == BodyCommand::kData) {
    // RFC 3030 3
    if (binary_) return NotNow("BODY=BINARYMIME needs BodyCommand::kBdat");
    return Queue(Command::Kind::kData, "DATA\r\n");
  }
  if (absl::Status status = Settled(); !status.ok()) return status;
  if (!offers("CHUNKING")) return NotOffered("CHUNKING");
  return Queue(Command::Kind::kBdat, "");
}

absl::Status ClientSession::LendBody(absl::string_view bytes) {
  if (!WantsBody()) return NotNow("no content is wanted");
  if (!body_->Lend(bytes)) {
    Close(ClientClose::kContent);
    return absl::InvalidArgumentError("bare CR or LF in the content");
  }
  return absl::OkStatus();
}

absl::Status ClientSession::EndBody() {
  if (!body_ || body_ended_ || BodyRefused()) {
    return NotNow("there is no content to end");
  }
  body_ended_ = true;
  ++progress_;
  if (LastMustWait()) return absl::OkStatus();
  if (!body_->End()) {
    Close(ClientClose::kContent);
    return absl::InvalidArgumentError("bare CR at the end of the content");
  }
  return absl::OkStatus();
}

CommandId ClientSession::Reset() {
  return Queue(Command::Kind::kReset, "RSET\r\n");
}

CommandId ClientSession::Quit() {
  return Queue(Command::Kind::kQuit, "QUIT\r\n");
}

ClientStep ClientSession::Advance(absl::string_view in) {
  size_t consumed = 0;
  while (true) {
    std::optional<ClientStep> step = Run(in.substr(consumed), &consumed);
    if (!step) continue;
    step->consumed = consumed;
    return *step;
  }
}

std::optional<ClientStep> ClientSession::Run(absl::string_view in,
                                             size_t* consumed) {
  if (closed_) {
    ClientStep step = MakeStep(ClientStep::Kind::kClosed, kNoCommand);
    step.reason = *closed_;
    return step;
  }
  if (sent_ == 0 && !queue_.empty() && CanOnlyFail(queue_.front())) {
    return Skip();
  }
  if (body_ && BodyRefused() && body_->chunks_open() == 0 && !body_->ended() &&
      Output().empty()) {
    return Answer(refusal_);
  }
  if (const ClientAuth* auth = Challenged()) {
    ClientStep step = MakeStep(ClientStep::Kind::kChallenge, queue_.front().id);
    step.challenge = auth->challenge();
    return step;
  }
  // An attacker may have inserted plaintext after the 220, to be taken for the
  // server's replies under TLS.
  if (tls_due_ && !in.empty()) {
    Close(ClientClose::kAbuse);
    return std::nullopt;
  }
  // A reply cannot answer content that has not been requested yet.
  const bool asks = body_ && !body_asked_;
  body_asked_ = true;
  if (!tls_due_ && !asks) {
    const ReplyReader::Result read = reader_.Next(in);
    *consumed += read.consumed;
    switch (read.kind) {
      case ReplyReader::Result::Kind::kReply:
        ++progress_;
        if (std::optional<ClientStep> step = OnReply()) return step;
        // Write the answer to this reply before reading the next one.
        if (Output().empty()) return std::nullopt;
        return MakeStep(ClientStep::Kind::kNeedFlush, queue_.front().id);
      case ReplyReader::Result::Kind::kMalformed:
        Close(ClientClose::kProtocol);
        return std::nullopt;
      case ReplyReader::Result::Kind::kTooLarge:
        Close(ClientClose::kAbuse);
        return std::nullopt;
      case ReplyReader::Result::Kind::kPartial:
        break;
    }
  }
  if (!input_ended_ || asks) return Wait();
  Close(ClientClose::kPeerGone);
  return std::nullopt;
}

// Returns the step if no reply has arrived.
ClientStep ClientSession::Wait() const {
  using Kind = ClientStep::Kind;
  if (queue_.empty()) return MakeStep(Kind::kIdle, kNoCommand);
  const CommandId front = queue_.front().id;
  if (tls_due_) return MakeStep(Kind::kStartTls, front);
  if (WantsBody()) return MakeStep(Kind::kBodyWanted, front);
  if (body_ && !Output().empty()) {
    return MakeStep(Kind::kNeedFlush, front);
  }
  return MakeStep(Kind::kNeedInput, front);
}

void ClientSession::StartBody(BodyCommand framing) {
  queue_.front().kind = Command::Kind::kContent;
  body_.emplace(framing);
  body_ended_ = false;
  body_asked_ = false;
  refusal_.code = 0;
  answered_ = 0;
}

bool ClientSession::LastMustWait() const {
  // The number of replies to a LAST in LMTP depends on the chunks before it.
  return body_->chunks_open() > 0 && (config_.lmtp || !pipelining_);
}

bool ClientSession::WantsBody() const {
  if (!body_ || body_ended_ || BodyRefused() || !Output().empty()) return false;
  const size_t open = body_->chunks_open();
  return open == 0 || (pipelining_ && open < config_.max_pipelined);
}

std::optional<ClientStep> ClientSession::OnReply() {
  const Reply& reply = reader_.reply();
  if (reply.code == 421) {
    const CommandId command = Addressee();
    Close(ClientClose::kShutdown);
    return ReplyStep(command, reply);
  }
  if (!Expects(reply.code)) {
    Close(ClientClose::kProtocol);
    return std::nullopt;
  }
  Command& front = queue_.front();
  switch (front.kind) {
    case Command::Kind::kEhlo:
    case Command::Kind::kHelo:
      return OnHello();
    case Command::Kind::kStartTls:
      if (!Completed(reply)) break;
      tls_due_ = true;
      return std::nullopt;
    case Command::Kind::kAuth:
      if (reply.code != 334) break;
      if (const std::string line = front.auth->OnChallenge(reply.text);
          !line.empty()) {
        Append(&front, line);
      }
      return std::nullopt;
    case Command::Kind::kXClient:
      if (!Completed(reply)) break;
      // Like a new connection: what was offered to this host does not count.
      keywords_ = EhloKeywords();
      pipelining_ = false;
      EndTransaction();
      return Answer(reply);
    case Command::Kind::kXForward:
      return Answer(reply);
    case Command::Kind::kMail:
      EndTransaction();
      mail_accepted_ = Completed(reply);
      return Answer(reply);
    case Command::Kind::kRcpt:
      if (Completed(reply)) recipients_.push_back(front.id);
      return Answer(reply);
    case Command::Kind::kData:
      if (reply.code == 354) return OnData();
      return Answer(reply);
    case Command::Kind::kContent:
      return OnContent();
    case Command::Kind::kEmpty:
      EndTransaction();
      return Skip();
    case Command::Kind::kReset:
      EndTransaction();
      return Answer(reply);
    case Command::Kind::kQuit: {
      const ClientStep step = Answer(reply);
      Close(ClientClose::kQuit);
      return step;
    }
    case Command::Kind::kGreeting:
    case Command::Kind::kBdat:  // becomes kContent before it is sent
      break;
  }
  // The commands queued after it require that the server accepts this one.
  if (!Completed(reply)) SkipUnsent();
  return Answer(reply);
}

// Returns the command to which a 421 replies.
CommandId ClientSession::Addressee() const {
  if (sent_ == 0) return kNoCommand;
  const bool each = config_.lmtp && body_ && body_->sent();
  return each ? recipients_[answered_] : queue_.front().id;
}

bool ClientSession::Expects(int code) const {
  if (sent_ == 0) return false;
  const Command& front = queue_.front();
  const bool go_on = code / 100 == 3;
  switch (front.kind) {
    case Command::Kind::kContent:
      return !go_on;  // OnContent() decides
    case Command::Kind::kData:
      return HasLeft(front) && (code == 354 || code >= 400);
    case Command::Kind::kStartTls:
      return HasLeft(front) && (code == 220 || code >= 400);
    case Command::Kind::kAuth:
      return HasLeft(front) &&
             (!go_on || (code == 334 && !front.auth->cancelled()));
    case Command::Kind::kGreeting:
    case Command::Kind::kEhlo:
    case Command::Kind::kHelo:
    case Command::Kind::kXClient:
    case Command::Kind::kXForward:
    case Command::Kind::kMail:
    case Command::Kind::kRcpt:
    case Command::Kind::kBdat:
    case Command::Kind::kEmpty:
    case Command::Kind::kReset:
    case Command::Kind::kQuit:
      break;
  }
  return HasLeft(front) && !go_on;
}

std::optional<ClientStep> ClientSession::OnHello() {
  const Reply& reply = reader_.reply();
  Command& front = queue_.front();
  const bool extended = front.kind == Command::Kind::kEhlo;
  if (Completed(reply)) {
    EndTransaction();  // RFC 5321 4.1.4
    keywords_ = extended ? EhloKeywords(reply.text) : EhloKeywords();
    pipelining_ = offers("PIPELINING");
    return Answer(reply);
  }
  if (extended && reply.permanent() && !config_.lmtp && config_.allow_helo) {
    front.kind = Command::Kind::kHelo;
    Append(&front, absl::StrCat("HELO ", front.name, "\r\n"));
    return std::nullopt;
  }
  SkipUnsent();
  return Answer(reply);
}

std::optional<ClientStep> ClientSession::OnData() {
  if (!recipients_.empty()) {
    StartBody(BodyCommand::kData);
    return std::nullopt;
  }
  Command& front = queue_.front();
  front.kind = Command::Kind::kEmpty;
  Append(&front, ".\r\n");
  // RFC 2033 4.2: without recipients there is no reply.
  if (config_.lmtp) return Skip();
  return std::nullopt;
}

std::optional<ClientStep> ClientSession::OnContent() {
  const Reply& reply = reader_.reply();
  if (body_->chunks_open() > 0) {
    body_->ChunkAnswered();
    if (!Completed(reply) && !BodyRefused()) refusal_ = reply;
    if (body_ended_ && !body_->ended() && !LastMustWait() && !BodyRefused()) {
      (void)body_->End();  // returns true, because these are chunks
    }
    return std::nullopt;
  }
  if (!body_->sent()) {
    // Nothing can be accepted before the end of the content. A server that
    // gives up may refuse, but then both sides are out of step.
    const CommandId command = queue_.front().id;
    Close(ClientClose::kProtocol);
    if (Completed(reply)) return std::nullopt;
    return ReplyStep(command, reply);
  }
  if (BodyRefused()) return Answer(refusal_);
  if (!config_.lmtp) return Answer(reply);
  const CommandId recipient = recipients_[answered_++];
  if (answered_ == recipients_.size()) Pop();
  return ReplyStep(recipient, reply);
}

absl::Status ClientSession::Open() const {
  if (closed_) return NotNow("the session is closed");
  return absl::OkStatus();
}

absl::Status ClientSession::Settled() const {
  if (unsettled_ > 0) return NotNow("Greet() or StartTls() has no reply yet");
  return Open();
}

CommandId ClientSession::Queue(Command::Kind kind, std::string line) {
  const CommandId id{next_id_++};
  if (closed_) return id;  // like every open command then: no reply
  Command& command = queue_.emplace_back();
  command.id = id;
  command.kind = kind;
  command.line = std::move(line);
  if (kind == Command::Kind::kEhlo || kind == Command::Kind::kStartTls ||
      kind == Command::Kind::kXClient) {
    ++unsettled_;
  }
  SendMore();
  return id;
}

void ClientSession::SendMore() {
  while (sent_ < queue_.size() && MaySend()) {
    Command& next = queue_[sent_++];
    if (next.kind == Command::Kind::kBdat) return StartBody(BodyCommand::kBdat);
    Append(&next, next.line);
    next.line = std::string();
  }
}

bool ClientSession::MaySend() const {
  const Command& next = queue_[sent_];
  if (sent_ == 0) return !CanOnlyFail(next);
  if (!pipelining_ || sent_ >= config_.max_pipelined) return false;
  // The replies to earlier commands decide whether these, or their content, are
  // sent.
  if (next.kind == Command::Kind::kStartTls ||
      next.kind == Command::Kind::kXClient ||
      next.kind == Command::Kind::kBdat) {
    return false;
  }
  switch (queue_[sent_ - 1].kind) {
    case Command::Kind::kMail:
    case Command::Kind::kRcpt:
    case Command::Kind::kReset:
    case Command::Kind::kXForward:
      return true;
    case Command::Kind::kContent:  // RFC 2920 3.1: may start a group
      return body_->sent();
    case Command::Kind::kGreeting:
    case Command::Kind::kEhlo:
    case Command::Kind::kHelo:
    case Command::Kind::kStartTls:
    case Command::Kind::kAuth:
    case Command::Kind::kXClient:
    case Command::Kind::kData:
    case Command::Kind::kBdat:
    case Command::Kind::kEmpty:
    case Command::Kind::kQuit:
      return false;
  }
  return false;
}

bool ClientSession::CanOnlyFail(const Command& command) const {
  switch (command.kind) {
    case Command::Kind::kRcpt:
      return command.skipped || !mail_accepted_;
    case Command::Kind::kData:
    case Command::Kind::kBdat:
      return command.skipped || recipients_.empty();
    case Command::Kind::kGreeting:
    case Command::Kind::kEhlo:
    case Command::Kind::kHelo:
    case Command::Kind::kStartTls:
    case Command::Kind::kAuth:
    case Command::Kind::kXClient:
    case Command::Kind::kXForward:
    case Command::Kind::kMail:
    case Command::Kind::kContent:
    case Command::Kind::kEmpty:
    case Command::Kind::kReset:
    case Command::Kind::kQuit:
      break;
  }
  return command.skipped;
}

ClientAuth* ClientSession::Challenged() {
  if (queue_.empty() || queue_.front().auth == nullptr) return nullptr;
  ClientAuth* auth = queue_.front().auth.get();
  return auth->challenged() ? auth : nullptr;
}

void ClientSession::Append(Command* command, absl::string_view line) {
  absl::StrAppend(&output_, line);
  appended_ += line.size();
  command->end = appended_;
}

ClientStep ClientSession::Answer(const Reply& reply) {
  const ClientStep step = ReplyStep(queue_.front().id, reply);
  Pop();
  return step;
}

ClientStep ClientSession::Skip() {
  const ClientStep step =
      MakeStep(ClientStep::Kind::kSkipped, queue_.front().id);
  Pop();
  return step;
}

void ClientSession::Pop() {
  switch (queue_.front().kind) {
    case Command::Kind::kEhlo:
    case Command::Kind::kHelo:
    case Command::Kind::kStartTls:
    case Command::Kind::kXClient:
      --unsettled_;
      break;
    case Command::Kind::kContent:
      body_.reset();
      EndTransaction();
      break;
    case Command::Kind::kGreeting:
    case Command::Kind::kAuth:
    case Command::Kind::kXForward:
    case Command::Kind::kMail:
    case Command::Kind::kRcpt:
    case Command::Kind::kData:
    case Command::Kind::kBdat:
    case Command::Kind::kEmpty:
    case Command::Kind::kReset:
    case Command::Kind::kQuit:
      break;
  }
  queue_.pop_front();
  if (sent_ > 0) --sent_;
  SendMore();
}

void ClientSession::SkipUnsent() {
  for (size_t i = sent_; i < queue_.size(); ++i) {
    queue_[i].skipped = queue_[i].kind != Command::Kind::kQuit;
  }
}

void ClientSession::EndTransaction() {
  mail_accepted_ = false;
  recipients_.clear();
}

void ClientSession::Close(ClientClose reason) {
  closed_ = reason;
  queue_.clear();
  sent_ = 0;
  unsettled_ = 0;
  body_.reset();
  tls_due_ = false;
  output_.clear();
  written_ = 0;
}

absl::string_view ClientSession::Output() const {
  if (!Pending().empty()) return Pending();
  return body_ ? body_->Piece() : absl::string_view();
}

void ClientSession::OutputWritten(size_t n) {
  ABSL_HARDENING_ASSERT(n <= Output().size());
  if (n == 0) return;
  if (Pending().empty()) {
    block_ += n;
    if (block_ >= config_.data_block) {
      block_ = 0;
      ++progress_;
    }
    body_->Written(n);
  } else {
    written_ += n;
    if (written_ * 2 >= output_.size()) {  // moves each byte at most once
      output_.erase(0, written_);
      written_ = 0;
    }
  }
  SendMore();
}

void ClientSession::TimedOut() {
  if (!closed_) Close(ClientClose::kTimeout);
}

void ClientSession::TlsStarted() {
  ABSL_HARDENING_ASSERT(tls_due_);
  tls_due_ = false;
  tls_ = true;
  keywords_ = EhloKeywords();
  pipelining_ = false;
  EndTransaction();
  Pop();
}

absl::Duration ClientSession::ReadTimeout() const {
  // RFC 5321 4.5.3.2.1 to 4.5.3.2.3. Commands without a time there: as MAIL.
  if (queue_.empty()) return absl::Minutes(5);
  switch (queue_.front().kind) {
    case Command::Kind::kData:
      return absl::Minutes(2);  // RFC 5321 4.5.3.2.4
    case Command::Kind::kContent:
      // RFC 5321 4.5.3.2.5 and 4.5.3.2.6: a server may deliver before it sends
      // 250, and a client that does not wait for it sends a duplicate.
      return body_->sent() ? absl::Minutes(10) : absl::Minutes(3);
    case Command::Kind::kEmpty:
      return absl::Minutes(10);
    case Command::Kind::kGreeting:
    case Command::Kind::kEhlo:
    case Command::Kind::kHelo:
    case Command::Kind::kStartTls:
    case Command::Kind::kAuth:
    case Command::Kind::kXClient:
    case Command::Kind::kXForward:
    case Command::Kind::kMail:
    case Command::Kind::kRcpt:
    case Command::Kind::kBdat:
    case Command::Kind::kReset:
    case Command::Kind::kQuit:
      break;
  }
  return absl::Minutes(5);
}

}  // namespace postern
