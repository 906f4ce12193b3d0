// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/proxy_header.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "absl/base/macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/grammar/ip_address.h"
#include "net/crc32c.h"

namespace postern::net {
namespace {

constexpr absl::string_view kSignature1("PROXY ");
constexpr absl::string_view kSignature2("\r\n\r\n\0\r\nQUIT\n", 12);

constexpr size_t kMinSize1 = 15;   // PROXY UNKNOWN CRLF
constexpr size_t kMaxSize1 = 107;  // the protocol's limit
constexpr size_t kPrefix2 = 16;    // the fixed part of version 2

constexpr char kProxy = 0x21;  // the version, and the command PROXY
constexpr char kTcp4 = 0x11;
constexpr char kTcp6 = 0x21;

constexpr size_t kIpv4Size = 4;
constexpr size_t kIpv6Size = 16;
constexpr size_t kUnixSize = 108;
constexpr size_t kPortSize = 2;
constexpr size_t kChecksumSize = 4;

ProxyHeader NeedInput(size_t size) {
  return {.kind = ProxyHeader::Kind::kNeedInput, .size = size};
}

ProxyHeader Local(size_t size) {
  return {.kind = ProxyHeader::Kind::kLocal, .size = size};
}

ProxyHeader Error(absl::string_view why) {
  return {.kind = ProxyHeader::Kind::kError, .error = why};
}

// Returns the address of 4 or 16 octets.
IpAddress ReadAddress(absl::string_view octets) {
  if (octets.size() == kIpv4Size) {
    std::array<uint8_t, kIpv4Size> v4;
    std::copy(octets.begin(), octets.end(), v4.begin());
    return IpAddress::V4(v4);
  }
  IpAddress::Bytes bytes;
  std::copy(octets.begin(), octets.end(), bytes.begin());
  return IpAddress(bytes);
}

std::optional<uint16_t> ParsePort(absl::string_view text) {
  if (text.empty() || text.size() > 5) return std::nullopt;
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  uint32_t port = 0;
  for (char c : text) {
    if (!absl::ascii_isdigit(c)) return std::nullopt;
    port = 10 * port + static_cast<uint32_t>(c - '0');
  }
  if (port > 0xffff) return std::nullopt;
  return static_cast<uint16_t>(port);
}

// `line` excludes the signature and CRLF; `size` includes both.
ProxyHeader ParseLine(absl::string_view line, size_t size) {
  if (line == "UNKNOWN" || absl::StartsWith(line, "UNKNOWN ")) {
    return Local(size);
  }
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  const bool v6 = words[0] == "TCP6";
  if (!v6 && words[0] != "TCP4") return Error("unknown protocol");
  if (words.size() != 5) return Error("not two addresses and two ports");
  const auto source = IpAddress::Parse(words[1]);
  const auto destination = IpAddress::Parse(words[2]);
  if (!source || !destination || absl::StrContains(words[1], ':') != v6 ||
      absl::StrContains(words[2], ':') != v6) {
    return Error("invalid address for TCP4 or TCP6");
  }
  const auto source_port = ParsePort(words[3]);
  const auto destination_port = ParsePort(words[4]);
  if (!source_port || !destination_port) return Error("invalid port");
  return {.kind = ProxyHeader::Kind::kAddresses,
          .size = size,
          .source = {*source, *source_port},
          .destination = {*destination, *destination_port}};
}

// `in` begins with the available part of the signature.
ProxyHeader ParseVersion1(absl::string_view in) {
  const absl::string_view seen = in.substr(0, kMaxSize1);
  bool cr = false;
  for (size_t i = kSignature1.size(); i < seen.size(); ++i) {
    const char c = seen[i];
    if (cr && c != '\n') return Error("a CR without an LF");
    if (cr) {
      constexpr size_t kBegin = kSignature1.size();
      return ParseLine(seen.substr(kBegin, i - 1 - kBegin), i + 1);
    }
    cr = c == '\r';
    if (!cr && !absl::ascii_isprint(c)) return Error("not printable");
  }
  if (seen.size() == kMaxSize1) return Error("longer than 107 octets");
  return NeedInput(
      std::clamp(seen.size() + (cr ? 1 : 2), kMinSize1, kMaxSize1));
}

size_t Number16(absl::string_view in, size_t at) {
  return static_cast<size_t>(static_cast<unsigned char>(in[at])) << 8 |
         static_cast<unsigned char>(in[at + 1]);
}

// Returns whether the four octets at `at` are the checksum of `header`, which
// is computed with zeros in their place.
bool ChecksumFits(absl::string_view header, size_t at) {
  uint32_t crc = Crc32c(header.substr(0, at));
  crc = Crc32c(absl::string_view("\0\0\0\0", kChecksumSize), crc);
  crc = Crc32c(header.substr(at + kChecksumSize), crc);
  return crc == (Number16(header, at) << 16 | Number16(header, at + 2));
}

// Returns what is wrong with the vectors from `at` to the end of `header`, or
// an empty text. Linear, because at most one checksum is computed.
absl::string_view CheckVectors(absl::string_view header, size_t at) {
  constexpr size_t kVectorPrefix = 3;
  constexpr char kChecksum = 0x03;
  bool checked = false;
  while (at < header.size()) {
    if (header.size() - at < kVectorPrefix) return "an incomplete vector";
    const char type = header[at];
    const size_t length = Number16(header, at + 1);
    at += kVectorPrefix;
    if (header.size() - at < length) return "an incomplete vector";
    if (type == kChecksum) {
      if (checked) return "two checksums";
      if (length != kChecksumSize) return "a checksum that is not 4 octets";
      if (!ChecksumFits(header, at)) return "the checksum is wrong";
      checked = true;
    }
    at += length;
  }
  return "";
}

// `header` is a complete header, with two addresses of `size` octets before two
// ports.
ProxyHeader ParseAddresses(absl::string_view header, size_t size) {
  const size_t ports = kPrefix2 + 2 * size;
  return {.kind = ProxyHeader::Kind::kAddresses,
          .size = header.size(),
          .source = {ReadAddress(header.substr(kPrefix2, size)),
                     static_cast<uint16_t>(Number16(header, ports))},
          .destination = {
              ReadAddress(header.substr(kPrefix2 + size, size)),
              static_cast<uint16_t>(Number16(header, ports + kPortSize))}};
}

// `in` begins with the available part of the signature. Returns an error as
// soon as an octet shows it.
ProxyHeader ParseVersion2(absl::string_view in) {
  constexpr size_t kCommandAt = 12;
  constexpr size_t kFamilyAt = 13;
  constexpr size_t kLengthAt = 14;
  constexpr char kLocal = 0x20;
  constexpr char kUnspec = 0x00;
  constexpr char kUnixStream = 0x31;

  if (in.size() <= kCommandAt) return NeedInput(kPrefix2);
  const char command = in[kCommandAt];
  if ((command & 0xf0) != 0x20) return Error("not version 2");
  if (command != kLocal && command != kProxy) return Error("unknown command");

  if (in.size() <= kFamilyAt) return NeedInput(kPrefix2);
  const char family = in[kFamilyAt];
  size_t addresses = 0;
  if (command == kProxy) {
    switch (family) {
      case kUnspec:
        break;
      case kTcp4:
        addresses = 2 * (kIpv4Size + kPortSize);
        break;
      case kTcp6:
        addresses = 2 * (kIpv6Size + kPortSize);
        break;
      case kUnixStream:
        addresses = 2 * kUnixSize;
        break;
      default:
        return Error("neither TCP nor a UNIX stream");
    }
  }

  if (in.size() < kPrefix2) return NeedInput(kPrefix2);
  const size_t length = Number16(in, kLengthAt);
  const size_t size = kPrefix2 + length;
  if (size > kMaxProxyHeader) return Error("longer than 4096 octets");
  if (length < addresses) return Error("too short for its addresses");
  if (in.size() < size) return NeedInput(size);
  if (addresses == 0) return Local(size);

  const absl::string_view header = in.substr(0, size);
  const absl::string_view wrong = CheckVectors(header, kPrefix2 + addresses);
  if (!wrong.empty()) return Error(wrong);
  if (family == kUnixStream) return Local(size);
  return ParseAddresses(header, family == kTcp4 ? kIpv4Size : kIpv6Size);
}

std::string Bytes16(size_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number)};
}

// Returns the octets of an address. With `v4` they are four.
std::string WriteAddress(const IpAddress& address, bool v4) {
  const IpAddress::Bytes& bytes = address.bytes();
  return {bytes.end() - (v4 ? kIpv4Size : kIpv6Size), bytes.end()};
}

bool Begins(absl::string_view in, absl::string_view signature) {
  const size_t size = std::min(in.size(), signature.size());
  return in.substr(0, size) == signature.substr(0, size);
}

}  // namespace

ProxyHeader ParseProxyHeader(absl::string_view in) {
  if (in.empty()) return NeedInput(kMinSize1);
  if (Begins(in, kSignature1)) return ParseVersion1(in);
  if (Begins(in, kSignature2)) return ParseVersion2(in);
  return Error("no signature");
}

std::string FormatProxyHeader(const ProxyHeader::Endpoint& source,
                              const ProxyHeader::Endpoint& destination) {
  ABSL_HARDENING_ASSERT(source.address && destination.address);
  const bool v4 = source.address->v4() && destination.address->v4();
  const std::string addresses = absl::StrCat(
      WriteAddress(*source.address, v4), WriteAddress(*destination.address, v4),
      Bytes16(source.port), Bytes16(destination.port));
  return absl::StrCat(kSignature2, std::string(1, kProxy),
                      std::string(1, v4 ? kTcp4 : kTcp6),
                      Bytes16(addresses.size()), addresses);
}

}  // namespace postern::net
