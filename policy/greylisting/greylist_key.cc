// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/greylisting/greylist_key.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/domain.h"

namespace postern::policy {
namespace {

std::string Join(absl::string_view local_part, absl::string_view domain) {
  std::string address =
      domain.empty() ? std::string(local_part)
                     : absl::StrCat(local_part, "@", AsciiDomain(domain));
  if (address.size() > kMaxGreylistAddress) address.resize(kMaxGreylistAddress);
  return address;
}

// Whether `text` looks like the tag of BATV: KDDDSSSSSS.
bool IsTag(absl::string_view text) {
  return text.size() >= 10 &&
         std::all_of(text.begin(), text.begin() + 10, absl::ascii_isxdigit);
}

// Returns "srs0=a.example=ann" of "srs0=hash=tt=a.example=ann", and the same of
// SRS1. `local_part` is in lower case.
std::string WithoutSrs(absl::string_view local_part) {
  constexpr size_t kPrefix = 4;  // "srs0"
  const std::string prefix(local_part.substr(0, kPrefix));
  const std::vector<absl::string_view> parts =
      absl::StrSplit(local_part.substr(kPrefix + 1), '=');
  std::vector<absl::string_view> kept = {prefix};
  if (prefix == "srs0" && parts.size() >= 4) {
    kept.insert(kept.end(), parts.begin() + 2, parts.end());
  } else if (prefix == "srs1" && parts.size() >= 7) {
    kept.push_back(parts[1]);  // the first forwarder
    kept.insert(kept.end(), parts.begin() + 5, parts.end());
  } else {
    return std::string(local_part);
  }
  return absl::StrJoin(kept, "=");
}

bool IsSrs(absl::string_view local_part) {
  return local_part.size() > 5 &&
         (absl::StartsWith(local_part, "srs0") ||
          absl::StartsWith(local_part, "srs1")) &&
         absl::StrContains("=+-", local_part[4]);
}

// Returns "ann" of "prvs=0123456789=ann" and of "prvs=ann=0123456789".
absl::string_view WithoutBatv(absl::string_view local_part) {
  const std::vector<absl::string_view> parts = absl::StrSplit(local_part, '=');
  if (parts.size() != 3 || parts[0] != "prvs") return local_part;
  return IsTag(parts[2]) && !IsTag(parts[1]) ? parts[1] : parts[2];
}

bool IsWord(char c) { return absl::ascii_isalnum(c) || c == '_'; }

// Replaces each number that is a word of its own by '#'.
std::string WithoutNumbers(absl::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && IsWord(text[end])) ++end;
    const absl::string_view word = text.substr(i, end - i);
    if (word.empty()) {
      result += text[i++];
      continue;
    }
    const bool number =
        std::all_of(word.begin(), word.end(), absl::ascii_isdigit);
    absl::StrAppend(&result, number ? "#" : word);
    i = end;
  }
  return result;
}

}  // namespace

std::string GreylistNetwork(const IpAddress& client) {
  IpAddress::Bytes bytes = client.bytes();
  const size_t kept = client.v4() ? 15 : 8;
  std::fill(bytes.begin() + static_cast<ptrdiff_t>(kept), bytes.end(), 0);
  return absl::StrCat(IpAddress(bytes).ToString(), client.v4() ? "/24" : "/64");
}

std::string GreylistAddress(const Path& path) {
  return Join(absl::AsciiStrToLower(path.local_part), path.domain);
}

std::string GreylistSender(const Path& sender) {
  const std::string local_part = absl::AsciiStrToLower(sender.local_part);
  if (IsSrs(local_part)) return Join(WithoutSrs(local_part), sender.domain);
  absl::string_view name = WithoutBatv(local_part);
  name = name.substr(0, name.find('+'));
  return Join(WithoutNumbers(name), sender.domain);
}

GreylistKey MakeGreylistKey(const IpAddress& client, const Path& sender,
                            const Path& recipient) {
  return {GreylistNetwork(client), GreylistSender(sender),
          GreylistAddress(recipient)};
}

}  // namespace postern::policy
