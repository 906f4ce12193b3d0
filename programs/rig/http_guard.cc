// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/http_guard.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/grammar/ip_address.h"

namespace postern::programs {
namespace {

bool IsLoopbackAddress(const IpAddress& address) {
  static const std::optional<IpAddress> v6 = IpAddress::Parse("::1");
  return address.v4() ? address.bytes()[12] == 127 : address == *v6;
}

}  // namespace

std::string HostName(absl::string_view host) {
  absl::string_view name = host;
  absl::string_view port;
  if (absl::ConsumePrefix(&name, "[")) {
    const size_t end = name.find(']');
    if (end == absl::string_view::npos) return "";
    port = name.substr(end + 1);
    name = name.substr(0, end);
  } else {
    port = name.substr(std::min(name.find(':'), name.size()));
    name.remove_suffix(port.size());
  }
  if (absl::ConsumePrefix(&port, ":")) {
    if (!std::all_of(port.begin(), port.end(), absl::ascii_isdigit)) return "";
  } else if (!port.empty()) {
    return "";
  }
  (void)absl::ConsumeSuffix(&name, ".");
  return absl::AsciiStrToLower(name);
}

bool IsLoopback(const net::ListenAddress& address) {
  if (!address.path.empty()) return true;
  return address.host && IsLoopbackAddress(*address.host);
}

HttpGuard::HttpGuard(net::ListenAddress address, std::vector<std::string> names)
    : address_(std::move(address)), names_(std::move(names)) {
  for (std::string& name : names_) name = HostName(name);
}

bool HttpGuard::Accepts(absl::string_view host) const {
  const std::string name = HostName(host);
  if (name.empty()) return false;
  if (name == "localhost" || absl::EndsWith(name, ".localhost")) return true;
  if (std::count(names_.begin(), names_.end(), name) > 0) return true;
  const std::optional<IpAddress> address = IpAddress::Parse(name);
  if (!address) return false;
  static const std::optional<IpAddress> any4 = IpAddress::Parse("0.0.0.0");
  static const std::optional<IpAddress> any6 = IpAddress::Parse("::");
  const bool all =
      !address_.host || *address_.host == *any4 || *address_.host == *any6;
  return all || IsLoopbackAddress(*address) || *address == *address_.host;
}

std::optional<HttpResponse> HttpGuard::Refuse(
    const HttpRequest& request) const {
  const std::string host = request.Header("host");
  if (!Accepts(host)) {
    return HttpError(403,
                     absl::StrCat("The field Host does not name this server: ",
                                  absl::StrContains(host, '\0') ? "" : host,
                                  ". --http-host permits a name."));
  }
  const auto origin = request.headers.find("origin");
  const bool other_origin =
      origin != request.headers.end() &&
      !absl::EqualsIgnoreCase(origin->second, absl::StrCat("http://", host));
  const std::string site = request.Header("sec-fetch-site");
  const bool other_site =
      !site.empty() && site != "same-origin" && site != "none";
  if (!other_origin && !other_site) return std::nullopt;
  // A link on another site to the page. It shows that site nothing.
  if (!other_origin && request.method == "GET" && request.path == "/" &&
      request.Header("sec-fetch-mode") == "navigate" &&
      request.Header("sec-fetch-dest") == "document") {
    return std::nullopt;
  }
  return HttpError(403, "A page of another site may not use this server.");
}

}  // namespace postern::programs
