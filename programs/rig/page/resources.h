// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The page of postern rig: its files, and the HTML of messages.

#ifndef POSTERN_PROGRAMS_RIG_PAGE_RESOURCES_H_
#define POSTERN_PROGRAMS_RIG_PAGE_RESOURCES_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "programs/rig/http.h"
#include "rig/mime.h"

namespace postern::programs {

struct PageResource {
  absl::string_view path;  // "/page.css"; the page itself is "/"
  absl::string_view type;  // of the content
  absl::string_view content;
};

absl::Span<const PageResource> PageResources();

// Returns the HTML part of a message for a frame without rights: no script
// runs, and nothing is fetched. A page of another origin, which such a frame
// is, gets nothing from this server, so images of the message itself must be
// data: URLs. 404: there is no HTML part.
HttpResponse ShowHtml(const rig::Mime& mime);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_PAGE_RESOURCES_H_
