// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/user_key.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "auth/saslprep.h"

namespace postern::auth {

std::string UserKey(absl::string_view user, Spelling spelling) {
  std::optional<std::string> prepared = SaslPrep(user);
  if (!prepared) return "";
  switch (spelling) {
    case Spelling::kPrepared:
      break;
    case Spelling::kFolded:
      return FoldCase(absl::StripAsciiWhitespace(*prepared));
  }
  return *std::move(prepared);
}

UserKeys::UserKeys(const Backend& backend) {
  for (const Mechanism& mechanism : backend.mechanisms()) {
    spellings_.emplace(mechanism.name, mechanism.spelling);
  }
}

std::string UserKeys::Of(absl::string_view mechanism,
                         absl::string_view user) const {
  const auto found = spellings_.find(mechanism);
  return UserKey(user,
                 found == spellings_.end() ? Spelling::kFolded : found->second);
}

}  // namespace postern::auth
