// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/explain/log_comparison.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "log/printable.h"
#include "nlohmann/json.hpp"

namespace postern::programs {
namespace {

absl::string_view Text(Decided decided) {
  switch (decided) {
    case Decided::kAccept:
      return "accepts";
    case Decided::kTemporary:
      return "refuses temporarily";
    case Decided::kPermanent:
      return "refuses permanently";
    case Decided::kRefuse:
      return "refuses";
  }
  return "";
}

bool Differ(Decided a, Decided b) {
  if (a == b) return false;
  // The log does not say which refusal it was.
  if (a == Decided::kRefuse) return b == Decided::kAccept;
  if (b == Decided::kRefuse) return a == Decided::kAccept;
  return true;
}

}  // namespace

void LogComparison::Add(absl::string_view line) {
  ++lines_;
  const LogLineContent content = ReadOldLogLine(line);
  if (!content.decision) {
    if (content.unusable.empty()) {
      ++other_;
    } else {
      ++unusable_[content.unusable];
    }
    return;
  }
  const LoggedDecision& old = *content.decision;
  const NewDecision now = ask_(old);
  if (!Differ(old.decided, now.decided)) {
    ++same_;
    return;
  }
  ++different_;
  const Key key = {old.reason, now.reason};
  auto group = groups_.find(key);
  if (group == groups_.end()) {
    if (groups_.size() >= kMaxGroups) {
      ++ungrouped_;
      return;
    }
    group = groups_.emplace(key, Group{old.decided, now.decided, 0, {}}).first;
  }
  ++group->second.count;
  if (group->second.examples.size() >= kMaxExamples) return;
  group->second.examples.push_back(
      absl::StrCat(name_, ":", lines_, ": client ", ToString(old.client),
                   ", from <", old.sender, ">, to <", old.recipient, ">",
                   old.user.empty() ? "" : ", user ", old.user));
}

absl::Status LogComparison::Read(int descriptor) {
  std::string buffer(size_t{256} << 10, '\0');
  std::string line;
  bool too_long = false;
  for (;;) {
    const ssize_t n = read(descriptor, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, name_);
    if (n == 0) break;
    absl::string_view rest(buffer.data(), static_cast<size_t>(n));
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      const absl::string_view part = rest.substr(0, end);
      if (line.size() + part.size() > kMaxLine) {
        too_long = true;
        line.clear();
      }
      const bool whole = line.empty() && !too_long;
      if (!too_long && (end == absl::string_view::npos || !whole)) {
        absl::StrAppend(&line, part);
      }
      if (end == absl::string_view::npos) break;
      if (too_long) {
        ++lines_;
        ++too_long_;
      } else {
        Add(whole ? part : absl::string_view(line));
      }
      line.clear();
      too_long = false;
      rest.remove_prefix(end + 1);
    }
  }
  if (too_long) {
    ++lines_;
    ++too_long_;
  } else if (!line.empty()) {
    Add(line);
  }
  return absl::OkStatus();
}

std::vector<const std::pair<const LogComparison::Key, LogComparison::Group>*>
LogComparison::Sorted() const {
  std::vector<const std::pair<const Key, Group>*> groups;
  for (const auto& group : groups_) groups.push_back(&group);
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto* a, const auto* b) {
                     return a->second.count > b->second.count;
                   });
  return groups;
}

std::string LogComparison::FormatText() const {
  std::string text = absl::StrCat(name_, ": ", lines_, " lines, ", decisions(),
                                  " decisions about recipients\n  ", same_,
                                  " the same\n  ", different_, " different\n");
  for (const auto& [why, count] : unusable_) {
    absl::StrAppend(&text, "  ", count, " lines not used: ", why, "\n");
  }
  if (too_long_ > 0) {
    absl::StrAppend(&text, "  ", too_long_, " lines not used: longer than ",
                    kMaxLine, " octets\n");
  }
  if (other_ > 0) {
    absl::StrAppend(&text, "  ", other_, " lines about something else\n");
  }
  for (const auto* group : Sorted()) {
    const auto& [key, value] = *group;
    absl::StrAppend(
        &text, "\n", value.count, ": the old server ", Text(value.old_decided),
        ": ", log::Printable(key.first), "\n",
        std::string(absl::StrCat(value.count).size() + 2, ' '), "postern ",
        Text(value.new_decided), ": ", log::Printable(key.second), "\n");
    for (const std::string& example : value.examples) {
      absl::StrAppend(&text, "    ", log::Printable(example), "\n");
    }
  }
  if (ungrouped_ > 0) {
    absl::StrAppend(&text, "\n", ungrouped_,
                    " differences have other reasons than the ", kMaxGroups,
                    " above\n");
  }
  return text;
}

std::string LogComparison::FormatJson() const {
  nlohmann::ordered_json object;
  object["lines"] = lines_;
  object["same"] = same_;
  object["different"] = different_;
  object["other_lines"] = other_;
  object["long_lines"] = too_long_;
  object["not_used"] = nlohmann::ordered_json::object();
  for (const auto& [why, count] : unusable_) {
    object["not_used"][std::string(why)] = count;
  }
  object["differences"] = nlohmann::ordered_json::array();
  for (const auto* group : Sorted()) {
    const auto& [key, value] = *group;
    object["differences"].push_back(
        {{"count", value.count},
         {"old", std::string(Text(value.old_decided))},
         {"old_reason", key.first},
         {"new", std::string(Text(value.new_decided))},
         {"new_reason", key.second},
         {"examples", value.examples}});
  }
  object["differences_of_other_reasons"] = ungrouped_;
  return object.dump(-1, ' ', /*ensure_ascii=*/true,
                     nlohmann::ordered_json::error_handler_t::replace) +
         "\n";
}

}  // namespace postern::programs
