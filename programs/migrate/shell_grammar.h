// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The grammar of sh(1): commands that are made of tokens.

#ifndef POSTERN_PROGRAMS_MIGRATE_SHELL_GRAMMAR_H_
#define POSTERN_PROGRAMS_MIGRATE_SHELL_GRAMMAR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "programs/migrate/shell_lexer.h"

namespace postern::programs::migrate::shell {

using Names = std::set<std::string, std::less<>>;

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

}  // namespace postern::programs::migrate::shell

#endif  // POSTERN_PROGRAMS_MIGRATE_SHELL_GRAMMAR_H_
