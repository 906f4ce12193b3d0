// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/tls_channel.h"

#include <malloc.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/channel.h"
#include "net/test_certificates.h"
#include "net/tls_context.h"
#include "net/tls_test_client.h"

namespace postern::net {
namespace {

using ::testing::AnyOf;
using Kind = Channel::Result::Kind;

constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

// Octets of all values, without a short period.
std::string Noise(size_t size) {
  std::string noise(size, '\0');
  uint32_t state = 1;
  for (char& octet : noise) {
    state = state * 1664525 + 1013904223;
    octet = static_cast<char>(state >> 24);
  }
  return noise;
}

std::shared_ptr<const TlsContext> MakeContext() {
  TestCertificates certificates;
  auto context = TlsContext::Make(
      {.certificates = {certificates.Make("mx", {.common_name = "mx"})}});
  EXPECT_TRUE(context.ok()) << context.status();
  return *std::move(context);
}

class TlsChannelTest : public testing::Test {
 protected:
  // A server and a client, connected in memory.
  struct Connection {
    explicit Connection(std::shared_ptr<const TlsContext> context,
                        int version = 0)
        : owned(std::make_unique<TlsChannel>(std::move(context), &wire)),
          server(*owned),
          client({.min_version = version, .max_version = version}, &wire) {}

    TestWire wire;
    std::unique_ptr<TlsChannel> owned;
    TlsChannel& server;
    TlsTestClient client;
  };

  // Returns a connection after the handshake.
  static std::unique_ptr<Connection> Connect(int version = 0) {
    auto connection = std::make_unique<Connection>(context_, version);
    Kind kind = Kind::kWantRead;
    for (int turns = 0; turns < 8 && kind != Kind::kOk; ++turns) {
      connection->client.Handshake();
      kind = connection->server.Handshake().kind;
    }
    EXPECT_EQ(kind, Kind::kOk) << connection->server.error();
    EXPECT_TRUE(connection->client.Handshake());
    EXPECT_EQ(connection->client.Read(), "");  // tickets
    return connection;
  }

  // What the server reads, and the result that ended the reading.
  struct Taken {
    std::string bytes;
    Kind kind = Kind::kEnd;
  };
  static Taken ReadAll(TlsChannel* server, size_t at_once = 4096) {
    Taken taken;
    std::string room(at_once, '\0');
    while (true) {
      const Channel::Result result = server->Read(absl::MakeSpan(room));
      taken.kind = result.kind;
      if (result.kind != Kind::kOk) return taken;
      EXPECT_GT(result.count, 0u);
      taken.bytes.append(room, 0, result.count);
    }
  }

  // Writes all of `bytes`. Fails the test if the channel does not accept them.
  static void WriteAll(TlsChannel* server, absl::string_view bytes) {
    while (!bytes.empty()) {
      const Channel::Result result = server->Write(bytes);
      ASSERT_EQ(result.kind, Kind::kOk);
      bytes.remove_prefix(result.count);
    }
  }

  // Shared, because making keys takes time.
  static void SetUpTestSuite() { context_ = MakeContext(); }
  static void TearDownTestSuite() { context_.reset(); }

  static std::shared_ptr<const TlsContext> context_;
};

std::shared_ptr<const TlsContext> TlsChannelTest::context_;

TEST_F(TlsChannelTest, CarriesBytesBothWays) {
  for (const int version : kVersions) {
    const auto connection = Connect(version);
    connection->client.Write("EHLO client\r\n");
    const Taken taken = ReadAll(&connection->server);
    EXPECT_EQ(taken.bytes, "EHLO client\r\n");
    EXPECT_EQ(taken.kind, Kind::kWantRead);
    WriteAll(&connection->server, "250 mx\r\n");
    EXPECT_EQ(connection->wire.to_client.find("250 mx"), std::string::npos);
    EXPECT_EQ(connection->client.Read(), "250 mx\r\n");
    EXPECT_EQ(connection->server.error(), "");
  }
}

TEST_F(TlsChannelTest, ReportsTheResultOfTheHandshake) {
  const struct {
    int version;
    const char* protocol;
    const char* cipher;
  } kCases[] = {
      {TLS1_2_VERSION, "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
      {TLS1_3_VERSION, "TLSv1.3", "TLS_AES_128_GCM_SHA256"},
  };
  for (const auto& c : kCases) {
    const TlsInfo info = Connect(c.version)->server.info();
    EXPECT_EQ(info.protocol, c.protocol);
    EXPECT_EQ(info.cipher, c.cipher);
    EXPECT_EQ(info.peer_subject, "");
  }
}

// Each octet arrives alone, and each call is refused once.
TEST_F(TlsChannelTest, ContinuesWhereItHadToWait) {
  for (const int version : kVersions) {
    Connection connection(context_, version);
    connection.wire.step = 1;
    connection.wire.stutter = true;
    int reads = 0;
    int writes = 0;
    Kind kind = Kind::kWantRead;
    connection.client.Handshake();
    for (int turns = 0; turns < 100000 && kind != Kind::kOk; ++turns) {
      kind = connection.server.Handshake().kind;
      reads += kind == Kind::kWantRead ? 1 : 0;
      writes += kind == Kind::kWantWrite ? 1 : 0;
      if (connection.wire.to_server.empty()) connection.client.Handshake();
    }
    ASSERT_EQ(kind, Kind::kOk) << connection.server.error();
    EXPECT_GT(reads, 100);
    EXPECT_GT(writes, 100);

    connection.client.Write("NOOP\r\n");
    std::string read;
    std::array<char, 3> room;
    for (int turns = 0; turns < 1000 && read.size() < 6; ++turns) {
      const Channel::Result result =
          connection.server.Read(absl::MakeSpan(room));
      ASSERT_NE(result.kind, Kind::kEnd);
      read.append(room.data(), result.count);
    }
    EXPECT_EQ(read, "NOOP\r\n");
    const std::string reply = "250 OK\r\n";
    for (int turns = 0; turns < 1000 && kind == Kind::kOk; ++turns) {
      Channel::Result result = connection.server.Write(reply);
      while (result.kind == Kind::kWantWrite) {
        result = connection.server.Write(reply);
      }
      ASSERT_EQ(result.kind, Kind::kOk);
      EXPECT_EQ(result.count, reply.size());
      break;
    }
    EXPECT_EQ(connection.client.Read(), reply);
  }
}

TEST_F(TlsChannelTest, ReadsTheSameAtEveryCut) {
  const auto connection = Connect();
  const std::string bytes = Noise(40);
  connection->client.Write(bytes);
  const size_t size = connection->wire.to_server.size();
  connection->wire.to_server.clear();
  for (size_t cut = 0; cut <= size; ++cut) {
    const auto each = Connect();
    each->client.Write(bytes);
    const std::string record = each->wire.to_server;
    each->wire.to_server = record.substr(0, cut);
    Taken taken = ReadAll(&each->server);
    EXPECT_EQ(taken.kind, Kind::kWantRead);
    EXPECT_EQ(taken.bytes, cut < size ? "" : bytes);
    each->wire.to_server = record.substr(cut);
    taken.bytes += ReadAll(&each->server, /*at_once=*/7).bytes;
    EXPECT_EQ(taken.bytes, bytes) << cut;
  }
}

TEST_F(TlsChannelTest, WritesTheSameAtEveryCut) {
  const std::string bytes = Noise(40);
  for (size_t cut = 0; cut <= 70; ++cut) {
    const auto connection = Connect();
    connection->wire.room = cut;
    auto buffer = std::make_unique<std::string>(bytes);
    Channel::Result result = connection->server.Write(*buffer);
    if (cut < bytes.size()) {
      EXPECT_EQ(result.kind, Kind::kWantWrite);
    }
    // The rest of the bytes may move and grow before the next call.
    const auto rest =
        std::make_unique<std::string>(bytes.substr(result.count) + "and more");
    buffer.reset();
    if (result.kind == Kind::kWantWrite) {
      EXPECT_EQ(connection->server.Write(*rest).kind, Kind::kWantWrite);
    }
    connection->wire.room = std::string::npos;
    WriteAll(&connection->server, *rest);
    EXPECT_EQ(connection->client.Read(), bytes + "and more") << cut;
  }
}

TEST_F(TlsChannelTest, CarriesThreeMebibytes) {
  const std::string much = Noise(size_t{3} << 20);
  for (const int version : kVersions) {
    const auto connection = Connect(version);
    connection->client.Write(much);
    const Taken taken = ReadAll(&connection->server, 50000);
    EXPECT_TRUE(taken.bytes == much);
    EXPECT_EQ(taken.kind, Kind::kWantRead);
    WriteAll(&connection->server, much);
    EXPECT_TRUE(connection->client.Read() == much);
  }
}

TEST_F(TlsChannelTest, ReportsHowMuchWasWritten) {
  const std::string bytes = Noise(40000);
  const auto connection = Connect();
  connection->wire.room = 20000;  // more than a record, less than two
  const Channel::Result result = connection->server.Write(bytes);
  EXPECT_EQ(result.kind, Kind::kOk);
  EXPECT_EQ(result.count, size_t{16} << 10);
  EXPECT_EQ(connection->server.Write(bytes.substr(result.count)).kind,
            Kind::kWantWrite);
}

// A client that does not read can still send commands.
TEST_F(TlsChannelTest, ReadsWhileAWriteWaits) {
  const auto connection = Connect();
  connection->wire.room = 10;
  const std::string bytes = Noise(20000);
  EXPECT_EQ(connection->server.Write(bytes).kind, Kind::kWantWrite);
  connection->client.Write("RSET\r\n");
  EXPECT_EQ(ReadAll(&connection->server).bytes, "RSET\r\n");
  connection->wire.room = std::string::npos;
  WriteAll(&connection->server, bytes);
  EXPECT_TRUE(connection->client.Read() == bytes);
}

// A system call for each record would cost more than the record.
TEST_F(TlsChannelTest, ReadsSmallRecordsTogether) {
  const auto connection = Connect();
  for (int i = 0; i < 1000; ++i) connection->client.Write("x");
  const size_t sent = connection->wire.to_server.size();
  const int before = connection->wire.reads;
  EXPECT_EQ(ReadAll(&connection->server).bytes, std::string(1000, 'x'));
  EXPECT_LE(connection->wire.reads - before, static_cast<int>(sent / 512 + 2));
}

// Octets that were read are processed before the turn can end, so they must be
// few: one record, or 512 octets.
TEST_F(TlsChannelTest, ReadsFewOctetsAhead) {
  for (const size_t size : {size_t{1}, size_t{100}, size_t{16384}}) {
    const auto connection = Connect();
    for (int i = 0; i < 100; ++i) connection->client.Write(Noise(size));
    const size_t sent = connection->wire.to_server.size();
    std::string room(size, '\0');
    for (size_t i = 1; i <= 50; ++i) {
      const Channel::Result result =
          connection->server.Read(absl::MakeSpan(room));
      ASSERT_EQ(result.kind, Kind::kOk);
      const size_t record = sent / 100;
      const size_t taken = sent - connection->wire.to_server.size();
      EXPECT_LE(taken, i * record + 512) << size;
    }
  }
}

TEST_F(TlsChannelTest, NamesTheReasonOfAFailedHandshake) {
  std::string hello;
  {
    Connection connection(context_);
    connection.client.Handshake();
    hello = connection.wire.to_server;
  }
  std::string damaged = hello;
  damaged[5] = 2;  // makes it a ServerHello
  const struct {
    std::string input;
    const char* error;
    const char* error_since_3_2 = error;  // the text since OpenSSL 3.2
  } kCases[] = {
      {"", "client closed the connection"},
      {hello, "client closed the connection"},
      {hello.substr(0, 20), "client closed the connection"},
      {"GET / HTTP/1.0\r\n\r\n", "http request"},
      {"POST / HTTP/1.0\r\n\r\n", "http request"},
      {"CONNECT mx:25 HTTP/1.1\r\n\r\n", "https proxy request"},
      {"EHLO client\r\n", "wrong version number"},
      {std::string(100, '\0'), "wrong version number"},
      {"\x16\x03\x01\xff\xff" + std::string(100, 'x'), "packet length too long",
       "data length too long"},
      {damaged, "unexpected message"},
  };
  for (const auto& c : kCases) {
    TestWire wire;
    TlsChannel server(context_, &wire);
    wire.to_server = c.input;
    Channel::Result result = server.Handshake();
    if (result.kind == Kind::kWantRead) {
      wire.client_gone = true;
      result = server.Handshake();
    }
    EXPECT_EQ(result.kind, Kind::kEnd);
    EXPECT_THAT(server.error(), AnyOf(c.error, c.error_since_3_2)) << c.input;
    // The result does not change, and OpenSSL's queue of errors is empty.
    EXPECT_EQ(server.Handshake().kind, Kind::kEnd);
    EXPECT_EQ(server.Shutdown().kind, Kind::kEnd);
    EXPECT_THAT(server.error(), AnyOf(c.error, c.error_since_3_2)) << c.input;
    EXPECT_EQ(ERR_peek_error(), 0u);
  }
}

TEST_F(TlsChannelTest, NamesTheAlertOfTheClient) {
  const struct {
    std::string alert;  // level and description
    const char* error;
    const char* error_since_3_2 = error;
  } kCases[] = {
      {"\2\x2a", "sslv3 alert bad certificate",
       "ssl/tls alert bad certificate"},
      {"\2\x30", "tlsv1 alert unknown ca"},
      {std::string("\1\0", 2), "client closed the connection"},
  };
  for (const auto& c : kCases) {
    Connection connection(context_, TLS1_2_VERSION);
    connection.client.Handshake();
    EXPECT_EQ(connection.server.Handshake().kind, Kind::kWantRead);
    connection.wire.to_server = std::string("\x15\3\3\0\2", 5) + c.alert;
    EXPECT_EQ(connection.server.Handshake().kind, Kind::kEnd);
    EXPECT_THAT(connection.server.error(), AnyOf(c.error, c.error_since_3_2));
    EXPECT_EQ(connection.server.Handshake().kind, Kind::kEnd);
  }
}

TEST_F(TlsChannelTest, ErrorsOfOtherCodeDoNotMatter) {
  Connection connection(context_);
  connection.client.Handshake();
  const std::string hello = std::exchange(connection.wire.to_server, "");
  ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
  EXPECT_EQ(connection.server.Handshake().kind, Kind::kWantRead);
  connection.wire.to_server = hello;
  ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
  EXPECT_EQ(connection.server.Handshake().kind, Kind::kWantRead);
  EXPECT_TRUE(connection.client.Handshake());
  ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
  EXPECT_EQ(connection.server.Handshake().kind, Kind::kOk);
  std::array<char, 8> room;
  ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
  EXPECT_EQ(connection.server.Read(absl::MakeSpan(room)).kind, Kind::kWantRead);
  connection.wire.room = 0;
  ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
  EXPECT_EQ(connection.server.Write("x").kind, Kind::kWantWrite);
}

// The rest of a message must not be accepted without TLS.
TEST_F(TlsChannelTest, ReturnsNothingAfterAnEnd) {
  const struct {
    const char* what;
    void (*end)(Connection*);
    const char* bytes;
    const char* error;
    const char* error_since_3_2 = error;
  } kCases[] = {
      {"close_notify", [](Connection* c) { c->client.CloseNotify(); },
       "half of it", ""},
      {"end", [](Connection* c) { c->wire.client_gone = true; }, "half of it",
       "client closed the connection"},
      {"end of half a record",
       [](Connection* c) {
         c->wire.client_gone = true;
         c->wire.to_server.pop_back();
       },
       "", "client closed the connection"},
      {"plain bytes", [](Connection*) {}, "half of it", "wrong version number",
       "bad record type"},
      {"a broken record",
       [](Connection* c) {
         const size_t start = c->wire.to_server.size();
         c->client.Write("x");
         c->wire.to_server[start + 7] ^= 1;
       },
       "half of it", "decryption failed or bad record mac"},
  };
  for (const int version : kVersions) {
    for (const auto& c : kCases) {
      const auto connection = Connect(version);
      TestWire& wire = connection->wire;
      connection->client.Write("half of it");
      c.end(connection.get());
      if (!wire.client_gone) wire.to_server += "\r\n.\r\nMAIL FROM:<>\r\n";
      Taken taken = ReadAll(&connection->server);
      EXPECT_EQ(taken.kind, Kind::kEnd) << c.what;
      EXPECT_EQ(taken.bytes, c.bytes) << c.what;
      wire.to_server += "RCPT TO:<u@d>\r\n";
      const size_t left = wire.to_server.size();
      taken = ReadAll(&connection->server);
      EXPECT_EQ(taken.kind, Kind::kEnd) << c.what;
      EXPECT_EQ(taken.bytes, "") << c.what;
      EXPECT_EQ(wire.to_server.size(), left) << c.what;
      EXPECT_THAT(connection->server.error(), AnyOf(c.error, c.error_since_3_2))
          << c.what;
      EXPECT_EQ(connection->server.Write("x").kind,
                *c.error == '\0' ? Kind::kOk : Kind::kEnd)
          << c.what;
    }
  }
}

TEST_F(TlsChannelTest, ShutdownSendsCloseNotify) {
  for (const int version : kVersions) {
    const auto connection = Connect(version);
    WriteAll(&connection->server, "221 bye\r\n");
    EXPECT_EQ(connection->server.Shutdown().kind, Kind::kOk);
    EXPECT_EQ(connection->client.Read(), "221 bye\r\n");
    EXPECT_TRUE(connection->client.saw_close());
    // close_notify is sent once, without reading what the client sends.
    connection->client.Write("more");
    EXPECT_EQ(connection->server.Shutdown().kind, Kind::kOk);
    EXPECT_EQ(connection->wire.to_client, "");
    EXPECT_EQ(connection->server.Write("x").kind, Kind::kEnd);
    EXPECT_EQ(ReadAll(&connection->server).bytes, "more");
  }
}

TEST_F(TlsChannelTest, ShutdownWaitsUntilItCanSend) {
  for (const int version : kVersions) {
    const auto connection = Connect(version);
    connection->wire.room = 3;
    EXPECT_EQ(connection->server.Shutdown().kind, Kind::kWantWrite);
    EXPECT_EQ(connection->server.Shutdown().kind, Kind::kWantWrite);
    EXPECT_EQ(connection->server.Write("x").kind, Kind::kEnd);
    connection->wire.room = std::string::npos;
    EXPECT_EQ(connection->server.Shutdown().kind, Kind::kOk);
    EXPECT_EQ(connection->server.Shutdown().kind, Kind::kOk);
    EXPECT_EQ(connection->client.Read(), "");
    EXPECT_TRUE(connection->client.saw_close());
  }
}

TEST_F(TlsChannelTest, ShutdownFailsDuringAWrite) {
  const auto connection = Connect();
  connection->wire.room = 3;
  EXPECT_EQ(connection->server.Write("250 OK\r\n").kind, Kind::kWantWrite);
  EXPECT_EQ(connection->server.Shutdown().kind, Kind::kEnd);
  EXPECT_EQ(connection->server.error(), "");
  EXPECT_EQ(connection->wire.to_client.size(), 3u);

  Connection early(context_);
  EXPECT_EQ(early.server.Shutdown().kind, Kind::kEnd);
  EXPECT_EQ(early.server.error(), "");
  EXPECT_EQ(early.wire.to_client, "");

  const auto gone = Connect();
  gone->wire.client_gone = true;
  EXPECT_EQ(gone->server.Shutdown().kind, Kind::kEnd);
  EXPECT_EQ(gone->server.error(), "client closed the connection");
}

TEST_F(TlsChannelTest, RefusesToRenegotiate) {
  const auto connection = Connect(TLS1_2_VERSION);
  EXPECT_TRUE(connection->client.Renegotiate());
  const Taken taken = ReadAll(&connection->server);
  EXPECT_EQ(taken.bytes, "");
  // The alert no_renegotiation, and no ServerHello.
  EXPECT_EQ(connection->wire.to_client.substr(0, 1), "\x15");
  EXPECT_LT(connection->wire.to_client.size(), 40u);
}

TEST_F(TlsChannelTest, EndsAClientThatEndlesslyRenewsItsKey) {
  const auto connection = Connect(TLS1_3_VERSION);
  for (int i = 0; i < 100; ++i) connection->client.RenewKey();
  connection->client.Write("NOOP\r\n");
  EXPECT_EQ(ReadAll(&connection->server).bytes, "NOOP\r\n");
  for (int i = 0; i < 10000; ++i) connection->client.RenewKey();
  EXPECT_EQ(ReadAll(&connection->server).kind, Kind::kEnd);
  EXPECT_EQ(connection->server.error(), "too many records without content");
  EXPECT_GT(connection->wire.to_server.size(), 0u);  // the rest is not read
}

// Sanitizers replace the allocator. This test then measures nothing.
TEST_F(TlsChannelTest, AnIdleChannelHoldsLittleMemory) {
  constexpr size_t kConnections = 20;
  for (const int version : kVersions) {
    std::vector<std::unique_ptr<Connection>> connections;
    connections.reserve(kConnections);
    for (size_t i = 0; i < kConnections; ++i) {
      connections.push_back(Connect(version));
      Connection& connection = *connections.back();
      connection.client.Write("EHLO client\r\n");
      EXPECT_EQ(ReadAll(&connection.server).bytes, "EHLO client\r\n");
      WriteAll(&connection.server, "250 mx\r\n");
      EXPECT_EQ(connection.client.Read(), "250 mx\r\n");
      connection.wire.to_client = connection.wire.to_server = std::string();
    }
    const size_t with = mallinfo2().uordblks;
    for (auto& connection : connections) connection->owned.reset();
    const size_t held = with - mallinfo2().uordblks;
    // OpenSSL 3.5 needs 4 KiB more than OpenSSL 3.0.
    EXPECT_LT(held / kConnections, size_t{24} << 10) << version;
  }
}

}  // namespace
}  // namespace postern::net
