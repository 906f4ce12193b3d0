#!/usr/bin/env python3
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks the API reference: reference_test.py README HDRS HEADERS... [TEST...]

README is any file at the root of the project. HDRS has the labels of the public
headers, as Bazel prints them. The files HEADERS end in .headers, and list the
headers that tools/install installs.
"""

import html.parser
import importlib.machinery
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import xml.etree.ElementTree

TOP = pathlib.Path(sys.argv.pop(1)).resolve().parent
# The paths of the public headers, and of those that are installed.
HDRS = {line.removeprefix("//").lstrip(":").replace(":", "/")
        for line in pathlib.Path(sys.argv.pop(1)).read_text().split()}
INSTALLED = set()
while len(sys.argv) > 1 and not sys.argv[1].startswith(("-", "W", "S")):
    listed = sys.argv.pop(1)
    if listed.endswith(".headers"):  # and not the library next to it
        INSTALLED.update(pathlib.Path(listed).read_text().split())

HEADER = """\
// Copyright 2026 The postern authors.

// A door. It has <hinges>, costs 5 % & opens \\r\\n:
//
//   door.Open();   // "@home" #1

#ifndef POSTERN_DOOR_DOOR_H_
#define POSTERN_DOOR_DOOR_H_

struct wall_st;  // not a comment of the namespace

namespace postern {

// Returns the number of doors.
int Doors();
int OpenDoors();

int Windows();

// The state of a door.
enum class State {
  kOpen,  // it is open
  kShut,
};

enum class Kind {
  kWood,  // brown
  kGlass,
};

// A door with a `height`. Thread-compatible: see `Doors()`.
class Door {
 public:
  Door(const Door&) = delete;
  ~Door();
  bool operator==(const Door&) const;

  // Opens it.
  void Open() {
    if (open_) return;  // nothing to do
    open_ = true;
  }
  void Shut();

  bool open() const { return open_; }

  int colour = 0;  // RFC 5321 4.1.2,
                   // in this form

  int height = 0;

  // The size of its handle, in `width` and `depth`.
  int width = 0;
  int depth = 0;
  int weight = 0;

  // Who made it.
  int maker = 0;
  int year = 0;  // when
  int price = 0;

 private:
  void Creak();
  bool open_ = false;
};

}  // namespace postern

/* The first door.
 */
extern int first_door;

#endif  // POSTERN_DOOR_DOOR_H_
"""
BUILD = """\
cc_library(
    name = "postern",
    deps = ["//door"],
)

cc_library(
    name = "matchers",
    testonly = True,
    deps = [":postern"],
)
"""
DOOR_BUILD = """\
cc_library(
    name = "door",
    srcs = ["hidden.h"],
    hdrs = ["door.h"],
)
"""


def reference(*arguments, top=TOP, **environment):
    return subprocess.run(
        [TOP / "tools/reference", *arguments], capture_output=True, text=True,
        check=False, timeout=200, env={**os.environ, "POSTERN_SOURCE": str(top), **environment})


class Page(html.parser.HTMLParser):
    """The links, anchors and text of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors, self.text = [], set(), []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = " ".join("".join(self.text).split())

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src"):
                self.links.append(value)
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value)

    def handle_data(self, data):
        self.text.append(data)


class SmallTree(unittest.TestCase):
    """A tree with one header."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.top = pathlib.Path(scratch.name) / "tree"
        (self.top / "door").mkdir(parents=True)
        (self.top / "BUILD").write_text(BUILD)
        (self.top / "door/BUILD").write_text(DOOR_BUILD)
        (self.top / "door/door.h").write_text(HEADER)
        (self.top / "door/hidden.h").write_text("int Hidden();\n")
        for name in ("docs", "tools"):
            (self.top / name).symlink_to(TOP / name)
        self.out = self.top / "out"

    def test_names_without_a_comment_are_found(self):
        done = reference("--check", top=self.top)
        found = re.sub(r"\(.*?\)( const)?", "()", done.stdout)
        self.assertEqual(found.splitlines(), [
            "door/door.h:18: Windows() has no comment",
            "door/door.h:26: Kind has no comment",
            "door/door.h:26: kGlass has no comment",
            "door/door.h:45: open() has no comment",
            "door/door.h:50: height has no comment",
            "door/door.h:55: weight: its comment is about the member above it",
            "door/door.h:60: price has no comment",
        ])
        self.assertEqual(done.returncode, 1)

    def test_comments_appear_as_they_are(self):
        self.assertEqual(reference(self.out, top=self.top).stdout,
                         f"{self.out}/index.html\n")
        page = Page(self.out / "door_8h.html").text
        self.assertIn(r"It has <hinges>, costs 5 % & opens \r\n:", page)
        self.assertIn('door.Open(); // "@home" #1', page)
        door = Page(self.out / "classpostern_1_1Door.html").text
        self.assertIn("RFC 5321 4.1.2, in this form", door)
        self.assertIn("#include <door/door.h>", door)
        self.assertNotIn("Creak", door)
        self.assertNotIn("Hidden", Page(self.out / "index.html").text)
        self.assertIn("kShut", page)  # the comment of its enum explains it
        self.assertIn("The first door.", page)
        self.assertNotIn("comment of the namespace",
                         Page(self.out / "namespaces.html").text)

    def test_only_the_files_of_a_reference_are_replaced(self):
        self.out.mkdir()
        # A reference of another project has this name, too.
        (self.out / "doxygen.css").write_text("x")
        done = reference(self.out, top=self.top)
        self.assertEqual((done.returncode, done.stderr), (
            1, f"tools/reference: {self.out}: it has files, and no list of "
            "them (.postern-files) from an earlier run: name another "
            "directory\n"))
        self.assertEqual(os.listdir(self.out), ["doxygen.css"])
        (self.out / "doxygen.css").unlink()
        self.assertEqual(reference(self.out, top=self.top).returncode, 0)
        (self.out / "mine").write_text("x")
        self.assertEqual(reference(self.out, top=self.top).returncode, 0)
        self.assertTrue((self.out / "mine").exists())

    def test_directories_may_have_a_blank(self):
        blank = self.top / "with blank"
        blank.mkdir()
        done = reference(self.out, top=self.top, TMPDIR=str(blank))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue((self.out / "door_8h.html").exists())


def loaded_tool():
    """Returns tools/reference as a module."""
    loader = importlib.machinery.SourceFileLoader(
        "reference_tool", str(TOP / "tools/reference"))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class WholeTree(unittest.TestCase):
    """The reference of postern."""

    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        work = pathlib.Path(scratch.name)
        tool = loaded_tool()
        cls.headers = tool.public_headers()
        tool.run(cls.headers, work, check=False)
        cls.out = work / "html"
        tool.corrected(cls.out)
        cls.compounds = [
            compound for path in (work / "xml").glob("*.xml")
            for compound in xml.etree.ElementTree.parse(path).iter("compounddef")
            if compound.get("prot") != "private"]
        cls.pages = {path.name: Page(path) for path in cls.out.glob("*.html")}
        cls.found = {
            target for path in (cls.out / "search").glob("all_*.js")
            for target in re.findall(r"'\.\./([^']+)'", path.read_text("utf-8"))}

    def test_each_public_name_has_a_comment(self):
        self.assertEqual(reference("--check").stdout.splitlines(), [])

    def test_the_public_headers_are_those_of_the_build(self):
        bindings = {path.relative_to(TOP).as_posix()
                    for path in (TOP / "bindings").glob("postern*.h")}
        self.assertEqual(set(self.headers), HDRS | bindings)
        # Each of them is installed, and so are those that they include.
        self.assertEqual(HDRS - INSTALLED, set())
        install = (TOP / "tools/install").read_text()
        self.assertIn('for name in postern postern-rig; do\n    header=', install)
        self.assertIn('"$top/bindings/postern_types.h"', install)
        self.assertEqual(bindings, {"bindings/postern.h", "bindings/postern_rig.h",
                                    "bindings/postern_types.h"})

    def test_each_public_name_is_on_a_page_and_in_the_search(self):
        """The names are those that doxygen has found in the headers."""
        anchors = set().union(*(page.anchors for page in self.pages.values()))
        targets = {target.partition("#")[2] for target in self.found}
        headers, missing, count = set(), [], 0
        for compound in self.compounds:
            name = compound.findtext("compoundname")
            if compound.get("kind") == "file" and name != "mainpage.dox":
                headers.add(compound.find("location").get("file"))
            if (compound.get("kind") in ("file", "class", "struct", "union")
                    and name != "mainpage.dox"):
                page = compound.get("id") + ".html"
                if page not in self.pages or page not in self.found:
                    missing.append(name)
            for member in compound.iter("memberdef"):
                if member.get("prot") == "private":
                    continue
                for each in (member, *member.iter("enumvalue")):
                    count += 1
                    anchor = each.get("id").rpartition("_1")[2]
                    if anchor not in anchors or anchor not in targets:
                        missing.append(f"{name}: {each.findtext('name')}")
        self.assertEqual(missing, [])
        self.assertEqual(headers, set(self.headers))
        self.assertGreater(count, 1500)

    def test_the_first_page_has_each_header(self):
        first = self.pages["index.html"].text
        self.assertEqual(
            [header for header in self.headers if f"{header}:" not in first], [])

    def test_links_lead_to_pages_and_anchors(self):
        self.assertGreater(len(self.pages), 200)
        broken = set()
        for name, page in self.pages.items():
            for link in page.links:
                target = urllib.parse.urlsplit(link)
                if target.scheme in ("http", "https", "javascript", "data"):
                    continue
                path = urllib.parse.unquote(target.path) or name
                if not (self.out / path).exists():
                    broken.add(f"{name}: {link}")
                if target.fragment and path in self.pages and (
                        target.fragment not in self.pages[path].anchors):
                    broken.add(f"{name}: {link}")
        for target in self.found:
            path, _, anchor = target.partition("#")
            if path not in self.pages or (
                    anchor and anchor not in self.pages[path].anchors):
                broken.add(f"search: {target}")
        self.assertEqual(broken, set())

    def test_pages_load_nothing_from_elsewhere(self):
        for path in self.out.glob("*.html"):
            for tag in re.findall(r"<(?:script|link|img|iframe)\b[^>]*>",
                                  path.read_text(encoding="utf-8")):
                self.assertNotRegex(tag, r'(?:src|href)="(?:https?:)?//', path.name)


if __name__ == "__main__":
    unittest.main()
