// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/page/resources.h"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "programs/rig/page/html_view.h"

namespace postern::programs {
namespace {

constexpr char kHtml[] = {
#include "programs/rig/page/index.html.inc"
};
constexpr char kStyle[] = {
#include "programs/rig/page/page.css.inc"
};
constexpr char kScript[] = {
#include "programs/rig/page/page.js.inc"
};

struct Resource {
  absl::string_view path;
  absl::string_view type;
  absl::string_view content;
};

template <size_t n>
constexpr absl::string_view View(const char (&octets)[n]) {
  return absl::string_view(octets, n);
}

constexpr Resource kResources[] = {
    {"/", "text/html; charset=utf-8", View(kHtml)},
    {"/page.css", "text/css; charset=utf-8", View(kStyle)},
    {"/page.js", "text/javascript; charset=utf-8", View(kScript)},
};

// No script but page.js, nothing from another server, also not in a frame, and
// no text that becomes HTML (Trusted Types). "inert" is page.js's policy for
// documents without a window.
constexpr char kPagePolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types inert";

// Browsers look up the names of links before a click.
void ForbidLookups(HttpResponse* response) {
  response->headers.emplace_back("X-DNS-Prefetch-Control", "off");
}

}  // namespace

HttpResponse ShowPage(absl::string_view path) {
  for (const Resource& resource : kResources) {
    if (resource.path != path) continue;
    HttpResponse response;
    response.type = std::string(resource.type);
    response.body = std::string(resource.content);
    response.content_security_policy = kPagePolicy;
    ForbidLookups(&response);
    return response;
  }
  return HttpError(404, "There is no such file.");
}

HttpResponse ShowHtml(const rig::Mime& mime) {
  std::optional<std::string> html = HtmlView(mime);
  if (!html) return HttpError(404, "The message has no HTML.");
  HttpResponse response;
  response.type = "text/html; charset=utf-8";
  response.body = *std::move(html);
  response.content_security_policy = kHtmlViewPolicy;
  ForbidLookups(&response);
  return response;
}

}  // namespace postern::programs
