// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/partial_option.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace postern::programs {

void ReadPartialOption(service::Options* given, PartialOption* option) {
  const std::string text = given->Text("partial-delivery", "");
  if (text.empty()) return;
  absl::string_view value = text;
  if (value == "accept") {
    option->reply = delivery::PartialReply::kAccept;
  } else if (value == "refuse") {
    option->reply = delivery::PartialReply::kRefuse;
  } else if (absl::ConsumePrefix(&value, "retry:")) {
    option->reply = delivery::PartialReply::kRetry;
    while (value.size() > 1 && absl::EndsWith(value, "/")) {
      value.remove_suffix(1);
    }
    option->directory = std::string(value);
    if (!absl::StartsWith(value, "/")) {
      given->Mistake(absl::StrCat(given->Place("partial-delivery"), ": ", text,
                                  ": not an absolute path after retry:"));
    }
  } else {
    given->Mistake(absl::StrCat(given->Place("partial-delivery"), ": ", text,
                                ": not retry:DIR, accept or refuse"));
  }
}

}  // namespace postern::programs
