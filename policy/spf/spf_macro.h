// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Macros in SPF records, RFC 7208 7.

#ifndef POSTERN_POLICY_SPF_SPF_MACRO_H_
#define POSTERN_POLICY_SPF_SPF_MACRO_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace postern::policy {

// Where a macro string is. The letters c, r and t are for explanations only,
// and an explanation may have blanks.
enum class SpfMacroUse : uint8_t { kRecord, kExplanation };

// Returns whether `text` is a macro-string, or an explain-string with
// kExplanation. Takes time linear in its size.
bool IsSpfMacroString(absl::string_view text,
                      SpfMacroUse use = SpfMacroUse::kRecord);

// Returns whether `text` is a domain-spec: a macro-string that ends in a macro,
// or in a dot and a label that is not a number.
bool IsSpfDomainSpec(absl::string_view text);

// The value of a macro letter in lower case, or nullopt if it is not known yet.
using SpfMacroValue =
    absl::FunctionRef<std::optional<std::string>(char letter)>;

// Expands `text`, for which IsSpfMacroString() is true. Returns nullopt if the
// value of a letter is not known yet.
//
// Macros can make the text several thousand times longer. So the result has
// only the last octets if it is longer than kMaxSpfExpansion, or only the first
// ones with kExplanation. A domain has at most 253 octets, and a longer one is
// cut at its beginning (RFC 7208 7.3), so the end suffices.
std::optional<std::string> ExpandSpfMacros(absl::string_view text,
                                           SpfMacroUse use,
                                           SpfMacroValue value);
inline constexpr size_t kMaxSpfExpansion = 1024;

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SPF_SPF_MACRO_H_
