// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/sender_list.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "engine/grammar/domain.h"

namespace postern::policy {
namespace {

constexpr absl::string_view kBlanks = " \t";

// The parts of a line. Views of the line.
struct Entry {
  absl::string_view user;
  std::vector<absl::string_view> addresses;
};

std::vector<absl::string_view> SplitAddresses(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar(kBlanks), absl::SkipEmpty());
}

// Parses `line`. A line without a user gives no addresses.
Entry ParseEntry(absl::string_view line) {
  const size_t colon = line.find(':');
  if (colon == 0 || colon == absl::string_view::npos) return {};
  return {line.substr(0, colon), SplitAddresses(line.substr(colon + 1))};
}

bool EqualsAddress(absl::string_view left, absl::string_view right) {
  const size_t at = std::min(left.rfind('@'), left.size());
  const size_t other = std::min(right.rfind('@'), right.size());
  // Up to the '@', which one of them may not have.
  return left.substr(0, at + 1) == right.substr(0, other + 1) &&
         EqualDomains(left.substr(std::min(at + 1, left.size())),
                      right.substr(std::min(other + 1, right.size())));
}

// Returns whether `entry` matches `sender`, which is not the null path.
bool Matches(absl::string_view entry, const Path& sender,
             absl::string_view address) {
  if (entry.rfind('@') == 0) {
    return !sender.domain.empty() &&
           EqualDomains(entry.substr(1), sender.domain);
  }
  return EqualsAddress(entry, address);
}

template <typename Addresses>
bool AnyMatches(const Addresses& entries, const Path& sender,
                absl::string_view address) {
  return std::any_of(
      entries.begin(), entries.end(),
      [&](absl::string_view entry) { return Matches(entry, sender, address); });
}

// The mistakes that an entry can have.
enum Fault : uint8_t { kNobody, kImpossible, kDot, kPattern };
constexpr absl::string_view kFaults[] = {
    "the entry is not of the form USER:ADDRESSES and has no effect",
    "the entry contains an address without a domain after its '@', which "
    "can never match",
    "the entry contains an address whose domain begins with a dot, which can "
    "never match: list each subdomain",
    "the entry contains a '*', which matches only itself "
    "(@y.example matches each address at y.example)",
};

// Returns the mistakes in an entry that has `addresses`.
std::vector<Fault> FaultsOf(const std::vector<absl::string_view>& addresses) {
  std::vector<Fault> faults;
  const auto any = [&addresses](auto is) {
    return std::any_of(addresses.begin(), addresses.end(), is);
  };
  if (addresses.empty()) faults.push_back(kNobody);
  if (any([](absl::string_view each) { return absl::EndsWith(each, "@"); })) {
    faults.push_back(kImpossible);
  }
  if (any([](absl::string_view each) {
        return absl::StrContains(each, "@.");
      })) {
    faults.push_back(kDot);
  }
  if (any([](absl::string_view each) {
        return absl::StrContains(each, '*');
      })) {
    faults.push_back(kPattern);
  }
  return faults;
}

}  // namespace

SenderList::SenderList(const std::vector<Line>& lines,
                       std::optional<files::Cdb> more)
    : more_(std::move(more)) {
  for (const Line& line : lines) {
    const Entry entry = ParseEntry(line.text);
    if (entry.addresses.empty()) continue;
    std::vector<std::string>& addresses = lines_[entry.user];
    for (absl::string_view each : entry.addresses) {
      addresses.emplace_back(each);
    }
  }
}

absl::StatusOr<bool> SenderList::Allows(absl::string_view user,
                                        const Path& sender) const {
  if (sender.null()) return true;
  const std::string address = sender.Address();
  if (absl::StrContains(user, '@') && EqualsAddress(user, address)) return true;
  const auto found = lines_.find(user);
  if (found != lines_.end() && AnyMatches(found->second, sender, address)) {
    return true;
  }
  if (!more_) return false;
  const auto data = more_->Find(user);
  if (!data.ok()) return data.status();
  return data->has_value() &&
         AnyMatches(SplitAddresses(**data), sender, address);
}

std::vector<std::string> CheckSenderLines(absl::string_view path,
                                          const std::vector<Line>& lines) {
  std::vector<Mistake> mistakes;
  for (const absl::string_view what : kFaults) mistakes.emplace_back(what);
  for (const Line& line : lines) {
    for (const Fault fault : FaultsOf(ParseEntry(line.text).addresses)) {
      mistakes[fault].Add(line.number);
    }
  }
  std::vector<std::string> warnings;
  for (const Mistake& mistake : mistakes) mistake.Report(path, &warnings);
  return warnings;
}

absl::StatusOr<std::vector<std::string>> CheckSenderRecords(
    const files::Cdb& database) {
  std::vector<KeyMistake> mistakes(std::size(kFaults));
  size_t left = kMaxCheckedRecords;
  const absl::Status read = database.ForEach(
      [&](absl::string_view user, absl::string_view addresses) {
        for (const Fault fault : FaultsOf(SplitAddresses(addresses))) {
          mistakes[fault].Add(user);
        }
        return --left > 0;
      });
  if (!read.ok()) return read;
  std::vector<std::string> warnings;
  for (size_t i = 0; i < mistakes.size(); ++i) {
    mistakes[i].Report(
        database.path(), "user",
        i == kNobody ? "the record contains no address" : kFaults[i],
        &warnings);
  }
  return warnings;
}

}  // namespace postern::policy
