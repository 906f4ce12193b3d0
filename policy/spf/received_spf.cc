// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/spf/received_spf.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/header_field.h"
#include "engine/grammar/utf8.h"

namespace postern::policy {
namespace {

// Returns whether `text` is a dot-atom (RFC 5322 3.2.3) of the characters in
// host names. The other characters of an atom are quoted here: not all readers
// of the field know them.
bool IsPlain(absl::string_view text) {
  if (text.empty()) return false;
  bool dot = true;  // the character before is a dot, or there is none
  for (const char c : text) {
    if (c == '.') {
      if (dot) return false;
    } else if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) &&
               c != '-') {
      return false;
    }
    dot = c == '.';
  }
  return !dot;
}

// Returns `text` as a dot-atom or a quoted-string (RFC 5322 3.2.4, RFC 6532).
std::string Value(absl::string_view text, Utf8 utf8 = Utf8::kNo) {
  if (IsPlain(text)) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (absl::ascii_isprint(octet) ||
               (utf8 == Utf8::kYes && octet >= 0x80)) {
      quoted += c;
    } else {
      quoted += '?';
    }
  }
  quoted += '"';
  return quoted;
}

bool IsError(SpfResult result) {
  return result == SpfResult::kTempError || result == SpfResult::kPermError;
}

}  // namespace

std::string FormatReceivedSpf(const ReceivedSpf& field) {
  const SpfAnswer& answer = field.answer;
  std::string text =
      absl::StrCat("Received-SPF: ", SpfResultName(answer.result));
  bool first = true;
  const auto add = [&](absl::string_view key, std::string value) {
    // The blank before the key and the semicolon after the value.
    if (key.size() + value.size() + 3 > kMaxHeaderLine) return;
    absl::StrAppend(&text, first ? "\r\n " : ";\r\n ", key, "=", value);
    first = false;
  };
  add("receiver", Value(field.receiver));
  add("identity", field.from.null() ? "helo" : "mailfrom");
  add("client-ip", Value(field.client.ToString()));
  // Only a transaction with SMTPUTF8 has a sender beyond ASCII.
  add("envelope-from",
      Value(field.from.Address(),
            IsUtf8(field.from.Address()) ? Utf8::kYes : Utf8::kNo));
  add("helo", Value(absl::string_view(field.helo).substr(0, kMaxHeloInField)));
  if (IsError(answer.result)) {
    add("problem", Value(answer.reason));
  } else if (answer.result != SpfResult::kNone) {
    // RFC 7208 9.1: "default" stands for the result without a match.
    add("mechanism", answer.reason.empty() ? "default" : Value(answer.reason));
  }
  absl::StrAppend(&text, "\r\n");
  return text;
}

}  // namespace postern::policy
