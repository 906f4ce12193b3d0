// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Writes options as a configuration file.

#ifndef POSTERN_SERVICE_CONFIG_TEXT_H_
#define POSTERN_SERVICE_CONFIG_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "service/options.h"

namespace postern::service {

enum class ConfigText : uint8_t {
  // Every option that a file may have, with its description. An option that is
  // not given is a comment.
  kAll,
  // The given options, each with its place.
  kGiven,
};

// Returns the file of postern-config(7) that gives the same values as `given`.
// Listeners and destinations with names are sections, whatever their form was.
// Returns kInvalidArgument if a value cannot be in a file: if it has white
// space at an end, or a control character. The message names its place.
absl::StatusOr<std::string> FormatConfig(const Options& given, ConfigText kind);

// Returns the line `NAME = VALUE`, or the error of FormatConfig().
absl::StatusOr<std::string> FormatSetting(absl::string_view name,
                                          absl::string_view value,
                                          absl::string_view place);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_CONFIG_TEXT_H_
