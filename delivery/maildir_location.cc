// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/maildir_location.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/domain.h"
#include "engine/grammar/utf8.h"
#include "files/paths.h"

namespace postern::delivery {
namespace {

constexpr size_t kMaxValue = 255;  // NAME_MAX, and RFC 5321 4.5.3.1.2

// Returns true if `value` is a single file name that does not begin with a dot,
// which also excludes "." and "..".
bool IsSafe(absl::string_view value) {
  if (value.empty() || value.size() > kMaxValue || value.front() == '.') {
    return false;
  }
  for (const char c : value) {
    if (c == '/' || absl::ascii_iscntrl(c)) return false;
  }
  return IsUtf8(value) && !ContainsC1Controls(value);
}

}  // namespace

absl::StatusOr<MaildirLocation> MaildirLocation::Parse(
    absl::string_view pattern, absl::string_view default_domain) {
  if (pattern.empty() || pattern.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        "a Maildir needs the path of a directory");
  }
  MaildirLocation location;
  location.default_domain_ = std::string(default_domain);
  Piece piece;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      piece.text.push_back(pattern[i]);
      continue;
    }
    const absl::string_view value = pattern.substr(++i, 1);
    if (value == "%") {
      piece.text.push_back('%');
    } else if (value == "u" || value == "d") {
      piece.value = value[0];
      location.pieces_.push_back(std::exchange(piece, {}));
    } else {
      return absl::InvalidArgumentError(absl::StrCat(
          pattern, ": only %u, %d and %% are known, not %", value));
    }
  }
  location.pieces_.push_back(std::move(piece));
  location.store_ = files::DirectoryOf(location.pieces_[0].text);
  return location;
}

std::optional<std::string> MaildirLocation::For(const Path& recipient) const {
  std::string directory;
  for (const Piece& piece : pieces_) {
    directory += piece.text;
    if (piece.value == '\0') continue;
    absl::string_view value = recipient.local_part;
    if (piece.value == 'd') {
      value = recipient.domain.empty() ? default_domain_ : recipient.domain;
    }
    if (!IsSafe(value)) return std::nullopt;
    const std::string name =
        piece.value == 'd' ? AsciiDomain(value) : absl::AsciiStrToLower(value);
    // An A-label may be longer than the label that it stands for.
    if (name.size() > kMaxValue) return std::nullopt;
    directory += name;
  }
  return directory;
}

}  // namespace postern::delivery
