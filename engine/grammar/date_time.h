// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Date-times of RFC 3339, as HOLDUNTIL and RRVS carry them, and of RFC 5322, as
// header fields do.

#ifndef POSTERN_ENGINE_GRAMMAR_DATE_TIME_H_
#define POSTERN_ENGINE_GRAMMAR_DATE_TIME_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace postern {

// Returns the instant that `text` is by RFC 3339 5.6, in any time zone:
// "2026-03-01T12:00:00.5+01:00". Digits beyond the nanosecond are read and
// ignored, and a leap second (23:59:60 UTC) is the second after it. Returns
// nullopt for anything else, and for what is no year of four digits in UTC.
std::optional<absl::Time> ParseDateTime(absl::string_view text);

// Returns `time`, of the years 0 to 9999, in UTC: "2026-03-01T11:00:00.5Z".
// ParseDateTime() of the result gives `time`, in whole nanoseconds.
std::string FormatDateTime(absl::Time time);

// Appends `time`, of the years 0 to 9999, in UTC as RFC 5322 3.3 has it: "Sat,
// 21 Nov 2026 19:56:16 +0000".
void AppendMailDate(absl::Time time, std::string* out);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_DATE_TIME_H_
