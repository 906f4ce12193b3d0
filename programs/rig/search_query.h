// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The search filters of Mailpit.

#ifndef POSTERN_PROGRAMS_RIG_SEARCH_QUERY_H_
#define POSTERN_PROGRAMS_RIG_SEARCH_QUERY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace postern::programs {

// One condition. A query is all of its conditions.
struct SearchTerm {
  enum class Field : uint8_t {
    kText,        // WORD: the address fields, the subject, the text, file names
    kTo,          // to:WORD
    kFrom,        // from:WORD
    kCc,          // cc:WORD
    kBcc,         // bcc:WORD
    kReplyTo,     // reply-to:WORD
    kAddressed,   // addressed:WORD: any of these fields
    kSubject,     // subject:WORD
    kMessageId,   // message-id:WORD
    kTag,         // tag:NAME, the whole name
    kRead,        // is:read. is:unread is its negation
    kTagged,      // is:tagged
    kAttachment,  // has:attachment
    kInline,      // has:inline
    kSince,       // after:DATE, from then on. before:DATE: up to then
    kUntil,
    kLarger,   // larger:SIZE: 100, 1.5k, 2MB
    kSmaller,  // smaller:SIZE
  } field = Field::kText;
  bool negated = false;  // "-" or "!" before the term
  std::string word;      // as SearchText() makes it
  absl::Time time;
  uint64_t octets = 0;

  friend bool operator==(const SearchTerm&, const SearchTerm&) = default;
};

// Reads a query: terms with blanks between them. Double quotes make one term of
// several words: subject:"two words". The names of fields are compared without
// regard to case. A DATE is 2026-11-30, 2026/11/30, either with a time
// "12:30" or "12:30:59" after a blank, or as in RFC 3339; `zone` is its time
// zone ("Pacific/Auckland") if it has none, by default UTC. A term without a
// letter or digit is ignored, as in Mailpit.
//
// kInvalidArgument: a date, a time zone or a size that cannot be read, by name.
// Mailpit ignores them; a test that counts messages would count wrong ones.
absl::StatusOr<std::vector<SearchTerm>> ParseSearchQuery(
    absl::string_view query, absl::string_view zone);

// Returns text in the form in which words are compared: lower case, with one
// blank for each sequence of white space and of the characters <>",;().
std::string SearchText(absl::string_view text);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_SEARCH_QUERY_H_
