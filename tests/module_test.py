#!/usr/bin/env python3
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads MODULE.bazel as current versions of Bazel do.

    module_test.py FILE   any file at the root of the project

Debian has no Bazel that reads MODULE.bazel. Starlark is a part of Python here,
so this test runs that file and the BUILD files of what an embedder can depend
on, with the names that Bazel 9 has: no rules for C++ without a load(), and no
repositories of WORKSPACE. Bazel's own checks, and those of the modules of the
registry, are not repeated.
"""

import glob
import pathlib
import re
import sys
import tempfile
import unittest

TOP = pathlib.Path(sys.argv.pop(1)).resolve().parent
# What a program with the engine depends on (docs/install.md).
PUBLIC = ("//:postern", "//:matchers")
# The targets of modules that the BUILD files use.
TARGETS = {"openssl": {"//:ssl", "//:crypto"},
           "com_google_googletest": {"//:gtest", "//:gtest_main"}}


def evaluate(path, names):
    """Runs a file of Starlark."""
    exec(compile(path.read_text(), str(path), "exec"), names)  # pylint: disable=exec-used
    return names


class Package:
    """The rules of a BUILD file."""

    def __init__(self, path):
        self.rules = {}
        self.loaded = []
        self.folder = path.parent

        def rule(**attributes):
            self.rules[attributes["name"]] = attributes

        names = {name: rule for name in (
            "alias", "config_setting", "filegroup", "genquery", "genrule",
            "package_group", "test_suite")}
        names.update({
            "load": self.load, "glob": self.glob, "select": lambda each: each,
            "package": lambda **_: None, "licenses": lambda _: None,
            "exports_files": lambda *_, **__: None, "fail": self.fail})
        # load() binds names, so it has its effect before the file runs.
        self.names = names
        self.rule = rule
        text = path.read_text()
        for label, symbols in re.findall(
                r"^load\(\s*\"([^\"]+)\",([^)]*)\)", text, re.M):
            self.load(label, *re.findall(r"\"(\w+)\"", symbols))
        names["load"] = lambda *_: None
        evaluate(path, names)

    @staticmethod
    def fail(text):
        raise AssertionError(text)

    def glob(self, include, exclude=(), allow_empty=False, **_):
        found = [each for pattern in include
                 for each in glob.glob(pattern, root_dir=self.folder,
                                       recursive=True)]
        return [each for each in found if each not in exclude]

    def load(self, label, *symbols):
        self.loaded.append(label)
        if label.startswith("@"):
            for symbol in symbols:
                self.names[symbol] = self.rule
            return
        package, _, file = label.rpartition(":")
        path = (TOP / package.lstrip("/") if package else self.folder) / file
        # A macro makes rules of this package.
        more = {**self.names, "native": None, "struct": dict,
                "rule": lambda **_: self.rule, "provider": lambda *_, **__: 0,
                "Label": str, "depset": list}
        evaluate(path, more)
        for symbol in symbols:
            self.names[symbol] = more[symbol]


def labels(attributes):
    """Returns the labels of the dependencies of a rule."""
    for name in ("deps", "implementation_deps", "actual", "data", "srcs",
                 "hdrs", "textual_hdrs", "additional_linker_inputs"):
        value = attributes.get(name, [])
        if isinstance(value, str):
            value = [value]
        if isinstance(value, dict):
            value = [each for list_ in value.values() for each in list_]
        yield from value


class ListsTest(unittest.TestCase):
    """Lists that are in several files, because each is for another tool."""

    def test_each_build_links_the_same_modules_of_abseil(self):
        lists = {name: set(re.findall(expression, (TOP / name).read_text()))
                 for name, expression in (
                     ("third_party/repositories.bzl", r'"absl_(\w+)"'),
                     ("dist/postern.pc.in", r"\babsl_(\w+)"),
                     ("dist/postern-config.cmake.in", r"\babsl::(\w+)"))}
        first = lists["third_party/repositories.bzl"]
        self.assertGreater(len(first), 10)
        for name, modules in lists.items():
            self.assertEqual(modules, first, name)

    def test_what_is_installed_is_built_for_the_test(self):
        """tools/BUILD names the targets of tools/targets."""
        targets = (TOP / "tools/targets").read_text()
        shell = dict(re.findall(r'^(\w+)="([^"]*)"', targets, re.M))
        listed = {name: set(text.replace("\\\n", " ").split())
                  for name, text in shell.items()}
        build = (TOP / "tools/BUILD").read_text()
        rules = [re.search(rf'    name = "{name}",\n.*?^\)', build, re.M | re.S)[0]
                 for name in ("installed", "install_test")]
        of_test = set(re.findall(
            r'"(//(?:programs:|bindings:lib|dist:postern|dist:completion)[^"]*)"',
            "".join(rules)))
        self.assertEqual(
            of_test, listed["program_targets"] | listed["library_targets"])
        self.assertEqual(
            {f"//programs:{name}" for name in listed["installed_programs"]},
            {label for label in of_test if label.startswith("//programs:")})


class ModuleTest(unittest.TestCase):

    def setUp(self):
        """Runs MODULE.bazel, and third_party/system.bzl for its rules."""
        self.modules = {}  # by the name that labels have
        self.repositories = {}
        rules = {}

        def repository_rule(**how):
            how["attrs"] = dict(how.get("attrs", {}))
            return how

        class Attr:
            """attr.string(mandatory = True) and so on."""

            def __getattr__(self, kind):
                return lambda **how: {"kind": kind, **how}

        def use_repo_rule(label, name):
            self.assertEqual(label, "//third_party:system.bzl")
            file = evaluate(TOP / "third_party/system.bzl",
                            {"repository_rule": repository_rule,
                             "attr": Attr(), "Label": str})
            rules[name] = file[name]

            def make(**attributes):
                given = set(attributes) - {"name"}
                declared = rules[name]["attrs"]
                self.assertLessEqual(given, set(declared), attributes)
                self.assertLessEqual(
                    {each for each, how in declared.items()
                     if how.get("mandatory")}, given, attributes)
                self.repositories[attributes["name"]] = (name, attributes)
            return make

        def bazel_dep(name, version, repo_name=None):
            self.assertRegex(version, r"^[0-9.a-z]+$")
            self.modules[repo_name or name] = name

        self.module = {}
        evaluate(TOP / "MODULE.bazel",
                 {"module": lambda **how: self.module.update(how),
                  "bazel_dep": bazel_dep, "use_repo_rule": use_repo_rule,
                  "__builtins__": {}})

    def test_the_version_is_that_of_the_project(self):
        self.assertEqual(self.module["name"], "postern")
        version = re.search(r"(?m)^## \[(\d+\.\d+\.\d+)\]",
                            (TOP / "CHANGELOG.md").read_text())[1]
        self.assertEqual(self.module["version"], version)

    def test_every_repository_is_defined_and_used(self):
        """What the public targets need, and nothing else."""
        packages = {}
        used = set()
        seen = set()

        def visit(label, package):
            if label.startswith(":"):
                label = f"//{package}{label}"
            if label in seen:
                return
            seen.add(label)
            if label.startswith("@"):
                repository, _, target = label[1:].partition("//")
                used.add(repository)
                known = TARGETS.get(repository)
                if known:
                    self.assertIn(f"//{target}", known, label)
                return
            if not label.startswith("//"):
                return  # a file
            folder, _, name = label[2:].partition(":")
            name = name or folder.rpartition("/")[2]
            if folder not in packages:
                packages[folder] = Package(TOP / folder / "BUILD")
                for loaded in packages[folder].loaded:
                    if loaded.startswith("@"):
                        used.add(loaded[1:].partition("//")[0])
            rule = packages[folder].rules.get(name)
            if rule is None:
                return  # a file
            for each in labels(rule):
                visit(each, folder)

        for label in PUBLIC:
            visit(label, "")
        self.assertGreater(len(packages), 8)
        self.assertEqual(used, set(self.modules) | set(self.repositories))

    def test_repositories_of_the_system_are_complete(self):
        for name, (rule, attributes) in self.repositories.items():
            if rule != "bundled_library":
                continue
            folder = TOP / "third_party" / attributes["directory"]
            package = Package(folder / "BUILD")
            self.assertTrue(package.rules, name)
            for loaded in package.loaded:
                self.assertIn(loaded[1:].partition("//")[0], self.modules)

    def test_names_of_repositories_may_be_canonical(self):
        """With modules repository_ctx.name is the name of Bazel: it contains
        the apparent name after a '+' or, in Bazel 7, a '~'."""
        file = evaluate(TOP / "third_party/system.bzl",
                        {"repository_rule": lambda **how: how,
                         "attr": type("Attr", (), {"__getattr__": lambda *_: (
                             lambda **__: None)})(), "Label": str})
        for name in ("gmime", "+pkg_config_library+gmime",
                     "postern++_repo_rules+gmime",
                     "_main~_repo_rules~gmime"):
            written = {}
            attr = type("attr", (), {"module": "gmime-3.0", "package": "x"})
            done = type("done", (), {"return_code": 0, "stdout":
                                     "-I/usr/include/gmime-3.0\n",
                                     "stderr": ""})
            context = type("context", (), {
                "attr": attr, "name": name,
                "which": staticmethod(lambda program: f"/usr/bin/{program}"),
                "execute": staticmethod(lambda _: done),
                "symlink": staticmethod(lambda *_: None),
                "file": staticmethod(lambda path, text: written.update(
                    {path: text}))})
            file["pkg_config_library"]["implementation"](context)
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "BUILD"
                path.write_text(written["BUILD"])
                self.assertEqual(list(Package(path).rules), ["gmime"], name)


if __name__ == "__main__":
    unittest.main()
