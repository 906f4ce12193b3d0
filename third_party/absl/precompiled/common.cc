// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "precompiled/common.h"
