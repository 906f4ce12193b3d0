#!/usr/bin/env python3
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests tools/mutants: mutants_test.py TOOLS/MUTANTS."""

import concurrent.futures
import importlib.machinery
import importlib.util
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import types
import unittest


def load(path):
    sys.path.insert(0, os.path.dirname(path))  # for schemata.py, workshop.py
    loader = importlib.machinery.SourceFileLoader("mutants", path)
    spec = importlib.util.spec_from_loader("mutants", loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutants"] = module  # so that its objects can be pickled
    loader.exec_module(module)
    return module


mutants = load(os.path.abspath(sys.argv.pop(1)))
schemata = mutants.schemata


class Folder(unittest.TestCase):

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postern-"))
        self.addCleanup(shutil.rmtree, self.folder)


class MutantsTest(unittest.TestCase):

    def after(self, text):
        return [mutant.after for mutant in schemata.mutants_of("a.cc", text)]

    def test_operators_become_their_neighbours(self):
        for line, after in [
                ("return a == b;", ["return a != b;"]),
                ("return a <= b;", ["return a < b;"]),
                ("return a && !b;", ["return a && b;", "return a || !b;"]),
                ("return a + b;", ["return a - b;"]),
                ("a |= b;", ["a &= b;"]),
                ("return std::min(a, b);", ["return std::max(a, b);"]),
                ("return true;", ["return false;"]),
                ("return f(a, 7);", ["return f(a, 8);"]),
                ("constexpr int kMost = 7;", ["constexpr int kMost = 8;"]),
                ("continue;", ["break;"]),
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

    def test_text_that_is_not_code_has_no_mutants(self):
        for line in ["// a == b", "/* a == b */", 'x("a == b && c")',
                     "#if A == 1", "static_assert(a == b);",
                     "  virtual void F() = 0;", "  A(const A&) = delete;",
                     "  case '<': case '!':", "/*\n a == b\n*/",
                     'R"(\n a == b\n)"', "std::vector<int> a;"]:
            with self.subTest(line):
                self.assertEqual(self.after(line), [])

    def test_code_that_cannot_be_chosen_at_run_time_is_skipped(self):
        for text in ["constexpr bool F() {\n  return a == b;\n}",
                     "constexpr int kTable[] = {\n    1, 2,\n};",
                     "if constexpr (a == b) {",
                     # The end of a statement that begins in another line.
                     "  const int a =\n      F();"]:
            with self.subTest(text):
                self.assertEqual(self.after(text), [])

    def test_mutant_has_its_line(self):
        mutant, = schemata.mutants_of("a.cc", "int a;\n\nreturn b != c;  // d\n")
        self.assertEqual(mutant.number, 3)
        self.assertEqual(mutant.before, "return b != c;  // d")
        self.assertEqual(mutant.after, "return b == c;  // d")

    def test_whole_expression_is_guarded(self):
        for text, guarded in [
                ("return f(a) == b[1] + 2;", "f(a) == b[1] + 2"),
                ("return x || a == b && c;", "a == b"),
                ("if (x) n += 2;", "n += 2"),
                ("return p->a(x, y) <= *q;", "p->a(x, y) <= *q"),
                ("x = a + b == c ? d : e;", "a + b == c"),
                ("g(std::map<A, B>(a) == b, c);", "std::map<A, B>(a) == b"),
                ("return (void)0, a ==\n  b;", "a ==\n  b"),
                ("}\n*a |= b;", "*a |= b"),
                ("for (auto x : a < b) {", "a < b"),
                ("return a && b && !c(1)->d() || e;", "a && b && !c(1)->d()"),
                ("return e && !c(1)->d() == f;", "!c(1)->d()"),
                ("return std::max<int>(a, b).c;", "std::max<int>(a, b)")]:
            with self.subTest(text):
                self.assertIn(guarded, [
                    text[mutant.start:mutant.end]
                    for mutant in schemata.mutants_of("a.cc", text)])

    def test_same_seed_draws_the_same_mutants(self):
        text = "".join(f"return a{i} == b;\n" for i in range(100))
        old = schemata.mutants_of("a.cc", text)
        new = schemata.mutants_of("a.cc", "return true;\n" + text)
        drawn = [m.key() for m in mutants.draw(old, 50, 1)]
        again = [m.key() for m in mutants.draw(new, 50, 1)]
        self.assertEqual(len(drawn), 50)
        self.assertGreaterEqual(len(set(drawn) & set(again)), 49)
        self.assertNotEqual(drawn, [m.key() for m in mutants.draw(old, 50, 2)])


class InstrumentedTest(Folder):

    # Its output depends on each of its lines.
    SOURCE = r"""
#include <stdio.h>
namespace std {
const int& min(const int& a, const int& b) { return b < a ? b : a; }
const int& max(const int& a, const int& b) { return a < b ? b : a; }
}  // namespace std
constexpr int kMost = 2;
static int calls = 0;
bool Call(bool value) { ++calls; return value; }
int main() {
  int n = std::min(kMost, 5);
  for (int i = 0; i < 3; ++i) {
    if (Call(i == 1)) continue;  // a || b
    n += i +
         1;
  }
  if (!Call(false) && n > 1 && Call("a == b"[0] == 'a')) n |= 64;
  n = n - 1;
  printf("%d %d\n", n, calls);
}
"""

    def setUp(self):
        super().setUp()
        self.all = schemata.mutants_of("a.cc", self.SOURCE)
        self.numbered = list(enumerate(self.all, 1))

    def build(self, source, name):
        path = self.folder / f"{name}.cc"
        path.write_text(source)
        subprocess.run(["g++", "-std=c++20", "-w", "-o", self.folder / name, path],
                       check=True)
        return self.folder / name

    def printed(self, program, number):
        # Through a shell with an empty environment that closes descriptors.
        output = self.folder / "output"
        test = mutants.Test("//a:t", [
            "env", "-i", "/bin/sh", "-c", f"{program} >{output} 2>&-"], self.folder)
        self.assertIn(test.run(number, 10)[:9], ("", "exit code"))
        return output.read_text()

    def test_one_program_behaves_as_each_mutant(self):
        program = self.build(schemata.instrumented(
            "a.cc", self.SOURCE, self.numbered, self.folder, 100), "all")
        self.assertEqual(self.printed(program, 0),
                         self.printed(self.build(self.SOURCE, "original"), 0))
        lines = self.SOURCE.split("\n")
        self.assertGreater(len(self.all), 20)
        for number, mutant in self.numbered:
            with self.subTest(mutant.after):
                changed = lines.copy()
                changed[mutant.number - 1] = mutant.after
                alone = self.build("\n".join(changed), "alone")
                self.assertEqual(self.printed(program, number),
                                 self.printed(alone, 0))

    def test_lines_keep_their_numbers(self):
        text = schemata.instrumented(
            "a.cc", self.SOURCE, self.numbered, self.folder, 100)
        text = text.partition("#line 1\n")[2].split("\n")
        self.assertEqual(len(text), len(self.SOURCE.split("\n")))
        for _, mutant in self.numbered:
            self.assertIn("postern_mutants", text[mutant.number - 1])

    def test_test_records_the_mutants_it_reaches(self):
        source = "int f(int a) { return a + 1; }\nint g(int a) { return a + 2; }\n"
        here = list(enumerate(schemata.mutants_of("a.cc", source), 1))
        program = self.build(schemata.instrumented(
            "a.cc", source, here, self.folder, 100) +
            "int main() { return g(-2); }\n", "notes")
        test = mutants.Test("//a:t", [program], self.folder)
        wrong, test = mutants.survey(test, schemata.RECORD + 7, self.folder, 100)
        self.assertEqual(wrong, "")
        self.assertEqual(test.reaches, {n for n, m in here if m.number == 2})

    def test_test_that_cannot_record_reaches_all_mutants(self):
        test = mutants.Test("//a:t", ["sh", "-c", "read x </proc/$PPID/timerslack_ns;"
                                      f"[ $x -lt {schemata.RECORD} ]"], self.folder)
        wrong, test = mutants.survey(test, schemata.RECORD + 7, self.folder, 9)
        self.assertEqual((wrong, test.reaches), ("", set(range(9))))


class TestTest(Folder):

    def test_all_processes_of_a_test_are_ended(self):
        pid = self.folder / "pid"
        test = mutants.Test("//a:t", [
            "sh", "-c", f"setsid sh -c 'echo $$ >{pid}.new; mv {pid}.new {pid};"
            f"exec sleep 1000' & while [ ! -e {pid} ]; do :; done; exit 3"], self.folder)
        self.assertEqual(test.run(0, 60), "exit code 3")
        self.assertFalse(pathlib.Path(f"/proc/{pid.read_text().strip()}").exists())

    def test_test_is_ended_after_its_timeout(self):
        test = mutants.Test("//a:t", ["sleep", "1000"], self.folder)
        self.assertEqual(test.run(0, 0.2), "no end in 0 s")

    def test_tests_do_not_ignore_signals(self):
        test = mutants.Test("//a:t", [
            "grep", "-q", "^SigIgn:.*[08]$", "/proc/self/status"], self.folder)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGINT, signal.default_int_handler)
        with concurrent.futures.ProcessPoolExecutor(
                1, initializer=mutants.set_limits) as pool:
            self.assertEqual(pool.submit(test.run, 0, 60).result(), "")


class StandIn:
    """A test with given results, with a mutant and without."""

    def __init__(self, label, mutant, without=""):
        self.label = label
        self.seconds = 1
        self.results = {1: list(mutant), 0: list(without)}

    def run(self, number, _):
        return "exit code 1" if self.results[number].pop(0) == "F" else ""


class FateTest(unittest.TestCase):

    def test_failing_twice_with_a_mutant_but_not_without_kills_it(self):
        self.assertEqual(
            mutants.fate(1, [StandIn("//a:x", "P"), StandIn("//a:y", "FF", "P"),
                             StandIn("//b:z", "")]),
            ("killed", "//a:y exit code 1"))

    def test_mutant_without_a_failing_test_survives(self):
        self.assertEqual(mutants.fate(1, [StandIn("//a:x", "P")])[0], "survived")
        self.assertEqual(mutants.fate(1, [])[0], "survived")

    def test_unreliable_test_kills_no_mutant(self):
        self.assertEqual(mutants.fate(1, [StandIn("//a:x", "FP", "P")])[0],
                         "survived")
        self.assertEqual(mutants.fate(1, [StandIn("//a:x", "FF", "F")])[0],
                         "survived")


class BuildTest(Folder):

    SOURCE = "int f() { return a == 1; }\nint g() { return a ==\n b; }\n"

    def copy(self, *outputs):
        """Returns a Copy whose builds print `outputs`."""
        (self.folder / "a.cc").write_text(self.SOURCE)
        outputs = list(outputs)
        return mutants.Copy(
            types.SimpleNamespace(
                tree=self.folder,
                bazel=lambda *_, seconds: types.SimpleNamespace(
                    returncode=1 if outputs else 0,
                    stdout=outputs.pop(0) if outputs else "")),
            schemata.mutants_of("a.cc", self.SOURCE), self.folder)

    def test_mutants_that_do_not_compile_are_removed(self):
        for output, left in [
                ("a.cc:1:18: error: no", {2}),
                ("a.cc:3:1: error: no\na.cc:1:1: note: here", {1}),
                ("In file included from b.cc:9:\nc.h:1:1: error: no\n"
                 "a.cc:2:1: note: here", {1}),
                ("c.h:1:1: error: no\na.cc:77:1: note: here", set())]:
            with self.subTest(output):
                copy = self.copy(output)
                copy.numbered = {1: copy.numbered[1], 2: copy.numbered[len(copy.numbered)]}
                copy.build()
                self.assertEqual(set(copy.numbered), left)
                self.assertEqual(
                    (self.folder / "a.cc").read_text().count("::On("), len(left))

    def test_build_that_fails_without_a_mutant_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "no room"):
            self.copy("no room on the disk").build()


class SmallWorkshop:
    """A tree with one source and one test, which g++ builds."""

    SOURCE = ("#include <cstdio>\nint main() {\n  int n = 3;\n  n += 1;\n"
              "  std::puts(\"\");\n  return n == 4 ? 0 : 1;\n}\n")

    def __init__(self, _, work):
        self.tree = work / "tree"
        (self.tree / "a").mkdir(parents=True)
        (self.tree / "a/x.cc").write_text(self.SOURCE)

    def bazel(self, command, *_, seconds):
        del seconds
        test = self.tree / "bazel-bin/a/x_test"
        runfiles = test.parent / "x_test.runfiles/postern/a"
        if command == "build":
            runfiles.mkdir(parents=True)
            return subprocess.run(
                ["g++", "-std=c++20", "-o", runfiles / "x_test", "a/x.cc"],
                cwd=self.tree, capture_output=True, check=False)
        return types.SimpleNamespace(stdout="""\
action 'Testing //a:x_test'
  Mnemonic: TestRunner
  Target: //a:x_test
  Command Line: (exec external/bazel_tools/tools/test/test-setup.sh \\
    a/x_test \\
    unused)
""")

    def close(self):
        pass


class RunTest(Folder):

    def test_each_mutant_gets_one_result(self):
        drawn = schemata.mutants_of("a/x.cc", SmallWorkshop.SOURCE)
        usual = mutants.Workshop
        self.addCleanup(setattr, mutants, "Workshop", usual)
        mutants.Workshop = SmallWorkshop
        known = {}

        def report(mutant, outcome, why):
            self.assertTrue(why)
            self.assertNotIn(mutant.key(), known)
            known[mutant.key()] = outcome

        mutants.run(self.folder, self.folder, drawn, known, report, 2)
        self.assertEqual(
            {(before, after) for (_, before, after), outcome in known.items()
             if outcome == "survived"},
            {("std::puts(\"\");", ";"),
             ("return n == 4 ? 0 : 1;", "return n == 4 ? 0 : 2;")})
        self.assertEqual(list(known.values()).count("killed"), 7)
        self.assertEqual(mutants.summary(drawn, known), 100 * 7 / 9)
        # An interrupted run continues with those that have no result.
        again = dict(known)
        del again[drawn[0].key()]
        known.clear()
        mutants.run(self.folder, self.folder, drawn, again, report, 2)
        self.assertEqual(list(known), [drawn[0].key()])


class EquivalentsTest(Folder):

    def test_entry_that_is_not_a_mutant_is_found(self):
        (self.folder / "a.cc").write_text("return a == b;\n")
        (self.folder / "tests").mkdir()
        (self.folder / mutants.EQUIVALENTS).write_text(
            "# Comment.\n\na.cc\n- return a == b;\n+ return a != b;\nwhy\nand why\n\n"
            "a.cc\n- return a == c;\n+ return a != c;\nwhy\n")
        equivalents = mutants.read_equivalents(self.folder)
        self.assertEqual(list(equivalents.values()), ["why and why", "why"])
        self.assertEqual(mutants.rotten(self.folder, equivalents), [
            "tests/equivalent_mutants.txt: no such mutant of a.cc: return a != c;"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
