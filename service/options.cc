// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/options.h"

#include <algorithm>
#include <cstdio>

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

}  // namespace

Options::Options(absl::Span<const OptionRow> rows, std::vector<OptionRow> more)
    : own_rows_(std::move(more)), rows_(rows) {
  if (!own_rows_.empty()) {
    own_rows_.insert(own_rows_.begin(), rows.begin(), rows.end());
    rows_ = own_rows_;
  }
  given_.resize(rows_.size());
}

void Options::Read(absl::Span<const char* const> arguments,
                   absl::FunctionRef<const char*(const char*)> getenv) {
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
    if (row == npos) return Mistake(absl::StrCat("unknown option ", word));
    if (word.size() < argument.size()) {
      given.value = argument.substr(word.size() + 1);
    } else if (rows_[row].value.empty()) {
      given.value = "true";
    } else if (operands_.empty()) {
      return Mistake(absl::StrCat(word, ": its value is missing"));
    } else {
      given.value = operands_[0];
      operands_.remove_prefix(1);
    }
    Give(row, given);
  }
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
    Give(row, {.place = Place::kEnvironment, .value = value});
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
      return Mistake(absl::StrCat(place, "not name=value"));
    }
    const absl::string_view name =
        absl::StripTrailingAsciiWhitespace(text.substr(0, equals));
    const size_t row = Row(name);
    if (row == npos || rows_[row].from == OptionRow::From::kCommandLine) {
      return Mistake(absl::StrCat(place, "unknown option ", name));
    }
    Give(row, {.place = Place::kFile,
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
    if (given.place != Place::kEnvironment) {
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
  switch (given.place) {
    case Place::kCommandLine:
      break;
    case Place::kFile:
      return absl::StrCat(file_, ":", given.line, ": ", name);
    case Place::kEnvironment:
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
  status_.Update(absl::InvalidArgumentError(what));
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
  if (status_.ok()) return false;
  log::WriteUsageError(program, status_.message());
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
