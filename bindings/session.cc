// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The C interface of ServerSession.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
// Only what this header declares is visible outside of the shared library.
#pragma GCC visibility push(default)
#include "bindings/calls.h"
#include "bindings/postern.h"
#pragma GCC visibility pop
#include "engine/ask.h"
#include "engine/content/body_scanner.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/parameters.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/strictness.h"
#include "engine/grammar/wipe.h"
#include "engine/grammar/xclient.h"
#include "engine/server_config.h"
#include "engine/server_session.h"
#include "engine/session_info.h"
#include "engine/step.h"
#include "engine/tls_info.h"
#include "engine/trace_header.h"
#include "engine/verdict.h"
#include "service/version.h"

using postern::Ask;
using postern::Path;
using postern::Reply;
using postern::ServerConfig;
using postern::Verdict;
using postern::bindings::ForEachStructure;
using postern::bindings::Null;
using postern::bindings::ReadStructure;
using postern::bindings::Report;

struct postern_server {
  std::shared_ptr<const ServerConfig> config;
};

struct postern_session {
  explicit postern_session(std::shared_ptr<const ServerConfig> given)
      : config(std::move(given)), session(*config) {}

  const std::shared_ptr<const ServerConfig> config;
  postern::ServerSession session;
  uint64_t connected = 0;  // the id of the last question Connected

  // What postern_session_advance() has returned.
  postern_step step = {};
  std::vector<postern_bytes> body;
  Reply refusal_text;
  postern_reply refusal = {};

  std::deque<postern::Refusal> refusals;  // not returned yet
  postern::Refusal returned_text;
  postern_refusal returned = {};
};

namespace {

// What a function must not be given ends the process: a program that goes on
// would read where nothing is.
void Require(bool holds, const char* function, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "libpostern: %s: %s\n", function, what);
  std::abort();
}
#define REQUIRE_NOT_NULL(pointer) \
  Require((pointer) != nullptr, __func__, #pointer " is NULL")

// Calls `body`. An exception, which only a lack of memory can cause, ends the
// process: the session that it leaves is not whole.
template <typename Body>
auto NoThrow(Body body) noexcept {
  return body();
}

// Values from C++ to C, and back.

postern_bytes Bytes(absl::string_view text) {
  return {text.data() == nullptr ? "" : text.data(), text.size()};
}

postern_path ToC(const Path& path) {
  return {Bytes(path.local_part), Bytes(path.domain)};
}

postern_reply ToC(const Reply& reply) {
  return {
      reply.code,
      {reply.enhanced.class_, reply.enhanced.subject, reply.enhanced.detail},
      Bytes(reply.text)};
}

absl::string_view View(postern_bytes bytes) {
  Require(bytes.data != nullptr || bytes.size == 0, "postern_bytes",
          "data is NULL and size is not 0");
  return {bytes.data == nullptr ? "" : bytes.data, bytes.size};
}

std::string Text(postern_bytes bytes) { return std::string(View(bytes)); }

Path PathOf(postern_path path) {
  return {Text(path.local_part), Text(path.domain)};
}

// Returns an error if one of `all` has no octets, but a size.
absl::Status CheckBytes(std::initializer_list<postern_bytes> all) {
  for (const postern_bytes& each : all) {
    if (each.data == nullptr && each.size > 0)
      return Null("postern_bytes.data");
  }
  return absl::OkStatus();
}

// Read structures of version 0.1 and later: see ReadStructure(). The sizes do
// not change when members are added.
absl::Status Read(const postern_server_config* given,
                  postern_server_config* read) {
  return ReadStructure(given,
                       POSTERN_SIZE_TO(postern_server_config, data_block),
                       "config", read);
}
absl::Status Read(const postern_verdict* given, absl::string_view name,
                  postern_verdict* read) {
  const absl::Status status = ReadStructure(
      given, POSTERN_SIZE_TO(postern_verdict, reserved), name, read);
  if (!status.ok()) return status;
  if (read->reserved != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": reserved is not 0"));
  }
  return CheckBytes(
      {read->reply.text, read->path.local_part, read->path.domain});
}
absl::Status Read(const postern_tls_info* given, postern_tls_info* read) {
  const absl::Status status = ReadStructure(
      given, POSTERN_SIZE_TO(postern_tls_info, peer_subject), "info", read);
  if (!status.ok()) return status;
  return CheckBytes({read->protocol, read->cipher, read->peer_subject});
}
absl::Status Read(const postern_received* given, postern_received* read) {
  const absl::Status status = ReadStructure(
      given, POSTERN_SIZE_TO(postern_received, time_s), "received", read);
  if (!status.ok()) return status;
  return CheckBytes({read->hello_name, read->remote_name, read->remote_address,
                     read->identity, read->tls_cipher, read->host, read->id});
}

// Writes a structure to a caller who knows an earlier or a later version.
template <typename T>
void Write(const T& value, T* to, size_t struct_size) {
  std::memset(static_cast<void*>(to), 0, struct_size);
  std::memcpy(static_cast<void*>(to), &value, std::min(struct_size, sizeof(T)));
}

std::vector<std::string> Words(const char* const* list) {
  std::vector<std::string> words;
  for (; list != nullptr && *list != nullptr; ++list) words.push_back(*list);
  return words;
}

absl::Status Unknown(absl::string_view name) {
  return absl::InvalidArgumentError(absl::StrCat(name, ": no such value"));
}

absl::Status ToOutOfTurn(postern_out_of_turn value, absl::string_view name,
                         postern::OutOfTurn* to) {
  switch (value) {
    case POSTERN_OUT_OF_TURN_NOTE:
      *to = postern::OutOfTurn::kNote;
      return absl::OkStatus();
    case POSTERN_OUT_OF_TURN_REJECT:
      *to = postern::OutOfTurn::kReject;
      return absl::OkStatus();
  }
  return Unknown(name);
}

// Leaves `to` as it is for POSTERN_BARE_NEWLINES_DEFAULT.
template <typename T>
absl::Status ToBareNewlines(postern_bare_newlines value, T* to) {
  switch (value) {
    case POSTERN_BARE_NEWLINES_DEFAULT:
      return absl::OkStatus();
    case POSTERN_BARE_NEWLINES_REJECT:
      *to = postern::BareNewlines::kReject;
      return absl::OkStatus();
    case POSTERN_BARE_NEWLINES_NORMALIZE:
      *to = postern::BareNewlines::kNormalize;
      return absl::OkStatus();
  }
  return Unknown("bare_newlines");
}

// postern_extension has a bit for each row.
static_assert(std::size(postern::kExtensionTable) == 9);
static_assert(postern::kExtensionTable[0].extension ==
              postern::Extension::kChunking);
static_assert(postern::kExtensionTable[3].extension ==
              postern::Extension::kDsn);
static_assert(postern::kExtensionTable[8].extension ==
              postern::Extension::kRrvs);

absl::StatusOr<ServerConfig> ConfigOf(const postern_server_config& from) {
  ServerConfig config;
  config.greeting = from.greeting == nullptr ? "" : from.greeting;
  config.require_hello = from.require_hello;
  config.lmtp = from.lmtp;
  if (from.extensions >> std::size(postern::kExtensionTable) != 0) {
    return Unknown("extensions");
  }
  for (size_t i = 0; i < std::size(postern::kExtensionTable); ++i) {
    if ((from.extensions >> i & 1) == 0) continue;
    config.carried =
        config.carried |
        postern::ExtensionSet{postern::kExtensionTable[i].extension};
  }
  config.extensions = config.carried;
  config.more_verbs = Words(from.more_verbs);
  config.announce_limits = from.announce_limits;
  if ((from.hold_longest_s != 0) != (from.hold_latest_s != 0)) {
    return absl::InvalidArgumentError(
        "hold_longest_s and hold_latest_s: both are needed, or neither");
  }
  if (from.hold_longest_s != 0) {
    config.hold_limits = {absl::Seconds(from.hold_longest_s),
                          absl::FromUnixSeconds(from.hold_latest_s)};
  }
  config.min_deliver_by = absl::Seconds(from.min_deliver_by_s);
  config.offer_starttls = from.offer_starttls;
  config.require_tls = from.require_tls;
  config.mechanisms = Words(from.mechanisms);
  config.mechanisms_without_tls = Words(from.mechanisms_without_tls);
  config.require_auth = from.require_auth;
  config.old_auth_line = from.old_auth_line;
  config.xclient = from.xclient;
  config.xclient_login = from.xclient_login;
  for (const absl::Status& status :
       {ToOutOfTurn(from.early_talk, "early_talk", &config.early_talk),
        ToOutOfTurn(from.pipelining, "pipelining", &config.pipelining),
        ToBareNewlines(from.bare_newlines, &config.bare_newlines)}) {
    if (!status.ok()) return status;
  }
  config.max_message_size = from.max_message_size;
  config.max_recipients = from.max_recipients;
  config.max_messages = from.max_messages;
  config.max_line = from.max_line;
  config.max_auth_line = from.max_auth_line;
  config.max_output = from.max_output;
  config.max_errors = from.max_errors;
  config.max_invalid_recipients = from.max_invalid_recipients;
  config.max_reported = from.max_reported;
  config.max_auth_failures = from.max_auth_failures;
  config.max_discarded = from.max_discarded;
  config.max_hops = from.max_hops;
  config.max_open_asks = from.max_open_asks;
  config.strictness = from.lenient ? postern::Strictness::kLenient
                                   : postern::Strictness::kStrict;
  config.command_timeout = absl::Milliseconds(from.command_timeout_ms);
  config.data_timeout = absl::Milliseconds(from.data_timeout_ms);
  config.bare_newline_timeout =
      absl::Milliseconds(from.bare_newline_timeout_ms);
  config.data_block = from.data_block;
  if (const absl::Status status = config.Validate(); !status.ok()) {
    return status;
  }
  return config;
}

absl::StatusOr<Verdict> VerdictOf(const postern_verdict& from) {
  const int* const enhanced = from.reply.enhanced;
  if (enhanced[0] < 0 || enhanced[0] > 9 || enhanced[1] < 0 ||
      enhanced[1] > 999 || enhanced[2] < 0 || enhanced[2] > 999) {
    return absl::InvalidArgumentError("enhanced: a number is out of its range");
  }
  Reply reply = {
      from.reply.code,
      {static_cast<uint8_t>(enhanced[0]), static_cast<uint16_t>(enhanced[1]),
       static_cast<uint16_t>(enhanced[2])},
      Text(from.reply.text)};
  switch (from.kind) {
    case POSTERN_REFUSE:
      return Verdict::Refuse(std::move(reply));
    case POSTERN_DROP:
      return Verdict::Drop(std::move(reply));
    case POSTERN_ACCEPT: {
      std::optional<postern::BareNewlines> bare_newlines;
      const absl::Status status =
          ToBareNewlines(from.bare_newlines, &bare_newlines);
      if (!status.ok()) return status;
      Verdict verdict = bare_newlines ? Verdict::AcceptWith(*bare_newlines)
                                      : Verdict::Accept();
      if (from.reply.code != 0) verdict = std::move(verdict).With(reply);
      if (from.has_path) verdict = std::move(verdict).About(PathOf(from.path));
      return verdict;
    }
  }
  return Unknown("kind");
}

const Ask& AskOf(const postern_ask* ask) {
  return *reinterpret_cast<const Ask*>(ask);
}
const postern_ask* ToC(const Ask* ask) {
  return reinterpret_cast<const postern_ask*>(ask);
}

// Returns the question if it is a T.
template <typename T>
const T* As(const postern_ask* ask) {
  return std::get_if<T>(&AskOf(ask).what);
}

// A time is a number of seconds and nanoseconds.
void Split(absl::Time time, int64_t* seconds, int32_t* nanoseconds) {
  *seconds = absl::ToUnixSeconds(time);  // rounds down
  *nanoseconds = static_cast<int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(*seconds)));
}

postern_mail_parameters ToC(const postern::MailParameters& from) {
  postern_mail_parameters to = {};
  to.has_size = from.size.has_value();
  to.size = from.size.value_or(0);
  if (from.body) {
    switch (*from.body) {
      case postern::BodyType::k7Bit:
        to.body = POSTERN_BODY_7BIT;
        break;
      case postern::BodyType::k8BitMime:
        to.body = POSTERN_BODY_8BITMIME;
        break;
      case postern::BodyType::kBinaryMime:
        to.body = POSTERN_BODY_BINARYMIME;
        break;
    }
  }
  to.smtp_utf8 = from.smtp_utf8;
  if (from.ret) {
    to.ret =
        *from.ret == postern::Ret::kFull ? POSTERN_RET_FULL : POSTERN_RET_HDRS;
  }
  to.envid = Bytes(from.envid ? absl::string_view(*from.envid) : "");
  to.has_auth = from.auth.has_value();
  to.auth = from.auth ? ToC(*from.auth) : postern_path{Bytes(""), Bytes("")};
  to.require_tls = from.require_tls;
  to.has_priority = from.priority.has_value();
  to.priority = from.priority.value_or(0);
  if (from.deliver_by) {
    to.by = from.deliver_by->mode == postern::DeliverBy::Mode::kNotify
                ? POSTERN_BY_NOTIFY
                : POSTERN_BY_RETURN;
    to.by_seconds = from.deliver_by->seconds;
    to.by_trace = from.deliver_by->trace;
  }
  if (from.hold) {
    if (const auto* longest = std::get_if<absl::Duration>(&*from.hold)) {
      to.hold = POSTERN_HOLD_FOR;
      to.hold_s = absl::ToInt64Seconds(*longest);
    } else {
      to.hold = POSTERN_HOLD_UNTIL;
      Split(std::get<absl::Time>(*from.hold), &to.hold_s, &to.hold_ns);
    }
  }
  return to;
}

postern_rcpt_parameters ToC(const postern::RcptParameters& from) {
  postern_rcpt_parameters to = {};
  to.has_notify = from.notify.has_value();
  if (from.notify) {
    to.notify_success = from.notify->success;
    to.notify_failure = from.notify->failure;
    to.notify_delay = from.notify->delay;
  }
  to.has_orcpt = from.orcpt.has_value();
  to.orcpt_type = Bytes(from.orcpt ? absl::string_view(from.orcpt->type) : "");
  to.orcpt_address =
      Bytes(from.orcpt ? absl::string_view(from.orcpt->address) : "");
  if (from.rrvs) {
    to.rrvs = from.rrvs->action == postern::Rrvs::Action::kReject
                  ? POSTERN_RRVS_REJECT
                  : POSTERN_RRVS_CONTINUE;
    Split(from.rrvs->since, &to.rrvs_since_s, &to.rrvs_since_ns);
  }
  return to;
}

// Returns whether `from` was sent and has a value. Writes `kind`.
template <typename T>
bool Known(const std::optional<postern::XClientValue<T>>& from,
           postern_xclient_value* kind) {
  using Kind = typename postern::XClientValue<T>::Kind;
  if (!from) return false;
  switch (from->kind) {
    case Kind::kKnown:
      *kind = POSTERN_XCLIENT_KNOWN;
      return true;
    case Kind::kUnavailable:
      *kind = POSTERN_XCLIENT_UNAVAILABLE;
      return false;
    case Kind::kTemporary:
      *kind = POSTERN_XCLIENT_TEMPORARY;
      return false;
  }
  return false;
}

postern_bytes ToC(const std::optional<postern::XClientValue<std::string>>& from,
                  postern_xclient_value* kind) {
  return Bytes(Known(from, kind) ? absl::string_view(from->value) : "");
}

void ToC(const std::optional<
             postern::XClientValue<std::optional<postern::IpAddress>>>& from,
         postern_xclient_value* kind, char (&to)[48]) {
  if (!Known(from, kind)) return;
  const std::string text = postern::ToString(from->value);
  std::memcpy(to, text.c_str(), std::min(text.size(), sizeof(to) - 1));
}

postern_close_reason ToC(postern::CloseReason reason) {
  switch (reason) {
    case postern::CloseReason::kQuit:
      return POSTERN_CLOSE_QUIT;
    case postern::CloseReason::kPeerGone:
      return POSTERN_CLOSE_PEER_GONE;
    case postern::CloseReason::kTimeout:
      return POSTERN_CLOSE_TIMEOUT;
    case postern::CloseReason::kRefused:
      return POSTERN_CLOSE_REFUSED;
    case postern::CloseReason::kAbuse:
      return POSTERN_CLOSE_ABUSE;
    case postern::CloseReason::kShutdown:
      return POSTERN_CLOSE_SHUTDOWN;
  }
  return POSTERN_CLOSE_ABUSE;
}

postern_step_kind ToC(postern::Step::Kind kind) {
  using Kind = postern::Step::Kind;
  switch (kind) {
    case Kind::kNeedInput:
      return POSTERN_STEP_NEED_INPUT;
    case Kind::kNeedFlush:
      return POSTERN_STEP_NEED_FLUSH;
    case Kind::kWaiting:
      return POSTERN_STEP_WAITING;
    case Kind::kAsk:
      return POSTERN_STEP_ASK;
    case Kind::kBody:
      return POSTERN_STEP_BODY;
    case Kind::kAborted:
      return POSTERN_STEP_ABORTED;
    case Kind::kStartTls:
      return POSTERN_STEP_START_TLS;
    case Kind::kClosed:
      return POSTERN_STEP_CLOSED;
  }
  return POSTERN_STEP_CLOSED;
}

absl::Status CompleteOne(postern_session* session, uint64_t id,
                         const postern_verdict* given) {
  if (session == nullptr) return Null("session");
  postern_verdict read = {};
  absl::Status status = Read(given, "verdict", &read);
  if (!status.ok()) return status;
  absl::StatusOr<Verdict> verdict = VerdictOf(read);
  if (!verdict.ok()) return verdict.status();
  return session->session.Complete(postern::RequestId{id}, *std::move(verdict));
}

absl::Status CompleteEach(postern_session* session, uint64_t id,
                          const postern_verdict* given, size_t count) {
  if (session == nullptr) return Null("session");
  std::vector<Verdict> verdicts;
  const absl::Status status = ForEachStructure(
      given, count, "verdicts",
      [&verdicts](const postern_verdict* one, const std::string& which) {
        postern_verdict read = {};
        if (absl::Status status = Read(one, which, &read); !status.ok()) {
          return status;
        }
        absl::StatusOr<Verdict> verdict = VerdictOf(read);
        if (!verdict.ok()) return verdict.status();
        verdicts.push_back(*std::move(verdict));
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return session->session.Complete(postern::RequestId{id}, verdicts);
}

absl::Status StartTls(postern_session* session, const postern_tls_info* info) {
  if (session == nullptr) return Null("session");
  postern::TlsInfo tls;
  if (info != nullptr) {
    postern_tls_info read = {};
    if (const absl::Status status = Read(info, &read); !status.ok()) {
      return status;
    }
    tls = {Text(read.protocol), Text(read.cipher), Text(read.peer_subject)};
  }
  const absl::string_view state = session->session.state_name();
  if (state != "start" && state != "starttls") {
    return absl::FailedPreconditionError(
        absl::StrCat("TLS cannot start in the state ", state));
  }
  session->session.TlsStarted(std::move(tls));
  return absl::OkStatus();
}

absl::Status FormatReceived(const postern_received* given, char* buffer,
                            size_t room, size_t* size) {
  postern_received received = {};
  if (const absl::Status status = Read(given, &received); !status.ok()) {
    return status;
  }
  if (buffer == nullptr) return Null("buffer");
  if (received.host.size == 0) {
    return absl::InvalidArgumentError("host is empty");
  }
  if (received.id.size == 0) return absl::InvalidArgumentError("id is empty");
  postern::SessionInfo session;
  session.hello_name = Text(received.hello_name);
  switch (received.hello) {
    case POSTERN_HELO:
      session.hello_verb = postern::Hello::Verb::kHelo;
      break;
    case POSTERN_EHLO:
      session.hello_verb = postern::Hello::Verb::kEhlo;
      break;
    case POSTERN_LHLO:
      session.hello_verb = postern::Hello::Verb::kLhlo;
      break;
    default:
      return Unknown("hello");
  }
  session.remote_name = Text(received.remote_name);
  const absl::string_view address = View(received.remote_address);
  session.remote_address = postern::IpAddress::Parse(address);
  if (!address.empty() && !session.remote_address) {
    return absl::InvalidArgumentError(
        absl::StrCat("remote_address: not an IP address: ", address));
  }
  session.identity = Text(received.identity);
  if (received.tls) {
    postern::TlsInfo tls;
    tls.cipher = Text(received.tls_cipher);
    session.tls = std::make_shared<const postern::TlsInfo>(std::move(tls));
  }
  const std::string field = postern::FormatReceived(
      session, received.smtp_utf8, View(received.host),
      {absl::FromUnixSeconds(received.time_s), Text(received.id)},
      received.show_user);
  if (field.size() >= room) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the field needs room for ", field.size() + 1, " octets, not ", room));
  }
  std::memcpy(buffer, field.c_str(), field.size() + 1);
  if (size != nullptr) *size = field.size();
  return absl::OkStatus();
}

}  // namespace

const char* postern_version() { return postern::service::Version().data(); }

// The server.

void postern_server_config_init(postern_server_config* config,
                                size_t struct_size) {
  REQUIRE_NOT_NULL(config);
  Require(struct_size >= sizeof(struct_size), __func__, "struct_size is small");
  const ServerConfig defaults;
  postern_server_config to = {};
  to.require_hello = defaults.require_hello;
  to.extensions = POSTERN_CHUNKING;
  to.announce_limits = defaults.announce_limits;
  to.xclient_login = defaults.xclient_login;
  to.max_message_size = defaults.max_message_size;
  to.max_recipients = defaults.max_recipients;
  to.max_messages = defaults.max_messages;
  to.max_line = defaults.max_line;
  to.max_auth_line = defaults.max_auth_line;
  to.max_output = defaults.max_output;
  to.max_errors = defaults.max_errors;
  to.max_invalid_recipients = defaults.max_invalid_recipients;
  to.max_reported = defaults.max_reported;
  to.max_auth_failures = defaults.max_auth_failures;
  to.max_discarded = defaults.max_discarded;
  to.max_hops = defaults.max_hops;
  to.max_open_asks = defaults.max_open_asks;
  to.bare_newlines = POSTERN_BARE_NEWLINES_REJECT;
  to.command_timeout_ms = absl::ToInt64Milliseconds(defaults.command_timeout);
  to.data_timeout_ms = absl::ToInt64Milliseconds(defaults.data_timeout);
  to.bare_newline_timeout_ms =
      absl::ToInt64Milliseconds(defaults.bare_newline_timeout);
  to.data_block = defaults.data_block;
  Write(to, config, struct_size);
  config->struct_size = struct_size;
}

postern_status postern_server_new(const postern_server_config* config,
                                  postern_server** server,
                                  postern_error* error) {
  return NoThrow([&] {
    if (server == nullptr) return Report(Null("server"), error);
    postern_server_config read = {};
    if (const absl::Status status = Read(config, &read); !status.ok()) {
      return Report(status, error);
    }
    absl::StatusOr<ServerConfig> made = ConfigOf(read);
    if (!made.ok()) return Report(made.status(), error);
    *server = new postern_server{
        std::make_shared<const ServerConfig>(*std::move(made))};
    return POSTERN_OK;
  });
}

void postern_server_free(postern_server* server) { delete server; }

size_t postern_server_input_room(const postern_server* server) {
  REQUIRE_NOT_NULL(server);
  return server->config->InputRoom();
}

// Questions.

postern_ask_kind postern_ask_get_kind(const postern_ask* ask) {
  REQUIRE_NOT_NULL(ask);
  struct Kind {
    postern_ask_kind operator()(const postern::Connected&) {
      return POSTERN_ASK_CONNECTED;
    }
    postern_ask_kind operator()(const postern::Hello&) {
      return POSTERN_ASK_HELLO;
    }
    postern_ask_kind operator()(const postern::StartTls&) {
      return POSTERN_ASK_START_TLS;
    }
    postern_ask_kind operator()(const postern::AuthBegin&) {
      return POSTERN_ASK_AUTH_BEGIN;
    }
    postern_ask_kind operator()(const postern::AuthResponse&) {
      return POSTERN_ASK_AUTH_RESPONSE;
    }
    postern_ask_kind operator()(const postern::Mail&) {
      return POSTERN_ASK_MAIL;
    }
    postern_ask_kind operator()(const postern::Rcpt&) {
      return POSTERN_ASK_RCPT;
    }
    postern_ask_kind operator()(const postern::BodyBegin&) {
      return POSTERN_ASK_BODY_BEGIN;
    }
    postern_ask_kind operator()(const postern::BodyEnd&) {
      return POSTERN_ASK_BODY_END;
    }
    postern_ask_kind operator()(const postern::Verify&) {
      return POSTERN_ASK_VERIFY;
    }
    postern_ask_kind operator()(const postern::Other&) {
      return POSTERN_ASK_OTHER;
    }
  };
  return std::visit(Kind(), AskOf(ask).what);
}

uint64_t postern_ask_id(const postern_ask* ask) {
  REQUIRE_NOT_NULL(ask);
  return static_cast<uint64_t>(AskOf(ask).id);
}

int postern_ask_message(const postern_ask* ask) {
  REQUIRE_NOT_NULL(ask);
  if (const auto* mail = As<postern::Mail>(ask)) return mail->message;
  if (const auto* rcpt = As<postern::Rcpt>(ask)) return rcpt->message;
  const auto* begin = As<postern::BodyBegin>(ask);
  return begin == nullptr ? 0 : begin->message;
}

postern_path postern_ask_from(const postern_ask* ask) {
  REQUIRE_NOT_NULL(ask);
  if (const auto* mail = As<postern::Mail>(ask)) return ToC(mail->from);
  if (const auto* rcpt = As<postern::Rcpt>(ask)) return ToC(rcpt->from);
  const auto* begin = As<postern::BodyBegin>(ask);
  return begin == nullptr ? postern_path{Bytes(""), Bytes("")}
                          : ToC(begin->from);
}

postern_path postern_ask_to(const postern_ask* ask) {
  REQUIRE_NOT_NULL(ask);
  if (const auto* rcpt = As<postern::Rcpt>(ask)) return ToC(rcpt->to);
  const auto* begin = As<postern::BodyBegin>(ask);
  return begin == nullptr ? postern_path{Bytes(""), Bytes("")} : ToC(begin->to);
}

size_t postern_ask_index(const postern_ask* ask) {
  REQUIRE_NOT_NULL(ask);
  const auto* rcpt = As<postern::Rcpt>(ask);
  return rcpt == nullptr ? 0 : rcpt->index;
}

size_t postern_ask_recipient_count(const postern_ask* ask) {
  REQUIRE_NOT_NULL(ask);
  const auto* begin = As<postern::BodyBegin>(ask);
  return begin == nullptr ? 0 : begin->recipients;
}

bool postern_ask_size(const postern_ask* ask, uint64_t* size) {
  REQUIRE_NOT_NULL(ask);
  REQUIRE_NOT_NULL(size);
  std::optional<uint64_t> found;
  if (const auto* mail = As<postern::Mail>(ask)) {
    found = mail->parameters.size;
  } else if (const auto* rcpt = As<postern::Rcpt>(ask)) {
    found = rcpt->size;
  } else if (const auto* begin = As<postern::BodyBegin>(ask)) {
    found = begin->size;
  } else if (const auto* end = As<postern::BodyEnd>(ask)) {
    found = end->size;
  }
  *size = found.value_or(0);
  return found.has_value();
}

postern_hello postern_ask_hello(const postern_ask* ask) {
  REQUIRE_NOT_NULL(ask);
  const auto* hello = As<postern::Hello>(ask);
  if (hello == nullptr) return POSTERN_HELO;
  switch (hello->verb) {
    case postern::Hello::Verb::kHelo:
      return POSTERN_HELO;
    case postern::Hello::Verb::kEhlo:
      return POSTERN_EHLO;
    case postern::Hello::Verb::kLhlo:
      return POSTERN_LHLO;
  }
  return POSTERN_HELO;
}

postern_bytes postern_ask_verb(const postern_ask* ask) {
  REQUIRE_NOT_NULL(ask);
  const auto* other = As<postern::Other>(ask);
  return Bytes(other == nullptr ? "" : other->verb);
}

postern_bytes postern_ask_argument(const postern_ask* ask) {
  REQUIRE_NOT_NULL(ask);
  if (const auto* hello = As<postern::Hello>(ask)) {
    return Bytes(hello->client_name);
  }
  if (const auto* verify = As<postern::Verify>(ask)) {
    return Bytes(verify->argument);
  }
  const auto* other = As<postern::Other>(ask);
  return Bytes(other == nullptr ? "" : absl::string_view(other->argument));
}

bool postern_ask_smtp_utf8(const postern_ask* ask) {
  REQUIRE_NOT_NULL(ask);
  if (const auto* mail = As<postern::Mail>(ask)) {
    return mail->parameters.smtp_utf8;
  }
  const auto* verify = As<postern::Verify>(ask);
  return verify != nullptr && verify->smtp_utf8;
}

postern_bytes postern_ask_mechanism(const postern_ask* ask) {
  REQUIRE_NOT_NULL(ask);
  const auto* begin = As<postern::AuthBegin>(ask);
  return Bytes(begin == nullptr ? "" : absl::string_view(begin->mechanism));
}

bool postern_ask_response(const postern_ask* ask, postern_bytes* response) {
  REQUIRE_NOT_NULL(ask);
  REQUIRE_NOT_NULL(response);
  *response = Bytes("");
  if (const auto* next = As<postern::AuthResponse>(ask)) {
    *response = Bytes(next->bytes);
    return true;
  }
  const auto* begin = As<postern::AuthBegin>(ask);
  if (begin == nullptr || !begin->initial_response) return false;
  *response = Bytes(*begin->initial_response);
  return true;
}

void postern_ask_mail_parameters(const postern_ask* ask,
                                 postern_mail_parameters* to,
                                 size_t struct_size) {
  REQUIRE_NOT_NULL(ask);
  REQUIRE_NOT_NULL(to);
  // Not a copy of the parameters: the result points into them.
  const postern::MailParameters none;
  const auto* mail = As<postern::Mail>(ask);
  Write(ToC(mail == nullptr ? none : mail->parameters), to, struct_size);
}

void postern_ask_rcpt_parameters(const postern_ask* ask,
                                 postern_rcpt_parameters* to,
                                 size_t struct_size) {
  REQUIRE_NOT_NULL(ask);
  REQUIRE_NOT_NULL(to);
  const postern::RcptParameters none;
  const auto* rcpt = As<postern::Rcpt>(ask);
  Write(ToC(rcpt == nullptr ? none : rcpt->parameters), to, struct_size);
}

bool postern_ask_xclient(const postern_ask* ask, postern_xclient* to,
                         size_t struct_size) {
  REQUIRE_NOT_NULL(ask);
  REQUIRE_NOT_NULL(to);
  return NoThrow([&] {
    const auto* connected = As<postern::Connected>(ask);
    const bool found = connected != nullptr && connected->client.has_value();
    const postern::XClient none;
    const postern::XClient& from = found ? *connected->client : none;
    postern_xclient client = {};
    client.name = ToC(from.name, &client.name_value);
    client.helo = ToC(from.helo, &client.helo_value);
    client.login = ToC(from.login, &client.login_value);
    ToC(from.address, &client.address_value, client.address);
    if (Known(from.port, &client.port_value)) client.port = from.port->value;
    if (Known(from.protocol, &client.protocol_value)) {
      client.esmtp = from.protocol->value == postern::XClientProtocol::kEsmtp;
    }
    ToC(from.destination_address, &client.destination_address_value,
        client.destination_address);
    if (Known(from.destination_port, &client.destination_port_value)) {
      client.destination_port = from.destination_port->value;
    }
    Write(client, to, struct_size);
    return found;
  });
}

postern_ask* postern_ask_copy(const postern_ask* ask) {
  REQUIRE_NOT_NULL(ask);
  return NoThrow(
      [&] { return reinterpret_cast<postern_ask*>(new Ask(AskOf(ask))); });
}

void postern_ask_free(postern_ask* copy) {
  if (copy == nullptr) return;
  Ask* const ask = reinterpret_cast<Ask*>(copy);
  if (auto* begin = std::get_if<postern::AuthBegin>(&ask->what)) {
    if (begin->initial_response) postern::Wipe(&*begin->initial_response);
  } else if (auto* auth = std::get_if<postern::AuthResponse>(&ask->what)) {
    postern::Wipe(&auth->bytes);
  }
  delete ask;
}

// The session.

postern_session* postern_session_new(const postern_server* server) {
  REQUIRE_NOT_NULL(server);
  return NoThrow([&] { return new postern_session(server->config); });
}

void postern_session_free(postern_session* session) { delete session; }

const postern_step* postern_session_advance(postern_session* session,
                                            postern_bytes in) {
  REQUIRE_NOT_NULL(session);
  return NoThrow([&] {
    const postern::Step step = session->session.Advance(View(in));
    postern_step& to = session->step;
    to = {};
    to.kind = ToC(step.kind);
    to.consumed = step.consumed;
    if (step.kind == postern::Step::Kind::kAsk) {
      to.ask = ToC(step.ask);
      if (std::holds_alternative<postern::Connected>(step.ask->what)) {
        session->connected = static_cast<uint64_t>(step.ask->id);
      }
    }
    session->body.clear();
    for (absl::string_view piece : step.body) {
      session->body.push_back(Bytes(piece));
    }
    to.body = session->body.data();
    to.body_count = session->body.size();
    if (step.refusal != nullptr) {
      session->refusal_text = *step.refusal;
      session->refusal = ToC(session->refusal_text);
      to.refusal = &session->refusal;
    }
    to.reason = ToC(step.reason);
    to.secret = step.secret;
    return static_cast<const postern_step*>(&to);
  });
}

postern_status postern_session_complete(postern_session* session, uint64_t id,
                                        const postern_verdict* verdict,
                                        postern_error* error) {
  return NoThrow(
      [&] { return Report(CompleteOne(session, id, verdict), error); });
}

postern_status postern_session_complete_each(postern_session* session,
                                             uint64_t id,
                                             const postern_verdict* verdicts,
                                             size_t count,
                                             postern_error* error) {
  return NoThrow([&] {
    return Report(CompleteEach(session, id, verdicts, count), error);
  });
}

postern_status postern_session_auth_challenge(postern_session* session,
                                              uint64_t id,
                                              postern_bytes challenge,
                                              postern_error* error) {
  return NoThrow([&] {
    if (session == nullptr) return Report(Null("session"), error);
    if (const absl::Status status = CheckBytes({challenge}); !status.ok()) {
      return Report(status, error);
    }
    return Report(
        session->session.CompleteAuth(postern::RequestId{id},
                                      postern::AuthChallenge{Text(challenge)}),
        error);
  });
}

postern_status postern_session_auth_granted(postern_session* session,
                                            uint64_t id, postern_bytes identity,
                                            postern_error* error) {
  return NoThrow([&] {
    if (session == nullptr) return Report(Null("session"), error);
    if (const absl::Status status = CheckBytes({identity}); !status.ok()) {
      return Report(status, error);
    }
    return Report(
        session->session.CompleteAuth(postern::RequestId{id},
                                      postern::AuthGranted{Text(identity)}),
        error);
  });
}

postern_bytes postern_session_output(const postern_session* session) {
  REQUIRE_NOT_NULL(session);
  return Bytes(session->session.Output());
}

void postern_session_output_written(postern_session* session, size_t size) {
  REQUIRE_NOT_NULL(session);
  session->session.OutputWritten(
      std::min(size, session->session.Output().size()));
}

void postern_session_end_of_input(postern_session* session) {
  REQUIRE_NOT_NULL(session);
  session->session.EndOfInput();
}

void postern_session_timed_out(postern_session* session) {
  REQUIRE_NOT_NULL(session);
  NoThrow([&] { session->session.TimedOut(); });
}

void postern_session_shutdown(postern_session* session) {
  REQUIRE_NOT_NULL(session);
  session->session.Shutdown();
}

postern_status postern_session_tls_started(postern_session* session,
                                           const postern_tls_info* info,
                                           postern_error* error) {
  return NoThrow([&] { return Report(StartTls(session, info), error); });
}

void postern_session_talked_early(postern_session* session) {
  REQUIRE_NOT_NULL(session);
  NoThrow([&] {
    if (session->session.state_name() == "start" ||
        session->session.open_ask(postern::RequestId{session->connected}) !=
            nullptr) {
      session->session.TalkedEarly();
    }
  });
}

void postern_session_release_idle_memory(postern_session* session) {
  REQUIRE_NOT_NULL(session);
  session->session.ReleaseIdleMemory();
}

int64_t postern_session_read_timeout_ms(const postern_session* session) {
  REQUIRE_NOT_NULL(session);
  return absl::ToInt64Milliseconds(session->session.ReadTimeout());
}

int64_t postern_session_idle_timeout_ms(const postern_session* session) {
  REQUIRE_NOT_NULL(session);
  const absl::Duration timeout = session->session.IdleTimeout();
  if (timeout == absl::InfiniteDuration()) return -1;
  return absl::ToInt64Milliseconds(timeout);
}

uint64_t postern_session_progress(const postern_session* session) {
  REQUIRE_NOT_NULL(session);
  return session->session.progress();
}

// What a session knows.

int postern_session_message(const postern_session* session) {
  REQUIRE_NOT_NULL(session);
  return session->session.envelope().message;
}

postern_path postern_session_from(const postern_session* session) {
  REQUIRE_NOT_NULL(session);
  return ToC(session->session.envelope().from);
}

void postern_session_mail_parameters(const postern_session* session,
                                     postern_mail_parameters* to,
                                     size_t struct_size) {
  REQUIRE_NOT_NULL(session);
  REQUIRE_NOT_NULL(to);
  Write(ToC(session->session.envelope().parameters), to, struct_size);
}

size_t postern_session_recipient_count(const postern_session* session) {
  REQUIRE_NOT_NULL(session);
  return session->session.envelope().to.size();
}

postern_path postern_session_recipient(const postern_session* session,
                                       size_t index) {
  REQUIRE_NOT_NULL(session);
  const auto& recipients = session->session.envelope().to;
  return index < recipients.size() ? ToC(recipients[index].path)
                                   : postern_path{Bytes(""), Bytes("")};
}

void postern_session_rcpt_parameters(const postern_session* session,
                                     size_t index, postern_rcpt_parameters* to,
                                     size_t struct_size) {
  REQUIRE_NOT_NULL(session);
  REQUIRE_NOT_NULL(to);
  const auto& recipients = session->session.envelope().to;
  const postern::RcptParameters none;
  Write(ToC(index < recipients.size() ? recipients[index].parameters : none),
        to, struct_size);
}

const postern_ask* postern_session_open_ask(const postern_session* session,
                                            uint64_t id) {
  REQUIRE_NOT_NULL(session);
  return ToC(session->session.open_ask(postern::RequestId{id}));
}

uint64_t postern_session_content(const postern_session* session) {
  REQUIRE_NOT_NULL(session);
  return session->session.content();
}

postern_bytes postern_session_identity(const postern_session* session) {
  REQUIRE_NOT_NULL(session);
  return Bytes(session->session.identity());
}

bool postern_session_tls(const postern_session* session, postern_tls_info* to,
                         size_t struct_size) {
  REQUIRE_NOT_NULL(session);
  REQUIRE_NOT_NULL(to);
  const postern::SharedTlsInfo& tls = session->session.tls();
  postern_tls_info info = {struct_size, Bytes(""), Bytes(""), Bytes("")};
  if (tls != nullptr) {
    info = {struct_size, Bytes(tls->protocol), Bytes(tls->cipher),
            Bytes(tls->peer_subject)};
  }
  Write(info, to, struct_size);
  return tls != nullptr;
}

bool postern_session_has_talked_early(const postern_session* session) {
  REQUIRE_NOT_NULL(session);
  return session->session.violations().early_talk;
}

bool postern_session_has_pipelined(const postern_session* session) {
  REQUIRE_NOT_NULL(session);
  return session->session.violations().pipelining;
}

bool postern_session_idle(const postern_session* session) {
  REQUIRE_NOT_NULL(session);
  return session->session.idle();
}

const char* postern_session_state_name(const postern_session* session) {
  REQUIRE_NOT_NULL(session);
  return session->session.state_name().data();  // a literal
}

uint32_t postern_session_replies(const postern_session* session, int digit) {
  REQUIRE_NOT_NULL(session);
  return digit < 2 || digit > 5 ? 0 : session->session.replies()[digit - 2];
}

const postern_refusal* postern_session_next_refusal(postern_session* session) {
  REQUIRE_NOT_NULL(session);
  return NoThrow([&]() -> const postern_refusal* {
    for (postern::Refusal& refusal : session->session.TakeRefusals()) {
      session->refusals.push_back(std::move(refusal));
    }
    if (session->refusals.empty()) return nullptr;
    session->returned_text = std::move(session->refusals.front());
    session->refusals.pop_front();
    const postern::Refusal& from = session->returned_text;
    session->returned = {Bytes(from.verb), Bytes(from.command), ToC(from.reply),
                         from.message, from.content};
    return &session->returned;
  });
}

uint32_t postern_session_refused(const postern_session* session) {
  REQUIRE_NOT_NULL(session);
  return session->session.refused();
}

const char* postern_close_reason_name(postern_close_reason reason) {
  // Each name is a literal. The two enums have the same order.
  static_assert(static_cast<size_t>(POSTERN_CLOSE_SHUTDOWN) + 1 ==
                postern::kCloseReasons);
  if (static_cast<size_t>(reason) >= postern::kCloseReasons) return "";
  return CloseReasonName(static_cast<postern::CloseReason>(reason)).data();
}

// Texts.

postern_status postern_format_received(const postern_received* received,
                                       char* buffer, size_t room, size_t* size,
                                       postern_error* error) {
  return NoThrow([&] {
    return Report(FormatReceived(received, buffer, room, size), error);
  });
}

size_t postern_format_path(postern_path path, char* buffer, size_t room) {
  Require(buffer != nullptr || room == 0, __func__, "buffer is NULL");
  return NoThrow([&] {
    const std::string text = postern::FormatPath(PathOf(path));
    if (room > 0) {
      const size_t size = std::min(text.size(), room - 1);
      std::memcpy(buffer, text.data(), size);
      buffer[size] = '\0';
    }
    return text.size();
  });
}
