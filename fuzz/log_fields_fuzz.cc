// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: for any text from clients, the (key, value) pairs that a regular
// expression finds in a logfmt line are the pairs that were written, in their
// order. One expression ends a value at the next space, as fail2ban's filters
// do. It finds the keys of the server, and the whole value of each Text(). The
// other expression knows quotes, and finds all values. In a line that is a
// sentence both find only the fields before the event.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "log/log_line.h"

namespace postern::log {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

Fields Find(const std::string& line, const std::string& value) {
  const std::regex field("([^ =]+)=(" + value + ")");
  Fields found;
  for (std::sregex_iterator i(line.begin(), line.end(), field), end; i != end;
       ++i) {
    found.emplace_back((*i)[1], (*i)[2]);
  }
  return found;
}

// The value of "e k=VALUE".
std::string Value(const std::string& line) { return line.substr(4); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const std::string helo = input.ConsumeRandomLengthString(300);
  const std::string command = input.ConsumeRandomLengthString(300);
  const std::string user = input.ConsumeRemainingBytesAsString();
  const Path from = {helo, command};
  const LogStyle style(LogFormat::kLogfmt, "postern", 77);
  constexpr size_t kMax = kMaxLoggedText;
  const Fields written = {
      {"pid", "77"},
      {"session", "abc"},
      {"helo", Value(LogLine("e").Text("k", helo, kMax).End())},
      {"from", Value(LogLine("e").Address("k", from).End())},
      {"command", Value(LogLine("e").Sentence("k", command, kMax).End())},
      {"user", Value(LogLine("e").Text("k", user, kMax).End())},
      {"in", "5"}};
  const std::string line = LogLine("event", style, {"abc"})
                               .Text("helo", helo, kMax)
                               .Address("from", from)
                               .Sentence("command", command, kMax)
                               .Text("user", user, kMax)
                               .Number("in", 5)
                               .End();
  EXPECT_EQ(Find(line, "\"[^\"]*\"|[^ ]*"), written) << line;
  const Fields naive = Find(line, "[^ ]*");
  EXPECT_EQ(naive.size(), written.size()) << line;
  for (size_t i = 0; i < naive.size() && i < written.size(); ++i) {
    const bool same = naive[i] == written[i];
    EXPECT_EQ(naive[i].first, written[i].first) << line;
    EXPECT_TRUE(same || written[i].first == "command") << line;
  }
  const Fields of_sentence = {{"pid", "77"}, {"session", "abc"}};
  const std::string sentence = SentenceLine("event", helo, style, {"abc"});
  EXPECT_EQ(Find(sentence, "[^ ]*"), of_sentence) << sentence;
  return 0;
}

}  // namespace postern::log
