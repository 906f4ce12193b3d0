// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#ifndef POSTERN_AUTH_IDENTITY_H_
#define POSTERN_AUTH_IDENTITY_H_

#include "absl/strings/string_view.h"

namespace postern::auth {

// Returns whether `text` can be the identity of a user: UTF-8 without control
// characters (C0, DEL and C1), and not empty.
bool IsIdentity(absl::string_view text);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_IDENTITY_H_
