#!/usr/bin/env python3
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Which changes tools/mutants makes to a line: mutants_test.py TOOLS/MUTANTS."""

import importlib.machinery
import importlib.util
import os
import pathlib
import shutil
import sys
import tempfile
import types
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


class StandIn:
    """A workshop whose tests read the mutated file instead of running it."""

    def __init__(self, tree, passes):
        self.tree = tree
        self.passes = passes  # (label, source) to whether it passes
        self.ran = []

    def bazel(self, *arguments, seconds):
        assert arguments[0] == "query"
        return types.SimpleNamespace(stdout="//a:x_test\n//b:y_test\nINFO\n")

    def test(self, labels, seconds, until_one_fails=False):
        source = (self.tree / "a/x.cc").read_text()
        self.ran.append((labels, source))
        if "does not compile" in source:
            return {}, "a/x.cc:1: error: no"
        return {label: ("PASSED" if self.passes(label, source) else "FAILED", "")
                for label in labels}, ""


class FateTest(unittest.TestCase):

    SOURCE = "return a == b;\n"

    def setUp(self):
        self.tree = pathlib.Path(tempfile.mkdtemp(prefix="postern-"))
        self.addCleanup(shutil.rmtree, self.tree)
        (self.tree / "a").mkdir()
        (self.tree / "a/x.cc").write_text(self.SOURCE)

    def fate(self, passes, after="return a != b;"):
        self.workshop = StandIn(self.tree, passes)
        fate = mutants.Bench(self.workshop).fate(
            mutants.Mutant("a/x.cc", 1, "return a == b;", after))
        self.assertEqual((self.tree / "a/x.cc").read_text(), self.SOURCE)
        return fate

    def test_the_tests_of_its_own_folder_kill_it_first(self):
        self.assertEqual(self.fate(lambda label, text: "==" in text),
                         ("killed", "//a:x_test"))
        self.assertNotIn("//b:y_test", str(self.workshop.ran))

    def test_the_others_kill_it_then(self):
        self.assertEqual(
            self.fate(lambda label, text: "==" in text or label[2] == "a"),
            ("killed", "//b:y_test"))

    def test_what_no_test_fails_for_has_survived(self):
        self.assertEqual(self.fate(lambda *_: True), ("survived", ""))
        self.assertEqual([text for _, text in self.workshop.ran],
                         [self.SOURCE, "return a != b;\n"] * 2)

    def test_what_does_not_compile_counts_for_nothing(self):
        self.assertEqual(self.fate(lambda *_: True, after="does not compile"),
                         ("not built", "a/x.cc:1: error: no"))

    def test_a_test_that_fails_without_a_mutant_ends_it(self):
        with self.assertRaisesRegex(ValueError, "//b:y_test does not pass"):
            self.fate(lambda label, _: label != "//b:y_test")


if __name__ == "__main__":
    unittest.main(verbosity=2)
