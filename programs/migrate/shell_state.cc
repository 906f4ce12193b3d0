// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/shell_state.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace postern::programs::migrate::shell {
namespace {

constexpr size_t npos = absl::string_view::npos;

// Words after which a command begins.
constexpr absl::string_view kBeforeCommand[] = {
    "then", "else", "elif", "do", "!", "{", "if", "while", "until"};

}  // namespace

Answer Not(Answer answer) {
  if (answer == Answer::kUnknown) return answer;
  return answer == Answer::kYes ? Answer::kNo : Answer::kYes;
}

Answer Of(bool value) { return value ? Answer::kYes : Answer::kNo; }

bool Contains(absl::Span<const absl::string_view> list,
              absl::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

void State::Set(absl::string_view name, Word value) {
  Value& variable = variables[std::string(name)];
  variable.word = std::move(value);
  variable.set = true;
  if (export_all == Answer::kYes) variable.exported = Answer::kYes;
  if (export_all == Answer::kUnknown && variable.exported == Answer::kNo) {
    variable.exported = Answer::kUnknown;
  }
}

Word State::ValueOf(absl::string_view name, const Place& place) const {
  const auto found = variables.find(std::string(name));
  if (found != variables.end() && found->second.set) {
    Word word = found->second.word;
    word.place = place;
    return word;
  }
  return {.text = absl::StrCat("$", name),
          .unknown = absl::StrCat("the script does not set ", name),
          .place = place};
}

void State::Forget(absl::string_view name, const Place& place,
                   absl::string_view why, bool may_export) {
  Value& variable = variables[std::string(name)];
  variable.word = {.text = absl::StrCat("$", name),
                   .unknown = std::string(why),
                   .place = place};
  variable.set = true;
  if ((may_export || export_all != Answer::kNo) &&
      variable.exported == Answer::kNo) {
    variable.exported = Answer::kUnknown;
  }
}

void State::ForgetAll(const Place& place, absl::string_view why) {
  directory.clear();
  AddUnread(place, why);
  for (auto& [name, variable] : variables) {
    if (export_all != Answer::kNo && variable.exported == Answer::kNo) {
      variable.exported = Answer::kUnknown;
    }
    // The first reason is the one to look at.
    if (!variable.set || variable.word.known()) {
      Forget(name, place, why, false);
    }
  }
}

void State::ForgetAll(const Place& place) {
  ForgetAll(place, absl::StrCat("line ", place.line,
                                " may set or remove any variable"));
}

void State::ForgetAssigned(absl::Span<const Token> tokens,
                           const std::string& file) {
  bool starts = true;     // a command begins here
  bool declares = false;  // the command may export
  bool set = false;       // the command is set
  bool unset = false;     // the command is unset
  bool names = false;     // the command sets the variables that it names
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (token.kind == Token::Kind::kNewline ||
        token.kind == Token::Kind::kOperator) {
      starts = true;
      declares = false;
      set = false;
      unset = false;
      names = false;
      continue;
    }
    if (token.kind != Token::Kind::kWord) continue;
    const Place place = {file, token.line};
    const std::string why =
        absl::StrCat("line ", token.line, " sets it under a condition");
    const absl::string_view text = token.text;
    const bool literal = text.find_first_of("$`\\'\"") == npos;
    const bool defines = i + 1 < tokens.size() &&
                         tokens[i + 1].kind == Token::Kind::kOperator &&
                         tokens[i + 1].text == "(";
    const bool calls = starts && !defines &&
                       (functions.count(text) != 0 ||
                        (!literal && AssignedName(text).empty()));
    if (Contains(kRunsCode, text) || calls) {
      ForgetAll(place);
    }
    if (Contains(kChangesDirectory, text)) directory.clear();
    if (set && (!literal || absl::StrContains(text, 'a'))) {
      export_all = Answer::kUnknown;
    }
    const absl::string_view assigned = AssignedName(text);
    if (!assigned.empty()) Forget(assigned, place, why, declares);
    for (const absl::string_view name : AssignedInside(text)) {
      Forget(name, place, why, declares);
    }
    // read NAME, for NAME, unset NAME, export NAME.
    if (IsName(text) &&
        (declares || unset || names || variables.count(text) != 0)) {
      Forget(text, place, why, declares || unset);
    }
    if ((declares || unset) && !literal && assigned.empty()) {
      MayExportAll(place);
    }
    names = names || text == "for" || text == "select" ||
            (starts && Contains(kAssigns, text));
    if (text == "in") names = false;  // values follow
    unset = unset || text == "unset";
    declares = declares || Contains(kDeclares, text);
    set = set || text == "set";
    starts = starts && (!assigned.empty() || Contains(kBeforeCommand, text));
  }
}

void State::AddUnread(const Place& place, absl::string_view why) {
  for (const Word& word : unread) {
    if (word.place.file == place.file && word.place.line == place.line) return;
  }
  unread.push_back({.unknown = std::string(why), .place = place});
}

void State::MayExportAll(const Place& place) {
  AddUnread(place, absl::StrCat("line ", place.line,
                                " names a variable that "
                                "is not known"));
  for (auto& [name, variable] : variables) {
    if (variable.exported == Answer::kNo) variable.exported = Answer::kUnknown;
  }
}

}  // namespace postern::programs::migrate::shell
