// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// For tests: evaluates SPF for the cases in standard input, one line of JSON
// each, with the DNS of the case:
//
//   {"client": "192.0.2.1", "helo": "h.example", "local_part": "s",
//    "domain": "x.example", "receiver": "mx.example",
//    "dns": {"x.example TXT": ["v=spf1 -all"], "y.example A": null}}
//
// A name without a record of any type does not exist, and null stands for a
// lookup that fails. A line "RESULT LOOKUPS REASON<TAB>EXPLANATION" answers.

#include <cstddef>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "nlohmann/json.hpp"
#include "policy/names/dns.h"
#include "policy/spf/spf_evaluation.h"

namespace postern::policy {
namespace {

using Json = nlohmann::json;
using Status = DnsResult::Status;

std::string TypeName(DnsAnswer::Type type) {
  switch (type) {
    case DnsAnswer::kA:
      return "A";
    case DnsAnswer::kAaaa:
      return "AAAA";
    case DnsAnswer::kMx:
      return "MX";
    case DnsAnswer::kPtr:
      return "PTR";
    case DnsAnswer::kTxt:
      return "TXT";
    case DnsAnswer::kCname:
      break;
  }
  return "CNAME";
}

// Returns the data of a record as in DnsAnswer::records.
std::string DataOf(const std::string& text, DnsAnswer::Type type) {
  if (type != DnsAnswer::kA && type != DnsAnswer::kAaaa) return text;
  const auto bytes = IpAddress::Parse(text)->bytes();
  return std::string(bytes.begin() + (type == DnsAnswer::kA ? 12 : 0),
                     bytes.end());
}

DnsResult LookUp(const Json& dns, const std::string& name,
                 DnsAnswer::Type type) {
  const auto found = dns.find(absl::StrCat(name, " ", TypeName(type)));
  if (found != dns.end()) {
    if (found->is_null()) return {Status::kTemporary, {}, 0};
    DnsResult result = {Status::kFound, {}, 60};
    for (const auto& text : *found) {
      result.records.push_back(DataOf(text.get<std::string>(), type));
    }
    return result;
  }
  for (const auto& item : dns.items()) {
    if (absl::StartsWith(item.key(), absl::StrCat(name, " "))) {
      return {Status::kNoRecords, {}, 0};
    }
  }
  return {Status::kNoName, {}, 0};
}

void AnswerCase(const Json& query) {
  const auto text = [&](const char* key) {
    return query.value(key, std::string());
  };
  SpfEvaluation evaluation({.client = *IpAddress::Parse(text("client")),
                            .local_part = text("local_part"),
                            .domain = text("domain"),
                            .helo = text("helo"),
                            .receiver = text("receiver")});
  size_t lookups = 0;
  while (evaluation.lookup()) {
    ++lookups;
    const SpfEvaluation::Lookup lookup = *evaluation.lookup();
    evaluation.Answer(LookUp(query.at("dns"),
                             absl::AsciiStrToLower(lookup.name), lookup.type));
  }
  const SpfAnswer& answer = evaluation.answer();
  std::cout << SpfResultName(answer.result) << ' ' << lookups << ' '
            << answer.reason << '\t' << answer.explanation << '\n';
}

}  // namespace
}  // namespace postern::policy

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    postern::policy::AnswerCase(nlohmann::json::parse(line));
  }
}
