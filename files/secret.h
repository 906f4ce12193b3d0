// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Reads a file that holds a secret.

#ifndef POSTERN_FILES_SECRET_H_
#define POSTERN_FILES_SECRET_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::files {

// Returns the content of the file `path`, as ReadContent() does. Returns
// kPermissionDenied if users other than its owner may read or write it, or if
// it belongs to a user who is not root, not the user of this process and not
// `user`. That is the user who the process will become; empty: none. Returns
// kUnavailable if the account of `user` must be known, and the system cannot say
// it. Each error names the path, and none contains any of the content.
absl::StatusOr<std::string> ReadSecret(absl::string_view path, size_t max_size,
                                       const std::string& user = "");

}  // namespace postern::files

#endif  // POSTERN_FILES_SECRET_H_
