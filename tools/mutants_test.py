#!/usr/bin/env python3
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Which changes tools/mutants makes to a line: mutants_test.py TOOLS/MUTANTS."""

import importlib.machinery
import importlib.util
import os
import sys
import unittest


def load(path):
    sys.path.insert(0, os.path.dirname(path))  # for workshop.py
    loader = importlib.machinery.SourceFileLoader("mutants", path)
    spec = importlib.util.spec_from_loader("mutants", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


mutants = load(os.path.abspath(sys.argv.pop(1)))


class MutantsTest(unittest.TestCase):

    def after(self, text):
        return [mutant.after for mutant in mutants.mutants_of("a.cc", text)]

    def test_operators_become_their_neighbours(self):
        for line, after in [
                ("return a == b;", ["return a != b;"]),
                ("return a <= b;", ["return a < b;"]),
                ("return a && !b;", ["return a && b;", "return a || !b;"]),
                ("return a + b;", ["return a - b;"]),
                ("return std::min(a, b);", ["return std::max(a, b);"]),
                ("return true;", ["return false;"]),
                ("return f(a, 7);", ["return f(a, 8);"]),
                ("if (ok()) return;", ["if (!ok()) return;"]),
                ("if (a == b) return;", ["if (a != b) return;"])]:
            with self.subTest(line):
                self.assertEqual(self.after(line), after)

    def test_statements_are_left_out(self):
        for line, after in [("  Wipe(&text);", ["  ;"]),
                            ("  state_ = State::kOpen;", ["  ;"]),
                            ("  queue->items_.clear();", ["  ;"])]:
            with self.subTest(line):
                self.assertEqual(self.after(line), after)

    def test_what_is_no_code_stays_as_it_is(self):
        for line in ["// a == b", "/* a == b */", 'x("a == b && c")',
                     "#if A == 1", "static_assert(a == b);",
                     "  virtual void F() = 0;", "  A(const A&) = delete;",
                     "  case '<': case '!':", "/*\n a == b\n*/",
                     'R"(\n a == b\n)"', "std::vector<int> a;"]:
            with self.subTest(line):
                self.assertEqual(self.after(line), [])

    def test_a_mutant_knows_its_line(self):
        mutant, = mutants.mutants_of("a.cc", "int a;\n\nreturn b != c;  // d\n")
        self.assertEqual(mutant.number, 3)
        self.assertEqual(mutant.before, "return b != c;  // d")
        self.assertEqual(mutant.after, "return b == c;  // d")


if __name__ == "__main__":
    unittest.main(verbosity=2)
