// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a server offers in its reply to EHLO or LHLO: RFC 5321 4.1.1.1.

#ifndef POSTERN_ENGINE_GRAMMAR_EHLO_KEYWORDS_H_
#define POSTERN_ENGINE_GRAMMAR_EHLO_KEYWORDS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace postern {

// Keywords, and what stands behind each. Empty at first. Case does not matter
// in any argument; of a keyword that is there twice, the first counts. Each
// look-up costs the length of the server's reply.
class EhloKeywords {
 public:
  EhloKeywords() = default;
  // Takes the text of the reply: its first line is the server's name.
  explicit EhloKeywords(absl::string_view reply_text);

  // Returns whether `keyword` is offered.
  bool Has(absl::string_view keyword) const;

  // Returns what stands behind `keyword`: "1000" for SIZE, "PLAIN LOGIN" for
  // AUTH. Empty if there is nothing, or no such keyword. Lives as long as this.
  absl::string_view Parameters(absl::string_view keyword) const;

  // Returns whether `word` is one of the words behind `keyword`.
  bool HasParameter(absl::string_view keyword, absl::string_view word) const;

 private:
  // Returns the line of `keyword`, or nothing.
  absl::string_view Find(absl::string_view keyword) const;

  std::string lines_;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_EHLO_KEYWORDS_H_
