// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The rules of --rules, as they are at each connection.

#ifndef POSTERN_SERVICE_RULES_FILE_H_
#define POSTERN_SERVICE_RULES_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "files/reloading_file.h"
#include "policy/rules/tcp_rules.h"

namespace postern::service {

// A connection has the rules of its time, as under tcpserver: see
// ReloadingFile. Thread-safe.
class RulesFile {
 public:
  // With `optional` a missing file is no rules; with `host_names` clients have
  // names. Each time that rules are opened, the log gets their warnings: see
  // TcpRules::Check().
  RulesFile(std::string path, bool optional, bool host_names);

  // Returns the rules, null where there are none, or why they cannot be read.
  absl::StatusOr<std::shared_ptr<const policy::TcpRules>> Get();

 private:
  files::ReloadingFile<policy::TcpRules> rules_;
  const bool optional_;
};

}  // namespace postern::service

#endif  // POSTERN_SERVICE_RULES_FILE_H_
