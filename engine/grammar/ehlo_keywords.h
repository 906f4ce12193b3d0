// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a server offers in its reply to EHLO or LHLO: RFC 5321 4.1.1.1.

#ifndef POSTERN_ENGINE_GRAMMAR_EHLO_KEYWORDS_H_
#define POSTERN_ENGINE_GRAMMAR_EHLO_KEYWORDS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace postern {

// The keywords and their parameters. Empty by default. Arguments are
// case-insensitive. If a keyword appears twice, the first counts. Each look-up
// costs time in proportion to the length of the server's reply.
class EhloKeywords {
 public:
  EhloKeywords() = default;
  // Takes the text of the reply. Its first line is the server's name.
  explicit EhloKeywords(absl::string_view reply_text);

  // Returns whether `keyword` is offered.
  bool Has(absl::string_view keyword) const;

  // Returns the parameters of `keyword`: "1000" for SIZE, "PLAIN LOGIN" for
  // AUTH. Empty if there are none, or no such keyword. Valid as long as this
  // object.
  absl::string_view Parameters(absl::string_view keyword) const;

  // Returns whether `word` is one of the parameters of `keyword`.
  bool HasParameter(absl::string_view keyword, absl::string_view word) const;

 private:
  // Returns the line of `keyword`, or an empty view.
  absl::string_view Find(absl::string_view keyword) const;

  std::string lines_;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_EHLO_KEYWORDS_H_
