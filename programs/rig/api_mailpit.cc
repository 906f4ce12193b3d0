// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Version 1 of Mailpit's interface, with its shapes, for clients that exist.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "programs/rig/api.h"
#include "programs/rig/compose.h"
#include "programs/rig/json.h"
#include "programs/rig/route.h"
#include "rig/fault_table.h"
#include "rig/mime.h"
#include "service/options.h"
#include "service/version.h"

namespace postern::programs {
namespace {

constexpr size_t kMostStart = 1000000000;
constexpr size_t kMostListed = 10000;

HttpResponse Ok() {
  HttpResponse response;
  response.body = "ok";
  return response;
}

Json TagNames(const Inbox::Page& page) {
  Json names = Json::array();
  for (const auto& [tag, count] : page.tags) names.push_back(tag);
  return names;
}

HttpResponse PageResponse(const Inbox::Page& page, size_t start) {
  Json json;
  json["total"] = page.total;
  json["unread"] = page.unread;
  json["count"] = page.messages.size();
  json["messages_count"] = page.matching;
  json["messages_unread"] = page.matching_unread;
  json["start"] = start;
  json["tags"] = TagNames(page);
  HttpResponse response;
  response.type = "application/json";
  response.body = WithMember(json, "messages", SummariesText(page.messages));
  return response;
}

HttpResponse Find(RigApi& api, const HttpRequest& request,
                  absl::Span<const SearchTerm> terms) {
  const auto start = QueryNumber(request, "start", 0, kMostStart);
  const auto limit = QueryNumber(request, "limit", 50, kMostListed);
  if (!start) return BadRequest("start is not a number.");
  if (!limit) return BadRequest("limit is not a number up to 10000.");
  return PageResponse(api.inbox().Find(terms, *start, *limit), *start);
}

HttpResponse ListMessages(RigApi& api, const HttpRequest& request) {
  return Find(api, request, {});
}

HttpResponse Search(RigApi& api, const HttpRequest& request) {
  const auto terms =
      ParseSearchQuery(request.Query("query"), request.Query("tz"));
  if (!terms.ok()) return BadRequest(terms.status().message());
  if (request.Query("query").empty()) return BadRequest("query is missing.");
  return Find(api, request, *terms);
}

// Returns the strings of an array in an object. nullopt: it is something else.
// Empty if it is missing.
std::optional<std::vector<std::string>> Strings(const RequestJson& json,
                                                const char* name) {
  std::vector<std::string> strings;
  const RequestJson* const items = Member(json, name);
  if (items == nullptr || items->is_null()) return strings;
  if (!items->is_array()) return std::nullopt;
  for (const RequestJson& item : *items) {
    if (!item.is_string()) return std::nullopt;
    strings.push_back(item.get<std::string>());
  }
  return strings;
}

// Reads the body, which may be missing, as an object.
std::optional<RequestJson> ReadObject(const HttpRequest& request) {
  if (request.body.empty()) return RequestJson::object();
  return ReadJson(request);
}

HttpResponse SetRead(RigApi& api, const HttpRequest& request) {
  const std::optional<RequestJson> json = ReadObject(request);
  if (!json) return BadRequest("The body is not a JSON object.");
  const auto ids = Strings(*json, "IDs");
  if (!ids) return BadRequest("IDs is not an array of strings.");
  const RequestJson* const given = Member(*json, "Read");
  if (given != nullptr && !given->is_boolean()) {
    return BadRequest("Read is not true or false.");
  }
  const bool read = given != nullptr && given->get<bool>();
  const RequestJson* const search = Member(*json, "Search");
  if (search != nullptr && !search->is_string()) {
    return BadRequest("Search is not a string.");
  }
  const std::string query = search ? search->get<std::string>() : "";
  if (!ids->empty() && !query.empty()) {
    return BadRequest("Give IDs or Search, not both.");
  }
  if (!ids->empty()) {
    api.events().Changed(api.inbox().SetRead(*ids, read));
    return Ok();
  }
  const auto terms = ParseSearchQuery(query, request.Query("tz"));
  if (!terms.ok()) return BadRequest(terms.status().message());
  api.events().Changed(api.inbox().SetRead(*terms, read));
  return Ok();
}

HttpResponse DeleteMessages(RigApi& api, const HttpRequest& request) {
  const std::optional<RequestJson> json = ReadObject(request);
  if (!json) return BadRequest("The body is not a JSON object.");
  const auto ids = Strings(*json, "IDs");
  if (!ids) return BadRequest("IDs is not an array of strings.");
  api.events().Removed(ids->empty() ? api.inbox().RemoveMatching({})
                                    : api.inbox().Remove(*ids));
  // MailHog has this path, too, and an empty response to it, which its client
  // for Node requires. That client sends no Accept; fetch() and curl do.
  if (request.Header("accept").empty()) {
    HttpResponse response;
    response.type = "application/json";
    return response;
  }
  return Ok();
}

HttpResponse DeleteSearch(RigApi& api, const HttpRequest& request) {
  const auto terms =
      ParseSearchQuery(request.Query("query"), request.Query("tz"));
  if (!terms.ok()) return BadRequest(terms.status().message());
  // A query of nothing would delete everything.
  if (terms->empty()) return BadRequest("query is missing.");
  api.events().Removed(api.inbox().RemoveMatching(*terms));
  return Ok();
}

HttpResponse GetMessage(RigApi& api, const HttpRequest& request) {
  HttpResponse refusal;
  const auto message = FindMessage(api, request, &refusal);
  if (!message) return refusal;
  const std::string id = message->id();
  api.events().Changed(api.inbox().SetRead({&id, 1}, true));
  return JsonResponse(
      MessageJson(*message, rig::ParseMime(message->message.raw())));
}

HttpResponse GetHeaders(RigApi& api, const HttpRequest& request) {
  HttpResponse refusal;
  const auto message = FindMessage(api, request, &refusal);
  if (!message) return refusal;
  return JsonResponse(FieldsJson(rig::ParseMime(message->message.raw())));
}

HttpResponse GetRaw(RigApi& api, const HttpRequest& request) {
  HttpResponse refusal;
  const auto message = FindMessage(api, request, &refusal);
  if (!message) return refusal;
  HttpResponse response;
  response.body = message->message.raw();
  if (request.Query("dl") == "1") {
    response.type = "message/rfc822";
    response.headers.emplace_back(
        "Content-Disposition",
        absl::StrCat("attachment; filename=\"", message->id(), ".eml\""));
  }
  return response;
}

// The name of a file for Content-Disposition: what is not plain becomes '_'.
std::string PlainName(absl::string_view name) {
  std::string plain;
  for (const char c : name.substr(0, 200)) {
    const bool keep = absl::ascii_isalnum(c) || absl::StrContains(" ._-+", c);
    plain += keep ? c : '_';
  }
  return plain;
}

// The type of a part, if it can be in a field of the response. It may be HTML
// or another type with scripts: the policy of the response keeps a browser from
// running them.
std::string PlainType(absl::string_view type) {
  const bool valid =
      !type.empty() && std::all_of(type.begin(), type.end(), [](char c) {
        return absl::ascii_isalnum(c) || absl::StrContains("/.+-_", c);
      });
  return valid ? std::string(type) : "application/octet-stream";
}

HttpResponse GetPart(RigApi& api, const HttpRequest& request) {
  HttpResponse refusal;
  const auto message = FindMessage(api, request, &refusal);
  if (!message) return refusal;
  const rig::Mime mime = rig::ParseMime(message->message.raw());
  for (const rig::MimePart& part : mime.parts) {
    if (part.id != request.Capture("part")) continue;
    HttpResponse response;
    response.type = PlainType(part.type);
    response.body = part.content;
    // The octets are those of an unknown sender. In a sandbox without rights,
    // no script of theirs runs.
    response.content_security_policy = "sandbox; default-src 'none'";
    const std::string name = PlainName(part.file_name);
    response.headers.emplace_back(
        "Content-Disposition",
        absl::StrCat(
            absl::StartsWith(part.type, "image/") ? "inline" : "attachment",
            "; filename=\"", name.empty() ? "part" : name, "\""));
    return response;
  }
  return HttpError(404, "The message has no such part.");
}

HttpResponse GetText(RigApi& api, const HttpRequest& request) {
  HttpResponse refusal;
  const auto message = FindMessage(api, request, &refusal);
  if (!message) return refusal;
  HttpResponse response;
  response.body = TextOf(rig::ParseMime(message->message.raw()));
  return response;
}

HttpResponse Unserved(absl::string_view what) {
  return HttpError(501, absl::StrCat("A rig does not ", what, "."));
}
HttpResponse GetThumbnail(RigApi&, const HttpRequest&) {
  return Unserved("scale images; the part itself has no /thumb in its path");
}
HttpResponse Release(RigApi&, const HttpRequest&) {
  return Unserved("send mail to other servers");
}
HttpResponse CheckHtml(RigApi&, const HttpRequest&) {
  return Unserved("check HTML for mail programs");
}
HttpResponse CheckLinks(RigApi&, const HttpRequest&) {
  return Unserved("open links: a test must not depend on other servers");
}
HttpResponse CheckSpam(RigApi&, const HttpRequest&) {
  return Unserved("filter spam");
}

constexpr size_t kMostTags = 20;     // of a message
constexpr size_t kMostOfATag = 100;  // octets
constexpr char kTagsBounds[] =
    "A message has at most 20 tags of at most 100 octets.";

// Removes the characters that Mailpit's tags do not have.
std::string CleanTag(absl::string_view tag) {
  std::string clean;
  for (const char c : tag) {
    if (absl::ascii_isalnum(c) || absl::StrContains("-. _", c)) clean += c;
  }
  absl::RemoveExtraAsciiWhitespace(&clean);
  return clean;
}

// Cleans the tags of a message, and removes the empty ones. Returns false if
// they are too many or too long.
bool CleanTags(std::vector<std::string>* tags) {
  for (std::string& tag : *tags) tag = CleanTag(tag);
  std::erase(*tags, "");
  return tags->size() <= kMostTags &&
         std::all_of(tags->begin(), tags->end(), [](const std::string& tag) {
           return tag.size() <= kMostOfATag;
         });
}

HttpResponse Send(RigApi& api, const HttpRequest& request) {
  const std::optional<RequestJson> json = ReadObject(request);
  const auto fail = [](absl::string_view why) {
    Json error;
    error["Error"] = std::string(why);
    return JsonResponse(error, 400);
  };
  if (!json) return fail("The body is not a JSON object.");
  auto message = ComposeMessage(*json, absl::Now());
  if (!message.ok()) return fail(message.status().message());
  auto tags = Strings(*json, "Tags");
  if (!tags) return fail("Tags is not an array of strings.");
  if (!CleanTags(&*tags)) return fail(kTagsBounds);
  const std::string id =
      absl::StrCat(api.rig().mailbox().Add(std::move(*message)));
  if (!tags->empty()) {
    api.inbox().SetTags({&id, 1}, *tags);
    api.events().Changed({id});
  }
  Json answer;
  answer["ID"] = id;
  return JsonResponse(answer);
}

HttpResponse GetTags(RigApi& api, const HttpRequest&) {
  return JsonResponse(TagNames(api.inbox().Find({}, 0, 0)));
}

HttpResponse SetTags(RigApi& api, const HttpRequest& request) {
  const std::optional<RequestJson> json = ReadObject(request);
  if (!json) return BadRequest("The body is not a JSON object.");
  const auto ids = Strings(*json, "IDs");
  auto tags = Strings(*json, "Tags");
  if (!ids || ids->empty()) return BadRequest("IDs is not an array of ids.");
  if (!tags) return BadRequest("Tags is not an array of strings.");
  if (!CleanTags(&*tags)) return BadRequest(kTagsBounds);
  api.inbox().SetTags(*ids, *tags);
  api.events().Changed(*ids);
  return Ok();
}

HttpResponse ReplaceTag(RigApi& api, const std::string& tag,
                        const std::string& name) {
  const std::vector<std::string> changed = api.inbox().RenameTag(tag, name);
  if (changed.empty()) return HttpError(404, "No message has this tag.");
  api.events().Changed(changed);
  return Ok();
}

HttpResponse RenameTag(RigApi& api, const HttpRequest& request) {
  const std::optional<RequestJson> json = ReadObject(request);
  const RequestJson* const name = json ? Member(*json, "Name") : nullptr;
  if (name == nullptr || !name->is_string()) {
    return BadRequest("Name is not a string.");
  }
  const std::string clean = CleanTag(name->get<std::string>());
  if (clean.empty()) return BadRequest("Name has no letter or digit.");
  if (clean.size() > kMostOfATag) return BadRequest(kTagsBounds);
  return ReplaceTag(api, request.Capture("tag"), clean);
}

HttpResponse DeleteTag(RigApi& api, const HttpRequest& request) {
  return ReplaceTag(api, request.Capture("tag"), "");
}

// The three triggers, with their names in JSON and their faults.
struct TriggerRow {
  const char* name;
  RigApi::Trigger RigApi::*trigger;
  rig::Stage stage;
  int code;  // if none is given
  const char* text;
};
constexpr TriggerRow kTriggers[] = {
    {"Sender", &RigApi::sender, rig::Stage::kMail, 451, "chaos at the sender"},
    {"Recipient", &RigApi::recipient, rig::Stage::kRcpt, 451,
     "chaos at the recipient"},
    {"Authentication", &RigApi::authentication, rig::Stage::kAuth, 535,
     "chaos at the authentication"}};

HttpResponse GetChaos(RigApi& api, const HttpRequest&) {
  const std::vector<rig::FaultState> faults = api.rig().faults().List();
  Json json;
  for (const TriggerRow& row : kTriggers) {
    RigApi::Trigger& trigger = api.*row.trigger;
    // The fault may have been removed or changed as a fault.
    const auto fault = std::find_if(
        faults.begin(), faults.end(),
        [&](const auto& f) { return f.id == trigger.fault && f.on; });
    Json& shown = json[row.name];
    shown["ErrorCode"] = trigger.code;
    shown["Probability"] = fault == faults.end() ? 0 : fault->fault.percent;
  }
  return JsonResponse(json);
}

HttpResponse SetChaos(RigApi& api, const HttpRequest& request) {
  const std::optional<RequestJson> json = ReadObject(request);
  if (!json) return BadRequest("The body is not a JSON object.");
  std::vector<RigApi::Trigger> wanted;
  for (const TriggerRow& row : kTriggers) {
    RigApi::Trigger trigger{row.code, 0, 0};
    const RequestJson* const given = Member(*json, row.name);
    if (given != nullptr && !given->is_null()) {
      const RequestJson* const code = Member(*given, "ErrorCode");
      const RequestJson* const percent = Member(*given, "Probability");
      if (!given->is_object() ||
          (code != nullptr && !code->is_number_integer()) ||
          (percent != nullptr && !percent->is_number_integer())) {
        return BadRequest(
            absl::StrCat(row.name, " needs ErrorCode and Probability."));
      }
      const int64_t number = code == nullptr ? 0 : code->get<int64_t>();
      const int64_t share = percent == nullptr ? 0 : percent->get<int64_t>();
      if (number != 0 && (number < 400 || number > 599)) {
        return BadRequest("error code must be between 400 and 599");
      }
      if (share < 0 || share > 100) {
        return BadRequest("probability must be between 0 and 100");
      }
      if (number != 0) trigger.code = static_cast<int>(number);
      trigger.percent = static_cast<int>(share);
    }
    wanted.push_back(trigger);
  }
  size_t i = 0;
  for (const TriggerRow& row : kTriggers) {
    RigApi::Trigger& trigger = api.*row.trigger;
    if (trigger.fault != 0) api.rig().faults().Remove(trigger.fault);
    trigger = wanted[i++];
    if (trigger.percent == 0) continue;
    rig::Fault fault;
    fault.stage = row.stage;
    fault.percent = trigger.percent;
    fault.reply = rig::MakeReply(trigger.code, row.text);
    trigger.fault = api.rig().faults().Add(std::move(fault));
  }
  return GetChaos(api, request);
}

HttpResponse GetInfo(RigApi& api, const HttpRequest&) {
  const Inbox::Page page = api.inbox().Find({}, 0, 0);
  const Inbox::Totals totals = api.inbox().totals();
  Json json;
  json["Version"] = absl::StrCat("postern-", service::Version());
  json["LatestVersion"] = json["Version"];
  json["Database"] = "memory";
  json["DatabaseSize"] = totals.octets;
  json["Messages"] = page.total;
  json["Unread"] = page.unread;
  json["Tags"] = Json(page.tags);
  json["RuntimeStats"] = {
      {"Uptime", absl::ToInt64Seconds(absl::Now() - api.started())},
      {"Memory", totals.octets},
      {"MessagesDeleted", totals.removed},
      {"SMTPAccepted", totals.accepted},
      {"SMTPAcceptedSize", totals.accepted_octets},
      {"SMTPRejected", api.rig().faults().applied()},
      {"SMTPIgnored", 0}};
  return JsonResponse(json);
}

HttpResponse GetWebUi(RigApi&, const HttpRequest&) {
  Json json;
  json["Label"] = "postern rig";
  json["MessageRelay"] = {
      {"Enabled", false},           {"SMTPServer", ""},
      {"ReturnPath", ""},           {"AllowedRecipients", ""},
      {"BlockedRecipients", ""},    {"OverrideFrom", ""},
      {"PreserveMessageIDs", false}};
  json["SpamAssassin"] = false;
  json["ChaosEnabled"] = true;
  json["DuplicatesIgnored"] = false;
  json["HideDeleteAllButton"] = false;
  return JsonResponse(json);
}

HttpResponse GetReady(RigApi&, const HttpRequest&) { return Ok(); }

constexpr Route kRoutes[] = {
    {"GET", "/api/v1/messages", ListMessages},
    {"PUT", "/api/v1/messages", SetRead},
    {"DELETE", "/api/v1/messages", DeleteMessages},
    {"GET", "/api/v1/search", Search},
    {"DELETE", "/api/v1/search", DeleteSearch},
    {"GET", "/api/v1/message/{id}", GetMessage},
    {"GET", "/api/v1/message/{id}/headers", GetHeaders},
    {"GET", "/api/v1/message/{id}/raw", GetRaw},
    {"GET", "/api/v1/message/{id}/part/{part}", GetPart},
    {"GET", "/api/v1/message/{id}/part/{part}/thumb", GetThumbnail},
    {"POST", "/api/v1/message/{id}/release", Release},
    {"GET", "/api/v1/message/{id}/html-check", CheckHtml},
    {"GET", "/api/v1/message/{id}/link-check", CheckLinks},
    {"GET", "/api/v1/message/{id}/sa-check", CheckSpam},
    {"POST", "/api/v1/send", Send},
    {"GET", "/api/v1/tags", GetTags},
    {"PUT", "/api/v1/tags", SetTags},
    {"PUT", "/api/v1/tags/{tag}", RenameTag},
    {"DELETE", "/api/v1/tags/{tag}", DeleteTag},
    {"GET", "/api/v1/chaos", GetChaos},
    {"PUT", "/api/v1/chaos", SetChaos},
    {"GET", "/api/v1/info", GetInfo},
    {"GET", "/api/v1/webui", GetWebUi},
    {"GET", "/view/{id}.txt", GetText},
    {"GET", "/readyz", GetReady},
    {"GET", "/livez", GetReady},
};

}  // namespace

absl::Span<const Route> MailpitRoutes() { return kRoutes; }

}  // namespace postern::programs
