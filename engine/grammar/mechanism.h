// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The names of SASL mechanisms, RFC 4422 3.1.

#ifndef POSTERN_ENGINE_GRAMMAR_MECHANISM_H_
#define POSTERN_ENGINE_GRAMMAR_MECHANISM_H_

#include "absl/strings/string_view.h"

namespace postern {

// Returns whether `name` can name a mechanism: 1 to 20 upper-case letters,
// digits, '-' and '_'. AUTH takes them in any case (RFC 4954 4): convert the
// name to upper case first.
bool IsMechanism(absl::string_view name);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_MECHANISM_H_
