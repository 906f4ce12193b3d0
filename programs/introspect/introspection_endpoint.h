// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Where an authorization server tells of tokens: RFC 7662 2.

#ifndef POSTERN_PROGRAMS_INTROSPECT_INTROSPECTION_ENDPOINT_H_
#define POSTERN_PROGRAMS_INTROSPECT_INTROSPECTION_ENDPOINT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/wipe.h"

namespace postern::programs {

// Who we are to the server.
struct ClientCredentials {
  Secret id;
  Secret secret;
};

// Reads the one line ID:SECRET of the file `path`. An error names the file:
// it cannot be read, is none of ours (someone else than its owner may read or
// write it: kPermissionDenied), or holds no such line.
absl::StatusOr<ClientCredentials> ReadClientCredentials(absl::string_view path);

struct IntrospectionEndpoint {
  std::string url;
  std::string
      ca_file;  // PEM, who signs the server's certificate; empty: Debian
  absl::Duration timeout = absl::Seconds(10);  // of all of it
};

// Returns an error unless tokens may be sent to `url`: https, or http to
// 127.0.0.1, [::1] or localhost, without a user in it.
absl::Status ValidateIntrospectionUrl(absl::string_view url);

// Asks about `token`, as `client`, and returns the answer: what came with 200,
// 64 KiB at most. Follows no redirection, and sends http through no proxy. An
// error, kUnavailable, says what went wrong, and nothing of the token.
absl::StatusOr<std::string> Introspect(const IntrospectionEndpoint& endpoint,
                                       const ClientCredentials& client,
                                       absl::string_view token);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_INTROSPECT_INTROSPECTION_ENDPOINT_H_
