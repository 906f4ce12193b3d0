// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/session_variables.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace postern::system {

std::vector<std::pair<std::string, std::string>> SessionVariables(
    const SessionInfo& session) {
  std::vector<std::pair<std::string, std::string>> variables;
  const auto add = [&](absl::string_view name, absl::string_view value) {
    if (!value.empty()) variables.emplace_back(name, value);
  };
  const auto add_port = [&](absl::string_view name, uint16_t port) {
    if (port != 0) variables.emplace_back(name, absl::StrCat(port));
  };
  if (!session.remote_address.empty()) add("PROTO", "TCP");
  add("TCPREMOTEIP", session.remote_address);
  add_port("TCPREMOTEPORT", session.remote_port);
  add("TCPLOCALIP", session.local_address);
  add_port("TCPLOCALPORT", session.local_port);
  add("TCPLOCALHOST", session.local_name);
  if (session.name_status == NameStatus::kConfirmed) {
    add("TCPREMOTEHOST", session.remote_name);
  }
  if (session.relay_client) {
    variables.emplace_back("RELAYCLIENT", *session.relay_client);
  }
  if (!session.identity.empty()) {
    add("TCPREMOTEINFO", session.identity);
    add("SMTPAUTHUSER", session.identity);
    add("SMTPAUTHMETHOD", session.mechanism);
    if (!session.relay_client) variables.emplace_back("RELAYCLIENT", "");
  }
  variables.insert(variables.end(), session.environment.begin(),
                   session.environment.end());
  return variables;
}

}  // namespace postern::system
