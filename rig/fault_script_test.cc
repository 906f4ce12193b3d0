// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/fault_script.h"

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace postern::rig {
namespace {

TEST(FaultScriptTest, EachWordIsRead) {
  const auto faults = ParseFaultScript(R"(
# A comment.
rcpt for=*@x.example each skip=1 times=2 quota=900 reply 450 4.7.1 grey listed
  end delay=3s close=inside split write-rate=10
data raw 250 sure\r\n
content after=1000 read-rate=20 stall
ehlo hide=starttls hide=SIZE
tls certificate=expired
)",
                                       "script");
  ASSERT_TRUE(faults.ok()) << faults.status();
  ASSERT_EQ(faults->size(), 6u);
  EXPECT_EQ((*faults)[0],
            (Fault{.stage = Stage::kRcpt,
                   .pattern = "*@x.example",
                   .skip = 1,
                   .times = 2,
                   .each = true,
                   .quota = 900,
                   .reply = Reply{450, {4, 7, 1}, "grey listed"}}));
  EXPECT_EQ((*faults)[1], (Fault{.stage = Stage::kEnd,
                                 .delay = absl::Seconds(3),
                                 .cut = Cut::kInside,
                                 .split = true,
                                 .write_rate = 10}));
  EXPECT_EQ((*faults)[2],
            (Fault{.stage = Stage::kData, .raw = "250 sure\r\n"}));
  EXPECT_EQ((*faults)[3], (Fault{.stage = Stage::kContent,
                                 .delay = absl::InfiniteDuration(),
                                 .after = 1000,
                                 .read_rate = 20}));
  EXPECT_EQ((*faults)[4],
            (Fault{.stage = Stage::kEhlo, .hidden = {"STARTTLS", "SIZE"}}));
  EXPECT_EQ((*faults)[5], (Fault{.stage = Stage::kTls,
                                 .certificate = CertificateKind::kExpired}));
  for (const Fault& fault : *faults) {
    EXPECT_EQ(ParseFaultScript(FormatFault(fault), "")->at(0), fault);
  }
}

TEST(FaultScriptTest, ErrorsNameTheLine) {
  constexpr struct {
    absl::string_view line, why;
  } kCases[] = {
      {"recipient reply 450", "not a stage: recipient"},
      {"rcpt", "it does nothing"},
      {"rcpt reply", "not a reply code: "},
      {"rcpt reply 45", "not a reply code: 45"},
      {"rcpt reply 199 x", "200 to 599"},
      {"rcpt times=x reply 450", "not a number from 0 to 1000000000: times=x"},
      {"rcpt times=-1 reply 450", "not a number"},
      {"rcpt delay=3 reply 450", "not a duration such as 3s: delay=3"},
      {"rcpt close=now", "not before, inside or after: close=now"},
      {"rcpt a@x reply 450", "not a word of a fault: a@x"},
      {"rcpt colour=red", "not a word of a fault: colour=red"},
      {"tls certificate=old", "not a kind of certificate: certificate=old"},
      {"rcpt hide=SIZE", "only ehlo"},
      {"rset for=a split", "compare"},
      {"rcpt raw \\q", ""},
  };
  for (const auto& c : kCases) {
    const auto faults = ParseFaultScript(
        absl::StrCat("# one\n\n", c.line, "\nrcpt split\n"), "dir/script");
    ASSERT_FALSE(faults.ok()) << c.line;
    EXPECT_TRUE(absl::StartsWith(faults.status().message(), "dir/script:3: "))
        << faults.status();
    EXPECT_TRUE(absl::StrContains(faults.status().message(), c.why))
        << faults.status();
  }
  EXPECT_TRUE(
      absl::StrContains(ReadFaultScript("/nowhere/script").status().message(),
                        "/nowhere/script"));
}

}  // namespace
}  // namespace postern::rig
