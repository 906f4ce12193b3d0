// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/fault.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace postern::rig {
namespace {

constexpr std::array<absl::string_view, kStages> kStageNames = {
    "connect", "ehlo", "starttls", "tls",  "auth", "mail", "rcpt", "data",
    "content", "end",  "rset",     "noop", "vrfy", "help", "quit"};

constexpr std::array<absl::string_view, kCertificateKinds> kCertificateNames = {
    "valid", "expired", "not-yet", "self-signed", "wrong-name", "untrusted"};

// The reply to a refusal that an address requests.
Reply Refusal(int code) {
  const auto digit = static_cast<uint8_t>(code / 100);
  return {code, {digit, 0, 0}, "this address requests the reply"};
}

// Reads the code of a refusal.
std::optional<int> ParseRefusalCode(absl::string_view text) {
  int code = 0;
  if (text.size() != 3 || !absl::SimpleAtoi(text, &code)) return std::nullopt;
  if (code < 400 || code > 599) return std::nullopt;
  return code;
}

// What an address requests, without the stage.
std::optional<Fault> ParseRequest(absl::string_view text) {
  Fault fault;
  if (const std::optional<int> code = ParseRefusalCode(text)) {
    fault.reply = Refusal(*code);
  } else if (text == "temperror") {
    fault.reply = Refusal(451);
  } else if (text == "permerror") {
    fault.reply = Refusal(550);
  } else if (text == "timeout") {
    fault.delay = absl::InfiniteDuration();
  } else if (text == "close") {
    fault.cut = Cut::kBefore;
  } else if (absl::ConsumePrefix(&text, "delay-")) {
    const std::optional<absl::Duration> delay = ParseDelay(text);
    if (!delay) return std::nullopt;
    fault.delay = *delay;
  } else {
    return std::nullopt;
  }
  return fault;
}

// The form of this project: [STAGE-]REQUEST, at kRcpt if there is no stage.
// Only a delay may be without a stage, because the form of mox has all others.
std::optional<Fault> OwnForm(absl::string_view text) {
  const absl::string_view name = text.substr(0, text.find('-'));
  const std::optional<Stage> stage = ParseStage(name);
  if (stage) {
    text.remove_prefix(name.size());
    if (!absl::ConsumePrefix(&text, "-")) return std::nullopt;
  } else if (!absl::StartsWith(text, "delay-")) {
    return std::nullopt;
  }
  std::optional<Fault> fault = ParseRequest(text);
  if (fault) fault->stage = stage.value_or(Stage::kRcpt);
  return fault;
}

// The form of mox localserve: an optional "mailfrom" or "rcptto" at the
// beginning, without which the reply to the message is meant, and the request
// at the end. Digits count only as a whole word: "order4500" is no request.
std::optional<Fault> MoxForm(absl::string_view text) {
  Stage stage = Stage::kEnd;
  if (absl::ConsumePrefix(&text, "mailfrom")) {
    stage = Stage::kMail;
  } else if (absl::ConsumePrefix(&text, "rcptto")) {
    stage = Stage::kRcpt;
  }
  absl::string_view request =
      text.substr(text.size() - std::min<size_t>(3, text.size()));
  const absl::string_view before = text.substr(0, text.size() - request.size());
  if (!before.empty() && absl::ascii_isalnum(before.back())) request = "";
  for (const absl::string_view word : {"temperror", "permerror", "timeout"}) {
    if (absl::EndsWith(text, word)) request = word;
  }
  if (!ParseRefusalCode(request) && request.size() <= 3) return std::nullopt;
  std::optional<Fault> fault = ParseRequest(request);
  if (fault) fault->stage = stage;
  return fault;
}

}  // namespace

absl::string_view StageName(Stage stage) {
  return kStageNames[static_cast<size_t>(stage)];
}

std::optional<Stage> ParseStage(absl::string_view name) {
  for (size_t i = 0; i < kStageNames.size(); ++i) {
    if (kStageNames[i] == name) return static_cast<Stage>(i);
  }
  return std::nullopt;
}

bool HasSubject(Stage stage) {
  switch (stage) {
    case Stage::kConnect:
    case Stage::kEhlo:
    case Stage::kAuth:
    case Stage::kMail:
    case Stage::kRcpt:
    case Stage::kData:
    case Stage::kContent:
    case Stage::kEnd:
    case Stage::kVrfy:
      return true;
    case Stage::kStartTls:
    case Stage::kTls:
    case Stage::kRset:
    case Stage::kNoop:
    case Stage::kHelp:
    case Stage::kQuit:
      return false;
  }
  return false;
}

absl::string_view CutName(Cut cut) {
  switch (cut) {
    case Cut::kBefore:
      return "before";
    case Cut::kInside:
      return "inside";
    case Cut::kAfter:
      return "after";
  }
  return "";
}

absl::string_view CertificateName(CertificateKind kind) {
  return kCertificateNames[static_cast<size_t>(kind)];
}

std::string CheckFault(const Fault& fault) {
  const Stage stage = fault.stage;
  const absl::string_view name = StageName(stage);
  if (fault.skip < 0 || fault.times < 0) return "a negative count";
  if (fault.percent < 1 || fault.percent > 100) return "percent is 1 to 100";
  if (!fault.pattern.empty() && !HasSubject(stage)) {
    return absl::StrCat(name, " has nothing to compare a pattern with");
  }
  if (fault.each && !HasSubject(stage)) {
    return absl::StrCat(name, " has nothing to count separately");
  }
  if (fault.quota && stage != Stage::kRcpt && stage != Stage::kEnd) {
    return "a quota applies at rcpt and end only";
  }
  if (fault.reply && fault.raw) return "two replies";
  if (fault.reply && (fault.reply->code < 200 || fault.reply->code > 599)) {
    return "the code of a reply is 200 to 599";
  }
  if (fault.delay < absl::ZeroDuration()) return "a negative delay";
  if (!fault.hidden.empty() && stage != Stage::kEhlo) {
    return "only ehlo hides extensions";
  }
  for (const std::string& keyword : fault.hidden) {
    // RFC 5321 4.1.1.1: ehlo-keyword.
    const bool valid = !keyword.empty() &&
                       std::all_of(keyword.begin(), keyword.end(), [](char c) {
                         return absl::ascii_isalnum(c) || c == '-';
                       });
    if (!valid) return "not the name of an extension";
  }
  if (fault.certificate && stage != Stage::kTls) {
    return "only tls has a certificate";
  }
  if (fault.after != 0 && stage != Stage::kContent) {
    return "only content counts octets";
  }
  if (stage == Stage::kContent &&
      (fault.reply || fault.raw || fault.split || fault.write_rate > 0)) {
    return "content has no reply";
  }
  if (stage == Stage::kTls && (fault.reply || fault.split ||
                               fault.write_rate > 0 || fault.read_rate > 0 ||
                               (fault.delay > absl::ZeroDuration() &&
                                fault.delay != absl::InfiniteDuration()))) {
    return "tls can only close, stall, send raw octets or change its "
           "certificate";
  }
  const bool acts = fault.reply || fault.raw || fault.cut || fault.split ||
                    fault.delay > absl::ZeroDuration() ||
                    fault.write_rate > 0 || fault.read_rate > 0 ||
                    !fault.hidden.empty() || fault.certificate;
  return acts ? "" : "it does nothing";
}

bool Matches(absl::string_view pattern, absl::string_view text) {
  if (pattern.empty()) return true;
  // The usual algorithm: after a mismatch, the last '*' takes one octet more.
  size_t p = 0;
  size_t t = 0;
  size_t star = absl::string_view::npos;
  size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && absl::ascii_tolower(pattern[p]) ==
                                         absl::ascii_tolower(text[t])) {
      ++p;
      ++t;
    } else if (star != absl::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::optional<Fault> FaultOfAddress(Stage stage, absl::string_view local_part) {
  const std::string text = absl::AsciiStrToLower(local_part);
  std::optional<Fault> fault = OwnForm(text);
  if (!fault) fault = MoxForm(text);
  if (!fault || fault->stage != stage || !CheckFault(*fault).empty()) {
    return std::nullopt;
  }
  return fault;
}

std::optional<absl::Duration> ParseDelay(absl::string_view text) {
  const absl::string_view unit =
      text.substr(std::min(text.find_first_not_of("0123456789"), text.size()));
  uint32_t count = 0;
  if (!absl::SimpleAtoi(text.substr(0, text.size() - unit.size()), &count)) {
    return std::nullopt;
  }
  absl::Duration delay;
  if (unit == "ms") {
    delay = absl::Milliseconds(count);
  } else if (unit == "s") {
    delay = absl::Seconds(count);
  } else if (unit == "m") {
    delay = absl::Minutes(count);
  } else if (unit == "h") {
    delay = absl::Hours(count);
  } else {
    return std::nullopt;
  }
  if (delay > absl::Hours(24)) return std::nullopt;
  return delay;
}

}  // namespace postern::rig
