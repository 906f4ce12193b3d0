// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/explain/old_log.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "programs/explain/log_facts.h"

namespace postern::programs {
namespace {

constexpr size_t npos = absl::string_view::npos;
constexpr size_t kMaxReason = 100;

constexpr absl::string_view kNoRecipient = "a decision without a recipient";
constexpr absl::string_view kNoClient = "no address of the client";
constexpr absl::string_view kCut = "a value was cut";
constexpr absl::string_view kNotARecipient =
    "about a sender, a message or a session";
constexpr absl::string_view kRblsmtpd =
    "rblsmtpd refuses a client before it names a recipient";
constexpr absl::string_view kTcpserver =
    "tcpserver denies a connection before it has a recipient";

// Returns the text between `before` and `after`, and removes all of it from
// `text`. nullopt if it is not there.
std::optional<absl::string_view> Between(absl::string_view before,
                                         absl::string_view after,
                                         absl::string_view* text) {
  const size_t begin = text->find(before);
  if (begin == npos) return std::nullopt;
  const size_t end = text->find(after, begin + before.size());
  if (end == npos) return std::nullopt;
  const absl::string_view found =
      text->substr(begin + before.size(), end - begin - before.size());
  text->remove_prefix(end + after.size());
  return found;
}

std::string Reason(absl::string_view text) {
  return std::string(text.substr(0, kMaxReason));
}

// Returns the address at the end of `text`, after a colon, and what is before
// the colon. An IPv6 address has colons itself, so the longest one counts.
std::optional<IpAddress> AddressAtEnd(absl::string_view text,
                                      absl::string_view* before) {
  for (size_t at = 0; at != npos && at < text.size();) {
    const size_t colon = text.find(':', at);
    if (colon == npos) break;
    if (auto address = IpAddress::Parse(text.substr(colon + 1))) {
      *before = text.substr(0, colon);
      return address;
    }
    at = colon + 1;
  }
  *before = "";
  return IpAddress::Parse(text);
}

// Returns the address at the beginning of `text`, before a colon.
std::optional<IpAddress> AddressAtBegin(absl::string_view text,
                                        absl::string_view* after) {
  for (size_t end = text.size(); end != npos && end > 0;
       end = text.rfind(':', end - 1)) {
    if (auto address = IpAddress::Parse(text.substr(0, end))) {
      *after = text.substr(std::min(end + 1, text.size()));
      return address;
    }
  }
  return std::nullopt;
}

std::string Known(absl::string_view text) {
  return std::string(text == "(unknown)" || text == "unknown" ? "" : text);
}

LogLineContent ReadChkuser(absl::string_view text) {
  LogLineContent content;
  const size_t colon = text.find(": from <");
  if (colon == npos) return {.unusable = kCut};
  const absl::string_view what = text.substr(0, colon);
  text.remove_prefix(colon);
  const auto from = Between("from <", "> remote <", &text);
  if (!from) return {.unusable = kCut};
  const auto remote_end = text.find("> rcpt <");
  if (remote_end == npos) return {.unusable = kCut};
  const absl::string_view remote = text.substr(0, remote_end);
  text.remove_prefix(remote_end);
  const auto recipient = Between("> rcpt <", "> : ", &text);
  if (!recipient) return {.unusable = kCut};
  if (what == "accepted sender" || what == "rejected sender" ||
      recipient->empty()) {
    return {.unusable = kNotARecipient};
  }
  LoggedDecision decision;
  absl::string_view names;
  const auto client = AddressAtEnd(remote, &names);
  if (!client) return {.unusable = kNoClient};
  decision.client = client;
  const size_t last = names.rfind(':');
  decision.hello = std::string(names.substr(0, last));
  if (last != npos) decision.host_name = Known(names.substr(last + 1));
  // SENDER:USER:IDENTITY. A sender may have a colon only in quotes.
  const size_t identity = from->rfind(':');
  const size_t user =
      identity == npos || identity == 0 ? npos : from->rfind(':', identity - 1);
  if (user == npos) return {.unusable = kCut};
  decision.sender = std::string(from->substr(0, user));
  decision.user = std::string(from->substr(user + 1, identity - user - 1));
  decision.recipient = std::string(*recipient);
  if (absl::StartsWith(what, "accepted") || what == "relaying rcpt") {
    decision.decided = Decided::kAccept;
  } else if (what == "no auth resource" || what == "mbx overquota" ||
             absl::StrContains(text, "temporary")) {
    decision.decided = Decided::kTemporary;
  } else {
    decision.decided = Decided::kRefuse;
  }
  decision.reason = Reason(absl::StrCat("chkuser ", what, " (", text, ")"));
  content.decision = std::move(decision);
  return content;
}

// Returns the values of "name=value ..."; a value ends at a blank.
std::map<std::string, std::string> Values(absl::string_view text) {
  std::map<std::string, std::string> values;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const absl::string_view word = text.substr(0, end);
    const size_t equals = word.find('=');
    if (equals != npos) {
      values.emplace(word.substr(0, equals), word.substr(equals + 1));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return values;
}

std::string WithoutBrackets(absl::string_view text) {
  if (absl::StartsWith(text, "<") && absl::EndsWith(text, ">")) {
    text = text.substr(1, text.size() - 2);
  }
  return std::string(text);
}

Decided ByCode(absl::string_view code) {
  if (absl::StartsWith(code, "2")) return Decided::kAccept;
  if (absl::StartsWith(code, "4")) return Decided::kTemporary;
  if (absl::StartsWith(code, "5")) return Decided::kPermanent;
  return Decided::kRefuse;
}

LogLineContent ReadQlog(absl::string_view text) {
  std::map<std::string, std::string> values = Values(text);
  if (values["rcptto"].empty()) return {.unusable = kNoRecipient};
  const auto client = IpAddress::Parse(values["remoteip"]);
  if (!client) return {.unusable = kNoClient};
  LoggedDecision decision;
  decision.client = client;
  decision.host_name = Known(values["remotehost"]);
  decision.hello = values["helo"];
  decision.user = values["authuser"];
  decision.sender = WithoutBrackets(values["mailfrom"]);
  decision.recipient = WithoutBrackets(values["rcptto"]);
  decision.decided = values["result"] == "accepted" ? Decided::kAccept
                                                    : ByCode(values["code"]);
  decision.reason = Reason(absl::StrCat("qlog ", values["result"], " ",
                                        values["code"], " ", values["reason"]));
  return {.decision = std::move(decision)};
}

// spamcontrol and s/qmail.
LogLineContent ReadUnified(absl::string_view text) {
  const size_t blank = text.find(' ');
  if (blank == npos) return {.unusable = kNoRecipient};
  absl::string_view what = text.substr(0, blank);
  absl::ConsumeSuffix(&what, ":");
  const bool accepts = absl::StartsWith(what, "Accept::");
  const bool about_recipient =
      accepts ? absl::StartsWith(what, "Accept::RCPT::") ||
                    what == "Accept::SNDR::Relay_Client"
              : absl::StartsWith(what, "Reject::SNDR::") ||
                    absl::StartsWith(what, "Reject::ORIG::") ||
                    absl::StartsWith(what, "Reject::RCPT::");
  if (!about_recipient) return {.unusable = kNotARecipient};
  LoggedDecision decision;
  bool has_client = false;
  bool has_recipient = false;
  text.remove_prefix(blank);
  while (!text.empty()) {
    text = absl::StripLeadingAsciiWhitespace(text);
    const size_t end = std::min(text.find(' '), text.size());
    const absl::string_view word = text.substr(0, end);
    text.remove_prefix(end);
    if (word.size() < 2 || word[1] != ':') continue;
    const absl::string_view value = word.substr(2);
    switch (word[0]) {
      case 'S': {
        absl::string_view name;
        std::optional<IpAddress> client = AddressAtBegin(value, &name);
        if (!client) client = AddressAtEnd(value, &name);
        if (!client) return {.unusable = kNoClient};
        decision.client = client;
        decision.host_name = Known(name);
        has_client = true;
        break;
      }
      case 'H':
        decision.hello = std::string(value);
        break;
      case 'F':
        decision.sender = WithoutBrackets(value);
        break;
      case 'T':
        decision.recipient = WithoutBrackets(value);
        has_recipient = !decision.recipient.empty();
        break;
      default:
        break;
    }
  }
  if (!has_client) return {.unusable = kNoClient};
  if (!has_recipient) return {.unusable = kNoRecipient};
  decision.decided = accepts ? Decided::kAccept : Decided::kRefuse;
  decision.reason = Reason(what);
  return {.decision = std::move(decision)};
}

LogLineContent ReadSpamdyke(absl::string_view text) {
  const size_t blank = text.find(" from: ");
  if (blank == npos) return {};
  const absl::string_view what = text.substr(0, blank);
  if (what != "ALLOWED" && !absl::StartsWith(what, "ALLOWED_") &&
      !absl::StartsWith(what, "DENIED_")) {
    return {.unusable = kNotARecipient};
  }
  text.remove_prefix(blank);
  const auto sender = Between(" from: ", " to: ", &text);
  if (!sender) return {.unusable = kCut};
  const size_t ip = text.find(" origin_ip: ");
  if (ip == npos) return {.unusable = kCut};
  const absl::string_view recipient = text.substr(0, ip);
  text.remove_prefix(ip);
  const auto address = Between(" origin_ip: ", " origin_rdns: ", &text);
  if (!address) return {.unusable = kCut};
  const size_t auth = text.find(" auth: ");
  if (auth == npos) return {.unusable = kCut};
  const absl::string_view name = text.substr(0, auth);
  text.remove_prefix(auth + 7);
  if (Known(recipient).empty()) return {.unusable = kNoRecipient};
  const auto client = IpAddress::Parse(*address);
  if (!client) return {.unusable = kNoClient};
  LoggedDecision decision;
  decision.client = client;
  decision.host_name = Known(name);
  decision.user = Known(text.substr(0, text.find(' ')));
  decision.sender = Known(*sender);
  decision.recipient = std::string(recipient);
  decision.decided = absl::StartsWith(what, "ALLOWED") ? Decided::kAccept
                     : what == "DENIED_GRAYLISTED"     ? Decided::kTemporary
                                                       : Decided::kRefuse;
  decision.reason = Reason(absl::StrCat("spamdyke ", what));
  return {.decision = std::move(decision)};
}

LogLineContent ReadOwn(absl::string_view line) {
  auto fields = ReadLogLine(line);
  if (!fields.ok()) return {.unusable = kCut};
  auto& values = *fields;
  if (values["decision"].empty()) return {};
  if (values["to"].empty()) return {.unusable = kNoRecipient};
  const auto client = IpAddress::Parse(values["ip"]);
  if (!client) return {.unusable = kNoClient};
  LoggedDecision decision;
  decision.client = client;
  decision.host_name = values["host"];
  decision.host_status = values["host-status"];
  decision.hello = values["helo"];
  decision.user = values["user"];
  decision.sender = values["from"];
  decision.recipient = values["to"];
  decision.decided = values["decision"] == "accept" ? Decided::kAccept
                                                    : ByCode(values["reply"]);
  decision.reason = Reason(absl::StrCat("postern ", values["rule"]));
  return {.decision = std::move(decision)};
}

// Returns where `mark` begins a word of `line`. What a client has chosen comes
// after '=', '<' or a quote in a line of postern. The name of a program is not
// the one of a host: '[' or ':' follows it.
size_t FindMark(absl::string_view line, absl::string_view mark) {
  size_t at = line.find(mark);
  for (; at != npos; at = line.find(mark, at + 1)) {
    const absl::string_view rest = line.substr(at + mark.size());
    const bool begins = at == 0 || line[at - 1] == ' ' ||
                        line[at - 1] == '\t' || line[at - 1] == '/' ||
                        mark[0] == ' ' || mark[0] == '"';
    const bool ends = mark != "spamdyke" || absl::StartsWith(rest, "[") ||
                      absl::StartsWith(rest, ":");
    if (begins && ends) break;
  }
  return at;
}

}  // namespace

LogLineContent ReadOldLogLine(absl::string_view line) {
  // The words that begin what each program writes. The first one in the line
  // counts: what a client has chosen comes after it, and may contain another.
  enum class Form : uint8_t {
    kChkuser,
    kQlog,
    kUnified,
    kSpamdyke,
    kOwn,
    kRblsmtpd,
    kTcpserver
  };
  constexpr std::pair<absl::string_view, Form> kMarks[] = {
      {"CHKUSER ", Form::kChkuser},           {"qlogenvelope: ", Form::kQlog},
      {"Accept::", Form::kUnified},           {"Reject::", Form::kUnified},
      {"spamdyke", Form::kSpamdyke},          {" decision=", Form::kOwn},
      {"\"decision\"", Form::kOwn},           {"rblsmtpd: ", Form::kRblsmtpd},
      {"tcpserver: deny ", Form::kTcpserver},
  };
  size_t first = npos;
  absl::string_view rest;  // after the mark
  Form form = Form::kOwn;
  for (const auto& [mark, of] : kMarks) {
    const size_t at = FindMark(line, mark);
    if (at >= first) continue;
    first = at;
    rest = line.substr(at + mark.size());
    form = of;
  }
  if (first == npos) return {};
  switch (form) {
    case Form::kChkuser:
      return ReadChkuser(rest);
    case Form::kQlog:
      return ReadQlog(rest);
    case Form::kUnified:
      return ReadUnified(line.substr(first));
    case Form::kSpamdyke: {
      const size_t colon = rest.find(": ");
      if (colon == npos) return {};
      return ReadSpamdyke(rest.substr(colon + 2));
    }
    case Form::kOwn:
      return ReadOwn(line);
    case Form::kRblsmtpd:
      return {.unusable = kRblsmtpd};
    case Form::kTcpserver:
      return {.unusable = kTcpserver};
  }
  return {};
}

}  // namespace postern::programs
