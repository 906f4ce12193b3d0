// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/explain/log_facts.h"

#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::programs {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Pair;

TEST(LogFactsTest, ReadsBothFormats) {
  for (
      const char* line :
      {R"(mx postern[7]: postern: pid=7 session=ab id=ab-1 rcpt decision=refuse )"
       R"(source="user ann" ip=192.0.2.1 host="" from=<a\x20b@x> to=<u@y>)",
       R"(mx postern[7]: {"event":"rcpt","program":"postern","pid":7,)"
       R"("source":"user ann","ip":"192.0.2.1","host":"",)"
       R"("from":"a b@x","to":"u@y"})"}) {
    const auto read = ReadLogLine(line);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_THAT(*read, Contains(Pair("source", "user ann")));
    EXPECT_THAT(*read, Contains(Pair("ip", "192.0.2.1")));
    EXPECT_THAT(*read, Contains(Pair("host", "")));
    EXPECT_THAT(*read, Contains(Pair("from", "a b@x")));
    EXPECT_THAT(*read, Contains(Pair("to", "u@y")));
  }
}

TEST(LogFactsTest, CutAnswerIsLeftOut) {
  const auto read = ReadLogLine(
      R"(rcpt source="a\..." ip=192.0.2.1 as=<b\...> reply="553 c\...")");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(*read, testing::ElementsAre(Pair("ip", "192.0.2.1")));
}

TEST(LogFactsTest, RefusesWhatTheServerDidNotWrite) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "no key=value"},
      {"a sentence without fields", "no key=value"},
      {"rcpt ip=192.0.2.1 ip=192.0.2.2", "ip= occurs twice"},
      {"rcpt from=<aaaa\\...>", "cut"},
      {R"({"event":"rcpt","from":"aaaa\\..."})", "cut"},
      {R"({"event":"rcpt",)", "not one JSON object"},
  };
  for (const auto& [line, error] : cases) {
    const auto read = ReadLogLine(line);
    ASSERT_FALSE(read.ok()) << line;
    EXPECT_THAT(read.status().message(), HasSubstr(error));
  }
}

}  // namespace
}  // namespace postern::programs
