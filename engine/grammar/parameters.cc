// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/parameters.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "engine/grammar/date_time.h"
#include "engine/grammar/decimal.h"
#include "engine/grammar/xtext.h"

namespace postern {
namespace {

// The context in which a parameter is parsed.
struct Setting {
  const ParameterRules& rules;
  Utf8 utf8;
};

// Whether a keyword has a value after it.
enum class Value : uint8_t { kNone, kNeeded };

// What happens to a parameter that is not offered: see Strictness.
enum class IfNotOffered : uint8_t { kRefuse, kIgnoreIfLenient };

// One parameter of MAIL or RCPT. To add a parameter, add a row.
template <typename Parameters>
struct Row {
  absl::string_view keyword;
  Value value;
  // Returns whether the parameter with `value` is offered.
  bool (*offered)(const ParameterRules& rules, absl::string_view value);
  // Stores `value` in `out`. Returns false for a bad value.
  bool (*read)(absl::string_view value, const Setting& setting,
               Parameters* out);
  // Returns whether `in` has the parameter, and stores its value in `value`.
  bool (*print)(const Parameters& in, std::string* value);
  IfNotOffered if_not_offered = IfNotOffered::kRefuse;
};

bool Always(const ParameterRules&, absl::string_view) { return true; }
bool OffersAuth(const ParameterRules& rules, absl::string_view value) {
  return rules.auth_offered || value == "<>";
}
template <Extension kExtension>
bool Offers(const ParameterRules& rules, absl::string_view) {
  return rules.offered.Has(kExtension);
}

bool ReadSize(absl::string_view value, const Setting&, MailParameters* out) {
  // RFC 1870 4: 1 to 20 digits. A number that the type cannot hold is not an
  // error: the message is too large, and gets a 552.
  out->size = ParseDecimal(value, kMaxDigits, Overflow::kClamp);
  return out->size.has_value();
}

bool PrintSize(const MailParameters& in, std::string* value) {
  if (in.size) *value = absl::StrCat(*in.size);
  return in.size.has_value();
}

bool ReadBody(absl::string_view value, const Setting& setting,
              MailParameters* out) {
  if (absl::EqualsIgnoreCase(value, "7BIT")) {
    out->body = BodyType::k7Bit;
  } else if (absl::EqualsIgnoreCase(value, "8BITMIME")) {
    out->body = BodyType::k8BitMime;
  } else if (absl::EqualsIgnoreCase(value, "BINARYMIME") &&
             setting.rules.offered.Has(Extension::kBinaryMime)) {
    out->body = BodyType::kBinaryMime;
  }
  return out->body.has_value();
}

bool PrintBody(const MailParameters& in, std::string* value) {
  if (!in.body) return false;
  switch (*in.body) {
    case BodyType::k7Bit:
      *value = "7BIT";
      break;
    case BodyType::k8BitMime:
      *value = "8BITMIME";
      break;
    case BodyType::kBinaryMime:
      *value = "BINARYMIME";
      break;
  }
  return true;
}

bool ReadSmtpUtf8(absl::string_view, const Setting&, MailParameters* out) {
  out->smtp_utf8 = true;
  return true;
}

bool PrintSmtpUtf8(const MailParameters& in, std::string*) {
  return in.smtp_utf8;
}

bool ReadRet(absl::string_view value, const Setting&, MailParameters* out) {
  if (absl::EqualsIgnoreCase(value, "FULL")) out->ret = Ret::kFull;
  if (absl::EqualsIgnoreCase(value, "HDRS")) out->ret = Ret::kHeaders;
  return out->ret.has_value();
}

bool PrintRet(const MailParameters& in, std::string* value) {
  if (in.ret) *value = *in.ret == Ret::kFull ? "FULL" : "HDRS";
  return in.ret.has_value();
}

bool ReadEnvid(absl::string_view value, const Setting&, MailParameters* out) {
  if (value.size() > kMaxEnvid) return false;
  out->envid = DecodePrintableXtext(value);
  return out->envid.has_value();
}

bool PrintEnvid(const MailParameters& in, std::string* value) {
  if (in.envid) *value = EncodeXtext(*in.envid);
  return in.envid.has_value();
}

// RFC 4954 5: "<>" or a mailbox. Angle brackets around a mailbox are not in the
// grammar, but are accepted because clients send them.
bool ReadAuth(absl::string_view value, const Setting&, MailParameters* out) {
  const std::optional<std::string> decoded = DecodeXtext(value);
  if (!decoded) return false;
  std::optional<ParsedPath> parsed = ParsePath(*decoded);
  if (!parsed || parsed->consumed != decoded->size()) return false;
  out->auth = std::move(parsed->path);
  return true;
}

bool PrintAuth(const MailParameters& in, std::string* value) {
  if (!in.auth) return false;
  const std::string path = FormatPath(*in.auth);
  absl::string_view mailbox = path;
  if (!in.auth->null()) mailbox = mailbox.substr(1, mailbox.size() - 2);
  *value = EncodeXtext(mailbox);
  return true;
}

bool ReadRequireTls(absl::string_view, const Setting&, MailParameters* out) {
  out->require_tls = true;
  return true;
}

bool PrintRequireTls(const MailParameters& in, std::string*) {
  return in.require_tls;
}

// RFC 6710 5: one digit, with a '-' only before 1 to 9.
bool ReadPriority(absl::string_view value, const Setting&,
                  MailParameters* out) {
  const bool negative = absl::ConsumePrefix(&value, "-");
  const std::optional<uint64_t> digit = ParseDecimal(value, 1);
  if (!digit || (negative && *digit == 0)) return false;
  out->priority = static_cast<int>(*digit) * (negative ? -1 : 1);
  return true;
}

bool PrintPriority(const MailParameters& in, std::string* value) {
  if (in.priority) *value = absl::StrCat(*in.priority);
  return in.priority.has_value();
}

// RFC 2852 4: by-time ";" by-mode [by-trace].
bool ReadDeliverBy(absl::string_view value, const Setting&,
                   MailParameters* out) {
  const bool negative = absl::ConsumePrefix(&value, "-");
  if (!negative) absl::ConsumePrefix(&value, "+");
  const absl::string_view digits = value.substr(0, value.find(';'));
  const std::optional<uint64_t> number = ParseDecimal(digits, 9);
  if (!number) return false;
  value.remove_prefix(digits.size());
  DeliverBy by;
  by.seconds = static_cast<int32_t>(*number) * (negative ? -1 : 1);
  by.trace = absl::EndsWithIgnoreCase(value, "T");
  if (by.trace) value.remove_suffix(1);
  if (absl::EqualsIgnoreCase(value, ";R")) {
    by.mode = DeliverBy::Mode::kReturn;
    if (by.seconds <= 0) return false;
  } else if (!absl::EqualsIgnoreCase(value, ";N")) {
    return false;
  }
  out->deliver_by = by;
  return true;
}

bool PrintDeliverBy(const MailParameters& in, std::string* value) {
  if (!in.deliver_by) return false;
  const bool returns = in.deliver_by->mode == DeliverBy::Mode::kReturn;
  *value = absl::StrCat(in.deliver_by->seconds, returns ? ";R" : ";N",
                        in.deliver_by->trace ? "T" : "");
  return true;
}

// RFC 4865 3: a positive number of up to nine digits.
bool ReadHoldFor(absl::string_view value, const Setting&, MailParameters* out) {
  const std::optional<uint64_t> seconds = ParseDecimal(value, 9);
  if (out->hold || !seconds || *seconds == 0) return false;
  out->hold.emplace(absl::Seconds(*seconds));
  return true;
}

bool PrintHoldFor(const MailParameters& in, std::string* value) {
  const auto* wait = in.hold ? std::get_if<absl::Duration>(&*in.hold) : nullptr;
  if (wait != nullptr) *value = absl::StrCat(absl::ToInt64Seconds(*wait));
  return wait != nullptr;
}

bool ReadHoldUntil(absl::string_view value, const Setting&,
                   MailParameters* out) {
  const std::optional<absl::Time> time = ParseDateTime(value);
  if (out->hold || !time) return false;
  out->hold.emplace(*time);
  return true;
}

bool PrintHoldUntil(const MailParameters& in, std::string* value) {
  const auto* until = in.hold ? std::get_if<absl::Time>(&*in.hold) : nullptr;
  if (until != nullptr) *value = FormatDateTime(*until);
  return until != nullptr;
}

// RFC 3461 4.1: NEVER alone, or a list of the others.
bool ReadNotify(absl::string_view value, const Setting&, RcptParameters* out) {
  Notify notify;
  if (!absl::EqualsIgnoreCase(value, "NEVER")) {
    for (absl::string_view word : absl::StrSplit(value, ',')) {
      bool* const flag =
          absl::EqualsIgnoreCase(word, "SUCCESS")   ? &notify.success
          : absl::EqualsIgnoreCase(word, "FAILURE") ? &notify.failure
          : absl::EqualsIgnoreCase(word, "DELAY")   ? &notify.delay
                                                    : nullptr;
      if (flag == nullptr) return false;
      *flag = true;
    }
  }
  out->notify = notify;
  return true;
}

bool PrintNotify(const RcptParameters& in, std::string* value) {
  if (!in.notify) return false;
  std::vector<absl::string_view> words;
  if (in.notify->never()) words.push_back("NEVER");
  if (in.notify->success) words.push_back("SUCCESS");
  if (in.notify->failure) words.push_back("FAILURE");
  if (in.notify->delay) words.push_back("DELAY");
  *value = absl::StrJoin(words, ",");
  return true;
}

bool ReadOrcpt(absl::string_view value, const Setting& setting,
               RcptParameters* out) {
  out->orcpt = ParseOrcpt(value, setting.utf8);
  return out->orcpt.has_value();
}

bool PrintOrcpt(const RcptParameters& in, std::string* value) {
  if (in.orcpt) *value = FormatOrcpt(*in.orcpt);
  return in.orcpt.has_value();
}

// RFC 7293 3.1: date-time [";" ("C" / "R")].
bool ReadRrvs(absl::string_view value, const Setting&, RcptParameters* out) {
  Rrvs rrvs;
  const absl::string_view since = value.substr(0, value.find(';'));
  const std::optional<absl::Time> time = ParseDateTime(since);
  if (!time) return false;
  rrvs.since = *time;
  value.remove_prefix(since.size());
  if (absl::EqualsIgnoreCase(value, ";C")) {
    rrvs.action = Rrvs::Action::kContinue;
  } else if (!value.empty() && !absl::EqualsIgnoreCase(value, ";R")) {
    return false;
  }
  out->rrvs = rrvs;
  return true;
}

bool PrintRrvs(const RcptParameters& in, std::string* value) {
  if (!in.rrvs) return false;
  const bool continues = in.rrvs->action == Rrvs::Action::kContinue;
  *value =
      absl::StrCat(FormatDateTime(in.rrvs->since), continues ? ";C" : ";R");
  return true;
}

constexpr Row<MailParameters> kMailRows[] = {
    {"SIZE", Value::kNeeded, Always, ReadSize, PrintSize},
    {"BODY", Value::kNeeded, Always, ReadBody, PrintBody},
    {"SMTPUTF8", Value::kNone, Offers<Extension::kSmtpUtf8>, ReadSmtpUtf8,
     PrintSmtpUtf8},
    {"RET", Value::kNeeded, Offers<Extension::kDsn>, ReadRet, PrintRet,
     IfNotOffered::kIgnoreIfLenient},
    {"ENVID", Value::kNeeded, Offers<Extension::kDsn>, ReadEnvid, PrintEnvid,
     IfNotOffered::kIgnoreIfLenient},
    {"AUTH", Value::kNeeded, OffersAuth, ReadAuth, PrintAuth},
    {"REQUIRETLS", Value::kNone, Offers<Extension::kRequireTls>, ReadRequireTls,
     PrintRequireTls},
    {"MT-PRIORITY", Value::kNeeded, Offers<Extension::kMtPriority>,
     ReadPriority, PrintPriority},
    {"BY", Value::kNeeded, Offers<Extension::kDeliverBy>, ReadDeliverBy,
     PrintDeliverBy},
    {"HOLDFOR", Value::kNeeded, Offers<Extension::kFutureRelease>, ReadHoldFor,
     PrintHoldFor},
    {"HOLDUNTIL", Value::kNeeded, Offers<Extension::kFutureRelease>,
     ReadHoldUntil, PrintHoldUntil},
};

constexpr Row<RcptParameters> kRcptRows[] = {
    {"NOTIFY", Value::kNeeded, Offers<Extension::kDsn>, ReadNotify, PrintNotify,
     IfNotOffered::kIgnoreIfLenient},
    {"ORCPT", Value::kNeeded, Offers<Extension::kDsn>, ReadOrcpt, PrintOrcpt,
     IfNotOffered::kIgnoreIfLenient},
    {"RRVS", Value::kNeeded, Offers<Extension::kRrvs>, ReadRrvs, PrintRrvs},
};

Reply BadParameter(absl::string_view what) {
  return {501, {5, 5, 4}, absl::StrCat(what, " (#5.5.4)")};
}

// An esmtp-param, RFC 5321 4.1.2.
struct Word {
  absl::string_view keyword;  // empty: bad syntax
  absl::string_view value;
  bool has_value = false;
};

// Removes the next esmtp-param from `text`, which is not blank.
Word TakeWord(absl::string_view* text) {
  if (text->front() != ' ') return {};
  while (text->front() == ' ') text->remove_prefix(1);
  const absl::string_view all = text->substr(0, text->find(' '));
  text->remove_prefix(all.size());
  const size_t equals = all.find('=');
  Word word{all.substr(0, equals)};
  for (char c : word.keyword) {
    if (!absl::ascii_isalnum(c) && c != '-') return {};
  }
  if (equals == absl::string_view::npos) return word;
  word.has_value = true;
  word.value = all.substr(equals + 1);
  // An esmtp-value has at least one octet, no '=', no control characters and,
  // except by RFC 6531 3.3, no 8-bit octets. The rows refuse the last.
  for (char c : word.value) {
    if (c == '=' || (absl::ascii_isascii(c) && !absl::ascii_isgraph(c))) {
      return {};
    }
  }
  return word.value.empty() ? Word{} : word;
}

bool IsBlank(absl::string_view text) {
  return text.empty() || text.find_first_not_of(' ') == absl::string_view::npos;
}

template <typename Parameters>
std::variant<Parameters, Reply> Parse(absl::string_view text,
                                      absl::Span<const Row<Parameters>> rows,
                                      const Setting& setting) {
  Parameters parameters;
  uint32_t seen = 0;  // bit n: row n was given
  while (!IsBlank(text)) {
    const Word word = TakeWord(&text);
    size_t at = 0;
    while (at < rows.size() &&
           !absl::EqualsIgnoreCase(rows[at].keyword, word.keyword)) {
      ++at;
    }
    const bool known = at < rows.size();
    const bool offered = known && rows[at].offered(setting.rules, word.value);
    // RFC 6531 3.3 allows UTF-8 in values, but only of offered parameters.
    if (word.keyword.empty() || (!offered && !IsAscii(word.value))) {
      return BadParameter("syntax error in parameters");
    }
    if (!offered) {
      if (known && setting.rules.strictness == Strictness::kLenient &&
          rows[at].if_not_offered == IfNotOffered::kIgnoreIfLenient) {
        continue;
      }
      return Reply{555, {5, 5, 4}, "unknown parameter (#5.5.4)"};
    }
    const Row<Parameters>& row = rows[at];
    if ((seen >> at & 1) != 0) {
      return BadParameter(absl::StrCat(row.keyword, " given twice"));
    }
    seen |= 1u << at;
    if (word.has_value != (row.value == Value::kNeeded) ||
        !row.read(word.value, setting, &parameters)) {
      return BadParameter(absl::StrCat("bad ", row.keyword));
    }
  }
  return parameters;
}

template <typename Parameters>
std::string Format(const Parameters& parameters,
                   absl::Span<const Row<Parameters>> rows) {
  std::string out;
  for (const Row<Parameters>& row : rows) {
    std::string value;
    if (!row.print(parameters, &value)) continue;
    absl::StrAppend(&out, " ", row.keyword);
    if (row.value == Value::kNeeded) absl::StrAppend(&out, "=", value);
  }
  return out;
}

}  // namespace

std::variant<MailParameters, Reply> ParseMailParameters(
    absl::string_view text, const ParameterRules& rules) {
  return Parse<MailParameters>(text, kMailRows, {rules, Utf8::kNo});
}

std::variant<RcptParameters, Reply> ParseRcptParameters(
    absl::string_view text, const ParameterRules& rules, Utf8 utf8) {
  return Parse<RcptParameters>(text, kRcptRows, {rules, utf8});
}

std::string FormatMailParameters(const MailParameters& parameters) {
  return Format<MailParameters>(parameters, kMailRows);
}

std::string FormatRcptParameters(const RcptParameters& parameters) {
  return Format<RcptParameters>(parameters, kRcptRows);
}

}  // namespace postern
