// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The HTTP request to an authorization server (RFC 7662 2).

#ifndef POSTERN_PROGRAMS_INTROSPECT_INTROSPECTION_ENDPOINT_H_
#define POSTERN_PROGRAMS_INTROSPECT_INTROSPECTION_ENDPOINT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/wipe.h"

namespace postern::programs {

// The id and the secret of this program at the server (RFC 6749 2.3).
struct ClientCredentials {
  Secret id;
  Secret secret;
};

// Reads the file `path`, which has one line ID:SECRET. Each error names the
// file. Returns kPermissionDenied if users other than its owner may read or
// write it, kInvalidArgument if it is not one such line, and otherwise the
// errors of files::ReadContent().
absl::StatusOr<ClientCredentials> ReadClientCredentials(absl::string_view path);

struct IntrospectionEndpoint {
  std::string url;
  std::string ca_file;  // CA certificates, PEM; empty: the system's
  absl::Duration timeout = absl::Seconds(10);  // for the whole request
};

// Returns an error unless tokens may be sent to `url`: it must be https, or
// http to 127.0.0.1, [::1] or localhost, and contain no user.
absl::Status ValidateIntrospectionUrl(absl::string_view url);

// Asks about `token` with the credentials `client`, and returns the body of a
// response with status 200, at most 64 KiB. Does not follow redirections, and
// does not use a proxy for http. The error kUnavailable gives the reason, and
// contains no part of the token.
absl::StatusOr<std::string> Introspect(const IntrospectionEndpoint& endpoint,
                                       const ClientCredentials& client,
                                       absl::string_view token);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_INTROSPECT_INTROSPECTION_ENDPOINT_H_
