// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/amqp/amqp_connection.h"

// amqp.h comes first: the others need its types.
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "delivery/amqp/call_watch.h"
#include "system/descriptor.h"

namespace postern::delivery {
namespace {

constexpr amqp_channel_t kChannel = 1;
// Octets of a frame: QueuedMessage::kMaxHeaders depends on it.
constexpr int kFrame = 131072;
constexpr int kHeartbeat = 15;  // seconds
constexpr char kSystemCa[] = "/etc/ssl/certs/ca-certificates.crt";
constexpr char kConsumer[] = "postern";
// The longest text of a broker that is kept.
constexpr size_t kMaxReason = 300;

amqp_bytes_t Bytes(absl::string_view text) {
  amqp_bytes_t bytes;
  bytes.len = text.size();
  bytes.bytes = const_cast<char*>(text.data());
  return bytes;
}
std::string Text(const amqp_bytes_t& bytes) {
  return std::string(static_cast<const char*>(bytes.bytes), bytes.len);
}

absl::Status LibraryError(absl::string_view doing, int status) {
  return absl::UnavailableError(
      absl::StrCat(doing, ": ", amqp_error_string2(status)));
}

template <typename Close>
absl::Status CloseError(const void* decoded, BrokerStep step) {
  const auto* const close = static_cast<const Close*>(decoded);
  return BrokerError(close->reply_code, Text(close->reply_text), step);
}

absl::Status ReplyError(absl::string_view doing, const amqp_rpc_reply_t& reply,
                        BrokerStep step) {
  switch (reply.reply_type) {
    case AMQP_RESPONSE_NORMAL:
      return absl::OkStatus();
    case AMQP_RESPONSE_LIBRARY_EXCEPTION:
      return LibraryError(doing, reply.library_error);
    case AMQP_RESPONSE_SERVER_EXCEPTION:
      if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
        return CloseError<amqp_connection_close_t>(reply.reply.decoded, step);
      }
      if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
        return CloseError<amqp_channel_close_t>(reply.reply.decoded, step);
      }
      break;
    case AMQP_RESPONSE_NONE:
      break;
  }
  return absl::UnavailableError(absl::StrCat(doing, ": no reply"));
}

amqp_table_entry_t Entry(const char* key, absl::string_view value) {
  amqp_table_entry_t entry;
  entry.key = amqp_cstring_bytes(key);
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = Bytes(value);
  return entry;
}

// A table of AMQP that refers to `headers`.
class HeaderTable {
 public:
  explicit HeaderTable(const std::map<std::string, AmqpValue>& headers) {
    for (const auto& [name, value] : headers) {
      amqp_table_entry_t entry;
      entry.key = Bytes(name);
      if (const auto* text = std::get_if<std::string>(&value)) {
        entry.value.kind = AMQP_FIELD_KIND_UTF8;
        entry.value.value.bytes = Bytes(*text);
      } else if (const auto* number = std::get_if<int64_t>(&value)) {
        entry.value.kind = AMQP_FIELD_KIND_I64;
        entry.value.value.i64 = *number;
      } else {
        const auto& texts = std::get<std::vector<std::string>>(value);
        auto& array = arrays_.emplace_back(
            std::make_unique<std::vector<amqp_field_value_t>>());
        for (const std::string& text : texts) {
          amqp_field_value_t element;
          element.kind = AMQP_FIELD_KIND_UTF8;
          element.value.bytes = Bytes(text);
          array->push_back(element);
        }
        entry.value.kind = AMQP_FIELD_KIND_ARRAY;
        entry.value.value.array.num_entries = static_cast<int>(array->size());
        entry.value.value.array.entries = array->data();
      }
      entries_.push_back(entry);
    }
  }
  amqp_table_t get() {
    amqp_table_t table;
    table.num_entries = static_cast<int>(entries_.size());
    table.entries = entries_.data();
    return table;
  }

 private:
  std::vector<amqp_table_entry_t> entries_;
  std::vector<std::unique_ptr<std::vector<amqp_field_value_t>>> arrays_;
};

std::optional<std::string> TextOf(const amqp_field_value_t& value) {
  if (value.kind != AMQP_FIELD_KIND_UTF8 &&
      value.kind != AMQP_FIELD_KIND_BYTES) {
    return std::nullopt;
  }
  return Text(value.value.bytes);
}

std::optional<int64_t> NumberOf(const amqp_field_value_t& value) {
  switch (value.kind) {
    case AMQP_FIELD_KIND_I8:
      return value.value.i8;
    case AMQP_FIELD_KIND_U8:
      return value.value.u8;
    case AMQP_FIELD_KIND_I16:
      return value.value.i16;
    case AMQP_FIELD_KIND_U16:
      return value.value.u16;
    case AMQP_FIELD_KIND_I32:
      return value.value.i32;
    case AMQP_FIELD_KIND_U32:
      return value.value.u32;
    case AMQP_FIELD_KIND_I64:
      return value.value.i64;
    default:
      return std::nullopt;
  }
}

std::map<std::string, AmqpValue> HeadersOf(const amqp_table_t& table) {
  std::map<std::string, AmqpValue> headers;
  for (int i = 0; i < table.num_entries; ++i) {
    const amqp_field_value_t& value = table.entries[i].value;
    const std::string name = Text(table.entries[i].key);
    if (auto text = TextOf(value)) {
      headers[name] = *std::move(text);
    } else if (const auto number = NumberOf(value)) {
      headers[name] = *number;
    } else if (value.kind == AMQP_FIELD_KIND_ARRAY) {
      std::vector<std::string> texts;
      bool all = true;
      for (int j = 0; j < value.value.array.num_entries; ++j) {
        auto text = TextOf(value.value.array.entries[j]);
        all = all && text.has_value();
        if (text) texts.push_back(*std::move(text));
      }
      // An array of other things is another header, such as x-death.
      if (all) headers[name] = std::move(texts);
    }
  }
  return headers;
}

AmqpProperties PropertiesOf(const amqp_basic_properties_t& from) {
  AmqpProperties properties;
  if (from._flags & AMQP_BASIC_TYPE_FLAG) properties.type = Text(from.type);
  if (from._flags & AMQP_BASIC_CONTENT_TYPE_FLAG) {
    properties.content_type = Text(from.content_type);
  }
  if (from._flags & AMQP_BASIC_MESSAGE_ID_FLAG) {
    properties.message_id = Text(from.message_id);
  }
  if (from._flags & AMQP_BASIC_APP_ID_FLAG) {
    properties.app_id = Text(from.app_id);
  }
  if (from._flags & AMQP_BASIC_TIMESTAMP_FLAG) {
    properties.timestamp = from.timestamp;
  }
  if (from._flags & AMQP_BASIC_HEADERS_FLAG) {
    properties.headers = HeadersOf(from.headers);
  }
  return properties;
}

class Connection : public BrokerConnection {
 public:
  Connection() : state_(amqp_new_connection()) {}
  ~Connection() override {
    // Closes the socket. The broker returns what was not acknowledged to its
    // queue. A polite close could block.
    if (state_ != nullptr) amqp_destroy_connection(state_);
  }

  absl::Status Open(const AmqpOptions& options, const HopAddress& host,
                    const AmqpCredentials& credentials);
  // Declares the queues of `options`.
  absl::Status Declare(const AmqpOptions& options);
  absl::Status Consume(const AmqpOptions& options);

  absl::Status Publish(const std::string& queue,
                       const AmqpProperties& properties,
                       const BrokerBody& body) override {
    return Send(queue, properties, body, /*mandatory=*/true);
  }
  absl::Status Send(const std::string& queue, const AmqpProperties& properties,
                    const BrokerBody& body, bool mandatory);
  absl::StatusOr<std::optional<BrokerEvent>> Next(absl::Duration wait) override;

  absl::Status Acknowledge(uint64_t tag) override {
    return Sent(amqp_basic_ack(state_, kChannel, tag, /*multiple=*/0));
  }
  absl::Status Requeue(uint64_t tag) override {
    return Sent(amqp_basic_nack(state_, kChannel, tag, /*multiple=*/0,
                                /*requeue=*/1));
  }
  absl::Status Cancel() override {
    amqp_basic_cancel_t cancel = {};
    cancel.consumer_tag = amqp_cstring_bytes(kConsumer);
    cancel.nowait = 1;
    return Sent(
        amqp_send_method(state_, kChannel, AMQP_BASIC_CANCEL_METHOD, &cancel));
  }

  void Wake() override {
    const uint64_t one = 1;
    // The counter cannot overflow, and nothing else can fail.
    (void)!write(wake_.get(), &one, sizeof(one));
  }
  void Abort() override {
    // The descriptor is open until the destructor.
    if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
    Wake();
  }

 private:
  // A message that has not arrived completely.
  struct Incoming {
    BrokerEvent event;
    uint64_t left = 0;
    bool has_header = false;
  };

  static absl::Status Sent(int status) {
    return status == AMQP_STATUS_OK ? absl::OkStatus()
                                    : LibraryError("cannot send", status);
  }
  // Returns the result of the last call that waits for a reply.
  absl::Status Reply(absl::string_view doing) {
    return ReplyError(doing, amqp_get_rpc_reply(state_), BrokerStep::kDeclare);
  }
  absl::Status DeclareQueue(
      const std::string& queue,
      const std::vector<amqp_table_entry_t>& more_arguments);
  absl::StatusOr<std::optional<BrokerEvent>> Take(const amqp_frame_t& frame);
  absl::StatusOr<std::optional<BrokerEvent>> TakeMethod(
      const amqp_method_t& method);

  const amqp_connection_state_t state_;
  system::Descriptor wake_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  int socket_ = -1;  // owned by state_
  std::optional<Incoming> incoming_;
};

absl::Status Connection::Open(const AmqpOptions& options,
                              const HopAddress& host,
                              const AmqpCredentials& credentials) {
  if (state_ == nullptr || wake_.get() < 0) {
    return absl::ResourceExhaustedError("no memory or no descriptors");
  }
  const AmqpAddress& address = options.address;
  amqp_socket_t* const socket =
      address.tls ? amqp_ssl_socket_new(state_) : amqp_tcp_socket_new(state_);
  if (socket == nullptr) {
    return absl::ResourceExhaustedError("no memory for a connection");
  }
  if (address.tls) {
    const std::string& ca = address.ca.empty() ? kSystemCa : address.ca;
    if (amqp_ssl_socket_set_cacert(socket, ca.c_str()) != AMQP_STATUS_OK) {
      return absl::FailedPreconditionError(
          absl::StrCat(ca, ": not a file of certificates"));
    }
    amqp_ssl_socket_set_verify_peer(socket, 1);
    amqp_ssl_socket_set_verify_hostname(socket, 1);
    amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST);
  }
  timeval timeout = absl::ToTimeval(options.timeout);
  const std::string name = host.ip ? host.ip->ToString() : host.name;
  int status =
      amqp_socket_open_noblock(socket, name.c_str(), host.port, &timeout);
  if (status != AMQP_STATUS_OK) {
    const int error = errno;
    return status == AMQP_STATUS_SOCKET_ERROR && error != 0
               ? absl::UnavailableError(
                     absl::StrCat("cannot connect: ", strerror(error)))
               : LibraryError("cannot connect", status);
  }
  socket_ = amqp_get_sockfd(state_);
  amqp_set_handshake_timeout(state_, &timeout);
  amqp_set_rpc_timeout(state_, &timeout);

  amqp_table_entry_t capability;
  capability.key = amqp_cstring_bytes("connection.blocked");
  capability.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  capability.value.value.boolean = 1;
  amqp_table_entry_t properties[2];
  properties[0].key = amqp_cstring_bytes("capabilities");
  properties[0].value.kind = AMQP_FIELD_KIND_TABLE;
  properties[0].value.value.table = {1, &capability};
  properties[1] = Entry("connection_name", "postern");
  const amqp_table_t table = {2, properties};
  const amqp_rpc_reply_t login = amqp_login_with_properties(
      state_, address.vhost.c_str(), /*channel_max=*/kChannel, kFrame,
      kHeartbeat, &table, AMQP_SASL_METHOD_PLAIN, credentials.user.c_str(),
      credentials.password.c_str());
  if (absl::Status error =
          ReplyError("authentication", login, BrokerStep::kLogin);
      !error.ok()) {
    return error;
  }
  if (amqp_get_frame_max(state_) < kFrame) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the broker permits frames of ", amqp_get_frame_max(state_),
        " octets, and the headers of a message may need ", kFrame,
        ": set its frame_max"));
  }
  amqp_channel_open(state_, kChannel);
  if (absl::Status error = Reply("channel"); !error.ok()) return error;
  amqp_confirm_select(state_, kChannel);
  return Reply("confirms");
}

absl::Status Connection::DeclareQueue(
    const std::string& queue,
    const std::vector<amqp_table_entry_t>& more_arguments) {
  // A queue of another type, or with other arguments, is an error of the
  // broker: so this proves that the queue is a quorum queue. The limits of a
  // queue belong into a policy of the broker.
  std::vector<amqp_table_entry_t> arguments = more_arguments;
  arguments.push_back(Entry("x-queue-type", "quorum"));
  // Without it, a full queue confirms a message and drops another one.
  arguments.push_back(Entry("x-overflow", "reject-publish"));
  amqp_queue_declare(state_, kChannel, Bytes(queue), /*passive=*/0,
                     /*durable=*/1,
                     /*exclusive=*/0, /*auto_delete=*/0,
                     {static_cast<int>(arguments.size()), arguments.data()});
  const absl::Status status = Reply("queue");
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat("queue ", queue, ": ", status.message()));
}

absl::Status Connection::Declare(const AmqpOptions& options) {
  const std::string& queue = options.address.queue;
  const auto dead_letter_to = [](const std::string& target) {
    return std::vector<amqp_table_entry_t>{
        Entry("x-dead-letter-exchange", ""),
        Entry("x-dead-letter-routing-key", target),
        Entry("x-dead-letter-strategy", "at-least-once")};
  };
  const std::string dead = DeadQueue(queue);
  if (absl::Status status = DeclareQueue(dead, {}); !status.ok()) return status;
  if (absl::Status status = DeclareQueue(queue, dead_letter_to(dead));
      !status.ok()) {
    return status;
  }
  for (const int seconds : options.retries) {
    std::vector<amqp_table_entry_t> arguments = dead_letter_to(queue);
    amqp_table_entry_t ttl;
    ttl.key = amqp_cstring_bytes("x-message-ttl");
    ttl.value.kind = AMQP_FIELD_KIND_I32;
    ttl.value.value.i32 = seconds * 1000;
    arguments.push_back(ttl);
    if (absl::Status status =
            DeclareQueue(RetryQueue(queue, seconds), arguments);
        !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Connection::Consume(const AmqpOptions& options) {
  amqp_basic_qos(state_, kChannel, 0, options.prefetch, /*global=*/0);
  if (absl::Status status = Reply("prefetch"); !status.ok()) return status;
  amqp_basic_consume(state_, kChannel, Bytes(options.address.queue),
                     amqp_cstring_bytes(kConsumer), /*no_local=*/0,
                     /*no_ack=*/0, /*exclusive=*/0, amqp_empty_table);
  return Reply("consumer");
}

absl::Status Connection::Send(const std::string& queue,
                              const AmqpProperties& properties,
                              const BrokerBody& body, bool mandatory) {
  HeaderTable headers(properties.headers);
  amqp_basic_properties_t basic = {};
  basic._flags = AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                 AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_CONTENT_TYPE_FLAG |
                 AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_APP_ID_FLAG;
  if (properties.timestamp != 0) basic._flags |= AMQP_BASIC_TIMESTAMP_FLAG;
  basic.headers = headers.get();
  basic.delivery_mode = 2;  // persistent
  basic.type = Bytes(properties.type);
  basic.content_type = Bytes(properties.content_type);
  basic.message_id = Bytes(properties.message_id);
  basic.app_id = Bytes(properties.app_id);
  basic.timestamp = properties.timestamp;

  amqp_basic_publish_t publish = {};
  publish.exchange = amqp_empty_bytes;
  publish.routing_key = Bytes(queue);
  publish.mandatory = mandatory ? 1 : 0;
  int status =
      amqp_send_method(state_, kChannel, AMQP_BASIC_PUBLISH_METHOD, &publish);
  if (status != AMQP_STATUS_OK) return Sent(status);
  amqp_frame_t frame = {};
  frame.frame_type = AMQP_FRAME_HEADER;
  frame.channel = kChannel;
  frame.payload.properties.class_id = AMQP_BASIC_CLASS;
  frame.payload.properties.body_size = body.size;
  frame.payload.properties.decoded = &basic;
  status = amqp_send_frame(state_, &frame);
  if (status != AMQP_STATUS_OK) return Sent(status);

  constexpr int kFrameOverhead = 8;
  std::string piece(
      std::min<uint64_t>(
          body.size,
          static_cast<uint64_t>(amqp_get_frame_max(state_) - kFrameOverhead)),
      '\0');
  for (uint64_t offset = 0; offset < body.size;) {
    const size_t room = std::min<uint64_t>(piece.size(), body.size - offset);
    const ssize_t count = body.read(offset, piece.data(), room);
    if (count <= 0) return absl::DataLossError("the content cannot be read");
    frame = {};
    frame.frame_type = AMQP_FRAME_BODY;
    frame.channel = kChannel;
    frame.payload.body_fragment =
        Bytes({piece.data(), static_cast<size_t>(count)});
    status = amqp_send_frame(state_, &frame);
    if (status != AMQP_STATUS_OK) return Sent(status);
    offset += static_cast<uint64_t>(count);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<BrokerEvent>> Connection::Next(
    absl::Duration wait) {
  bool waited = false;
  while (true) {
    amqp_maybe_release_buffers(state_);
    amqp_frame_t frame;
    timeval none = {};
    const int status = amqp_simple_wait_frame_noblock(state_, &frame, &none);
    if (status == AMQP_STATUS_OK) {
      auto event = Take(frame);
      if (!event.ok() || *event) return event;
      continue;
    }
    if (status != AMQP_STATUS_TIMEOUT) {
      return LibraryError("the connection ended", status);
    }
    if (waited || wait <= absl::ZeroDuration()) return std::nullopt;
    pollfd polled[2] = {{socket_, POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    // An interruption only ends the wait early.
    (void)poll(polled, 2, static_cast<int>(absl::ToInt64Milliseconds(wait)));
    uint64_t count = 0;
    (void)!read(wake_.get(), &count, sizeof(count));
    waited = true;
  }
}

absl::StatusOr<std::optional<BrokerEvent>> Connection::Take(
    const amqp_frame_t& frame) {
  switch (frame.frame_type) {
    case AMQP_FRAME_METHOD:
      return TakeMethod(frame.payload.method);
    case AMQP_FRAME_HEADER: {
      if (!incoming_ || incoming_->has_header) break;
      const auto* const basic = static_cast<const amqp_basic_properties_t*>(
          frame.payload.properties.decoded);
      BrokerEvent& event = incoming_->event;
      if (event.kind == BrokerEvent::Kind::kReturn) {
        if (basic->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) {
          event.text = Text(basic->message_id);
        }
      } else {
        event.properties = PropertiesOf(*basic);
      }
      incoming_->has_header = true;
      incoming_->left = frame.payload.properties.body_size;
      break;
    }
    case AMQP_FRAME_BODY: {
      const amqp_bytes_t& fragment = frame.payload.body_fragment;
      if (!incoming_ || !incoming_->has_header ||
          fragment.len > incoming_->left) {
        return absl::InternalError("the broker sent an unexpected body");
      }
      if (incoming_->event.kind == BrokerEvent::Kind::kDelivery) {
        incoming_->event.body.append(static_cast<const char*>(fragment.bytes),
                                     fragment.len);
      }
      incoming_->left -= fragment.len;
      break;
    }
    default:
      break;  // a heartbeat
  }
  if (!incoming_ || !incoming_->has_header || incoming_->left > 0) {
    return std::nullopt;
  }
  BrokerEvent event = std::move(incoming_->event);
  incoming_.reset();
  return event;
}

absl::StatusOr<std::optional<BrokerEvent>> Connection::TakeMethod(
    const amqp_method_t& method) {
  BrokerEvent event;
  switch (method.id) {
    case AMQP_BASIC_ACK_METHOD: {
      const auto* ack = static_cast<amqp_basic_ack_t*>(method.decoded);
      event.kind = BrokerEvent::Kind::kAck;
      event.tag = ack->delivery_tag;
      event.multiple = ack->multiple != 0;
      return event;
    }
    case AMQP_BASIC_NACK_METHOD: {
      const auto* nack = static_cast<amqp_basic_nack_t*>(method.decoded);
      event.kind = BrokerEvent::Kind::kNack;
      event.tag = nack->delivery_tag;
      event.multiple = nack->multiple != 0;
      return event;
    }
    case AMQP_BASIC_RETURN_METHOD: {
      const auto* returned = static_cast<amqp_basic_return_t*>(method.decoded);
      event.kind = BrokerEvent::Kind::kReturn;
      event.queue = Text(returned->routing_key);
      incoming_ = Incoming{.event = std::move(event)};
      return std::nullopt;
    }
    case AMQP_BASIC_DELIVER_METHOD: {
      const auto* deliver = static_cast<amqp_basic_deliver_t*>(method.decoded);
      event.kind = BrokerEvent::Kind::kDelivery;
      event.tag = deliver->delivery_tag;
      incoming_ = Incoming{.event = std::move(event)};
      return std::nullopt;
    }
    case AMQP_BASIC_CANCEL_METHOD:
      event.kind = BrokerEvent::Kind::kCancelled;
      return event;
    case AMQP_CONNECTION_BLOCKED_METHOD: {
      const auto* blocked =
          static_cast<amqp_connection_blocked_t*>(method.decoded);
      event.kind = BrokerEvent::Kind::kBlocked;
      event.text = Text(blocked->reason).substr(0, kMaxReason);
      return event;
    }
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
      event.kind = BrokerEvent::Kind::kUnblocked;
      return event;
    case AMQP_CHANNEL_CLOSE_METHOD:
      return CloseError<amqp_channel_close_t>(method.decoded, BrokerStep::kUse);
    case AMQP_CONNECTION_CLOSE_METHOD:
      return CloseError<amqp_connection_close_t>(method.decoded,
                                                 BrokerStep::kUse);
    default:
      return std::nullopt;
  }
}

// Opens a connection to `host` that has declared the queues.
absl::StatusOr<std::unique_ptr<Connection>> OpenConnection(
    const AmqpOptions& options, const HopAddress& host) {
  const auto credentials = options.credentials();
  if (!credentials.ok()) {
    return absl::FailedPreconditionError(credentials.status().message());
  }
  auto connection = std::make_unique<Connection>();
  absl::Status status = connection->Open(options, host, *credentials);
  if (status.ok()) status = connection->Declare(options);
  if (status.ok() && options.prefetch > 0)
    status = connection->Consume(options);
  if (status.ok()) return connection;
  return absl::Status(status.code(),
                      absl::StrCat(host.Format(), ": ", status.message()));
}

}  // namespace

ConnectBroker ConnectWith(AmqpOptions options) {
  return [options = std::move(options), next = size_t{0}]() mutable
         -> absl::StatusOr<std::unique_ptr<BrokerConnection>> {
    const std::vector<HopAddress>& hosts = options.address.hosts;
    absl::Status first;
    for (size_t i = 0; i < hosts.size(); ++i) {
      auto connection = OpenConnection(options, hosts[next % hosts.size()]);
      next = (next + 1) % hosts.size();
      if (connection.ok()) return *std::move(connection);
      // The first refusal, or else the first outage.
      if (first.ok() ||
          (IsBrokerRefusal(connection.status()) && !IsBrokerRefusal(first))) {
        first = connection.status();
      }
    }
    return first;
  };
}

namespace {

// Sends a message of `size` octets, which no queue gets, and waits for its
// confirm until `until`.
absl::Status SendTest(Connection* connection, const std::string& queue,
                      uint64_t size, absl::Time until) {
  AmqpProperties properties;
  properties.message_id = "test";
  absl::Status status =
      connection->Send(queue, properties,
                       {.size = size,
                        .read =
                            [](uint64_t, char* to, size_t room) {
                              std::memset(to, 'x', room);
                              return static_cast<ssize_t>(room);
                            }},
                       /*mandatory=*/false);
  while (status.ok() && absl::Now() < until) {
    auto event = connection->Next(absl::Milliseconds(100));
    if (!event.ok()) return event.status();
    if (!*event) continue;
    if ((*event)->kind == BrokerEvent::Kind::kAck) return absl::OkStatus();
    if ((*event)->kind == BrokerEvent::Kind::kBlocked) {
      return absl::UnavailableError(
          absl::StrCat("the broker takes no messages now: ", (*event)->text));
    }
  }
  if (!status.ok()) return status;
  return absl::UnavailableError("a test message was not confirmed");
}

}  // namespace

absl::Status TestBroker(AmqpOptions options, uint64_t size) {
  absl::Status outage = absl::UnavailableError("no hosts");
  // A large message takes a while.
  const absl::Duration limit = options.timeout * 4;
  for (const HopAddress& host : options.address.hosts) {
    auto connection = OpenConnection(options, host);
    if (!connection.ok()) {
      if (IsBrokerRefusal(connection.status())) return connection.status();
      outage = connection.status();
      continue;
    }
    CallWatch watch(connection->get(),
                    {.patience = absl::ToChronoMilliseconds(limit)});
    if (absl::Status status = watch.Start(); !status.ok()) return status;
    watch.Begin();
    const absl::Time until = absl::Now() + limit;
    // No queue has this name: the broker checks the size and then discards it.
    const std::string nowhere =
        absl::StrCat(options.address.queue, ".postern-test-of-size");
    // A broker with an alarm does not read a large message. It reports the
    // alarm after an empty one.
    absl::Status status = SendTest(connection->get(), nowhere, 0, until);
    if (status.ok()) {
      status = SendTest(connection->get(), nowhere, size, until);
    }
    watch.End();
    if (status.ok()) return status;
    if (IsBrokerRefusal(status)) {
      return absl::Status(status.code(),
                          absl::StrCat(host.Format(), ": a message of ", size,
                                       " octets, the limit of this server: ",
                                       status.message()));
    }
    outage = absl::UnavailableError(
        absl::StrCat(host.Format(), ": ", status.message()));
  }
  return outage;
}

absl::StatusOr<std::map<std::string, AmqpValue>> DecodeTable(
    absl::string_view octets) {
  amqp_pool_t pool;
  init_amqp_pool(&pool, 4096);
  amqp_table_t table;
  size_t offset = 0;
  const int status = amqp_decode_table(Bytes(octets), &pool, &table, &offset);
  std::optional<std::map<std::string, AmqpValue>> headers;
  if (status == AMQP_STATUS_OK) headers = HeadersOf(table);
  empty_amqp_pool(&pool);
  if (!headers) return absl::InvalidArgumentError("not a table of AMQP");
  return *std::move(headers);
}

}  // namespace postern::delivery
