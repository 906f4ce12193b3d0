// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/run_script.h"

#include <algorithm>
#include <cstddef>
#include <functional>
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
// Files that include each other.
constexpr int kMaxDepth = 8;
// A variable that doubles itself grows exponentially.
constexpr size_t kMaxValue = size_t{1} << 16;
constexpr size_t kShown = 60;
// Files that include others more than once.
constexpr int kMaxIncludes = 100;
// Commands in commands. The parser is recursive.
constexpr int kMaxNesting = 64;
constexpr char kNotRead[] = "loops, subshells and case are not read";

struct Token {
  // kBad: a word without an end. It is the last token.
  enum class Kind : uint8_t { kWord, kOperator, kNewline, kRedirection, kBad };
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

// Returns the name at the start of `text`, which may begin with a digit.
absl::string_view LeadingName(absl::string_view text) {
  size_t end = 0;
  while (end < text.size() &&
         (absl::ascii_isalnum(text[end]) || text[end] == '_')) {
    ++end;
  }
  return text.substr(0, end);
}

// The name that the word NAME=..., NAME+=... or NAME[...]=... assigns, or "".
absl::string_view AssignedName(absl::string_view word) {
  const absl::string_view name = LeadingName(word);
  const absl::string_view rest = word.substr(name.size());
  const bool assigns =
      absl::StartsWith(rest, "=") || absl::StartsWith(rest, "+=") ||
      (absl::StartsWith(rest, "[") && absl::StrContains(rest, "="));
  return assigns && IsName(name) ? name : absl::string_view();
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

using Names = std::set<std::string, std::less<>>;

// What variables, limits and the log are, for all files of the script.
struct State {
  struct Value {
    Word word;
    bool set = false;  // false: it has an export attribute only
    Answer exported = Answer::kNo;
  };
  std::map<std::string, Value, std::less<>> variables;
  Answer export_all = Answer::kNo;  // set -a
  Names functions;                  // that the script defines
  std::vector<std::vector<Word>> shell;
  std::vector<Redirection> redirections;
  bool log_on_output = false;
  bool ended = false;  // by exit or exec
  int includes = 0;
};

using Range = std::pair<size_t, size_t>;  // of tokens

// A part of the grammar of sh.
struct Node {
  enum class Kind : uint8_t {
    kSimple,    // a simple command, or [[ ... ]]
    kPipeline,  // parts: its commands
    kAndOr,     // parts: pipelines and commands; joints between them
    kList,      // parts: what runs one after the other
    kIf,        // parts: condition, body, condition, body, ..., [else body]
    kOpaque,    // what is not read, and why
  };
  Kind kind = Kind::kSimple;
  Range range = {0, 0};
  std::vector<Node> parts;
  std::vector<bool> is_and;  // of the joint after each part: && and not ||
  bool negated = false;      // kPipeline: ! before it
  bool background = false;   // & after it
  absl::string_view why;     // kOpaque
};

// Reads commands from tokens. Everything returns nullopt if the tokens are not
// those of a command: what follows has then no known structure.
class Parser {
 public:
  Parser(absl::Span<const Token> tokens, Names* functions)
      : tokens_(tokens), functions_(*functions) {}

  size_t pos() const { return pos_; }
  bool AtEnd() const { return pos_ >= tokens_.size(); }
  void SkipNewlines() {
    while (Is(Token::Kind::kNewline)) ++pos_;
  }
  // Reads a command with the ; or & after it. In another command, ')' and ';;'
  // end it, too.
  std::optional<Node> Statement(bool nested);

 private:
  bool Is(Token::Kind kind) const {
    return !AtEnd() && tokens_[pos_].kind == kind;
  }
  bool Is(Token::Kind kind, absl::string_view text) const {
    return Is(kind) && tokens_[pos_].text == text;
  }
  bool IsWord(absl::string_view text) const {
    return Is(Token::Kind::kWord, text);
  }
  bool IsOperator(absl::string_view text) const {
    return Is(Token::Kind::kOperator, text);
  }
  bool TakeWord(absl::string_view text) {
    if (!IsWord(text)) return false;
    ++pos_;
    return true;
  }
  bool TakeOperator(absl::string_view text) {
    if (!IsOperator(text)) return false;
    ++pos_;
    return true;
  }
  Node At(Node::Kind kind) const {
    Node node;
    node.kind = kind;
    node.range = {pos_, pos_};
    return node;
  }
  // Whether a word or an operator ends the list that contains it.
  bool AtStop() const;

  std::optional<Node> List();
  std::optional<Node> AndOr();
  std::optional<Node> Pipeline();
  std::optional<Node> Command();
  std::optional<Node> Simple();
  std::optional<Node> If();
  std::optional<Node> Group();
  bool Loop();
  bool Case();
  // The body of a function, after its name and ().
  bool Function();
  // Redirections after a compound command. Sets `*any` if there are some.
  bool Redirections(bool* any);

  absl::Span<const Token> tokens_;
  Names& functions_;
  size_t pos_ = 0;
  int depth_ = 0;
};

bool Parser::AtStop() const {
  if (Is(Token::Kind::kOperator)) {
    return IsOperator(")") || absl::StartsWith(tokens_[pos_].text, ";;");
  }
  for (const absl::string_view word :
       {"then", "else", "elif", "fi", "do", "done", "esac", "}"}) {
    if (IsWord(word)) return true;
  }
  return false;
}

std::optional<Node> Parser::Statement(bool nested) {
  std::optional<Node> node = AndOr();
  if (!node) return std::nullopt;
  if (TakeOperator("&")) {
    node->background = true;
  } else if (!TakeOperator(";") && !AtEnd() && !Is(Token::Kind::kNewline) &&
             !(nested && Is(Token::Kind::kOperator) && AtStop())) {
    return std::nullopt;
  }
  return node;
}

std::optional<Node> Parser::List() {
  Node list = At(Node::Kind::kList);
  SkipNewlines();
  list.range.first = pos_;
  while (!AtEnd() && !AtStop()) {
    std::optional<Node> node = Statement(true);
    if (!node) return std::nullopt;
    list.parts.push_back(*std::move(node));
    SkipNewlines();
  }
  list.range.second = pos_;
  return list;
}

std::optional<Node> Parser::AndOr() {
  Node whole = At(Node::Kind::kAndOr);
  while (true) {
    std::optional<Node> node = Pipeline();
    if (!node) return std::nullopt;
    whole.parts.push_back(*std::move(node));
    whole.range.second = pos_;
    if (!IsOperator("&&") && !IsOperator("||")) break;
    whole.is_and.push_back(IsOperator("&&"));
    ++pos_;
    SkipNewlines();
  }
  if (whole.parts.size() > 1) return whole;
  Node only = std::move(whole.parts[0]);
  return only;
}

std::optional<Node> Parser::Pipeline() {
  Node whole = At(Node::Kind::kPipeline);
  while (TakeWord("!")) whole.negated = !whole.negated;
  while (true) {
    std::optional<Node> node = Command();
    if (!node) return std::nullopt;
    whole.parts.push_back(*std::move(node));
    whole.range.second = pos_;
    if (!TakeOperator("|")) break;
    SkipNewlines();
  }
  if (whole.parts.size() > 1 || whole.negated) return whole;
  Node only = std::move(whole.parts[0]);
  return only;
}

std::optional<Node> Parser::Command() {
  if (AtEnd() || AtStop()) return std::nullopt;
  if (depth_ >= kMaxNesting) return std::nullopt;
  ++depth_;
  const size_t begin = pos_;
  std::optional<Node> node;
  const auto opaque = [&](bool closed, absl::string_view why) {
    if (!closed) return;
    node = At(Node::Kind::kOpaque);
    node->why = why;
  };
  const bool named = Is(Token::Kind::kWord) && pos_ + 1 < tokens_.size() &&
                     tokens_[pos_ + 1].kind == Token::Kind::kOperator &&
                     tokens_[pos_ + 1].text == "(";
  if (IsWord("if")) {
    node = If();
  } else if (IsWord("{")) {
    node = Group();
  } else if (IsWord("case")) {
    opaque(Case(), kNotRead);
  } else if (IsWord("for") || IsWord("select") || IsWord("while") ||
             IsWord("until")) {
    opaque(Loop(), kNotRead);
  } else if (TakeOperator("(")) {
    opaque(List() && TakeOperator(")"), kNotRead);
  } else if (IsWord("function") || named) {
    opaque(Function(), "functions are not read");
  } else {
    node = Simple();
    --depth_;
    return node;
  }
  --depth_;
  bool redirected = false;
  if (!node || !Redirections(&redirected)) return std::nullopt;
  if (redirected && node->kind != Node::Kind::kOpaque) {
    opaque(true, "redirections of a compound command are not read");
  }
  node->range = {begin, pos_};
  return node;
}

bool Parser::Redirections(bool* any) {
  while (Is(Token::Kind::kRedirection)) {
    ++pos_;
    if (!Is(Token::Kind::kWord)) return false;
    ++pos_;
    *any = true;
  }
  return true;
}

std::optional<Node> Parser::Simple() {
  Node node = At(Node::Kind::kSimple);
  if (IsWord("[[")) {
    while (!AtEnd() && !Is(Token::Kind::kBad) && !IsWord("]]")) ++pos_;
    if (!TakeWord("]]")) return std::nullopt;
  } else {
    while (Is(Token::Kind::kWord) || Is(Token::Kind::kRedirection)) {
      const bool redirection = Is(Token::Kind::kRedirection);
      ++pos_;
      if (!redirection) continue;
      if (!Is(Token::Kind::kWord)) return std::nullopt;
      ++pos_;
    }
  }
  node.range.second = pos_;
  if (node.range.first == pos_) return std::nullopt;
  return node;
}

std::optional<Node> Parser::If() {
  // if CONDITION then BODY [elif CONDITION then BODY]... [else BODY] fi
  Node node = At(Node::Kind::kIf);
  const auto list = [&] {
    std::optional<Node> part = List();
    if (!part || part->parts.empty()) return false;
    node.parts.push_back(*std::move(part));
    return true;
  };
  do {
    ++pos_;  // if, elif
    if (!list() || !TakeWord("then") || !list()) return std::nullopt;
  } while (IsWord("elif"));
  if (TakeWord("else") && !list()) return std::nullopt;
  if (!TakeWord("fi")) return std::nullopt;
  return node;
}

std::optional<Node> Parser::Group() {
  ++pos_;
  std::optional<Node> list = List();
  if (!list || !TakeWord("}")) return std::nullopt;
  return list;
}

bool Parser::Loop() {
  const bool has_name = IsWord("for") || IsWord("select");
  ++pos_;
  if (has_name) {
    if (!Is(Token::Kind::kWord)) return false;
    ++pos_;
    SkipNewlines();
    if (TakeWord("in")) {
      while (Is(Token::Kind::kWord)) ++pos_;
    }
    if (!TakeOperator(";") && !Is(Token::Kind::kNewline) && !IsWord("do")) {
      return false;
    }
    SkipNewlines();
  } else if (!List()) {
    return false;
  }
  return TakeWord("do") && List() && TakeWord("done");
}

bool Parser::Case() {
  ++pos_;
  if (!Is(Token::Kind::kWord)) return false;
  ++pos_;
  SkipNewlines();
  if (!TakeWord("in")) return false;
  SkipNewlines();
  while (!TakeWord("esac")) {
    (void)TakeOperator("(");
    do {
      if (!Is(Token::Kind::kWord)) return false;
      ++pos_;
    } while (TakeOperator("|"));
    if (!TakeOperator(")") || !List()) return false;
    if (Is(Token::Kind::kOperator) &&
        absl::StartsWith(tokens_[pos_].text, ";;")) {
      ++pos_;
    } else if (!IsWord("esac")) {
      return false;
    }
    SkipNewlines();
  }
  return true;
}

bool Parser::Function() {
  (void)TakeWord("function");
  if (!Is(Token::Kind::kWord)) return false;
  functions_.insert(std::string(tokens_[pos_].text));
  ++pos_;
  if (TakeOperator("(") && !TakeOperator(")")) return false;
  SkipNewlines();
  const std::optional<Node> body = Command();
  return body && body->kind != Node::Kind::kSimple;
}

// What a command did.
struct Outcome {
  Answer answer = Answer::kUnknown;  // whether its exit status is 0
  std::string why;      // it is not understood, and no note names it yet
  bool effect = false;  // it is more than a test
};

bool Contains(absl::Span<const absl::string_view> list,
              absl::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// They print, wait, or have a fixed answer.
constexpr absl::string_view kNoEffect[] = {"echo", "printf", "sleep", ":",
                                           "true", "false",  "logger"};
// They only answer.
constexpr absl::string_view kPure[] = {"grep",  "egrep",      "fgrep",
                                       "cmp",   "mountpoint", "pgrep",
                                       "pidof", "which",      "type"};
// They write the log, and do not change the server.
constexpr absl::string_view kLoggers[] = {
    "splogger", "multilog", "logger",    "cronolog",   "tai64n",
    "cyclog",   "svlogd",   "setuidgid", "tai64nlocal"};
// Any code can be what they run.
constexpr absl::string_view kRunsCode[] = {".", "source", "eval", "alias"};
constexpr absl::string_view kDeclares[] = {"export", "declare", "typeset",
                                           "local", "readonly"};
// Variables before these commands stay in some shells.
constexpr absl::string_view kSpecial[] = {
    "export", "readonly", "unset", ".", "source", "eval",
    "set",    "return",   "shift", ":", "trap",   "times"};
constexpr char kUnderCondition[] =
    "the condition cannot be answered by reading";
constexpr char kNotExecuted[] =
    "the command is not executed, and its effect is not known";

class Reader {
 public:
  Reader(absl::string_view name, absl::string_view text, const SiteFiles& files,
         absl::FunctionRef<bool(absl::string_view)> is_server, State* state,
         RunScript* script, int depth, bool bash)
      : name_(name),
        text_(text),
        files_(files),
        is_server_(is_server),
        state_(*state),
        script_(*script),
        depth_(depth),
        bash_(bash) {}

  // Reads and runs everything. The answer is that of the last command.
  Outcome Read();
  std::vector<LineState> TakeLines() { return std::move(lines_); }

 private:
  // How an expansion without quotes becomes words.
  enum class Split : uint8_t { kNo, kYes };

  // A simple command with its words expanded.
  struct Simple {
    std::vector<Variable> before;
    std::vector<Word> words;
    std::vector<Redirection> redirections;
  };

  void Tokenize();
  void ReadHereDocument(size_t* i, int* line, const Token& sign,
                        absl::string_view delimiter);
  void Mark(int first, int last, LineState state);
  void MarkTokens(Range range, LineState state);
  void Name(Range range, absl::string_view why,
            Note::Kind kind = Note::Kind::kNotUnderstood);
  absl::string_view TextOf(Range range) const;
  const Token& First(const Node& node) const {
    return tokens_[node.range.first];
  }

  // Run a part. RunList() names what is not understood, unless it is a
  // condition: then its caller does.
  Outcome Run(const Node& node, bool background);
  Outcome RunList(const Node& list, bool condition);
  void RunStatement(const Node& node, bool condition, Outcome* outcome);
  Outcome RunAndOr(const Node& node);
  Outcome RunIf(const Node& node);
  Outcome RunPipeline(const Node& node, bool background);
  Outcome RunSimple(const Node& node, bool background,
                    std::vector<PipedCommand>* pipe);
  Outcome RunDeclaration(absl::string_view program,
                         absl::Span<const Word> words);
  Outcome RunSet(absl::Span<const Word> words);
  Outcome RunUnset(absl::Span<const Word> words);
  Outcome RunUnknown(const Node& node, absl::Span<const Word> words);
  Outcome Include(absl::Span<const Word> arguments);
  void StartServer(Simple simple, std::vector<PipedCommand>* pipe,
                   bool background);
  Simple ExpandSimple(Range range);

  // Whether the commands only print, wait and then end the script.
  bool IsGuard(const Node& node) const;
  // Whether a command answers and has no effect.
  bool IsPure(const Node& node) const;
  bool HasReturn(Range range) const;
  Answer Ask(absl::Span<const Word> words);
  Answer Test(absl::Span<const Word> words, bool brackets);

  // After a part that may have run, and after one with an unknown effect:
  // these variables have no known value.
  void Forget(Range range);
  void ForgetName(absl::string_view name, int line, absl::string_view why,
                  bool may_export);
  void ForgetAll(int line, absl::string_view why);
  void MayExportAll();
  // Return the names that expansions in a word assign: $((A=1)), and both that
  // and ${A:=b}.
  static std::vector<absl::string_view> AssignedInSum(absl::string_view word);
  static std::vector<absl::string_view> AssignedInside(absl::string_view word);

  void Set(absl::string_view name, Word value);
  Word ValueOf(absl::string_view name, int line) const;
  void Append(const Word& part, bool quoted, std::vector<Word>* words,
              bool* open) const;
  std::vector<Word> Expand(absl::string_view text, int line);
  Word ExpandOne(absl::string_view text, int line);
  void ExpandInto(absl::string_view text, int line, bool quoted, Split split,
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
  const bool bash_;  // the first line names bash
  std::vector<Token> tokens_;
  std::vector<LineState> lines_;
  bool returned_ = false;      // return ends the file
  int may_have_returned_ = 0;  // the line of a return that may have run
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
void Reader::ReadHereDocument(size_t* i, int* line, const Token& sign,
                              absl::string_view delimiter) {
  std::string end(delimiter);
  end.erase(
      std::remove_if(end.begin(), end.end(),
                     [](char c) { return c == '\'' || c == '"' || c == '\\'; }),
      end.end());
  while (*i < text_.size()) {
    const size_t line_end = std::min(text_.find('\n', *i), text_.size());
    absl::string_view content = text_.substr(*i, line_end - *i);
    Mark(*line, *line, LineState::kNamed);
    if (absl::EndsWith(sign.text, "-")) {
      while (absl::ConsumePrefix(&content, "\t")) {
      }
    }
    const bool done = content == end;
    *i = std::min(line_end + 1, text_.size());
    if (line_end < text_.size()) ++*line;
    if (done) break;
  }
  Mark(sign.line, sign.line, LineState::kNamed);
  script_.notes.push_back({Note::Kind::kNotUnderstood,
                           {name_, sign.line},
                           absl::StrCat("<<", delimiter),
                           "here-documents are not read"});
}

// Returns the length of the operator at the start of `text`.
size_t OperatorLength(absl::string_view text) {
  // "((" and "&>" are those of bash. The parser does not know them.
  for (const absl::string_view sign :
       {"&&", "||", ";;", "((", "&>", "|&", "<<<", "<<-", "<<", "<>", "<&",
        ">>", ">&", ">|"}) {
    if (absl::StartsWith(text, sign)) return sign.size();
  }
  return 1;
}

void Reader::Tokenize() {
  int line = 1;
  // The here-documents that follow the line: their signs and delimiters.
  std::vector<std::pair<Token, absl::string_view>> here;
  for (size_t i = 0; i < text_.size();) {
    const char c = text_[i];
    if (c == '\n') {
      tokens_.push_back(
          {Token::Kind::kNewline, text_.substr(i, 1), line, line});
      ++i;
      ++line;
      for (const auto& [sign, delimiter] : here) {
        ReadHereDocument(&i, &line, sign, delimiter);
      }
      here.clear();
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
    // A redirection: [N]SIGN. Its target is the next word.
    size_t digits = i;
    while (digits < text_.size() && absl::ascii_isdigit(text_[digits])) {
      ++digits;
    }
    if (digits < text_.size() &&
        (text_[digits] == '<' || text_[digits] == '>')) {
      const size_t end = digits + OperatorLength(text_.substr(digits));
      tokens_.push_back(
          {Token::Kind::kRedirection, text_.substr(i, end - i), line, line});
      i = end;
      continue;
    }
    if (EndsWord(c)) {
      const size_t length = OperatorLength(text_.substr(i));
      tokens_.push_back(
          {Token::Kind::kOperator, text_.substr(i, length), line, line});
      i += length;
      continue;
    }
    const size_t end = SkipWord(text_, i);
    if (end == npos) {
      // The quote has no end. Nothing after it has a known meaning.
      tokens_.push_back({Token::Kind::kBad, text_.substr(i), line,
                         static_cast<int>(lines_.size())});
      return;
    }
    const absl::string_view word = text_.substr(i, end - i);
    const int last =
        line + static_cast<int>(std::count(word.begin(), word.end(), '\n'));
    if (!tokens_.empty() && tokens_.back().kind == Token::Kind::kRedirection &&
        (absl::EndsWith(tokens_.back().text, "<<") ||
         absl::EndsWith(tokens_.back().text, "<<-")) &&
        !absl::EndsWith(tokens_.back().text, "<<<")) {
      here.emplace_back(tokens_.back(), word);
    }
    tokens_.push_back({Token::Kind::kWord, word, line, last});
    line = last;
    i = end;
  }
}

// Words after which a command begins.
constexpr absl::string_view kBeforeCommand[] = {
    "then", "else", "elif", "do", "!", "{", "if", "while", "until"};

void Reader::Set(absl::string_view name, Word value) {
  State::Value& variable = state_.variables[std::string(name)];
  variable.word = std::move(value);
  variable.set = true;
  if (state_.export_all == Answer::kYes) variable.exported = Answer::kYes;
  if (state_.export_all == Answer::kUnknown &&
      variable.exported == Answer::kNo) {
    variable.exported = Answer::kUnknown;
  }
}

Word Reader::ValueOf(absl::string_view name, int line) const {
  const auto found = state_.variables.find(std::string(name));
  if (found != state_.variables.end() && found->second.set) {
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
  if (!AssignedInside(command).empty()) {
    result.unknown = "the command is not executed";
    return result;
  }
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
      if (!words.empty() && words.back().text == "2" && command[i - 1] == '2' &&
          (rest == ">/dev/null" || rest == "> /dev/null")) {
        words.pop_back();
        break;
      }
      result.unknown = "the command is not executed";
      return result;
    }
    for (Word& word : Expand(command.substr(i, end - i), line)) {
      if (!word.known()) {
        result.unknown = word.unknown;
        return result;
      }
      words.push_back(std::move(word));
    }
    i = end;
  }
  const absl::string_view program =
      words.empty() ? absl::string_view() : BaseName(words[0].text);
  const auto argument = [&words](size_t i) {
    return i < words.size() ? absl::string_view(words[i].text)
                            : absl::string_view();
  };
  if (!words.empty() && state_.functions.count(words[0].text) != 0) {
    result.unknown = "functions are not read";
    return result;
  }
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
  const absl::string_view name = LeadingName(inside);
  absl::string_view rest = inside.substr(name.size());
  Word value = ValueOf(name, line);
  if (IsName(name) && rest.empty()) return value;
  Word unknown = {.text = absl::StrCat("${", inside, "}"),
                  .unknown = "this expansion is not read",
                  .place = {name_, line}};
  if (!IsName(name)) return unknown;
  const bool or_empty = absl::ConsumePrefix(&rest, ":");
  const bool assigns = absl::StartsWith(rest, "=");
  if (!absl::ConsumePrefix(&rest, "-") && !absl::ConsumePrefix(&rest, "=")) {
    return unknown;
  }
  // Without the environment of the service, the default may not apply.
  if (!value.known()) {
    if (assigns) ForgetName(name, line, value.unknown, false);
    return value;
  }
  if (!or_empty || !value.text.empty()) return value;
  value = ExpandOne(rest, line);
  if (assigns) Set(name, value);
  return value;
}

// Appends `part` to the last word, or begins one. If it is not quoted, blanks
// divide it into words.
void Reader::Append(const Word& part, bool quoted, std::vector<Word>* words,
                    bool* open) const {
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
  // What divides the words, and the names of files that replace a pattern.
  Word changed = part;
  if (!part.text.empty() && state_.variables.count("IFS") != 0) {
    changed.unknown = "the script sets IFS";
  } else if (part.text.find_first_of("*?[\\") != std::string::npos) {
    changed.unknown = "patterns of file names are not expanded";
  }
  if (!changed.known()) return Append(changed, true, words, open);
  const auto divides = [&part](size_t i) {
    return part.text[i] == ' ' || part.text[i] == '\t' || part.text[i] == '\n';
  };
  for (size_t i = 0; i < part.text.size();) {
    if (divides(i)) {
      *open = false;
      ++i;
      continue;
    }
    size_t end = i;
    while (end < part.text.size() && !divides(end)) ++end;
    Append({.text = part.text.substr(i, end - i), .place = part.place}, true,
           words, open);
    i = end;
  }
}

void Reader::ExpandInto(absl::string_view text, int line, bool quoted,
                        Split split, std::vector<Word>* words, bool* open) {
  const Place place = {name_, line};
  const bool whole = quoted || split == Split::kNo;
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
      ExpandInto(text.substr(i + 1, end - i - 2), line, true, split, words,
                 open);
      i = end;
    } else if (c == '`') {
      const size_t end = SkipBackquote(text, i);
      if (end == npos) break;
      const absl::string_view command = text.substr(i + 1, end - i - 2);
      Word result = {.text = absl::StrCat("`", command, "`"),
                     .unknown = "the command is not executed",
                     .place = place};
      // A backslash quotes twice here.
      if (!absl::StrContains(command, '\\')) result = Substitute(command, line);
      Append(result, whole, words, open);
      i = end;
    } else if (c == '$' && i + 1 < text.size() &&
               (text[i + 1] == '(' || text[i + 1] == '{')) {
      const size_t end = SkipDollar(text, i);
      if (end == npos) break;
      const absl::string_view inside = text.substr(i + 2, end - i - 3);
      Append(text[i + 1] == '(' ? Substitute(inside, line)
                                : ExpandBraces(inside, line),
             whole, words, open);
      i = end;
    } else if (c == '$' && i + 1 < text.size()) {
      const absl::string_view name = LeadingName(text.substr(i + 1));
      size_t end = i + 1 + name.size();
      if (IsName(name)) {
        Append(ValueOf(name, line), whole, words, open);
      } else {
        end = std::max(end, i + 2);
        Append({.text = std::string(text.substr(i, end - i)),
                .unknown = "parameters of the script are not known",
                .place = place},
               whole, words, open);
      }
      i = end;
    } else if (!whole && (c == '*' || c == '?' || c == '[')) {
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
    } else if (!whole && bash_ && c == '{' && text.size() > 1) {
      Append(
          {.text = "{", .unknown = "braces are not expanded", .place = place},
          true, words, open);
      ++i;
    } else if (!quoted && c == '~' &&
               (i == 0 || (split == Split::kNo && text[i - 1] == ':'))) {
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

std::vector<Word> Reader::Expand(absl::string_view text, int line) {
  std::vector<Word> words;
  bool open = false;
  ExpandInto(text, line, false, Split::kYes, &words, &open);
  return words;
}

// As in an assignment: nothing divides the value, and nothing is a pattern.
Word Reader::ExpandOne(absl::string_view text, int line) {
  std::vector<Word> words = {{.place = {name_, line}}};
  bool open = true;
  ExpandInto(text, line, false, Split::kNo, &words, &open);
  Word whole = std::move(words[0]);
  whole.place = {name_, line};
  return whole;
}

Answer Reader::Test(absl::Span<const Word> words, bool brackets) {
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
      if (text(1) == "==" && !bash_ && answer != Answer::kNo) {
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
      const Answer left = Test(words.subspan(0, i), brackets);
      const Answer right = Test(words.subspan(i + 1), brackets);
      const Answer decides = Of(joint == "-o");
      // A mistake on either side is a mistake of the whole.
      if (left == Answer::kUnknown || right == Answer::kUnknown) {
        return Answer::kUnknown;
      }
      return left == decides || right == decides ? decides : Not(decides);
    }
  }
  if (text(0) == "!") return Not(Test(words.subspan(1), brackets));
  if (words.size() != 2) return Answer::kUnknown;
  if (text(0) == "-z") return Of(text(1).empty());
  if (text(0) == "-n") return Of(!text(1).empty());
  if (text(0).size() != 2 || text(0)[0] != '-') return Answer::kUnknown;
  if (!absl::StartsWith(text(1), "/") || !files_.Knows(text(1))) {
    return Answer::kUnknown;
  }
  switch (text(0)[1]) {
    case 'f':
    case 'd':
    case 'e':
      return Of(files_.Exists(text(1), text(0)[1]));
    case 'r':
    case 's':
    case 'x':
      // Permissions are those of another user, and the size can change.
      return files_.Exists(text(1), 'e') ? Answer::kUnknown : Answer::kNo;
    default:
      return Answer::kUnknown;
  }
}

Answer Reader::Ask(absl::Span<const Word> words) {
  if (words.empty() || !words[0].known()) return Answer::kUnknown;
  if (words[0].text == "test") return Test(words.subspan(1), false);
  const bool brackets = words[0].text == "[[";
  if (words.size() < 2 || words.back().text != (brackets ? "]]" : "]")) {
    return Answer::kUnknown;
  }
  const Answer answer = Test(words.subspan(1, words.size() - 2), brackets);
  // In sh of some systems, [[ is not a command.
  if (brackets && !bash_ && answer != Answer::kNo) return Answer::kUnknown;
  return answer;
}

std::vector<absl::string_view> Reader::AssignedInSum(absl::string_view word) {
  std::vector<absl::string_view> names;
  const size_t begin = std::min(word.find("$(("), word.find("$["));
  if (begin == npos) return names;
  const absl::string_view sum = word.substr(begin);
  if (!absl::StrContains(sum, '=') && !absl::StrContains(sum, "++") &&
      !absl::StrContains(sum, "--")) {
    return names;
  }
  for (size_t i = 0; i < sum.size();) {
    const absl::string_view name = LeadingName(sum.substr(i));
    if (IsName(name)) names.push_back(name);
    i += std::max(name.size(), size_t{1});
  }
  return names;
}

std::vector<absl::string_view> Reader::AssignedInside(absl::string_view word) {
  std::vector<absl::string_view> names = AssignedInSum(word);
  for (size_t i = word.find("${"); i != npos; i = word.find("${", i + 2)) {
    const absl::string_view name = LeadingName(word.substr(i + 2));
    const absl::string_view rest = word.substr(i + 2 + name.size());
    if (IsName(name) &&
        (absl::StartsWith(rest, "=") || absl::StartsWith(rest, ":="))) {
      names.push_back(name);
    }
  }
  return names;
}

void Reader::ForgetName(absl::string_view name, int line, absl::string_view why,
                        bool may_export) {
  State::Value& variable = state_.variables[std::string(name)];
  variable.word = {.text = absl::StrCat("$", name),
                   .unknown = std::string(why),
                   .place = {name_, line}};
  variable.set = true;
  if ((may_export || state_.export_all != Answer::kNo) &&
      variable.exported == Answer::kNo) {
    variable.exported = Answer::kUnknown;
  }
}

void Reader::MayExportAll() {
  for (auto& [name, variable] : state_.variables) {
    if (variable.exported == Answer::kNo) variable.exported = Answer::kUnknown;
  }
}

void Reader::ForgetAll(int line, absl::string_view why) {
  if (state_.export_all != Answer::kNo) MayExportAll();
  for (auto& [name, variable] : state_.variables) {
    // The first reason is the one to look at.
    if (!variable.set || variable.word.known()) {
      ForgetName(name, line, why, false);
    }
  }
}

void Reader::Forget(Range range) {
  bool starts = true;     // a command begins here
  bool declares = false;  // the command may export
  bool set = false;       // the command is set
  for (size_t i = range.first; i < range.second; ++i) {
    const Token& token = tokens_[i];
    if (token.kind == Token::Kind::kNewline ||
        token.kind == Token::Kind::kOperator) {
      starts = true;
      declares = false;
      set = false;
      continue;
    }
    if (token.kind != Token::Kind::kWord) continue;
    const std::string why =
        absl::StrCat("line ", token.line, " sets it under a condition");
    const absl::string_view text = token.text;
    const bool literal = text.find_first_of("$`\\'\"") == npos;
    const bool defines = i + 1 < range.second &&
                         tokens_[i + 1].kind == Token::Kind::kOperator &&
                         tokens_[i + 1].text == "(";
    const bool calls = starts && !defines &&
                       (state_.functions.count(text) != 0 ||
                        (!literal && AssignedName(text).empty()));
    if (Contains(kRunsCode, text) || calls) {
      ForgetAll(token.line,
                absl::StrCat("line ", token.line, " may set any variable"));
    }
    if (set && (!literal || absl::StrContains(text, 'a'))) {
      state_.export_all = Answer::kUnknown;
    }
    const absl::string_view assigned = AssignedName(text);
    if (!assigned.empty()) ForgetName(assigned, token.line, why, declares);
    for (const absl::string_view name : AssignedInside(text)) {
      ForgetName(name, token.line, why, declares);
    }
    // read NAME, for NAME, unset NAME, export NAME.
    if (IsName(text) && (declares || state_.variables.count(text) != 0)) {
      ForgetName(text, token.line, why, declares);
    }
    if (declares && !literal && assigned.empty()) MayExportAll();
    declares = declares || Contains(kDeclares, text);
    set = set || text == "set";
    starts = starts && (!assigned.empty() || Contains(kBeforeCommand, text));
  }
}

Outcome Reader::Run(const Node& node, bool background) {
  switch (node.kind) {
    case Node::Kind::kSimple: {
      if (!background) return RunSimple(node, false, nullptr);
      // The command runs in another process.
      State before = state_;
      Outcome outcome = RunSimple(node, true, nullptr);
      state_ = std::move(before);
      return outcome;
    }
    case Node::Kind::kPipeline:
      return RunPipeline(node, background);
    default:
      break;
  }
  if (background) {
    Forget(node.range);
    return {.why = "commands in the background are not read", .effect = true};
  }
  switch (node.kind) {
    case Node::Kind::kAndOr:
      return RunAndOr(node);
    case Node::Kind::kIf:
      return RunIf(node);
    case Node::Kind::kList:
      return RunList(node, false);
    default:
      Forget(node.range);
      return {.why = std::string(node.why), .effect = true};
  }
}

void Reader::RunStatement(const Node& node, bool condition, Outcome* outcome) {
  if (state_.ended || returned_) return;
  if (may_have_returned_ != 0) {
    Forget(node.range);
    return Name(node.range, absl::StrCat("line ", may_have_returned_,
                                         " may end the file before"));
  }
  Outcome one = Run(node, node.background);
  if (!one.why.empty()) {
    if (!condition) {
      Name(node.range, one.why);
    } else if (outcome->why.empty()) {
      outcome->why = one.why;
    }
  }
  outcome->answer = one.answer;
  outcome->effect = outcome->effect || one.effect;
}

Outcome Reader::RunList(const Node& list, bool condition) {
  Outcome outcome;
  for (const Node& node : list.parts) RunStatement(node, condition, &outcome);
  return outcome;
}

bool Reader::IsPure(const Node& node) const {
  if (node.kind == Node::Kind::kPipeline) {
    return node.parts.size() == 1 && IsPure(node.parts[0]);
  }
  if (node.kind != Node::Kind::kSimple) return false;
  for (size_t i = node.range.first; i < node.range.second; ++i) {
    if (!AssignedInside(tokens_[i].text).empty()) return false;
  }
  const absl::string_view command = First(node).text;
  return First(node).kind == Token::Kind::kWord &&
         state_.functions.count(command) == 0 &&
         (command == "[" || command == "[[" || command == "test" ||
          Contains(kPure, BaseName(command)));
}

bool Reader::IsGuard(const Node& node) const {
  if (node.background) return false;
  if (node.kind == Node::Kind::kSimple) {
    const Token& first = First(node);
    return first.kind == Token::Kind::kWord && first.text == "exit";
  }
  if (node.kind != Node::Kind::kList && node.kind != Node::Kind::kAndOr) {
    return false;
  }
  for (size_t i = 0; i + 1 < node.parts.size(); ++i) {
    const Node& part = node.parts[i];
    if (part.kind != Node::Kind::kSimple || part.background ||
        First(part).kind != Token::Kind::kWord ||
        !Contains(kNoEffect, BaseName(First(part).text)) ||
        state_.functions.count(First(part).text) != 0) {
      return false;
    }
    if (node.kind == Node::Kind::kAndOr && !node.is_and[i]) return false;
  }
  return !node.parts.empty() && IsGuard(node.parts.back());
}

bool Reader::HasReturn(Range range) const {
  for (size_t i = range.first; i < range.second; ++i) {
    if (tokens_[i].text == "return") return true;
  }
  return false;
}

constexpr char kTestBefore[] =
    "a test before the start; postern check tests more before it";
constexpr char kFailureEnds[] =
    "the command is read; its failure does not end the new script";
constexpr char kEndsHere[] =
    "the script ends here with these files; the set-ups below do not";

Outcome Reader::RunAndOr(const Node& node) {
  Outcome outcome;
  for (size_t i = 0; i < node.parts.size(); ++i) {
    const Node& part = node.parts[i];
    const bool last = i + 1 == node.parts.size();
    if (i > 0 && outcome.answer != Answer::kUnknown) {
      if ((outcome.answer == Answer::kYes) != node.is_and[i - 1]) continue;
      if (last && !outcome.effect && IsGuard(part)) {
        outcome.why = kEndsHere;
        return outcome;
      }
    }
    if (i > 0 && outcome.answer == Answer::kUnknown && !IsPure(part)) {
      if (last && IsGuard(part)) {
        if (outcome.why.empty()) {
          Name(node.range, outcome.effect ? kFailureEnds : kTestBefore,
               Note::Kind::kGuard);
        }
        // What follows runs only if the script did not end here.
        return outcome;
      }
      const Range rest = {part.range.first, node.range.second};
      Forget(rest);
      if (HasReturn(rest)) may_have_returned_ = First(part).line;
      return {.why = kUnderCondition, .effect = true};
    }
    const Outcome one = Run(part, false);
    if (outcome.why.empty()) outcome.why = one.why;
    outcome.effect = outcome.effect || one.effect;
    if (i == 0 || outcome.answer != Answer::kUnknown) {
      outcome.answer = one.answer;
    } else if (one.answer != Of(!node.is_and[i - 1])) {
      // It may not have run: a && unknown, unknown || no.
      outcome.answer = Answer::kUnknown;
    } else {
      outcome.answer = one.answer;
    }
    if (state_.ended || returned_) break;
  }
  return outcome;
}

Outcome Reader::RunIf(const Node& node) {
  Outcome outcome;
  for (size_t i = 0; i < node.parts.size(); i += 2) {
    const bool is_else = i + 1 == node.parts.size();
    const Node& body = node.parts[is_else ? i : i + 1];
    Outcome condition = {.answer = Answer::kYes};
    if (!is_else) condition = RunList(node.parts[i], true);
    if (state_.ended || returned_) return condition;
    outcome.effect = outcome.effect || condition.effect;
    if (condition.why.empty() && condition.answer == Answer::kNo) continue;
    if (condition.why.empty() && condition.answer == Answer::kYes) {
      if (IsGuard(body) && !is_else) {
        outcome.why = kEndsHere;
        return outcome;
      }
      Outcome ran = RunList(body, false);
      ran.effect = true;
      return ran;
    }
    if (node.parts.size() == 2 && IsGuard(body)) {
      outcome.why = condition.why;
      if (outcome.why.empty()) {
        Name(node.range, outcome.effect ? kFailureEnds : kTestBefore,
             Note::Kind::kGuard);
      }
      return outcome;
    }
    Forget(node.range);
    if (HasReturn(node.range)) may_have_returned_ = First(node).line;
    return {.why = kUnderCondition, .effect = true};
  }
  outcome.answer = Answer::kYes;
  return outcome;
}

Outcome Reader::RunPipeline(const Node& node, bool background) {
  Outcome outcome;
  if (node.parts.size() == 1) {
    outcome = Run(node.parts[0], background);
  } else {
    // The log of a server goes to other programs.
    bool log = true;
    bool harmless = true;
    for (size_t i = 0; i < node.parts.size(); ++i) {
      const Node& part = node.parts[i];
      const absl::string_view program = BaseName(First(part).text);
      const bool simple = part.kind == Node::Kind::kSimple &&
                          First(part).kind == Token::Kind::kWord &&
                          state_.functions.count(First(part).text) == 0;
      log = log && simple && (i == 0 || Contains(kLoggers, program));
      harmless = harmless &&
                 (IsPure(part) || (simple && Contains(kNoEffect, program)));
    }
    const size_t servers = script_.servers.size();
    if (log && !harmless) {
      std::vector<PipedCommand> pipe;
      for (size_t i = 1; i < node.parts.size(); ++i) {
        Simple simple = ExpandSimple(node.parts[i].range);
        pipe.push_back(
            {std::move(simple.words), std::move(simple.redirections)});
      }
      // The command runs in another process.
      State before = state_;
      outcome = RunSimple(node.parts[0], background, &pipe);
      state_ = std::move(before);
    }
    if (script_.servers.size() == servers && !harmless) {
      Forget(node.range);
      return {.why = "pipes are not read", .effect = true};
    }
  }
  if (node.negated) outcome.answer = Not(outcome.answer);
  return outcome;
}

Reader::Simple Reader::ExpandSimple(Range range) {
  Simple simple;
  const bool brackets = tokens_[range.first].text == "[[";
  // Without a command the assignments count at once, from left to right.
  bool command = false;
  for (size_t i = range.first; i < range.second; ++i) {
    if (tokens_[i].kind == Token::Kind::kRedirection) {
      ++i;
    } else if (AssignmentAt(tokens_[i].text) == npos) {
      command = true;
    }
  }
  bool declares = false;
  for (size_t i = range.first; i < range.second; ++i) {
    const Token& token = tokens_[i];
    for (const absl::string_view name : AssignedInSum(token.text)) {
      ForgetName(name, token.line, "arithmetic is not read", false);
    }
    if (brackets) {
      // Nothing is divided into words here. A pattern and an operator have no
      // known meaning.
      Word word = ExpandOne(token.text, token.line);
      if (token.kind != Token::Kind::kWord) word.unknown = "an operator";
      simple.words.push_back(std::move(word));
      continue;
    }
    if (token.kind == Token::Kind::kRedirection) {
      const Token& target = tokens_[++i];
      simple.redirections.push_back(
          {std::string(token.text), ExpandOne(target.text, target.line)});
      continue;
    }
    const size_t equals = AssignmentAt(token.text);
    if (simple.words.empty() && equals != npos) {
      const absl::string_view name = token.text.substr(0, equals);
      Word value = ExpandOne(token.text.substr(equals + 1), token.line);
      value.place = {name_, token.line};
      if (!command) Set(name, value);
      for (const Variable& variable : simple.before) {
        if (command && absl::StrContains(token.text, variable.name) &&
            absl::StrContains(token.text, '$')) {
          value.unknown = "a variable before the same command";
        }
      }
      simple.before.push_back({std::string(name), std::move(value)});
      continue;
    }
    // The arguments of export are assignments: blanks do not divide them.
    if (declares && equals != npos) {
      Word value = ExpandOne(token.text.substr(equals + 1), token.line);
      value.text = absl::StrCat(token.text.substr(0, equals + 1), value.text);
      simple.words.push_back(std::move(value));
      continue;
    }
    for (Word& word : Expand(token.text, token.line)) {
      simple.words.push_back(std::move(word));
    }
    declares = !simple.words.empty() && simple.words[0].known() &&
               Contains(kDeclares, simple.words[0].text);
  }
  return simple;
}

Outcome Reader::RunDeclaration(absl::string_view program,
                               absl::Span<const Word> words) {
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
          if (IsName(name))
            ForgetName(name, each.place.line, outcome.why, true);
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
      if (exports) MayExportAll();
      continue;
    }
    if (equals != npos) {
      Word value = word;
      value.text = word.text.substr(equals + 1);
      Set(name, std::move(value));
    }
    if (exports) state_.variables[name].exported = exported;
  }
  return outcome;
}

Outcome Reader::RunSet(absl::Span<const Word> words) {
  Outcome outcome = {.answer = Answer::kYes, .effect = true};
  for (size_t i = 0; i < words.size(); ++i) {
    const absl::string_view text = words[i].text;
    const bool sets = absl::StartsWith(text, "-");
    if (words[i].known() && (text == "--" || text == "-")) break;
    bool known = words[i].known();
    if (known && !sets && !absl::StartsWith(text, "+")) break;  // parameters
    bool all = false;
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
      } else {
        known = absl::string_view("befhmuvxCEHT").find(text[at]) != npos;
      }
    }
    if (!known) {
      outcome.why = "an option of set is not known";
      state_.export_all = Answer::kUnknown;
      return outcome;
    }
    if (all) state_.export_all = Of(sets);
  }
  return outcome;
}

Outcome Reader::RunUnset(absl::Span<const Word> words) {
  Outcome outcome = {.answer = Answer::kYes, .effect = true};
  for (const Word& word : words) {
    if (word.known() && word.text == "-v") continue;
    if (!word.known() || !IsName(word.text)) {
      ForgetAll(word.place.line, "unset has a word that is not known");
      outcome.why = absl::StrCat("a word of unset is not known: ", word.text);
      return outcome;
    }
    state_.variables.erase(word.text);
  }
  return outcome;
}

// A command of the system cannot set a variable; one of the shell can set those
// that it names.
Outcome Reader::RunUnknown(const Node& node, absl::Span<const Word> words) {
  const int line = First(node).line;
  const std::string why = absl::StrCat("line ", line, " may set it");
  const std::string& command = words[0].text;
  static constexpr absl::string_view kAssigns[] = {
      "read",    "getopts",   "local",  "declare", "typeset", "let",
      "mapfile", "readarray", "printf", "wait",    "command", "builtin"};
  if (Contains(kRunsCode, command) || state_.functions.count(command) != 0) {
    ForgetAll(line, absl::StrCat("line ", line, " may set any variable"));
  }
  if (!absl::StrContains(command, '/')) {
    for (const Word& word : words) {
      absl::string_view name = AssignedName(word.text);
      if (name.empty() && IsName(word.text) &&
          state_.variables.count(word.text) != 0) {
        name = word.text;
      }
      if (!word.known() && Contains(kAssigns, command)) {
        ForgetAll(line, why);
      } else if (!name.empty()) {
        ForgetName(std::string(name), line, why, Contains(kDeclares, command));
      }
    }
  }
  return {.why = kNotExecuted, .effect = true};
}

Outcome Reader::Include(absl::Span<const Word> arguments) {
  Outcome outcome = {.effect = true};
  const auto unread = [&](std::string why) {
    const int line = arguments.empty() ? 0 : arguments[0].place.line;
    ForgetAll(line, absl::StrCat("line ", line, " may set any variable"));
    outcome.why = std::move(why);
    return outcome;
  };
  if (arguments.size() != 1 || !arguments[0].known() || arguments[0].id != 0 ||
      !absl::StartsWith(arguments[0].text, "/") || depth_ >= kMaxDepth ||
      ++state_.includes > kMaxIncludes) {
    return unread("the file is not read");
  }
  const std::string& file = arguments[0].text;
  const absl::StatusOr<std::string> text = files_.Read(file);
  if (!text.ok()) return unread(absl::StrCat(file, " cannot be read"));
  // Only the lines of the script itself are returned.
  outcome.answer = Reader(file, *text, files_, is_server_, &state_, &script_,
                          depth_ + 1, bash_)
                       .Read()
                       .answer;
  return outcome;
}

void Reader::StartServer(Simple simple, std::vector<PipedCommand>* pipe,
                         bool background) {
  ServerCommand server;
  server.words = std::move(simple.words);
  for (const auto& [name, value] : state_.variables) {
    if (!value.set || value.exported == Answer::kNo) continue;
    if (std::any_of(simple.before.begin(), simple.before.end(),
                    [&name = name](const auto& v) { return v.name == name; })) {
      continue;
    }
    Word word = value.word;
    if (word.known() && value.exported == Answer::kUnknown) {
      word.unknown = "it is not known whether it is exported";
      word.id = 0;
      word.user.clear();
    }
    server.environment.push_back({name, std::move(word)});
  }
  for (Variable& variable : simple.before) {
    server.environment.push_back(std::move(variable));
  }
  server.shell = state_.shell;
  server.shell_redirections = state_.redirections;
  server.log_on_output = state_.log_on_output;
  for (const Redirection& redirection : simple.redirections) {
    if (absl::StartsWith(redirection.sign, "2>")) {
      server.log_on_output =
          redirection.sign == "2>&" && redirection.target.text == "1";
    }
  }
  server.redirections = std::move(simple.redirections);
  if (pipe != nullptr) server.pipe = std::move(*pipe);
  server.background = background;
  script_.servers.push_back(std::move(server));
}

Outcome Reader::RunSimple(const Node& node, bool background,
                          std::vector<PipedCommand>* pipe) {
  Simple simple = ExpandSimple(node.range);
  std::vector<Word>& words = simple.words;
  const int line = First(node).line;
  if (words.empty()) {
    // The assignments are done.
    Outcome outcome = {.answer = Answer::kYes, .effect = true};
    for (const Variable& variable : simple.before) {
      if (!variable.value.known()) outcome.answer = Answer::kUnknown;
    }
    if (background) outcome.why = "commands in the background are not read";
    return outcome;
  }
  if (tokens_[node.range.first].text == "[[") {
    return {.answer = Ask(words)};
  }
  bool is_exec = false;
  if (words[0].known() && words[0].text == "exec") {
    words.erase(words.begin());
    if (words.empty()) {
      for (Redirection& redirection : simple.redirections) {
        if (absl::StartsWith(redirection.sign, "2>")) {
          state_.log_on_output =
              redirection.sign == "2>&" && redirection.target.text == "1";
        }
        state_.redirections.push_back(std::move(redirection));
      }
      for (const Variable& variable : simple.before) {
        ForgetName(variable.name, line, "shells differ here", false);
      }
      return {.answer = Answer::kYes, .effect = true};
    }
    is_exec = !background && pipe == nullptr;
  }
  if (!words[0].known()) {
    ForgetAll(line, absl::StrCat("line ", line, " may set any variable"));
    state_.ended = state_.ended || is_exec;
    return {.why = absl::StrCat("the command is not known: ", words[0].unknown),
            .effect = true};
  }
  // `command` and `builtin` only say where the shell looks for it.
  while (words.size() > 1 &&
         (words[0].text == "command" || words[0].text == "builtin") &&
         words[1].known() && !absl::StartsWith(words[1].text, "-")) {
    words.erase(words.begin());
  }
  const std::string command = words[0].text;
  const std::string program(BaseName(command));
  const absl::Span<const Word> arguments = absl::MakeSpan(words).subspan(1);
  if (state_.functions.count(command) != 0) return RunUnknown(node, words);
  if (is_server_(program)) {
    StartServer(std::move(simple), pipe, background);
    state_.ended = state_.ended || is_exec;
    return {.effect = true};
  }
  if (is_exec) {
    state_.ended = true;
    return {.why = kNotExecuted, .effect = true};
  }
  if (command == "[" || command == "test") return {.answer = Ask(words)};
  if (Contains(kPure, program)) return {};
  if (Contains(kNoEffect, program) &&
      !(program == "printf" && words.size() > 1 &&
        absl::StartsWith(words[1].text, "-"))) {
    for (const Variable& variable : simple.before) {
      if (command == ":") {
        ForgetName(variable.name, line, "shells differ here", false);
      }
    }
    return {.answer = Of(program != "false")};
  }
  if (background) {
    return {.why = "commands in the background are not read", .effect = true};
  }
  if (Contains(kSpecial, command)) {
    for (const Variable& variable : simple.before) {
      ForgetName(variable.name, line, "shells differ here", false);
    }
  }
  if (command == "export" || command == "readonly") {
    return RunDeclaration(command, arguments);
  }
  if (command == "set") return RunSet(arguments);
  if (command == "unset") return RunUnset(arguments);
  if (command == "." || command == "source") return Include(arguments);
  if (command == "exit") {
    state_.ended = true;
    return {.effect = true};
  }
  if (command == "return" && depth_ > 0) {
    returned_ = true;
    return {.effect = true};
  }
  if (command == "umask" || command == "ulimit" || command == "cd") {
    if (std::any_of(words.begin(), words.end(),
                    [](const Word& word) { return !word.known(); })) {
      return {.why = "an argument is not known", .effect = true};
    }
    state_.shell.push_back(std::move(words));
    return {.effect = true};
  }
  return RunUnknown(node, words);
}

Outcome Reader::Read() {
  const auto ends = std::count(text_.begin(), text_.end(), '\n');
  const bool open_end = !text_.empty() && text_.back() != '\n';
  lines_.resize(static_cast<size_t>(ends) + (open_end ? 1 : 0) + 1,
                LineState::kUnseen);
  Tokenize();
  MarkTokens({0, tokens_.size()}, LineState::kUnderstood);
  Outcome outcome;
  Parser parser(tokens_, &state_.functions);
  // As sh does, a command is read after the one before has run: exec and exit
  // end the script, and nothing after them has an effect.
  for (parser.SkipNewlines(); !parser.AtEnd(); parser.SkipNewlines()) {
    if (state_.ended || returned_) break;
    const Range rest = {parser.pos(), tokens_.size()};
    const std::optional<Node> node = parser.Statement(false);
    if (!node) {
      ForgetAll(tokens_[rest.first].line,
                absl::StrCat("line ", tokens_[rest.first].line,
                             " may set any variable"));
      outcome = {};
      Name(rest, tokens_.back().kind == Token::Kind::kBad
                     ? "a quote or a substitution has no end"
                     : "the structure of the script is not understood from "
                       "here to its end");
      break;
    }
    RunStatement(*node, false, &outcome);
  }
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
  return outcome;
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
  const absl::string_view first = text.substr(0, text.find('\n'));
  const bool has_shell = absl::StartsWith(first, "#!");
  const size_t option = first.find(" -");
  if (has_shell && option != npos && first.substr(option).find('a') != npos) {
    state.export_all = Answer::kYes;  // #!/bin/sh -a
  }
  Reader reader(name, text, files, is_server, &state, &script, 0,
                has_shell && absl::StrContains(first, "bash"));
  (void)reader.Read();
  script.lines = reader.TakeLines();
  return script;
}

}  // namespace postern::programs::migrate
