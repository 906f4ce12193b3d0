// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Input: a table of AMQP. Oracle: whatever headers a message in a queue has, a
// message that is decoded is encoded as an equal message that fits into a
// frame, and no address and no parameter can end the line of a command.

#include <cstdint>
#include <string>
#include <utility>

#include "delivery/amqp/amqp_connection.h"
#include "delivery/amqp/queued_message.h"
#include "engine/grammar/parameters.h"
#include "engine/grammar/path.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

void CheckLine(const std::string& text) {
  EXPECT_EQ(text.find_first_of("\r\n\0", 0, 3), text.npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto headers = DecodeTable({reinterpret_cast<const char*>(data), size});
  if (!headers.ok()) return 0;
  AmqpProperties properties;
  properties.type = std::string(QueuedMessage::kType);
  properties.message_id = "id";
  properties.timestamp = 1;
  properties.headers = *std::move(headers);
  const auto message = DecodeMessage(properties);
  if (!message.ok()) return 0;
  EXPECT_FALSE(message->envelope.to.empty());
  CheckLine(FormatPath(message->envelope.from));
  CheckLine(FormatMailParameters(message->envelope.parameters));
  for (const Recipient& recipient : message->envelope.to) {
    CheckLine(FormatPath(recipient.path));
    CheckLine(FormatRcptParameters(recipient.parameters));
  }
  const AmqpProperties encoded = EncodeMessage(*message);
  const auto again = DecodeMessage(encoded);
  EXPECT_TRUE(again.ok()) << again.status();
  if (!again.ok()) return 0;
  EXPECT_EQ(EncodeMessage(*again), encoded);
  EXPECT_EQ(again->envelope.to, message->envelope.to);
  EXPECT_EQ(again->envelope.parameters, message->envelope.parameters);
  // Replies are shortened if the headers do not fit into a frame.
  if (size < QueuedMessage::kMaxHeaders / 2) {
    EXPECT_EQ(again->failures, message->failures);
  }
  for (const QueuedMessage& part : SplitMessage(*message)) {
    EXPECT_LE(HeadersSize(EncodeMessage(part).headers),
              QueuedMessage::kMaxHeaders);
  }
  return 0;
}

}  // namespace postern::delivery
