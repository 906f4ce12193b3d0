// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/page/resources.h"

namespace postern::programs {
namespace {

constexpr char kIndex[] = {
#include "programs/rig/page/index.html.inc"
};

template <size_t n>
constexpr absl::string_view View(const char (&octets)[n]) {
  return absl::string_view(octets, n);
}

constexpr PageResource kResources[] = {
    {"/", "text/html; charset=utf-8", View(kIndex)},
};

}  // namespace

absl::Span<const PageResource> PageResources() { return kResources; }

HttpResponse ShowHtml(const rig::Mime& mime) {
  const rig::MimePart* const html = mime.Html();
  if (html == nullptr) return HttpError(404, "The message has no HTML.");
  HttpResponse response;
  response.type = "text/html; charset=utf-8";
  response.body = html->content;
  response.content_security_policy =
      "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'";
  return response;
}

}  // namespace postern::programs
