// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/site_files.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "files/content.h"
#include "files/paths.h"

namespace postern::programs::migrate {
namespace {

constexpr size_t kMaxFile = size_t{1} << 20;
constexpr size_t kMaxNames = 1000;
constexpr int kMaxLinks = 40;  // as Linux has it
constexpr absl::string_view kControl = "/var/qmail/control";

// Whether `path` is the control directory, or a file in it.
bool IsControl(absl::string_view path) {
  return absl::ConsumePrefix(&path, kControl) &&
         (path.empty() || absl::StartsWith(path, "/"));
}

// Returns the target of a symbolic link. Empty for anything else.
std::string LinkTarget(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t size = readlink(path.c_str(), target, sizeof(target));
  return size <= 0 ? "" : std::string(target, static_cast<size_t>(size));
}

std::string RealPath(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(
      realpath(path.c_str(), nullptr), std::free);
  return real == nullptr ? "" : real.get();
}

}  // namespace

SiteFiles::SiteFiles(std::string root, std::string control)
    : root_(std::move(root)),
      control_(std::move(control)),
      has_root_(!root_.empty()) {
  while (absl::EndsWith(root_, "/")) root_.pop_back();
}

std::string SiteFiles::OnHost(absl::string_view path) const {
  if (!control_.empty() && IsControl(path)) {
    return absl::StrCat(control_, path.substr(kControl.size()));
  }
  if (!control_.empty() && !has_root_) return "";
  return absl::StrCat(root_, path);
}

absl::StatusOr<std::string> SiteFiles::Find(absl::string_view path) const {
  if (root_.empty() && control_.empty()) return std::string(path);
  std::string done;                // a path of the site without links
  std::vector<std::string> names;  // what is still to be followed, reversed
  const auto push = [&](absl::string_view more) {
    if (absl::StartsWith(more, "/")) {
      done.clear();
      // The directory that replaces it need not exist below the root.
      if (!control_.empty() && IsControl(more)) {
        done = std::string(kControl);
        more.remove_prefix(kControl.size());
      }
    }
    const std::vector<std::string> parts =
        absl::StrSplit(more, '/', absl::SkipEmpty());
    names.insert(names.end(), parts.rbegin(), parts.rend());
  };
  push(path);
  int links = 0;
  while (!names.empty()) {
    const std::string name = std::move(names.back());
    names.pop_back();
    if (name == ".") continue;
    if (name == "..") {
      done.resize(done.empty() ? 0 : done.rfind('/'));
      continue;
    }
    const std::string next = absl::StrCat(done, "/", name);
    const std::string on_host = OnHost(next);
    if (on_host.empty()) break;
    const std::string target =
        !control_.empty() && next == kControl ? "" : LinkTarget(on_host);
    if (target.empty()) {
      done = next;
      continue;
    }
    if (++links > kMaxLinks) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": too many links"));
    }
    push(target);
  }
  const std::string found = OnHost(done.empty() ? "/" : done);
  if (!names.empty() || found.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path,
                     ": only the control files of the site are known; --root "
                     "names a copy of its other files"));
  }
  return found;
}

bool SiteFiles::Knows(absl::string_view path) const {
  const absl::StatusOr<std::string> found = Find(path);
  struct stat facts = {};
  return found.ok() && (stat(found->c_str(), &facts) == 0 || errno == ENOENT ||
                        errno == ENOTDIR);
}

absl::StatusOr<std::string> SiteFiles::Read(absl::string_view path) const {
  const absl::StatusOr<std::string> found = Find(path);
  if (!found.ok()) return found.status();
  absl::StatusOr<files::Content> content = files::ReadContent(*found, kMaxFile);
  if (!content.ok()) return content.status();
  return std::move(content->bytes);
}

bool SiteFiles::Exists(absl::string_view path, char kind) const {
  const absl::StatusOr<std::string> found = Find(path);
  struct stat facts = {};
  if (!found.ok() || stat(found->c_str(), &facts) != 0) return false;
  if (kind == 'f') return S_ISREG(facts.st_mode);
  if (kind == 'd') return S_ISDIR(facts.st_mode);
  return true;
}

absl::StatusOr<std::vector<std::string>> SiteFiles::List(
    absl::string_view path) const {
  const absl::StatusOr<std::string> found = Find(path);
  if (!found.ok()) return found.status();
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(found->c_str()),
                                                      closedir);
  if (directory == nullptr) return absl::ErrnoToStatus(errno, *found);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(directory.get())) {
    if (entry->d_name[0] == '.') continue;
    names.emplace_back(entry->d_name);
    if (names.size() == kMaxNames) break;
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool SiteFiles::LeavesSite(absl::string_view path) const {
  if (root_.empty() && control_.empty()) return false;
  const absl::StatusOr<std::string> found = Find(path);
  return !found.ok() || RealPath(*found) != RealPath(OnHost(path));
}

std::string SiteFiles::DirectoryOnSite(absl::string_view file) const {
  if (!has_root_ && !control_.empty()) return "";
  const std::string directory = RealPath(files::DirectoryOf(file));
  if (!has_root_ || directory.empty()) return directory;
  const std::string root = RealPath(root_.empty() ? "/" : root_);
  absl::string_view rest = directory;
  if (root != "/" && !absl::ConsumePrefix(&rest, root)) return "";
  if (rest.empty()) return "/";
  return rest[0] == '/' ? std::string(rest) : "";
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

std::string PathFrom(absl::string_view directory, absl::string_view path) {
  if (absl::StartsWith(path, "/")) return std::string(path);
  if (directory.empty() || path.empty()) return "";
  while (absl::ConsumePrefix(&path, "./")) {
  }
  return absl::StrCat(directory, directory == "/" ? "" : "/", path);
}

}  // namespace postern::programs::migrate
