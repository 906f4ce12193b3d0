// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/xclient.h"

#include <string>

#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

using Text = XClientValue<std::string>;
using Address = XClientValue<std::optional<IpAddress>>;
using Port = XClientValue<uint16_t>;
using Protocol = XClientValue<XClientProtocol>;

TEST(XClientTest, ParsesAttributes) {
  struct Case {
    absl::string_view argument;
    XClient want;
  };
  const Text unavailable = {.kind = Text::Kind::kUnavailable};
  const Text temporary = {.kind = Text::Kind::kTemporary};
  const std::string name255(255, 'n');
  const std::string longest = "NAME=" + name255;
  const Case cases[] = {
      {"NAME=spike.example ADDR=192.0.2.1",
       {.name = Text{.value = "spike.example"},
        .address = Address{.value = IpAddress::Parse("192.0.2.1")}}},
      {"name=[unavailable] helo=[TempUnavail]",
       {.name = unavailable, .helo = temporary}},
      {"ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE]",
       {.address = Address{.kind = Address::Kind::kUnavailable},
        .port = Port{.kind = Port::Kind::kUnavailable}}},
      {"ADDR=IPV6:2001:db8::1",
       {.address = Address{.value = IpAddress::Parse("2001:db8::1")}}},
      {"addr=ipv6:::1", {.address = Address{.value = IpAddress::Parse("::1")}}},
      {"PORT=1", {.port = Port{.value = 1}}},
      {"PORT=65535", {.port = Port{.value = 65535}}},
      {"PROTO=SMTP", {.protocol = Protocol{.value = XClientProtocol::kSmtp}}},
      {"PROTO=esmtp", {.protocol = Protocol{.value = XClientProtocol::kEsmtp}}},
      {"HELO=a+20b+2B", {.helo = Text{.value = "a b+"}}},
      {"  LOGIN=u@d  ", {.login = Text{.value = "u@d"}}},
      {"DESTADDR=192.0.2.2 DESTPORT=25",
       {.destination_address = Address{.value = IpAddress::Parse("192.0.2.2")},
        .destination_port = Port{.value = 25}}},
      {longest, {.name = Text{.value = name255}}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.argument));
    const auto parsed = ParseXClient(c.argument);
    ASSERT_TRUE(std::holds_alternative<XClient>(parsed));
    EXPECT_EQ(std::get<XClient>(parsed), c.want);
  }
}

TEST(XClientTest, NamesTheError) {
  struct Case {
    absl::string_view argument;
    absl::string_view reply;
  };
  const std::string long_name = "NAME=" + std::string(256, 'n');
  const Case cases[] = {
      {"", "syntax: XCLIENT attribute=value... (#5.5.4)"},
      {"  ", "syntax: XCLIENT attribute=value... (#5.5.4)"},
      {"COLOUR=red", "unknown XCLIENT attribute (#5.5.4)"},
      {"NAM=x", "unknown XCLIENT attribute (#5.5.4)"},
      {"=x", "unknown XCLIENT attribute (#5.5.4)"},
      {"\tNAME=x", "unknown XCLIENT attribute (#5.5.4)"},
      {"NAME=a NAME=a", "NAME given twice (#5.5.4)"},
      {"NAME=[UNAVAILABLE] name=a", "NAME given twice (#5.5.4)"},
      {"NAME", "bad NAME (#5.5.4)"},
      {"NAME=", "bad NAME (#5.5.4)"},
      {"NAME=a=b", "bad NAME (#5.5.4)"},
      {"NAME=a+2b", "bad NAME (#5.5.4)"},
      {"NAME=a\tb", "bad NAME (#5.5.4)"},
      {"NAME=\xc3\xa4", "bad NAME (#5.5.4)"},
      {"HELO=a+0D+0AMAIL", "bad HELO (#5.5.4)"},
      {"HELO=a+09b", "bad HELO (#5.5.4)"},
      {"HELO=+1B[2J", "bad HELO (#5.5.4)"},
      {"LOGIN=+00", "bad LOGIN (#5.5.4)"},
      {"LOGIN=+C3+A4", "bad LOGIN (#5.5.4)"},
      {long_name, "bad NAME (#5.5.4)"},
      {"ADDR=192.0.2.256", "bad ADDR (#5.5.4)"},
      {"ADDR=192.0.2.01", "bad ADDR (#5.5.4)"},
      {"ADDR=::1", "bad ADDR (#5.5.4)"},  // the tag is missing
      {"ADDR=IPV6:192.0.2.1", "bad ADDR (#5.5.4)"},
      {"ADDR=IPV6:", "bad ADDR (#5.5.4)"},
      {"ADDR=spike.example", "bad ADDR (#5.5.4)"},
      {"PORT=0", "bad PORT (#5.5.4)"},
      {"PORT=65536", "bad PORT (#5.5.4)"},
      {"PORT=000025", "bad PORT (#5.5.4)"},
      {"PORT=-1", "bad PORT (#5.5.4)"},
      {"PORT=smtp", "bad PORT (#5.5.4)"},
      {"PROTO=LMTP", "bad PROTO (#5.5.4)"},
      {"DESTADDR=x", "bad DESTADDR (#5.5.4)"},
      {"DESTPORT=x", "bad DESTPORT (#5.5.4)"},
      {"NAME=a PORT=x", "bad PORT (#5.5.4)"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.argument));
    const auto parsed = ParseXClient(c.argument);
    ASSERT_TRUE(std::holds_alternative<Reply>(parsed));
    EXPECT_EQ(std::get<Reply>(parsed),
              (Reply{501, {5, 5, 4}, std::string(c.reply)}));
  }
}

}  // namespace
}  // namespace postern
