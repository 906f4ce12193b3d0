// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The format of messages in a queue, which docs/amqp.md describes. Without the
// library of AMQP.

#ifndef POSTERN_DELIVERY_AMQP_QUEUED_MESSAGE_H_
#define POSTERN_DELIVERY_AMQP_QUEUED_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/ask.h"
#include "engine/grammar/path.h"
#include "engine/session_info.h"

namespace postern::delivery {

// The value of a header of AMQP: a long string, an integer, or an array of long
// strings. Other types are not kept.
using AmqpValue = std::variant<std::string, int64_t, std::vector<std::string>>;

// The properties of a message, as AMQP 0-9-1 names them.
struct AmqpProperties {
  std::string type;
  std::string content_type;
  std::string message_id;
  std::string app_id;
  uint64_t timestamp = 0;  // seconds of the Unix epoch; 0: none
  std::map<std::string, AmqpValue> headers;

  friend bool operator==(const AmqpProperties&,
                         const AmqpProperties&) = default;
};

// A message, except for its content.
struct QueuedMessage {
  // The `type` of a message of this format. An incompatible format gets
  // another number.
  static constexpr absl::string_view kType = "postern.mail.1";
  // The properties of a message must fit into one frame of AMQP, which has
  // 131072 octets: this is the limit of HeadersSize(). The rest is for the
  // other properties, of which each has 256 octets at most.
  static constexpr size_t kMaxHeaders = size_t{126} << 10;
  // Octets of the recipients with their parameters, of a message of a client.
  static constexpr size_t kMaxRecipients = size_t{96} << 10;

  // The client and its session. For people and programs that examine a queue:
  // a relay does not need them.
  struct Client {
    std::string address;  // "192.0.2.1:25", or empty
    std::string name;     // the confirmed host name, or empty
    std::string helo;
    std::string user;  // the authenticated user, or empty
    std::string tls;   // "TLSv1.3 TLS_AES_128_GCM_SHA256", or empty

    friend bool operator==(const Client&, const Client&) = default;
  };
  // What a relay has learned about a recipient.
  struct Failure {
    Path recipient;
    std::string reply;  // "550 5.1.1 no such user"

    friend bool operator==(const Failure&, const Failure&) = default;
  };

  std::string id;       // of the message, as in the log and the Received field
  absl::Time received;  // whole seconds; when it was accepted
  std::string server;   // the name of the server that accepted it
  Envelope envelope;    // without Envelope::message
  Client client;
  int attempts = 0;               // that have failed so far
  std::vector<Failure> failures;  // of the last attempt
  // Why a relay gave up: a word. Empty: it has not.
  std::string dead;
};

// Returns the message of a client.
QueuedMessage MakeQueuedMessage(const Envelope& envelope,
                                const SessionInfo& session, std::string id,
                                absl::Time received);

// Returns the octets that `recipient` needs of kMaxRecipients.
size_t QueuedSize(const Recipient& recipient);

// Returns the octets of `headers` as a table of AMQP.
size_t HeadersSize(const std::map<std::string, AmqpValue>& headers);

// Returns the properties of a message. If the replies of `failures` would make
// the headers larger than kMaxHeaders, they are shortened. If that is not
// enough, `failures` are left out.
AmqpProperties EncodeMessage(const QueuedMessage& message);

// Returns messages that together have the recipients and failures of `message`,
// so few that the properties of each have kMaxHeaders at most. One message,
// except for one that another program has made. The client and the server of a
// message are left out if it is too large with one recipient.
std::vector<QueuedMessage> SplitMessage(QueuedMessage message);

// Removes the largest headers until the rest has kMaxHeaders at most.
void LimitHeaders(std::map<std::string, AmqpValue>* headers);

// Returns an error, which names the header, for properties that EncodeMessage()
// does not return: an unknown type, a missing header, a value that is not of
// its grammar. Unknown headers are ignored.
absl::StatusOr<QueuedMessage> DecodeMessage(const AmqpProperties& properties);

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_AMQP_QUEUED_MESSAGE_H_
