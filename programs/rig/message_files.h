// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The messages of a rig as files.

#ifndef POSTERN_PROGRAMS_RIG_MESSAGE_FILES_H_
#define POSTERN_PROGRAMS_RIG_MESSAGE_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rig/message.h"

namespace postern::programs {

// Makes the directory, if it is missing. Returns the number for the first
// message: one more than that of the last message that is there as NUMBER.eml
// or NUMBER.json, so no file of an earlier run is replaced. Errors name the
// path.
absl::StatusOr<int> PrepareDirectory(const std::string& directory);

// Writes NUMBER.eml, the octets of the message, and then NUMBER.json, its
// envelope, its session and the transcript since the message before it in the
// session. Each file appears under its name when it is complete. Errors name
// the path.
absl::Status WriteMessageFiles(const std::string& directory,
                               const rig::Message& message);

// Writes all octets to an open file. Errors name `path`.
absl::Status WriteAll(int descriptor, absl::string_view octets,
                      const std::string& path);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_MESSAGE_FILES_H_
