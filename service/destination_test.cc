// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/destination.h"

#include <stdlib.h>

#include <string>

#include "absl/strings/string_view.h"
#include "engine/delivery.h"
#include "engine/grammar/path.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/control/controls.h"

namespace postern::service {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<Destination> Make(absl::string_view spec) {
  policy::Controls controls;
  controls.me = "mx.example.org";
  return MakeDestination(spec, "/var/qmail/control", controls, {},
                         [](absl::string_view) {});
}

TEST(DestinationTest, EachKindSaysWhatItIsLike) {
  unsetenv("QMAILQUEUE");
  const struct {
    absl::string_view spec;
    bool has_recipients, blocks, runs_programs, serves_remote;
  } kCases[] = {
      {"qmail-queue", false, true, true, true},
      {"qmail-queue:/usr/bin/other", false, true, true, true},
      {"maildir:/var/mail/%d/%u", true, true, false, false},
      // One Maildir for all recipients exists for each of them or for none.
      {"maildir:/var/mail/all", false, true, false, false},
      {"catch-all:/var/mail/all", false, true, false, true},
      {"discard", false, false, false, true},
  };
  const Path remote{.local_part = "u", .domain = "elsewhere.example"};
  for (const auto& c : kCases) {
    SCOPED_TRACE(std::string(c.spec));
    const auto made = Make(c.spec);
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_EQ(made->recipients != nullptr, c.has_recipients);
    EXPECT_EQ(made->blocks, c.blocks);
    EXPECT_EQ(made->runs_programs, c.runs_programs);
    EXPECT_EQ(made->delivery->ServesRemote(remote), c.serves_remote);
  }
}

TEST(DestinationTest, AMistakeIsNamed) {
  for (const absl::string_view spec :
       {"", "mbox:/x", "maildir:", "discard:x"}) {
    const auto made = Make(spec);
    ASSERT_FALSE(made.ok()) << spec;
    EXPECT_THAT(std::string(made.status().message()),
                HasSubstr(std::string(spec)));
  }
}

}  // namespace
}  // namespace postern::service
