// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/date_time.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(DateTimeTest, ParsesRfc3339AndFormatsUtc) {
  struct Case {
    absl::string_view text;
    absl::string_view utc;
  };
  const Case cases[] = {
      {"2026-03-01T12:34:56Z", "2026-03-01T12:34:56Z"},
      {"2026-03-01t12:34:56z", "2026-03-01T12:34:56Z"},
      {"2014-04-03T23:01:00-08:00", "2014-04-04T07:01:00Z"},
      {"1996-12-20T00:39:57.5+05:30", "1996-12-19T19:09:57.5Z"},
      {"2026-03-01T00:00:00-00:00", "2026-03-01T00:00:00Z"},
      {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
      {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"},
      {"2026-03-01T00:00:00.000Z", "2026-03-01T00:00:00Z"},
      {"2026-03-01T00:00:00.123456789Z", "2026-03-01T00:00:00.123456789Z"},
      {"2026-03-01T00:00:00.1234567899Z", "2026-03-01T00:00:00.123456789Z"},
      {"1990-12-31T23:59:60Z", "1991-01-01T00:00:00Z"},  // a leap second
      {"1990-12-31T15:59:60.25-08:00", "1991-01-01T00:00:00.25Z"},
      {"0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"},
      {"9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.text));
    const std::optional<absl::Time> time = ParseDateTime(c.text);
    ASSERT_TRUE(time.has_value());
    EXPECT_EQ(FormatDateTime(*time), c.utc);
    EXPECT_EQ(ParseDateTime(c.utc), time);
  }
}

TEST(DateTimeTest, ParsesTheInstant) {
  EXPECT_EQ(ParseDateTime("1970-01-01T01:00:01.5+01:00"),
            absl::UnixEpoch() + absl::Milliseconds(1500));
  // The largest offsets of RFC 3339 5.6.
  EXPECT_EQ(ParseDateTime("1970-01-02T00:00:00+23:59"),
            absl::UnixEpoch() + absl::Minutes(1));
  EXPECT_EQ(ParseDateTime("1970-01-01T00:00:00-23:59"),
            absl::UnixEpoch() + absl::Hours(24) - absl::Minutes(1));
}

TEST(DateTimeTest, RefusesOtherText) {
  const absl::string_view cases[] = {
      "",
      "2026-03-01",
      "2026-03-01T12:34:56",  // no time zone
      "2026-03-01T12:34Z",    // no seconds
      "2026-03-01 12:34:56Z",
      "2026-03-01T12:34:56Zx",
      "2026-03-01T12:34:56.Z",
      "2026-03-01T12:34:56,5Z",
      "2026-03-01T12:34:56+01",
      "2026-03-01T12:34:56+0100",
      "2026-03-01T12:34:56+24:00",
      "2026-03-01T12:34:56+01:60",
      "2026-03-01T12:34:56-00:60",
      "2026-03-01T12:34:56+00:99",
      "2026-03-01T12:34:56*01:00",
      "2026-3-01T12:34:56Z",
      "26-03-01T12:34:56Z",
      "+026-03-01T12:34:56Z",
      "02026-03-01T12:34:56Z",
      "2026-00-01T12:34:56Z",
      "2026-13-01T12:34:56Z",
      "2026-03-00T12:34:56Z",
      "2026-04-31T12:34:56Z",
      "2026-02-29T12:34:56Z",  // not a leap year
      "1900-02-29T12:34:56Z",
      "2026-03-01T24:00:00Z",
      "2026-03-01T12:60:00Z",
      "2026-03-01T12:34:61Z",
      "2026-03-01T23:59:61Z",
      "2026-03-01T12:34:60Z",  // not the time of a leap second
      "2026-03-01T23:59:60+01:00",
      "0000-01-01T00:00:00+00:01",  // the year -1 in UTC
      "9999-12-31T23:59:59-00:01",  // the year 10000
      "9999-12-31T23:59:60Z",
      "2026-03-01T12:34:5\xc3\xa4Z",
  };
  for (absl::string_view text : cases) {
    EXPECT_EQ(ParseDateTime(text), std::nullopt) << std::string(text);
  }
}

TEST(DateTimeTest, FormatsMailDates) {
  // Compares with absl::FormatTime(), for seconds spread over all years.
  std::string text;
  for (int64_t second = -62167219200; second < 253402300800;
       second += 7654321 + second % 86399) {
    const absl::Time time = absl::FromUnixSeconds(second);
    text.clear();
    AppendMailDate(time, &text);
    ASSERT_EQ(text, absl::FormatTime("%a, %d %b %E4Y %H:%M:%S +0000", time,
                                     absl::UTCTimeZone()));
  }
  text = "at ";
  AppendMailDate(absl::FromUnixSeconds(1795305600), &text);
  EXPECT_EQ(text, "at Sun, 22 Nov 2026 00:00:00 +0000");
}

}  // namespace
}  // namespace postern
