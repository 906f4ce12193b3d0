// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The answer to an SMTP client whose recipients have different verdicts.

#ifndef POSTERN_DELIVERY_ONE_VERDICT_H_
#define POSTERN_DELIVERY_ONE_VERDICT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "engine/grammar/reply.h"
#include "engine/verdict.h"

namespace postern::delivery {

// Octets of another server's text in a reply of this server.
inline constexpr size_t kMaxQuoted = 200;

// Returns the first line of `reply`, at most kMaxQuoted octets of it.
std::string Quote(const Reply& reply);

// Returns the index of the first temporary refusal, or else of the first
// refusal, or else the number of verdicts.
size_t FirstRefusal(absl::Span<const Verdict> verdicts);

// Returns one verdict for all recipients, which is true for each of them: an
// acceptance if all are, a permanent refusal if all are, and otherwise a
// temporary refusal, because a recipient has the message, or may have it later.
// `verdicts` is not empty.
//
// The verdict is one of `verdicts`: the first, or the first temporary refusal.
// If there is none, and some but not all are acceptances, it is a 451 that
// quotes the first refusal. Verdict::source() of an acceptance names the
// sources of all, each once, with commas between them.
Verdict OneVerdict(std::vector<Verdict> verdicts);

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_ONE_VERDICT_H_
