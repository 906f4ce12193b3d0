// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/delegation/policy_server.h"

#include <sys/un.h>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/grammar/decimal.h"

namespace postern::policy {
namespace {

constexpr uint64_t kMaxTimeout = 120;  // seconds

absl::Status Wrong(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

absl::Status ReadAddress(absl::string_view text, PolicyServer* server) {
  if (absl::ConsumePrefix(&text, "unix:")) {
    if (!absl::StartsWith(text, "/")) return Wrong("the path is not absolute");
    if (text.size() >= sizeof(sockaddr_un::sun_path)) {
      return Wrong("the path is too long for a Unix socket");
    }
    server->path = std::string(text);
    return absl::OkStatus();
  }
  if (!absl::ConsumePrefix(&text, "inet:")) {
    return Wrong("neither inet:ADDRESS:PORT nor unix:PATH");
  }
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return Wrong("the port is missing");
  const auto port = ParseDecimal(text.substr(colon + 1), /*max_digits=*/5);
  if (!port || *port == 0 || *port > 0xffff) {
    return Wrong("the port is not a number from 1 to 65535");
  }
  server->port = static_cast<uint16_t>(*port);
  absl::string_view host = text.substr(0, colon);
  const bool brackets = absl::ConsumePrefix(&host, "[");
  if (brackets && !absl::ConsumeSuffix(&host, "]")) {
    return Wrong("a ']' is missing");
  }
  server->address = IpAddress::Parse(host);
  // "::1:10023" would be an address without a port.
  if (!server->address || brackets == (host.find(':') == host.npos)) {
    return Wrong("the host is not an IP address, such as 127.0.0.1 or [::1]");
  }
  return absl::OkStatus();
}

absl::Status ReadWord(absl::string_view word, PolicyServer* server) {
  if (word == "all-clients") {
    server->all_clients = true;
  } else if (word == "ignore-outage") {
    server->ignore_outage = true;
  } else if (word == "at=rcpt" || word == "at=data") {
    server->at_data = word == "at=data";
  } else if (absl::ConsumePrefix(&word, "timeout=")) {
    const auto seconds = ParseDecimal(word, /*max_digits=*/3);
    if (!seconds || *seconds == 0 || *seconds > kMaxTimeout) {
      return Wrong(
          absl::StrCat("the timeout is not a number from 1 to ", kMaxTimeout));
    }
    server->timeout = absl::Seconds(*seconds);
  } else {
    return Wrong(
        absl::StrCat("unknown word \"", word,
                     "\": all-clients, ignore-outage, at=data or timeout=N"));
  }
  return absl::OkStatus();
}

absl::Status ReadServer(absl::string_view text, PolicyServer* server) {
  const std::vector<absl::string_view> words = absl::StrSplit(text, ',');
  server->name = std::string(words[0]);
  absl::Status status = ReadAddress(words[0], server);
  for (size_t i = 1; status.ok() && i < words.size(); ++i) {
    status = ReadWord(words[i], server);
  }
  return status;
}

}  // namespace

absl::StatusOr<std::vector<PolicyServer>> ParsePolicyServers(
    absl::string_view text) {
  std::vector<PolicyServer> servers;
  for (const absl::string_view each :
       absl::StrSplit(text, absl::ByAnyChar(" \t"), absl::SkipEmpty())) {
    const absl::Status status = ReadServer(each, &servers.emplace_back());
    if (!status.ok()) {
      return Wrong(absl::StrCat("\"", each, "\": ", status.message()));
    }
  }
  if (servers.empty()) return Wrong("no server");
  return servers;
}

}  // namespace postern::policy
