// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The HTTP interface of postern rig: what its handlers share.

#ifndef POSTERN_PROGRAMS_RIG_API_H_
#define POSTERN_PROGRAMS_RIG_API_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "programs/rig/events.h"
#include "programs/rig/http.h"
#include "programs/rig/http_server.h"
#include "programs/rig/inbox.h"
#include "programs/rig/json.h"
#include "programs/rig/search_query.h"
#include "rig/fault.h"
#include "rig/rig.h"

namespace postern::programs {

// Not thread-safe: belongs to the thread of the HTTP server. The routes are
// in route.h.
class RigApi {
 public:
  // All must outlive the object. `smtp` is the address of the SMTP server.
  RigApi(rig::Rig* rig, std::string smtp, Inbox* inbox, Events* events)
      : rig_(*rig), smtp_(std::move(smtp)), inbox_(*inbox), events_(*events) {}

  HttpResponse Handle(HttpRequest request);
  // Sends what has happened to the streams of `server`, and asks the responses
  // that wait for it again.
  void Publish(const Events::Batch& batch, HttpServer* server);

  rig::Rig& rig() { return rig_; }
  const std::string& smtp() const { return smtp_; }
  Inbox& inbox() { return inbox_; }
  Events& events() { return events_; }
  absl::Time started() const { return started_; }

  // Mailpit's chaos triggers, which are faults of the table.
  struct Trigger {
    int code = 0;
    int percent = 0;  // 0: no fault
    int fault = 0;    // its id, if there is one
  };
  Trigger sender{451, 0, 0};
  Trigger recipient{451, 0, 0};
  Trigger authentication{535, 0, 0};

 private:
  rig::Rig& rig_;
  const std::string smtp_;
  Inbox& inbox_;
  Events& events_;
  const absl::Time started_ = absl::Now();
};

// For the handlers of all tables:

// Reads a number from 0 to `most` of the query. Returns `otherwise` if it is
// missing. nullopt: it is no such number.
std::optional<size_t> QueryNumber(const HttpRequest& request,
                                  const std::string& name, size_t otherwise,
                                  size_t most);
// Returns the message of the capture {id}: of "latest", the newest one that
// matches the query of the request, if it has one. nullopt: there is none, or
// the query cannot be read; `*refusal` is the response.
std::optional<InboxMessage> FindMessage(RigApi& api, const HttpRequest& request,
                                        HttpResponse* refusal);
HttpResponse BadRequest(absl::string_view why);
// The levels of arrays and objects in the JSON of a request.
inline constexpr int kDeepestJson = 50;
// Reads the body as a JSON object. nullopt: it is none, or it is deeper than
// kDeepestJson.
std::optional<RequestJson> ReadJson(const HttpRequest& request);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_API_H_
