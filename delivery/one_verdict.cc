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

Verdict OneVerdict(std::vector<Verdict> verdicts) {
  const auto of_kind = [&verdicts](auto is) {
    return std::find_if(verdicts.begin(), verdicts.end(), is);
  };
  const auto accepted =
      of_kind([](const Verdict& each) { return each.accepted(); });
  const auto temporary = of_kind([](const Verdict& each) {
    return !each.accepted() && !each.reply()->permanent();
  });
  if (temporary != verdicts.end()) return *temporary;
  const auto permanent =
      of_kind([](const Verdict& each) { return !each.accepted(); });
  if (permanent == verdicts.end()) {
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
  if (accepted == verdicts.end()) return std::move(verdicts.front());
  Reply reply{451,
              {4, 5, 0},
              absl::StrCat("only some recipients have the message: ",
                           Quote(*permanent->reply()), " (#4.5.0)")};
  return Verdict::Refuse(std::move(reply))
      .By(permanent->rule())
      .From(permanent->source());
}

}  // namespace postern::delivery
