// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/json.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/grammar/ip_address.h"
#include "engine/step.h"
#include "rig/fault_script.h"

namespace postern::programs {
namespace {

std::string Digest(const EVP_MD* algorithm, absl::string_view octets) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(octets.data(), octets.size(), digest.data(), &size, algorithm,
                 nullptr) != 1) {
    return "";  // a system that permits no MD5
  }
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

Json PartJson(const rig::MimePart& part) {
  Json json;
  json["PartID"] = part.id;
  json["FileName"] = part.file_name.empty() ? part.content_id : part.file_name;
  json["ContentType"] = part.type;
  json["ContentID"] = part.content_id;
  json["Size"] = part.content.size();
  json["Checksums"] = {{"MD5", Digest(EVP_md5(), part.content)},
                       {"SHA1", Digest(EVP_sha1(), part.content)},
                       {"SHA256", Digest(EVP_sha256(), part.content)}};
  return json;
}

Json PartsJson(const std::vector<const rig::MimePart*>& parts) {
  Json json = Json::array();
  for (const rig::MimePart* const part : parts) json.push_back(PartJson(*part));
  return json;
}

// The links of List-Unsubscribe (RFC 2369): at most one of mailto and one of
// http or https, in angle brackets and separated by commas.
Json UnsubscribeJson(const rig::Mime& mime) {
  const std::string header = mime.Value("List-Unsubscribe");
  Json links = Json::array();
  std::string errors;
  bool mail = false;
  bool web = false;
  for (absl::string_view item :
       absl::StrSplit(header, ',', absl::SkipWhitespace())) {
    item = absl::StripAsciiWhitespace(item);
    if (!absl::ConsumePrefix(&item, "<") || !absl::ConsumeSuffix(&item, ">")) {
      errors = "a link is not in angle brackets";
      continue;
    }
    bool* const seen = absl::StartsWithIgnoreCase(item, "mailto:") ? &mail
                       : absl::StartsWithIgnoreCase(item, "http://") ||
                               absl::StartsWithIgnoreCase(item, "https://")
                           ? &web
                           : nullptr;
    if (seen == nullptr) {
      errors = "a link is neither mailto nor http";
    } else if (*seen) {
      errors = "more than one link of a kind";
    } else {
      *seen = true;
      links.push_back(std::string(item));
    }
  }
  Json json;
  json["Header"] = header;
  json["Links"] = std::move(links);
  json["Errors"] = errors;
  json["HeaderPost"] = mime.Value("List-Unsubscribe-Post");
  return json;
}

// The same for the two shapes of a message.
void AddAddresses(const Summary& summary, Json* json) {
  (*json)["From"] = AddressJson(summary.from.value_or(rig::MimeAddress()));
  (*json)["To"] = AddressesJson(summary.to);
  (*json)["Cc"] = AddressesJson(summary.cc);
  (*json)["Bcc"] = AddressesJson(summary.bcc);
  (*json)["ReplyTo"] = AddressesJson(summary.reply_to);
}

absl::string_view SideName(rig::TranscriptEntry::Kind kind) {
  switch (kind) {
    case rig::TranscriptEntry::Kind::kClient:
      return "client";
    case rig::TranscriptEntry::Kind::kServer:
      return "server";
    case rig::TranscriptEntry::Kind::kEvent:
      break;
  }
  return "event";
}

std::string EscapeLine(absl::string_view line) {
  (void)absl::ConsumeSuffix(&line, "\r\n");
  return absl::StrReplaceAll(absl::Utf8SafeCHexEscape(line),
                             {{"\\\\", "\\\\"}, {"\\\"", "\""}, {"\\'", "'"}});
}

}  // namespace

const RequestJson* Member(const RequestJson& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::string ToText(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

HttpResponse JsonResponse(const Json& json, int status) {
  HttpResponse response;
  response.status = status;
  response.type = "application/json";
  response.body = ToText(json);
  return response;
}

std::string FormatJsonTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

Json AddressJson(const rig::MimeAddress& address) {
  Json json;
  json["Name"] = address.name;
  json["Address"] = address.address;
  return json;
}

Json AddressesJson(const std::vector<rig::MimeAddress>& addresses) {
  Json json = Json::array();
  for (const rig::MimeAddress& address : addresses) {
    json.push_back(AddressJson(address));
  }
  return json;
}

std::string WithMember(const Json& object, absl::string_view name,
                       absl::string_view text) {
  std::string result = ToText(object);
  result.pop_back();
  absl::StrAppend(&result, result.size() > 1 ? "," : "", "\"", name,
                  "\":", text, "}");
  return result;
}

std::string SummaryText(const InboxMessage& message) {
  absl::string_view description = *message.description;
  description.remove_suffix(1);  // the brace
  return absl::StrCat(
      description, ",\"Read\":", message.read ? "true" : "false",
      ",\"Tags\":", message.tags.empty() ? "[]" : ToText(Json(message.tags)),
      "}");
}

std::string SummariesText(const std::vector<InboxMessage>& messages) {
  std::string text = "[";
  for (const InboxMessage& message : messages) {
    absl::StrAppend(&text, text.size() > 1 ? "," : "", SummaryText(message));
  }
  return text + "]";
}

std::string DescribeMessage(const InboxMessage& message) {
  const Summary& summary = *message.summary;
  Json json;
  json["ID"] = message.id();
  json["MessageID"] = summary.message_id;
  AddAddresses(summary, &json);
  json["Subject"] = summary.subject;
  json["Created"] = FormatJsonTime(message.message.received());
  json["Username"] = message.message.session().info->identity;
  json["Size"] = message.message.raw().size();
  json["Attachments"] = summary.attachments;
  json["Snippet"] = summary.snippet;
  return ToText(json);
}

Json MessageJson(const InboxMessage& message, const rig::Mime& mime) {
  const Summary& summary = *message.summary;
  Json json;
  json["ID"] = message.id();
  json["MessageID"] = summary.message_id;
  AddAddresses(summary, &json);
  json["ReturnPath"] = message.message.from();
  json["Subject"] = summary.subject;
  json["ListUnsubscribe"] = UnsubscribeJson(mime);
  json["Date"] = FormatJsonTime(mime.date.value_or(message.message.received()));
  json["Tags"] = message.tags;
  json["Username"] = message.message.session().info->identity;
  json["Text"] = TextOf(mime);
  const rig::MimePart* const html = mime.Html();
  json["HTML"] = html != nullptr ? html->content : "";
  json["Size"] = message.message.raw().size();
  json["Inline"] = PartsJson(Inlines(mime));
  json["Attachments"] = PartsJson(Attachments(mime));
  return json;
}

Json FieldsJson(const rig::Mime& mime) {
  // One spelling for each name, as Go's textproto makes it.
  std::map<std::string, Json> fields;
  for (const auto& [name, value] : mime.fields) {
    std::string key = absl::AsciiStrToLower(name);
    bool first = true;
    for (char& c : key) {
      if (first) c = absl::ascii_toupper(static_cast<unsigned char>(c));
      first = c == '-';
    }
    fields[key].push_back(value);
  }
  // At once: member by member takes quadratic time.
  return Json(fields);
}

Json FaultJson(const rig::FaultState& state) {
  Json json;
  json["id"] = state.id;
  json["line"] = rig::FormatFault(state.fault);
  json["on"] = state.on;
  json["applied"] = state.applied;
  json["times"] = state.fault.times;
  json["unmet"] = state.unmet();
  return json;
}

Json FaultsJson(const std::vector<rig::FaultState>& states) {
  Json faults = Json::array();
  for (const rig::FaultState& state : states)
    faults.push_back(FaultJson(state));
  Json json;
  json["faults"] = std::move(faults);
  return json;
}

Json SessionJson(const rig::SessionFacts& facts) {
  const SessionInfo& info = *facts.info;
  Json json;
  json["number"] = facts.number;
  json["began"] = FormatJsonTime(facts.began);
  json["end"] = facts.end ? Json(std::string(CloseReasonName(*facts.end)))
                          : Json(nullptr);
  json["address"] = info.remote_address ? Json(info.remote_address->ToString())
                                        : Json(nullptr);
  json["port"] = info.remote_port;
  json["name"] = info.hello_name;
  json["user"] = info.identity;
  json["mechanism"] = info.mechanism;
  json["tls"] = info.tls ? Json(info.tls->protocol) : Json(nullptr);
  json["cipher"] = info.tls ? Json(info.tls->cipher) : Json(nullptr);
  json["extensions"] = facts.extensions;
  return json;
}

Json TranscriptJson(const std::vector<rig::TranscriptEntry>& entries) {
  Json lines = Json::array();
  for (const rig::TranscriptEntry& entry : entries) {
    absl::string_view rest = entry.octets;
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      const absl::string_view line =
          rest.substr(0, end == absl::string_view::npos ? end : end + 1);
      rest.remove_prefix(line.size());
      Json json;
      json["ms"] = absl::ToInt64Milliseconds(entry.time);
      json["from"] = std::string(SideName(entry.kind));
      json["text"] = EscapeLine(line);
      lines.push_back(std::move(json));
    }
  }
  return lines;
}

Json EnvelopeJson(const rig::Message& message) {
  Json json;
  json["from"] = message.from();
  json["to"] = message.to();
  json["received"] = FormatJsonTime(message.received());
  json["session"] = SessionJson(message.session());
  return json;
}

}  // namespace postern::programs
