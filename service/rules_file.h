// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The rules of --rules, as they are when a client connects.

#ifndef POSTERN_SERVICE_RULES_FILE_H_
#define POSTERN_SERVICE_RULES_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "files/reloading_file.h"
#include "policy/rules/tcp_rules.h"

namespace postern::service {

// Each connection uses the rules of its time, as with tcpserver: see
// ReloadingFile. Thread-safe.
class RulesFile {
 public:
  // With `optional`, a missing file means that there are no rules. `host_names`
  // is whether clients have host names. Each time the rules are opened, their
  // warnings go to the log: see TcpRules::Check(). With `warned`, this has been
  // done already for the rules that are opened first.
  RulesFile(std::string path, bool optional, bool host_names,
            bool warned = false);

  // Returns the rules, null if there are none, or the reason why they cannot be
  // read.
  absl::StatusOr<std::shared_ptr<const policy::TcpRules>> Get();

 private:
  files::ReloadingFile<policy::TcpRules> rules_;
  const bool optional_;
};

}  // namespace postern::service

#endif  // POSTERN_SERVICE_RULES_FILE_H_
