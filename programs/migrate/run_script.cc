// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/run_script.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "programs/migrate/shell_builtins.h"
#include "programs/migrate/shell_expansion.h"
#include "programs/migrate/shell_grammar.h"
#include "programs/migrate/shell_lexer.h"
#include "programs/migrate/shell_state.h"

namespace postern::programs::migrate {
namespace shell {
namespace {

constexpr size_t npos = absl::string_view::npos;
// Files that include each other.
constexpr int kMaxDepth = 8;
// Files that include others more than once.
constexpr int kMaxIncludes = 100;
constexpr size_t kShown = 60;

std::string Cut(absl::string_view text) {
  std::string shown(text.substr(0, text.find('\n')));
  if (shown.size() < text.size() || shown.size() > kShown) {
    shown = absl::StrCat(shown.substr(0, kShown), "...");
  }
  return shown;
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
// Variables before these commands stay in some shells.
constexpr absl::string_view kSpecial[] = {
    "export", "readonly", "unset", ".", "source", "eval",
    "set",    "return",   "shift", ":", "trap",   "times"};
constexpr char kUnderCondition[] =
    "the condition cannot be answered by reading";

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
        bash_(bash),
        expansion_(name, bash, files, state) {}

  // Reads and runs everything. The answer is that of the last command.
  Outcome Read();
  std::vector<LineState> TakeLines() { return std::move(lines_); }

 private:
  // A simple command with its words expanded.
  struct Simple {
    std::vector<Variable> before;
    std::vector<Word> words;
    std::vector<Redirection> redirections;
  };

  void Mark(int first, int last, LineState state);
  void MarkTokens(Range range, LineState state);
  void Name(Range range, absl::string_view why,
            Note::Kind kind = Note::Kind::kNotUnderstood);
  absl::string_view TextOf(Range range) const;  // of one token or more
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
  Outcome Include(absl::Span<const Word> arguments, const Place& place);
  void StartServer(Simple simple, std::vector<PipedCommand>* pipe,
                   bool background);
  Simple ExpandSimple(Range range);

  // Whether the commands only print, wait and then end the script.
  bool IsGuard(const Node& node) const;
  // Whether a command answers and has no effect.
  bool IsPure(const Node& node) const;
  bool HasReturn(Range range) const;

  // Forgets what a part sets that may have run, or has an unknown effect.
  void Forget(Range range) {
    state_.ForgetAssigned(absl::MakeConstSpan(tokens_).subspan(
                              range.first, range.second - range.first),
                          name_);
  }

  const std::string name_;
  const absl::string_view text_;
  const SiteFiles& files_;
  absl::FunctionRef<bool(absl::string_view)> is_server_;
  State& state_;
  RunScript& script_;
  const int depth_;
  const bool bash_;  // the first line names bash
  Expansion expansion_;
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
      state_.Forget(name, {name_, token.line}, "arithmetic is not read", false);
    }
    if (brackets) {
      // Nothing is divided into words here. A pattern and an operator have no
      // known meaning.
      Word word = expansion_.ExpandOne(token.text, token.line);
      if (token.kind != Token::Kind::kWord) word.unknown = "an operator";
      simple.words.push_back(std::move(word));
      continue;
    }
    if (token.kind == Token::Kind::kRedirection) {
      const Token& target = tokens_[++i];
      // Its text would be missing. Read() names it.
      if (absl::StrContains(token.text, "<<")) continue;
      simple.redirections.push_back(
          {std::string(token.text),
           expansion_.ExpandOne(target.text, target.line)});
      continue;
    }
    const size_t equals = AssignmentAt(token.text);
    if (simple.words.empty() && equals != npos) {
      const absl::string_view name = token.text.substr(0, equals);
      Word value =
          expansion_.ExpandOne(token.text.substr(equals + 1), token.line);
      value.place = {name_, token.line};
      if (!command) state_.Set(name, value);
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
      Word value =
          expansion_.ExpandOne(token.text.substr(equals + 1), token.line);
      value.text = absl::StrCat(token.text.substr(0, equals + 1), value.text);
      simple.words.push_back(std::move(value));
      continue;
    }
    for (Word& word : expansion_.Expand(token.text, token.line)) {
      simple.words.push_back(std::move(word));
    }
    declares = !simple.words.empty() && simple.words[0].known() &&
               Contains(kDeclares, simple.words[0].text);
  }
  return simple;
}

Outcome Reader::Include(absl::Span<const Word> arguments, const Place& place) {
  Outcome outcome = {.effect = true};
  const auto unread = [&](std::string why) {
    state_.ForgetAll(place,
                     absl::StrCat(why, ": it may set or remove any variable"));
    outcome.why = std::move(why);
    return outcome;
  };
  if (arguments.size() != 1 || !arguments[0].known() || arguments[0].id != 0 ||
      // sh looks for a name without "/" in PATH.
      !absl::StrContains(arguments[0].text, '/') || depth_ >= kMaxDepth ||
      ++state_.includes > kMaxIncludes) {
    return unread("the file is not read");
  }
  const std::string file = PathFrom(state_.directory, arguments[0].text);
  if (file.empty()) return unread("the file is not read");
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
    if (value.exported == Answer::kNo) continue;
    if (std::any_of(simple.before.begin(), simple.before.end(),
                    [&name = name](const auto& v) { return v.name == name; })) {
      continue;
    }
    if (!value.set) {
      if (state_.removed.count(name) == 0) {
        server.inherited.push_back(
            {name,
             {.text = absl::StrCat("$", name),
              .unknown = "the script exports it, and does not set it",
              .place = value.word.place}});
      }
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
  for (const auto& [name, removed] : state_.removed) {
    if (std::none_of(
            server.environment.begin(), server.environment.end(),
            [&name = name](const auto& v) { return v.name == name; })) {
      server.removed.push_back(removed);
    }
  }
  server.unread = state_.unread;
  server.directory = state_.directory;
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
  const Place place = {name_, First(node).line};
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
    return {.answer = RunTest(words, bash_, state_.directory, files_)};
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
        state_.Forget(variable.name, place, "shells differ here", false);
      }
      return {.answer = Answer::kYes, .effect = true};
    }
    is_exec = !background && pipe == nullptr;
  }
  if (!words[0].known()) {
    state_.ForgetAll(place);
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
  if (state_.functions.count(command) != 0)
    return RunUnknown(words, place, &state_);
  if (is_server_(program)) {
    StartServer(std::move(simple), pipe, background);
    state_.ended = state_.ended || is_exec;
    return {.effect = true};
  }
  if (is_exec) {
    state_.ended = true;
    return {.why = kNotExecuted, .effect = true};
  }
  if (command == "[" || command == "test")
    return {.answer = RunTest(words, bash_, state_.directory, files_)};
  if (Contains(kPure, program)) return {};
  if (Contains(kNoEffect, program) &&
      !(program == "printf" && words.size() > 1 &&
        absl::StartsWith(words[1].text, "-"))) {
    for (const Variable& variable : simple.before) {
      if (command == ":") {
        state_.Forget(variable.name, place, "shells differ here", false);
      }
    }
    return {.answer = Of(program != "false")};
  }
  if (background) {
    return {.why = "commands in the background are not read", .effect = true};
  }
  if (Contains(kSpecial, command)) {
    for (const Variable& variable : simple.before) {
      state_.Forget(variable.name, place, "shells differ here", false);
    }
  }
  if (command == "export" || command == "readonly") {
    return RunDeclaration(command, arguments, &state_);
  }
  if (command == "set") return RunSet(arguments, &state_);
  if (command == "unset") return RunUnset(arguments, &state_);
  if (command == "." || command == "source") return Include(arguments, place);
  if (command == "exit") {
    state_.ended = true;
    return {.effect = true};
  }
  if (command == "return" && depth_ > 0) {
    returned_ = true;
    return {.effect = true};
  }
  // cd sets it again, if that is known.
  if (Contains(kChangesDirectory, command)) state_.directory.clear();
  if (command == "umask" || command == "ulimit" || command == "cd") {
    if (std::any_of(words.begin(), words.end(),
                    [](const Word& word) { return !word.known(); })) {
      return {.why = "an argument is not known", .effect = true};
    }
    if (command == "cd") {
      // A relative path begins in CDPATH, and cd may fail.
      const bool plain = words.size() == 2 && words[1].id == 0 &&
                         absl::StartsWith(words[1].text, "/") &&
                         files_.Exists(words[1].text, 'd');
      if (plain) state_.directory = words[1].text;
    }
    state_.shell.push_back(std::move(words));
    return {.effect = true};
  }
  return RunUnknown(words, place, &state_);
}

Outcome Reader::Read() {
  lines_.resize(static_cast<size_t>(CountLines(text_)), LineState::kUnseen);
  Lexed lexed = Lex(text_);
  tokens_ = std::move(lexed.tokens);
  for (const int line : lexed.silent_lines) {
    Mark(line, line, LineState::kUnderstood);
  }
  for (const HereDocument& here : lexed.here_documents) {
    Mark(here.sign.line, here.sign.line, LineState::kNamed);
    Mark(here.first_line, here.last_line, LineState::kNamed);
    script_.notes.push_back({Note::Kind::kNotUnderstood,
                             {name_, here.sign.line},
                             absl::StrCat("<<", here.delimiter),
                             "here-documents are not read"});
  }
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
      state_.ForgetAll({name_, tokens_[rest.first].line});
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
}  // namespace shell

namespace {

// Returns the program that the first line of a script names, without its
// directory; empty if it names none.
std::string Interpreter(absl::string_view first) {
  if (!absl::ConsumePrefix(&first, "#!")) return "";
  for (const absl::string_view word :
       absl::StrSplit(first, absl::ByAnyChar(" \t\r"), absl::SkipEmpty())) {
    const std::string name(shell::BaseName(word));
    if (name != "env" && name != "busybox") return name;
  }
  return "";
}

bool IsShell(absl::string_view name) {
  for (const absl::string_view known :
       {"", "sh", "bash", "dash", "ash", "ksh", "ksh93", "mksh", "pdksh",
        "posh", "yash"}) {
    if (name == known) return true;
  }
  return false;
}

}  // namespace

std::string Place::Format() const {
  return line == 0 ? file : absl::StrCat(file, ":", line);
}

RunScript ReadRunScript(absl::string_view name, absl::string_view text,
                        const SiteFiles& files,
                        absl::FunctionRef<bool(absl::string_view)> is_server,
                        absl::string_view directory) {
  RunScript script;
  shell::State state;
  state.directory = std::string(directory);
  const absl::string_view first = text.substr(0, text.find('\n'));
  if (const std::string interpreter = Interpreter(first);
      !IsShell(interpreter)) {
    script.notes.push_back(
        {Note::Kind::kNotUnderstood,
         {std::string(name), 1},
         shell::Cut(first),
         absl::StrCat("a script of ", interpreter, ", and not of sh")});
    script.lines.assign(static_cast<size_t>(shell::CountLines(text)),
                        LineState::kNamed);
    return script;
  }
  const bool has_shell = absl::StartsWith(first, "#!");
  const size_t option = first.find(" -");
  if (has_shell && option != absl::string_view::npos &&
      absl::StrContains(first.substr(option), 'a')) {
    state.export_all = shell::Answer::kYes;  // #!/bin/sh -a
  }
  if (has_shell && option != absl::string_view::npos &&
      absl::StrContains(first.substr(option), 'e')) {
    shell::SetErrexit(true, {std::string(name), 1}, &state);
  }
  shell::Reader reader(name, text, files, is_server, &state, &script, 0,
                       has_shell && absl::StrContains(first, "bash"));
  (void)reader.Read();
  script.lines = reader.TakeLines();
  return script;
}

}  // namespace postern::programs::migrate
