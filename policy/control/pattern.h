// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One extended regular expression (POSIX.1-2017, XBD 9.4), as the qregex patch
// of qmail uses them, without regard to the case of ASCII letters:
//
//   a . [a-z] [^a-z] [[:digit:]]   one octet
//   \. \$ \\                       that octet itself
//   \w \W \s \S                    as in the GNU C library
//   * + ? {2} {2,} {2,5}           repeat what precedes
//   ( ) |                          groups and alternatives
//   ^ $                            the beginning and the end of the text
//
// Back-references (\1) do not exist, nor do equivalence classes and collating
// symbols in brackets. What POSIX leaves undefined is an error: two repetitions
// in sequence, an empty alternative, a ')' without a '('.
//
// The functions of the C library are not used. A compiled expression of the GNU
// C library keeps each state that a text has led to, so clients could fill the
// memory of a server. It also has a lock, and is large in a static program.
// Here the memory is fixed by the expression, and the time of a search is at
// most the length of the text times size().

#ifndef POSTERN_POLICY_CONTROL_PATTERN_H_
#define POSTERN_POLICY_CONTROL_PATTERN_H_

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::policy {

// Thread-safety: immutable after construction. Any thread may search.
class Pattern {
 public:
  // The largest size() of an expression. {n,m} repeats the expression before
  // it, so a short expression can be large.
  static constexpr size_t kMaxSize = 2000;

  // Compiles `text`. An error says what is wrong and at which octet, from 1.
  static absl::StatusOr<Pattern> Compile(absl::string_view text);

  // Returns whether `text` contains a match.
  bool Matches(absl::string_view text) const;

  // The number of instructions.
  size_t size() const { return program_.size(); }

 private:
  friend class PatternCompiler;

  enum class Op : uint8_t { kSet, kSplit, kBegin, kEnd, kMatch };
  // The instructions that follow are at the distances `next` and, for a kSplit,
  // `other`.
  struct Instruction {
    Op op = Op::kMatch;
    uint16_t set = 0;  // of a kSet: the index in sets_
    int32_t next = 1;
    int32_t other = 1;
  };
  using Set = std::bitset<256>;

  // Places in the program that wait for the next octet of the text.
  struct Places {
    std::vector<size_t> list;
    size_t octet = 1;          // counts the octets of the text
    std::vector<size_t> seen;  // by place: the last octet with which Add() came
    std::vector<size_t> open;  // used by Add()
  };

  // Adds `at`, or what follows it without an octet of the text. Returns whether
  // that includes the end of the expression.
  bool Add(size_t at, bool begin, bool end, Places* places) const;

  std::vector<Instruction> program_;
  std::vector<Set> sets_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_PATTERN_H_
