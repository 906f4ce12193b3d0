// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Mailbox addresses as MAIL and RCPT carry them: RFC 5321 4.1.2, 4.1.3, and in
// UTF-8 RFC 6531 3.3.
//
// There is one parser. What it returns is what the policy decides on, what
// the queue gets and what the log shows, so that no two of them can disagree
// about where the domain begins.

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
  std::string local_part;  // unquoted; case kept (RFC 5321 2.4)
  std::string domain;      // empty for <>, <postmaster> and local names

  // Returns true for the null reverse-path, "<>".
  bool null() const { return local_part.empty() && domain.empty(); }

  // Returns whether the path can be sent without SMTPUTF8 (RFC 6531 3.5).
  bool ascii() const { return IsAscii(local_part) && IsAscii(domain); }

  // Returns the address as qmail-queue's envelope, rule files and lists have
  // it: unquoted local part, '@', domain; without the '@' where there is no
  // domain. The domain begins behind the last '@', always: ParsePath() refuses
  // a local part with an '@' that has no domain.
  std::string Address() const;
  // Returns the octets of Address().
  size_t size() const;

  friend bool operator==(const Path&, const Path&) = default;
};

// Longest path in octets after unquoting. RFC 5321 4.5.3.1.3 asks for 256;
// qmail-smtpd takes 899, and qmail-queue 1003.
inline constexpr size_t kMaxPath = 899;

// What ParsePath() makes of its input.
struct ParsedPath {
  Path path;
  size_t consumed = 0;  // bytes of the input that the path took
};

// Parses the path at the start of `text`, up to its '>' or, where the angle
// brackets are missing (common, and without doubt), up to the next space.
// A source route is read and ignored (RFC 5321 3.3). `<>` gives the null path.
// A local part without a domain is a local name, as in <postmaster>; whether
// it may be used is the caller's business. Returns nullopt for anything else
// that is not a path by RFC 5321 4.1.2 or is longer than kMaxPath.
//
// Four things are accepted that the grammar does not have, since they are in
// use and cannot be mistaken for something else: dots anywhere in a local part
// (`.a@x`, `a..b@x`, `a.@x`), underscores in a domain, one dot at the end of a
// domain (`a@x.`), and `<#@[]>`, which is qmail's double-bounce sender.
//
// With Utf8::kYes characters beyond ASCII are letters, in the local part and in
// the labels of the domain, if the whole of `text` is UTF-8. Not everything is
// let pass: control characters (U+0080 to U+009F) are in no name, and the full
// stops that IDNA takes for dots (U+3002, U+FF0E, U+FF61: RFC 3490 3.1) would
// hide from us where a domain's labels end. Labels are not otherwise checked to
// be U-labels, nor is anything normalized: names are compared as they are sent.
std::optional<ParsedPath> ParsePath(absl::string_view text,
                                    Utf8 utf8 = Utf8::kNo);

// Returns `path` between angle brackets, its local part quoted where RFC 5321
// 4.1.2 asks for it. ParsePath() of the result gives `path` again, with
// Utf8::kYes if the path is not ASCII.
std::string FormatPath(const Path& path);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_PATH_H_
