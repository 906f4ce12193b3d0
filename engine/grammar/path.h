// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Mailbox addresses in MAIL and RCPT: RFC 5321 4.1.2, 4.1.3, and in UTF-8 RFC
// 6531 3.3.
//
// There is only one parser. The policy, the queue and the log all use its
// result, so they cannot disagree about where the domain begins.

#ifndef POSTERN_ENGINE_GRAMMAR_PATH_H_
#define POSTERN_ENGINE_GRAMMAR_PATH_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/grammar/utf8.h"

namespace postern {

// A reverse-path or forward-path without its source route (RFC 5321 C).
struct Path {
  std::string local_part;  // unquoted; case is preserved (RFC 5321 2.4)
  std::string domain;      // empty for <>, <postmaster> and local names

  // Returns true for the null reverse-path, "<>".
  bool null() const { return local_part.empty() && domain.empty(); }

  // Returns whether the path can be sent without SMTPUTF8 (RFC 6531 3.5).
  bool ascii() const { return IsAscii(local_part) && IsAscii(domain); }

  // Returns the address as in qmail-queue's envelope, rule files and lists:
  // unquoted local part, '@', domain; without the '@' if there is no domain.
  // The domain always begins after the last '@': ParsePath() refuses a local
  // part that contains '@' and has no domain.
  std::string Address() const;
  // Returns the number of octets of Address().
  size_t size() const;

  friend bool operator==(const Path&, const Path&) = default;
};

// The longest path in octets after unquoting. RFC 5321 4.5.3.1.3 requires 256;
// qmail-smtpd accepts 899, and qmail-queue 1003.
inline constexpr size_t kMaxPath = 899;

// The result of ParsePath().
struct ParsedPath {
  Path path;            // the null path for "<>"
  size_t consumed = 0;  // bytes of the input that the path used
};

// Parses the path at the start of `text`, up to its '>' or, if the angle
// brackets are missing (which is common and not ambiguous), up to the next
// space. A source route is parsed and ignored (RFC 5321 3.3). `<>` gives the
// null path. A local part without a domain is a local name, as in <postmaster>;
// the caller decides whether it may be used. Returns nullopt for anything else
// that is not a path of RFC 5321 4.1.2, or is longer than kMaxPath.
//
// Four forms are accepted that the grammar does not have, because they are in
// use and cannot be mistaken for anything else: dots anywhere in a local part
// (`.a@x`, `a..b@x`, `a.@x`), underscores in a domain, one dot at the end of a
// domain (`a@x.`), and `<#@[]>`, the sender of qmail's double bounces.
//
// With Utf8::kYes, characters beyond ASCII count as letters, in the local part
// and in the labels of the domain, if all of `text` is UTF-8. Some are refused:
// control characters (U+0080 to U+009F), which are in no name, and the full
// stops that IDNA treats as dots (U+3002, U+FF0E, U+FF61: RFC 3490 3.1),
// because they would hide where the labels of a domain end. Otherwise the
// parser does not check that labels are U-labels, and normalizes nothing: names
// are compared as sent.
std::optional<ParsedPath> ParsePath(absl::string_view text,
                                    Utf8 utf8 = Utf8::kNo);

// Returns `path` in angle brackets, with the local part quoted if RFC 5321
// 4.1.2 requires it. ParsePath() of the result returns `path`, with Utf8::kYes
// if the path is not ASCII.
std::string FormatPath(const Path& path);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_PATH_H_
