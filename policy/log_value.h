// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Values as they stand in log lines: key=value, where whatever clients sent
// leaves the line with but one reading.
//
//   - Bytes outside 0x20..0x7e, and '"', '\', '<' and '>', are written \xNN.
//   - A value that holds a space, or nothing, is between double quotes.
//   - Addresses are between angle brackets, as in the envelope: unquoted, the
//     domain behind the last '@'. A space in one is written \x20.
//   - A value that has been cut ends in "\...".

#ifndef POSTERN_POLICY_LOG_VALUE_H_
#define POSTERN_POLICY_LOG_VALUE_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/path.h"
#include "engine/reply.h"

namespace postern::policy {

// The most bytes that a value takes, escapes included. A line with two
// addresses, two names and two texts stays below PIPE_BUF (4096), up to which
// a write to a pipe is not mixed with those of other processes.
inline constexpr size_t kMaxLoggedAddress = 1024;
inline constexpr size_t kMaxLoggedName = 256;
inline constexpr size_t kMaxLoggedText = 512;

// Returns `text` as a value of no more than `limit` bytes between its quotes.
std::string LogText(absl::string_view text, size_t limit);

// Returns `path` as an address.
std::string LogAddress(const Path& path);

// Returns `reply` in one line as a text: "250 2.1.5 ok".
std::string LogReply(const Reply& reply);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_LOG_VALUE_H_
