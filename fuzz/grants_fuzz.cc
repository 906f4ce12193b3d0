// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: grants that are accepted cover themselves, also after they were
// written and read again, and what is written does not change when it is
// written again. If a second file is covered by the first one, then each
// address and each name that the second file grants is granted by the first.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"
#include "net/address_set.h"
#include "programs/check/grants.h"

namespace postern::programs {
namespace {

using Kind = Grant::Kind;

bool GrantsAddress(const std::vector<Grant>& grants, const IpAddress& address) {
  for (const Grant& grant : grants) {
    if (grant.kind == Kind::kEveryone) return true;
    if (grant.kind != Kind::kAddress) continue;
    if (grant.addresses.Contains(address)) return true;
  }
  return false;
}

bool GrantsName(const std::vector<Grant>& grants, absl::string_view name) {
  for (const Grant& grant : grants) {
    if (grant.kind == Kind::kEveryone || grant.kind == Kind::kNames) {
      return true;
    }
    if (grant.kind != Kind::kName) continue;
    if (grant.text == name) return true;
    if (absl::StartsWith(grant.text, ".") && name.size() > grant.text.size() &&
        absl::EndsWith(name, grant.text)) {
      return true;
    }
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const std::string other = input.ConsumeRandomLengthString(200);
  const auto declared =
      ParseGrants("declared", input.ConsumeRemainingBytesAsString());
  if (!declared.ok()) {
    EXPECT_TRUE(absl::StartsWith(declared.status().message(), "declared:"));
    return 0;
  }
  const std::string written = FormatGrants(*declared);
  const auto again = ParseGrants("written", written);
  EXPECT_TRUE(again.ok()) << again.status() << written;
  if (!again.ok()) return 0;
  EXPECT_EQ(CompareGrants(*declared, "written", *again).growth,
            std::vector<std::string>());
  EXPECT_EQ(FormatGrants(*again), written);

  const auto present = ParseGrants("present", other);
  if (!present.ok()) return 0;
  if (!CompareGrants(*present, "declared", *declared).growth.empty()) return 0;
  for (const Grant& grant : *present) {
    if (grant.kind == Kind::kAddress) {
      for (const net::AddressRange& range : grant.addresses.Ranges()) {
        EXPECT_TRUE(GrantsAddress(*declared, range.first));
        EXPECT_TRUE(GrantsAddress(*declared, range.last));
      }
    }
    if (grant.kind == Kind::kName) {
      const bool suffix = absl::StartsWith(grant.text, ".");
      EXPECT_TRUE(GrantsName(*declared, suffix ? "a" + grant.text : grant.text))
          << grant.text;
    }
  }
  return 0;
}

}  // namespace postern::programs
