// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: a file that parses prints as it was, except for a missing newline at
// its end. Each of its users is found, and under no other name. A change parses
// to the value that was set. Removing a user keeps the others.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "auth/user_file.h"
#include "auth/verifier.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

constexpr char kCrypt[] =
    "$5$saltsaltsalt$tom6DEvBcWRiSa99Ee2w38ZTYp0xKQww1YExc6kalX6";

// Returns the verifier that `file` has for `name`, or "".
std::string Text(const UserFile& file, absl::string_view name) {
  const Verifier* const verifier = file.Find(name);
  return verifier == nullptr ? "" : verifier->text();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<UserFile> file = UserFile::Parse(text, "users");
  if (!file.ok()) {
    EXPECT_TRUE(absl::StartsWith(file.status().message(), "users:"));
    for (const char c : file.status().message()) EXPECT_FALSE(c == '\n');
    return 0;
  }
  const std::string printed = file->Print();
  EXPECT_EQ(
      printed,
      absl::StrCat(text, text.empty() || text.back() == '\n' ? "" : "\n"));
  std::vector<std::string> names;
  for (const UserFile::User* user : file->users()) {
    names.push_back(user->name);
    EXPECT_EQ(Text(*file, user->name), user->verifier.text());
    EXPECT_TRUE(CheckUserName(user->name).ok());
  }
  for (const std::string& name : names) {
    UserFile changed = *file;
    changed.Set(name, *Verifier::Parse(kCrypt));
    const absl::StatusOr<UserFile> set =
        UserFile::Parse(changed.Print(), "users");
    EXPECT_TRUE(set.ok()) << set.status();
    EXPECT_TRUE(changed.Remove(name) && !changed.Remove(name));
    for (const std::string& other : names) {
      EXPECT_EQ(Text(*set, other), other == name ? kCrypt : Text(*file, other));
      EXPECT_EQ(Text(changed, other), other == name ? "" : Text(*file, other));
    }
    if (names.size() > 20) break;  // the loop is quadratic
  }
  return 0;
}

}  // namespace postern::auth
