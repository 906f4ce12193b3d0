// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/names/host_names.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace postern::policy {
namespace {

constexpr size_t kMaxCandidates = 10;
constexpr size_t kMaxName = 253;
constexpr size_t kMaxLabel = 63;

// Returns the name that has the PTR records of `address`.
std::string ReverseName(const IpAddress& address) {
  return ReversedLabels(address) + (address.v4() ? "in-addr.arpa" : "ip6.arpa");
}

bool IsHostName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxName) return false;
  bool number = false;
  for (absl::string_view label : absl::StrSplit(name, '.')) {
    if (label.empty() || label.size() > kMaxLabel) return false;
    number = true;
    for (char c : label) {
      if (!absl::ascii_isalnum(c) && c != '-' && c != '_') return false;
      number = number && absl::ascii_isdigit(c);
    }
  }
  return !number;
}

// Returns the names in `names` that can be a client's name, in the order in
// which they are tried.
std::vector<std::string> Candidates(std::vector<std::string> names) {
  for (std::string& name : names) absl::AsciiStrToLower(&name);
  names.erase(
      std::remove_if(names.begin(), names.end(),
                     [](const std::string& name) { return !IsHostName(name); }),
      names.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.size() > kMaxCandidates) names.resize(kMaxCandidates);
  return names;
}

// Returns the octets of `address` as in an A or AAAA record.
std::string Octets(const IpAddress& address) {
  const auto& bytes = address.bytes();
  return std::string(bytes.begin() + (address.v4() ? 12 : 0), bytes.end());
}

// The search for the name of one client: a question at a time. Used by one
// thread at a time.
class Search {
 public:
  Search(Dns* dns, const IpAddress& address, HostNames::Done done)
      : dns_(dns), address_(address), done_(std::move(done)) {}

  static void Begin(std::unique_ptr<Search> search) {
    Dns* const dns = search->dns_;
    const std::string name = ReverseName(search->address_);
    dns->Lookup(name, DnsAnswer::kPtr,
                [search = std::move(search)](const DnsResult& names) mutable {
                  if (names.status == DnsResult::Status::kTemporary) {
                    return search->Finish({.status = NameStatus::kTemporary});
                  }
                  if (names.records.empty()) return search->Finish({});
                  search->candidates_ = Candidates(names.records);
                  TryNext(std::move(search));
                });
  }

 private:
  // Looks up the addresses of the next candidate.
  static void TryNext(std::unique_ptr<Search> search) {
    if (search->next_ == search->candidates_.size()) {
      HostName forged = {.status = NameStatus::kForged};
      if (search->next_ > 0) forged.name = search->candidates_.front();
      return search->Finish(std::move(forged));
    }
    Dns* const dns = search->dns_;
    const std::string name = search->candidates_[search->next_++];
    const DnsAnswer::Type type =
        search->address_.v4() ? DnsAnswer::kA : DnsAnswer::kAaaa;
    dns->Lookup(
        name, type,
        [search = std::move(search), name](const DnsResult& addresses) mutable {
          if (addresses.status == DnsResult::Status::kTemporary) {
            return search->Finish({.status = NameStatus::kTemporary});
          }
          const std::vector<std::string>& found = addresses.records;
          if (std::find(found.begin(), found.end(), Octets(search->address_)) !=
              found.end()) {
            return search->Finish(
                {.name = std::move(name), .status = NameStatus::kConfirmed});
          }
          TryNext(std::move(search));
        });
  }

  void Finish(HostName name) { std::move(done_)(std::move(name)); }

  Dns* const dns_;
  const IpAddress address_;
  HostNames::Done done_;
  std::vector<std::string> candidates_;
  size_t next_ = 0;  // the index of the next candidate
};

}  // namespace

void HostNames::Lookup(const IpAddress& address, Done done) {
  Search::Begin(std::make_unique<Search>(dns_, address, std::move(done)));
}

}  // namespace postern::policy
