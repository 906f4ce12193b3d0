// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "log/printable.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace postern::log {

std::string Printable(absl::string_view text) {
  std::string printable;
  printable.reserve(text.size());
  for (const char c : text) {
    if (absl::ascii_isprint(c) && c != '\\') {
      printable.push_back(c);
    } else {
      absl::StrAppend(
          &printable, "\\x",
          absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return printable;
}

}  // namespace postern::log
