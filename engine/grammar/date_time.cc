// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/date_time.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/time/civil_time.h"
#include "engine/grammar/decimal.h"

namespace postern {
namespace {

// Returns whether `text` has a digit where `shape` has a 0, and the same octet
// everywhere else, letters in any case (RFC 3339 5.6, note).
bool HasShape(absl::string_view text, absl::string_view shape) {
  if (text.size() != shape.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool fits = shape[i] == '0'
                          ? absl::ascii_isdigit(text[i])
                          : absl::ascii_toupper(text[i]) == shape[i];
    if (!fits) return false;
  }
  return true;
}

// Returns the value of `text`, which consists of digits.
int Number(absl::string_view text) {
  return static_cast<int>(*ParseDecimal(text, text.size()));
}

// Removes a fraction such as ".5" from the start of `text`. Returns zero if
// there is none, and nullopt for a dot without digits.
std::optional<absl::Duration> TakeFraction(absl::string_view* text) {
  if (text->empty() || text->front() != '.') return absl::ZeroDuration();
  absl::Duration fraction;
  absl::Duration unit = absl::Milliseconds(100);
  size_t at = 1;
  for (; at < text->size() && absl::ascii_isdigit((*text)[at]); ++at) {
    fraction += unit * ((*text)[at] - '0');
    unit /= 10;  // zero beyond nanoseconds
  }
  if (at == 1) return std::nullopt;
  text->remove_prefix(at);
  return fraction;
}

// Returns how far the time-offset `text` is ahead of UTC, or nullopt.
std::optional<absl::Duration> ParseOffset(absl::string_view text) {
  if (HasShape(text, "Z")) return absl::ZeroDuration();
  if (!HasShape(text, "+00:00") && !HasShape(text, "-00:00")) {
    return std::nullopt;
  }
  const int hours = Number(text.substr(1, 2));
  const int minutes = Number(text.substr(4, 2));
  if (hours > 23 || minutes > 59) return std::nullopt;
  const absl::Duration offset = absl::Hours(hours) + absl::Minutes(minutes);
  return text[0] == '-' ? -offset : offset;
}

// Appends `number`, which is not negative and has at most `digits` digits.
void AppendDigits(int64_t number, int digits, std::string* out) {
  const size_t begin = out->size();
  out->append(static_cast<size_t>(digits), '0');
  for (size_t at = out->size(); at > begin; number /= 10) {
    (*out)[--at] = static_cast<char>('0' + number % 10);
  }
}

// Appends "12:34:56".
void AppendTimeOfDay(const absl::CivilSecond& civil, std::string* out) {
  AppendDigits(civil.hour(), 2, out);
  out->push_back(':');
  AppendDigits(civil.minute(), 2, out);
  out->push_back(':');
  AppendDigits(civil.second(), 2, out);
}

}  // namespace

std::optional<absl::Time> ParseDateTime(absl::string_view text) {
  constexpr absl::string_view kShape = "0000-00-00T00:00:00";
  const absl::string_view local = text.substr(0, kShape.size());
  if (!HasShape(local, kShape)) return std::nullopt;
  const int month = Number(local.substr(5, 2));
  const int day = Number(local.substr(8, 2));
  const int hour = Number(local.substr(11, 2));
  const int minute = Number(local.substr(14, 2));
  const int second = Number(local.substr(17, 2));
  const bool leap = second == 60;
  const absl::CivilSecond civil(Number(local.substr(0, 4)), month, day, hour,
                                minute, leap ? 59 : second);
  // A day that does not exist becomes another one: February 30, March 2.
  if (civil.month() != month || civil.day() != day || civil.hour() != hour ||
      civil.minute() != minute || civil.second() != (leap ? 59 : second)) {
    return std::nullopt;
  }
  text.remove_prefix(kShape.size());
  const std::optional<absl::Duration> fraction = TakeFraction(&text);
  const std::optional<absl::Duration> offset = ParseOffset(text);
  if (!fraction || !offset) return std::nullopt;
  const absl::Time whole =
      absl::FromCivil(civil, absl::UTCTimeZone()) - *offset;
  const absl::CivilSecond utc = absl::ToCivilSecond(whole, absl::UTCTimeZone());
  if (leap && (utc.hour() != 23 || utc.minute() != 59)) return std::nullopt;
  const absl::Time time = whole + *fraction + absl::Seconds(leap ? 1 : 0);
  const auto year = absl::ToCivilYear(time, absl::UTCTimeZone()).year();
  if (year < 0 || year > 9999) return std::nullopt;
  return time;
}

// These functions do not use absl::FormatTime(), which takes twenty times as
// long. Each message has a date, and FormatTime() would add 30 KB to
// postern-smtpd.

std::string FormatDateTime(absl::Time time) {
  const absl::CivilSecond civil =
      absl::ToCivilSecond(time, absl::UTCTimeZone());
  std::string text;
  AppendDigits(civil.year(), 4, &text);
  text.push_back('-');
  AppendDigits(civil.month(), 2, &text);
  text.push_back('-');
  AppendDigits(civil.day(), 2, &text);
  text.push_back('T');
  AppendTimeOfDay(civil, &text);
  const absl::Duration fraction =
      time - absl::FromCivil(civil, absl::UTCTimeZone());
  if (fraction > absl::ZeroDuration()) {
    text.push_back('.');
    AppendDigits(absl::ToInt64Nanoseconds(fraction), 9, &text);
    text.resize(text.find_last_not_of('0') + 1);
  }
  text.push_back('Z');
  return text;
}

void AppendMailDate(absl::Time time, std::string* out) {
  constexpr char kDays[][6] = {"Mon, ", "Tue, ", "Wed, ", "Thu, ",
                               "Fri, ", "Sat, ", "Sun, "};
  constexpr char kMonths[][6] = {" Jan ", " Feb ", " Mar ", " Apr ",
                                 " May ", " Jun ", " Jul ", " Aug ",
                                 " Sep ", " Oct ", " Nov ", " Dec "};
  const absl::CivilSecond civil =
      absl::ToCivilSecond(time, absl::UTCTimeZone());
  out->append(kDays[static_cast<size_t>(absl::GetWeekday(civil))]);
  AppendDigits(civil.day(), 2, out);
  out->append(kMonths[civil.month() - 1]);
  AppendDigits(civil.year(), 4, out);
  out->push_back(' ');
  AppendTimeOfDay(civil, out);
  out->append(" +0000");
}

}  // namespace postern
