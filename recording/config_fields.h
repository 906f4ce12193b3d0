// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The fields of ServerConfig as lines `set KEY VALUE` of a transcript.

#ifndef POSTERN_RECORDING_CONFIG_FIELDS_H_
#define POSTERN_RECORDING_CONFIG_FIELDS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/server_config.h"

namespace postern::recording {

// Sets the field that `text` ("max_errors 20") names. The keys are the names of
// the fields. Sizes are octets; durations are "5m", "10s"; lists and sets have
// blanks between their words. An error says "unknown key" or "bad value".
absl::Status SetField(absl::string_view text, ServerConfig* config);

// Returns "set KEY VALUE\n" for each field in which `config` differs from
// `base`, so that SetField() makes a `base` a `config`. max_open_asks is left
// out, because no reply depends on it.
std::string FormatFields(const ServerConfig& config, const ServerConfig& base);

}  // namespace postern::recording

#endif  // POSTERN_RECORDING_CONFIG_FIELDS_H_
