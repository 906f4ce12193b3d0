// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/api.h"

#include <cstdint>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "programs/rig/route.h"

namespace postern::programs {

HttpResponse RigApi::Handle(HttpRequest request) {
  HttpResponse refusal;
  const Route* const route = FindRoute(AllRoutes(), &request, &refusal);
  return route == nullptr ? refusal : route->handle(*this, request);
}

void RigApi::Publish(const Events::Batch& batch, HttpServer* server) {
  if (server->streams() > 0) {
    for (const std::string& id : batch.added) {
      // A message that is gone again has an event of its own.
      if (const std::optional<InboxMessage> message = inbox_.Get(id)) {
        server->Broadcast("message", SummaryText(*message));
      }
    }
    if (!batch.changed.empty()) {
      Json json;
      json["IDs"] = batch.changed;
      server->Broadcast("changed", ToText(json));
    }
    if (!batch.removed.empty()) {
      Json json;
      json["IDs"] = batch.removed;
      server->Broadcast("removed", ToText(json));
    }
    for (const auto& [number, facts] : batch.sessions) {
      server->Broadcast("session", ToText(SessionJson(facts)));
    }
    if (batch.faults) {
      server->Broadcast("faults", ToText(FaultsJson(rig_.faults().List())));
    }
  }
  // Responses wait for messages.
  if (batch.messages()) server->Wake();
}

std::optional<size_t> QueryNumber(const HttpRequest& request,
                                  const std::string& name, size_t otherwise,
                                  size_t most) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return otherwise;
  uint64_t number = 0;
  if (!absl::SimpleAtoi(found->second, &number) || number > most) {
    return std::nullopt;
  }
  return number;
}

std::optional<InboxMessage> FindMessage(RigApi& api, const HttpRequest& request,
                                        HttpResponse* refusal) {
  *refusal = HttpError(404, "There is no such message.");
  const std::string id = request.Capture("id");
  const std::string query = request.Query("query");
  if (id != "latest" || query.empty()) return api.inbox().Get(id);
  const auto terms = ParseSearchQuery(query, request.Query("tz"));
  if (!terms.ok()) {
    *refusal = BadRequest(terms.status().message());
    return std::nullopt;
  }
  const Inbox::Page page = api.inbox().Find(*terms, 0, 1);
  if (page.messages.empty()) return std::nullopt;
  return page.messages[0];
}

HttpResponse BadRequest(absl::string_view why) { return HttpError(400, why); }

namespace {

// Whether text that is JSON has more than kDeepestJson levels.
bool IsTooDeep(absl::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      quoted = !quoted;
    } else if (quoted) {
      if (c == '\\') ++i;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepestJson) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

std::optional<RequestJson> ReadJson(const HttpRequest& request) {
  // Before the parser spends memory on each level.
  if (IsTooDeep(request.body)) return std::nullopt;
  RequestJson json =
      RequestJson::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) return std::nullopt;
  return json;
}

}  // namespace postern::programs
