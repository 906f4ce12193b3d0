// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: sizes are those of the octets, and each part is inside of the body
// that contains it.

#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "programs/rig/mailhog_content.h"

namespace {

using postern::programs::MailHogContent;

int Check(const MailHogContent& content, int depth) {
  EXPECT_LE(depth, 10);
  EXPECT_LE(content.body.size(), content.size);
  EXPECT_TRUE(content.multipart || content.parts.empty());
  int count = 0;
  size_t octets = 0;
  for (const MailHogContent& part : content.parts) {
    EXPECT_NE(content.body.find(part.body), std::string::npos);
    octets += part.size;
    count += 1 + Check(part, depth + 1);
  }
  EXPECT_LE(octets, content.body.size());
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string octets(reinterpret_cast<const char*>(data), size);
  const MailHogContent content = postern::programs::ParseMailHogContent(octets);
  EXPECT_EQ(content.size, octets.size());
  EXPECT_LE(Check(content, 0), 1000);
  return 0;
}
