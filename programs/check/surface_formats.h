// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Writes a report of the relay surface as text, as JSON and as a web page.

#ifndef POSTERN_PROGRAMS_CHECK_SURFACE_FORMATS_H_
#define POSTERN_PROGRAMS_CHECK_SURFACE_FORMATS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "programs/check/surface_report.h"

namespace postern::programs {

// Returns whole lines for a terminal. Long lists are shortened: more than 40
// rules with the same effect become one list of their networks. Bytes that are
// not printable ASCII are written as \xNN.
std::string SurfaceText(const SurfaceReport& report);

// Returns one object with everything in the report. postern-check(8) describes
// it.
nlohmann::ordered_json SurfaceJson(const SurfaceReport& report);

// Returns a page of HTML5 about the server `host`: without scripts, and without
// anything that a browser loads. All rules are in it, and at most 1,000
// domains. Every text from a file is escaped.
std::string SurfacePage(const SurfaceReport& report, absl::string_view host);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_CHECK_SURFACE_FORMATS_H_
