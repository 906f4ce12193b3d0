// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/decision.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace postern::policy {
namespace {

absl::string_view KindName(Verdict::Kind kind) {
  switch (kind) {
    case Verdict::Kind::kAccept:
      return "accept";
    case Verdict::Kind::kRefuse:
      return "refuse";
    case Verdict::Kind::kDrop:
      return "drop";
  }
  return "";
}

// Returns `text` with `special` and all that is not printable as \xNN, in no
// more than `limit` bytes.
std::string Escape(absl::string_view text, absl::string_view special,
                   size_t limit) {
  constexpr absl::string_view kCut = "\\...";
  std::string out;
  size_t whole = 0;  // bytes of `out` that leave room for kCut
  for (char c : text) {
    if (absl::ascii_isprint(c) && special.find(c) == absl::string_view::npos) {
      out += c;
    } else {
      absl::StrAppend(
          &out, "\\x",
          absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
    if (out.size() > limit) return absl::StrCat(out.substr(0, whole), kCut);
    if (out.size() + kCut.size() <= limit) whole = out.size();
  }
  return out;
}

std::string Value(absl::string_view text, size_t limit) {
  const std::string escaped = Escape(text, "\"\\<>", limit);
  if (!escaped.empty() && escaped.find(' ') == std::string::npos) {
    return escaped;
  }
  return absl::StrCat("\"", escaped, "\"");
}

std::string Address(const Path& path) {
  return absl::StrCat("<", Escape(path.Address(), " \"\\<>", kMaxLoggedAddress),
                      ">");
}

std::string ReplyText(const Reply& reply) {
  std::string text = absl::StrCat(reply.code, " ");
  if (reply.enhanced.class_ != 0) {
    absl::StrAppend(&text, reply.enhanced.class_, ".", reply.enhanced.subject,
                    ".", reply.enhanced.detail, " ");
  }
  return text + reply.text;
}

}  // namespace

absl::string_view RuleName(Rule rule) {
  switch (rule) {
    case Rule::kBadAddress:
      return "bad-address";
    case Rule::kBadMailFrom:
      return "badmailfrom";
    case Rule::kRelayClient:
      return "relayclient";
    case Rule::kAuthenticated:
      return "authenticated";
    case Rule::kLocalName:
      return "local-name";
    case Rule::kRcptHosts:
      return "rcpthosts";
    case Rule::kMoreRcptHosts:
      return "morercpthosts";
    case Rule::kOpenRelay:
      return "open-relay";
    case Rule::kNotListed:
      return "not-listed";
    case Rule::kControlError:
      return "control-error";
  }
  return "";
}

std::string FormatDecision(const Decision& decision,
                           const SessionInfo& session) {
  return absl::StrCat(
      "rcpt decision=", KindName(decision.kind),
      " rule=", RuleName(decision.rule),
      " source=", Value(decision.source, kMaxLoggedText),
      " ip=", Value(session.remote_address, kMaxLoggedName),
      " host=", Value(session.remote_name, kMaxLoggedName),
      " from=", Address(decision.from), " to=", Address(decision.to),
      " reply=", Value(ReplyText(decision.reply), kMaxLoggedText));
}

}  // namespace postern::policy
