// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: an address that parses is the text without its source route and
// quotes. It prints to a text that parses to it. It is printable ASCII, or
// UTF-8 where that is allowed. ASCII text parses alike with and without UTF-8.
// The domain follows the last '@', where other programs that read the envelope
// look for it. The C library accepts its IPv6 literal.

#include <arpa/inet.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/path.h"
#include "engine/grammar/utf8.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

// Returns the address in `text`, which is a path. Deletes characters instead of
// parsing.
std::string Unquote(absl::string_view text) {
  if (absl::ConsumePrefix(&text, "<")) text.remove_suffix(1);
  if (absl::StartsWith(text, "@")) text.remove_prefix(text.find(':') + 1);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') continue;
    if (text[i] == '\\') ++i;
    out += text[i];
  }
  return out;
}

void CheckPath(const Path& path, Utf8 utf8) {
  const std::string address = path.Address();
  for (unsigned char c : address) {
    EXPECT_TRUE((c >= ' ' && c <= '~') || (utf8 == Utf8::kYes && c >= 0x80));
  }
  EXPECT_TRUE(IsUtf8(path.local_part) && IsUtf8(path.domain));
  EXPECT_EQ(path.ascii(), IsAscii(address));
  EXPECT_LE(address.size(), kMaxPath);
  const size_t at = address.rfind('@');
  EXPECT_EQ(path.domain, at == std::string::npos ? "" : address.substr(at + 1));
  const std::string printed = FormatPath(path);
  const std::optional<ParsedPath> again = ParsePath(printed, utf8);
  ASSERT_TRUE(again) << printed;
  EXPECT_EQ(again->path, path) << printed;
  EXPECT_EQ(again->consumed, printed.size());
  if (address == "#@[]") return;  // qmail's double bounces
  absl::string_view literal = path.domain;
  if (!absl::ConsumePrefix(&literal, "[")) return;
  literal.remove_suffix(1);
  const std::optional<IpAddress> ip = IpAddress::ParseLiteral(literal);
  ASSERT_TRUE(ip) << std::string(literal);
  if (absl::StrContains(literal, '.')) return;  // C: no leading zeros
  in6_addr bytes;
  ASSERT_EQ(inet_pton(AF_INET6, std::string(literal.substr(5)).c_str(), &bytes),
            1);
  EXPECT_EQ(std::memcmp(&bytes, ip->bytes().data(), sizeof(bytes)), 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::string_view text(reinterpret_cast<const char*>(data), size);
  std::optional<ParsedPath> plain;
  for (Utf8 utf8 : {Utf8::kNo, Utf8::kYes}) {
    const std::optional<ParsedPath> parsed = ParsePath(text, utf8);
    if (utf8 == Utf8::kNo) plain = parsed;
    EXPECT_TRUE(!IsAscii(text) || parsed.has_value() == plain.has_value());
    if (!parsed) continue;
    CheckPath(parsed->path, utf8);
    EXPECT_EQ(parsed->path.Address(),
              Unquote(text.substr(0, parsed->consumed)));
  }
  return 0;
}

}  // namespace postern
