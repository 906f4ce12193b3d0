// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The routes of postern rig's HTTP server, as data.

#ifndef POSTERN_PROGRAMS_RIG_ROUTE_H_
#define POSTERN_PROGRAMS_RIG_ROUTE_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "programs/rig/http.h"

namespace postern::programs {

class RigApi;

// One operation. openapi.json describes each, and a test compares the two.
struct Route {
  absl::string_view method;  // "GET" also answers HEAD
  // "/api/v1/message/{id}/raw": {id} stands for one segment of the path, or the
  // part of a segment before the text that follows ("/view/{id}.html").
  absl::string_view path;
  HttpResponse (*handle)(RigApi& api, const HttpRequest& request);
};

// Finds the route of a request, and sets its captures. A slash at the end of
// the path does not matter. Null: there is none, and `*refusal` is the
// response: 404, or 405 if the path has another method.
const Route* FindRoute(absl::Span<const absl::Span<const Route>> tables,
                       HttpRequest* request, HttpResponse* refusal);

// The tables, and all of them.
absl::Span<const Route> MailpitRoutes();
absl::Span<const Route> MailHogRoutes();
absl::Span<const Route> PosternRoutes();
absl::Span<const Route> PageRoutes();
absl::Span<const absl::Span<const Route>> AllRoutes();

// Returns openapi.json.
absl::string_view OpenApi();

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_ROUTE_H_
