// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/fault_script.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "files/content.h"
#include "rig/fault_table.h"

namespace postern::rig {
namespace {

// No script is this long. /dev/zero is.
constexpr size_t kMostOctets = size_t{1} << 20;

// Splits off the first word of `rest`, and the blanks after it.
absl::string_view TakeWord(absl::string_view* rest) {
  const absl::string_view word = rest->substr(0, rest->find_first_of(" \t"));
  rest->remove_prefix(word.size());
  *rest = absl::StripLeadingAsciiWhitespace(*rest);
  return word;
}

// Reads a number into `to`. Returns what is wrong, or the empty string.
template <typename T>
std::string ReadNumber(absl::string_view word, absl::string_view value, T* to) {
  uint32_t number = 0;
  if (value.empty() || !absl::ascii_isdigit(value[0]) ||
      !absl::SimpleAtoi(value, &number) || number > 1000000000) {
    return absl::StrCat("not a number from 0 to 1000000000: ", word);
  }
  *to = static_cast<T>(number);
  return "";
}

// Reads the words of one line. Returns what is wrong, or the empty string.
std::string ReadLine(absl::string_view line, Fault* fault) {
  const absl::string_view stage = TakeWord(&line);
  const std::optional<Stage> parsed = ParseStage(stage);
  if (!parsed) return absl::StrCat("not a stage: ", stage);
  fault->stage = *parsed;
  while (!line.empty()) {
    const absl::string_view word = TakeWord(&line);
    if (word == "reply") {
      int code = 0;
      const absl::string_view digits = TakeWord(&line);
      if (digits.size() != 3 || !absl::SimpleAtoi(digits, &code)) {
        return absl::StrCat("not a reply code: ", digits);
      }
      std::string text;
      std::string error;
      if (!absl::CUnescape(line, &text, &error)) return error;
      fault->reply = MakeReply(code, text);
      break;
    }
    if (word == "raw") {
      std::string error;
      fault->raw.emplace();
      if (!absl::CUnescape(line, &*fault->raw, &error)) return error;
      break;
    }
    const absl::string_view name = word.substr(0, word.find('='));
    absl::string_view value = word.substr(name.size());
    const bool has_value = absl::ConsumePrefix(&value, "=");
    std::string why;
    if (!has_value && name == "each") {
      fault->each = true;
    } else if (!has_value && name == "stall") {
      fault->delay = absl::InfiniteDuration();
    } else if (!has_value && name == "split") {
      fault->split = true;
    } else if (!has_value) {
      why = absl::StrCat("not a word of a fault: ", word);
    } else if (name == "for") {
      fault->pattern = std::string(value);
    } else if (name == "skip") {
      why = ReadNumber(word, value, &fault->skip);
    } else if (name == "times") {
      why = ReadNumber(word, value, &fault->times);
    } else if (name == "percent") {
      why = ReadNumber(word, value, &fault->percent);
    } else if (name == "quota") {
      why = ReadNumber(word, value, &fault->quota.emplace());
    } else if (name == "after") {
      why = ReadNumber(word, value, &fault->after);
    } else if (name == "write-rate") {
      why = ReadNumber(word, value, &fault->write_rate);
    } else if (name == "read-rate") {
      why = ReadNumber(word, value, &fault->read_rate);
    } else if (name == "delay") {
      const std::optional<absl::Duration> delay = ParseDelay(value);
      if (!delay) why = absl::StrCat("not a duration such as 3s: ", word);
      fault->delay = delay.value_or(absl::ZeroDuration());
    } else if (name == "close") {
      for (const Cut cut : {Cut::kBefore, Cut::kInside, Cut::kAfter}) {
        if (value == CutName(cut)) fault->cut = cut;
      }
      if (!fault->cut) {
        why = absl::StrCat("not before, inside or after: ", word);
      }
    } else if (name == "hide") {
      fault->hidden.push_back(absl::AsciiStrToUpper(value));
    } else if (name == "certificate") {
      for (int i = 0; i < kCertificateKinds; ++i) {
        const auto kind = static_cast<CertificateKind>(i);
        if (value == CertificateName(kind)) fault->certificate = kind;
      }
      if (!fault->certificate) {
        why = absl::StrCat("not a kind of certificate: ", word);
      }
    } else {
      why = absl::StrCat("not a word of a fault: ", word);
    }
    if (!why.empty()) return why;
  }
  return CheckFault(*fault);
}

// Returns the reply's text as MakeReply() reads it.
std::string ReplyText(const Reply& reply) {
  if (reply.enhanced.class_ == 0) return reply.text;
  const EnhancedCode& code = reply.enhanced;
  return absl::StrCat(static_cast<int>(code.class_), ".", code.subject, ".",
                      code.detail, reply.text.empty() ? "" : " ", reply.text);
}

// The escapes of C, and also of a blank at either end, which would be lost.
std::string Escape(absl::string_view text) {
  std::string escaped = absl::CHexEscape(text);
  if (absl::StartsWith(escaped, " ")) escaped.replace(0, 1, "\\040");
  if (absl::EndsWith(escaped, " ")) {
    escaped.replace(escaped.size() - 1, 1, "\\040");
  }
  return escaped;
}

}  // namespace

absl::StatusOr<std::vector<Fault>> ParseFaultScript(absl::string_view text,
                                                    absl::string_view name) {
  std::vector<Fault> faults;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    Fault fault;
    if (const std::string why = ReadLine(line, &fault); !why.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ":", number, ": ", absl::CHexEscape(why)));
    }
    faults.push_back(std::move(fault));
  }
  return faults;
}

absl::StatusOr<std::vector<Fault>> ReadFaultScript(const std::string& path) {
  const absl::StatusOr<files::Content> content =
      files::ReadContent(path, kMostOctets);
  if (!content.ok()) return content.status();
  return ParseFaultScript(content->bytes, path);
}

std::string FormatFault(const Fault& fault) {
  std::string line(StageName(fault.stage));
  if (!fault.pattern.empty()) absl::StrAppend(&line, " for=", fault.pattern);
  if (fault.skip > 0) absl::StrAppend(&line, " skip=", fault.skip);
  if (fault.times > 0) absl::StrAppend(&line, " times=", fault.times);
  if (fault.percent < 100) absl::StrAppend(&line, " percent=", fault.percent);
  if (fault.each) line += " each";
  if (fault.quota) absl::StrAppend(&line, " quota=", *fault.quota);
  if (fault.delay == absl::InfiniteDuration()) {
    line += " stall";
  } else if (fault.delay > absl::ZeroDuration()) {
    absl::StrAppend(&line, " delay=", absl::ToInt64Milliseconds(fault.delay),
                    "ms");
  }
  if (fault.cut) absl::StrAppend(&line, " close=", CutName(*fault.cut));
  if (fault.after > 0) absl::StrAppend(&line, " after=", fault.after);
  if (fault.split) line += " split";
  if (fault.write_rate > 0) {
    absl::StrAppend(&line, " write-rate=", fault.write_rate);
  }
  if (fault.read_rate > 0) {
    absl::StrAppend(&line, " read-rate=", fault.read_rate);
  }
  for (const std::string& keyword : fault.hidden) {
    absl::StrAppend(&line, " hide=", keyword);
  }
  if (fault.certificate) {
    absl::StrAppend(&line,
                    " certificate=", CertificateName(*fault.certificate));
  }
  if (fault.reply) {
    absl::StrAppend(&line, " reply ", fault.reply->code, " ",
                    Escape(ReplyText(*fault.reply)));
  }
  if (fault.raw) absl::StrAppend(&line, " raw ", Escape(*fault.raw));
  return line;
}

}  // namespace postern::rig
