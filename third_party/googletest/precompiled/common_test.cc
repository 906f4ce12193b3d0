// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Headers that many tests include.

#include "precompiled/common.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
