// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How strictly the command grammar is applied.

#ifndef POSTERN_ENGINE_GRAMMAR_STRICTNESS_H_
#define POSTERN_ENGINE_GRAMMAR_STRICTNESS_H_

#include <cstdint>

namespace postern {

// The strict mode refuses each of these; the lenient mode accepts it. The list
// is complete:
//
//   - a command line, and a line of an AUTH exchange, that ends in LF instead
//     of CRLF;
//   - HELO, EHLO and LHLO without a name;
//   - RET and ENVID at MAIL, NOTIFY and ORCPT at RCPT, where DSN is not
//     offered: they are ignored, whatever their values in ASCII are.
//
// Both modes treat the end of a message's content and its bare newlines alike:
// see BareNewlines.
//
// A lenient client must not relay for others: it may be a printer, a camera or
// an old script. A relay that ends commands only at CRLF passes on text from
// others, in which an LF would begin a command here (RFC 5321 2.3.8).
enum class Strictness : uint8_t { kStrict, kLenient };

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_STRICTNESS_H_
