// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/shell_builtins.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "programs/migrate/shell_lexer.h"

namespace postern::programs::migrate::shell {
namespace {

constexpr size_t npos = absl::string_view::npos;
constexpr size_t kMaxTestWords = 256;

Answer Test(absl::Span<const Word> words, bool brackets, bool bash,
            absl::string_view directory, const SiteFiles& files) {
  const auto text = [&words](size_t i) {
    return absl::string_view(words[i].text);
  };
  // A word that is not known can be an operator, and several words.
  for (const Word& word : words) {
    if (!word.known()) return Answer::kUnknown;
  }
  if (words.empty()) return Answer::kNo;
  if (words.size() == 1) return Of(!text(0).empty());
  if (words.size() == 3 && words[0].id == 0 && words[2].id == 0) {
    const bool is_equal = text(1) == "=" || text(1) == "==";
    if (is_equal || text(1) == "!=") {
      // The right side of [[ is a pattern.
      if (brackets && text(2).find_first_of("*?[\\(+@!") != npos) {
        return Answer::kUnknown;
      }
      const Answer answer = Of((text(0) == text(2)) == is_equal);
      // In sh of some systems, == is a mistake, which counts as no.
      if (text(1) == "==" && !bash && answer != Answer::kNo) {
        return Answer::kUnknown;
      }
      return answer;
    }
    int left = 0;
    int right = 0;
    if (absl::SimpleAtoi(text(0), &left) && absl::SimpleAtoi(text(2), &right)) {
      if (text(1) == "-eq") return Of(left == right);
      if (text(1) == "-ne") return Of(left != right);
      if (text(1) == "-gt") return Of(left > right);
      if (text(1) == "-ge") return Of(left >= right);
      if (text(1) == "-lt") return Of(left < right);
      if (text(1) == "-le") return Of(left <= right);
    }
  }
  for (const absl::string_view joint : {"-o", "-a"}) {
    for (size_t i = 1; !brackets && i + 1 < words.size(); ++i) {
      if (text(i) != joint) continue;
      // As an operand of a comparison it is a text.
      if (text(i - 1) == "=" || text(i - 1) == "!=") continue;
      const Answer left =
          Test(words.subspan(0, i), brackets, bash, directory, files);
      const Answer right =
          Test(words.subspan(i + 1), brackets, bash, directory, files);
      const Answer decides = Of(joint == "-o");
      // A mistake on either side is a mistake of the whole.
      if (left == Answer::kUnknown || right == Answer::kUnknown) {
        return Answer::kUnknown;
      }
      return left == decides || right == decides ? decides : Not(decides);
    }
  }
  if (text(0) == "!") {
    return Not(Test(words.subspan(1), brackets, bash, directory, files));
  }
  if (words.size() != 2) return Answer::kUnknown;
  if (text(0) == "-z") return Of(text(1).empty());
  if (text(0) == "-n") return Of(!text(1).empty());
  if (text(0).size() != 2 || text(0)[0] != '-') return Answer::kUnknown;
  const std::string path = PathFrom(directory, text(1));
  if (path.empty() || !files.Knows(path)) return Answer::kUnknown;
  switch (text(0)[1]) {
    case 'f':
    case 'd':
    case 'e':
      return Of(files.Exists(path, text(0)[1]));
    case 'r':
    case 's':
    case 'x':
      // Permissions are those of another user, and the size can change.
      return files.Exists(path, 'e') ? Answer::kUnknown : Answer::kNo;
    default:
      return Answer::kUnknown;
  }
}

}  // namespace

Answer RunTest(absl::Span<const Word> words, bool bash,
               absl::string_view directory, const SiteFiles& files) {
  if (words.empty() || !words[0].known()) return Answer::kUnknown;
  // Each word can be one more level.
  if (words.size() > kMaxTestWords) return Answer::kUnknown;
  if (words[0].text == "test")
    return Test(words.subspan(1), false, bash, directory, files);
  const bool brackets = words[0].text == "[[";
  if (words.size() < 2 || words.back().text != (brackets ? "]]" : "]")) {
    return Answer::kUnknown;
  }
  const Answer answer = Test(words.subspan(1, words.size() - 2), brackets, bash,
                             directory, files);
  // In sh of some systems, [[ is not a command.
  if (brackets && !bash && answer != Answer::kNo) return Answer::kUnknown;
  return answer;
}

Outcome RunDeclaration(absl::string_view program, absl::Span<const Word> words,
                       State* state) {
  const bool exports = program == "export";
  Outcome outcome = {.answer = Answer::kYes, .effect = true};
  Answer exported = exports ? Answer::kYes : Answer::kNo;
  bool options = true;
  for (const Word& word : words) {
    if (options && word.known() && absl::StartsWith(word.text, "-")) {
      if (word.text == "--") {
        options = false;
      } else if (exports && word.text == "-n") {
        exported = Answer::kNo;
      } else if (word.text != "-p") {
        outcome.why = absl::StrCat("the option ", word.text, " of ", program);
        for (const Word& each : words) {
          const absl::string_view name =
              absl::string_view(each.text).substr(0, each.text.find('='));
          if (IsName(name)) state->Forget(name, each.place, outcome.why, true);
        }
        return outcome;
      }
      continue;
    }
    options = false;
    const size_t equals = AssignmentAt(word.text);
    const std::string name(
        word.text.substr(0, std::min(equals, word.text.size())));
    if (!IsName(name) || (equals == npos && !word.known())) {
      outcome.why =
          absl::StrCat("a word of ", program, " is not known: ", word.text);
      if (exports) state->MayExportAll(word.place);
      continue;
    }
    if (equals != npos) {
      Word value = word;
      value.text = word.text.substr(equals + 1);
      state->Set(name, std::move(value));
    }
    if (!exports) continue;
    State::Value& variable = state->variables[name];
    variable.exported = exported;
    if (!variable.set) variable.word.place = word.place;
    if (exported == Answer::kNo) {
      state->removed[name] = {name, absl::StrCat("export -n ", name),
                              word.place};
    }
  }
  return outcome;
}

void SetErrexit(bool on, const Place& place, State* state) {
  state->shell.push_back({{.text = "set", .place = place},
                          {.text = on ? "-e" : "+e", .place = place}});
}

Outcome RunSet(absl::Span<const Word> words, State* state) {
  Outcome outcome = {.answer = Answer::kYes, .effect = true};
  for (size_t i = 0; i < words.size(); ++i) {
    const absl::string_view text = words[i].text;
    const bool sets = absl::StartsWith(text, "-");
    if (words[i].known() && (text == "--" || text == "-")) break;
    bool known = words[i].known();
    if (known && !sets && !absl::StartsWith(text, "+")) break;  // parameters
    bool all = false;
    bool ends = false;  // -e
    for (size_t at = 1; known && at < text.size(); ++at) {
      if (text[at] == 'a') {
        all = true;
      } else if (text[at] == 'o') {
        static constexpr absl::string_view kOptions[] = {
            "allexport", "errexit", "nounset", "pipefail", "noglob",
            "xtrace",    "verbose", "monitor", "noclobber"};
        if (i + 1 == words.size()) break;  // it prints the options
        const Word& option = words[++i];
        known = option.known() && Contains(kOptions, option.text);
        all = all || option.text == "allexport";
        ends = ends || option.text == "errexit";
      } else {
        known = absl::string_view("befhmuvxCEHT").find(text[at]) != npos;
        ends = ends || text[at] == 'e';
      }
    }
    if (!known) {
      outcome.why = "an option of set is not known";
      state->export_all = Answer::kUnknown;
      return outcome;
    }
    if (all) state->export_all = Of(sets);
    if (ends) SetErrexit(sets, words[i].place, state);
  }
  return outcome;
}

Outcome RunUnset(absl::Span<const Word> words, State* state) {
  Outcome outcome = {.answer = Answer::kYes, .effect = true};
  bool functions = false;
  for (const Word& word : words) {
    if (word.known() && word.text == "-v") continue;
    if (word.known() && word.text == "-f") {
      functions = true;
      continue;
    }
    if (!word.known() || !IsName(word.text)) {
      state->ForgetAll(word.place, "unset has a word that is not known");
      outcome.why = absl::StrCat("a word of unset is not known: ", word.text);
      return outcome;
    }
    if (functions) {
      state->functions.erase(word.text);
      continue;
    }
    state->variables.erase(word.text);
    state->removed[word.text] = {word.text, absl::StrCat("unset ", word.text),
                                 word.place};
  }
  return outcome;
}

Outcome RunUnknown(absl::Span<const Word> words, const Place& place,
                   State* state) {
  const std::string why = absl::StrCat("line ", place.line, " may set it");
  const std::string& command = words[0].text;
  if (Contains(kRunsCode, command) || state->functions.count(command) != 0) {
    state->ForgetAll(place);
  }
  if (!absl::StrContains(command, '/')) {
    for (const Word& word : words) {
      absl::string_view name = AssignedName(word.text);
      if (name.empty() && IsName(word.text) &&
          (state->variables.count(word.text) != 0 ||
           (&word != &words[0] && Contains(kAssigns, command)))) {
        name = word.text;
      }
      if (!word.known() && Contains(kAssigns, command)) {
        state->ForgetAll(place, why);
      } else if (!name.empty()) {
        state->Forget(name, place, why, Contains(kDeclares, command));
      }
    }
  }
  return {.why = kNotExecuted, .effect = true};
}

}  // namespace postern::programs::migrate::shell
