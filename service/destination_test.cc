// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/destination.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace postern::service {
namespace {

TEST(DestinationTest, SpecNamesADelivery) {
  const struct {
    absl::string_view spec;
    bool serves_remote;
    bool looks_up = false;
    bool blocks = true;
    bool runs_programs = false;
  } cases[] = {
      {"maildir:/m", false},
      {"maildir:/m/%d/%u", false, true},
      {"catch-all:/m/100%%", true},
      {"maildir:C:x", false},  // only the first colon separates
      {"qmail-queue", true, false, true, true},
      {"qmail-queue:/opt/scan", true, false, true, true},
      {"discard", true, false, false},
  };
  for (const auto& c : cases) {
    const auto made =
        MakeDestination({.spec = c.spec, .control = "/q/control"});
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_EQ(made->delivery->ServesRemote({"u", "d"}), c.serves_remote)
        << c.spec;
    EXPECT_EQ(made->delivery->LooksUpRecipients(), c.looks_up) << c.spec;
    EXPECT_EQ(made->blocks, c.blocks) << c.spec;
    EXPECT_EQ(made->runs_programs, c.runs_programs) << c.spec;
  }
}

TEST(DestinationTest, ErrorQuotesTheSpecAndTheReason) {
  // The start of the list: a new delivery may follow.
  constexpr absl::string_view kAll =
      "not one of qmail-queue[:PROGRAM], maildir:DIR, catch-all:DIR, ";
  const struct {
    std::string spec;
    absl::string_view why;
  } cases[] = {
      {"", kAll},
      {"maildir", "the directory is missing: maildir:DIR"},
      {"maildir:", "the directory is missing: maildir:DIR"},
      {"maildir:/m/%x", "only %u, %d and %%"},
      {std::string("maildir:/m\0", 11), "a NUL"},
      {"catch-all:", "the directory is missing: catch-all:DIR"},
      {"catch-all:/m/%u", "without %u and %d"},
      {"qmail-queue:", "the program is missing"},
      {"discard:", "takes no value"},
      {"discard:x", "takes no value"},
      {"lmtp:/run/lmtp", kAll},
      {"Maildir:/m", kAll},
      {"/m", kAll},
  };
  for (const auto& c : cases) {
    const absl::Status status = CheckDestination(c.spec);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << c.spec;
    EXPECT_TRUE(absl::StrContains(status.message(), c.why)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.spec)) << status;
  }
}

TEST(DestinationTest, HelpHasEachKind) {
  const std::string text = FormatDeliveries(DeliveryRows());
  for (const DeliveryRow& row : DeliveryRows()) {
    EXPECT_TRUE(absl::StrContains(text, "\n  " + std::string(row.kind) +
                                            std::string(row.value)) ||
                absl::StartsWith(text, "  " + std::string(row.kind)))
        << row.kind;
  }
}

}  // namespace
}  // namespace postern::service
