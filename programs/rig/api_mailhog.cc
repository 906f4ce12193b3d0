// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Versions 1 and 2 of MailHog's interface, with its shapes, for clients that
// exist.
//
// MailHog and Mailpit have one path in common: /api/v1/messages. GET there is
// Mailpit's, and DELETE is answered by api_mailpit.cc for both. Below
// /mailhog/api everything is MailHog's.

#include <string.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "programs/rig/api.h"
#include "programs/rig/json.h"
#include "programs/rig/mailhog_content.h"
#include "programs/rig/route.h"

namespace postern::programs {
namespace {

// As in MailHog.
constexpr size_t kMostListed = 250;
constexpr size_t kMostListedV1 = 1000;

Json PathJson(const std::string& address) {
  const size_t at = address.rfind('@');
  Json json;
  json["Relays"] = nullptr;
  json["Mailbox"] = address.substr(0, at);
  json["Domain"] = at == std::string::npos ? "" : address.substr(at + 1);
  json["Params"] = "";
  return json;
}

Json BodyJson(const MailHogContent& content);

Json ContentJson(const MailHogContent& content, bool nested) {
  std::map<std::string, Json> fields;
  for (const auto& [name, value] : content.fields) {
    fields.emplace(name, Json::array({value}));
  }
  Json json;
  // At once: member by member takes quadratic time.
  json["Headers"] = Json(fields);
  json["Body"] = content.body;
  json["Size"] = content.size;
  json["MIME"] = nested ? BodyJson(content) : Json(nullptr);
  return json;
}

Json BodyJson(const MailHogContent& content) {
  if (!content.multipart) return nullptr;
  Json parts = Json::array();
  for (const MailHogContent& part : content.parts) {
    parts.push_back(ContentJson(part, /*nested=*/true));
  }
  Json json;
  json["Parts"] = std::move(parts);
  return json;
}

// Adds a value of a field that MailHog adds, under the name that the message
// has for it.
void AddField(const char* name, const std::string& value, Json* fields) {
  for (auto& [other, values] : fields->items()) {
    if (!absl::EqualsIgnoreCase(other, name)) continue;
    values.push_back(value);
    return;
  }
  (*fields)[name] = Json::array({value});
}

Json MailHogJson(const InboxMessage& shown) {
  const rig::Message& message = shown.message;
  const MailHogContent content = ParseMailHogContent(message.raw());
  Json to = Json::array();
  for (const std::string& address : message.to()) {
    to.push_back(PathJson(address));
  }
  Json json;
  json["ID"] = shown.id();
  json["From"] = PathJson(message.from());
  json["To"] = std::move(to);
  Json& main = json["Content"] = ContentJson(content, /*nested=*/false);
  if (shown.summary->message_id.empty()) {
    AddField("Message-ID", absl::StrCat(shown.id(), "@rig.example"),
             &main["Headers"]);
  }
  absl::string_view trace = message.trace();
  if (absl::ConsumePrefix(&trace, "Received: ")) {
    AddField("Received", std::string(absl::StripTrailingAsciiWhitespace(trace)),
             &main["Headers"]);
  }
  AddField("Return-Path", absl::StrCat("<", message.from(), ">"),
           &main["Headers"]);
  json["Created"] = FormatJsonTime(message.received());
  json["MIME"] = BodyJson(content);
  Json raw;
  raw["From"] = message.from();
  raw["To"] = message.to();
  raw["Data"] = message.raw();
  raw["Helo"] = message.session().info->hello_name;
  json["Raw"] = std::move(raw);
  return json;
}

Json Items(const Inbox::Page& page) {
  Json items = Json::array();
  for (const InboxMessage& message : page.messages) {
    items.push_back(MailHogJson(message));
  }
  return items;
}

HttpResponse PageResponse(const Inbox::Page& page, size_t start) {
  Json json;
  json["total"] = page.matching;
  json["count"] = page.messages.size();
  json["start"] = start;
  json["items"] = Items(page);
  return JsonResponse(json);
}

// A number of the query, as MailHog reads it: anything else is the default.
size_t Number(const HttpRequest& request, const char* name, size_t otherwise,
              size_t most) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(request.Query(name), &number) || number == 0) {
    return otherwise;
  }
  return std::min<uint64_t>(number, most);
}

HttpResponse ListV1(RigApi& api, const HttpRequest&) {
  return JsonResponse(Items(api.inbox().Find({}, 0, kMostListedV1)));
}

HttpResponse ListV2(RigApi& api, const HttpRequest& request) {
  const size_t start = Number(request, "start", 0, 1000000000);
  const size_t limit = Number(request, "limit", 50, kMostListed);
  return PageResponse(api.inbox().Find({}, start, limit), start);
}

// Whether one of the mailboxes contains `word`, which is in lower case.
bool FieldContains(const std::vector<rig::MimeAddress>& field,
                   absl::string_view word) {
  return std::any_of(field.begin(), field.end(), [&](const auto& address) {
    return absl::StrContains(absl::AsciiStrToLower(absl::StrCat(
                                 address.name, " <", address.address, ">")),
                             word);
  });
}

HttpResponse Search(RigApi& api, const HttpRequest& request) {
  const std::string kind = request.Query("kind");
  const std::string word = absl::AsciiStrToLower(request.Query("query"));
  if (word.empty()) return BadRequest("query is missing.");
  if (kind != "from" && kind != "to" && kind != "containing") {
    return BadRequest("kind is not from, to or containing.");
  }
  const auto matches = [&](const InboxMessage& shown) {
    const rig::Message& message = shown.message;
    const auto has = [&](absl::string_view text) {
      const std::string lower = absl::AsciiStrToLower(text);
      return memmem(lower.data(), lower.size(), word.data(), word.size()) !=
             nullptr;
    };
    if (kind == "containing") return has(message.raw());
    if (kind == "from") {
      return has(message.from()) ||
             (shown.summary->from &&
              FieldContains({*shown.summary->from}, word));
    }
    return std::any_of(message.to().begin(), message.to().end(), has) ||
           FieldContains(shown.summary->to, word);
  };
  const size_t start = Number(request, "start", 0, 1000000000);
  const size_t limit = Number(request, "limit", 50, kMostListed);
  return PageResponse(api.inbox().FindIf(matches, start, limit), start);
}

HttpResponse GetOne(RigApi& api, const HttpRequest& request) {
  HttpResponse refusal;
  const auto message = FindMessage(api, request, &refusal);
  return message ? JsonResponse(MailHogJson(*message)) : refusal;
}

// MailHog's responses to DELETE are empty, and its client for Node requires
// that.
HttpResponse Empty(int status) {
  HttpResponse response;
  response.status = status;
  response.type = "application/json";
  return response;
}

HttpResponse DeleteOne(RigApi& api, const HttpRequest& request) {
  const std::string id = request.Capture("id");
  const std::vector<std::string> removed = api.inbox().Remove({&id, 1});
  api.events().Removed(removed);
  return Empty(removed.empty() ? 404 : 200);
}

HttpResponse DeleteAll(RigApi& api, const HttpRequest&) {
  api.events().Removed(api.inbox().RemoveMatching({}));
  return Empty(200);
}

HttpResponse Download(RigApi& api, const HttpRequest& request) {
  HttpResponse refusal;
  const auto message = FindMessage(api, request, &refusal);
  if (!message) return refusal;
  HttpResponse response;
  response.type = "message/rfc822";
  response.headers.emplace_back(
      "Content-Disposition",
      absl::StrCat("attachment; filename=\"", message->id(), ".eml\""));
  response.body = message->message.raw();
  return response;
}

// The body of a part, undecoded as in MailHog. The fields of a part do not
// become fields of the response: their sender is unknown.
HttpResponse DownloadPart(RigApi& api, const HttpRequest& request) {
  HttpResponse refusal;
  const auto message = FindMessage(api, request, &refusal);
  if (!message) return refusal;
  const MailHogContent content = ParseMailHogContent(message->message.raw());
  size_t index = 0;
  if (!absl::SimpleAtoi(request.Capture("part"), &index) ||
      index >= content.parts.size()) {
    return HttpError(404, "The message has no such part.");
  }
  HttpResponse response;
  response.type = "application/octet-stream";
  response.headers.emplace_back(
      "Content-Disposition",
      absl::StrCat("attachment; filename=\"", message->id(), "-part-", index,
                   "\""));
  response.body = content.parts[index].body;
  return response;
}

HttpResponse Release(RigApi&, const HttpRequest&) {
  return HttpError(501, "A rig does not send mail to other servers.");
}

constexpr Route kRoutes[] = {
    {"GET", "/api/v2/messages", ListV2},
    {"GET", "/api/v2/search", Search},
    {"GET", "/api/v1/messages/{id}", GetOne},
    {"DELETE", "/api/v1/messages/{id}", DeleteOne},
    {"GET", "/api/v1/messages/{id}/download", Download},
    {"GET", "/api/v1/messages/{id}/mime/part/{part}/download", DownloadPart},
    {"POST", "/api/v1/messages/{id}/release", Release},
    {"GET", "/mailhog/api/v1/messages", ListV1},
    {"DELETE", "/mailhog/api/v1/messages", DeleteAll},
    {"GET", "/mailhog/api/v1/messages/{id}", GetOne},
    {"DELETE", "/mailhog/api/v1/messages/{id}", DeleteOne},
    {"GET", "/mailhog/api/v1/messages/{id}/download", Download},
    {"GET", "/mailhog/api/v1/messages/{id}/mime/part/{part}/download",
     DownloadPart},
    {"POST", "/mailhog/api/v1/messages/{id}/release", Release},
    {"GET", "/mailhog/api/v2/messages", ListV2},
    {"GET", "/mailhog/api/v2/search", Search},
};

}  // namespace

absl::Span<const Route> MailHogRoutes() { return kRoutes; }

}  // namespace postern::programs
