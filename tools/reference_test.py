#!/usr/bin/env python3
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks the API reference: reference_test.py README [TEST...]

README is any file at the root of the project.
"""

import html.parser
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

TOP = pathlib.Path(sys.argv.pop(1)).resolve().parent

HEADER = """\
// Copyright 2026 The postern authors.

// A door. It has <hinges>, costs 5 % & opens \\r\\n:
//
//   door.Open();   // "@home" #1

#ifndef POSTERN_DOOR_DOOR_H_
#define POSTERN_DOOR_DOOR_H_

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

// A door. Thread-compatible: see `Doors()`.
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

 private:
  void Creak();
  bool open_ = false;
};

}  // namespace postern

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


def reference(*arguments, top=TOP):
    return subprocess.run(
        [TOP / "tools/reference", *arguments], capture_output=True, text=True,
        check=False, timeout=200, env={**os.environ, "POSTERN_SOURCE": str(top)})


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
            "door/door.h:16: Windows() has no comment",
            "door/door.h:24: Kind has no comment",
            "door/door.h:24: kGlass has no comment",
            "door/door.h:43: open() has no comment",
            "door/door.h:48: height has no comment",
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

    def test_only_a_reference_is_replaced(self):
        self.out.mkdir()
        (self.out / "mine").write_text("x")
        done = reference(self.out, top=self.top)
        self.assertEqual((done.returncode, done.stderr), (
            1, f"tools/reference: {self.out}: is not a reference\n"))
        self.assertEqual(os.listdir(self.out), ["mine"])
        (self.out / "mine").unlink()
        for _ in range(2):
            self.assertEqual(reference(self.out, top=self.top).returncode, 0)


class WholeTree(unittest.TestCase):
    """The reference of postern."""

    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.out = pathlib.Path(scratch.name) / "out"
        done = reference(cls.out)
        assert done.returncode == 0, done.stderr
        cls.pages = {path.name: Page(path) for path in cls.out.glob("*.html")}

    def test_each_public_name_has_a_comment(self):
        self.assertEqual(reference("--check").stdout.splitlines(), [])

    def test_links_lead_to_pages_and_anchors(self):
        self.assertGreater(len(self.pages), 200)
        broken = set()
        for name, page in self.pages.items():
            for link in page.links:
                target = urllib.parse.urlsplit(link)
                if target.scheme in ("http", "https", "javascript"):
                    continue
                path = urllib.parse.unquote(target.path) or name
                if not (self.out / path).exists():
                    broken.add(f"{name}: {link}")
                # doxygen 1.9 also lists groups of which nothing is shown.
                if re.fullmatch(r"nested-classes|define-members|p\w+-\w+", target.fragment):
                    continue
                if target.fragment and path in self.pages and (
                        target.fragment not in self.pages[path].anchors):
                    broken.add(f"{name}: {link}")
        self.assertEqual(broken, set())

    def test_pages_load_nothing_from_elsewhere(self):
        for path in self.out.glob("*.html"):
            for tag in re.findall(r"<(?:script|link|img|iframe)\b[^>]*>",
                                  path.read_text(encoding="utf-8")):
                self.assertNotRegex(tag, r'(?:src|href)="(?:https?:)?//', path.name)

    def test_search_finds_headers_classes_functions_and_constants(self):
        index = "".join(path.read_text(encoding="utf-8")
                        for path in (self.out / "search").glob("all_*.js"))
        for name in ("served_session.h", "ServedSession", "Advance",
                     "kNeedInput", "max_recipients", "ParsePath"):
            self.assertTrue(f"['{name}'" in index, name)
        first = self.pages["index.html"].text
        for header in ("engine/served_session.h", "rig/server.h",
                       "delivery/maildir.h", "transports/server.h"):
            self.assertIn(header, first)


if __name__ == "__main__":
    unittest.main()
