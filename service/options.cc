// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/options.h"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <utility>

#include "absl/base/macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "log/log.h"

namespace postern::service {
namespace {

constexpr size_t kHelpColumn = 33;

constexpr absl::string_view kVariablePrefix = "POSTERN_";

// Appends the rest of the variable's name to the prefix.
void AppendVariable(absl::string_view name, std::string* variable) {
  for (char c : name) {
    variable->push_back(c == '-' ? '_' : absl::ascii_toupper(c));
  }
}

std::string VariableOf(absl::string_view name) {
  std::string variable(kVariablePrefix);
  AppendVariable(name, &variable);
  return variable;
}

// Returns the number of characters to insert, to remove or to replace that
// makes `a` of `b`.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);  // distances of the beginning of `a`
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

absl::string_view MostSimilar(absl::string_view name,
                              absl::Span<const absl::string_view> names) {
  // As many mistakes as a typist makes in a name of this length.
  size_t least = 1 + name.size() / 5;
  absl::string_view meant;
  for (const absl::string_view each : names) {
    const size_t distance = EditDistance(name, each);
    // A name of other characters alone has no similarity.
    if (distance > least || distance >= name.size()) continue;
    if (!meant.empty() && distance == least) continue;
    least = distance;
    meant = each;
  }
  return meant;
}

Options::Options(absl::Span<const OptionRow> rows, std::vector<OptionRow> more)
    : own_rows_(std::move(more)), rows_(rows) {
  if (!own_rows_.empty()) {
    own_rows_.insert(own_rows_.begin(), rows.begin(), rows.end());
    rows_ = own_rows_;
  }
  given_.resize(rows_.size());
}

void Options::ReadArguments(absl::Span<const char* const> arguments) {
  for (operands_ = arguments; !operands_.empty();) {
    absl::string_view argument = operands_[0];
    if (argument == "-h") argument = "--help";
    if (argument.size() < 2 || argument[0] != '-') break;
    operands_.remove_prefix(1);
    if (argument == "--") break;
    Given given;
    const absl::string_view word = argument.substr(0, argument.find('='));
    absl::string_view name = word;
    const size_t row = absl::ConsumePrefix(&name, "--") ? Row(name) : npos;
    if (row == npos) {
      usage_is_wrong_ = true;
      size_t meant = npos;
      Mistake(Unknown(name, word, &meant));
      // The next word is probably its value.
      const bool takes_value = word.size() == argument.size() &&
                               !operands_.empty() &&
                               (meant == npos ? operands_[0][0] != '-'
                                              : !rows_[meant].value.empty());
      if (takes_value) operands_.remove_prefix(1);
      continue;
    }
    if (word.size() < argument.size()) {
      given.value = argument.substr(word.size() + 1);
    } else if (rows_[row].value.empty()) {
      given.value = "true";
    } else if (operands_.empty()) {
      usage_is_wrong_ = true;
      return Mistake(absl::StrCat(word, ": its value is missing"));
    } else {
      given.value = operands_[0];
      operands_.remove_prefix(1);
    }
    Give(row, given);
  }
}

void Options::Read(absl::Span<const char* const> arguments,
                   absl::FunctionRef<const char*(const char*)> getenv) {
  ReadArguments(arguments);
  ReadFile();
  std::string variable(kVariablePrefix);
  for (size_t row = 0; row < rows_.size(); ++row) {
    if (!given_[row].empty() ||
        rows_[row].from == OptionRow::From::kCommandLine) {
      continue;
    }
    variable.resize(kVariablePrefix.size());
    AppendVariable(rows_[row].name, &variable);
    const char* const value = getenv(variable.c_str());
    if (value == nullptr) continue;
    Give(row, {.source = Source::kEnvironment, .value = value});
  }
}

void Options::ReadFile() {
  const size_t config = Row("config");
  if (config == npos || given_[config].empty()) return;
  file_ = std::string(given_[config][0].value);
  std::vector<std::string> ignored;  // about lines that are skipped below
  auto lines = policy::ReadControlList(file_, &ignored);
  if (!lines.ok()) return Mistake(lines.status().message());
  if (!*lines) return Mistake(absl::StrCat(file_, ": no such file"));
  lines_ = **std::move(lines);
  // Values on the command line override the file, but each line is checked.
  std::vector<std::vector<Given>> said(rows_.size());
  said.swap(given_);
  for (const policy::Line& line : lines_) {
    const absl::string_view text = absl::StripAsciiWhitespace(line.text);
    if (text.empty() || text.front() == '#') continue;
    const std::string place = absl::StrCat(file_, ":", line.number, ": ");
    const size_t equals = text.find('=');
    if (equals == text.npos) {
      Mistake(absl::StrCat(place, "not name=value"));
      continue;
    }
    const absl::string_view name =
        absl::StripTrailingAsciiWhitespace(text.substr(0, equals));
    const size_t row = Row(name);
    if (row == npos) {
      size_t meant = npos;
      Mistake(absl::StrCat(place, Unknown(name, name, &meant)));
      continue;
    }
    if (rows_[row].from == OptionRow::From::kCommandLine) {
      Mistake(absl::StrCat(place, "the option ", name,
                           " is only for the command line"));
      continue;
    }
    Give(row, {.source = Source::kFile,
               .line = line.number,
               .value = absl::StripAsciiWhitespace(text.substr(equals + 1))});
  }
  for (size_t row = 0; row < rows_.size(); ++row) {
    if (!said[row].empty()) given_[row] = std::move(said[row]);
  }
}

void Options::Give(size_t row, const Given& given) {
  if (!given_[row].empty() && !rows_[row].many) {
    return Mistake(absl::StrCat(NameOf(row, given), " is given twice"));
  }
  if (given.value.find_first_not_of(' ') == absl::string_view::npos) {
    Mistake(absl::StrCat(NameOf(row, given), ": the value is empty"));
  }
  given_[row].push_back(given);
}

size_t Options::Row(absl::string_view name) const {
  const auto found =
      std::find_if(rows_.begin(), rows_.end(),
                   [&](const OptionRow& row) { return row.name == name; });
  return found == rows_.end() ? npos : found - rows_.begin();
}

std::string Options::Unknown(absl::string_view name, absl::string_view shown,
                             size_t* meant) const {
  std::vector<absl::string_view> names;
  for (const OptionRow& row : rows_) names.push_back(row.name);
  *meant = Row(MostSimilar(name, names));
  std::string text = absl::StrCat("unknown option ", shown);
  if (*meant == npos) return text;
  const absl::string_view dashes = absl::StartsWith(shown, "--") ? "--" : "";
  return absl::StrCat(text, "; did you mean ", dashes, rows_[*meant].name, "?");
}

std::vector<std::string> Options::UnknownVariables(
    const char* const* environment) const {
  std::vector<std::string> warnings;
  if (environment == nullptr) return {};  // after clearenv(3)
  for (; *environment != nullptr; ++environment) {
    absl::string_view variable = *environment;
    variable = variable.substr(0, variable.find('='));
    absl::string_view rest = variable;
    if (!absl::ConsumePrefix(&rest, kVariablePrefix)) continue;
    std::string name = absl::AsciiStrToLower(rest);
    std::replace(name.begin(), name.end(), '_', '-');
    size_t row = Row(name);
    if (row != npos && VariableOf(name) == variable) {
      if (rows_[row].from == OptionRow::From::kCommandLine) {
        warnings.push_back(absl::StrCat(variable,
                                        ": no effect, because the option ",
                                        name, " is only for the command line"));
      }
      continue;
    }
    (void)Unknown(name, name, &row);  // sets `row`
    std::string text = absl::StrCat(variable, ": no option has this variable");
    if (row != npos && rows_[row].from == OptionRow::From::kAnywhere) {
      absl::StrAppend(&text, "; did you mean ", VariableOf(rows_[row].name),
                      "?");
    }
    warnings.push_back(std::move(text));
  }
  return warnings;
}

std::string Options::Place(absl::string_view name, size_t index) const {
  const size_t row = Row(name);
  ABSL_HARDENING_ASSERT(row != npos);
  if (given_[row].empty()) return absl::StrCat("--", name);
  // One variable may have several values.
  return NameOf(row, given_[row][std::min(index, given_[row].size() - 1)]);
}

std::optional<absl::string_view> Options::Value(absl::string_view name) const {
  const size_t row = Row(name);
  ABSL_HARDENING_ASSERT(row != npos);
  if (given_[row].empty()) return std::nullopt;
  return given_[row][0].value;
}

std::vector<std::string> Options::List(absl::string_view name) const {
  const size_t row = Row(name);
  ABSL_HARDENING_ASSERT(row != npos && rows_[row].many);
  std::vector<std::string> list;
  for (const Given& given : given_[row]) {
    if (given.source != Source::kEnvironment) {
      list.emplace_back(given.value);
    } else {
      for (absl::string_view word :
           absl::StrSplit(given.value, ' ', absl::SkipEmpty())) {
        list.emplace_back(word);
      }
    }
  }
  return list;
}

std::string Options::Text(absl::string_view name,
                          absl::string_view otherwise) const {
  return std::string(Value(name).value_or(otherwise));
}

int Options::Number(absl::string_view name, int otherwise, int min, int max) {
  const std::optional<absl::string_view> value = Value(name);
  if (!value) return otherwise;
  int number = 0;
  if (absl::SimpleAtoi(*value, &number) && number >= min && number <= max) {
    return number;
  }
  BadValue(name, absl::StrCat(min, " to ", max));
  return otherwise;
}

bool Options::Flag(absl::string_view name) {
  return Choice(name, false,
                {{"true", true},
                 {"false", false},
                 {"yes", true},
                 {"no", false},
                 {"on", true},
                 {"off", false},
                 {"1", true},
                 {"0", false}});
}

std::string Options::NameOf(size_t row, const Given& given) const {
  const absl::string_view name = rows_[row].name;
  switch (given.source) {
    case Source::kCommandLine:
      break;
    case Source::kFile:
      return absl::StrCat(file_, ":", given.line, ": ", name);
    case Source::kEnvironment:
      return VariableOf(name);
  }
  return absl::StrCat("--", name);
}

void Options::BadValue(absl::string_view name, absl::string_view want) {
  const size_t row = Row(name);
  const Given& given = given_[row][0];
  Mistake(absl::StrCat(NameOf(row, given), ": ", want, ", not \"", given.value,
                       "\""));
}

void Options::BadChoice(absl::string_view name,
                        absl::Span<const absl::string_view> words) {
  BadValue(name, absl::StrJoin(words, " or "));
}

void Options::Mistake(absl::string_view what) {
  // Several readers may find the same mistake.
  if (std::find(mistakes_.begin(), mistakes_.end(), what) == mistakes_.end()) {
    mistakes_.emplace_back(what);
  }
}

absl::Status Options::status() const {
  if (mistakes_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(mistakes_[0]);
}

bool Options::AnswerHelp(absl::string_view program, absl::string_view head,
                         absl::string_view foot) {
  std::string text;
  if (Flag("help")) {
    text = absl::StrCat(head, Help(), foot);
  } else if (Flag("version")) {
    text = absl::StrCat(program, " ", kVersion, "\n");
  } else {
    return false;
  }
  std::fputs(text.c_str(), stdout);
  return true;
}

bool Options::Complain(absl::string_view program) const {
  if (mistakes_.empty()) return false;
  log::WriteUsageError(program, mistakes_);
  return true;
}

std::string Options::Help() const {
  std::string help;
  for (const OptionRow& row : rows_) {
    if (row.help.empty()) continue;
    std::string left = absl::StrCat("  --", row.name);
    if (!row.value.empty()) absl::StrAppend(&left, " ", row.value);
    for (absl::string_view line : absl::StrSplit(row.help, '\n')) {
      if (left.size() >= kHelpColumn) {
        absl::StrAppend(&help, left, "\n");
        left.clear();
      }
      left.resize(kHelpColumn, ' ');
      absl::StrAppend(&help, left, line, "\n");
      left.clear();
    }
  }
  return help;
}

}  // namespace postern::service
