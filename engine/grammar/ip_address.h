// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// IP addresses as text, as address literals and XCLIENT carry them.

#ifndef POSTERN_ENGINE_GRAMMAR_IP_ADDRESS_H_
#define POSTERN_ENGINE_GRAMMAR_IP_ADDRESS_H_

#include "absl/strings/string_view.h"

namespace postern {

// Returns whether `text` is four numbers of at most three digits up to 255,
// RFC 5321 4.1.3: zeros in front are legal, unlike in C.
bool IsIpv4(absl::string_view text);

// Returns whether `text` is an address by RFC 4291 2.2: eight groups, one run
// of them as "::", the last two perhaps as an IPv4 address. No zone.
bool IsIpv6(absl::string_view text);

// Returns whether `text` is what follows the tag of an address literal, RFC
// 5321 4.1.3: as IsIpv6(), but "::" stands for two groups at least.
bool IsIpv6Literal(absl::string_view text);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_IP_ADDRESS_H_
