// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content/scan_path.h"

#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(ScanPathTest, ChoosesTheFastestPathThatCanRun) {
  EXPECT_TRUE(CanRun(ScanPath::kPortable));
  EXPECT_EQ(ChosenScanPath(),
            CanRun(ScanPath::kAvx2) ? ScanPath::kAvx2 : ScanPath::kPortable);
}

TEST(ScanPathTest, ChoosesAForcedPath) {
  const ScanPath chosen = ChosenScanPath();
  ForceScanPath(ScanPath::kPortable);
  EXPECT_EQ(ChosenScanPath(), ScanPath::kPortable);
  ForceScanPath(chosen);
  EXPECT_EQ(ChosenScanPath(), chosen);
}

}  // namespace
}  // namespace postern
