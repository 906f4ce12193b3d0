// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/line_set.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/grammar/domain.h"

namespace postern::policy {
namespace {

// The longest list without an index. An index needs an allocation, in a process
// that may serve one connection with one recipient.
constexpr size_t kShort = 16;

}  // namespace

LineSet::LineSet(absl::string_view path, std::vector<Line> lines)
    : path_(path), lines_(std::move(lines)) {
  for (Line& line : lines_) line.text = AsciiAddress(line.text);
  if (lines_.size() <= kShort) return;
  index_.reserve(lines_.size());
  // Of two equal entries, the first one stays.
  for (const Line& line : lines_) index_.try_emplace(line.text, line.number);
}

std::optional<std::string> LineSet::Find(absl::string_view key) const {
  if (!index_.empty()) {
    const auto found = index_.find(key);
    if (found == index_.end()) return std::nullopt;
    return absl::StrCat(path_, ":", found->second);
  }
  for (const Line& line : lines_) {
    if (line.text == key) return absl::StrCat(path_, ":", line.number);
  }
  return std::nullopt;
}

}  // namespace postern::policy
