// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What only this rig has: waiting, sessions, faults and events.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "programs/rig/api.h"
#include "programs/rig/json.h"
#include "programs/rig/route.h"
#include "rig/fault_script.h"
#include "rig/fault_table.h"
#include "rig/mime.h"

namespace postern::programs {
namespace {

constexpr size_t kMostCount = 1000000;
constexpr size_t kMostSeconds = 3600;
constexpr size_t kMostShown = 250;

HttpResponse Waited(RigApi& api, const std::vector<SearchTerm>& terms,
                    bool complete) {
  const Inbox::Page page = api.inbox().Find(terms, 0, kMostShown);
  Json json;
  json["complete"] = complete;
  json["messages_count"] = page.matching;
  HttpResponse response;
  response.status = complete ? 200 : 504;
  response.type = "application/json";
  response.body = WithMember(json, "messages", SummariesText(page.messages));
  return response;
}

HttpResponse Wait(RigApi& api, const HttpRequest& request) {
  const auto count = QueryNumber(request, "count", 1, kMostCount);
  const auto seconds = QueryNumber(request, "timeout", 10, kMostSeconds);
  if (!count) return BadRequest("count is not a number.");
  if (!seconds) return BadRequest("timeout is not a number up to 3600.");
  auto terms = ParseSearchQuery(request.Query("query"), request.Query("tz"));
  if (!terms.ok()) return BadRequest(terms.status().message());
  HttpResponse response;
  response.deadline =
      absl::Now() + absl::Seconds(static_cast<int64_t>(*seconds));
  response.later = [&api, terms = *std::move(terms), count = *count](
                       bool expired) -> std::optional<HttpResponse> {
    const bool complete = api.inbox().Count(terms) >= count;
    if (!complete && !expired) return std::nullopt;
    return Waited(api, terms, complete);
  };
  return response;
}

HttpResponse GetEnvelope(RigApi& api, const HttpRequest& request) {
  HttpResponse refusal;
  const auto message = FindMessage(api, request, &refusal);
  if (!message) return refusal;
  return JsonResponse(EnvelopeJson(message->message));
}

// The header fields in the order of the message, with decoded values.
HttpResponse GetFields(RigApi& api, const HttpRequest& request) {
  HttpResponse refusal;
  const auto message = FindMessage(api, request, &refusal);
  if (!message) return refusal;
  Json fields = Json::array();
  for (const auto& [name, value] :
       rig::ParseMime(message->message.raw()).fields) {
    fields.push_back(Json::array({name, value}));
  }
  Json json;
  json["fields"] = std::move(fields);
  return JsonResponse(json);
}

HttpResponse GetInfo(RigApi& api, const HttpRequest&) {
  Json json;
  json["smtp"] = api.smtp();
  return JsonResponse(json);
}

// The newest first, as in the list of messages.
HttpResponse ListSessions(RigApi& api, const HttpRequest& request) {
  const auto start = QueryNumber(request, "start", 0, kMostCount);
  const auto limit = QueryNumber(request, "limit", kMostCount, kMostCount);
  if (!start) return BadRequest("start is not a number.");
  if (!limit) return BadRequest("limit is not a number.");
  const std::vector<rig::SessionFacts> all = api.rig().sessions();
  Json sessions = Json::array();
  for (size_t i = *start; i < all.size() && i - *start < *limit; ++i) {
    sessions.push_back(SessionJson(all[all.size() - 1 - i]));
  }
  Json json;
  json["total"] = all.size();
  json["sessions"] = std::move(sessions);
  return JsonResponse(json);
}

HttpResponse GetSession(RigApi& api, const HttpRequest& request) {
  int number = 0;
  if (absl::SimpleAtoi(request.Capture("number"), &number)) {
    if (const auto facts = api.rig().mailbox().Session(number)) {
      Json json = SessionJson(*facts);
      Json messages = Json::array();
      const Inbox::Page sent = api.inbox().FindIf(
          [&](const InboxMessage& message) {
            return message.message.session().number == number;
          },
          0, kMostShown);
      for (const InboxMessage& message : sent.messages) {
        messages.push_back(message.id());
      }
      json["messages"] = std::move(messages);
      json["transcript"] = TranscriptJson(facts->transcript->Entries());
      return JsonResponse(json);
    }
  }
  return HttpError(404, "There is no such session.");
}

HttpResponse ListFaults(RigApi& api, const HttpRequest&) {
  return JsonResponse(FaultsJson(api.rig().faults().List()));
}

// The octets of the script that a request adds, and of all faults, about.
constexpr size_t kMostOctets = size_t{1} << 20;
constexpr size_t kMostFaults = 1000;

// Reads lines of a fault script: the body is the text itself, or a JSON object
// with "line", which may be several lines. A status names the line. `kept` are
// the faults that stay: with them the faults have limits.
absl::StatusOr<std::vector<rig::Fault>> ReadFaults(
    const HttpRequest& request, const std::vector<rig::FaultState>& kept) {
  std::string text = request.body;
  const std::string type = request.Header("content-type");
  if (absl::string_view(type).substr(0, type.find(';')) == "application/json") {
    const std::optional<RequestJson> json = ReadJson(request);
    const RequestJson* const line = json ? Member(*json, "line") : nullptr;
    if (line == nullptr || !line->is_string()) {
      return absl::InvalidArgumentError("the body is not {\"line\": \"...\"}");
    }
    text = line->get<std::string>();
  }
  size_t octets = text.size();
  for (const rig::FaultState& state : kept) {
    octets += rig::FormatFault(state.fault).size();
  }
  if (octets > kMostOctets) {
    return absl::InvalidArgumentError("the faults have more than 1 MiB");
  }
  auto faults = rig::ParseFaultScript(text, "line");
  if (faults.ok() && faults->size() + kept.size() > kMostFaults) {
    return absl::InvalidArgumentError(
        absl::StrCat("there are more than ", kMostFaults, " faults"));
  }
  return faults;
}

// Adds faults after those that are there. Returns those that it added.
HttpResponse AddFaults(RigApi& api, const HttpRequest& request) {
  auto faults = ReadFaults(request, api.rig().faults().List());
  if (!faults.ok()) return BadRequest(faults.status().message());
  if (faults->empty()) return BadRequest("There is no fault in the body.");
  std::vector<rig::FaultState> added;
  for (rig::Fault& fault : *faults) {
    const int id = api.rig().faults().Add(fault);
    added.push_back({id, std::move(fault)});
  }
  return JsonResponse(FaultsJson(added), 201);
}

// Replaces all faults. None of them applies to a part of a new list.
HttpResponse ReplaceFaults(RigApi& api, const HttpRequest& request) {
  auto faults = ReadFaults(request, {});
  if (!faults.ok()) return BadRequest(faults.status().message());
  api.rig().faults().Assign(*std::move(faults));
  return ListFaults(api, request);
}

HttpResponse DeleteFaults(RigApi& api, const HttpRequest&) {
  api.rig().ClearFaults();
  HttpResponse response;
  response.status = 204;
  return response;
}

// Returns the state of the fault with the capture {id}.
std::optional<rig::FaultState> FindFault(RigApi& api,
                                         const HttpRequest& request) {
  int id = 0;
  if (!absl::SimpleAtoi(request.Capture("id"), &id)) return std::nullopt;
  for (rig::FaultState& state : api.rig().faults().List()) {
    if (state.id == id) return std::move(state);
  }
  return std::nullopt;
}
HttpResponse NoFault() { return HttpError(404, "There is no such fault."); }

HttpResponse GetFault(RigApi& api, const HttpRequest& request) {
  const auto state = FindFault(api, request);
  return state ? JsonResponse(FaultJson(*state)) : NoFault();
}

// {"on": true|false}, {"line": "..."} or both.
HttpResponse SetFault(RigApi& api, const HttpRequest& request) {
  const auto state = FindFault(api, request);
  if (!state) return NoFault();
  const std::optional<RequestJson> json = ReadJson(request);
  if (!json) return BadRequest("The body is not a JSON object.");
  const RequestJson* const given = Member(*json, "on");
  if (given != nullptr && !given->is_boolean()) {
    return BadRequest("on is not true or false.");
  }
  const bool on = given == nullptr ? state->on : given->get<bool>();
  if (json->contains("line")) {
    std::vector<rig::FaultState> others = api.rig().faults().List();
    std::erase_if(others, [&](const auto& f) { return f.id == state->id; });
    auto faults = ReadFaults(request, others);
    if (!faults.ok()) return BadRequest(faults.status().message());
    if (faults->size() != 1) return BadRequest("line is not one fault.");
    api.rig().faults().Replace(state->id, std::move((*faults)[0]), on);
  } else if (given != nullptr) {
    api.rig().faults().SetOn(state->id, on);
  } else {
    return BadRequest("The body has neither on nor line.");
  }
  return GetFault(api, request);
}

HttpResponse DeleteFault(RigApi& api, const HttpRequest& request) {
  const auto state = FindFault(api, request);
  if (!state || !api.rig().faults().Remove(state->id)) return NoFault();
  HttpResponse response;
  response.status = 204;
  return response;
}

HttpResponse StreamEvents(RigApi&, const HttpRequest&) {
  HttpResponse response;
  response.type = "text/event-stream";
  response.body = "retry: 1000\n\n";
  response.events = true;
  return response;
}

HttpResponse GetCertificate(RigApi& api, const HttpRequest&) {
  const absl::StatusOr<std::string> pem = api.rig().AuthorityCertificate();
  if (!pem.ok()) return HttpError(500, pem.status().message());
  HttpResponse response;
  response.type = "application/x-pem-file";
  response.body = *pem;
  return response;
}

constexpr Route kRoutes[] = {
    {"GET", "/api/postern/v1/wait", Wait},
    {"GET", "/api/postern/v1/message/{id}/envelope", GetEnvelope},
    {"GET", "/api/postern/v1/message/{id}/fields", GetFields},
    {"GET", "/api/postern/v1/info", GetInfo},
    {"GET", "/api/postern/v1/sessions", ListSessions},
    {"GET", "/api/postern/v1/session/{number}", GetSession},
    {"GET", "/api/postern/v1/faults", ListFaults},
    {"POST", "/api/postern/v1/faults", AddFaults},
    {"PUT", "/api/postern/v1/faults", ReplaceFaults},
    {"DELETE", "/api/postern/v1/faults", DeleteFaults},
    {"GET", "/api/postern/v1/faults/{id}", GetFault},
    {"PUT", "/api/postern/v1/faults/{id}", SetFault},
    {"DELETE", "/api/postern/v1/faults/{id}", DeleteFault},
    {"GET", "/api/postern/v1/events", StreamEvents},
    {"GET", "/api/postern/v1/ca.pem", GetCertificate},
};

}  // namespace

absl::Span<const Route> PosternRoutes() { return kRoutes; }

}  // namespace postern::programs
