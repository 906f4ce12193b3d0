// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Keeps web sites away from the HTTP server of postern rig.

#ifndef POSTERN_PROGRAMS_RIG_HTTP_GUARD_H_
#define POSTERN_PROGRAMS_RIG_HTTP_GUARD_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "net/listening_socket.h"
#include "programs/rig/http.h"

namespace postern::programs {

// A page of any web site can make a browser send requests to 127.0.0.1. Two
// checks keep it from reading or changing anything there:
//
// - The field Host names this server. If a site gives its own name the address
//   127.0.0.1 (DNS rebinding), its pages are of one origin with the server, and
//   they differ only in Host.
// - The fields Origin and Sec-Fetch-Site do not name another origin. A browser
//   sends Origin with each request of a page that may change something, and
//   Sec-Fetch-Site with each request to a loopback address or a name below
//   localhost. Other programs send neither.
//
// To another name or address, browsers send no Sec-Fetch-Site over HTTP without
// TLS, and a GET for an image or a script has no Origin, so with --allow-remote
// such a GET of another site is answered. A GET changes no more than what is
// read. The field Cross-Origin-Resource-Policy of each response keeps that site
// from reading it.
//
// Immutable, so thread-safe.
class HttpGuard {
 public:
  // The names "localhost" and "*.localhost" (RFC 6761 6.3), the loopback
  // addresses, the host of `address` and `names`, which may have a port, are
  // accepted. If `address` is all addresses, so is each literal address: a
  // site that rebinds its name needs that name in Host.
  HttpGuard(net::ListenAddress address, std::vector<std::string> names);

  // Returns the response to a request that is refused, or nullopt.
  std::optional<HttpResponse> Refuse(const HttpRequest& request) const;

 private:
  // `host` as in the field Host, perhaps with a port.
  bool Accepts(absl::string_view host) const;

  net::ListenAddress address_;
  std::vector<std::string> names_;
};

// Splits "name:port" or "[::1]:port", where the port may be missing. Returns
// the name in lower case, without brackets and without the dot of the root.
// Empty: it has another form.
std::string HostName(absl::string_view host);

// Returns whether only this host can connect to `address`.
bool IsLoopback(const net::ListenAddress& address);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_HTTP_GUARD_H_
