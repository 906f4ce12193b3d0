// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The header fields and the MIME parts of a message (RFC 5322, RFC 2045).

#ifndef POSTERN_RIG_MIME_H_
#define POSTERN_RIG_MIME_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace postern::rig {

// A part that is not a container of parts.
struct MimePart {
  // "1", "2.1": the number of the part in each of its containers, from 1. A
  // message without containers is the part "1".
  std::string id;
  std::string type;        // lower case, "text/plain"
  std::string charset;     // as in the field; empty: none
  std::string file_name;   // UTF-8; empty: none
  std::string content_id;  // without angle brackets; empty: none
  // Content-Disposition is "attachment", or the part has a file name and is not
  // "inline".
  bool attachment = false;
  // Decoded. Text is converted to UTF-8, with LF line ends.
  std::string content;
};

// A mailbox of an address field (RFC 5322 3.4).
struct MimeAddress {
  std::string name;     // UTF-8, without quotes; empty: none
  std::string address;  // "user@x.example"

  friend bool operator==(const MimeAddress&, const MimeAddress&) = default;
};

// A message, decoded.
struct Mime {
  // The header fields of the message, in order: the name as sent, and the value
  // as UTF-8, unfolded, with its encoded words decoded (RFC 2047).
  std::vector<std::pair<std::string, std::string>> fields;
  // The leaves of the MIME tree, in order. A message without MIME has one.
  std::vector<MimePart> parts;
  // The mailboxes of the fields From (`from`), To (`to`), Cc (`cc`), Bcc
  // (`bcc`) and Reply-To (`reply_to`), those of groups too.
  std::vector<MimeAddress> from;
  std::vector<MimeAddress> to;
  std::vector<MimeAddress> cc;
  std::vector<MimeAddress> bcc;
  std::vector<MimeAddress> reply_to;
  // The field Date. nullopt: there is none, or it is not a date.
  std::optional<absl::Time> date;

  // Returns the values of the fields `name`, compared without regard to case.
  std::vector<std::string> Values(absl::string_view name) const;
  // Returns the first value, or the empty string.
  std::string Value(absl::string_view name) const;
  // Returns the first part of the type "text/plain", or "text/html", that is no
  // attachment. Null: none.
  const MimePart* Text() const { return FirstInline("text/plain"); }
  const MimePart* Html() const { return FirstInline("text/html"); }

 private:
  const MimePart* FirstInline(absl::string_view type) const;
};

// Parses any octets: what is malformed is read as well as possible, and the
// result may be empty. Parts are nested at most a hundred levels deep, and
// deeper ones are ignored. Thread-safe.
Mime ParseMime(absl::string_view raw);

// Returns UTF-8 text in lower case, for comparisons. If it is not UTF-8, only
// its ASCII letters change. Thread-safe.
std::string LowerCase(absl::string_view text);

}  // namespace postern::rig

#endif  // POSTERN_RIG_MIME_H_
