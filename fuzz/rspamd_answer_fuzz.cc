// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: whatever rspamd answers, a refusal is one 4yz or 5yz reply of one
// line, the reason is printable, and what is added are whole header fields. In
// whatever message, the header section after the changes begins with the added
// fields and has the fields that the answer does not name, in their order.

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "delivery/header_edit.h"
#include "delivery/rspamd_answer.h"
#include "engine/grammar/header_field.h"
#include "engine/grammar/reply.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

void CheckRefusal(const Reply& refusal) {
  EXPECT_GE(refusal.code, 400);
  EXPECT_LT(refusal.code, 600);
  const std::string line = FormatReply(refusal);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

void CheckEdits(const HeaderEdits& edits, absl::string_view message) {
  EXPECT_TRUE(edits.add.empty() || IsHeader(edits.add));
  for (const HeaderChange& change : edits.changes) {
    if (change.replacement.empty()) continue;
    ASSERT_TRUE(IsHeader(change.replacement));
    EXPECT_EQ(SplitHeader(change.replacement).size(), 1u);
  }
  const size_t size = HeaderSectionSize(message).value_or(message.size());
  const absl::string_view section = message.substr(0, size);
  const std::string edited = EditHeaderSection(section, edits);
  EXPECT_TRUE(absl::StartsWith(edited, edits.add));
  // One field more, which the answer does not name, is the only difference.
  EXPECT_EQ(EditHeaderSection("Z-Unnamed: 1\r\n", {.changes = edits.changes})
                    .find("Z-Unnamed: 1\r\n") == std::string::npos,
            std::any_of(edits.changes.begin(), edits.changes.end(),
                        [](const HeaderChange& change) {
                          return absl::EqualsIgnoreCase(change.name,
                                                        "Z-Unnamed") &&
                                 change.which >= -1 && change.which <= 1;
                        }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const std::string message = input.ConsumeRandomLengthString(200);
  const auto answer = ReadRspamdAnswer(input.ConsumeRemainingBytesAsString());
  if (!answer.ok()) return 0;
  const FilterAnswer& filter = answer->answer;
  EXPECT_TRUE(
      std::all_of(filter.reason.begin(), filter.reason.end(), [](char c) {
        return absl::ascii_isprint(static_cast<unsigned char>(c));
      }));
  if (filter.refusal) CheckRefusal(*filter.refusal);
  CheckEdits(filter.edits, message);
  return 0;
}

}  // namespace postern::delivery
