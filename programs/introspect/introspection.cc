// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/introspect/introspection.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
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

// Returns the member `name`, or null if there is none.
const Json* Find(const Json& object, absl::string_view name) {
  const auto found = object.find(std::string(name));
  return found == object.end() ? nullptr : &*found;
}

bool HasScope(const Json& scope, absl::string_view wanted) {
  const std::vector<absl::string_view> scopes =
      absl::StrSplit(scope.get_ref<const std::string&>(), ' ');
  return std::find(scopes.begin(), scopes.end(), wanted) != scopes.end();
}

// The members that give the kind of a token, and their values for a token that
// may be used as a bearer token (RFC 6750) for a service. Other kinds are
// refused: refresh tokens and ID tokens are not meant for services, and a token
// that is bound to a key needs a proof of the key.
struct KindMember {
  absl::string_view name;
  absl::string_view accepted[3];  // in lower case; empty: unused
};
constexpr KindMember kKindMembers[] = {
    // RFC 7662 2.2: the type as in RFC 6749 5.1. Some servers write the kind
    // instead.
    {"token_type",
     {"bearer", "access_token",
      "urn:ietf:params:oauth:token-type:access_token"}},
    // Cognito, Ory Hydra.
    {"token_use", {"access", "access_token"}},
    // Keycloak; RFC 9068 2.1.
    {"typ", {"bearer", "at+jwt", "application/at+jwt"}},
};

// Returns an error unless the answer is about a bearer access token.
absl::Status CheckKind(const Json& answer) {
  for (const KindMember& member : kKindMembers) {
    const Json* const kind = Find(answer, member.name);
    if (kind == nullptr) continue;
    if (!kind->is_string()) {
      return NoAnswer(
          absl::StrCat("the answer's ", member.name, " is not a string"));
    }
    const std::string text =
        absl::AsciiStrToLower(kind->get_ref<const std::string&>());
    if (text.empty() ||
        std::find(std::begin(member.accepted), std::end(member.accepted),
                  text) == std::end(member.accepted)) {
      return No(absl::StrCat("the token is not a bearer access token: its ",
                             member.name, " is ", absl::CHexEscape(text)));
    }
  }
  // RFC 7800, RFC 8705 3.2, RFC 9449 6.
  if (Find(answer, "cnf") != nullptr) {
    return No(
        "the token is bound to a key (cnf), which this program cannot check");
  }
  return absl::OkStatus();
}

// Returns an error unless the token is for `audience` (RFC 7519 4.1.3).
absl::Status CheckAudience(const Json& answer, absl::string_view audience) {
  const Json* const member = Find(answer, "aud");
  if (member == nullptr) return No("the token has no audience (aud)");
  const Json several = member->is_array() ? *member : Json::array({*member});
  bool found = false;
  for (const Json& each : several) {
    if (!each.is_string()) return NoAnswer("the answer's aud is not a string");
    found = found || each.get_ref<const std::string&>() == audience;
  }
  if (!found) return No(absl::StrCat("the token is not for ", audience));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadIntrospection(absl::string_view json,
                                              const IntrospectionRules& rules) {
  const Json answer = Json::parse(json.begin(), json.end(), nullptr,
                                  /*allow_exceptions=*/false);
  if (!answer.is_object()) return NoAnswer("the answer is not a JSON object");
  const Json* const active = Find(answer, "active");
  if (active == nullptr || !active->is_boolean()) {
    return NoAnswer("the answer does not say whether the token is active");
  }
  if (!active->get<bool>()) return No("the token is not active");
  if (const absl::Status kind = CheckKind(answer); !kind.ok()) return kind;
  if (!rules.audience.empty()) {
    const absl::Status audience = CheckAudience(answer, rules.audience);
    if (!audience.ok()) return audience;
  }
  if (!rules.scope.empty()) {
    const Json* const scope = Find(answer, "scope");
    if (scope != nullptr && !scope->is_string()) {
      return NoAnswer("the answer's scope is not a string");
    }
    if (scope == nullptr || !HasScope(*scope, rules.scope)) {
      return No(
          absl::StrCat("the token does not have the scope ", rules.scope));
    }
  }
  const Json* const claim = Find(answer, rules.claim);
  if (claim == nullptr) {
    return No(absl::StrCat("the token has no ", rules.claim));
  }
  if (!claim->is_string()) {
    return NoAnswer(
        absl::StrCat("the answer's ", rules.claim, " is not a string"));
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
    return NoAnswer(absl::StrCat("the answer's ", rules.claim,
                                 " is not a valid user name"));
  }
  return identity;
}

}  // namespace postern::programs
