// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/amqp/queued_message.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/parameters.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/utf8.h"

namespace postern::delivery {
namespace {

using Texts = std::vector<std::string>;

constexpr char kContentType[] = "message/rfc822";
constexpr char kAppId[] = "postern";

constexpr char kServer[] = "x-postern-server";
constexpr char kFrom[] = "x-postern-from";
constexpr char kParams[] = "x-postern-params";
constexpr char kRcpt[] = "x-postern-rcpt";
constexpr char kRcptParams[] = "x-postern-rcpt-params";
constexpr char kPeer[] = "x-postern-peer";
constexpr char kPeerName[] = "x-postern-peer-name";
constexpr char kHelo[] = "x-postern-helo";
constexpr char kAuth[] = "x-postern-auth";
constexpr char kTls[] = "x-postern-tls";
constexpr char kAttempts[] = "x-postern-attempts";
constexpr char kFailed[] = "x-postern-failed";
constexpr char kReplies[] = "x-postern-replies";
constexpr char kDead[] = "x-postern-dead";

// The lengths to which replies are shortened, one after the other.
constexpr size_t kReplyLimits[] = {400, 200, 100, 50, 25};

// RabbitMQ refuses timestamps that are not dates, and so does absl::Time.
constexpr uint64_t kMaxTimestamp = 253402300799;  // the end of 9999
constexpr int64_t kMaxAttempts = 1000000000;

// All extensions: a parameter that was accepted once is valid.
constexpr ParameterRules kRules = {.offered = ExtensionSet::All(),
                                   .auth_offered = true};

// Returns a path as RFC 5321 has it, without the angle brackets.
std::string Mailbox(const Path& path) {
  const std::string text = FormatPath(path);
  return text.substr(1, text.size() - 2);
}

std::optional<Path> ParseMailbox(absl::string_view mailbox) {
  const std::string text = absl::StrCat("<", mailbox, ">");
  const auto parsed = ParsePath(text, Utf8::kYes);
  if (!parsed || parsed->consumed != text.size() ||
      Mailbox(parsed->path) != mailbox) {
    return std::nullopt;
  }
  return parsed->path;
}

std::string WithoutSpace(absl::string_view parameters) {
  return std::string(absl::StripPrefix(parameters, " "));
}
std::string WithSpace(absl::string_view parameters) {
  return parameters.empty() ? "" : absl::StrCat(" ", parameters);
}

absl::Status Wrong(absl::string_view header, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(header, ": ", why));
}

// Reads headers, and remembers the first error.
class Reader {
 public:
  explicit Reader(const AmqpProperties& properties)
      : headers_(properties.headers) {}

  std::string Text(const char* name, bool required = false) {
    const std::string* const value = Find<std::string>(name, required);
    return value == nullptr ? "" : *value;
  }
  const Texts& List(const char* name, bool required = false) {
    static const auto* const kNone = new Texts;
    const Texts* const value = Find<Texts>(name, required);
    return value == nullptr ? *kNone : *value;
  }
  int64_t Number(const char* name) {
    const int64_t* const value = Find<int64_t>(name, /*required=*/false);
    return value == nullptr ? 0 : *value;
  }
  Path Mailbox(const char* name, absl::string_view text) {
    auto path = ParseMailbox(text);
    if (!path) {
      Fail(name, "not an address of RFC 5321");
      return {};
    }
    return *std::move(path);
  }

  void Fail(const char* name, absl::string_view why) {
    status_.Update(Wrong(name, why));
  }
  const absl::Status& status() const { return status_; }

 private:
  template <typename T>
  const T* Find(const char* name, bool required) {
    const auto found = headers_.find(name);
    if (found == headers_.end()) {
      if (required) Fail(name, "the header is missing");
      return nullptr;
    }
    const T* const value = std::get_if<T>(&found->second);
    if (value == nullptr) Fail(name, "the header has another type");
    return value;
  }

  const std::map<std::string, AmqpValue>& headers_;
  absl::Status status_;
};

Envelope ReadEnvelope(Reader* reader) {
  Envelope envelope;
  envelope.from = reader->Mailbox(kFrom, reader->Text(kFrom, true));
  auto parameters =
      ParseMailParameters(WithSpace(reader->Text(kParams)), kRules);
  if (auto* read = std::get_if<MailParameters>(&parameters)) {
    envelope.parameters = std::move(*read);
  } else {
    reader->Fail(kParams, "not parameters of MAIL");
  }
  const Texts& mailboxes = reader->List(kRcpt, /*required=*/true);
  const Texts& params = reader->List(kRcptParams);
  if (mailboxes.empty()) {
    reader->Fail(kRcpt, "no recipients");
    return envelope;
  }
  if (!params.empty() && params.size() != mailboxes.size()) {
    reader->Fail(kRcptParams, "another number of recipients");
    return envelope;
  }
  const Utf8 utf8 = envelope.parameters.smtp_utf8 ? Utf8::kYes : Utf8::kNo;
  for (size_t i = 0; i < mailboxes.size(); ++i) {
    Recipient recipient;
    recipient.path = reader->Mailbox(kRcpt, mailboxes[i]);
    if (recipient.path.null()) reader->Fail(kRcpt, "an empty address");
    if (!params.empty()) {
      auto parsed = ParseRcptParameters(WithSpace(params[i]), kRules, utf8);
      auto* const read = std::get_if<RcptParameters>(&parsed);
      if (read == nullptr) {
        reader->Fail(kRcptParams, "not parameters of RCPT");
      } else {
        recipient.parameters = std::move(*read);
      }
    }
    if (!envelope.parameters.smtp_utf8 && !recipient.path.ascii()) {
      reader->Fail(kRcpt, "UTF-8 without SMTPUTF8");
    }
    envelope.to.push_back(std::move(recipient));
  }
  if (!envelope.parameters.smtp_utf8 && !envelope.from.ascii()) {
    reader->Fail(kFrom, "UTF-8 without SMTPUTF8");
  }
  return envelope;
}

// Returns the octets of a value with its type (AMQP 0-9-1, 4.2.5.5).
size_t ValueSize(const AmqpValue& value) {
  constexpr size_t kTypeAndLength = 5;
  if (const auto* text = std::get_if<std::string>(&value)) {
    return kTypeAndLength + text->size();
  }
  if (std::holds_alternative<int64_t>(value)) return 1 + sizeof(int64_t);
  size_t size = kTypeAndLength;
  for (const std::string& text : std::get<Texts>(value)) {
    size += kTypeAndLength + text.size();
  }
  return size;
}

// Adds `failures` to `headers`, in the longest form that fits.
void PutFailures(const std::vector<QueuedMessage::Failure>& failures,
                 std::map<std::string, AmqpValue>* headers) {
  if (failures.empty()) return;
  Texts failed;
  Texts replies;
  for (const QueuedMessage::Failure& failure : failures) {
    failed.push_back(Mailbox(failure.recipient));
    replies.push_back(failure.reply);
  }
  (*headers)[kFailed] = std::move(failed);
  (*headers)[kReplies] = replies;
  for (const size_t limit : kReplyLimits) {
    if (HeadersSize(*headers) <= QueuedMessage::kMaxHeaders) return;
    for (std::string& reply : replies) {
      reply.resize(std::min(reply.size(), limit));
    }
    (*headers)[kReplies] = replies;
  }
  if (HeadersSize(*headers) <= QueuedMessage::kMaxHeaders) return;
  headers->erase(kFailed);
  headers->erase(kReplies);
}

}  // namespace

QueuedMessage MakeQueuedMessage(const Envelope& envelope,
                                const SessionInfo& session, std::string id,
                                absl::Time received) {
  QueuedMessage message;
  message.id = std::move(id);
  message.received = absl::FromUnixSeconds(absl::ToUnixSeconds(received));
  message.server = session.local_name;
  message.envelope = envelope;
  message.envelope.message = 0;
  if (session.remote_address) {
    const std::string ip = session.remote_address->ToString();
    message.client.address =
        absl::StrContains(ip, ":")
            ? absl::StrCat("[", ip, "]:", session.remote_port)
            : absl::StrCat(ip, ":", session.remote_port);
  }
  if (session.name_status == NameStatus::kConfirmed) {
    message.client.name = session.remote_name;
  }
  message.client.helo = session.hello_name;
  message.client.user = session.identity;
  if (session.tls != nullptr) {
    message.client.tls =
        absl::StrCat(session.tls->protocol, " ", session.tls->cipher);
  }
  return message;
}

size_t QueuedSize(const Recipient& recipient) {
  // Each element of an array has a type and a length, and there are two arrays.
  constexpr size_t kOverhead = 10;
  return FormatPath(recipient.path).size() +
         FormatRcptParameters(recipient.parameters).size() + kOverhead;
}

size_t HeadersSize(const std::map<std::string, AmqpValue>& headers) {
  size_t size = 4;  // the length of the table
  for (const auto& [name, value] : headers) {
    size += 1 + name.size() + ValueSize(value);
  }
  return size;
}

AmqpProperties EncodeMessage(const QueuedMessage& message) {
  AmqpProperties properties;
  properties.type = std::string(QueuedMessage::kType);
  properties.content_type = kContentType;
  properties.app_id = kAppId;
  properties.message_id = message.id;
  properties.timestamp =
      static_cast<uint64_t>(absl::ToUnixSeconds(message.received));
  auto& headers = properties.headers;
  const auto put = [&headers](const char* name, std::string value) {
    if (!value.empty()) headers[name] = std::move(value);
  };
  headers[kFrom] = Mailbox(message.envelope.from);
  put(kServer, message.server);
  put(kParams, WithoutSpace(FormatMailParameters(message.envelope.parameters)));
  Texts mailboxes;
  Texts params;
  bool has_params = false;
  for (const Recipient& recipient : message.envelope.to) {
    mailboxes.push_back(Mailbox(recipient.path));
    params.push_back(WithoutSpace(FormatRcptParameters(recipient.parameters)));
    has_params = has_params || !params.back().empty();
  }
  headers[kRcpt] = std::move(mailboxes);
  if (has_params) headers[kRcptParams] = std::move(params);
  put(kPeer, message.client.address);
  put(kPeerName, message.client.name);
  put(kHelo, message.client.helo);
  put(kAuth, message.client.user);
  put(kTls, message.client.tls);
  if (message.attempts > 0) headers[kAttempts] = int64_t{message.attempts};
  put(kDead, message.dead);
  PutFailures(message.failures, &headers);
  return properties;
}

std::vector<QueuedMessage> SplitMessage(QueuedMessage message) {
  std::vector<QueuedMessage> parts;
  std::vector<QueuedMessage> left;
  left.push_back(std::move(message));
  while (!left.empty()) {
    QueuedMessage part = std::move(left.back());
    left.pop_back();
    const size_t count = part.envelope.to.size();
    const bool fits =
        HeadersSize(EncodeMessage(part).headers) <= QueuedMessage::kMaxHeaders;
    if (fits || count < 2) {
      if (!fits) {
        part.client = {};
        part.server.clear();
      }
      parts.push_back(std::move(part));
      continue;
    }
    const auto half = static_cast<ptrdiff_t>(count / 2);
    QueuedMessage second = part;
    second.envelope.to.assign(part.envelope.to.begin() + half,
                              part.envelope.to.end());
    part.envelope.to.erase(part.envelope.to.begin() + half,
                           part.envelope.to.end());
    // The failures of a relay are those of the recipients, in their order.
    if (part.failures.size() == count) {
      second.failures.assign(part.failures.begin() + half, part.failures.end());
      part.failures.erase(part.failures.begin() + half, part.failures.end());
    }
    left.push_back(std::move(second));
    left.push_back(std::move(part));
  }
  return parts;
}

void LimitHeaders(std::map<std::string, AmqpValue>* headers) {
  while (HeadersSize(*headers) > QueuedMessage::kMaxHeaders) {
    headers->erase(std::max_element(
        headers->begin(), headers->end(), [](const auto& a, const auto& b) {
          return ValueSize(a.second) < ValueSize(b.second);
        }));
  }
}

absl::StatusOr<QueuedMessage> DecodeMessage(const AmqpProperties& properties) {
  if (properties.type != QueuedMessage::kType) {
    return Wrong("type", absl::StrCat("not ", QueuedMessage::kType));
  }
  if (properties.message_id.empty()) return Wrong("message-id", "missing");
  if (properties.timestamp == 0 || properties.timestamp > kMaxTimestamp) {
    return Wrong("timestamp", "not a time");
  }
  Reader reader(properties);
  QueuedMessage message;
  message.id = properties.message_id;
  message.received =
      absl::FromUnixSeconds(static_cast<int64_t>(properties.timestamp));
  message.server = reader.Text(kServer);
  message.envelope = ReadEnvelope(&reader);
  message.client = {.address = reader.Text(kPeer),
                    .name = reader.Text(kPeerName),
                    .helo = reader.Text(kHelo),
                    .user = reader.Text(kAuth),
                    .tls = reader.Text(kTls)};
  const int64_t attempts = reader.Number(kAttempts);
  if (attempts < 0 || attempts > kMaxAttempts) {
    reader.Fail(kAttempts, "not a number of attempts");
  }
  message.attempts =
      static_cast<int>(std::clamp<int64_t>(attempts, 0, kMaxAttempts));
  const Texts& failed = reader.List(kFailed);
  const Texts& replies = reader.List(kReplies);
  if (failed.size() != replies.size()) {
    reader.Fail(kReplies, "another number of recipients");
  } else {
    for (size_t i = 0; i < failed.size(); ++i) {
      message.failures.push_back(
          {reader.Mailbox(kFailed, failed[i]), replies[i]});
    }
  }
  message.dead = reader.Text(kDead);
  if (!reader.status().ok()) return reader.status();
  return message;
}

}  // namespace postern::delivery
