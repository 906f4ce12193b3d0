// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/tcp_rules_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "net/network_list.h"
#include "policy/control/control_file.h"
#include "policy/rules/tcp_rule_key.h"
#include "policy/rules/tcp_rule_network.h"

namespace postern::policy {
namespace {

constexpr uint64_t kMaxOctet = 255;

// A database has two numbers for each of its 256 hash tables. A record has two
// lengths, and two slots of two numbers each in a table.
constexpr size_t kHeader = 2048;
constexpr size_t kOfEachRecord = 24;

enum Mistake : uint8_t {
  kNoColon,
  kNetwork,
  kBlank,
  kCapitals,
  kNoAddress,
  kEmptyRange,
  kLongRange,
  kMissingNumber,
  kSameAddress,
  kVariableName,
  kSameVariable,
  kDenyVariable,
  kMistakes,  // the number of mistakes
};

absl::string_view Describe(Mistake mistake) {
  switch (mistake) {
    case kNoColon:
      return "the line has no colon and is not a rule";
    case kNetwork:
      return "a network with a slash never matches (write 192.0.2. or "
             "the range 192.0.2-3., or compile with --cidr)";
    case kBlank:
      return "the address contains a blank and never matches";
    case kCapitals:
      return "the address never matches: clients are looked up in lower case";
    case kNoAddress:
      return "no client has this address (a prefix is 192.0., a name is "
             "=a.example)";
    case kEmptyRange:
      return "the range is empty: its last number is below its first, or its "
             "first is above 255";
    case kLongRange:
      return "the range ends at 255, which is below its last number";
    case kMissingNumber:
      return "the range lacks a number, which counts as 0";
    case kSameAddress:
      return "an earlier line has the same address, and the first one counts";
    case kVariableName:
      return "a variable's name is empty or contains a blank";
    case kSameVariable:
      return "the rule sets a variable twice, and the last value counts";
    case kDenyVariable:
      return "the variables of a :deny have no effect";
    case kMistakes:
      break;
  }
  return "";
}

bool HasBlank(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), absl::ascii_isspace);
}

// Removes the text before the first ":allow" or ":deny" from `line`, with the
// colon, and stores the text in `address`. Returns false if there is none.
bool TakeAddress(absl::string_view* line, absl::string_view* address) {
  const size_t end = std::min(line->find(":allow"), line->find(":deny"));
  if (end == absl::string_view::npos) return false;
  *address = line->substr(0, end);
  line->remove_prefix(end + 1);
  return true;
}

// An address with a range in it.
struct Range {
  absl::string_view before;  // up to the first number
  uint64_t first = 0;
  uint64_t last = 0;
  absl::string_view after;  // after the second number
};

class Parser {
 public:
  Parser(absl::string_view path, TcpNetworks networks)
      : path_(path), networks_(networks) {}

  absl::Status ParseLine(absl::string_view line);
  TcpRulesText Finish() &&;

 private:
  absl::StatusOr<std::string> ParseInstruction(absl::string_view text);
  absl::StatusOr<Range> ParseRange(absl::string_view address);
  absl::Status AddNetwork(absl::string_view address, const std::string& record);
  absl::Status AddRange(const Range& range, const std::string& record);
  // `widened_bits` is that of TcpRuleNetwork, 0 for a rule that is no network.
  absl::Status Add(std::string key, const std::string& record,
                   unsigned widened_bits = 0);
  void CheckAddress(absl::string_view key);
  void Warn(Mistake mistake);
  // Returns the error `what` about the text at `where`, a view of line_.
  absl::Status Invalid(absl::string_view where, absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(
        path_, ":", number_, ":", where.data() - line_.data() + 1, ": ", what));
  }

  const absl::string_view path_;
  const TcpNetworks networks_;
  absl::string_view line_;
  int number_ = 0;         // of line_
  size_t size_ = kHeader;  // of the database that text_ makes
  TcpRulesText text_;
  // Rules of networks that are shorter than their keys, by widened_bits.
  std::map<unsigned, std::vector<TcpRule>> wide_;
  absl::flat_hash_set<std::pair<std::string, unsigned>> keys_;
  // The lines with each mistake.
  struct Lines {
    int first = 0;
    int last = 0;
    int count = 0;
  };
  std::array<Lines, kMistakes> mistakes_;
};

absl::Status Parser::ParseLine(absl::string_view line) {
  ++number_;
  line_ = line;
  const size_t end = line.find_last_not_of(" \t");
  line = line.substr(0, end == absl::string_view::npos ? 0 : end + 1);
  if (line.empty() || line[0] == '#') return absl::OkStatus();
  if (!absl::StrContains(line, ':')) {
    Warn(kNoColon);
    return absl::OkStatus();
  }
  // A NUL ends a variable in a record: the text after it would be instructions.
  if (const size_t nul = line.find('\0'); nul != absl::string_view::npos) {
    return Invalid(line.substr(nul), "the rule contains a NUL");
  }
  absl::string_view address;
  if (!TakeAddress(&line, &address)) {
    // The last colon of the address; the values of variables may have more.
    const size_t colon = line.substr(0, line.find(',')).rfind(':');
    return Invalid(
        line.substr(colon == absl::string_view::npos ? line.find(':') : colon),
        "neither :allow nor :deny follows the address");
  }
  const absl::StatusOr<std::string> record = ParseInstruction(line);
  if (!record.ok()) return record.status();
  const bool literal = address.find_first_of("=@") != absl::string_view::npos;
  if (!literal && networks_ == TcpNetworks::kExpanded &&
      absl::StrContains(address, '/')) {
    return AddNetwork(address, *record);
  }
  if (literal || !absl::StrContains(address, '-')) {
    CheckAddress(address);
    return Add(std::string(address), *record);
  }
  const absl::StatusOr<Range> range = ParseRange(address);
  if (!range.ok()) return range.status();
  return AddRange(*range, *record);
}

absl::StatusOr<std::string> Parser::ParseInstruction(absl::string_view text) {
  std::string record;
  if (absl::ConsumePrefix(&text, "deny")) {
    record = std::string("D\0", 2);
    if (absl::StartsWith(text, ",")) Warn(kDenyVariable);
  } else {
    text = absl::StripPrefix(text, "allow");
  }
  absl::flat_hash_set<absl::string_view> names;
  while (!text.empty()) {
    if (text == "\r") {
      return Invalid(text, "the line ends in a carriage return");
    }
    if (!absl::ConsumePrefix(&text, ",")) {
      return Invalid(text, "only a comma and a variable can follow here");
    }
    const size_t equals = text.find('=');
    if (equals == absl::string_view::npos) {
      return Invalid(text, "a variable has no '='");
    }
    const absl::string_view name = text.substr(0, equals);
    text.remove_prefix(equals + 1);
    const size_t close =
        text.empty() ? absl::string_view::npos : text.find(text[0], 1);
    if (close == absl::string_view::npos) {
      return Invalid(text, "a variable's value is not between two quotes");
    }
    if (name.empty() || HasBlank(name)) Warn(kVariableName);
    if (!names.insert(name).second) Warn(kSameVariable);
    absl::StrAppend(&record, "+", name, "=", text.substr(1, close - 1));
    record += '\0';
    text.remove_prefix(close + 1);
  }
  return record;
}

absl::StatusOr<Range> Parser::ParseRange(absl::string_view address) {
  const size_t dash = address.find('-');
  const size_t dot = address.substr(0, dash).rfind('.');
  const size_t begin = dot == absl::string_view::npos ? 0 : dot + 1;
  const size_t end = std::min(address.find('.', dash), address.size());
  absl::string_view first = address.substr(begin, dash - begin);
  absl::string_view last = address.substr(dash + 1, end - dash - 1);
  Range range;
  range.before = address.substr(0, begin);
  range.after = address.substr(end);
  const std::optional<uint64_t> first_number = TakeNumber(&first);
  const std::optional<uint64_t> last_number = TakeNumber(&last);
  if (!first.empty() || !last.empty()) {
    return Invalid(address.substr(dash),
                   "the address has a '-' that is not between two numbers");
  }
  range.first = first_number.value_or(0);
  range.last = std::min(last_number.value_or(0), kMaxOctet);
  if (!first_number || !last_number) Warn(kMissingNumber);
  if (last_number.value_or(0) > kMaxOctet && range.first <= kMaxOctet) {
    Warn(kLongRange);
  }
  return range;
}

absl::Status Parser::AddNetwork(absl::string_view address,
                                const std::string& record) {
  const absl::StatusOr<net::Network> network = net::Network::Parse(address);
  if (!network.ok()) return Invalid(address, network.status().message());
  absl::StatusOr<TcpRuleNetwork> keys = MakeTcpRuleNetwork(*network);
  if (!keys.ok()) return Invalid(address, keys.status().message());
  for (std::string& key : keys->keys) {
    const absl::Status added = Add(std::move(key), record, keys->widened_bits);
    if (!added.ok()) return added;
  }
  return absl::OkStatus();
}

absl::Status Parser::AddRange(const Range& range, const std::string& record) {
  if (range.first > range.last) {
    Warn(kEmptyRange);
    return absl::OkStatus();
  }
  // The other addresses of the range have the same form.
  CheckAddress(absl::StrCat(range.before, range.first, range.after));
  for (uint64_t i = range.first; i <= range.last; ++i) {
    const absl::Status added =
        Add(absl::StrCat(range.before, i, range.after), record);
    if (!added.ok()) return added;
  }
  return absl::OkStatus();
}

absl::Status Parser::Add(std::string key, const std::string& record,
                         unsigned widened_bits) {
  size_ += kOfEachRecord + key.size() + record.size();
  if (size_ > kMaxTcpRulesSize) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ":", number_, ": the rules up to here need more",
                     " than ", kMaxTcpRulesSize, " bytes"));
  }
  if (!keys_.emplace(key, widened_bits).second) Warn(kSameAddress);
  std::vector<TcpRule>& rules =
      widened_bits == 0 ? text_.rules : wide_[widened_bits];
  rules.push_back({std::move(key), record, number_});
  return absl::OkStatus();
}

void Parser::CheckAddress(absl::string_view key) {
  if (HasBlank(key)) return Warn(kBlank);
  if (IsTcpRuleKey(key)) return;
  if (IsTcpRuleKey(absl::AsciiStrToLower(key))) return Warn(kCapitals);
  Warn(absl::StrContains(key, '/') ? kNetwork : kNoAddress);
}

void Parser::Warn(Mistake mistake) {
  Lines& lines = mistakes_[mistake];
  if (lines.last == number_) return;
  lines.last = number_;
  if (lines.count++ == 0) lines.first = number_;
}

TcpRulesText Parser::Finish() && {
  for (auto& [widened_bits, rules] : wide_) {
    text_.rules.insert(text_.rules.end(),
                       std::make_move_iterator(rules.begin()),
                       std::make_move_iterator(rules.end()));
  }
  for (uint8_t i = 0; i < kMistakes; ++i) {
    const Lines& lines = mistakes_[i];
    if (lines.count == 0) continue;
    text_.warnings.push_back(FormatWarning(
        path_, lines.first, Describe(static_cast<Mistake>(i)), lines.count));
  }
  return std::move(text_);
}

}  // namespace

absl::StatusOr<TcpRulesText> ParseTcpRules(absl::string_view path,
                                           absl::string_view text,
                                           TcpNetworks networks) {
  Parser parser(path, networks);
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const absl::Status parsed = parser.ParseLine(line);
    if (!parsed.ok()) return parsed;
  }
  return std::move(parser).Finish();
}

}  // namespace postern::policy
