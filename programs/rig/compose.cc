// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/compose.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/path.h"
#include "engine/session_info.h"
#include "rig/transcript.h"

namespace postern::programs {
namespace {

absl::Status Bad(absl::string_view why) {
  return absl::InvalidArgumentError(why);
}

bool IsPrintableAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~'; });
}

// Text of a field, without line ends: encoded words (RFC 2047) if it needs
// them. A word has 45 octets, which are 60 characters, at the border of a
// character.
std::string FieldText(absl::string_view text) {
  if (IsPrintableAscii(text) && !absl::StrContains(text, "=?")) {
    return std::string(text);
  }
  std::vector<std::string> words;
  while (!text.empty()) {
    absl::string_view word = CutUtf8(text, 45);
    if (word.empty()) word = text.substr(0, 45);  // not UTF-8
    words.push_back(absl::StrCat("=?UTF-8?B?", absl::Base64Escape(word), "?="));
    text.remove_prefix(word.size());
  }
  return absl::StrJoin(words, "\r\n ");
}

std::string QuotedText(absl::string_view text) {
  if (!IsPrintableAscii(text)) return FieldText(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// Base64 in lines of 76 characters.
std::string Base64Lines(absl::string_view octets) {
  const std::string encoded = absl::Base64Escape(octets);
  std::string lines;
  for (size_t at = 0; at < encoded.size(); at += 76) {
    absl::StrAppend(&lines, encoded.substr(at, 76), "\r\n");
  }
  return lines;
}

// Reads the string `name` of an object. Missing and null are empty. nullopt: it
// is no string.
std::optional<std::string> String(const RequestJson& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return "";
  if (!found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

// Whether a word can be in a field as it is.
bool IsWord(absl::string_view text) {
  return !text.empty() && IsPrintableAscii(text) &&
         text.find_first_of(" \t<>\"\\,;()") == absl::string_view::npos;
}

bool IsAddress(absl::string_view address) {
  const size_t at = address.rfind('@');
  return at != absl::string_view::npos && at > 0 && at + 1 < address.size() &&
         std::all_of(address.begin(), address.end(), [](char c) {
           return static_cast<unsigned char>(c) > ' ' && c != 0x7F &&
                  !absl::StrContains("<>\",;()\\", c);
         });
}

struct Mailboxes {
  std::vector<std::string> fields;  // as in the header
  std::vector<std::string> addresses;
};

absl::Status AddMailbox(const RequestJson& item, absl::string_view name,
                        Mailboxes* to) {
  if (!item.is_object()) {
    return Bad(absl::StrCat(name, " has an item that is no object"));
  }
  const auto address = String(item, "Email");
  const auto display = String(item, "Name");
  if (!address || !display || !IsAddress(*address)) {
    return Bad(absl::StrCat(name, " has an item without a valid Email"));
  }
  to->addresses.push_back(*address);
  to->fields.push_back(display->empty() ? *address
                                        : absl::StrCat(QuotedText(*display),
                                                       " <", *address, ">"));
  return absl::OkStatus();
}

absl::Status AddMailboxes(const RequestJson& request, const char* name,
                          Mailboxes* to) {
  const auto found = request.find(name);
  if (found == request.end() || found->is_null()) return absl::OkStatus();
  if (!found->is_array()) return Bad(absl::StrCat(name, " is not an array"));
  for (const RequestJson& item : *found) {
    if (absl::Status status = AddMailbox(item, name, to); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

struct Body {
  std::string fields;  // Content-Type and so on, each with its line end
  std::string content;
};

Body TextBody(absl::string_view type, absl::string_view text) {
  return {absl::StrCat("Content-Type: ", type,
                       "; charset=utf-8\r\n"
                       "Content-Transfer-Encoding: base64\r\n"),
          Base64Lines(text)};
}

// Base64 has no '-', so this is never in a part.
Body Multipart(absl::string_view subtype, const std::vector<Body>& parts) {
  const std::string boundary = absl::StrCat("----rig-", subtype);
  std::string content;
  for (const Body& part : parts) {
    absl::StrAppend(&content, "--", boundary, "\r\n", part.fields, "\r\n",
                    part.content, "\r\n");
  }
  absl::StrAppend(&content, "--", boundary, "--\r\n");
  return {absl::StrCat("Content-Type: multipart/", subtype, "; boundary=\"",
                       boundary, "\"\r\n"),
          std::move(content)};
}

absl::StatusOr<Body> Attachment(const RequestJson& item, bool* is_inline) {
  if (!item.is_object())
    return Bad("Attachments has an item that is no object");
  const auto content = String(item, "Content");
  const auto name = String(item, "Filename");
  const auto type = String(item, "ContentType");
  const auto id = String(item, "ContentID");
  std::string octets;
  if (!content || !name || !type || !id) {
    return Bad("Attachments has a member that is no string");
  }
  if (!absl::Base64Unescape(*content, &octets)) {
    return Bad("Attachments has a Content that is not base64");
  }
  if (!type->empty() && (!IsWord(*type) || !absl::StrContains(*type, '/'))) {
    return Bad("Attachments has a ContentType that is no type");
  }
  if (!id->empty() && !IsWord(*id)) {
    return Bad("Attachments has a ContentID with characters of its own");
  }
  *is_inline = !id->empty();
  std::string fields = absl::StrCat(
      "Content-Type: ", type->empty() ? "application/octet-stream" : *type,
      "\r\nContent-Disposition: ", *is_inline ? "inline" : "attachment");
  if (!name->empty()) {
    if (IsPrintableAscii(*name)) {
      absl::StrAppend(&fields, "; filename=", QuotedText(*name));
    } else {
      // RFC 2231.
      absl::StrAppend(&fields, ";\r\n filename*=UTF-8''");
      for (const char c : *name) {
        if (absl::ascii_isalnum(c) || c == '.' || c == '-') {
          fields += c;
        } else {
          absl::StrAppend(
              &fields, "%",
              absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
        }
      }
    }
  }
  absl::StrAppend(&fields, "\r\nContent-Transfer-Encoding: base64\r\n");
  if (*is_inline) absl::StrAppend(&fields, "Content-ID: <", *id, ">\r\n");
  return Body{std::move(fields), Base64Lines(octets)};
}

absl::StatusOr<Body> MakeBody(const RequestJson& request) {
  const auto text = String(request, "Text");
  const auto html = String(request, "HTML");
  if (!text) return Bad("Text is not a string");
  if (!html) return Bad("HTML is not a string");
  std::vector<Body> inlines;
  std::vector<Body> attachments;
  const auto given = request.find("Attachments");
  if (given != request.end() && !given->is_null()) {
    if (!given->is_array()) return Bad("Attachments is not an array");
    for (const RequestJson& item : *given) {
      bool is_inline = false;
      absl::StatusOr<Body> part = Attachment(item, &is_inline);
      if (!part.ok()) return part.status();
      (is_inline ? inlines : attachments).push_back(*std::move(part));
    }
  }
  Body body = html->empty() ? TextBody("text/plain", *text)
                            : TextBody("text/html", *html);
  if (!inlines.empty()) {
    inlines.insert(inlines.begin(), std::move(body));
    body = Multipart("related", inlines);
  }
  if (!html->empty() && !text->empty()) {
    body = Multipart("alternative",
                     {TextBody("text/plain", *text), std::move(body)});
  }
  if (!attachments.empty()) {
    attachments.insert(attachments.begin(), std::move(body));
    body = Multipart("mixed", attachments);
  }
  return body;
}

// The fields that the request's own members make.
bool IsReserved(absl::string_view name) {
  for (const absl::string_view reserved :
       {"from", "to", "cc", "bcc", "reply-to", "subject", "mime-version"}) {
    if (absl::EqualsIgnoreCase(name, reserved)) return true;
  }
  return absl::StartsWithIgnoreCase(name, "content-");
}

bool IsFieldName(absl::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return c > ' ' && c <= '~' && c != ':';
  });
}

bool HasLineEnd(absl::string_view text) {
  return text.find_first_of(absl::string_view("\r\n\0", 3)) !=
         absl::string_view::npos;
}

// Adds the members of Headers to `raw`. `*dated` and `*named`: there is a Date
// and a Message-ID.
absl::Status AddFields(const RequestJson& request, std::string* raw,
                       bool* dated, bool* named) {
  const auto given = request.find("Headers");
  if (given == request.end() || given->is_null()) return absl::OkStatus();
  if (!given->is_object()) return Bad("Headers is not an object");
  for (const auto& [name, value] : given->items()) {
    if (!IsFieldName(name) || IsReserved(name)) {
      return Bad(absl::StrCat("Headers cannot have the field ",
                              absl::Utf8SafeCHexEscape(name)));
    }
    if (!value.is_string() || HasLineEnd(value.get<std::string>())) {
      return Bad(absl::StrCat("Headers: ", name, " is not one line"));
    }
    *dated = *dated || absl::EqualsIgnoreCase(name, "date");
    *named = *named || absl::EqualsIgnoreCase(name, "message-id");
    absl::StrAppend(raw, name, ": ", FieldText(value.get<std::string>()),
                    "\r\n");
  }
  return absl::OkStatus();
}

Path PathOf(const std::string& address) {
  const size_t at = address.rfind('@');
  return {address.substr(0, at), address.substr(at + 1)};
}

}  // namespace

absl::StatusOr<rig::Message::Data> ComposeMessage(const RequestJson& request,
                                                  absl::Time now) {
  Mailboxes from;
  Mailboxes to;
  Mailboxes cc;
  Mailboxes reply_to;
  const auto sender = request.find("From");
  if (sender == request.end()) return Bad("From is missing");
  absl::Status status = AddMailbox(*sender, "From", &from);
  if (status.ok()) status = AddMailboxes(request, "To", &to);
  if (status.ok()) status = AddMailboxes(request, "Cc", &cc);
  if (status.ok()) status = AddMailboxes(request, "ReplyTo", &reply_to);
  if (!status.ok()) return status;
  std::vector<std::string> bcc;
  if (const auto given = request.find("Bcc");
      given != request.end() && !given->is_null()) {
    if (!given->is_array()) return Bad("Bcc is not an array");
    for (const RequestJson& item : *given) {
      if (!item.is_string() || !IsAddress(item.get<std::string>())) {
        return Bad("Bcc has an item that is no address");
      }
      bcc.push_back(item.get<std::string>());
    }
  }
  const auto subject = String(request, "Subject");
  if (!subject || HasLineEnd(*subject)) return Bad("Subject is not one line");

  rig::Message::Data data;
  std::string& raw = data.raw;
  absl::StrAppend(&raw, "From: ", from.fields[0], "\r\n");
  for (const auto& [name, mailboxes] :
       {std::pair<absl::string_view, const Mailboxes*>{"To", &to},
        {"Cc", &cc},
        {"Reply-To", &reply_to}}) {
    if (mailboxes->fields.empty()) continue;
    absl::StrAppend(&raw, name, ": ",
                    absl::StrJoin(mailboxes->fields, ",\r\n "), "\r\n");
  }
  absl::StrAppend(&raw, "Subject: ", FieldText(*subject), "\r\n");
  bool dated = false;
  bool named = false;
  status = AddFields(request, &raw, &dated, &named);
  if (!status.ok()) return status;
  if (!dated) {
    absl::StrAppend(&raw, "Date: ",
                    absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", now,
                                     absl::UTCTimeZone()),
                    "\r\n");
  }
  if (!named) {
    absl::StrAppend(&raw, "Message-ID: <", absl::ToUnixNanos(now),
                    "@rig.example>\r\n");
  }
  absl::StatusOr<Body> body = MakeBody(request);
  if (!body.ok()) return body.status();
  absl::StrAppend(&raw, "MIME-Version: 1.0\r\n", body->fields, "\r\n",
                  body->content);

  data.received = now;
  data.from = from.addresses[0];
  data.envelope.from = PathOf(data.from);
  for (const std::vector<std::string>* const addresses :
       {&to.addresses, &cc.addresses, &bcc}) {
    data.to.insert(data.to.end(), addresses->begin(), addresses->end());
  }
  if (data.to.empty()) return Bad("To, Cc and Bcc are empty");
  for (const std::string& address : data.to) {
    Recipient recipient;
    recipient.path = PathOf(address);
    data.envelope.to.push_back(std::move(recipient));
  }
  data.session.began = now;
  data.session.info = std::make_shared<const SessionInfo>();
  data.session.transcript =
      std::make_shared<const rig::Transcript>(/*show_passwords=*/false, 0);
  return data;
}

}  // namespace postern::programs
