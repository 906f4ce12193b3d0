// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/greylisting/greylist_options.h"

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

TEST(GreylistOptionsTest, DefaultsAreThoseOfPostgrey) {
  const auto options = ParseGreylistOptions("/var/lib/postern/greylist");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->file, "/var/lib/postern/greylist");
  EXPECT_EQ(options->delay, absl::Minutes(5));
  EXPECT_EQ(options->window, absl::Hours(48));
  EXPECT_EQ(options->successes, 5);
  EXPECT_EQ(options->lifetime, absl::Hours(35 * 24));
  EXPECT_EQ(options->max_entries, 100000u);
  EXPECT_EQ(options->max_of_network(), 1000u);
  EXPECT_FALSE(options->ignore_outage);
}

TEST(GreylistOptionsTest, WordsChangeThem) {
  const auto options = ParseGreylistOptions(
      "/g,delay=60,window=3600,max-entries=250,ignore-outage");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->delay, absl::Minutes(1));
  EXPECT_EQ(options->window, absl::Hours(1));
  EXPECT_EQ(options->max_entries, 250u);
  EXPECT_EQ(options->max_of_network(), 2u);
  EXPECT_TRUE(options->ignore_outage);
}

TEST(GreylistOptionsTest, ErrorNamesWhatIsWrong) {
  const struct {
    absl::string_view text;
    absl::string_view error;
  } cases[] = {
      {"", "not the absolute path of a file: \"\""},
      {"greylist", "not the absolute path of a file: \"greylist\""},
      {"/g,",
       "unknown word \"\": delay=N, window=N, max-entries=N or "
       "ignore-outage"},
      {"/g,delays=1",
       "unknown word \"delays=1\": delay=N, window=N, "
       "max-entries=N or ignore-outage"},
      {"/g,delay=0", "delay is not a number from 1 to 86400: \"0\""},
      {"/g,delay=", "delay is not a number from 1 to 86400: \"\""},
      {"/g,delay=5m", "delay is not a number from 1 to 86400: \"5m\""},
      {"/g,window=2592001",
       "window is not a number from 1 to 2592000: \"2592001\""},
      {"/g,max-entries=99",
       "max-entries is not a number from 100 to 10000000: \"99\""},
      {"/g,delay=60,window=60", "the window is not longer than the delay"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ParseGreylistOptions(c.text).status().message(), c.error);
  }
}

}  // namespace
}  // namespace postern::policy
