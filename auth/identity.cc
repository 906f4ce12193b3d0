// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/identity.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "engine/grammar/utf8.h"

namespace postern::auth {

bool IsIdentity(absl::string_view text) {
  return !text.empty() && IsUtf8(text) && !ContainsC1Controls(text) &&
         std::none_of(text.begin(), text.end(), absl::ascii_iscntrl);
}

}  // namespace postern::auth
