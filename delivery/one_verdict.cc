// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/one_verdict.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace postern::delivery {

std::string Quote(const Reply& reply) {
  std::string text = FormatReply(reply);
  text.resize(std::min({text.size(), text.find('\r'), kMaxQuoted}));
  return text;
}

size_t FirstRefusal(absl::Span<const Verdict> verdicts) {
  size_t first = verdicts.size();
  for (size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i].accepted()) continue;
    if (!verdicts[i].reply()->permanent()) return i;
    if (first == verdicts.size()) first = i;
  }
  return first;
}

Verdict OneVerdict(std::vector<Verdict> verdicts) {
  const size_t refused = FirstRefusal(verdicts);
  if (refused == verdicts.size()) {
    std::vector<std::string> sources;
    for (const Verdict& each : verdicts) {
      const std::string& source = each.source();
      if (source.empty() ||
          std::find(sources.begin(), sources.end(), source) != sources.end()) {
        continue;
      }
      sources.push_back(source);
    }
    if (sources.size() < 2) return std::move(verdicts.front());
    return std::move(verdicts.front()).From(absl::StrJoin(sources, ", "));
  }
  Verdict& refusal = verdicts[refused];
  const bool all =
      std::none_of(verdicts.begin(), verdicts.end(),
                   [](const Verdict& each) { return each.accepted(); });
  if (all || !refusal.reply()->permanent()) return std::move(refusal);
  Reply reply{451,
              {4, 5, 0},
              absl::StrCat("only some recipients have the message: ",
                           Quote(*refusal.reply()), " (#4.5.0)")};
  return Verdict::Refuse(std::move(reply))
      .By(refusal.rule())
      .From(refusal.source());
}

}  // namespace postern::delivery
