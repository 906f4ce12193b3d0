// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/site_files.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "files/content.h"

namespace postern::programs::migrate {
namespace {

constexpr size_t kMaxFile = size_t{1} << 20;
constexpr size_t kMaxNames = 1000;
constexpr absl::string_view kControl = "/var/qmail/control";

}  // namespace

SiteFiles::SiteFiles(std::string root, std::string control)
    : root_(std::move(root)), control_(std::move(control)) {
  while (absl::EndsWith(root_, "/")) root_.pop_back();
}

std::string SiteFiles::Find(absl::string_view path) const {
  absl::string_view rest = path;
  if (!control_.empty() && absl::ConsumePrefix(&rest, kControl) &&
      (rest.empty() || absl::StartsWith(rest, "/"))) {
    return absl::StrCat(control_, rest);
  }
  return absl::StrCat(root_, path);
}

bool SiteFiles::Knows(absl::string_view path) const {
  return control_.empty() || !root_.empty() || absl::StartsWith(path, kControl);
}

absl::StatusOr<std::string> SiteFiles::Read(absl::string_view path) const {
  absl::StatusOr<files::Content> content =
      files::ReadContent(Find(path), kMaxFile);
  if (!content.ok()) return content.status();
  return std::move(content->bytes);
}

bool SiteFiles::Exists(absl::string_view path, char kind) const {
  struct stat facts = {};
  if (stat(Find(path).c_str(), &facts) != 0) return false;
  if (kind == 'f') return S_ISREG(facts.st_mode);
  if (kind == 'd') return S_ISDIR(facts.st_mode);
  return true;
}

std::vector<std::string> SiteFiles::List(absl::string_view path) const {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(
      opendir(Find(path).c_str()), closedir);
  if (directory == nullptr) return names;
  while (const dirent* entry = readdir(directory.get())) {
    if (entry->d_name[0] == '.') continue;
    names.emplace_back(entry->d_name);
    if (names.size() == kMaxNames) break;
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string SiteFiles::UserName(absl::string_view id) const {
  const absl::StatusOr<std::string> users = Read("/etc/passwd");
  if (!users.ok()) return "";
  for (const absl::string_view line : absl::StrSplit(*users, '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ':');
    if (fields.size() > 2 && fields[2] == id) return std::string(fields[0]);
  }
  return "";
}

}  // namespace postern::programs::migrate
