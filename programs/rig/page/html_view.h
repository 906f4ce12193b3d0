// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The HTML of a message, for a frame of the page of postern rig.

#ifndef POSTERN_PROGRAMS_RIG_PAGE_HTML_VIEW_H_
#define POSTERN_PROGRAMS_RIG_PAGE_HTML_VIEW_H_

#include <cstddef>
#include <optional>
#include <string>

#include "rig/mime.h"

namespace postern::programs {

// The Content-Security-Policy of the view. The HTML is hostile: it has no
// origin, runs no script, sends no form, opens no window, and loads only what
// is in it. The page has the same sandbox on its frame; this one also holds if
// the address is opened in a window.
inline constexpr char kHtmlViewPolicy[] =
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

// The octets of images and of their types that a view has at most, as data:
// URLs. A message could
// refer to one image a million times.
inline constexpr size_t kMostImages = size_t{32} << 20;

// Returns the first HTML part that is no attachment. nullopt: there is none.
//
// - It begins with a byte order mark, so that a browser reads it as UTF-8.
// - cid: URLs (RFC 2392) of images in the message are data: URLs.
// - <link>, <iframe> and other elements that load a document are elements that
//   load nothing. The policy forbids their content, but a browser may connect
//   to their server before it asks the policy: Chromium does so for <iframe>.
// - A link opens a window, which the sandbox forbids, so it does nothing. In
//   the frame itself Chromium would connect to its server.
//
// The time is linear in the size of the message.
std::optional<std::string> HtmlView(const rig::Mime& mime);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_PAGE_HTML_VIEW_H_
