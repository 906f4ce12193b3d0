// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "log/log_line.h"

#include <array>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::log {
namespace {

using Json = nlohmann::json;

const LogStyle& JsonStyle() {
  static const LogStyle& style = *new LogStyle(LogFormat::kJson, "postern", 77);
  return style;
}

// A line with a field of each kind.
std::string Everything(const LogStyle& style) {
  constexpr std::array<absl::string_view, 2> kNotes = {"early-talk", "late"};
  return LogLine("session", style)
      .Word("end", "quit")
      .Text("helo", "mx \"x\"", kMaxLoggedName)
      .Address("from", {"s", "x.example"})
      .Answer("reply", {250, {2, 0, 0}, "ok"})
      .Number("in", 12345)
      .Fraction("mail", 2, 2)
      .Fraction("rcpt", 2, 3)
      .Seconds("seconds", absl::Milliseconds(1120))
      .Words("notes", kNotes)
      .End();
}

TEST(LogLineTest, WritesLogfmt) {
  EXPECT_EQ(Everything(LogStyle(LogFormat::kLogfmt, "postern", 77)),
            "postern: pid=77 session end=quit helo=mx\\x20\\x22x\\x22 "
            "from=<s@x.example> reply=\"250 2.0.0 ok\" in=12345 mail=2 "
            "rcpt=2/3 seconds=1.120 notes=early-talk,late");
  EXPECT_EQ(Everything(LogStyle()).substr(0, 17), "session end=quit ");
}

TEST(LogLineTest, WritesJson) {
  EXPECT_EQ(Everything(JsonStyle()),
            "{\"event\":\"session\",\"program\":\"postern\",\"pid\":77,"
            "\"end\":\"quit\",\"helo\":\"mx \\\"x\\\"\","
            "\"from\":\"s@x.example\",\"reply\":\"250 2.0.0 ok\","
            "\"in\":12345,\"mail\":2,\"rcpt\":2,\"rcpt-asked\":3,"
            "\"seconds\":1.120,\"notes\":[\"early-talk\",\"late\"]}");
}

TEST(LogLineTest, AJsonParserReadsALineAsAnObject) {
  const Json line = Json::parse(Everything(JsonStyle()));
  EXPECT_EQ(line["event"], "session");
  EXPECT_EQ(line["pid"], 77);
  EXPECT_EQ(line["helo"], "mx \"x\"");
  EXPECT_TRUE(line["in"].is_number_unsigned());
  EXPECT_TRUE(line["seconds"].is_number_float());
  EXPECT_EQ(line["notes"].size(), 2u);
}

TEST(LogLineTest, TheProgramNameIsEscaped) {
  const std::string text =
      LogLine("x", LogStyle(LogFormat::kJson, "a\"b\n", 1)).End();
  EXPECT_EQ(Json::parse(text)["program"], "a\"b\n");
  EXPECT_EQ(LogLine("x", LogStyle(LogFormat::kLogfmt, "a\"b\n", 1)).End(),
            "a\\x22b\\x0a: pid=1 x");
}

TEST(LogLineTest, TextsAreEscaped) {
  const struct {
    std::string text;
    absl::string_view logfmt;
    absl::string_view json;  // as written between the quotes
    std::string read;        // as a JSON parser reads it
  } cases[] = {
      {"", "\"\"", "", ""},
      {"a", "a", "a", "a"},
      {"a b", "a\\x20b", "a b", "a b"},
      {" k=v", "\\x20k\\x3dv", " k=v", " k=v"},
      {"\"", "\\x22", "\\\"", "\""},
      {"\\", "\\x5c", "\\\\x5c", "\\x5c"},
      {"<>", "\\x3c\\x3e", "<>", "<>"},
      {"\r\n\t\x1b\x7f", "\\x0d\\x0a\\x09\\x1b\\x7f",
       "\\u000d\\u000a\\u0009\\u001b\\u007f", "\r\n\t\x1b\x7f"},
      {std::string("\0", 1), "\\x00", "\\u0000", std::string("\0", 1)},
      {"\xc3\xbc", "\\xc3\\xbc", "\\u00fc", "\xc3\xbc"},
      {"\xe2\x82\xac", "\\xe2\\x82\\xac", "\\u20ac", "\xe2\x82\xac"},
      {"\xf0\x9f\x93\xac", "\\xf0\\x9f\\x93\\xac", "\\ud83d\\udcec",
       "\xf0\x9f\x93\xac"},
      {"\xf4\x8f\xbf\xbf", "\\xf4\\x8f\\xbf\\xbf", "\\udbff\\udfff",
       "\xf4\x8f\xbf\xbf"},
      // Not UTF-8: a continuation byte alone, an incomplete character, an
      // overlong form, a surrogate, a code point that is too large.
      {"\x80", "\\x80", "\\\\x80", "\\x80"},
      {"\xff", "\\xff", "\\\\xff", "\\xff"},
      {"\xc3", "\\xc3", "\\\\xc3", "\\xc3"},
      {"\xc3(", "\\xc3(", "\\\\xc3(", "\\xc3("},
      {"\xe2\x82z", "\\xe2\\x82z", "\\\\xe2\\\\x82z", "\\xe2\\x82z"},
      {"\xc0\x80", "\\xc0\\x80", "\\\\xc0\\\\x80", "\\xc0\\x80"},
      {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\\\xed\\\\xa0\\\\x80",
       "\\xed\\xa0\\x80"},
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80",
       "\\\\xf4\\\\x90\\\\x80\\\\x80", "\\xf4\\x90\\x80\\x80"},
      // Text that looks like an escape is escaped itself.
      {"\\xff", "\\x5cxff", "\\\\x5cxff", "\\x5cxff"},
      {"\\u0000", "\\x5cu0000", "\\\\x5cu0000", "\\x5cu0000"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(LogLine("e").Text("k", c.text, 99).End(),
              absl::StrCat("e k=", c.logfmt));
    const std::string json =
        LogLine("e", JsonStyle()).Text("k", c.text, 99).End();
    EXPECT_EQ(json,
              absl::StrCat(LogLine("e", JsonStyle()).Word("k", c.json).End()));
    EXPECT_EQ(Json::parse(json)["k"], c.read) << json;
  }
}

TEST(LogLineTest, AValueIsCutBetweenCharacters) {
  const struct {
    std::string text;
    size_t limit;
    absl::string_view logfmt;
    absl::string_view json;
  } cases[] = {
      {"123456", 6, "123456", "123456"},
      {"1234567", 6, "12\\...", "1\\\\..."},
      {"12\n", 6, "12\\x0a", "1\\\\..."},
      {"12\n", 8, "12\\x0a", "12\\u000a"},
      {"12\n\n", 8, "12\\...", "12\\\\..."},
      {"\xc3\xbc\xc3\xbc", 11, "\\xc3\\...", "\\u00fc\\\\..."},
      {"\xf0\x9f\x93\xac!", 12, "\\xf0\\x9f\\...", "\\\\..."},
      {"1 3456789", 8, "1\\...", "1 3\\\\..."},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(LogLine("e").Text("k", c.text, c.limit).End(),
              absl::StrCat("e k=", c.logfmt));
    const std::string json =
        LogLine("e", JsonStyle()).Text("k", c.text, c.limit).End();
    EXPECT_EQ(json, LogLine("e", JsonStyle()).Word("k", c.json).End());
    EXPECT_TRUE(Json::accept(json)) << json;
  }
}

TEST(LogLineTest, SentencesKeepTheirSpaces) {
  const struct {
    absl::string_view text;
    size_t limit;
    absl::string_view logfmt;
  } cases[] = {
      {"", 99, "\"\""},
      {"/c/rcpthosts:3", 99, "/c/rcpthosts:3"},
      {"RCPT TO:<u@d> X=1", 99, "\"RCPT TO:<u@d> X\\x3d1\""},
      {"a \"b\" \\ c\n", 99, "\"a \\x22b\\x22 \\x5c c\\x0a\""},
      // A value whose spaces were cut off needs no quotes.
      {"1234567 9", 8, "1234\\..."},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(LogLine("e").Sentence("k", c.text, c.limit).End(),
              absl::StrCat("e k=", c.logfmt));
  }
  EXPECT_EQ(LogLine("e", JsonStyle()).Sentence("k", "a b", 99).End(),
            LogLine("e", JsonStyle()).Text("k", "a b", 99).End());
}

TEST(LogLineTest, ALineNamesItsSessionAndMessage) {
  const LogStyle logfmt(LogFormat::kLogfmt, "postern", 77);
  EXPECT_EQ(LogLine("e", logfmt, {"abc", 0}).End(),
            "postern: pid=77 session=abc e");
  EXPECT_EQ(LogLine("e", logfmt, {"abc", 12}).End(),
            "postern: pid=77 session=abc id=abc-12 e");
  EXPECT_EQ(MessageId({"abc", 12}), "abc-12");
  EXPECT_EQ(LogLine("e", JsonStyle(), {"abc", 12}).End(),
            "{\"event\":\"e\",\"program\":\"postern\",\"pid\":77,"
            "\"session\":\"abc\",\"id\":\"abc-12\"}");
}

TEST(LogLineTest, EndpointsAreAddressesWithPorts) {
  EXPECT_EQ(LogLine("e")
                .Endpoint("a", IpAddress::Parse("192.0.2.1"), 25)
                .Endpoint("b", IpAddress::Parse("2001:db8::1"), 0)
                .Endpoint("c", std::nullopt, 25)
                .End(),
            "e a=192.0.2.1:25 b=[2001:db8::1]:0");
  EXPECT_EQ(Json::parse(LogLine("e", JsonStyle())
                            .Endpoint("a", IpAddress::Parse("2001:db8::1"), 25)
                            .End())["a"],
            "[2001:db8::1]:25");
}

TEST(LogLineTest, ASentenceLineHasNoFields) {
  const LogStyle logfmt(LogFormat::kLogfmt, "postern", 77);
  EXPECT_EQ(SentenceLine("warning", "a key=value and =x", logfmt),
            "postern: pid=77 warning: a key\\x3dvalue and =x");
  EXPECT_EQ(SentenceLine("", "=x\n\xff", logfmt, {"abc", 0}),
            "postern: pid=77 session=abc =x??");
  EXPECT_EQ(Json::parse(SentenceLine("", "k=v\n", JsonStyle(), {"abc", 1})),
            Json::parse("{\"event\":\"notice\",\"program\":\"postern\","
                        "\"pid\":77,\"session\":\"abc\",\"id\":\"abc-1\","
                        "\"text\":\"k=v\\n\"}"));
}

TEST(LogLineTest, AddressesHaveOneReading) {
  const Path path = {"a> to=<b c", "d\xc3\xbc"};
  EXPECT_EQ(LogLine("e").Address("to", path).End(),
            "e to=<a\\x3e\\x20to\\x3d\\x3cb\\x20c@d\\xc3\\xbc>");
  const Json line =
      Json::parse(LogLine("e", JsonStyle()).Address("to", path).End());
  EXPECT_EQ(line["to"], "a> to=<b c@d\xc3\xbc");
  EXPECT_EQ(LogLine("e").Address("to", Path()).End(), "e to=<>");
  EXPECT_EQ(
      Json::parse(LogLine("e", JsonStyle()).Address("to", Path()).End())["to"],
      "");
}

TEST(LogLineTest, AReplyIsOneLine) {
  EXPECT_EQ(LogLine("e").Answer("reply", {553, {}, "no"}).End(),
            "e reply=\"553 no\"");
  EXPECT_EQ(LogLine("e").Answer("reply", {421, {4, 3, 0}, "a\nb"}).End(),
            "e reply=\"421 4.3.0 a\\x0ab\"");
}

// Undoes the escapes that a value has in addition to those of JSON.
std::string Unescape(absl::string_view value) {
  std::string out;
  while (!value.empty()) {
    size_t size = 1;
    char c = value[0];
    if (c == '\\') {
      EXPECT_EQ(value[1], 'x');
      c = static_cast<char>(
          std::stoi(std::string(value.substr(2, 2)), nullptr, 16));
      size = 4;
    }
    out += c;
    value.remove_prefix(size);
  }
  return out;
}

TEST(LogLineTest, AnyBytesCanBeReadBack) {
  const std::vector<std::string> pieces = {"a",
                                           "\\",
                                           "\"",
                                           "\\x5c",
                                           "\n",
                                           "\xc3\xbc",
                                           "\xc3",
                                           "\x80",
                                           "\xe2\x82",
                                           "\xf0\x9f\x93\xac",
                                           "\",\"pid\":1",
                                           "}",
                                           std::string("\0", 1),
                                           " "};
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (size_t i = random() % 8; i > 0; --i) {
      text += random() % 4 == 0 ? std::string(1, static_cast<char>(random()))
                                : pieces[random() % pieces.size()];
    }
    const std::string json =
        LogLine("e", JsonStyle()).Text("k", text, kNoLogLimit).End();
    for (char c : json) ASSERT_TRUE(c >= 0x20 && c <= 0x7e) << json;
    const Json line = Json::parse(json, nullptr, /*allow_exceptions=*/false);
    ASSERT_TRUE(line.is_object()) << json;
    ASSERT_EQ(line.size(), 4u) << json;
    ASSERT_EQ(Unescape(line["k"].get<std::string>()), text) << json;
  }
}

}  // namespace
}  // namespace postern::log
