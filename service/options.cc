// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/options.h"

#include <errno.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <utility>

#include "absl/base/macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "log/log.h"
#include "service/version.h"

namespace postern::service {
namespace {

constexpr size_t kHelpColumn = 33;

constexpr absl::string_view kVariablePrefix = "POSTERN_";

// The value of --config for no file.
constexpr absl::string_view kNoFile = "none";

constexpr std::pair<absl::string_view, bool> kFlagWords[] = {
    {"true", true}, {"false", false}, {"yes", true}, {"no", false},
    {"on", true},   {"off", false},   {"1", true},   {"0", false}};

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

// Returns whether nothing exists at `path`. A link to nothing exists, and what
// cannot be examined may exist: reading it then fails.
bool IsMissing(const std::string& path) {
  struct stat facts = {};
  return lstat(path.c_str(), &facts) != 0 && errno == ENOENT;
}

}  // namespace

absl::string_view DefaultOf(const OptionRow& row) {
  absl::string_view value = row.value;
  const size_t bracket = value.rfind(" [");
  if (bracket == value.npos || !absl::ConsumeSuffix(&value, "]")) return "";
  return value.substr(bracket + 2);
}

std::optional<bool> ParseFlag(absl::string_view value) {
  for (const auto& [word, meaning] : kFlagWords) {
    if (word == value) return meaning;
  }
  return std::nullopt;
}

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
                   absl::FunctionRef<const char*(const char*)> getenv,
                   absl::string_view default_file) {
  ReadArguments(arguments);
  ReadFile(default_file);
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

void Options::ReadFile(absl::string_view default_file) {
  const size_t config = Row("config");
  if (config == npos) return;
  std::string path(default_file);
  if (!given_[config].empty()) {
    path = std::string(given_[config][0].value);
    if (path == kNoFile) return;
  } else if (path.empty() || IsMissing(path)) {
    return;
  }
  config_ =
      std::make_shared<const ConfigFile>(ConfigFile::Read(path, &mistakes_));
  // Values on the command line override the file, but each line is checked.
  std::vector<std::vector<Given>> said(rows_.size());
  said.swap(given_);
  for (const ConfigFile::Entry& entry : config_->entries()) {
    ReadEntry(entry);
  }
  for (size_t row = 0; row < rows_.size(); ++row) {
    if (!said[row].empty()) given_[row] = std::move(said[row]);
  }
}

void Options::ReadEntry(const ConfigFile::Entry& entry) {
  const absl::string_view name = entry.setting.key;
  // The head of the section was a mistake.
  if (entry.is_section && name.empty()) return;
  const std::string place = absl::StrCat(config_->PlaceOf(entry.setting), ": ");
  const size_t row = Row(name);
  if (entry.is_section && (row == npos || !rows_[row].section)) {
    std::vector<absl::string_view> sections;
    for (const OptionRow& each : rows_) {
      if (each.section) sections.push_back(each.name);
    }
    const absl::string_view meant = MostSimilar(name, sections);
    return Mistake(absl::StrCat(
        place, "unknown section ", name,
        meant.empty() ? "" : absl::StrCat("; did you mean ", meant, "?")));
  }
  if (row == npos) {
    size_t meant = npos;
    return Mistake(absl::StrCat(place, Unknown(name, name, &meant)));
  }
  if (rows_[row].from == OptionRow::From::kCommandLine) {
    return Mistake(absl::StrCat(place, "the option ", name,
                                " is only for the command line"));
  }
  Give(row, {.source = Source::kFile,
             .value = entry.setting.value,
             .file = config_,
             .entry = &entry});
}

void Options::Give(size_t row, const Given& given) {
  if (!given_[row].empty() && !rows_[row].many) {
    const Given& first = given_[row][0];
    const bool elsewhere =
        given.entry != nullptr && first.entry != nullptr &&
        given.entry->setting.file != first.entry->setting.file;
    return Mistake(absl::StrCat(
        NameOf(row, given), " is given twice",
        elsewhere ? absl::StrCat(", first at ",
                                 first.file->PlaceOf(first.entry->setting))
                  : ""));
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
  for (OptionValue& value : Values(name)) {
    if (!value.is_default) list.push_back(std::move(value.text));
  }
  return list;
}

absl::string_view Options::DefaultOfRow(absl::string_view name) const {
  const size_t row = Row(name);
  return row == npos ? absl::string_view() : DefaultOf(rows_[row]);
}

OptionValue Options::ValueOf(size_t row, const Given& given) const {
  OptionValue value;
  value.text = std::string(given.value);
  value.place = NameOf(row, given);
  if (given.entry == nullptr || !given.entry->is_section) return value;
  value.is_section = true;
  for (const ConfigFile::Setting& each : given.entry->settings) {
    value.keys.push_back(
        {each.key, each.value,
         absl::StrCat(given.file->PlaceOf(each), ": ", each.key)});
  }
  return value;
}

std::vector<OptionValue> Options::Values(absl::string_view name) const {
  const size_t row = Row(name);
  ABSL_HARDENING_ASSERT(row != npos);
  std::vector<OptionValue> values;
  for (const Given& given : given_[row]) {
    if (given.source != Source::kEnvironment || !rows_[row].many) {
      values.push_back(ValueOf(row, given));
      continue;
    }
    for (absl::string_view word :
         absl::StrSplit(given.value, ' ', absl::SkipEmpty())) {
      OptionValue& value = values.emplace_back();
      value.text = std::string(word);
      value.place = NameOf(row, given);
    }
  }
  const absl::string_view default_value = DefaultOf(rows_[row]);
  if (given_[row].empty() && !default_value.empty()) {
    OptionValue& value = values.emplace_back();
    value.text = std::string(default_value);
    value.place = absl::StrCat("--", name);
    value.is_default = true;
  }
  return values;
}

OptionPlaces Options::places() const {
  OptionPlaces places;
  for (size_t row = 0; row < rows_.size(); ++row) {
    for (const Given& given : given_[row]) {
      if (given.source == Source::kCommandLine) continue;
      places.values_.emplace_back(rows_[row].name, ValueOf(row, given));
    }
  }
  return places;
}

std::string OptionValue::PlaceOf(absl::string_view what) const {
  for (const Key& key : keys) {
    absl::string_view rest = what;
    if (absl::ConsumePrefix(&rest, key.name) &&
        (absl::StartsWith(rest, ":") || absl::StartsWith(rest, " "))) {
      return absl::StrCat(key.place, rest);
    }
  }
  return absl::StrCat(place, ": ", what);
}

std::string OptionPlaces::At(absl::string_view text) const {
  absl::string_view rest = text;
  if (!absl::ConsumePrefix(&rest, "--")) return std::string(text);
  const absl::string_view option = rest.substr(0, rest.find_first_of(": "));
  rest.remove_prefix(option.size());
  absl::string_view about = rest;  // the value, if the text names it
  absl::ConsumePrefix(&about, ":");
  absl::ConsumePrefix(&about, " ");
  absl::ConsumePrefix(&about, "\"");
  const OptionValue* found = nullptr;
  bool certain = false;
  for (const auto& [name_of_option, each] : values_) {
    if (name_of_option != option) continue;
    // A value with words is named by its beginning.
    const absl::string_view name =
        absl::string_view(each.text).substr(0, each.text.find_first_of(",="));
    const bool named = absl::StartsWith(about, name) &&
                       (about.size() == name.size() ||
                        absl::StrContains(":,=\" ", about[name.size()]));
    if (named && !certain) {
      found = &each;
      certain = true;
    }
    // Otherwise it is about the value without a name.
    const bool better = found == nullptr || (found->is_section && !certain);
    if (better && !named) found = &each;
  }
  if (found == nullptr) return std::string(text);
  if (certain && !found->keys.empty()) {
    absl::ConsumePrefix(&about, found->text);
    absl::ConsumePrefix(&about, ": ");
    std::string at_key = found->PlaceOf(about);
    if (!absl::StartsWith(at_key, found->place)) return at_key;
  }
  return absl::StrCat(found->place, rest);
}

std::vector<std::string> Options::files() const {
  return config_ == nullptr ? std::vector<std::string>() : config_->files();
}

std::vector<Options::Change> Options::ChangesFrom(
    const Options& running) const {
  // What a value is, without its place.
  const auto same = [](const Given& a, const Given& b) {
    const bool section = a.entry != nullptr && a.entry->is_section;
    const bool other_section = b.entry != nullptr && b.entry->is_section;
    if (a.value != b.value || section != other_section) return false;
    if (!section) return true;
    return std::equal(
        a.entry->settings.begin(), a.entry->settings.end(),
        b.entry->settings.begin(), b.entry->settings.end(),
        [](const ConfigFile::Setting& one, const ConfigFile::Setting& other) {
          return one.key == other.key && one.value == other.value;
        });
  };
  std::vector<Change> changes;
  for (size_t row = 0; row < rows_.size(); ++row) {
    const std::vector<Given>& now = given_[row];
    const std::vector<Given>& then = running.given_[row];
    const auto [changed, old] =
        std::mismatch(now.begin(), now.end(), then.begin(), then.end(), same);
    if (changed == now.end() && old == then.end()) continue;
    std::string place;
    if (!now.empty()) {
      place = NameOf(row, changed == now.end() ? now.back() : *changed);
    }
    changes.push_back({rows_[row].name, std::move(place)});
  }
  return changes;
}

void Options::Keep(absl::string_view name, const Options& running) {
  const size_t row = Row(name);
  ABSL_HARDENING_ASSERT(row != npos);
  given_[row] = running.given_[row];
}

std::string Options::Text(absl::string_view name,
                          absl::string_view otherwise) const {
  if (const auto value = Value(name)) return std::string(*value);
  const absl::string_view default_value = DefaultOfRow(name);
  return std::string(default_value.empty() ? otherwise : default_value);
}

int Options::Number(absl::string_view name, int otherwise, int min, int max) {
  const std::optional<absl::string_view> value = Value(name);
  int number = 0;
  if (absl::SimpleAtoi(DefaultOfRow(name), &number)) otherwise = number;
  if (!value) return otherwise;
  if (absl::SimpleAtoi(*value, &number) && number >= min && number <= max) {
    return number;
  }
  BadValue(name, absl::StrCat(min, " to ", max));
  return otherwise;
}

bool Options::Flag(absl::string_view name) {
  const std::optional<absl::string_view> value = Value(name);
  if (!value) return false;
  const std::optional<bool> flag = ParseFlag(*value);
  if (!flag) {
    std::vector<absl::string_view> words;
    for (const auto& [word, meaning] : kFlagWords) words.push_back(word);
    BadChoice(name, words);
  }
  return flag.value_or(false);
}

std::string Options::NameOf(size_t row, const Given& given) const {
  const absl::string_view name = rows_[row].name;
  switch (given.source) {
    case Source::kCommandLine:
      break;
    case Source::kFile:
      return absl::StrCat(given.file->PlaceOf(given.entry->setting), ": ",
                          name);
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
  std::string text =
      absl::StartsWith(what, "--") ? places().At(what) : std::string(what);
  // Several readers may find the same mistake.
  if (std::find(mistakes_.begin(), mistakes_.end(), text) == mistakes_.end()) {
    mistakes_.push_back(std::move(text));
  }
}

void Options::Mistake(absl::string_view place, absl::string_view what) {
  Mistake(absl::StrCat(place, ": ", what));
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
    text = absl::StrCat(program, " ", Version(), "\n");
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
