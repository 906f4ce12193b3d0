// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/config_text.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::service {
namespace {

using ::testing::HasSubstr;

constexpr OptionRow kRows[] = {
    {"config", "FILE", "more", OptionRow::From::kCommandLine},
    {"max-errors", "N [20]", "a number\nof errors"},
    {"open-relay", "", "a flag"},
    {"listen", "ADDRESS", "where", OptionRow::From::kAnywhere, true, true},
    {"deliver", "SPEC [queue]", "what", OptionRow::From::kAnywhere, true, true},
    {"lenient", "NETWORK", "who", OptionRow::From::kAnywhere, true},
};

class ConfigTextTest : public testing::Test {
 protected:
  Options Read(std::vector<std::string> arguments) {
    kept_.push_back(std::move(arguments));
    std::vector<const char*> argv;
    for (const std::string& each : kept_.back()) argv.push_back(each.c_str());
    Options options(kRows);
    options.Read(argv, [](const char*) { return nullptr; });
    EXPECT_TRUE(options.status().ok()) << options.status();
    return options;
  }
  // Reads a file with this text.
  Options ReadFile(const std::string& text) {
    directory_.Write("config", text);
    return Read({"--config", directory_.File("config")});
  }

  files::TestDirectory directory_;
  std::vector<std::vector<std::string>> kept_;
};

TEST_F(ConfigTextTest, EveryFormBecomesTheSameFile) {
  const std::string wanted =
      "max-errors = 7\nopen-relay = yes\ndeliver = maildir:/a=b\n"
      "lenient = 192.0.2.0/24\nlenient = all\n"
      "\n[listen 127.0.0.1:25]\n"
      "\n[listen [::1]:25]\ntls = yes\ncert = /a\nkey = /b\n"
      "\n[deliver out]\nto = smtp:a,tls=verify\n";
  const auto without_places = [](const std::string& text) {
    std::string rest;
    for (size_t at = 0; at < text.size();) {
      const size_t end = text.find('\n', at);
      if (text[at] != '#') rest += text.substr(at, end + 1 - at);
      at = end + 1;
    }
    return rest;
  };
  const auto line = FormatConfig(
      Read({"--max-errors=7", "--open-relay=yes", "--listen=127.0.0.1:25",
            "--listen=[::1]:25,tls,cert=/a,key=/b", "--deliver=maildir:/a=b",
            "--deliver=out=smtp:a,tls=verify", "--lenient=192.0.2.0/24",
            "--lenient=all"}),
      ConfigText::kGiven);
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(without_places(*line), wanted);
  for (const ConfigText kind : {ConfigText::kGiven, ConfigText::kAll}) {
    const auto again = FormatConfig(ReadFile(*line), kind);
    ASSERT_TRUE(again.ok()) << again.status();
    const auto third = FormatConfig(ReadFile(*again), ConfigText::kGiven);
    ASSERT_TRUE(third.ok()) << third.status();
    EXPECT_EQ(without_places(*third), wanted);
  }
}

TEST_F(ConfigTextTest, DefaultsAndDescriptionsAreComments) {
  const auto text = FormatConfig(Read({}), ConfigText::kAll);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text,
            "# a number\n# of errors\n#max-errors = 20\n\n"
            "# a flag\n#open-relay = no\n\n# where\n#listen =\n\n"
            "# what\n#deliver = queue\n\n# who\n#lenient =\n");
}

TEST_F(ConfigTextTest, EachValueHasItsPlace) {
  const Options options = ReadFile("\nmax-errors=7\n[listen *:25]\ntls=yes\n");
  const std::string file = directory_.File("config");
  EXPECT_EQ(FormatConfig(options, ConfigText::kGiven).value(),
            "# From " + file + ":2\nmax-errors = 7\n\n# From " + file +
                ":3\n[listen *:25]\ntls = yes\n");
}

TEST_F(ConfigTextTest, WhatAFileCannotContainIsAnError) {
  for (const char* value : {" a", "a ", "a\nb = c", "a\x7f"}) {
    const auto text = FormatConfig(Read({std::string("--lenient=") + value}),
                                   ConfigText::kGiven);
    EXPECT_TRUE(absl::IsInvalidArgument(text.status()));
    EXPECT_THAT(std::string(text.status().message()),
                HasSubstr("--lenient: the value cannot be in a file"));
  }
}

}  // namespace
}  // namespace postern::service
