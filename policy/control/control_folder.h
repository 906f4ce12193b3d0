// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A directory of control files for tests.

#ifndef POSTERN_POLICY_CONTROL_CONTROL_FOLDER_H_
#define POSTERN_POLICY_CONTROL_CONTROL_FOLDER_H_

#include "files/test_folder.h"

namespace postern::policy {

using ControlFolder = files::TestFolder;

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_CONTROL_FOLDER_H_
