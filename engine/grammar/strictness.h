// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How strictly the grammar of commands is applied.

#ifndef POSTERN_ENGINE_GRAMMAR_STRICTNESS_H_
#define POSTERN_ENGINE_GRAMMAR_STRICTNESS_H_

#include <cstdint>

namespace postern {

// The strict mode refuses each of these, the lenient mode accepts it. This is
// the whole list:
//
//   - a command line, and a line of an AUTH exchange, that ends in LF instead
//     of CRLF;
//   - HELO, EHLO and LHLO without a name;
//   - RET and ENVID at MAIL, NOTIFY and ORCPT at RCPT, where DSN is not
//     offered: they are ignored, whatever their values in ASCII are.
//
// The mode changes neither where the content of a message ends nor what becomes
// of bare newlines in it: see BareNewlines.
//
// A lenient client must be the last one in its chain: a printer, a camera, an
// old script. A relay that ends commands only at CRLF passes on text of others
// in which an LF would begin a command here (RFC 5321 2.3.8).
enum class Strictness : uint8_t { kStrict, kLenient };

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_STRICTNESS_H_
