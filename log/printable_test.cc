// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "log/printable.h"

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern::log {
namespace {

TEST(PrintableTest, OnlyPrintableAsciiIsLeft) {
  EXPECT_EQ(Printable("a b=<c>\"~"), "a b=<c>\"~");
  EXPECT_EQ(Printable("\x1b[31m\r\n\x7f\xc3\xbc"),
            "\\x1b[31m\\x0d\\x0a\\x7f\\xc3\\xbc");
  EXPECT_EQ(Printable("\\x1b"), "\\x5cx1b");
  EXPECT_EQ(Printable(absl::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(Printable(""), "");
}

}  // namespace
}  // namespace postern::log
