// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/proxy_header.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"
#include "net/crc32c.h"

namespace postern::net {
namespace {

using Kind = ProxyHeader::Kind;

// Converts a literal that may contain NULs.
template <size_t kSize>
std::string Octets(const char (&text)[kSize]) {
  return std::string(text, kSize - 1);
}

const std::string& Signature() {
  static const std::string signature = Octets("\r\n\r\n\0\r\nQUIT\n");
  return signature;
}

std::string Number16(size_t n) {
  return {static_cast<char>(n >> 8), static_cast<char>(n)};
}

// A header of version 2. `command` and `family` are its 13th and 14th octets.
std::string V2(char command, char family, const std::string& block) {
  return absl::StrCat(Signature(), std::string({command, family}),
                      Number16(block.size()), block);
}

// 192.0.2.1:4711 to 198.51.100.2:25
const std::string& Ipv4() {
  static const std::string addresses =
      Octets("\xc0\0\2\1\xc6\x33\x64\2\x12\x67\0\x19");
  return addresses;
}

std::string Vector(char type, const std::string& value) {
  return absl::StrCat(std::string(1, type), Number16(value.size()), value);
}

// A header with the vectors `before`, a correct checksum, and more vectors.
std::string Checked(const std::string& before, const std::string& behind) {
  std::string header =
      V2(0x21, 0x11,
         absl::StrCat(Ipv4(), before, Vector(3, std::string(4, '\0')), behind));
  const uint32_t crc = Crc32c(header);
  const size_t at = header.size() - behind.size() - 4;
  return header.replace(at, 4, Number16(crc >> 16) + Number16(crc & 0xffff));
}

// Parses a copy of exact size, so that ASan reports a read after its end.
ProxyHeader Parse(const std::string& in) {
  const auto copy = std::make_unique<char[]>(in.size());
  in.copy(copy.get(), in.size());
  return ParseProxyHeader(absl::string_view(copy.get(), in.size()));
}

// Expects that each prefix of `in` is incomplete, up to the octet that decides
// the result of all of `in`.
void ExpectTheSameHoweverCut(const std::string& in) {
  const ProxyHeader whole = Parse(in);
  bool settled = false;
  for (size_t size = 0; size <= in.size(); ++size) {
    const ProxyHeader header = Parse(in.substr(0, size));
    if (header.kind == Kind::kNeedInput) {
      EXPECT_FALSE(settled) << size;
      EXPECT_GT(header.size, size);
      if (whole.kind == Kind::kAddresses || whole.kind == Kind::kLocal) {
        EXPECT_LE(header.size, whole.size);
      }
    } else {
      settled = true;
      EXPECT_EQ(header, whole) << size;
    }
  }
}

TEST(ProxyHeaderTest, ReadsTheAddressesOfTheConnection) {
  const std::string ipv6 = Octets(
      "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
      "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\xff\xff\0\0");
  const std::string mapped = Octets(
      "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1"
      "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\2\x12\x67\0\x19");
  const struct {
    std::string header;
    ProxyHeader::Endpoint source;
    ProxyHeader::Endpoint destination;
  } cases[] = {
      {"PROXY TCP4 192.0.2.1 198.51.100.2 4711 25\r\n",
       {IpAddress::Parse("192.0.2.1"), 4711},
       {IpAddress::Parse("198.51.100.2"), 25}},
      {"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n",
       {IpAddress::Parse("0.0.0.0"), 0},
       {IpAddress::Parse("255.255.255.255"), 65535}},
      {"PROXY TCP6 2001:db8::1 2001:DB8:0:0::2 4711 25\r\n",
       {IpAddress::Parse("2001:db8::1"), 4711},
       {IpAddress::Parse("2001:db8::2"), 25}},
      {"PROXY TCP6 ::ffff:192.0.2.1 ::FFFF:c633:6402 4711 25\r\n",
       {IpAddress::Parse("192.0.2.1"), 4711},
       {IpAddress::Parse("198.51.100.2"), 25}},
      // The longest possible line.
      {"PROXY TCP6 ffff:f:ffff:ffff:ffff:ffff:255.255.255.255 "
       "ffff:f:ffff:ffff:ffff:ffff:255.255.255.255 1 2\r\n",
       {IpAddress::Parse("ffff:f:ffff:ffff:ffff:ffff:ffff:ffff"), 1},
       {IpAddress::Parse("ffff:f:ffff:ffff:ffff:ffff:ffff:ffff"), 2}},
      {V2(0x21, 0x11, Ipv4()),
       {IpAddress::Parse("192.0.2.1"), 4711},
       {IpAddress::Parse("198.51.100.2"), 25}},
      {V2(0x21, 0x21, ipv6),
       {IpAddress::Parse("2001:db8::1"), 65535},
       {IpAddress::Parse("2001:db8::2"), 0}},
      {V2(0x21, 0x21, mapped),
       {IpAddress::Parse("192.0.2.1"), 4711},
       {IpAddress::Parse("198.51.100.2"), 25}},
      // With vectors: PP2_TYPE_AUTHORITY, NOOP, an unknown type.
      {V2(0x21, 0x11,
          Ipv4() + Vector(2, "mx.example") + Vector(4, "") +
              Vector('\xee', std::string(3000, 'x'))),
       {IpAddress::Parse("192.0.2.1"), 4711},
       {IpAddress::Parse("198.51.100.2"), 25}},
      {Checked("", ""),
       {IpAddress::Parse("192.0.2.1"), 4711},
       {IpAddress::Parse("198.51.100.2"), 25}},
      {Checked(Vector(4, "pad"), Vector(2, "mx.example")),
       {IpAddress::Parse("192.0.2.1"), 4711},
       {IpAddress::Parse("198.51.100.2"), 25}},
      {V2(0x21, 0x11, Ipv4() + Vector(4, std::string(4065, 'x'))),
       {IpAddress::Parse("192.0.2.1"), 4711},
       {IpAddress::Parse("198.51.100.2"), 25}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(absl::CHexEscape(c.header));
    const ProxyHeader header = Parse(c.header + "EHLO client\r\n");
    EXPECT_EQ(header, (ProxyHeader{.kind = Kind::kAddresses,
                                   .size = c.header.size(),
                                   .source = c.source,
                                   .destination = c.destination}));
    EXPECT_EQ(Parse(c.header), header);
    ExpectTheSameHoweverCut(c.header + "EHLO client\r\n");
  }
}

TEST(ProxyHeaderTest, RecognizesConnectionsWithoutAClientAddress) {
  const std::string cases[] = {
      "PROXY UNKNOWN\r\n",
      "PROXY UNKNOWN \r\n",
      "PROXY UNKNOWN whatever  that is\r\n",
      "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
      V2(0x20, 0x00, ""),
      // The family and the block of LOCAL are skipped unread.
      V2(0x20, 0x11, Ipv4()),
      V2(0x20, 0x12, "no vectors"),
      V2(0x20, '\xff', std::string(4080, 'x')),
      V2(0x21, 0x00, ""),
      V2(0x21, 0x00, "no vectors"),
      V2(0x21, 0x31, std::string(216, 'x')),
      V2(0x21, 0x31, std::string(216, 'x') + Vector(4, "pad")),
  };
  for (const std::string& c : cases) {
    SCOPED_TRACE(absl::CHexEscape(c));
    EXPECT_EQ(Parse(c + "\r\n"),
              (ProxyHeader{.kind = Kind::kLocal, .size = c.size()}));
    ExpectTheSameHoweverCut(c + "\r\n");
  }
}

TEST(ProxyHeaderTest, RefusesInvalidHeaders) {
  const std::string many(107, 'x');
  const struct {
    std::string in;
    absl::string_view error;
  } cases[] = {
      {"EHLO client\r\n", "no signature"},
      {"proxy TCP4 192.0.2.1 198.51.100.2 4711 25\r\n", "no signature"},
      {"PROXY\r\n", "no signature"},
      {" PROXY UNKNOWN\r\n", "no signature"},
      {Octets("\r\n\r\n\0\r\nQUIT\r\n"), "no signature"},
      {Octets("\r\n\r\n\0\r\nquit\n"), "no signature"},
      {Octets("\0"), "no signature"},

      {"PROXY UNKNOWN\n", "not printable"},
      {"PROXY UNKNOWN\t\r\n", "not printable"},
      {"PROXY UNKNOWN \x80\r\n", "not printable"},
      {Octets("PROXY TCP4 192.0.2.1\0 198.51.100.2 4711 25\r\n"),
       "not printable"},
      {"PROXY UNKNOWN\r\r\n", "a CR without an LF"},
      {"PROXY UNKNOWN a\rb\r\n", "a CR without an LF"},
      {"PROXY UNKNOWN " + many, "longer than 107 octets"},
      {absl::StrCat("PROXY UNKNOWN ", many.substr(0, 92), "\r\n"),
       "longer than 107 octets"},
      {"PROXY \r\n", "unknown protocol"},
      {"PROXY  TCP4 192.0.2.1 198.51.100.2 4711 25\r\n", "unknown protocol"},
      {"PROXY UNKNOWNS\r\n", "unknown protocol"},
      {"PROXY unknown\r\n", "unknown protocol"},
      {"PROXY UDP4 192.0.2.1 198.51.100.2 4711 25\r\n", "unknown protocol"},
      {"PROXY TCP4\r\n", "not two addresses and two ports"},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 4711\r\n",
       "not two addresses and two ports"},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 4711 25 \r\n",
       "not two addresses and two ports"},
      {"PROXY TCP4  192.0.2.1 198.51.100.2 4711 25\r\n",
       "not two addresses and two ports"},
      {"PROXY TCP4  198.51.100.2 4711 25\r\n",
       "invalid address for TCP4 or TCP6"},
      {"PROXY TCP4 2001:db8::1 2001:db8::2 4711 25\r\n",
       "invalid address for TCP4 or TCP6"},
      {"PROXY TCP6 192.0.2.1 198.51.100.2 4711 25\r\n",
       "invalid address for TCP4 or TCP6"},
      {"PROXY TCP4 192.0.2.01 198.51.100.2 4711 25\r\n",
       "invalid address for TCP4 or TCP6"},
      {"PROXY TCP4 192.0.2.256 198.51.100.2 4711 25\r\n",
       "invalid address for TCP4 or TCP6"},
      {"PROXY TCP4 192.0.2.1 198.51.100 4711 25\r\n",
       "invalid address for TCP4 or TCP6"},
      {"PROXY TCP6 fe80::1%lo 2001:db8::2 4711 25\r\n",
       "invalid address for TCP4 or TCP6"},
      {"PROXY TCP6 [::1] 2001:db8::2 4711 25\r\n",
       "invalid address for TCP4 or TCP6"},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 04711 25\r\n", "invalid port"},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 4711 00\r\n", "invalid port"},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 65536 25\r\n", "invalid port"},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 4711 4294967321\r\n", "invalid port"},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 +4711 25\r\n", "invalid port"},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 4711 smtp\r\n", "invalid port"},
      {"PROXY TCP4 192.0.2.1 198.51.100.2  25\r\n", "invalid port"},

      {V2(0x11, 0x11, Ipv4()), "not version 2"},
      {V2(0x31, 0x11, Ipv4()), "not version 2"},
      {V2(0x22, 0x11, Ipv4()), "unknown command"},
      {V2(0x2f, 0x11, Ipv4()), "unknown command"},
      {V2(0x21, 0x12, Ipv4()), "neither TCP nor a UNIX stream"},
      {V2(0x21, 0x22, std::string(36, 'x')), "neither TCP nor a UNIX stream"},
      {V2(0x21, 0x32, std::string(216, 'x')), "neither TCP nor a UNIX stream"},
      {V2(0x21, 0x10, Ipv4()), "neither TCP nor a UNIX stream"},
      {V2(0x21, 0x01, Ipv4()), "neither TCP nor a UNIX stream"},
      {V2(0x21, 0x41, Ipv4()), "neither TCP nor a UNIX stream"},
      {V2(0x21, '\xff', Ipv4()), "neither TCP nor a UNIX stream"},
      {V2(0x21, 0x11, std::string(4081, 'x')), "longer than 4096 octets"},
      {V2(0x20, 0x00, std::string(65535, 'x')), "longer than 4096 octets"},
      {V2(0x21, 0x11, ""), "too short for its addresses"},
      {V2(0x21, 0x11, std::string(11, 'x')), "too short for its addresses"},
      {V2(0x21, 0x21, std::string(35, 'x')), "too short for its addresses"},
      {V2(0x21, 0x31, std::string(215, 'x')), "too short for its addresses"},
      {V2(0x21, 0x11, Ipv4() + "\4"), "an incomplete vector"},
      {V2(0x21, 0x11, Ipv4() + Octets("\4\0")), "an incomplete vector"},
      {V2(0x21, 0x11, Ipv4() + Octets("\4\0\1")), "an incomplete vector"},
      {V2(0x21, 0x11, Ipv4() + Octets("\4\1\0") + std::string(255, 'x')),
       "an incomplete vector"},
      {V2(0x21, 0x31, std::string(217, 'x')), "an incomplete vector"},
      {V2(0x21, 0x11, Ipv4() + Vector(3, "1234")), "the checksum is wrong"},
      {V2(0x21, 0x11, Ipv4() + Vector(3, "")),
       "a checksum that is not 4 octets"},
      {V2(0x21, 0x11, Ipv4() + Vector(3, "12345")),
       "a checksum that is not 4 octets"},
      {Checked("", Vector(3, "1234")), "two checksums"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(absl::CHexEscape(c.in.substr(0, 200)));
    EXPECT_EQ(Parse(c.in),
              (ProxyHeader{.kind = Kind::kError, .error = c.error}));
    if (c.in.size() < 5000) ExpectTheSameHoweverCut(c.in);
  }
}

TEST(ProxyHeaderTest, TheChecksumCoversEachOctet) {
  const std::string sound = Checked(Vector(4, "pad"), Vector(2, "mx"));
  ASSERT_EQ(Parse(sound).kind, Kind::kAddresses);
  for (size_t i = 16; i < sound.size(); ++i) {
    if (i == 34) continue;  // the type of the checksum's vector
    std::string damaged = sound;
    damaged[i] ^= 1;
    EXPECT_EQ(Parse(damaged).kind, Kind::kError) << i;
    // Only the checksum can show an error in the addresses.
    if (i < 28) {
      EXPECT_EQ(Parse(damaged).error, "the checksum is wrong");
    }
  }
}

// A proxy that waits for the greeting sends only its header.
TEST(ProxyHeaderTest, ReadingWhatIsNeededReadsNothingAfterTheHeader) {
  for (const std::string& header :
       {std::string("PROXY TCP4 192.0.2.1 198.51.100.2 4711 25\r\n"),
        std::string("PROXY UNKNOWN\r\n"), V2(0x21, 0x11, Ipv4()),
        Checked("", "")}) {
    SCOPED_TRACE(absl::CHexEscape(header));
    const std::string stream = header + "\x16\x03";  // TLS begins here
    ProxyHeader result = Parse("");
    int reads = 0;
    while (result.kind == Kind::kNeedInput) {
      ASSERT_LE(result.size, header.size());
      result = Parse(stream.substr(0, result.size));
      ++reads;
    }
    EXPECT_EQ(result.size, header.size());
    EXPECT_LE(reads, 60);
  }
}

TEST(ProxyHeaderTest, FormatsWhatItParses) {
  const auto end = [](absl::string_view address, uint16_t port) {
    return ProxyHeader::Endpoint{IpAddress::Parse(address), port};
  };
  struct Row {
    ProxyHeader::Endpoint source;
    ProxyHeader::Endpoint destination;
    std::string rest;  // after the signature
  };
  const Row rows[] = {
      {end("192.0.2.1", 4711), end("198.51.100.2", 25),
       Octets("\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x12\x67\0\x19")},
      {end("2001:db8::1", 65535), end("::1", 587),
       Octets("\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
              "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\xff\xff\x02\x4b")},
      {end("192.0.2.1", 1), end("::1", 0),
       Octets("\x21\x21\0\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01"
              "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x01\0\0")},
  };
  for (const Row& row : rows) {
    const std::string header = FormatProxyHeader(row.source, row.destination);
    EXPECT_EQ(absl::CHexEscape(header),
              absl::CHexEscape(Signature() + row.rest));
    EXPECT_EQ(ParseProxyHeader(header + "EHLO c"),
              (ProxyHeader{.kind = Kind::kAddresses,
                           .size = header.size(),
                           .source = row.source,
                           .destination = row.destination}));
  }
}

}  // namespace
}  // namespace postern::net
