// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: postern explain --log reads from a line of the log exactly what was
// written into it, in both formats, whatever a client sent and whatever a
// logger puts before the line. Any other text is read without a fault.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <map>
#include <string>

#include "gtest/gtest.h"
#include "log/log_line.h"
#include "programs/explain/log_facts.h"

namespace postern::programs {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const bool json = input.ConsumeBool();
  const std::string name = input.ConsumeRandomLengthString(100);
  const std::string user = input.ConsumeRandomLengthString(100);
  const std::string local_part = input.ConsumeRandomLengthString(100);
  const std::string rest = input.ConsumeRemainingBytesAsString();
  (void)ReadLogLine(rest);

  const log::LogStyle style(
      json ? log::LogFormat::kJson : log::LogFormat::kLogfmt, "postern", 77);
  const Path from = {local_part, "client.example"};
  const std::string line = log::LogLine("rcpt", style, {"abc", 1})
                               .Word("decision", "refuse")
                               .Sentence("source", "user " + user, 2000)
                               .Text("host", name, 2000)
                               .Text("helo", user + name, 2000)
                               .Text("user", user, 2000)
                               .Address("from", from)
                               .Address("as", from, 2000)
                               .End();
  const auto read = ReadLogLine("Nov 30 10:00:00 mx postern[77]: " + line);
  EXPECT_TRUE(read.ok()) << line << read.status();
  if (!read.ok()) return 0;
  const auto field = [&read](const char* key) {
    const auto found = read->find(key);
    return found == read->end() ? "absent" : found->second;
  };
  EXPECT_EQ(field("source"), "user " + user) << line;
  EXPECT_EQ(field("host"), name) << line;
  EXPECT_EQ(field("helo"), user + name) << line;
  EXPECT_EQ(field("user"), user) << line;
  EXPECT_EQ(field("as"), from.Address()) << line;
  EXPECT_EQ(field("from"), from.Address()) << line;
  EXPECT_EQ(field("decision"), "refuse") << line;
  return 0;
}

}  // namespace postern::programs
