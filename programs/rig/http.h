// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Requests and responses of HTTP, as the handlers of postern rig see them.

#ifndef POSTERN_PROGRAMS_RIG_HTTP_H_
#define POSTERN_PROGRAMS_RIG_HTTP_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace postern::programs {

struct HttpRequest {
  std::string method;                          // upper case
  std::string path;                            // decoded, without the query
  std::map<std::string, std::string> query;    // decoded; the first of a name
  std::map<std::string, std::string> headers;  // the names in lower case
  std::string body;
  // What the path has where the pattern of the route has {name}.
  std::map<std::string, std::string> captures;

  // Return the value, or the empty string.
  std::string Query(const std::string& name) const { return Of(query, name); }
  std::string Header(const std::string& name) const {
    return Of(headers, name);
  }
  std::string Capture(const std::string& name) const {
    return Of(captures, name);
  }

 private:
  static std::string Of(const std::map<std::string, std::string>& map,
                        const std::string& name) {
    const auto found = map.find(name);
    return found == map.end() ? "" : found->second;
  }
};

struct HttpResponse {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  // More header fields, without line ends in them.
  std::vector<std::pair<std::string, std::string>> headers;
  // Replaces the Content-Security-Policy of HttpServer, unless it is empty.
  std::string content_security_policy;

  // A response that comes later. The server calls this at once, after each
  // HttpServer::Wake(), and at `deadline` with `expired`. It answers when the
  // result has a value; after `expired` it must have one.
  std::function<std::optional<HttpResponse>(bool expired)> later;
  absl::Time deadline;

  // A stream of server-sent events (WHATWG HTML 9.2), which gets what
  // HttpServer::Broadcast() sends. `body` comes first.
  bool events = false;
};

// A response with an error: the text is a line for a person.
inline HttpResponse HttpError(int status, absl::string_view text) {
  HttpResponse response;
  response.status = status;
  response.body = std::string(text) + "\n";
  return response;
}

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_HTTP_H_
