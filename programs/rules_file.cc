// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rules_file.h"

#include <errno.h>

#include <utility>

#include "absl/status/status.h"

namespace postern::programs {
namespace {

bool Same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino &&
         a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const policy::TcpRules>> RulesFile::Get() {
  const std::lock_guard<std::mutex> lock(mutex_);
  // Looked at before the file is opened: a newer one is seen the next time.
  struct stat now = {};
  if (stat(path_.c_str(), &now) != 0) {
    const int error = errno;
    rules_ = nullptr;
    if (error == ENOENT && optional_) return rules_;
    return absl::ErrnoToStatus(error, path_);
  }
  if (rules_ != nullptr && Same(now, seen_)) return rules_;
  rules_ = nullptr;
  absl::StatusOr<policy::TcpRules> rules = policy::TcpRules::Open(path_);
  if (!rules.ok()) return rules.status();
  rules_ = std::make_shared<const policy::TcpRules>(*std::move(rules));
  seen_ = now;
  return rules_;
}

}  // namespace postern::programs
