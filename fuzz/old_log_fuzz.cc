// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: a decision that is written in the form of chkuser, of s/qmail or of
// spamdyke is read as it was written, whatever addresses and names a client
// has used that the form can express. In any other line, a decision has a
// client and a recipient, and every text is a part of the line.

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "programs/explain/old_log.h"

namespace postern::programs {
namespace {

// Returns a text that no form divides: without its separators.
std::string Plain(FuzzedDataProvider* input) {
  std::string text = input->ConsumeRandomLengthString(40);
  std::replace_if(
      text.begin(), text.end(),
      [](char c) {
        return !absl::ascii_isgraph(c) ||
               absl::string_view("<>:()").find(c) != absl::string_view::npos;
      },
      '-');
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const bool v6 = input.ConsumeBool();
  const std::string client = v6 ? "2001:db8::7" : "192.0.2.7";
  const std::string name = "x" + Plain(&input);
  const std::string sender = "s" + Plain(&input) + "@b.example";
  const std::string recipient = "r" + Plain(&input) + "@example.org";
  const std::string rest = input.ConsumeRemainingBytesAsString();

  const LogLineContent other = ReadOldLogLine(rest);
  EXPECT_TRUE(!other.decision || other.unusable.empty());
  if (other.decision) {
    EXPECT_TRUE(other.decision->client.has_value());
    EXPECT_FALSE(other.decision->recipient.empty());
    EXPECT_TRUE(absl::StrContains(rest, other.decision->recipient) ||
                absl::StrContains(rest, '\\') || absl::StrContains(rest, '{'));
    EXPECT_LE(other.decision->reason.size(), 100u);
  }

  const std::string lines[] = {
      absl::StrCat("@400000004f0a6b1c1a2b3c4d CHKUSER accepted rcpt: from <",
                   sender, "::> remote <", name, ":", name, ":", client,
                   "> rcpt <", recipient, "> : found"),
      absl::StrCat("Accept::RCPT::X P:SMTP S:", client, ":", name, " H:", name,
                   " F:", sender, " T:", recipient),
      absl::StrCat("mx spamdyke[1]: ALLOWED from: ", sender, " to: ", recipient,
                   " origin_ip: ", client, " origin_rdns: ", name,
                   " auth: (unknown) encryption: (none)"),
  };
  for (const std::string& line : lines) {
    const LogLineContent content = ReadOldLogLine(line);
    EXPECT_TRUE(content.decision.has_value()) << line << content.unusable;
    if (!content.decision) continue;
    EXPECT_EQ(ToString(*content.decision->client), client) << line;
    EXPECT_EQ(content.decision->sender, sender) << line;
    EXPECT_EQ(content.decision->recipient, recipient) << line;
    EXPECT_EQ(content.decision->host_name, name) << line;
    EXPECT_EQ(content.decision->decided, Decided::kAccept);
  }
  return 0;
}

}  // namespace postern::programs
