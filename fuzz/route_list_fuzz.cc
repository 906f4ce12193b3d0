// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: for any lines of control/routes, each line is an error or is in use,
// a recipient gets the line that a simple walk over the lines finds, and each
// next hop of a line has a text that means the same when it is read again.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/domain.h"
#include "engine/grammar/path.h"
#include "fuzz/memory_file.h"
#include "gtest/gtest.h"
#include "policy/control/control_file.h"
#include "service/destination.h"
#include "service/route_list.h"

namespace postern::service {
namespace {

// The domain of a line, as it is compared.
std::string DomainOf(const std::string& line) {
  const size_t literal = line[0] == '[' ? line.find(']') : 0;
  return AsciiDomain(line.substr(0, line.find(':', literal)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const Path to = {"u", input.ConsumeRandomLengthString(40)};
  const std::string me = input.ConsumeRandomLengthString(10);
  const MemoryFile file(input.ConsumeRemainingBytesAsString());
  std::vector<std::string> ignored;
  const auto lines = policy::ReadControlList(file.path(), &ignored)->value();
  const std::vector<DestinationOption> named = {{"out", "discard"}};
  std::vector<absl::Status> errors;
  const RouteList routes = RouteList::Make("routes", lines, named, &errors);
  std::map<std::string, std::string> in_use;  // domain to "FILE:LINE"
  for (const policy::Line& line : lines) {
    const std::string source = absl::StrCat("routes:", line.number);
    bool wrong = errors.size() >= policy::kMaxErrors;
    for (const absl::Status& error : errors) {
      wrong |= absl::StartsWith(error.message(), absl::StrCat(source, ": "));
    }
    if (wrong) continue;
    EXPECT_TRUE(in_use.emplace(DomainOf(line.text), source).second);
  }
  if (errors.size() >= policy::kMaxErrors) return 0;
  EXPECT_EQ(routes.size(), in_use.size());
  // The whole domain, then each suffix with a dot, then the empty domain.
  std::string domain = AsciiDomain(to.domain.empty() ? me : to.domain);
  while (in_use.count(domain) == 0 && !domain.empty()) {
    const size_t dot = domain.find('.', 1);
    domain = dot == std::string::npos ? "" : domain.substr(dot);
  }
  const RouteList::Route* const found = routes.Find(to, me);
  EXPECT_EQ(found == nullptr ? "" : found->source,
            in_use.count(domain) == 0 ? "" : in_use[domain]);
  for (const RouteList::Target& target : routes.targets()) {
    if (!target.name.empty()) continue;
    const auto hop = NextHopOf(target.spec);
    EXPECT_TRUE(hop.ok()) << hop.status();
    if (!hop.ok()) continue;
    const std::string kind = target.spec.substr(0, target.spec.find(':'));
    EXPECT_EQ(*NextHopOf(absl::StrCat(kind, ":", hop->Format())), *hop);
  }
  return 0;
}

}  // namespace postern::service
