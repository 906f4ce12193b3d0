// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/spec.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

TEST(SpecTest, NamesADelivery) {
  const struct {
    absl::string_view text;
    Spec spec;
  } cases[] = {
      {"maildir:/m", MaildirSpec{"/m"}},
      {"maildir:/m/%d/%u", MaildirSpec{"/m/%d/%u"}},
      {"catch-all:/m/100%%", MaildirSpec{"/m/100%%", true}},
      {"maildir:C:x", MaildirSpec{"C:x"}},  // only the first colon counts
      {"qmail-queue", QmailQueueSpec{}},
      {"qmail-queue:/opt/scan", QmailQueueSpec{"/opt/scan"}},
      {"discard", DiscardSpec{}},
  };
  for (const auto& c : cases) {
    const auto spec = ParseSpec(c.text);
    ASSERT_TRUE(spec.ok()) << spec.status();
    EXPECT_EQ(*spec, c.spec) << c.text;
  }
}

TEST(SpecTest, SaysWhatIsWrongWithWhat) {
  const struct {
    std::string text;
    absl::string_view why;
  } cases[] = {
      {"", "not maildir:DIR"},
      {"maildir", "which directory? maildir:DIR"},
      {"maildir:", "which directory? maildir:DIR"},
      {"maildir:/m/%x", "only %u, %d and %%"},
      {std::string("maildir:/m\0", 11), "a NUL"},
      {"catch-all:", "which directory? catch-all:DIR"},
      {"catch-all:/m/%u", "without %u and %d"},
      {"qmail-queue:", "which program?"},
      {"discard:", "takes no value"},
      {"discard:x", "takes no value"},
      {"lmtp:/run/lmtp", "not maildir:DIR"},
      {"Maildir:/m", "not maildir:DIR"},
      {"/m", "not maildir:DIR"},
  };
  for (const auto& c : cases) {
    const absl::Status status = ParseSpec(c.text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << c.text;
    EXPECT_TRUE(absl::StrContains(status.message(), c.why)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.text)) << status;
  }
}

}  // namespace
}  // namespace postern::delivery
