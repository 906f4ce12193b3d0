# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Mutants of C++ sources, compiled into one copy and chosen at run time.

Regular expressions find the mutants in the code of one line. To choose a mutant
at run time, the tool must know where its expression begins and ends. It finds
binary operators by the spaces that clang-format puts on both sides of them, and
of no other token. If an extent is wrong, the copy does not compile, or its
tests fail without a mutant.
"""

import bisect
import re

# In comments and literals, no character is an operator.
COMMENT = r"//[^\n]*|/\*(?:.|\n)*?\*/"
LITERAL = (r'R"\((?:.|\n)*?\)"|"(?:\\.|[^"\\\n])*"'
           r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'")
# Lines that the compiler evaluates, or that are assertions.
PASSED_OVER = re.compile(
    r"^\s*(?:#|static_assert|ABSL_HARDENING_ASSERT|template|using|namespace|enum)"
    r"|= (?:delete|default);|\) (?:const )?= 0;|\boperator\b|\bif constexpr\b")

# The binary operators; the larger the number, the less they bind.
PRECEDENCE = {operator: number for number, operators in enumerate([
    "* / %", "+ -", "<< >>", "<=>", "< <= > >=", "== !=", "&", "^", "|", "&&",
    "||", "= += -= *= /= %= &= |= ^= <<= >>= ? :"]) for operator in operators.split()}
ASSIGNMENT = PRECEDENCE["="]
TOKEN = re.compile(
    r"(?<=\s)(?P<binary>" + "|".join(
        re.escape(o) for o in sorted(PRECEDENCE, key=len, reverse=True)) + r")(?=\s)"
    r"|(?P<word>\w[\w.]*)|->|::|\S")
OPEN = {")": "(", "]": "[", "}": "{", ">": "<"}
KEYWORDS = {"return", "case", "else", "throw", "do"}

# (pattern, replacement, kind of the mutant).
CHANGES = [(rf"(?<= ){re.escape(old)}(?=\s|$)", new, "operator") for old, new in [
    ("==", "!="), ("!=", "=="), ("<", "<="), ("<=", "<"), (">", ">="), (">=", ">"),
    ("&&", "||"), ("||", "&&"), ("+", "-"), ("-", "+"), ("+=", "-="), ("-=", "+="),
    ("|=", "&=")]] + [
    (r"\btrue\b", "false", "constant"),
    (r"\bfalse\b", "true", "constant"),
    (r"\bstd::min\b", "std::max", "call"),
    (r"\bstd::max\b", "std::min", "call"),
    (r"(?<=[(\s])!(?=[\w(])", "", "negation"),
    (r"\bif \((?=[\w:.>()*\[\]-]+\) (?:\{|\w))", "if (!", "condition"),
    (r"(?<=[ (\[])\b(\d+)\b(?=[;,)\] ])", lambda m: str(int(m.group(1)) + 1),
     "constant"),
    (r"(?<![\w.:>])\bcontinue;", "break;", "continue"),
    # A statement of one line that is a call or an assignment, left out.
    (r"^ +(?!return\b|delete\b|case\b|using\b|else\b|throw\b)"
     r"[\w:>.\[\]()*-]+(?:\(.*\)| [|&+-]?= [^=].*);$",
     lambda m: re.match(" *", m.group()).group() + ";", "statement")]

# The beginning of each source with mutants. The timer slack of a process, above
# SLACK, is the number of the active mutant. fork and exec keep it. An
# environment variable would be lost, because postern starts programs with a
# constructed environment. A number from RECORD on means that no mutant is
# active, and that the process records the mutants that it reaches in the file
# of that name.
SLACK = 60_000  # ns; Linux's own is 50,000
RECORD = 100_000
PREAMBLE = """\
#ifndef POSTERN_MUTANTS_
#define POSTERN_MUTANTS_
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
namespace postern_mutants {
inline int chosen = -1;
inline unsigned char* reached = nullptr;
inline int Choose() {
  const int error = errno;
  int number = prctl(PR_GET_TIMERSLACK) - %(slack)d;
  if (number < 0) number = 0;
  if (number >= %(record)d) {
    char path[4096];
    snprintf(path, sizeof path, "%%s/%%d", "%(folder)s", number);
    const int file = open(path, O_RDWR | O_CLOEXEC);
    void* map = mmap(nullptr, %(size)d, PROT_WRITE, MAP_SHARED, file, 0);
    if (file < 0 || map == MAP_FAILED) abort();
    close(file);
    reached = static_cast<unsigned char*>(map);
  }
  __atomic_store_n(&chosen, number, __ATOMIC_RELEASE);
  errno = error;
  return number;
}
inline bool On(int number) {
  int now = __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);
  if (now < 0) now = Choose();
  if (now >= %(record)d) reached[number] = 1;
  return now == number;
}
}  // namespace postern_mutants
#endif
#line 1
"""


class Mutant:
    """One change to one line of one file."""

    def __init__(self, file, number, before, after, form=(0, 0, "", "")):
        self.file = file
        self.number = number  # of the line, from 1
        self.before = before
        self.after = after
        # The offsets of its expression, and what is put around it.
        self.start, self.end, self.head, self.tail = form

    def __str__(self):
        return (f"{self.file}:{self.number}\n  - {self.before.strip()}\n"
                f"  + {self.after.strip()}")

    def key(self):
        return self.file, self.before.strip(), self.after.strip()


class Code:
    """The tokens of a source file, and the extents of its expressions."""

    def __init__(self, text):
        # Both are as long as `text`. `bare` has spaces for comments. `code` also
        # has underscores for literals, which are then like names.
        def blank(match, instead):
            return re.sub(r"[^\n]", instead, match.group())
        pattern = re.compile(f"(?P<comment>{COMMENT})|{LITERAL}")
        self.bare = pattern.sub(
            lambda m: blank(m, " ") if m.group("comment") else m.group(), text)
        self.code = pattern.sub(
            lambda m: blank(m, " " if m.group("comment") else "_"), text)
        self.tokens = list(TOKEN.finditer(self.code))
        self.starts = [token.start() for token in self.tokens]
        self.partner = {}  # index of a bracket to that of its partner
        open_ones = []
        for index, token in enumerate(self.tokens):
            c = "" if token["binary"] else token.group()
            if c in ("(", "[", "{") or (c == "<" and self.touches(index)):
                open_ones.append(index)
            elif c in OPEN:
                while (c != ">" and open_ones
                       and self.text(open_ones[-1]) != OPEN[c]):
                    open_ones.pop()
                if open_ones and self.text(open_ones[-1]) == OPEN[c]:
                    self.partner[index] = open_ones.pop()
                    self.partner[self.partner[index]] = index

    def text(self, index):
        return self.tokens[index].group() if 0 <= index < len(self.tokens) else ";"

    def at(self, offset):
        """Returns the index of the token at `offset`."""
        return bisect.bisect_right(self.starts, offset) - 1

    def touches(self, index):
        """Returns whether there is no space before a token."""
        return index > 0 and self.tokens[index - 1].end() == self.starts[index]

    def begins_operand(self, index):
        """Returns whether a new operand begins at a token."""
        if self.tokens[index]["binary"]:
            return False
        before = self.text(index - 1)
        return (before in KEYWORDS or not self.touches(index)
                and (before[-1].isalnum() or before[-1] in "_)]}")
                and (bool(self.tokens[index]["word"])
                     or self.text(index) in ("(", "*", "&", "!", "-", "+", "~", "++")))

    def operands(self, index, new):
        """Returns the first and last token of a binary operator's expression.

        It reaches as far to the right as it would with the operator `new`.
        """
        rank = PRECEDENCE[self.text(index)]
        right = max(rank, PRECEDENCE[new]) + (rank == ASSIGNMENT)
        first = index
        while first > 0:
            at = first - 1
            binary = self.tokens[at]["binary"]
            ends = (rank == ASSIGNMENT and PRECEDENCE.get(binary) == rank
                    or PRECEDENCE.get(binary, -1) > rank)
            if ends or self.text(at) in ("(", "[", "{", ";", ",", ":") or (
                    first != index and self.begins_operand(first)):
                break
            first = self.partner.get(at, at)
        last = index
        while last + 1 < len(self.tokens):
            at = last + 1
            binary = self.tokens[at]["binary"]
            if PRECEDENCE.get(binary, -1) >= right or (
                    self.text(at) in (")", "]", "}", ";", ",", ":")):
                break
            last = self.partner.get(at, at)
        return first, last

    def operand(self, index, until=None):
        """Returns the last token of the operand that begins at `index`.

        If `until` is given, the operand ends with the first bracket of this sort.
        """
        while self.text(index) in ("!", "*", "&", "-"):
            index += 1
        while True:
            opened = self.text(index)
            index = self.partner.get(index, index)
            if opened == until or self.text(index + 1) in (")", "]", "}", ";", ",") or (
                    not self.touches(index + 1)
                    and self.text(index + 1) not in (".", "->")):
                return index
            index += 1

    def constants(self):
        """Yields (start, end, whether it is a variable with =) of constexprs."""
        for index, token in enumerate(self.tokens):
            if token.group() != "constexpr" or self.text(index - 1) == "if":
                continue
            last = index
            while self.text(last) not in (";", "{"):
                last = self.partner.get(last, last) + 1
            plain = self.text(last) == ";" and any(
                self.text(i) == "=" for i in range(index, last))
            last = self.partner.get(last, last)
            yield token.start(), self.starts[min(last, len(self.starts) - 1)], plain


def form_of(code, kind, match, offset, new):
    """Returns a Mutant's form, with %d for its number, or None if it has none.

    `offset` is that of the line in which `match` was found.
    """
    start, end = match.start() + offset, match.end() + offset
    index = code.at(start)
    if kind == "statement":
        start = offset + len(match.group()) - len(match.group().lstrip())
        if (code.text(code.at(start) - 1) not in (";", "{", "}", ")", "else", ":")):
            return None  # the end of a longer one
        return start, end, "{ if (!postern_mutants::On(%d)) ", " }"
    if kind == "continue":
        return start, end, "{ if (postern_mutants::On(%d)) break; ", " }"
    if kind == "condition":
        close = code.partner.get(code.at(end - 1))
        return close and (end, code.starts[close],
                          "postern_mutants::On(%d) != static_cast<bool>(", ")")
    first = last = index
    if kind == "operator":
        if not code.tokens[index]["binary"]:
            return None
        first, last = code.operands(index, new)
    elif kind == "call":
        last = code.operand(index, until="(")
    elif kind == "negation":
        last = code.operand(index)
    outer_start, outer_end = code.starts[first], code.tokens[last].end()
    mutated = re.sub(r"\s*\n\s*", " ", code.bare[outer_start:start] + new
                     + code.bare[end:outer_end]).replace("%", "%%")
    if kind == "negation":
        mutated = f"static_cast<bool>({mutated})"
    return outer_start, outer_end, f"(postern_mutants::On(%d) ? {mutated} : ", ")"


def mutants_of(file, text):
    """Returns the mutants of a source file that can be switched, by line."""
    found = {}
    code = Code(text)
    fixed = [(start, end) for start, end, plain in code.constants() if not plain]
    lines = text.split("\n")
    offset = 0
    for number, line_of_code in enumerate(code.code.split("\n"), 1):
        line = lines[number - 1]
        changes = [] if PASSED_OVER.search(line_of_code) else CHANGES
        for pattern, instead, kind in changes:
            for match in re.finditer(pattern, line_of_code.rstrip()):
                new = instead(match) if callable(instead) else instead
                after = line[:match.start()] + new + line[match.end():]
                place = match.start() + offset
                if any(start <= place <= end for start, end in fixed):
                    continue
                form = form_of(code, kind, match, offset, new)
                if after != line and form:
                    found.setdefault(
                        (number, after), Mutant(file, number, line, after, form))
        offset += len(line) + 1
    return [found[key] for key in sorted(found)]


def instrumented(file, text, numbered, folder, size):
    """Returns a source with its mutants, which are pairs (number, mutant).

    Lines keep their numbers. Processes record what they reach in files in
    `folder`, which have `size` octets.
    """
    inserts = []
    for number, mutant in numbered:
        length = mutant.end - mutant.start
        # The pieces of an inner mutant go inside those of an outer one.
        inserts.append((mutant.start, 1, -length, number, mutant.head % number))
        inserts.append((mutant.end, 0, length, -number, mutant.tail))
    for start, end, plain in Code(text).constants():
        if plain and any(start <= m.start <= end for _, m in numbered):
            # A constant whose value is chosen at run time.
            inserts.append((start, 1, 0, 0, None))
    pieces = []
    done = 0
    for place, _, _, _, piece in sorted(inserts, key=lambda i: i[:4]):
        pieces.append(text[done:place])
        done = place
        if piece is None:
            done += len("constexpr")
            is_member = file.endswith(".h") and pieces[-1].endswith("static ")
            piece = "inline const" if is_member else "const"
        pieces.append(piece)
    head = PREAMBLE % {"slack": SLACK, "record": RECORD, "folder": folder, "size": size}
    return head + "".join(pieces) + text[done:]
