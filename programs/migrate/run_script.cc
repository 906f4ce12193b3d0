// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/run_script.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"

namespace postern::programs::migrate {
namespace {

constexpr size_t npos = absl::string_view::npos;
// Files that include each other, and nested conditions.
constexpr int kMaxDepth = 8;
// A variable that doubles itself grows exponentially.
constexpr size_t kMaxValue = size_t{1} << 16;
constexpr size_t kShown = 60;

struct Token {
  enum class Kind : uint8_t { kWord, kOperator, kNewline, kRedirection };
  Kind kind = Kind::kWord;
  absl::string_view text;  // as in the script, with quotes
  int line = 0;
  int last_line = 0;
};

// Return the index after a construct of sh that begins at `i`, or npos if it
// has no end.
size_t SkipWord(absl::string_view text, size_t i);

size_t SkipQuote(absl::string_view text, size_t i) {
  return std::min(text.find('\'', i + 1), npos - 1) == npos - 1
             ? npos
             : text.find('\'', i + 1) + 1;
}

size_t SkipBackquote(absl::string_view text, size_t i) {
  for (++i; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '`')
      return i + 1;
  }
  return npos;
}

// `i` is at the '$' of $( or ${.
size_t SkipDollar(absl::string_view text, size_t i) {
  const char end = text[i + 1] == '(' ? ')' : '}';
  const char begin = text[i + 1];
  int depth = 0;
  for (++i; i < text.size();) {
    const char c = text[i];
    if (c == '\\') {
      i += 2;
    } else if (c == '\'') {
      i = SkipQuote(text, i);
      if (i == npos) return npos;
    } else if (c == '"') {
      // Quotes in a substitution are its own.
      size_t j = i + 1;
      while (j < text.size() && text[j] != '"') j += text[j] == '\\' ? 2 : 1;
      if (j >= text.size()) return npos;
      i = j + 1;
    } else {
      if (c == begin) ++depth;
      if (c == end && --depth == 0) return i + 1;
      ++i;
    }
  }
  return npos;
}

size_t SkipDoubleQuote(absl::string_view text, size_t i) {
  for (++i; i < text.size();) {
    const char c = text[i];
    if (c == '"') return i + 1;
    if (c == '\\') {
      i += 2;
    } else if (c == '`') {
      i = SkipBackquote(text, i);
    } else if (c == '$' && i + 1 < text.size() &&
               (text[i + 1] == '(' || text[i + 1] == '{')) {
      i = SkipDollar(text, i);
    } else {
      ++i;
    }
    if (i == npos) return npos;
  }
  return npos;
}

bool EndsWord(char c) {
  return absl::string_view(" \t\r\n;&|()<>").find(c) != npos;
}

size_t SkipWord(absl::string_view text, size_t i) {
  while (i < text.size() && !EndsWord(text[i])) {
    const char c = text[i];
    if (c == '\'') {
      i = SkipQuote(text, i);
    } else if (c == '"') {
      i = SkipDoubleQuote(text, i);
    } else if (c == '`') {
      i = SkipBackquote(text, i);
    } else if (c == '$' && i + 1 < text.size() &&
               (text[i + 1] == '(' || text[i + 1] == '{')) {
      i = SkipDollar(text, i);
    } else {
      i += c == '\\' ? 2 : 1;
    }
    if (i == npos) return npos;
  }
  return std::min(i, text.size());
}

bool IsName(absl::string_view text) {
  if (text.empty() || absl::ascii_isdigit(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

// Returns the index of the '=' of NAME=..., or npos.
size_t AssignmentAt(absl::string_view word) {
  const size_t equals = word.find('=');
  return equals != npos && IsName(word.substr(0, equals)) ? equals : npos;
}

absl::string_view BaseName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == npos ? path : path.substr(slash + 1);
}

std::string Cut(absl::string_view text) {
  std::string shown(text.substr(0, text.find('\n')));
  if (shown.size() < text.size() || shown.size() > kShown) {
    shown = absl::StrCat(shown.substr(0, kShown), "...");
  }
  return shown;
}

// A value of three-valued logic.
enum class Answer : uint8_t { kNo, kYes, kUnknown };

Answer Not(Answer answer) {
  if (answer == Answer::kUnknown) return answer;
  return answer == Answer::kYes ? Answer::kNo : Answer::kYes;
}
Answer Of(bool value) { return value ? Answer::kYes : Answer::kNo; }

// What variables, limits and the log are, for all files of the script.
struct State {
  struct Value {
    Word word;
    bool exported = false;
  };
  std::map<std::string, Value> variables;
  std::vector<std::vector<Word>> shell;
  bool log_on_output = false;
  bool ended = false;  // by exit or exec
};

class Reader {
 public:
  Reader(absl::string_view name, absl::string_view text, const SiteFiles& files,
         absl::FunctionRef<bool(absl::string_view)> is_server, State* state,
         RunScript* script, int depth)
      : name_(name),
        text_(text),
        files_(files),
        is_server_(is_server),
        state_(*state),
        script_(*script),
        depth_(depth) {}

  // Returns the states of the lines.
  std::vector<LineState> Read();

 private:
  using Range = std::pair<size_t, size_t>;  // of tokens

  void Tokenize();
  void ReadHereDocument(size_t* i, int* line, absl::string_view delimiter,
                        int first_line);
  void Mark(int first, int last, LineState state);
  void MarkTokens(Range range, LineState state);
  void Name(Range range, absl::string_view why,
            Note::Kind kind = Note::Kind::kNotUnderstood);
  absl::string_view TextOf(Range range) const;

  bool IsWord(size_t i, absl::string_view word) const {
    return i < tokens_.size() && tokens_[i].kind == Token::Kind::kWord &&
           tokens_[i].text == word;
  }
  bool IsOperator(size_t i, absl::string_view text) const {
    return i < tokens_.size() && tokens_[i].kind == Token::Kind::kOperator &&
           tokens_[i].text == text;
  }
  // Returns the index of the token after the compound command at `begin`.
  size_t EndOfCompound(size_t begin, size_t end) const;
  // Returns the end of the simple command at `begin`.
  size_t EndOfSimple(size_t begin, size_t end) const;

  void RunList(Range range, int depth);
  void RunIf(Range range, int depth);
  void RunSimple(Range range);
  void RunBuiltinExport(absl::Span<const Word> words);
  void Include(const Word& file, Range range);
  void StartServer(std::vector<Word> words, std::vector<Variable> before,
                   bool log_on_output);
  bool IsGuard(Range range) const;
  void ForgetAssigned(Range range);
  Answer Ask(Range range);
  Answer Test(absl::Span<const Word> words);

  void Set(absl::string_view name, Word value, bool exported);
  Word ValueOf(absl::string_view name, int line) const;
  std::vector<Word> Expand(const Token& token);
  Word ExpandOne(absl::string_view text, int line);
  void ExpandInto(absl::string_view text, int line, bool quoted,
                  std::vector<Word>* words, bool* open);
  Word ExpandBraces(absl::string_view inside, int line);
  Word Substitute(absl::string_view command, int line);

  const std::string name_;
  const absl::string_view text_;
  const SiteFiles& files_;
  absl::FunctionRef<bool(absl::string_view)> is_server_;
  State& state_;
  RunScript& script_;
  const int depth_;
  std::vector<Token> tokens_;
  std::vector<LineState> lines_;
};

void Reader::Mark(int first, int last, LineState state) {
  for (int line = first; line <= last; ++line) {
    LineState& known = lines_[static_cast<size_t>(line) - 1];
    // A line that is named stays so: a part of it is not understood.
    if (known != LineState::kNamed) known = state;
  }
}

void Reader::MarkTokens(Range range, LineState state) {
  for (size_t i = range.first; i < range.second; ++i) {
    Mark(tokens_[i].line, tokens_[i].last_line, state);
  }
  // Comments and empty lines between the tokens of a named command are part of
  // it.
  if (state == LineState::kNamed && range.first < range.second) {
    Mark(tokens_[range.first].line, tokens_[range.second - 1].last_line, state);
  }
}

absl::string_view Reader::TextOf(Range range) const {
  if (range.first >= range.second) return "";
  const char* begin = tokens_[range.first].text.data();
  const absl::string_view last = tokens_[range.second - 1].text;
  return absl::string_view(
      begin, static_cast<size_t>(last.data() + last.size() - begin));
}

void Reader::Name(Range range, absl::string_view why, Note::Kind kind) {
  while (range.first < range.second &&
         tokens_[range.second - 1].kind == Token::Kind::kNewline) {
    --range.second;
  }
  if (range.first >= range.second) return;
  MarkTokens(range, kind == Note::Kind::kGuard ? LineState::kUnderstood
                                               : LineState::kNamed);
  script_.notes.push_back({kind,
                           {name_, tokens_[range.first].line},
                           Cut(TextOf(range)),
                           std::string(why)});
}

// Skips the lines of a here-document, and names them.
void Reader::ReadHereDocument(size_t* i, int* line, absl::string_view delimiter,
                              int first_line) {
  std::string end(delimiter);
  end.erase(
      std::remove_if(end.begin(), end.end(),
                     [](char c) { return c == '\'' || c == '"' || c == '\\'; }),
      end.end());
  while (*i < text_.size()) {
    const size_t line_end = std::min(text_.find('\n', *i), text_.size());
    const absl::string_view content = text_.substr(*i, line_end - *i);
    Mark(*line, *line, LineState::kNamed);
    const bool done = absl::StripLeadingAsciiWhitespace(content) == end;
    *i = std::min(line_end + 1, text_.size());
    if (line_end < text_.size()) ++*line;
    if (done) break;
  }
  Mark(first_line, first_line, LineState::kNamed);
  script_.notes.push_back({Note::Kind::kNotUnderstood,
                           {name_, first_line},
                           absl::StrCat("<<", delimiter),
                           "here-documents are not read"});
}

void Reader::Tokenize() {
  int line = 1;
  std::string here;  // the delimiter of a here-document that follows the line
  int here_line = 0;
  bool wants_delimiter = false;
  for (size_t i = 0; i < text_.size();) {
    const char c = text_[i];
    if (c == '\n') {
      tokens_.push_back(
          {Token::Kind::kNewline, text_.substr(i, 1), line, line});
      ++i;
      ++line;
      if (!here.empty()) {
        ReadHereDocument(&i, &line, here, here_line);
        here.clear();
      }
      continue;
    }
    if (c == ' ' || c == '\t' || c == '\r') {
      ++i;
      continue;
    }
    if (c == '\\' && i + 1 < text_.size() && text_[i + 1] == '\n') {
      Mark(line, line, LineState::kUnderstood);
      i += 2;
      ++line;
      continue;
    }
    if (c == '#') {  // not in a word: SkipWord() reads those
      Mark(line, line, LineState::kUnderstood);
      i = std::min(text_.find('\n', i), text_.size());
      continue;
    }
    // A redirection: [N]<, >, >>, <<, >&N ...
    size_t digits = i;
    while (digits < text_.size() && absl::ascii_isdigit(text_[digits])) {
      ++digits;
    }
    if (digits < text_.size() &&
        (text_[digits] == '<' || text_[digits] == '>')) {
      size_t end = digits + 1;
      while (end < text_.size() &&
             (text_[end] == '<' || text_[end] == '>' || text_[end] == '&' ||
              text_[end] == '-' || absl::ascii_isdigit(text_[end]))) {
        ++end;
      }
      const absl::string_view text = text_.substr(i, end - i);
      tokens_.push_back({Token::Kind::kRedirection, text, line, line});
      wants_delimiter = absl::StrContains(text, "<<");
      i = end;
      continue;
    }
    if (EndsWord(c)) {
      const bool twice = i + 1 < text_.size() && text_[i + 1] == c &&
                         (c == '&' || c == '|' || c == ';');
      tokens_.push_back(
          {Token::Kind::kOperator, text_.substr(i, twice ? 2 : 1), line, line});
      i += twice ? 2 : 1;
      continue;
    }
    const size_t end = SkipWord(text_, i);
    if (end == npos) {
      // The quote has no end. Nothing after it has a known meaning.
      Mark(line, static_cast<int>(lines_.size()), LineState::kNamed);
      script_.notes.push_back({Note::Kind::kNotUnderstood,
                               {name_, line},
                               Cut(text_.substr(i)),
                               "a quote or a substitution has no end"});
      return;
    }
    const absl::string_view word = text_.substr(i, end - i);
    const int last =
        line + static_cast<int>(std::count(word.begin(), word.end(), '\n'));
    tokens_.push_back({Token::Kind::kWord, word, line, last});
    if (wants_delimiter) {
      here = std::string(word);
      here_line = line;
      wants_delimiter = false;
    }
    line = last;
    i = end;
  }
}

// The words that begin and end compound commands.
int DepthOf(const Token& token, bool command_position) {
  if (token.kind == Token::Kind::kOperator) {
    return token.text == "(" ? 1 : token.text == ")" ? -1 : 0;
  }
  if (token.kind != Token::Kind::kWord || !command_position) return 0;
  for (const absl::string_view word :
       {"if", "for", "while", "until", "case", "{"}) {
    if (token.text == word) return 1;
  }
  for (const absl::string_view word : {"fi", "done", "esac", "}"}) {
    if (token.text == word) return -1;
  }
  return 0;
}

// Returns whether a command can begin after `token`.
bool StartsCommand(const Token& token) {
  if (token.kind == Token::Kind::kNewline) return true;
  if (token.kind == Token::Kind::kOperator) return true;
  for (const absl::string_view word :
       {"then", "else", "elif", "do", "!", "{", "if", "while", "until"}) {
    if (token.kind == Token::Kind::kWord && token.text == word) return true;
  }
  return false;
}

size_t Reader::EndOfCompound(size_t begin, size_t end) const {
  int depth = 0;
  bool in_case = IsWord(begin, "case");
  for (size_t i = begin; i < end; ++i) {
    const bool starts = i == begin || StartsCommand(tokens_[i - 1]);
    // The ')' of a pattern of case has no '('.
    if (in_case && tokens_[i].kind == Token::Kind::kOperator) continue;
    depth += DepthOf(tokens_[i], starts);
    if (depth <= 0 && i > begin) return i + 1;
  }
  return end;
}

size_t Reader::EndOfSimple(size_t begin, size_t end) const {
  size_t i = begin;
  while (i < end && tokens_[i].kind != Token::Kind::kNewline &&
         tokens_[i].kind != Token::Kind::kOperator) {
    ++i;
  }
  return i;
}

void Reader::Set(absl::string_view name, Word value, bool exported) {
  State::Value& variable = state_.variables[std::string(name)];
  variable.word = std::move(value);
  variable.exported = variable.exported || exported;
}

Word Reader::ValueOf(absl::string_view name, int line) const {
  const auto found = state_.variables.find(std::string(name));
  if (found != state_.variables.end()) {
    Word word = found->second.word;
    word.place = {name_, line};
    return word;
  }
  return {.text = absl::StrCat("$", name),
          .unknown = absl::StrCat("the script does not set ", name),
          .place = {name_, line}};
}

// Answers the command of $(...) or `...`.
Word Reader::Substitute(absl::string_view command, int line) {
  Word result = {.text = absl::StrCat("$(", command, ")"),
                 .place = {name_, line}};
  std::vector<Word> words;
  for (size_t i = 0; i < command.size();) {
    if (absl::ascii_isspace(command[i])) {
      ++i;
      continue;
    }
    const size_t end = SkipWord(command, i);
    if (end == npos || end == i) {
      // An operator: more than one command, or a redirection.
      absl::string_view rest =
          absl::StripTrailingAsciiWhitespace(command.substr(i));
      if (!words.empty() && words.back().text == "2" &&
          (rest == ">/dev/null" || rest == "> /dev/null")) {
        words.pop_back();
        break;
      }
      result.unknown = "the command is not executed";
      return result;
    }
    words.push_back(ExpandOne(command.substr(i, end - i), line));
    if (!words.back().known()) {
      result.unknown = words.back().unknown;
      return result;
    }
    i = end;
  }
  const absl::string_view program =
      words.empty() ? absl::string_view() : BaseName(words[0].text);
  const auto argument = [&words](size_t i) {
    return i < words.size() ? absl::string_view(words[i].text)
                            : absl::string_view();
  };
  if (program == "id" && words.size() == 3 &&
      (argument(1) == "-u" || argument(1) == "-g")) {
    result.id = argument(1)[1];
    result.user = words[2].text;
    result.text = absl::StrCat("$(id ", argument(1), " ", argument(2), ")");
    return result;
  }
  absl::string_view path;
  bool first_line = false;
  if (program == "cat" && words.size() == 2) {
    path = argument(1);
  } else if (program == "head" && words.size() == 3 &&
             (argument(1) == "-1" || argument(1) == "-n1")) {
    path = argument(2);
    first_line = true;
  } else if (program == "head" && words.size() == 4 && argument(1) == "-n" &&
             argument(2) == "1") {
    path = argument(3);
    first_line = true;
  }
  if (!absl::StartsWith(path, "/")) {
    result.unknown = "the command is not executed";
    return result;
  }
  absl::StatusOr<std::string> content = files_.Read(path);
  if (!content.ok()) {
    result.unknown = absl::StrCat(path, " cannot be read");
    return result;
  }
  if (first_line)
    content->resize(std::min(content->find('\n'), content->size()));
  while (absl::EndsWith(*content, "\n")) content->pop_back();
  if (content->size() > kMaxValue || absl::StrContains(*content, '\0')) {
    result.unknown = absl::StrCat(path, " has no value of this size");
    return result;
  }
  result.text = *std::move(content);
  return result;
}

// Answers ${...}.
Word Reader::ExpandBraces(absl::string_view inside, int line) {
  size_t end = 0;
  while (end < inside.size() &&
         (absl::ascii_isalnum(inside[end]) || inside[end] == '_')) {
    ++end;
  }
  const absl::string_view name = inside.substr(0, end);
  absl::string_view rest = inside.substr(end);
  Word value = ValueOf(name, line);
  if (IsName(name) && rest.empty()) return value;
  Word unknown = {.text = absl::StrCat("${", inside, "}"),
                  .unknown = "this expansion is not read",
                  .place = {name_, line}};
  if (!IsName(name)) return unknown;
  const bool or_empty = absl::ConsumePrefix(&rest, ":");
  if (!absl::ConsumePrefix(&rest, "-") && !absl::ConsumePrefix(&rest, "=")) {
    return unknown;
  }
  // Without the environment of the service, the default may not apply.
  if (!value.known()) return value;
  if (or_empty && value.text.empty()) return ExpandOne(rest, line);
  return value;
}

// Appends `part` to the last word, or begins one. If it is not quoted, blanks
// divide it into words.
void Append(const Word& part, bool quoted, std::vector<Word>* words,
            bool* open) {
  const auto begin = [&] {
    if (*open) return;
    words->push_back({.place = part.place});
    *open = true;
  };
  if (quoted || !part.known() || part.id != 0) {
    begin();
    Word& word = words->back();
    if (part.id != 0 || word.id != 0) {
      if (word.text.empty() && word.known() && word.id == 0) {
        word = part;
        return;
      }
      if (part.text.empty() && part.known()) return;
      word.unknown = "the number of a user is a part of a word";
      word.id = 0;
    }
    absl::StrAppend(&word.text, part.text);
    if (word.known()) word.unknown = part.unknown;
    if (word.text.size() > kMaxValue) {
      word.text.resize(kMaxValue);
      word.unknown = "the value is too long";
    }
    return;
  }
  for (size_t i = 0; i < part.text.size();) {
    if (absl::ascii_isspace(part.text[i])) {
      *open = false;
      ++i;
      continue;
    }
    size_t end = i;
    while (end < part.text.size() && !absl::ascii_isspace(part.text[end])) {
      ++end;
    }
    Append({.text = part.text.substr(i, end - i), .place = part.place}, true,
           words, open);
    i = end;
  }
}

void Reader::ExpandInto(absl::string_view text, int line, bool quoted,
                        std::vector<Word>* words, bool* open) {
  const Place place = {name_, line};
  const auto literal = [&](absl::string_view part) {
    Append({.text = std::string(part), .place = place}, true, words, open);
  };
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '\\') {
      const char next = i + 1 < text.size() ? text[i + 1] : '\\';
      if (next == '\n') {
        // The line continues.
      } else if (!quoted || absl::string_view("$`\"\\").find(next) != npos) {
        literal(absl::string_view(&next, 1));
      } else {
        literal(text.substr(i, 2));
      }
      i += 2;
    } else if (c == '\'' && !quoted) {
      const size_t end = SkipQuote(text, i);
      if (end == npos) break;
      literal(text.substr(i + 1, end - i - 2));
      i = end;
    } else if (c == '"' && !quoted) {
      const size_t end = SkipDoubleQuote(text, i);
      if (end == npos) break;
      literal("");
      ExpandInto(text.substr(i + 1, end - i - 2), line, true, words, open);
      i = end;
    } else if (c == '`') {
      const size_t end = SkipBackquote(text, i);
      if (end == npos) break;
      Append(Substitute(text.substr(i + 1, end - i - 2), line), quoted, words,
             open);
      i = end;
    } else if (c == '$' && i + 1 < text.size() &&
               (text[i + 1] == '(' || text[i + 1] == '{')) {
      const size_t end = SkipDollar(text, i);
      if (end == npos) break;
      const absl::string_view inside = text.substr(i + 2, end - i - 3);
      Append(text[i + 1] == '(' ? Substitute(inside, line)
                                : ExpandBraces(inside, line),
             quoted, words, open);
      i = end;
    } else if (c == '$' && i + 1 < text.size()) {
      size_t end = i + 1;
      while (end < text.size() &&
             (absl::ascii_isalnum(text[end]) || text[end] == '_')) {
        ++end;
      }
      const absl::string_view name = text.substr(i + 1, end - i - 1);
      if (IsName(name)) {
        Append(ValueOf(name, line), quoted, words, open);
      } else {
        end = std::max(end, i + 2);
        Append({.text = std::string(text.substr(i, end - i)),
                .unknown = "parameters of the script are not known",
                .place = place},
               quoted, words, open);
      }
      i = end;
    } else if (!quoted && (c == '*' || c == '?' || c == '[')) {
      // A lone '[' is a command. Otherwise the names of files replace it.
      if (text == "[" || text == "[[") {
        literal(text);
        return;
      }
      Append({.text = std::string(1, c),
              .unknown = "patterns of file names are not expanded",
              .place = place},
             true, words, open);
      ++i;
    } else if (!quoted && c == '~' && i == 0) {
      Append({.text = "~",
              .unknown = "home directories are not known",
              .place = place},
             true, words, open);
      ++i;
    } else {
      literal(text.substr(i, 1));
      ++i;
    }
  }
}

std::vector<Word> Reader::Expand(const Token& token) {
  std::vector<Word> words;
  bool open = false;
  ExpandInto(token.text, token.line, false, &words, &open);
  return words;
}

// As in an assignment: blanks do not divide the value.
Word Reader::ExpandOne(absl::string_view text, int line) {
  std::vector<Word> words;
  bool open = false;
  Word whole = {.place = {name_, line}};
  ExpandInto(text, line, false, &words, &open);
  for (size_t i = 0; i < words.size(); ++i) {
    std::vector<Word> one = {std::move(whole)};
    bool is_open = true;
    if (i > 0) Append({.text = " "}, true, &one, &is_open);
    Append(words[i], true, &one, &is_open);
    whole = std::move(one[0]);
  }
  whole.place = {name_, line};
  return whole;
}

Answer Reader::Test(absl::Span<const Word> words) {
  const auto text = [&words](size_t i) {
    return absl::string_view(words[i].text);
  };
  for (const absl::string_view joint : {"-o", "-a"}) {
    for (size_t i = 1; i + 1 < words.size(); ++i) {
      if (text(i) != joint || !words[i].known()) continue;
      // As an operand of a comparison it is a text.
      if (i >= 1 && (text(i - 1) == "=" || text(i - 1) == "!=")) continue;
      const Answer left = Test(words.subspan(0, i));
      const Answer right = Test(words.subspan(i + 1));
      const Answer decides = Of(joint == "-o");
      if (left == decides || right == decides) return decides;
      if (left == Answer::kUnknown || right == Answer::kUnknown) {
        return Answer::kUnknown;
      }
      return Not(decides);
    }
  }
  if (words.empty()) return Answer::kNo;
  if (text(0) == "!" && words.size() > 1) return Not(Test(words.subspan(1)));
  for (const Word& word : words) {
    if (!word.known()) return Answer::kUnknown;
  }
  if (words.size() == 1) return Of(!text(0).empty());
  if (words.size() == 2) {
    if (text(0) == "-z") return Of(text(1).empty());
    if (text(0) == "-n") return Of(!text(1).empty());
    if (text(0).size() != 2 || text(0)[0] != '-') return Answer::kUnknown;
    if (!absl::StartsWith(text(1), "/") || !files_.Knows(text(1))) {
      return Answer::kUnknown;
    }
    switch (text(0)[1]) {
      case 'f':
      case 'd':
        return Of(files_.Exists(text(1), text(0)[1]));
      case 'e':
        return Of(files_.Exists(text(1), 'e'));
      case 'r':
      case 's':
        // Permission to read, and the size, are those of another user.
        return files_.Exists(text(1), 'e') ? Answer::kUnknown : Answer::kNo;
      case 'x':
        return files_.Exists(text(1), 'e') ? Answer::kUnknown : Answer::kNo;
      default:
        return Answer::kUnknown;
    }
  }
  if (words.size() == 3 && words[0].id == 0 && words[2].id == 0) {
    if (text(1) == "=" || text(1) == "==") return Of(text(0) == text(2));
    if (text(1) == "!=") return Of(text(0) != text(2));
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
  return Answer::kUnknown;
}

Answer Reader::Ask(Range range) {
  while (range.first < range.second &&
         (tokens_[range.first].kind == Token::Kind::kNewline)) {
    ++range.first;
  }
  while (range.first < range.second &&
         (tokens_[range.second - 1].kind == Token::Kind::kNewline ||
          IsOperator(range.second - 1, ";"))) {
    --range.second;
  }
  for (const absl::string_view joint : {"||", "&&"}) {
    for (size_t i = range.second; i-- > range.first;) {
      if (!IsOperator(i, joint)) continue;
      const Answer left = Ask({range.first, i});
      const Answer right = Ask({i + 1, range.second});
      const Answer decides = Of(joint == "||");
      if (left == decides || right == decides) return decides;
      if (left == Answer::kUnknown || right == Answer::kUnknown) {
        return Answer::kUnknown;
      }
      return Not(decides);
    }
  }
  bool negated = false;
  while (IsWord(range.first, "!") && range.first < range.second) {
    negated = !negated;
    ++range.first;
  }
  std::vector<Word> words;
  for (size_t i = range.first; i < range.second; ++i) {
    if (tokens_[i].kind != Token::Kind::kWord) return Answer::kUnknown;
    for (Word& word : Expand(tokens_[i])) words.push_back(std::move(word));
  }
  if (words.empty() || !words[0].known()) return Answer::kUnknown;
  Answer answer = Answer::kUnknown;
  if ((words[0].text == "[" && words.back().text == "]") ||
      (words[0].text == "[[" && words.back().text == "]]")) {
    answer = words.size() < 2
                 ? Answer::kUnknown
                 : Test(absl::MakeSpan(words).subspan(1, words.size() - 2));
  } else if (words[0].text == "test") {
    answer = Test(absl::MakeSpan(words).subspan(1));
  }
  return negated ? Not(answer) : answer;
}

// Whether the commands only print, wait and end the script.
bool Reader::IsGuard(Range range) const {
  bool ends = false;
  bool first = true;
  for (size_t i = range.first; i < range.second; ++i) {
    const Token& token = tokens_[i];
    if (token.kind == Token::Kind::kNewline) {
      first = true;
    } else if (token.kind == Token::Kind::kOperator) {
      if (token.text != ";" && token.text != "&&") return false;
      first = true;
    } else if (token.kind == Token::Kind::kWord && first) {
      static constexpr absl::string_view kHarmless[] = {
          "echo", "printf", "exit", "sleep", ":", "true", "return", "logger"};
      if (std::find(std::begin(kHarmless), std::end(kHarmless),
                    BaseName(token.text)) == std::end(kHarmless)) {
        return false;
      }
      ends = ends || token.text == "exit" || token.text == "return";
      first = false;
    }
  }
  return ends;
}

// Variables that a part assigns that is not understood have no known value.
void Reader::ForgetAssigned(Range range) {
  for (size_t i = range.first; i < range.second; ++i) {
    if (tokens_[i].kind != Token::Kind::kWord) continue;
    const size_t equals = AssignmentAt(tokens_[i].text);
    if (equals == npos) continue;
    Set(tokens_[i].text.substr(0, equals),
        {.text = std::string(tokens_[i].text),
         .unknown = absl::StrCat("line ", tokens_[i].line,
                                 " sets it under a condition"),
         .place = {name_, tokens_[i].line}},
        false);
  }
}

void Reader::RunIf(Range range, int depth) {
  // if CONDITION then BODY [elif CONDITION then BODY]... [else BODY] fi
  struct Part {
    Range condition = {0, 0};  // empty: else
    Range body = {0, 0};
  };
  std::vector<Part> parts;
  size_t i = range.first + 1;
  size_t begin = i;
  int nested = 0;
  enum class In : uint8_t { kCondition, kBody } in = In::kCondition;
  Part part;
  bool closed = false;
  for (; i < range.second; ++i) {
    const bool starts = StartsCommand(tokens_[i - 1]);
    if (nested == 0 && starts) {
      if (IsWord(i, "then") && in == In::kCondition) {
        part.condition = {begin, i};
        in = In::kBody;
        begin = i + 1;
        continue;
      }
      const bool is_elif = IsWord(i, "elif");
      const bool is_else = IsWord(i, "else");
      if (in == In::kBody && (is_elif || is_else || IsWord(i, "fi"))) {
        part.body = {begin, i};
        parts.push_back(part);
        part = {};
        begin = i + 1;
        if (IsWord(i, "fi")) {
          closed = true;
          ++i;
          break;
        }
        in = is_elif ? In::kCondition : In::kBody;
        continue;
      }
    }
    nested += DepthOf(tokens_[i], starts);
  }
  const Range whole = {range.first, std::min(i, range.second)};
  if (!closed || depth > kMaxDepth) {
    ForgetAssigned(whole);
    return Name(whole, "the if is not understood");
  }
  for (const Part& each : parts) {
    const bool is_else = each.condition.first == each.condition.second;
    const Answer answer = is_else ? Answer::kYes : Ask(each.condition);
    if (answer == Answer::kYes && IsGuard(each.body) && !is_else) {
      return Name(whole,
                  "the script ends here with these files; the set-ups below do "
                  "not");
    }
    if (answer == Answer::kYes) {
      MarkTokens(whole, LineState::kUnderstood);
      return RunList(each.body, depth + 1);
    }
    if (answer == Answer::kNo) continue;
    if (parts.size() == 1 && IsGuard(each.body)) {
      return Name(whole,
                  "a test before the start; postern check tests more before it",
                  Note::Kind::kGuard);
    }
    ForgetAssigned(whole);
    return Name(whole, "the condition cannot be answered by reading");
  }
  MarkTokens(whole, LineState::kUnderstood);
}

void Reader::RunBuiltinExport(absl::Span<const Word> words) {
  for (const Word& word : words) {
    if (!word.known() && AssignmentAt(word.text) == npos) continue;
    const size_t equals = AssignmentAt(word.text);
    if (equals == npos) {
      if (!IsName(word.text)) continue;
      const auto found = state_.variables.find(word.text);
      if (found != state_.variables.end()) found->second.exported = true;
    } else {
      Word value = word;
      const std::string name = word.text.substr(0, equals);
      value.text = word.text.substr(equals + 1);
      Set(name, std::move(value), true);
    }
  }
}

void Reader::Include(const Word& file, Range range) {
  if (!file.known() || !absl::StartsWith(file.text, "/") ||
      depth_ >= kMaxDepth) {
    return Name(range, "the file is not read");
  }
  const absl::StatusOr<std::string> text = files_.Read(file.text);
  if (!text.ok()) {
    return Name(range, absl::StrCat(file.text, " cannot be read"));
  }
  Reader reader(file.text, *text, files_, is_server_, &state_, &script_,
                depth_ + 1);
  (void)reader.Read();  // only the lines of the script itself are returned
}

void Reader::StartServer(std::vector<Word> words, std::vector<Variable> before,
                         bool log_on_output) {
  ServerCommand server;
  server.words = std::move(words);
  for (const auto& [name, value] : state_.variables) {
    if (!value.exported) continue;
    if (std::any_of(before.begin(), before.end(),
                    [&name = name](const auto& v) { return v.name == name; })) {
      continue;
    }
    server.environment.push_back({name, value.word});
  }
  for (Variable& variable : before) {
    server.environment.push_back(std::move(variable));
  }
  server.shell = state_.shell;
  server.log_on_output = log_on_output || state_.log_on_output;
  script_.servers.push_back(std::move(server));
}

void Reader::RunSimple(Range range) {
  std::vector<Variable> before;
  std::vector<Word> words;
  bool log_on_output = false;
  for (size_t i = range.first; i < range.second; ++i) {
    const Token& token = tokens_[i];
    if (token.kind == Token::Kind::kRedirection) {
      if (token.text == "2>&1") log_on_output = true;
      // The file of a redirection is not an argument.
      if (!absl::StrContains(token.text, "&")) ++i;
      continue;
    }
    const size_t equals = AssignmentAt(token.text);
    if (words.empty() && equals != npos) {
      Word value = ExpandOne(token.text.substr(equals + 1), token.line);
      value.place = {name_, token.line};
      before.push_back(
          {std::string(token.text.substr(0, equals)), std::move(value)});
      continue;
    }
    // The arguments of export are assignments: blanks do not divide them.
    if (!words.empty() && equals != npos &&
        (words[0].text == "export" || words[0].text == "readonly")) {
      Word value = ExpandOne(token.text.substr(equals + 1), token.line);
      value.text = absl::StrCat(token.text.substr(0, equals + 1), value.text);
      words.push_back(std::move(value));
      continue;
    }
    for (Word& word : Expand(token)) words.push_back(std::move(word));
  }
  MarkTokens(range, LineState::kUnderstood);
  if (words.empty()) {
    for (Variable& variable : before) {
      Set(variable.name, std::move(variable.value), false);
    }
    return;
  }
  bool is_exec = false;
  if (words[0].known() && words[0].text == "exec") {
    words.erase(words.begin());
    if (words.empty()) {
      state_.log_on_output = state_.log_on_output || log_on_output;
      return;
    }
    is_exec = true;
  }
  if (!words[0].known()) {
    return Name(range,
                absl::StrCat("the command is not known: ", words[0].unknown));
  }
  const std::string program(BaseName(words[0].text));
  const absl::Span<const Word> arguments = absl::MakeSpan(words).subspan(1);
  if (program == "export" || program == "readonly") {
    return RunBuiltinExport(arguments);
  }
  if (program == "unset") {
    for (const Word& word : arguments) state_.variables.erase(word.text);
    return;
  }
  if (program == "." || program == "source") {
    if (arguments.size() != 1) return Name(range, "the file is not read");
    return Include(arguments[0], range);
  }
  if (program == "exit") {
    state_.ended = true;
    return;
  }
  if (program == "umask" || program == "ulimit" || program == "cd") {
    if (std::all_of(words.begin(), words.end(),
                    [](const Word& word) { return word.known(); })) {
      state_.shell.push_back(std::move(words));
      return;
    }
    return Name(range, "an argument is not known");
  }
  static constexpr absl::string_view kNoEffect[] = {
      "echo", "printf", "sleep", ":", "true", "set", "logger"};
  if (std::find(std::begin(kNoEffect), std::end(kNoEffect), program) !=
      std::end(kNoEffect)) {
    return;
  }
  if (is_server_(program)) {
    StartServer(std::move(words), std::move(before), log_on_output);
    if (is_exec) state_.ended = true;
    return;
  }
  Name(range, "the command is not executed, and its effect is not known");
  if (is_exec) state_.ended = true;
}

void Reader::RunList(Range range, int depth) {
  for (size_t i = range.first; i < range.second;) {
    const Token& token = tokens_[i];
    if (state_.ended) {
      // exec and exit end the script: nothing after them has an effect.
      MarkTokens({i, range.second}, LineState::kUnderstood);
      return;
    }
    if (token.kind == Token::Kind::kNewline || IsOperator(i, ";") ||
        IsOperator(i, "&")) {
      Mark(token.line, token.line, LineState::kUnderstood);
      ++i;
      continue;
    }
    if (IsWord(i, "if")) {
      const size_t end = EndOfCompound(i, range.second);
      RunIf({i, end}, depth);
      i = end;
      continue;
    }
    const bool is_function = i + 1 < range.second && IsOperator(i + 1, "(") &&
                             token.kind == Token::Kind::kWord;
    if (DepthOf(token, true) > 0 || is_function) {
      size_t end = EndOfCompound(is_function ? i + 1 : i, range.second);
      if (is_function) {
        while (end < range.second &&
               tokens_[end].kind == Token::Kind::kNewline) {
          ++end;
        }
        if (end < range.second) end = EndOfCompound(end, range.second);
      }
      ForgetAssigned({i, end});
      Name({i, end}, is_function ? "functions are not read"
                                 : "loops, groups and case are not read");
      i = end;
      continue;
    }
    if (token.kind == Token::Kind::kOperator) {
      Name({i, i + 1}, "this is not expected here");
      ++i;
      continue;
    }
    // Simple commands joined by | && ||, up to the end of the line.
    const size_t begin = i;
    std::vector<size_t> joints;
    size_t end = EndOfSimple(i, range.second);
    while (end < range.second &&
           (IsOperator(end, "|") || IsOperator(end, "&&") ||
            IsOperator(end, "||"))) {
      joints.push_back(end);
      size_t next = end + 1;
      while (next < range.second &&
             tokens_[next].kind == Token::Kind::kNewline) {
        ++next;
      }
      if (next >= range.second) {
        end = range.second;
        break;
      }
      end = DepthOf(tokens_[next], true) > 0 ? EndOfCompound(next, range.second)
                                             : EndOfSimple(next, range.second);
    }
    i = std::max(end, begin + 1);
    if (joints.empty()) {
      RunSimple({begin, i});
      continue;
    }
    if (IsOperator(joints.back(), "|") && joints.size() == 1) {
      // The log goes to a program: that does not change the server.
      static constexpr absl::string_view kLoggers[] = {
          "splogger", "multilog", "logger",    "cronolog",
          "tai64n",   "cyclog",   "setuidgid", "svlogd"};
      const size_t next = joints[0] + 1;
      if (next < end && tokens_[next].kind == Token::Kind::kWord &&
          std::find(std::begin(kLoggers), std::end(kLoggers),
                    BaseName(tokens_[next].text)) != std::end(kLoggers)) {
        RunSimple({begin, joints[0]});
        MarkTokens({begin, end}, LineState::kUnderstood);
        continue;
      }
      ForgetAssigned({begin, end});
      Name({begin, end}, "pipes are not read");
      continue;
    }
    // TEST && COMMAND, TEST || COMMAND.
    if (std::none_of(joints.begin(), joints.end(),
                     [this](size_t at) { return IsOperator(at, "|"); })) {
      const Answer answer = Ask({begin, joints.back()});
      const Range rest = {joints.back() + 1, end};
      const bool runs_if_true = IsOperator(joints.back(), "&&");
      if (answer == Answer::kUnknown && IsGuard(rest)) {
        Name({begin, end},
             "a test before the start; postern check tests more before it",
             Note::Kind::kGuard);
        continue;
      }
      if (answer != Answer::kUnknown) {
        MarkTokens({begin, end}, LineState::kUnderstood);
        if ((answer == Answer::kYes) != runs_if_true) continue;
        if (IsGuard(rest)) {
          Name({begin, end},
               "the script ends here with these files; the set-ups below do "
               "not");
          continue;
        }
        if (depth > kMaxDepth) {
          Name({begin, end}, "too many nested conditions");
          continue;
        }
        RunList(rest, depth + 1);
        continue;
      }
    }
    ForgetAssigned({begin, end});
    Name({begin, end}, "the condition cannot be answered by reading");
  }
}

std::vector<LineState> Reader::Read() {
  const auto ends = std::count(text_.begin(), text_.end(), '\n');
  const bool open_end = !text_.empty() && text_.back() != '\n';
  lines_.resize(static_cast<size_t>(ends) + (open_end ? 1 : 0) + 1,
                LineState::kUnseen);
  Tokenize();
  RunList({0, tokens_.size()}, 0);
  // Lines with blanks only, and the place after the last line end.
  size_t begin = 0;
  for (LineState& line : lines_) {
    const size_t end = std::min(
        begin >= text_.size() ? npos : text_.find('\n', begin), text_.size());
    const absl::string_view content =
        text_.substr(std::min(begin, text_.size()), end - std::min(begin, end));
    if (line == LineState::kUnseen &&
        absl::StripAsciiWhitespace(content).empty()) {
      line = LineState::kUnderstood;
    }
    begin = end + 1;
  }
  return lines_;
}

}  // namespace

std::string Place::Format() const {
  return line == 0 ? file : absl::StrCat(file, ":", line);
}

RunScript ReadRunScript(absl::string_view name, absl::string_view text,
                        const SiteFiles& files,
                        absl::FunctionRef<bool(absl::string_view)> is_server) {
  RunScript script;
  State state;
  script.lines =
      Reader(name, text, files, is_server, &state, &script, 0).Read();
  return script;
}

}  // namespace postern::programs::migrate
