// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/names/dns_answer.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

std::string Number16(size_t n) {
  return {static_cast<char>(n >> 8), static_cast<char>(n)};
}

std::string Number32(size_t n) {
  return Number16(n >> 16) + Number16(n & 0xffff);
}

std::string Name(absl::string_view name) {
  std::string wire;
  for (absl::string_view label : absl::StrSplit(name, '.')) {
    absl::StrAppend(&wire, std::string(1, static_cast<char>(label.size())),
                    label);
  }
  return wire + std::string(1, '\0');
}

std::string Record(absl::string_view owner, uint16_t type,
                   const std::string& data, uint32_t ttl = 60,
                   uint16_t klass = 1) {
  return absl::StrCat(Name(owner), Number16(type), Number16(klass),
                      Number32(ttl), Number16(data.size()), data);
}

// An answer with `count` records to a question for `name`.
std::string Message(absl::string_view name, size_t count,
                    const std::string& records, size_t questions = 1) {
  return absl::StrCat("id", Number16(0x8180), Number16(questions),
                      Number16(count), Number32(0), Name(name),
                      Number32(0x10001), records);
}

// Parses a copy of exact size, so that ASan finds reads after its end.
std::optional<DnsAnswer> Parse(const std::string& in, DnsAnswer::Type type) {
  const auto copy = std::make_unique<char[]>(in.size());
  in.copy(copy.get(), in.size());
  return DnsAnswer::Parse(absl::string_view(copy.get(), in.size()), type);
}

const char kAddress[] = "\xc0\x01\x02\x03";

TEST(DnsAnswerTest, ReadsTheRecordsOfTheNameInTheQuestion) {
  const struct {
    std::string message;
    DnsAnswer::Type type;
    DnsAnswer want;
  } cases[] = {
      {Message("a.example", 0, ""), DnsAnswer::kA, {}},
      {Message("a.example", 1, Record("a.example", 1, kAddress, 7)),
       DnsAnswer::kA,
       {{kAddress}, 7}},
      {Message("a.example", 1, Record("A.Example", 1, kAddress, 7)),
       DnsAnswer::kA,
       {{kAddress}, 7}},
      {Message("a.example", 2,
               Record("a.example", 1, kAddress, 7) +
                   Record("a.example", 1, "four", 6)),
       DnsAnswer::kA,
       {{kAddress, "four"}, 6}},
      {Message("a.example", 1, Record("a.example", 28, "sixteen octets..")),
       DnsAnswer::kAaaa,
       {{"sixteen octets.."}, 60}},
      {Message("1.in-addr.arpa", 1,
               Record("1.in-addr.arpa", 12, Name("Mx.Example"))),
       DnsAnswer::kPtr,
       {{"Mx.Example"}, 60}},
      // A preference above 32767, and a null MX (RFC 7505).
      {Message("a.example", 2,
               Record("a.example", 15, "\xff\xfe" + Name("Mx.Example"), 7) +
                   Record("a.example", 15, std::string("\0\0\0", 3), 9)),
       DnsAnswer::kMx,
       {{"65534 Mx.Example", "0 ."}, 7}},
      // Two character-strings, an empty one, and octets of any value.
      {Message("a.example", 3,
               Record("a.example", 16, "\3one\4 two") +
                   Record("a.example", 16, std::string("\0", 1)) +
                   Record("a.example", 16, std::string("\2\0\xff", 3))),
       DnsAnswer::kTxt,
       {{"one two", "", std::string("\0\xff", 2)}, 60}},
      // Octets in a label that have a meaning in the text of names.
      {Message(
           "1.in-addr.arpa", 1,
           Record("1.in-addr.arpa", 12, std::string("\5a.b\0\n\2c\\\0", 10))),
       DnsAnswer::kPtr,
       {{"a\\.b\\000\\010.c\\\\"}, 60}},
      // Through an alias, in any order. The shortest time to live counts.
      {Message("a.example", 2,
               Record("b.example", 1, kAddress, 7) +
                   Record("a.example", 5, Name("b.example"), 3)),
       DnsAnswer::kA,
       {{kAddress}, 3}},
      {Message("a.example", 1, Record("a.example", 5, Name("b.example"))),
       DnsAnswer::kA,
       {}},
      {Message("a.example", 1, Record("a.example", 5, Name("a.example"))),
       DnsAnswer::kA,
       {}},
      // Records of other names, types and classes.
      {Message("a.example", 3,
               Record("b.example", 1, kAddress) +
                   Record("a.example", 16, kAddress) +
                   Record("a.example", 1, kAddress, 60, 3)),
       DnsAnswer::kA,
       {}},
      {Message("a.example", 1, Record("a.example", 1, kAddress, 0x80000000)),
       DnsAnswer::kA,
       {{kAddress}, 0}},
      // More records than the count in the header.
      {Message("a.example", 0, Record("a.example", 1, kAddress)),
       DnsAnswer::kA,
       {}},
  };
  for (const auto& c : cases) {
    const auto answer = Parse(c.message, c.type);
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->records, c.want.records);
    EXPECT_EQ(answer->ttl, c.want.ttl);
  }
}

TEST(DnsAnswerTest, FollowsEightAliases) {
  for (const size_t aliases : {8, 9}) {
    std::string records;
    for (size_t i = 0; i < aliases; ++i) {
      records += Record(absl::StrCat(i), 5, Name(absl::StrCat(i + 1)));
    }
    records += Record(absl::StrCat(aliases), 1, kAddress);
    const auto answer =
        Parse(Message("0", aliases + 1, records), DnsAnswer::kA);
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->records.size(), aliases == 8 ? 1 : 0);
  }
}

TEST(DnsAnswerTest, InvalidMessageIsNoAnswer) {
  const std::string sound =
      Message("a.example", 1, Record("a.example", 1, kAddress));
  ASSERT_TRUE(Parse(sound, DnsAnswer::kA).has_value());
  for (size_t size = 0; size < sound.size(); ++size) {
    EXPECT_FALSE(Parse(sound.substr(0, size), DnsAnswer::kA).has_value())
        << size;
  }
  const std::string cases[] = {
      Message("a.example", 1, Record("a.example", 1, "three"), 0),
      Message("a.example", 1, Record("a.example", 1, kAddress), 2),
      Message("a.example", 1, Record("a.example", 1, "abc")),
      Message("a.example", 1, Record("a.example", 1, "abcde")),
      Message("a.example", 1, Record("a.example", 5, "\3a.")),
      Message("a.example", 1, Record("a.example", 5, Name("b") + "x")),
      Message("a.example", 2, Record("a.example", 1, kAddress)),
      Message("a.example", 1, "\xc0\xff no record"),
  };
  for (const std::string& c : cases) {
    EXPECT_FALSE(Parse(c, DnsAnswer::kA).has_value()) << c;
  }
  for (const std::string& data :
       {std::string(), std::string("\0", 1), std::string("\0\1", 2),
        "\1\2" + Name("mx.example") + "x", std::string("\1\2\3mx")}) {
    const std::string record = Record("a.example", 15, data);
    EXPECT_FALSE(
        Parse(Message("a.example", 1, record), DnsAnswer::kMx).has_value())
        << data;
  }
  for (const std::string& data : {std::string(), std::string("\1"),
                                  std::string("\3ab"), std::string("\2ab\1")}) {
    // The octets after the record do not complete its string.
    const std::string records =
        Record("a.example", 16, data) + Record("b.example", 16, "\5other");
    EXPECT_FALSE(
        Parse(Message("a.example", 2, records), DnsAnswer::kTxt).has_value())
        << data;
  }
}

}  // namespace
}  // namespace postern::policy
