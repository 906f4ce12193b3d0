// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Date-times of RFC 3339, for HOLDUNTIL and RRVS, and of RFC 5322, for header
// fields.

#ifndef POSTERN_ENGINE_GRAMMAR_DATE_TIME_H_
#define POSTERN_ENGINE_GRAMMAR_DATE_TIME_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace postern {

// Parses a date-time of RFC 3339 5.6, in any time zone:
// "2026-03-01T12:00:00.5+01:00". Digits beyond nanoseconds are ignored, and a
// leap second (23:59:60 UTC) becomes the following second. Returns nullopt for
// anything else, and for a year outside 0 to 9999 in UTC.
std::optional<absl::Time> ParseDateTime(absl::string_view text);

// Formats `time`, in the years 0 to 9999, in UTC: "2026-03-01T11:00:00.5Z".
// ParseDateTime() of the result returns `time`, in whole nanoseconds.
std::string FormatDateTime(absl::Time time);

// Appends `time`, in the years 0 to 9999, in UTC as in RFC 5322 3.3: "Sat, 21
// Nov 2026 19:56:16 +0000".
void AppendMailDate(absl::Time time, std::string* out);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_DATE_TIME_H_
