// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/shell_grammar.h"

#include "absl/strings/match.h"

namespace postern::programs::migrate::shell {
namespace {

// Commands in commands. The parser is recursive.
constexpr int kMaxNesting = 64;
constexpr char kNotRead[] = "loops, subshells and case are not read";

}  // namespace

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

}  // namespace postern::programs::migrate::shell
