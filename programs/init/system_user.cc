// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/init/system_user.h"

#include <errno.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "system/account.h"
#include "system/child_process.h"
#include "system/deadline.h"

namespace postern::programs {
namespace {

// Not looked for in PATH: `su` without "-" leaves the PATH of another user.
constexpr char kUserAdd[] = "/usr/sbin/useradd";

struct CloseFile {
  void operator()(FILE* file) const { std::fclose(file); }
};

// Returns the command that creates the user as dist/sysusers.conf describes it.
std::vector<std::string> Command(const std::string& name,
                                 const std::string& root) {
  std::vector<std::string> words = {
      kUserAdd,     "--system",         "--user-group", "--no-create-home",
      "--home-dir", "/var/lib/postern", "--shell",      "/usr/sbin/nologin"};
  if (!root.empty()) {
    words.emplace_back("--prefix");
    words.push_back(root);
  }
  words.push_back(name);
  return words;
}

}  // namespace

absl::StatusOr<SystemUser> FindSystemUser(const std::string& name,
                                          const std::string& root) {
  if (name.empty()) return SystemUser();
  if (root.empty()) {
    const absl::StatusOr<system::Account> account = system::FindAccount(name);
    if (account.ok()) return SystemUser{account->user, account->group};
    // It must not be created if it may exist.
    if (!absl::IsNotFound(account.status())) {
      return absl::Status(
          account.status().code(),
          absl::StrCat("--system-user: ", account.status().message()));
    }
    if (name == kSystemUser && geteuid() == 0 && access(kUserAdd, X_OK) == 0) {
      return SystemUser{.is_missing = true};
    }
  } else if (const std::unique_ptr<FILE, CloseFile> file{
                 std::fopen(absl::StrCat(root, "/etc/passwd").c_str(), "re")}) {
    while (const passwd* const entry = fgetpwent(file.get())) {
      if (name != entry->pw_name) continue;
      return SystemUser{entry->pw_uid, entry->pw_gid};
    }
  }
  return absl::NotFoundError(absl::StrCat(
      "--system-user: there is no user ", name,
      root.empty() ? "" : absl::StrCat(" in ", root, "/etc/passwd"),
      "; as root, create it first: ", absl::StrJoin(Command(name, root), " ")));
}

absl::StatusOr<SystemUser> CreateSystemUser(const std::string& name) {
  const std::vector<std::string> words = Command(name, "");
  const std::string shown = absl::StrJoin(words, " ");
  auto child = system::ChildProcess::Start({.arguments = words});
  if (!child.ok()) return child.status();
  // It can wait for another process that has locked /etc/passwd.
  const auto result = child->Wait(system::Deadline(absl::Minutes(1)));
  if (result.end != system::ChildProcess::End::kExited || result.code != 0) {
    return absl::UnavailableError(
        absl::StrCat(shown, ": ", system::DescribeEnd(result)));
  }
  auto user = FindSystemUser(name, "");
  if (user.ok() && user->is_missing) {
    return absl::UnavailableError(
        absl::StrCat(shown, ": the user does not exist afterwards"));
  }
  if (user.ok()) {
    std::puts(
        absl::StrCat("System user ", name, " created:\n  ", shown).c_str());
  }
  return user;
}

}  // namespace postern::programs
