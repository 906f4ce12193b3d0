// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/proxied_client.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

using Text = XClientValue<std::string>;
using Address = XClientValue<std::optional<IpAddress>>;
using Port = XClientValue<uint16_t>;

constexpr absl::string_view kAll =
    "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT";

EhloKeywords Offering(absl::string_view line) {
  return EhloKeywords(absl::StrCat("mx\n", line));
}

ProxiedClient Known() {
  ProxiedClient client;
  client.client = {
      .name = Text{.value = "spike.example"},
      .helo = Text{.value = "spike"},
      .login = Text{.value = "u@x"},
      .address = Address{.value = IpAddress::Parse("2001:db8::1")},
      .port = Port{.value = 4711},
      .protocol =
          XClientValue<XClientProtocol>{.value = XClientProtocol::kEsmtp},
      .destination_address = Address{.value = IpAddress::Parse("192.0.2.2")},
      .destination_port = Port{.value = 25}};
  client.session = "S1";
  client.local = true;
  return client;
}

TEST(ProxiedClientTest, SendsWhatTheServerOffers) {
  struct Row {
    absl::string_view offer;
    std::string line;
  };
  const Row rows[] = {
      {"XCLIENT ADDR", "XCLIENT ADDR=IPV6:2001:db8::1"},
      {"xclient name addr port helo",
       "XCLIENT ADDR=IPV6:2001:db8::1 PORT=4711 HELO=spike "
       "NAME=spike.example"},
      {"XCLIENT ADDR PROTO LOGIN DESTADDR DESTPORT SESSION TTL REVERSE_NAME",
       "XCLIENT ADDR=IPV6:2001:db8::1 PROTO=ESMTP LOGIN=u@x "
       "DESTADDR=192.0.2.2 DESTPORT=25 SESSION=S1"},
      {"XCLIENT NAME LOGIN", ""},  // it would decide on our address
      {"XCLIENT", ""},
      {"XFORWARD ADDR", ""},
  };
  for (const Row& row : rows) {
    const auto line = XClientLine(Known(), Offering(row.offer));
    if (row.line.empty()) {
      EXPECT_TRUE(absl::IsFailedPrecondition(line.status())) << row.offer;
    } else {
      EXPECT_EQ(line.value(), row.line + "\r\n");
    }
  }
  EXPECT_EQ(XForwardLine(Known(), Offering("XFORWARD NAME ADDR PROTO HELO "
                                           "IDENT SOURCE PORT LOGIN"))
                .value(),
            "XFORWARD ADDR=IPV6:2001:db8::1 PORT=4711 PROTO=ESMTP SOURCE=LOCAL "
            "IDENT=S1 HELO=spike NAME=spike.example\r\n");
  for (const absl::string_view offer : {"XCLIENT ADDR", "XFORWARD", ""}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(
        XForwardLine(Known(), Offering(offer)).status()))
        << offer;
  }
}

TEST(ProxiedClientTest, TheServersParserReadsWhatWasMeant) {
  const std::string line =
      XClientLine(Known(), Offering(absl::StrCat("XCLIENT ", kAll))).value();
  const auto parsed = ParseXClient(
      absl::StripSuffix(absl::StripPrefix(line, "XCLIENT "), "\r\n"));
  ASSERT_TRUE(std::holds_alternative<XClient>(parsed)) << line;
  EXPECT_EQ(std::get<XClient>(parsed), Known().client);
}

// Otherwise a client would have the user of the client before it, because
// attributes that are not sent keep their values.
TEST(ProxiedClientTest, SendsWhatIsUnavailable) {
  ProxiedClient client;
  client.client.name = Text{.kind = Text::Kind::kTemporary};
  client.client.port = Port{.value = 0};
  EXPECT_EQ(
      XClientLine(client, Offering(absl::StrCat("XCLIENT ", kAll, " SESSION")))
          .value(),
      "XCLIENT ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] PROTO=[UNAVAILABLE] "
      "LOGIN=[UNAVAILABLE] DESTADDR=[UNAVAILABLE] DESTPORT=[UNAVAILABLE] "
      "SESSION=[UNAVAILABLE] HELO=[UNAVAILABLE] NAME=[TEMPUNAVAIL]\r\n");
}

// Postfix refuses an XFORWARD with [TEMPUNAVAIL].
TEST(ProxiedClientTest, XForwardKnowsNoTemporaryFailure) {
  ProxiedClient client;
  client.client.name = Text{.kind = Text::Kind::kTemporary};
  EXPECT_EQ(XForwardLine(client, Offering("XFORWARD NAME HELO")).value(),
            "XFORWARD HELO=[UNAVAILABLE] NAME=[UNAVAILABLE]\r\n");
}

// A server takes the EHLO after XCLIENT for that of the client.
TEST(ProxiedClientTest, TheClientIsGreetedFor) {
  struct Row {
    std::optional<Text> helo;
    std::optional<IpAddress> address;
    std::string name;
  };
  const auto v4 = IpAddress::Parse("192.0.2.1");
  const Row rows[] = {
      {Text{.value = "spike.example"}, v4, "spike.example"},
      {Text{.value = "[192.0.2.7]"}, v4, "[192.0.2.7]"},
      {Text{.value = "a\r\nMAIL FROM:<>"}, v4, "[192.0.2.1]"},
      {Text{.value = "no_name"}, v4, "[192.0.2.1]"},
      {Text{.value = std::string(2000, 'a')}, v4, "[192.0.2.1]"},
      {std::nullopt, IpAddress::Parse("2001:db8::1"), "[IPv6:2001:db8::1]"},
      {std::nullopt, std::nullopt, ""},
  };
  for (const Row& row : rows) {
    ProxiedClient client;
    client.client.helo = row.helo;
    client.client.address = Address{.value = row.address};
    EXPECT_EQ(HelloOf(client), row.name);
  }
}

TEST(ProxiedClientTest, NoValueAddsAnAttributeOrACommand) {
  struct Row {
    std::string value;
    std::string login;
    std::string helo;
  };
  const std::string none = "[UNAVAILABLE]";
  const Row rows[] = {
      {"a b", "a+20b", none},
      {"a ADDR=127.0.0.1", "a+20ADDR+3D127.0.0.1", none},
      {"a=b+c", "a+3Db+2Bc", none},
      {"a\r\nRCPT TO:<u@d>", none, none},
      {"a\nb", none, none},
      {std::string("a\0b", 3), none, none},
      {"\xc3\xa4", none, none},
      {"\t", none, none},
      {"", none, none},
      {"[unavailable]", none, none},
      {"[TEMPUNAVAIL]", none, none},
      {std::string(256, 'a'), none, none},
      {"[192.0.2.1]", "[192.0.2.1]", "[192.0.2.1]"},
      {"[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"},
      {"[x]", "[x]", none},
      {"-a", "-a", none},
      {"a_b", "a_b", none},
      {"mx-1.example", "mx-1.example", "mx-1.example"},
  };
  for (const Row& row : rows) {
    ProxiedClient client;
    client.client.login = Text{.value = row.value};
    client.client.helo = Text{.value = row.value};
    client.client.name = Text{.value = row.value};
    client.session = row.value;
    EXPECT_EQ(
        XClientLine(client, Offering("XCLIENT ADDR LOGIN HELO NAME SESSION"))
            .value(),
        absl::StrCat("XCLIENT ADDR=", none, " LOGIN=", row.login,
                     " SESSION=", row.login, " HELO=", row.helo,
                     " NAME=", row.login, "\r\n"));
    EXPECT_EQ(XForwardLine(client, Offering("XFORWARD IDENT NAME")).value(),
              absl::StrCat("XFORWARD IDENT=", row.login, " NAME=", row.login,
                           "\r\n"));
  }
}

// RFC 5321 4.5.3.1.4
TEST(ProxiedClientTest, TheLineIsNotTooLong) {
  for (const char octet : {'n', ' '}) {
    for (size_t size = 1; size <= kMaxXClientText; ++size) {
      ProxiedClient client = Known();
      const std::string value(size, octet);
      client.client.name = Text{.value = value};
      client.client.login = Text{.value = value};
      client.session = value;
      const std::string line =
          XClientLine(client,
                      Offering(absl::StrCat("XCLIENT ", kAll, " SESSION")))
              .value();
      EXPECT_LE(line.size(), kMaxClientLine);
      const std::vector<std::string> words = absl::StrSplit(line, ' ');
      EXPECT_EQ(words.size(), 10) << line;
      EXPECT_TRUE(absl::StrContains(line, " ADDR=IPV6:2001:db8::1 "));
      // Only what does not fit is left out.
      EXPECT_FALSE(size < 40 && absl::StrContains(line, "[UNAVAILABLE]"));
      EXPECT_FALSE(size > 250 && !absl::StrContains(line, "[UNAVAILABLE]"));
    }
  }
}

}  // namespace
}  // namespace postern
