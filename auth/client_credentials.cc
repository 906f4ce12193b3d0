// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/client_credentials.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "auth/client_mechanisms.h"
#include "engine/grammar/wipe.h"
#include "files/secret.h"

namespace postern::auth {
namespace {

constexpr size_t kMaxFile = size_t{64} << 10;

// Sets the member for `key`. An error says what is wrong, without the value.
absl::Status Set(absl::string_view key, absl::string_view value,
                 ClientCredentials* credentials) {
  const auto wrong = [key](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat(key, "=: ", why));
  };
  std::string* text = nullptr;
  bool given = false;
  if (key == "user") {
    text = &credentials->user;
  } else if (key == "password") {
    text = &credentials->password;
  } else if (key == "mechanism") {
    text = &credentials->mechanism;
  } else if (key == "token-command") {
    given = !credentials->token_command.empty();
  } else {
    return absl::InvalidArgumentError(
        "is not user=, password=, token-command= or mechanism= and a value");
  }
  if (value.empty()) return wrong("the value is missing");
  if (value.find_first_of(absl::string_view("\0\r", 2)) != value.npos) {
    return wrong("has a NUL or a carriage return");
  }
  if (given || (text != nullptr && !text->empty())) {
    return wrong("is given twice");
  }
  if (text == nullptr) {
    if (!absl::StartsWith(value, "/")) {
      return wrong("is not the absolute path of a program");
    }
    credentials->token_command = absl::StrSplit(value, ',');
    return absl::OkStatus();
  }
  text->assign(value.data(), value.size());
  if (key != "mechanism") return absl::OkStatus();
  *text = absl::AsciiStrToUpper(value);
  std::string names;
  for (const ClientMechanismRow& row : ClientMechanisms()) {
    if (row.name == *text) return absl::OkStatus();
    absl::StrAppend(&names, names.empty() ? "" : ", ", row.name);
  }
  return wrong(absl::StrCat("is not one of ", names));
}

absl::Status Check(const ClientCredentials& credentials) {
  const bool token = !credentials.token_command.empty();
  if (credentials.user.empty()) {
    return absl::InvalidArgumentError("user= is missing");
  }
  if (token == !credentials.password.empty()) {
    return absl::InvalidArgumentError(
        token ? "password= contradicts token-command="
              : "password= or token-command= is missing");
  }
  for (const ClientMechanismRow& row : ClientMechanisms()) {
    if (row.name == credentials.mechanism && row.token != token) {
      return absl::InvalidArgumentError(
          absl::StrCat("mechanism=: ", row.name, " needs ",
                       row.token ? "token-command=" : "password="));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ClientCredentials> ClientCredentials::Parse(
    absl::string_view content, absl::string_view file) {
  ClientCredentials credentials;
  int number = 0;
  for (const absl::string_view line :
       absl::StrSplit(absl::StripSuffix(content, "\n"), '\n')) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    const size_t sign = std::min(line.find('='), line.size());
    const absl::Status set =
        Set(line.substr(0, sign),
            sign < line.size() ? line.substr(sign + 1) : absl::string_view(),
            &credentials);
    if (!set.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ":", number, ": ", set.message()));
    }
  }
  if (const absl::Status checked = Check(credentials); !checked.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": ", checked.message()));
  }
  return credentials;
}

absl::StatusOr<ClientCredentials> ClientCredentials::Read(
    const std::string& file, const std::string& user) {
  absl::StatusOr<std::string> content = files::ReadSecret(file, kMaxFile, user);
  if (!content.ok()) return content.status();
  absl::StatusOr<ClientCredentials> credentials = Parse(*content, file);
  Wipe(&*content);
  return credentials;
}

}  // namespace postern::auth
