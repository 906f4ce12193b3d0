#!/usr/bin/env python3
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks the files of a website: site_test.py ROOT SITE

ROOT is the source tree, and SITE what tools/docs has made of it. Pages of the
API reference count as targets of links only: tools/reference_test.py reads
them.
"""

import html.parser
import pathlib
import posixpath
import re
import sys
import unittest
import urllib.parse

ROOT = SITE = None  # set by main

# Attributes that load something, or lead somewhere.
LOADS = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"),
         ("source", "src"), ("img", "srcset"), ("object", "data"),
         ("video", "src"), ("audio", "src"), ("embed", "src")}


class Reader(html.parser.HTMLParser):
    """What one page has."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loads, self.headings = [], [], [], []
        self.tags, self.source, self.nameless = [], None, []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "meta" and values.get("name") == "source":
            self.source = values["content"]
        if tag == "img" and not values.get("alt"):
            self.nameless.append(values.get("src"))
        self.loads += [value for name, value in attrs if (tag, name) in LOADS]
        if any(name.startswith("on") or name == "style" for name in values):
            self.nameless.append(f"{tag} {values}")


class SiteTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.pages = {
            str(path.relative_to(SITE)): Reader(path)
            for path in SITE.rglob("*.html")
            if path.relative_to(SITE).parts[0] != "reference"}

    def resolve(self, page, link):
        """Returns (file, anchor) of a link in a page."""
        path, _, anchor = link.partition("#")
        path = posixpath.normpath(posixpath.join(
            posixpath.dirname(page), path)) if path else page
        return path, urllib.parse.unquote(anchor)

    def test_each_link_leads_somewhere(self):
        broken, count = [], 0
        for name, page in self.pages.items():
            for link in page.links:
                if re.match("https?:|mailto:", link):
                    continue
                count += 1
                path, anchor = self.resolve(name, link)
                if path.startswith("reference/"):
                    if not (SITE / path).is_file():
                        broken.append(f"{name}: {link}")
                elif path not in self.pages:
                    broken.append(f"{name}: {link}: no page")
                elif anchor and anchor not in self.pages[path].ids:
                    broken.append(f"{name}: {link}: no anchor")
        self.assertEqual(broken, [])
        self.assertGreater(count, 1000)

    def test_ids_are_unique(self):
        for name, page in self.pages.items():
            double = {each for each in page.ids if page.ids.count(each) > 1}
            self.assertEqual(double, set(), name)

    def test_each_document_can_be_reached(self):
        seen, left = set(), ["index.html"]
        while left:
            name = left.pop()
            if name in seen or name not in self.pages:
                continue
            seen.add(name)
            left += [self.resolve(name, link)[0]
                     for link in self.pages[name].links]
        self.assertEqual(set(self.pages) - seen, set())
        sources = {self.pages[name].source for name in seen}
        documents = {path.relative_to(ROOT).as_posix() for pattern in
                     ("*.md", "docs/*.md", "docs/*.7", "docs/*.8")
                     for path in ROOT.glob(pattern)}
        self.assertGreater(len(documents), 25)
        self.assertEqual(documents - sources, set())

    def test_nothing_is_loaded_from_elsewhere(self):
        for name, page in self.pages.items():
            self.assertIn("link", page.tags, name)
            for each in page.loads:
                if each == "data:,":  # no icon
                    continue
                self.assertNotRegex(each, r"^([a-z]+:|//)", name)
                self.assertTrue((SITE / self.resolve(name, each)[0]).is_file(),
                                f"{name}: {each}")
        for path in [*SITE.glob("*.css"), *SITE.glob("*.js")]:
            if path.name != "search-index.js":  # only texts
                self.assertNotRegex(
                    path.read_text(encoding="utf-8"),
                    r"https?://|url\(|@import|@font-face|document\.cookie",
                    path.name)

    def test_screen_readers_find_the_parts(self):
        for name, page in self.pages.items():
            for tag in ("main", "nav", "header", "footer", "h1"):
                self.assertIn(tag, page.tags, name)
            self.assertEqual(page.tags.count("h1"), 1, name)
            self.assertEqual(page.nameless, [], name)
            # No level is left out on the way down, after the h1.
            levels = page.headings[page.headings.index(1):]
            for before, after in zip(levels, levels[1:]):
                self.assertLessEqual(after, before + 1, f"{name}: {levels}")

    def test_the_examples_are_those_of_this_program(self):
        session = (SITE / "session.html").read_text(encoding="utf-8")
        self.assertEqual(session.count('<li class="step"'), 15)
        for text in ("553 5.7.1 sorry", "rule=not-listed",
                     "/etc/postern/rcpthosts:1", "KioqKioqKio=",
                     "TLSv1.3", "set recorded true"):
            self.assertIn(text, session)
        self.assertNotIn("correct", session)  # the password
        relaying = (SITE / "relaying.html").read_text(encoding="utf-8")
        self.assertIn('<th scope="row">192.0.2.66</th><td>by '
                      "/etc/postern/rules:2</td>", relaying)
        for name, page in (("session", session), ("relaying", relaying)):
            self.assertNotIn("postern-docs-", page, name)


if __name__ == "__main__":
    ROOT, SITE = map(pathlib.Path, sys.argv[1:3])
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
