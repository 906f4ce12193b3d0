// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/greylisting/greylist_options.h"

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/grammar/decimal.h"

namespace postern::policy {
namespace {

constexpr uint64_t kMaxDelay = 24 * 60 * 60;
constexpr uint64_t kMaxWindow = 30 * kMaxDelay;
constexpr uint64_t kMinEntries = 100;
constexpr uint64_t kMaxEntries = 10000000;

absl::Status Wrong(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

absl::StatusOr<uint64_t> Number(absl::string_view name, absl::string_view text,
                                uint64_t least, uint64_t most) {
  const auto number = ParseDecimal(text, /*max_digits=*/9);
  if (!number || *number < least || *number > most) {
    return Wrong(absl::StrCat(name, " is not a number from ", least, " to ",
                              most, ": \"", text, "\""));
  }
  return *number;
}

absl::Status ReadWord(absl::string_view word, GreylistOptions* options) {
  absl::StatusOr<uint64_t> number = 0;
  if (word == "ignore-outage") {
    options->ignore_outage = true;
  } else if (absl::ConsumePrefix(&word, "delay=")) {
    number = Number("delay", word, 1, kMaxDelay);
    if (number.ok()) options->delay = absl::Seconds(*number);
  } else if (absl::ConsumePrefix(&word, "window=")) {
    number = Number("window", word, 1, kMaxWindow);
    if (number.ok()) options->window = absl::Seconds(*number);
  } else if (absl::ConsumePrefix(&word, "max-entries=")) {
    number = Number("max-entries", word, kMinEntries, kMaxEntries);
    if (number.ok()) options->max_entries = *number;
  } else {
    return Wrong(absl::StrCat("unknown word \"", word,
                              "\": delay=N, window=N, max-entries=N or "
                              "ignore-outage"));
  }
  return number.status();
}

}  // namespace

absl::StatusOr<GreylistOptions> ParseGreylistOptions(absl::string_view text) {
  const std::vector<absl::string_view> words = absl::StrSplit(text, ',');
  GreylistOptions options;
  options.file = std::string(words[0]);
  if (!absl::StartsWith(options.file, "/")) {
    return Wrong(
        absl::StrCat("not the absolute path of a file: \"", words[0], "\""));
  }
  for (size_t i = 1; i < words.size(); ++i) {
    const absl::Status status = ReadWord(words[i], &options);
    if (!status.ok()) return status;
  }
  if (options.window <= options.delay) {
    return Wrong("the window is not longer than the delay");
  }
  return options;
}

}  // namespace postern::policy
