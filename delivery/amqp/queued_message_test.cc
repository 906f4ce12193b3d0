// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/amqp/queued_message.h"

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/parameters.h"
#include "engine/tls_info.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

QueuedMessage Full() {
  Envelope envelope;
  envelope.from = {"a \"b", "d\xc3\xbc.example"};
  envelope.parameters.size = 1234;
  envelope.parameters.body = BodyType::k8BitMime;
  envelope.parameters.smtp_utf8 = true;
  envelope.parameters.ret = Ret::kHeaders;
  envelope.parameters.envid = "QQ 1";
  envelope.to.push_back({{"x", "y.example"}, {}});
  envelope.to.push_back({{"j\xc3\xb6rg", "y.example"},
                         {.notify = Notify{.failure = true, .delay = true},
                          .orcpt = Orcpt{"rfc822", "x@y"}}});
  envelope.message = 3;
  SessionInfo session;
  session.remote_address = IpAddress::Parse("2001:db8::1");
  session.remote_port = 25000;
  session.remote_name = "client.example";
  session.name_status = NameStatus::kConfirmed;
  session.local_name = "mx.example";
  session.hello_name = "pc \xff";
  session.identity = "user";
  session.tls = std::make_shared<const TlsInfo>(
      TlsInfo{.protocol = "TLSv1.3", .cipher = "TLS_AES_128_GCM_SHA256"});
  QueuedMessage message = MakeQueuedMessage(
      envelope, session, "2f4zzk3m80ab-3",
      absl::FromUnixSeconds(1700000000) + absl::Milliseconds(900));
  return message;
}

TEST(QueuedMessageTest, HasTheDocumentedHeaders) {
  const AmqpProperties properties = EncodeMessage(Full());
  EXPECT_EQ(properties.type, "postern.mail.1");
  EXPECT_EQ(properties.content_type, "message/rfc822");
  EXPECT_EQ(properties.message_id, "2f4zzk3m80ab-3");
  EXPECT_EQ(properties.timestamp, 1700000000u);
  using Texts = std::vector<std::string>;
  const std::map<std::string, AmqpValue> expected = {
      {"x-postern-from", "\"a \\\"b\"@d\xc3\xbc.example"},
      {"x-postern-params",
       "SIZE=1234 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+201"},
      {"x-postern-rcpt", Texts{"x@y.example", "j\xc3\xb6rg@y.example"}},
      {"x-postern-rcpt-params",
       Texts{"", "NOTIFY=FAILURE,DELAY ORCPT=rfc822;x@y"}},
      {"x-postern-peer", "[2001:db8::1]:25000"},
      {"x-postern-peer-name", "client.example"},
      {"x-postern-helo", "pc \xff"},
      {"x-postern-auth", "user"},
      {"x-postern-tls", "TLSv1.3 TLS_AES_128_GCM_SHA256"},
      {"x-postern-server", "mx.example"},
  };
  EXPECT_EQ(properties.headers, expected);
}

TEST(QueuedMessageTest, DecodingReturnsWhatWasEncoded) {
  QueuedMessage message = Full();
  message.attempts = 7;
  message.failures = {{{"x", "y.example"}, "450 4.2.1 later"}};
  message.dead = "expired";
  const AmqpProperties properties = EncodeMessage(message);
  const auto decoded = DecodeMessage(properties);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(EncodeMessage(*decoded), properties);
  EXPECT_EQ(decoded->id, message.id);
  EXPECT_EQ(decoded->received, message.received);
  EXPECT_EQ(decoded->envelope.from, message.envelope.from);
  EXPECT_EQ(decoded->envelope.parameters, message.envelope.parameters);
  EXPECT_EQ(decoded->envelope.to, message.envelope.to);
  EXPECT_EQ(decoded->client, message.client);
  EXPECT_EQ(decoded->attempts, 7);
  EXPECT_EQ(decoded->failures, message.failures);
  EXPECT_EQ(decoded->dead, "expired");
}

TEST(QueuedMessageTest, NullSenderAndNoParametersAreAbsent) {
  Envelope envelope;
  envelope.to.push_back({{"postmaster", ""}, {}});
  const AmqpProperties properties = EncodeMessage(MakeQueuedMessage(
      envelope, SessionInfo(), "id-1", absl::FromUnixSeconds(1)));
  using Texts = std::vector<std::string>;
  const std::map<std::string, AmqpValue> expected = {
      {"x-postern-from", ""}, {"x-postern-rcpt", Texts{"postmaster"}}};
  EXPECT_EQ(properties.headers, expected);
  const auto decoded = DecodeMessage(properties);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_TRUE(decoded->envelope.from.null());
}

TEST(QueuedMessageTest, ErrorNamesTheHeader) {
  using Texts = std::vector<std::string>;
  const struct {
    const char* header;
    AmqpValue value;
    const char* says;
  } cases[] = {
      {"x-postern-from", "a@b>\r\nRCPT TO:<c@d", "x-postern-from: not an"},
      {"x-postern-from", int64_t{1}, "x-postern-from: the header has another"},
      {"x-postern-rcpt", Texts{}, "x-postern-rcpt: no recipients"},
      {"x-postern-rcpt", Texts{"a@b", ""}, "x-postern-rcpt: an empty address"},
      {"x-postern-rcpt", "a@b", "x-postern-rcpt: the header has another type"},
      {"x-postern-rcpt", Texts{"@a:b@c", "d@e"}, "x-postern-rcpt: not an"},
      {"x-postern-rcpt-params", Texts{"NOTIFY=NEVER"},
       "x-postern-rcpt-params: another number"},
      {"x-postern-rcpt-params", Texts{"NOTIFY=NEVER", "X\r\nDATA"},
       "x-postern-rcpt-params: not parameters"},
      {"x-postern-params", "BODY=8BITMIME\r\n", "x-postern-params: not"},
      {"x-postern-attempts", int64_t{-1}, "x-postern-attempts: not a number"},
      {"x-postern-failed", Texts{"a@b"}, "x-postern-replies: another number"},
      {"x-postern-params", "SIZE=1", "UTF-8 without SMTPUTF8"},
  };
  for (const auto& c : cases) {
    AmqpProperties properties = EncodeMessage(Full());
    properties.headers[c.header] = c.value;
    const auto decoded = DecodeMessage(properties);
    ASSERT_FALSE(decoded.ok()) << c.header;
    EXPECT_TRUE(absl::StrContains(decoded.status().message(), c.says))
        << decoded.status();
  }
  AmqpProperties properties = EncodeMessage(Full());
  properties.headers.erase("x-postern-rcpt");
  EXPECT_FALSE(DecodeMessage(properties).ok());
  properties = EncodeMessage(Full());
  properties.type = "postern.mail.2";
  EXPECT_EQ(DecodeMessage(properties).status().message(),
            "type: not postern.mail.1");
  properties = EncodeMessage(Full());
  properties.timestamp = ~uint64_t{0};
  EXPECT_EQ(DecodeMessage(properties).status().message(),
            "timestamp: not a time");
}

// 96 KiB of recipients are permitted, and replies have no limit of their own.
QueuedMessage Failed(size_t recipients, size_t reply_size) {
  QueuedMessage message = Full();
  message.envelope.to.clear();
  for (size_t i = 0; i < recipients; ++i) {
    const Path to = {absl::StrCat("user", i), "y.example"};
    message.envelope.to.push_back({to, {}});
    message.failures.push_back({to, std::string(reply_size, '4')});
  }
  message.attempts = 1;
  return message;
}

TEST(QueuedMessageTest, RepliesAreShortenedUntilTheHeadersFit) {
  const auto properties = EncodeMessage(Failed(1000, 500));
  EXPECT_LE(HeadersSize(properties.headers), QueuedMessage::kMaxHeaders);
  const auto decoded = DecodeMessage(properties);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->envelope.to.size(), 1000u);
  ASSERT_EQ(decoded->failures.size(), 1000u);
  EXPECT_EQ(decoded->failures[999].reply, std::string(50, '4'));
  // A few recipients keep their replies.
  EXPECT_EQ(DecodeMessage(EncodeMessage(Failed(100, 500)))->failures[99].reply,
            std::string(500, '4'));
}

TEST(QueuedMessageTest, FailuresAreLeftOutIfTheHeadersDoNotFit) {
  const auto properties = EncodeMessage(Failed(3000, 500));
  EXPECT_LE(HeadersSize(properties.headers), QueuedMessage::kMaxHeaders);
  const auto decoded = DecodeMessage(properties);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->envelope.to.size(), 3000u);
  EXPECT_TRUE(decoded->failures.empty());
  EXPECT_EQ(SplitMessage(Failed(3000, 500)).size(), 1u);
}

TEST(QueuedMessageTest, MessageIsSplitIfItsRecipientsDoNotFit) {
  const QueuedMessage message = Failed(10000, 10);
  const auto parts = SplitMessage(message);
  EXPECT_GT(parts.size(), 1u);
  std::vector<Recipient> all;
  for (const QueuedMessage& part : parts) {
    EXPECT_LE(HeadersSize(EncodeMessage(part).headers),
              QueuedMessage::kMaxHeaders);
    EXPECT_EQ(part.client, message.client);
    ASSERT_EQ(part.failures.size(), part.envelope.to.size());
    EXPECT_EQ(part.failures[0].recipient, part.envelope.to[0].path);
    all.insert(all.end(), part.envelope.to.begin(), part.envelope.to.end());
  }
  EXPECT_EQ(all, message.envelope.to);
}

TEST(QueuedMessageTest, MessageWithOneRecipientLosesItsClientIfItDoesNotFit) {
  QueuedMessage message = Full();
  message.envelope.to.resize(1);
  message.client.helo = std::string(QueuedMessage::kMaxHeaders, 'x');
  const auto parts = SplitMessage(message);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_LE(HeadersSize(EncodeMessage(parts[0]).headers),
            QueuedMessage::kMaxHeaders);
  EXPECT_EQ(parts[0].envelope.to, message.envelope.to);
}

TEST(QueuedMessageTest, LargestHeadersAreRemovedFirst) {
  std::map<std::string, AmqpValue> headers = {
      {"a", std::string(50000, 'x')},
      {"b", std::vector<std::string>(20000, "xxxxx")},
      {"c", int64_t{1}}};
  LimitHeaders(&headers);
  EXPECT_EQ(headers.count("a"), 1u);
  EXPECT_EQ(headers.count("b"), 0u);
  EXPECT_EQ(headers.count("c"), 1u);
}

TEST(QueuedMessageTest, SizeOfARecipientIsThatOfItsHeaders) {
  EXPECT_EQ(QueuedSize({{"x", "y.example"}, {}}), 23u);
  EXPECT_EQ(QueuedSize({{"x", "y.example"}, {.notify = Notify{}}}), 36u);
}

}  // namespace
}  // namespace postern::delivery
