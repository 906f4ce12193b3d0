// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The part of postern check about the relay surface.

#ifndef POSTERN_PROGRAMS_CHECK_SURFACE_SECTION_H_
#define POSTERN_PROGRAMS_CHECK_SURFACE_SECTION_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "policy/surface/relay_surface.h"
#include "programs/check/section.h"
#include "service/finding.h"
#include "service/options.h"

namespace postern::programs {

struct SurfaceOptions {
  bool json = false;  // whether Section::members are wanted
  // Files that the command reads or writes. Empty: none.
  std::string expect;        // declared grants
  std::string write_expect;  // the present grants
  std::string page;          // HTML
  std::string certificate;
};

// The rows of these options.
absl::Span<const service::OptionRow> SurfaceOptionRows();

// Reads the options that are given.
SurfaceOptions ReadSurfaceOptions(service::Options* given);

// Returns the report of the surface of the server `host`, and writes the files
// that `options` names, each atomically. The exit code of the section is 1 if
// the surface has grown beyond the grants of --expect. `own_senders` is the
// option --senders of the server. Adds a warning for each right that is an open
// relay to `findings`.
//
// An error names the file that cannot be read or written, and the line if the
// grants have a mistake (kInvalidArgument). Then the other files may have been
// written.
absl::StatusOr<Section> MakeSurfaceSection(const policy::Surface& surface,
                                           const SurfaceOptions& options,
                                           bool own_senders,
                                           absl::string_view host,
                                           service::Findings* findings);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_CHECK_SURFACE_SECTION_H_
