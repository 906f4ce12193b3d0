// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/session_variables.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace postern::system {

namespace {

// Calls `use` with the name and the value of each variable.
void ForEach(
    const char* const* environment,
    absl::FunctionRef<void(absl::string_view name, absl::string_view value)>
        use) {
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const absl::string_view text = *environment;
    const size_t equals = text.find('=');
    if (equals == absl::string_view::npos) continue;
    use(text.substr(0, equals), text.substr(equals + 1));
  }
}

}  // namespace

bool IsOfSession(absl::string_view name) {
  return name == "PROTO" || name == "RELAYCLIENT" ||
         absl::StartsWith(name, "TCPLOCAL") ||
         absl::StartsWith(name, "TCPREMOTE") ||
         absl::StartsWith(name, "SMTPAUTH");
}

bool IsOfProcess(absl::string_view name) {
  for (const absl::string_view known :
       {"NOTIFY_SOCKET", "SSLCTLFD", "SSLREADFD", "SSLWRITEFD", "UCSPITLS"}) {
    if (name == known) return true;
  }
  return absl::StartsWith(name, "WATCHDOG_") ||
         absl::StartsWith(name, "LISTEN_") ||
         absl::StartsWith(name, "POSTERN_");
}

Variables ServiceVariables(const char* const* environment,
                           absl::Span<const std::string> passed) {
  Variables variables = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
  ForEach(environment, [&](absl::string_view name, absl::string_view value) {
    if (name == "PATH" || name == "LANG" || name == "TZ" || name == "TMPDIR" ||
        absl::StartsWith(name, "LC_") ||
        std::find(passed.begin(), passed.end(), name) != passed.end()) {
      variables.emplace_back(name, value);
    }
  });
  return variables;
}

Variables UcspiVariables(const char* const* environment) {
  Variables variables;
  ForEach(environment, [&](absl::string_view name, absl::string_view value) {
    if (IsOfSession(name) || IsOfProcess(name)) return;
    variables.emplace_back(name, value);
  });
  return variables;
}

Variables SessionVariables(
    absl::Span<const std::pair<std::string, std::string>> base,
    const SessionInfo& session) {
  Variables variables(base.begin(), base.end());
  const auto add = [&](absl::string_view name, absl::string_view value) {
    if (!value.empty()) variables.emplace_back(name, value);
  };
  const auto add_port = [&](absl::string_view name, uint16_t port) {
    if (port != 0) variables.emplace_back(name, absl::StrCat(port));
  };
  if (session.remote_address) add("PROTO", "TCP");
  add("TCPREMOTEIP", ToString(session.remote_address));
  add_port("TCPREMOTEPORT", session.remote_port);
  add("TCPLOCALIP", ToString(session.local_address));
  add_port("TCPLOCALPORT", session.local_port);
  add("TCPLOCALHOST", session.local_name);
  if (session.name_status == NameStatus::kConfirmed ||
      session.name_status == NameStatus::kUnchecked) {
    add("TCPREMOTEHOST", session.remote_name);
  }
  if (session.remote_info && session.identity.empty()) {
    variables.emplace_back("TCPREMOTEINFO", *session.remote_info);
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
