// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Text of clients and files on a terminal.

#ifndef POSTERN_LOG_PRINTABLE_H_
#define POSTERN_LOG_PRINTABLE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace postern::log {

// Returns `text` in printable ASCII: other octets, and backslashes, are written
// as \xNN, as in the log. So an escape sequence cannot control the terminal,
// and two texts look the same only if they are equal.
std::string Printable(absl::string_view text);

}  // namespace postern::log

#endif  // POSTERN_LOG_PRINTABLE_H_
