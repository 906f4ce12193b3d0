// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The relay surface of postern serve.

#ifndef POSTERN_PROGRAMS_CHECK_SERVER_SURFACE_H_
#define POSTERN_PROGRAMS_CHECK_SERVER_SURFACE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/surface/relay_surface.h"
#include "programs/check/section.h"
#include "programs/serve/serve_options.h"

namespace postern::programs {

// Returns who can name a client to the listeners of `options`: the networks of
// --proxy-from, if a listener has the word proxy; Unix sockets with this word;
// and the networks of --xclient-from. Without listeners, all networks count.
std::vector<policy::Claimant> ClaimantsOf(const ServeOptions& options);

struct ServerSurface {
  policy::Surface surface;
  std::string host;  // control/me
  Section destinations;  // DestinationSection()
};

// Makes the relay surface of a server with `options`. Asks neither DNS nor any
// program. An error names the file or the option.
absl::StatusOr<ServerSurface> MakeServerSurface(const ServeOptions& options);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_CHECK_SERVER_SURFACE_H_
