// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/partial/content_digest.h"

#include <set>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

std::string Of(absl::string_view content) {
  ContentDigest digest;
  digest.Append(content);
  return digest.Finish();
}

constexpr absl::string_view kHeader =
    "From: a@x.example\r\nMessage-ID: <1@x.example>\r\n";

TEST(ContentDigestTest, IsTheSha256) {
  EXPECT_EQ(absl::BytesToHexString(Of("\r\nabc")),
            // printf '\r\nabc' | sha256sum
            "d479e2f73ae97dd4321d1fb6d9d6382f9580c26beb7bac9ce3b9a8d32c4de87b");
}

TEST(ContentDigestTest, FieldsOfAnAttemptDoNotCount) {
  const std::string plain = absl::StrCat(kHeader, "\r\nbody\r\n");
  for (const absl::string_view name : ContentDigest::IgnoredFields()) {
    const std::string field =
        absl::StrCat(name, ": a; t=1\r\n\tb=x:y\r\n  c\r\n");
    EXPECT_EQ(Of(absl::StrCat(field, plain)), Of(plain)) << name;
    EXPECT_EQ(Of(absl::StrCat(kHeader, field, "\r\nbody\r\n")), Of(plain))
        << name;
    EXPECT_EQ(Of(absl::StrCat(field, field, plain)), Of(plain)) << name;
  }
  EXPECT_EQ(Of(absl::StrCat("RECEIVED:x\r\ndkim-signature:y\r\n", plain)),
            Of(plain));
}

TEST(ContentDigestTest, EverythingElseCounts) {
  const std::set<std::string> all = {
      Of(""),
      Of("\r\n"),
      Of("x"),
      Of("Received"),
      Of("Received: x"),
      Of(absl::StrCat(kHeader, "\r\nbody\r\n")),
      Of(absl::StrCat(kHeader, "\r\nbody \r\n")),
      Of(absl::StrCat(kHeader, "\r\nbody\r\n\r\n")),
      Of(absl::StrCat(kHeader, " folded\r\n\r\nbody\r\n")),
      Of(absl::StrCat(kHeader, "Message-ID: <2@x>\r\n\r\nbody\r\n")),
      Of(absl::StrCat(kHeader, "Received : x\r\n\r\nbody\r\n")),
      Of(absl::StrCat(kHeader, "X-Received: x\r\n\r\nbody\r\n")),
      Of(absl::StrCat(kHeader, "Receive: x\r\n\r\nbody\r\n")),
      Of(absl::StrCat(kHeader, "Received-SPF: pass\r\n\r\nbody\r\n")),
      Of(absl::StrCat(kHeader, std::string(100, 'R'), ": x\r\n\r\nbody\r\n")),
      // Not in the header section.
      Of(absl::StrCat(kHeader, "\r\nReceived: x\r\nbody\r\n")),
      Of(absl::StrCat(kHeader, "\r\nReceived: y\r\nbody\r\n")),
      Of(absl::StrCat(kHeader, "no field\r\nReceived: x\r\nbody\r\n")),
      Of(absl::StrCat(kHeader, "no field\r\nReceived: y\r\nbody\r\n")),
  };
  // "" and "Received: x" without the end of a line have the same octets.
  EXPECT_EQ(all.size(), 18u);
}

// A program may send two equal messages, one after the other, if it writes
// neither a Date nor a Message-ID.
TEST(ContentDigestTest, DateOrMessageIdIdentifiesAMessage) {
  const struct {
    absl::string_view content;
    bool identified;
  } cases[] = {
      {kHeader, true},
      {"message-id: <1@x>\r\n\r\nbody\r\n", true},
      {"Subject: x\r\nDATE:\r\n Mon, 30 Nov 2026 18:00:00 +0000\r\n", true},
      {"", false},
      {"Subject: alarm\r\n\r\nDate: x\r\n", false},
      {"Subject: x\r\n Date: x\r\n\r\nbody\r\n", false},
      {"Resent-Date: x\r\nX-Date: x\r\nDates: x\r\nDate", false},
      {"no field\r\nDate: x\r\n", false},
      {"Received: x\r\n\tDate: y\r\n", false},
  };
  for (const auto& c : cases) {
    ContentDigest digest;
    for (const char& octet : c.content) digest.Append({&octet, 1});
    EXPECT_EQ(digest.identified(), c.identified) << c.content;
  }
}

TEST(ContentDigestTest, CutsChangeNothing) {
  const std::string content = absl::StrCat(
      "Received: a\r\n\tb\r\nARC-Authentication-Results: i=1\r\n c\r\n",
      kHeader,
      "DKIM-Signature: v=1;\r\n b=\r\nX: y\r\n\tz\r\n\r\nReceived: body\r\n");
  const std::string whole = Of(content);
  for (size_t first = 0; first <= content.size(); ++first) {
    ContentDigest two;
    two.Append(absl::string_view(content).substr(0, first));
    two.Append(absl::string_view(content).substr(first));
    EXPECT_EQ(two.Finish(), whole) << first;
  }
  ContentDigest octets;
  for (const char& c : content) octets.Append({&c, 1});
  EXPECT_EQ(octets.Finish(), whole);
}

}  // namespace
}  // namespace postern::delivery
