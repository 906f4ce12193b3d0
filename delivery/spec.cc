// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/spec.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "delivery/maildir_location.h"

namespace postern::delivery {

absl::StatusOr<Spec> ParseSpec(absl::string_view text) {
  const auto wrong = [text](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("delivery \"", text, "\": ", why));
  };
  const size_t colon = text.find(':');
  const bool has_value = colon != absl::string_view::npos;
  const absl::string_view kind = text.substr(0, colon);
  const absl::string_view value = has_value ? text.substr(colon + 1) : "";
  if (value.find('\0') != absl::string_view::npos) {
    return wrong("a NUL in a file name");
  }
  if (kind == "maildir" || kind == "catch-all") {
    const bool catch_all = kind == "catch-all";
    if (value.empty()) {
      return wrong(absl::StrCat("which directory? ", kind, ":DIR"));
    }
    const auto location = MaildirLocation::Parse(value);
    if (!location.ok()) return wrong(location.status().message());
    if (catch_all && !location->shared()) {
      return wrong("a catch-all is one Maildir, without %u and %d");
    }
    return MaildirSpec{std::string(value), catch_all};
  }
  if (kind == "qmail-queue") {
    if (has_value && value.empty()) {
      return wrong("which program? qmail-queue:PROGRAM, or qmail-queue");
    }
    return QmailQueueSpec{std::string(value)};
  }
  if (kind == "discard") {
    if (has_value) return wrong("discard takes no value");
    return DiscardSpec{};
  }
  return wrong(
      "not maildir:DIR, catch-all:DIR, qmail-queue, qmail-queue:PROGRAM or "
      "discard");
}

}  // namespace postern::delivery
