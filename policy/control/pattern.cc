// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/pattern.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "policy/control/control_file.h"

namespace postern::policy {
namespace {

// The deepest nesting of groups, because each one takes a part of the stack.
constexpr int kMaxDepth = 50;

// The largest number in {n,m}, POSIX's RE_DUP_MAX.
constexpr uint64_t kMaxRepeat = 255;

struct Repeat {
  size_t least = 1;
  std::optional<size_t> most = 1;  // nullopt: any number
};

// With upper and lower case being equal, these two contain all letters.
bool IsLetter(unsigned char c) { return absl::ascii_isalpha(c); }

constexpr struct {
  absl::string_view name;
  bool (*contains)(unsigned char c);
} kClasses[] = {
    {"alnum", absl::ascii_isalnum},
    {"alpha", absl::ascii_isalpha},
    {"blank", absl::ascii_isblank},
    {"cntrl", absl::ascii_iscntrl},
    {"digit", absl::ascii_isdigit},
    {"graph", absl::ascii_isgraph},
    {"lower", IsLetter},
    {"print", absl::ascii_isprint},
    {"punct", absl::ascii_ispunct},
    {"space", absl::ascii_isspace},
    {"upper", IsLetter},
    {"xdigit", absl::ascii_isxdigit},
};

}  // namespace

// Compiles by recursive descent. The instructions of an expression refer to
// each other by distance, so they can be moved. An atom that is repeated is
// read again for each repetition.
class PatternCompiler {
 public:
  explicit PatternCompiler(absl::string_view text) : text_(text) {}

  absl::StatusOr<Pattern> Compile() {
    absl::Status status = Alternatives(0);
    if (!status.ok()) return status;
    if (at_ < text_.size()) return Error("a ')' without a '('");
    Emit({Pattern::Op::kMatch});
    if (too_large_) return TooLarge();
    return std::move(pattern_);
  }

 private:
  using Op = Pattern::Op;
  using Set = Pattern::Set;

  bool More() const { return at_ < text_.size(); }
  bool Sees(char c) const { return More() && text_[at_] == c; }

  absl::Status Error(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ", at octet ", std::min(at_, text_.size()) + 1));
  }
  static absl::Status TooLarge() {
    return absl::InvalidArgumentError(absl::StrCat("more than ",
                                                   Pattern::kMaxSize,
                                                   " parts, with its "
                                                   "repetitions"));
  }

  std::vector<Pattern::Instruction>& program() { return pattern_.program_; }

  void Emit(Pattern::Instruction instruction) {
    Insert(program().size(), instruction);
  }
  void Insert(size_t at, Pattern::Instruction instruction) {
    if (program().size() >= Pattern::kMaxSize) {
      too_large_ = true;
      return;
    }
    program().insert(program().begin() + static_cast<ptrdiff_t>(at),
                     instruction);
  }
  void EmitSet(const Set& set) {
    std::vector<Set>& sets = pattern_.sets_;
    const auto found = std::find(sets.begin(), sets.end(), set);
    const auto index = static_cast<uint16_t>(found - sets.begin());
    if (found == sets.end()) sets.push_back(set);
    Emit({Op::kSet, index});
  }
  int32_t Length(size_t begin) {
    return static_cast<int32_t>(program().size() - begin);
  }

  absl::Status Alternatives(int depth) {
    if (depth > kMaxDepth) return Error("too many groups within groups");
    const size_t begin = program().size();
    absl::Status status = Branch(depth);
    if (!status.ok() || !Sees('|')) return status;
    ++at_;
    Insert(begin, {Op::kSplit, 0, 1, Length(begin) + 2});
    const size_t jump = program().size();
    Emit({Op::kSplit});
    status = Alternatives(depth + 1);
    if (!status.ok()) return status;
    if (too_large_) return TooLarge();
    program()[jump].next = program()[jump].other = Length(jump);
    return absl::OkStatus();
  }

  absl::Status Branch(int depth) {
    const size_t begin = at_;
    while (More() && !Sees('|') && !Sees(')')) {
      absl::Status status = Repeated(depth);
      if (!status.ok()) return status;
    }
    if (at_ == begin) return Error("nothing where an expression must be");
    return absl::OkStatus();
  }

  absl::Status Repeated(int depth) {
    const size_t atom = at_;
    const size_t begin = program().size();
    absl::Status status = Atom(depth);
    if (!status.ok()) return status;
    const size_t behind_atom = at_;
    absl::StatusOr<Repeat> repeat = ReadRepeat();
    if (!repeat.ok()) return repeat.status();
    const size_t behind = at_;
    if (behind == behind_atom) return absl::OkStatus();
    if (absl::string_view("*+?{").find(text_[atom]) != text_.npos ||
        text_[atom] == '^' || text_[atom] == '$') {
      return Error("a repetition of nothing");
    }
    if (More() &&
        absl::string_view("*+?{").find(text_[at_]) != absl::string_view::npos) {
      return Error("two repetitions in sequence");
    }
    if (repeat->most == 0) {
      program().resize(begin);
      return absl::OkStatus();
    }
    size_t last = begin;  // the last copy
    const size_t copies =
        repeat->most.value_or(std::max<size_t>(repeat->least, 1));
    for (size_t copy = 1; copy <= copies; ++copy) {
      if (copy > 1) {
        last = program().size();
        at_ = atom;
        status = Atom(depth);
        if (!status.ok()) return status;
      }
      if (too_large_) return TooLarge();
      if (copy > repeat->least) {
        Insert(last, {Op::kSplit, 0, 1, Length(last) + 1});
      }
    }
    if (!repeat->most) Emit({Op::kSplit, 0, -Length(last), 1});
    if (too_large_) return TooLarge();
    at_ = behind;
    return absl::OkStatus();
  }

  absl::StatusOr<Repeat> ReadRepeat() {
    if (!More()) return Repeat{};
    switch (text_[at_]) {
      case '*':
        ++at_;
        return Repeat{0, std::nullopt};
      case '+':
        ++at_;
        return Repeat{1, std::nullopt};
      case '?':
        ++at_;
        return Repeat{0, 1};
      case '{':
        break;
      default:
        return Repeat{};
    }
    absl::string_view rest = text_.substr(at_ + 1);
    const std::optional<uint64_t> least = TakeNumber(&rest);
    std::optional<uint64_t> most = least;
    if (absl::ConsumePrefix(&rest, ",")) most = TakeNumber(&rest);
    if (!least || !absl::ConsumePrefix(&rest, "}")) {
      return Error("a '{' that does not begin {n}, {n,} or {n,m}");
    }
    if (*least > kMaxRepeat || most.value_or(0) > kMaxRepeat) {
      return Error(absl::StrCat("a repetition of more than ", kMaxRepeat));
    }
    if (most && *most < *least) return Error("a {n,m} with n above m");
    at_ = text_.size() - rest.size();
    return Repeat{static_cast<size_t>(*least),
                  most ? std::optional<size_t>(*most) : std::nullopt};
  }

  absl::Status Atom(int depth) {
    // Bounds the time for repetitions of groups that have no instructions.
    if (++atoms_ > Pattern::kMaxSize) return TooLarge();
    const char c = text_[at_];
    switch (c) {
      case '(': {
        ++at_;
        absl::Status status = Alternatives(depth + 1);
        if (!status.ok()) return status;
        if (!Sees(')')) return Error("a '(' without a ')'");
        ++at_;
        return absl::OkStatus();
      }
      case '*':
      case '+':
      case '?':
      case '{':
        return Error(absl::StrCat("a '", absl::string_view(&c, 1),
                                  "' that repeats nothing (\".*\" is any "
                                  "text)"));
      case '[':
        return Bracket();
      case '\\':
        return Escape();
      case '^':
        ++at_;
        Emit({Op::kBegin});
        return absl::OkStatus();
      case '$':
        ++at_;
        Emit({Op::kEnd});
        return absl::OkStatus();
      case '.':
        ++at_;
        EmitSet(Set().set());
        return absl::OkStatus();
      default:
        ++at_;
        EmitSet(Octet(c));
        return absl::OkStatus();
    }
  }

  absl::Status Escape() {
    if (at_ + 1 == text_.size()) return Error("a '\\' at the end");
    const char c = text_[at_ + 1];
    if (absl::ascii_isdigit(c)) {
      return Error(absl::StrCat("the back-reference \\",
                                text_.substr(at_ + 1, 1),
                                ", which does not exist here"));
    }
    if (c == 'w' || c == 'W' || c == 's' || c == 'S') {
      Set set;
      for (int i = 0; i < 256; ++i) {
        const auto octet = static_cast<unsigned char>(i);
        const bool in = absl::ascii_tolower(c) == 'w'
                            ? absl::ascii_isalnum(octet) || octet == '_'
                            : absl::ascii_isspace(octet);
        set.set(octet, in == absl::ascii_islower(c));
      }
      EmitSet(set);
    } else if (absl::ascii_ispunct(c)) {
      if (c == '<' || c == '>' || c == '`' || c == '\'') {
        return Error("a '\\' before an octet that needs none");
      }
      EmitSet(Octet(c));
    } else {
      return Error("a '\\' before an octet that needs none");
    }
    at_ += 2;
    return absl::OkStatus();
  }

  // Returns the set of `c` in upper and in lower case.
  static Set Octet(char c) {
    Set set;
    set.set(static_cast<unsigned char>(absl::ascii_tolower(c)));
    set.set(static_cast<unsigned char>(absl::ascii_toupper(c)));
    return set;
  }

  absl::Status Bracket() {
    absl::string_view rest = text_.substr(at_ + 1);
    const bool negated = absl::ConsumePrefix(&rest, "^");
    Set set;
    for (bool first = true; first || !absl::StartsWith(rest, "]");
         first = false) {
      if (rest.empty()) return Error("a '[' without a ']'");
      if (absl::ConsumePrefix(&rest, "[:")) {
        const size_t end = rest.find(":]");
        const auto* row = std::find_if(
            std::begin(kClasses), std::end(kClasses), [&](const auto& each) {
              return end != rest.npos && each.name == rest.substr(0, end);
            });
        if (row == std::end(kClasses)) {
          return Error("a [: in brackets without the name of a class and :]");
        }
        for (int i = 0; i < 256; ++i) {
          const auto octet = static_cast<unsigned char>(i);
          if (row->contains(octet)) set.set(octet);
        }
        rest.remove_prefix(end + 2);
        continue;
      }
      if (absl::StartsWith(rest, "[=") || absl::StartsWith(rest, "[.")) {
        return Error("a [= or [. in brackets");
      }
      const char low = absl::ascii_toupper(rest.front());
      char high = low;
      rest.remove_prefix(1);
      if (rest.size() > 1 && rest[0] == '-' && rest[1] != ']') {
        high = absl::ascii_toupper(rest[1]);
        if (rest[1] == '[') return Error("a range that ends in '['");
        rest.remove_prefix(2);
        if (rest.size() > 1 && rest[0] == '-' && rest[1] != ']') {
          return Error("a range that begins where another one ends");
        }
      }
      const auto from = static_cast<unsigned char>(low);
      const auto to = static_cast<unsigned char>(high);
      if (from > to) return Error("a range that ends before it begins");
      // As in the GNU C library, a range is one of upper-case letters.
      for (int i = from; i <= to; ++i) {
        const char c = static_cast<char>(i);
        if (!absl::ascii_islower(static_cast<unsigned char>(c))) {
          set |= Octet(c);
        }
      }
    }
    at_ = text_.size() - rest.size() + 1;
    EmitSet(negated ? ~set : set);
    return absl::OkStatus();
  }

  const absl::string_view text_;
  size_t at_ = 0;
  size_t atoms_ = 0;
  bool too_large_ = false;
  Pattern pattern_;
};

absl::StatusOr<Pattern> Pattern::Compile(absl::string_view text) {
  return PatternCompiler(text).Compile();
}

bool Pattern::Add(size_t at, bool begin, bool end, Places* places) const {
  std::vector<size_t>& open = places->open;
  open.assign(1, at);
  while (!open.empty()) {
    const size_t here = open.back();
    open.pop_back();
    if (places->seen[here] == places->octet) continue;
    places->seen[here] = places->octet;
    const Instruction& instruction = program_[here];
    switch (instruction.op) {
      case Op::kMatch:
        return true;
      case Op::kSet:
        places->list.push_back(here);
        break;
      case Op::kSplit:
        open.push_back(here + static_cast<size_t>(instruction.other));
        open.push_back(here + static_cast<size_t>(instruction.next));
        break;
      case Op::kBegin:
        if (begin) open.push_back(here + 1);
        break;
      case Op::kEnd:
        if (end) open.push_back(here + 1);
        break;
    }
  }
  return false;
}

bool Pattern::Matches(absl::string_view text) const {
  std::vector<size_t> now;
  Places then;
  then.seen.resize(program_.size());
  for (size_t i = 0;; ++i) {
    const bool end = i == text.size();
    // A match may begin at each octet.
    if (Add(0, i == 0, end, &then)) return true;
    if (end) return false;
    now.swap(then.list);
    then.list.clear();
    ++then.octet;
    const auto octet = static_cast<unsigned char>(text[i]);
    for (const size_t at : now) {
      if (!sets_[program_[at].set][octet]) continue;
      if (Add(at + 1, false, i + 1 == text.size(), &then)) return true;
    }
  }
}

}  // namespace postern::policy
