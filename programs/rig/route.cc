// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/route.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace postern::programs {
namespace {

using Captures = std::map<std::string, std::string>;

bool MatchSegment(absl::string_view pattern, absl::string_view segment,
                  Captures* captures) {
  if (!absl::ConsumePrefix(&pattern, "{")) return pattern == segment;
  const size_t end = pattern.find('}');
  const absl::string_view suffix = pattern.substr(end + 1);
  if (!absl::ConsumeSuffix(&segment, suffix) || segment.empty()) return false;
  (*captures)[std::string(pattern.substr(0, end))] = std::string(segment);
  return true;
}

bool MatchPath(absl::string_view pattern,
               const std::vector<absl::string_view>& segments,
               Captures* captures) {
  const std::vector<absl::string_view> patterns = absl::StrSplit(pattern, '/');
  if (patterns.size() != segments.size()) return false;
  for (size_t i = 0; i < patterns.size(); ++i) {
    if (!MatchSegment(patterns[i], segments[i], captures)) return false;
  }
  return true;
}

}  // namespace

const Route* FindRoute(absl::Span<const absl::Span<const Route>> tables,
                       HttpRequest* request, HttpResponse* refusal) {
  absl::string_view path = request->path;
  if (path.size() > 1) (void)absl::ConsumeSuffix(&path, "/");
  const std::vector<absl::string_view> segments = absl::StrSplit(path, '/');
  const absl::string_view method =
      request->method == "HEAD" ? "GET" : absl::string_view(request->method);
  std::vector<absl::string_view> others;
  for (const absl::Span<const Route> table : tables) {
    for (const Route& route : table) {
      Captures captures;
      if (!MatchPath(route.path, segments, &captures)) continue;
      if (route.method == method) {
        request->captures = std::move(captures);
        return &route;
      }
      if (std::count(others.begin(), others.end(), route.method) == 0) {
        others.push_back(route.method);
      }
    }
  }
  if (others.empty()) {
    *refusal =
        HttpError(404, "There is no such path. /openapi.json lists all.");
    return nullptr;
  }
  *refusal = HttpError(405, "The path has other methods.");
  refusal->headers.emplace_back("Allow", absl::StrJoin(others, ", "));
  return nullptr;
}

absl::Span<const absl::Span<const Route>> AllRoutes() {
  static const std::vector<absl::Span<const Route>> all = {
      MailpitRoutes(), MailHogRoutes(), PosternRoutes(), PageRoutes()};
  return all;
}

}  // namespace postern::programs
