// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The page of postern rig: its files, and the HTML of messages.

#ifndef POSTERN_PROGRAMS_RIG_PAGE_RESOURCES_H_
#define POSTERN_PROGRAMS_RIG_PAGE_RESOURCES_H_

#include "absl/strings/string_view.h"
#include "programs/rig/http.h"
#include "rig/mime.h"

namespace postern::programs {

// Returns the response with the file of the page at `path`: "/" is the page
// itself. The files are a part of the program. 404: there is no such file.
HttpResponse ShowPage(absl::string_view path);

// Returns the response with HtmlView(), for a frame without rights: no script
// runs, and nothing is fetched. 404: the message has no HTML.
HttpResponse ShowHtml(const rig::Mime& mime);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_PAGE_RESOURCES_H_
