// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/c_session.h"

#include <iterator>
#include <optional>
#include <utility>
#include <variant>

#include "engine/grammar/extension.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/parameters.h"
#include "engine/grammar/path.h"
#include "engine/grammar/strictness.h"
#include "engine/grammar/verb.h"
#include "engine/grammar/xclient.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

// From C++ to C.

postern_bytes Bytes(absl::string_view text) {
  return {text.data(), text.size()};
}

postern_path ToC(const Path& path) {
  return {Bytes(path.local_part), Bytes(path.domain)};
}

std::vector<const char*> List(const std::vector<std::string>& words) {
  std::vector<const char*> list;
  for (const std::string& word : words) list.push_back(word.c_str());
  list.push_back(nullptr);
  return list;
}

postern_out_of_turn ToC(OutOfTurn value) {
  return value == OutOfTurn::kNote ? POSTERN_OUT_OF_TURN_NOTE
                                   : POSTERN_OUT_OF_TURN_REJECT;
}

postern_bare_newlines ToC(BareNewlines value) {
  return value == BareNewlines::kReject ? POSTERN_BARE_NEWLINES_REJECT
                                        : POSTERN_BARE_NEWLINES_NORMALIZE;
}

// The result points into `verdict`.
postern_verdict ToC(const Verdict& verdict) {
  postern_verdict to = postern_accept();
  switch (verdict.kind()) {
    case Verdict::Kind::kAccept:
      break;
    case Verdict::Kind::kRefuse:
      to.kind = POSTERN_REFUSE;
      break;
    case Verdict::Kind::kDrop:
      to.kind = POSTERN_DROP;
      break;
  }
  if (verdict.reply()) {
    const Reply& reply = *verdict.reply();
    to.reply = {
        reply.code,
        {reply.enhanced.class_, reply.enhanced.subject, reply.enhanced.detail},
        Bytes(reply.text)};
  }
  to.has_path = verdict.path().has_value();
  if (verdict.path()) to.path = ToC(*verdict.path());
  if (verdict.bare_newlines()) {
    to.bare_newlines = ToC(*verdict.bare_newlines());
  }
  return to;
}

postern_session* NewSession(const ServerConfig& config) {
  postern_server_config to;
  postern_server_config_init(&to, sizeof(to));
  to.greeting = config.greeting.c_str();
  to.require_hello = config.require_hello;
  to.lmtp = config.lmtp;
  const ExtensionSet offered =
      config.extensions & (config.carried | ExtensionSet{Extension::kChunking});
  to.extensions = 0;
  for (size_t i = 0; i < std::size(kExtensionTable); ++i) {
    if (offered.Has(kExtensionTable[i].extension)) to.extensions |= 1u << i;
  }
  const std::vector<const char*> verbs = List(config.more_verbs);
  to.more_verbs = verbs.data();
  to.announce_limits = config.announce_limits;
  if (config.hold_limits) {
    to.hold_longest_s = absl::ToInt64Seconds(config.hold_limits->longest);
    to.hold_latest_s = absl::ToUnixSeconds(config.hold_limits->latest);
  }
  to.min_deliver_by_s = absl::ToInt64Seconds(config.min_deliver_by);
  to.offer_starttls = config.offer_starttls;
  to.require_tls = config.require_tls;
  const std::vector<const char*> mechanisms = List(config.mechanisms);
  to.mechanisms = mechanisms.data();
  const std::vector<const char*> without_tls =
      List(config.mechanisms_without_tls);
  to.mechanisms_without_tls = without_tls.data();
  to.require_auth = config.require_auth;
  to.old_auth_line = config.old_auth_line;
  to.xclient = config.xclient;
  to.xclient_login = config.xclient_login;
  to.early_talk = ToC(config.early_talk);
  to.pipelining = ToC(config.pipelining);
  to.max_message_size = config.max_message_size;
  to.max_recipients = config.max_recipients;
  to.max_messages = config.max_messages;
  to.max_line = config.max_line;
  to.max_auth_line = config.max_auth_line;
  to.max_output = config.max_output;
  to.max_errors = config.max_errors;
  to.max_invalid_recipients = config.max_invalid_recipients;
  to.max_reported = config.max_reported;
  to.max_auth_failures = config.max_auth_failures;
  to.max_discarded = config.max_discarded;
  to.max_hops = config.max_hops;
  to.max_open_asks = config.max_open_asks;
  to.bare_newlines = ToC(config.bare_newlines);
  to.lenient = config.strictness == Strictness::kLenient;
  to.command_timeout_ms = absl::ToInt64Milliseconds(config.command_timeout);
  to.data_timeout_ms = absl::ToInt64Milliseconds(config.data_timeout);
  to.bare_newline_timeout_ms =
      absl::ToInt64Milliseconds(config.bare_newline_timeout);
  to.data_block = config.data_block;
  postern_server* server = nullptr;
  postern_error error = {};
  EXPECT_EQ(postern_server_new(&to, &server, &error), POSTERN_OK)
      << error.message;
  EXPECT_EQ(postern_server_input_room(server), config.InputRoom());
  postern_session* const session = postern_session_new(server);
  postern_server_free(server);  // before its session
  return session;
}

absl::Status ToStatus(postern_status status, const postern_error& error) {
  switch (status) {
    case POSTERN_OK:
      return absl::OkStatus();
    case POSTERN_INVALID_ARGUMENT:
      return absl::InvalidArgumentError(error.message);
    case POSTERN_FAILED_PRECONDITION:
      return absl::FailedPreconditionError(error.message);
    case POSTERN_NOT_FOUND:
      return absl::NotFoundError(error.message);
    default:
      return absl::InternalError(error.message);
  }
}

// From C to C++.

absl::string_view View(postern_bytes bytes) {
  EXPECT_NE(bytes.data, nullptr);
  return {bytes.data, bytes.size};
}

// Of text. It has a NUL at its end.
std::string Text(postern_bytes bytes) {
  EXPECT_EQ(bytes.data[bytes.size], '\0');
  return std::string(View(bytes));
}

Path FromC(postern_path path) {
  return {Text(path.local_part), Text(path.domain)};
}

Reply FromC(const postern_reply& reply) {
  return {reply.code,
          {static_cast<uint8_t>(reply.enhanced[0]),
           static_cast<uint16_t>(reply.enhanced[1]),
           static_cast<uint16_t>(reply.enhanced[2])},
          Text(reply.text)};
}

absl::Time Join(int64_t seconds, int32_t nanoseconds) {
  return absl::FromUnixSeconds(seconds) + absl::Nanoseconds(nanoseconds);
}

MailParameters FromC(const postern_mail_parameters& from) {
  MailParameters to;
  if (from.has_size) to.size = from.size;
  switch (from.body) {
    case POSTERN_BODY_NONE:
      break;
    case POSTERN_BODY_7BIT:
      to.body = BodyType::k7Bit;
      break;
    case POSTERN_BODY_8BITMIME:
      to.body = BodyType::k8BitMime;
      break;
    case POSTERN_BODY_BINARYMIME:
      to.body = BodyType::kBinaryMime;
      break;
  }
  to.smtp_utf8 = from.smtp_utf8;
  if (from.ret != POSTERN_RET_NONE) {
    to.ret = from.ret == POSTERN_RET_FULL ? Ret::kFull : Ret::kHeaders;
  }
  if (from.envid.size > 0) to.envid = Text(from.envid);
  if (from.has_auth) to.auth = FromC(from.auth);
  to.require_tls = from.require_tls;
  if (from.has_priority) to.priority = from.priority;
  if (from.by != POSTERN_BY_NONE) {
    to.deliver_by = {from.by_seconds,
                     from.by == POSTERN_BY_NOTIFY ? DeliverBy::Mode::kNotify
                                                  : DeliverBy::Mode::kReturn,
                     from.by_trace};
  }
  if (from.hold == POSTERN_HOLD_FOR) to.hold = absl::Seconds(from.hold_s);
  if (from.hold == POSTERN_HOLD_UNTIL) {
    to.hold = Join(from.hold_s, from.hold_ns);
  }
  return to;
}

RcptParameters FromC(const postern_rcpt_parameters& from) {
  RcptParameters to;
  if (from.has_notify) {
    to.notify = {from.notify_success, from.notify_failure, from.notify_delay};
  }
  if (from.has_orcpt) {
    to.orcpt = {Text(from.orcpt_type), Text(from.orcpt_address)};
  }
  if (from.rrvs != POSTERN_RRVS_NONE) {
    to.rrvs = {Join(from.rrvs_since_s, from.rrvs_since_ns),
               from.rrvs == POSTERN_RRVS_REJECT ? Rrvs::Action::kReject
                                                : Rrvs::Action::kContinue};
  }
  return to;
}

template <typename T>
std::optional<XClientValue<T>> FromC(postern_xclient_value kind, T value) {
  using Kind = typename XClientValue<T>::Kind;
  switch (kind) {
    case POSTERN_XCLIENT_ABSENT:
      break;
    case POSTERN_XCLIENT_KNOWN:
      return XClientValue<T>{Kind::kKnown, std::move(value)};
    case POSTERN_XCLIENT_UNAVAILABLE:
      return XClientValue<T>{Kind::kUnavailable, {}};
    case POSTERN_XCLIENT_TEMPORARY:
      return XClientValue<T>{Kind::kTemporary, {}};
  }
  return std::nullopt;
}

XClient FromC(const postern_xclient& from) {
  return {
      .name = FromC(from.name_value, Text(from.name)),
      .helo = FromC(from.helo_value, Text(from.helo)),
      .login = FromC(from.login_value, Text(from.login)),
      .address = FromC(from.address_value, IpAddress::Parse(from.address)),
      .port = FromC(from.port_value, from.port),
      .protocol =
          FromC(from.protocol_value,
                from.esmtp ? XClientProtocol::kEsmtp : XClientProtocol::kSmtp),
      .destination_address = FromC(from.destination_address_value,
                                   IpAddress::Parse(from.destination_address)),
      .destination_port =
          FromC(from.destination_port_value, from.destination_port),
  };
}

std::optional<uint64_t> Size(const postern_ask* ask) {
  uint64_t size = 0;
  return postern_ask_size(ask, &size) ? std::optional<uint64_t>(size)
                                      : std::nullopt;
}

Ask FromC(const postern_ask* ask) {
  Ask to;
  to.id = RequestId{postern_ask_id(ask)};
  switch (postern_ask_get_kind(ask)) {
    case POSTERN_ASK_CONNECTED: {
      postern_xclient client;
      Connected connected;
      if (postern_ask_xclient(ask, &client, sizeof(client))) {
        connected.client = FromC(client);
      }
      to.what = connected;
      break;
    }
    case POSTERN_ASK_HELLO: {
      Hello hello;
      hello.client_name = Text(postern_ask_argument(ask));
      switch (postern_ask_hello(ask)) {
        case POSTERN_HELO:
          hello.verb = Hello::Verb::kHelo;
          break;
        case POSTERN_EHLO:
          hello.verb = Hello::Verb::kEhlo;
          break;
        case POSTERN_LHLO:
          hello.verb = Hello::Verb::kLhlo;
          break;
      }
      to.what = hello;
      break;
    }
    case POSTERN_ASK_START_TLS:
      to.what = StartTls{};
      break;
    case POSTERN_ASK_AUTH_BEGIN: {
      AuthBegin begin = {Text(postern_ask_mechanism(ask)), std::nullopt};
      postern_bytes response;
      if (postern_ask_response(ask, &response)) {
        begin.initial_response = Text(response);
      }
      to.what = begin;
      break;
    }
    case POSTERN_ASK_AUTH_RESPONSE: {
      postern_bytes response;
      EXPECT_TRUE(postern_ask_response(ask, &response));
      to.what = AuthResponse{Text(response)};
      break;
    }
    case POSTERN_ASK_MAIL: {
      postern_mail_parameters parameters;
      postern_ask_mail_parameters(ask, &parameters, sizeof(parameters));
      EXPECT_EQ(postern_ask_smtp_utf8(ask), parameters.smtp_utf8);
      EXPECT_EQ(Size(ask).has_value(), parameters.has_size);
      to.what = Mail{FromC(postern_ask_from(ask)), FromC(parameters),
                     postern_ask_message(ask)};
      break;
    }
    case POSTERN_ASK_RCPT: {
      postern_rcpt_parameters parameters;
      postern_ask_rcpt_parameters(ask, &parameters, sizeof(parameters));
      to.what = Rcpt{FromC(postern_ask_from(ask)),
                     FromC(postern_ask_to(ask)),
                     FromC(parameters),
                     postern_ask_index(ask),
                     postern_ask_message(ask),
                     Size(ask)};
      break;
    }
    case POSTERN_ASK_BODY_BEGIN:
      to.what =
          BodyBegin{FromC(postern_ask_from(ask)), FromC(postern_ask_to(ask)),
                    postern_ask_recipient_count(ask), postern_ask_message(ask),
                    Size(ask)};
      break;
    case POSTERN_ASK_BODY_END:
      EXPECT_TRUE(Size(ask).has_value());
      to.what = BodyEnd{Size(ask).value_or(0)};
      break;
    case POSTERN_ASK_VERIFY:
      to.what =
          Verify{Text(postern_ask_argument(ask)), postern_ask_smtp_utf8(ask)};
      break;
    case POSTERN_ASK_OTHER:
      to.what = Other{FindVerb(Text(postern_ask_verb(ask))).name,
                      Text(postern_ask_argument(ask))};
      break;
  }
  return to;
}

CloseReason FromC(postern_close_reason reason) {
  const auto to = static_cast<CloseReason>(reason);
  EXPECT_EQ(postern_close_reason_name(reason), CloseReasonName(to));
  return to;
}

}  // namespace

CSession::CSession(const ServerConfig& config) : session_(NewSession(config)) {}

CSession::~CSession() { postern_session_free(session_); }

Step CSession::Advance(absl::string_view in) {
  const postern_step& from = *postern_session_advance(session_, Bytes(in));
  Step step;
  step.consumed = from.consumed;
  step.secret = from.secret;
  switch (from.kind) {
    case POSTERN_STEP_NEED_INPUT:
      step.kind = Step::Kind::kNeedInput;
      break;
    case POSTERN_STEP_NEED_FLUSH:
      step.kind = Step::Kind::kNeedFlush;
      break;
    case POSTERN_STEP_WAITING:
      step.kind = Step::Kind::kWaiting;
      break;
    case POSTERN_STEP_ASK: {
      step.kind = Step::Kind::kAsk;
      EXPECT_EQ(postern_session_open_ask(session_, postern_ask_id(from.ask)),
                from.ask);
      postern_ask* const copy = postern_ask_copy(from.ask);
      ask_ = FromC(copy);
      postern_ask_free(copy);
      step.ask = &ask_;
      break;
    }
    case POSTERN_STEP_BODY:
      step.kind = Step::Kind::kBody;
      body_.clear();
      for (size_t i = 0; i < from.body_count; ++i) {
        body_.push_back(View(from.body[i]));
      }
      step.body = body_;
      break;
    case POSTERN_STEP_ABORTED:
      step.kind = Step::Kind::kAborted;
      break;
    case POSTERN_STEP_START_TLS:
      step.kind = Step::Kind::kStartTls;
      break;
    case POSTERN_STEP_CLOSED:
      step.kind = Step::Kind::kClosed;
      step.reason = FromC(from.reason);
      break;
  }
  EXPECT_EQ(from.ask != nullptr, step.kind == Step::Kind::kAsk);
  if (from.refusal != nullptr) {
    refusal_ = FromC(*from.refusal);
    step.refusal = &refusal_;
  }
  return step;
}

absl::Status CSession::Complete(RequestId id, const Verdict& verdict) {
  const postern_verdict to = ToC(verdict);
  postern_error error = {};
  return ToStatus(postern_session_complete(session_, static_cast<uint64_t>(id),
                                           &to, &error),
                  error);
}

absl::Status CSession::Complete(RequestId id,
                                absl::Span<const Verdict> verdicts) {
  std::vector<postern_verdict> to;
  for (const Verdict& verdict : verdicts) to.push_back(ToC(verdict));
  postern_error error = {};
  return ToStatus(
      postern_session_complete_each(session_, static_cast<uint64_t>(id),
                                    to.data(), to.size(), &error),
      error);
}

absl::Status CSession::CompleteAuth(RequestId id, const AuthAnswer& answer) {
  if (const auto* verdict = std::get_if<Verdict>(&answer)) {
    return Complete(id, *verdict);
  }
  postern_error error = {};
  if (const auto* challenge = std::get_if<AuthChallenge>(&answer)) {
    return ToStatus(
        postern_session_auth_challenge(session_, static_cast<uint64_t>(id),
                                       Bytes(challenge->bytes), &error),
        error);
  }
  return ToStatus(postern_session_auth_granted(
                      session_, static_cast<uint64_t>(id),
                      Bytes(std::get<AuthGranted>(answer).identity), &error),
                  error);
}

absl::string_view CSession::Output() const {
  return View(postern_session_output(session_));
}

void CSession::OutputWritten(size_t n) {
  postern_session_output_written(session_, n);
}

std::vector<Refusal> CSession::TakeRefusals() {
  std::vector<Refusal> refusals;
  while (const auto* from = postern_session_next_refusal(session_)) {
    refusals.push_back({from->verb.size == 0 ? absl::string_view()
                                             : FindVerb(Text(from->verb)).name,
                        Text(from->command), FromC(from->reply), from->message,
                        from->content});
  }
  return refusals;
}

uint32_t CSession::refused() const { return postern_session_refused(session_); }

void CSession::EndOfInput() { postern_session_end_of_input(session_); }

void CSession::TimedOut() { postern_session_timed_out(session_); }

void CSession::Shutdown() { postern_session_shutdown(session_); }

void CSession::TlsStarted(const TlsInfo& info) {
  postern_tls_info to = POSTERN_TLS_INFO_INIT;
  to.protocol = Bytes(info.protocol);
  to.cipher = Bytes(info.cipher);
  to.peer_subject = Bytes(info.peer_subject);
  EXPECT_EQ(postern_session_tls_started(session_, &to, nullptr), POSTERN_OK);
}

void CSession::TalkedEarly() { postern_session_talked_early(session_); }

void CSession::ReleaseIdleMemory() {
  postern_session_release_idle_memory(session_);
}

absl::Duration CSession::ReadTimeout() const {
  return absl::Milliseconds(postern_session_read_timeout_ms(session_));
}

absl::Duration CSession::IdleTimeout() const {
  const int64_t timeout = postern_session_idle_timeout_ms(session_);
  return timeout == -1 ? absl::InfiniteDuration() : absl::Milliseconds(timeout);
}

uint64_t CSession::progress() const {
  return postern_session_progress(session_);
}

const Envelope& CSession::envelope() const {
  envelope_ = {};
  envelope_.message = postern_session_message(session_);
  envelope_.from = FromC(postern_session_from(session_));
  postern_mail_parameters parameters;
  postern_session_mail_parameters(session_, &parameters, sizeof(parameters));
  envelope_.parameters = FromC(parameters);
  for (size_t i = 0; i < postern_session_recipient_count(session_); ++i) {
    postern_rcpt_parameters each;
    postern_session_rcpt_parameters(session_, i, &each, sizeof(each));
    envelope_.to.push_back(
        {FromC(postern_session_recipient(session_, i)), FromC(each)});
  }
  return envelope_;
}

const std::string& CSession::identity() const {
  return identity_ = Text(postern_session_identity(session_));
}

}  // namespace postern
