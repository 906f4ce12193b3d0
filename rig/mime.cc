// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/mime.h"

#include <gmime/gmime.h>

#include <memory>
#include <mutex>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace postern::rig {
namespace {

// An input of a few kilobytes can nest parts thousands of levels deep.
constexpr int kDeepest = 100;

struct Unref {
  void operator()(void* object) const { g_object_unref(object); }
};
template <typename T>
using Pointer = std::unique_ptr<T, Unref>;

std::string Text(const char* text) { return text == nullptr ? "" : text; }

// Returns the decoded content of a part; text as UTF-8.
std::string Content(GMimePart* part) {
  GMimeObject* const object = GMIME_OBJECT(part);
  if (GMIME_IS_TEXT_PART(part)) {
    char* const text = g_mime_text_part_get_text(GMIME_TEXT_PART(part));
    std::string content = Text(text);
    g_free(text);
    std::string lines;
    for (size_t i = 0; i < content.size(); ++i) {
      if (content[i] == '\r' && i + 1 < content.size() &&
          content[i + 1] == '\n') {
        continue;
      }
      lines += content[i];
    }
    return lines;
  }
  (void)object;
  GMimeDataWrapper* const wrapper = g_mime_part_get_content(part);
  if (wrapper == nullptr) return "";
  const Pointer<GMimeStream> stream(g_mime_stream_mem_new());
  g_mime_data_wrapper_write_to_stream(wrapper, stream.get());
  const GByteArray* const bytes =
      g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream.get()));
  return std::string(reinterpret_cast<const char*>(bytes->data), bytes->len);
}

MimePart ReadPart(GMimeObject* object, std::string id) {
  MimePart part;
  part.id = std::move(id);
  GMimeContentType* const type = g_mime_object_get_content_type(object);
  char* const name = g_mime_content_type_get_mime_type(type);
  part.type = absl::AsciiStrToLower(Text(name));
  g_free(name);
  part.charset = Text(g_mime_content_type_get_parameter(type, "charset"));
  part.content_id = Text(g_mime_object_get_content_id(object));
  const std::string disposition = Text(g_mime_object_get_disposition(object));
  if (GMIME_IS_PART(object)) {
    part.file_name = Text(g_mime_part_get_filename(GMIME_PART(object)));
    part.content = Content(GMIME_PART(object));
  } else if (GMIME_IS_MESSAGE_PART(object)) {
    GMimeMessage* const inner =
        g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
    if (inner != nullptr) {
      char* const text = g_mime_object_to_string(GMIME_OBJECT(inner), nullptr);
      part.content = Text(text);
      g_free(text);
    }
  }
  part.attachment = absl::EqualsIgnoreCase(disposition, "attachment") ||
                    (!part.file_name.empty() &&
                     !absl::EqualsIgnoreCase(disposition, "inline"));
  return part;
}

// Adds the parts of `object` with ids that begin with `prefix`.
void AddParts(GMimeObject* object, const std::string& id, int depth,
              std::vector<MimePart>* parts) {
  if (object == nullptr || depth > kDeepest) return;
  if (!GMIME_IS_MULTIPART(object)) {
    parts->push_back(ReadPart(object, id.empty() ? "1" : id));
    return;
  }
  GMimeMultipart* const multipart = GMIME_MULTIPART(object);
  const int count = g_mime_multipart_get_count(multipart);
  for (int i = 0; i < count; ++i) {
    AddParts(g_mime_multipart_get_part(multipart, i),
             absl::StrCat(id, id.empty() ? "" : ".", i + 1), depth + 1, parts);
  }
}

// Adds the mailboxes of `list`, which may be null.
void AddAddresses(InternetAddressList* list, int depth,
                  std::vector<MimeAddress>* addresses) {
  if (list == nullptr || depth > kDeepest) return;
  const int count = internet_address_list_length(list);
  for (int i = 0; i < count; ++i) {
    InternetAddress* const item = internet_address_list_get_address(list, i);
    if (INTERNET_ADDRESS_IS_MAILBOX(item)) {
      addresses->push_back({Text(internet_address_get_name(item)),
                            Text(internet_address_mailbox_get_addr(
                                INTERNET_ADDRESS_MAILBOX(item)))});
    } else if (INTERNET_ADDRESS_IS_GROUP(item)) {
      AddAddresses(
          internet_address_group_get_members(INTERNET_ADDRESS_GROUP(item)),
          depth + 1, addresses);
    }
  }
}

}  // namespace

std::vector<std::string> Mime::Values(absl::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [field, value] : fields) {
    if (absl::EqualsIgnoreCase(field, name)) values.push_back(value);
  }
  return values;
}

std::string Mime::Value(absl::string_view name) const {
  for (const auto& [field, value] : fields) {
    if (absl::EqualsIgnoreCase(field, name)) return value;
  }
  return "";
}

const MimePart* Mime::FirstInline(absl::string_view type) const {
  for (const MimePart& part : parts) {
    if (part.type == type && !part.attachment) return &part;
  }
  return nullptr;
}

std::string LowerCase(absl::string_view text) {
  const auto size = static_cast<gssize>(text.size());
  if (!g_utf8_validate(text.data(), size, nullptr)) {
    return absl::AsciiStrToLower(text);
  }
  char* const lower = g_utf8_strdown(text.data(), size);
  std::string result = Text(lower);
  g_free(lower);
  return result;
}

Mime ParseMime(absl::string_view raw) {
  static std::once_flag once;
  std::call_once(once, g_mime_init);
  const Pointer<GMimeStream> stream(
      g_mime_stream_mem_new_with_buffer(raw.data(), raw.size()));
  const Pointer<GMimeParser> parser(
      g_mime_parser_new_with_stream(stream.get()));
  const Pointer<GMimeMessage> message(
      g_mime_parser_construct_message(parser.get(), nullptr));
  Mime mime;
  if (message == nullptr) return mime;
  GMimeHeaderList* const headers =
      g_mime_object_get_header_list(GMIME_OBJECT(message.get()));
  const auto add = [&mime](GMimeHeaderList* list) {
    const int count = g_mime_header_list_get_count(list);
    for (int i = 0; i < count; ++i) {
      GMimeHeader* const header = g_mime_header_list_get_header_at(list, i);
      mime.fields.emplace_back(Text(g_mime_header_get_name(header)),
                               Text(g_mime_header_get_value(header)));
    }
  };
  add(headers);
  const auto addresses = [&message](GMimeAddressType type) {
    std::vector<MimeAddress> found;
    AddAddresses(g_mime_message_get_addresses(message.get(), type), 0, &found);
    return found;
  };
  mime.from = addresses(GMIME_ADDRESS_TYPE_FROM);
  mime.to = addresses(GMIME_ADDRESS_TYPE_TO);
  mime.cc = addresses(GMIME_ADDRESS_TYPE_CC);
  mime.bcc = addresses(GMIME_ADDRESS_TYPE_BCC);
  mime.reply_to = addresses(GMIME_ADDRESS_TYPE_REPLY_TO);
  if (GDateTime* const date = g_mime_message_get_date(message.get())) {
    mime.date = absl::FromUnixSeconds(g_date_time_to_unix(date));
  }
  GMimeObject* const root = g_mime_message_get_mime_part(message.get());
  // GMime moves the fields that describe the content to the root part.
  if (root != nullptr) add(g_mime_object_get_header_list(root));
  AddParts(root, "", 0, &mime.parts);
  return mime;
}

}  // namespace postern::rig
