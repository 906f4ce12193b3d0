// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/introspection.h"

#include <algorithm>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"

namespace postern::programs {
namespace {

using Json = nlohmann::json;

absl::Status No(absl::string_view what) {
  return absl::PermissionDeniedError(what);
}

absl::Status NoAnswer(absl::string_view what) {
  return absl::DataLossError(what);
}

// Returns the member `name`, null where there is none.
const Json* Find(const Json& object, absl::string_view name) {
  const auto found = object.find(std::string(name));
  return found == object.end() ? nullptr : &*found;
}

bool HasScope(const Json& scope, absl::string_view wanted) {
  const std::vector<absl::string_view> scopes =
      absl::StrSplit(scope.get_ref<const std::string&>(), ' ');
  return std::find(scopes.begin(), scopes.end(), wanted) != scopes.end();
}

}  // namespace

absl::StatusOr<std::string> ReadIntrospection(absl::string_view json,
                                              const IntrospectionRules& rules) {
  const Json answer = Json::parse(json.begin(), json.end(), nullptr,
                                  /*allow_exceptions=*/false);
  if (!answer.is_object()) return NoAnswer("the answer is no JSON object");
  const Json* const active = Find(answer, "active");
  if (active == nullptr || !active->is_boolean()) {
    return NoAnswer("the answer does not say whether the token is active");
  }
  if (!active->get<bool>()) return No("the token is not active");
  if (!rules.scope.empty()) {
    const Json* const scope = Find(answer, "scope");
    if (scope != nullptr && !scope->is_string()) {
      return NoAnswer("the answer's scope is no string");
    }
    if (scope == nullptr || !HasScope(*scope, rules.scope)) {
      return No(absl::StrCat("the token has not the scope ", rules.scope));
    }
  }
  const Json* const claim = Find(answer, rules.claim);
  if (claim == nullptr) {
    return No(absl::StrCat("the token has no ", rules.claim));
  }
  if (!claim->is_string()) {
    return NoAnswer(
        absl::StrCat("the answer's ", rules.claim, " is no string"));
  }
  if (rules.claim == "email") {
    const Json* const verified = Find(answer, "email_verified");
    if (verified != nullptr && *verified != true && *verified != "true") {
      return No("the token's email is not verified");
    }
  }
  const auto& identity = claim->get_ref<const std::string&>();
  if (identity.empty() ||
      std::any_of(identity.begin(), identity.end(), absl::ascii_iscntrl)) {
    return NoAnswer(
        absl::StrCat("the answer's ", rules.claim, " is no name of a user"));
  }
  return identity;
}

}  // namespace postern::programs
