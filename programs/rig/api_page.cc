// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The routes of the page, and of the description of the interface.

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "programs/rig/api.h"
#include "programs/rig/page/resources.h"
#include "programs/rig/route.h"
#include "rig/mime.h"

namespace postern::programs {
namespace {

HttpResponse GetResource(RigApi&, const HttpRequest& request) {
  return ShowPage(request.path);
}

HttpResponse GetDescription(RigApi&, const HttpRequest&) {
  HttpResponse response;
  response.type = "application/json";
  response.body = std::string(OpenApi());
  return response;
}

HttpResponse ViewHtml(RigApi& api, const HttpRequest& request) {
  HttpResponse refusal;
  const auto message = FindMessage(api, request, &refusal);
  if (!message) return refusal;
  return ShowHtml(rig::ParseMime(message->message.raw()));
}

constexpr Route kRoutes[] = {
    {"GET", "/", GetResource},
    {"GET", "/page.css", GetResource},
    {"GET", "/page.js", GetResource},
    {"GET", "/view/{id}.html", ViewHtml},
    {"GET", "/openapi.json", GetDescription},
};

}  // namespace

absl::string_view OpenApi() {
  static constexpr char kOctets[] = {
#include "programs/rig/openapi.json.inc"
  };
  return absl::string_view(kOctets, sizeof kOctets);
}

absl::Span<const Route> PageRoutes() { return kRoutes; }

}  // namespace postern::programs
