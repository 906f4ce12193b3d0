// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/user_file.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "auth/saslprep.h"
#include "files/content.h"

namespace postern::auth {
namespace {

absl::Status Wrong(absl::string_view path, size_t line,
                   absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ":", line, ": ", what));
}

}  // namespace

absl::Status CheckUserName(absl::string_view name) {
  const auto wrong = [](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("a user's name must ", what));
  };
  if (name.empty()) return wrong("not be empty");
  if (name.size() > kMaxUserName) {
    return wrong(absl::StrCat("have at most ", kMaxUserName, " octets"));
  }
  if (name[0] == '#') return wrong("not begin with '#'");
  if (absl::StrContains(name, ':')) return wrong("not contain ':'");
  if (name.front() == ' ' || name.back() == ' ') {
    return wrong("not begin or end with a blank");
  }
  const std::optional<std::string> prepared = SaslPrep(name);
  if (!prepared) return wrong("be text that SASLprep (RFC 4013) allows");
  if (*prepared != name) {
    return wrong(absl::StrCat("be in the form of SASLprep (RFC 4013): \"",
                              *prepared, "\""));
  }
  return absl::OkStatus();
}

absl::Status CheckPrivate(absl::string_view path, const struct stat& facts) {
  if ((facts.st_mode & S_IRWXO) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": other users can read or write it: run \"chmod o= ", path, "\""));
}

absl::StatusOr<UserFile> UserFile::Parse(absl::string_view text,
                                         absl::string_view path) {
  UserFile file;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const absl::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    const size_t number = file.lines_.size() + 1;
    if (line.empty() || line[0] == '#') {
      file.lines_.push_back({.text = std::string(line)});
      continue;
    }
    const size_t colon = line.find(':');
    if (colon == line.npos) return Wrong(path, number, "not NAME:VERIFIER");
    const absl::string_view name = line.substr(0, colon);
    const absl::Status checked = CheckUserName(name);
    if (!checked.ok()) return Wrong(path, number, checked.message());
    const auto before = file.index_.find(name);
    if (before != file.index_.end()) {
      return Wrong(path, number,
                   absl::StrCat("user ", name, ": is in line ",
                                before->second + 1, " already"));
    }
    absl::StatusOr<Verifier> verifier = Verifier::Parse(line.substr(colon + 1));
    if (!verifier.ok()) {
      return Wrong(
          path, number,
          absl::StrCat("user ", name, ": ", verifier.status().message()));
    }
    file.Set(name, *std::move(verifier));
  }
  return file;
}

absl::StatusOr<UserFile> UserFile::Read(absl::string_view path) {
  const absl::StatusOr<files::Content> content =
      files::ReadContent(path, kMaxUserFile);
  if (!content.ok()) return content.status();
  const absl::Status checked = CheckPrivate(path, content->facts);
  if (!checked.ok()) return checked;
  return Parse(content->bytes, path);
}

std::string UserFile::Print() const {
  std::string text;
  for (const Line& line : lines_) {
    if (line.user) {
      absl::StrAppend(&text, line.user->name, ":", line.user->verifier.text());
    }
    absl::StrAppend(&text, line.text, "\n");
  }
  return text;
}

void UserFile::Set(absl::string_view name, Verifier verifier) {
  const auto [at, is_new] = index_.try_emplace(name, lines_.size());
  if (is_new) lines_.emplace_back();
  lines_[at->second].user.emplace(User{std::string(name), std::move(verifier)});
}

bool UserFile::Remove(absl::string_view name) {
  const auto found = index_.find(name);
  if (found == index_.end()) return false;
  const size_t line = found->second;
  index_.erase(found);
  lines_.erase(lines_.begin() + static_cast<ptrdiff_t>(line));
  for (auto& [user, at] : index_) {
    if (at > line) --at;
  }
  return true;
}

const Verifier* UserFile::Find(absl::string_view name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) return nullptr;
  return &lines_[found->second].user->verifier;
}

std::vector<const UserFile::User*> UserFile::users() const {
  std::vector<const User*> users;
  for (const Line& line : lines_) {
    if (line.user) users.push_back(&*line.user);
  }
  return users;
}

}  // namespace postern::auth
