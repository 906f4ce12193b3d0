// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The rules of --rules, as they are at each connection.

#ifndef POSTERN_PROGRAMS_RULES_FILE_H_
#define POSTERN_PROGRAMS_RULES_FILE_H_

#include <sys/stat.h>

#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "policy/tcp_rules.h"

namespace postern::programs {

// Opens the database again when another file stands at its path, as tcprules
// makes one: a connection has the rules of its time, as under tcpserver.
//
// Thread-safe. Costs a stat(2) a call, while nothing has changed.
class RulesFile {
 public:
  // With `optional` a missing file is no rules.
  RulesFile(std::string path, bool optional)
      : path_(std::move(path)), optional_(optional) {}

  // Returns the rules, null where there are none, or why they cannot be read.
  absl::StatusOr<std::shared_ptr<const policy::TcpRules>> Get();

 private:
  const std::string path_;
  const bool optional_;

  std::mutex mutex_;
  struct stat seen_ = {};                          // guarded by mutex_
  std::shared_ptr<const policy::TcpRules> rules_;  // guarded by mutex_
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RULES_FILE_H_
