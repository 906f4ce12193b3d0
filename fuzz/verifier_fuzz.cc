// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: a verifier that parses prints as it was, as one word that fits into a
// line of a file of users. So does its stand-in, which has the same cost and
// differs. Text that does not parse appears in no message.

#include <cstdint>
#include <set>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "auth/verifier.h"
#include "gtest/gtest.h"

namespace postern::auth {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Verifier> verifier = Verifier::Parse(text);
  if (!verifier.ok()) {
    static const auto* const messages = new std::set<absl::string_view>{
        "neither SCRAM-SHA-256 nor a complete $y$, $gy$, $2a$, $2b$, $2y$, $5$ "
        "or $6$ of crypt: set the password again",
        "not SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY",
        "SCRAM-SHA-256 needs 4096 to 5000000 iterations",
        "the salt is not base64",
        "a key is not 32 octets in base64",
    };
    EXPECT_EQ(messages->count(verifier.status().message()), 1u);
    return 0;
  }
  EXPECT_EQ(verifier->text(), text);
  for (const char c : text) EXPECT_TRUE(c > ' ' && c <= '~' && c != '#');
  EXPECT_TRUE(absl::StartsWith(text, verifier->cost()));
  EXPECT_LT(verifier->cost().size(), size);
  const Verifier stand_in = verifier->StandIn();
  EXPECT_EQ(stand_in.cost(), verifier->cost());
  EXPECT_EQ(stand_in.text().size(), size);
  EXPECT_EQ(stand_in.scram() == nullptr, verifier->scram() == nullptr);
  const absl::StatusOr<Verifier> again = Verifier::Parse(stand_in.text());
  EXPECT_TRUE(again.ok() && *again == stand_in) << again.status();
  return 0;
}

}  // namespace postern::auth
