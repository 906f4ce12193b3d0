# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes the website: static pages of the documents and manual pages.

    site.py POSTERN OUT [--reference DIR]

POSTERN is the built program, which makes the examples (examples.py). OUT is a
directory that does not exist, is empty, or has a website, whose files are
replaced; other files in it stay (tools/published.py). DIR has the API
reference, whose first page is DIR/index.html.

Each document becomes one page. A link from one document to another leads to its
page, and a link to a source file to a page with its text. A link that leads
nowhere is an error. site_test.py checks the result.
"""

import argparse
import dataclasses
import html
import json
import pathlib
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile

import jinja2
import markupsafe
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin

import examples

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent.parent / "tools"))
import published

GENERATOR = "postern tools/docs"

# The groups of the navigation: a label and a document, which may have an
# anchor. SESSION is the page of the recorded session, REFERENCE the first page
# of the API reference. A document that no group has is in the last one.
SESSION = "session"
REFERENCE = "reference"
NAVIGATION = (
    ("Start", (
        ("Tour", "README.md"),
        ("A first message", "README.md#see-it-work"),
        ("Install", "docs/install.md"),
        ("A session, step by step", SESSION),
    )),
    ("Decide who may relay", (
        ("Relaying explained", "docs/relaying.md"),
        ("An example report", "docs/relaying.md#an-example-as-a-page"),
        ("postern check", "docs/postern-check.8"),
        ("postern explain", "docs/postern-explain.8"),
        ("The certificate of the proof", "docs/certificate.md"),
    )),
    ("Run", (
        ("postern serve", "docs/postern.8"),
        ("postern-smtpd", "docs/postern-smtpd.8"),
        ("The configuration file", "docs/postern-config.7"),
        ("postern init", "docs/postern-init.8"),
        ("Authentication", "docs/postern-auth.7"),
        ("postern users", "docs/postern-users.8"),
        ("postern rules", "docs/postern-rules.8"),
        ("postern hosts", "docs/postern-hosts.8"),
        ("postern-introspect", "docs/postern-introspect.8"),
        ("TLS certificates", "docs/install.md#systemd"),
        ("AppArmor and fail2ban", "docs/install.md#apparmor-and-fail2ban"),
        ("Limits", "docs/limits.md"),
        ("Queues of RabbitMQ", "docs/amqp.md"),
        ("postern relay", "docs/postern-relay.8"),
        ("postern replay", "docs/postern-replay.8"),
    )),
    ("Move from qmail-smtpd", (
        ("In an evening", "docs/migrate.md"),
        ("postern migrate", "docs/postern-migrate.7"),
        ("Each difference, line by line", "tests/qmail_behaviour.md"),
    )),
    ("Test programs that send mail", (
        ("The test rig", "docs/rig.md"),
        ("postern rig", "docs/postern-rig.8"),
    )),
    ("Build on it", (
        ("Embed the engine", "docs/embedding.md"),
        ("From C", "docs/c.md"),
        ("Extend postern", "docs/extending.md"),
        ("API reference", REFERENCE),
    )),
    ("Inside", (
        ("Architecture", "docs/architecture.md"),
        ("Decisions", "docs/decisions.md"),
        ("Invariants", "docs/invariants.md"),
        ("RFCs", "docs/rfcs.md"),
        ("Benchmarks", "docs/benchmarks.md"),
        ("Security", "SECURITY.md"),
        ("Contributing", "CONTRIBUTING.md"),
        ("Changelog", "CHANGELOG.md"),
    )),
)

# A section of a manual page has a title in capitals. The site has small letters,
# except for these words.
ABBREVIATIONS = {"AUTH", "HTTP", "SASL", "SMTP", "TLS", "UTF-8"}
NAMES = {"cyrus": "Cyrus", "encrypt": "Encrypt", "checkpassword":
         "checkpassword"}

# Names of pages that would otherwise be less clear.
PAGE_NAMES = {"README.md": "index.html"}


class SiteError(Exception):
    """A document, or the place for the site, is not as it must be."""


@dataclasses.dataclass
class Heading:
    level: int  # 2 or more
    anchor: str
    html: str


@dataclasses.dataclass
class Page:
    source: str  # of the tree: "docs/limits.md"
    name: str  # below OUT: "limits.html"
    title: str = ""  # as text
    heading: str = ""  # as HTML
    body: str = ""
    headings: list = dataclasses.field(default_factory=list)
    anchors: set = dataclasses.field(default_factory=set)
    kind: str = "document"  # or "manual", "source", "session"
    context: dict = dataclasses.field(default_factory=dict)

    @property
    def root(self):
        """Returns the way from this page to OUT."""
        return "../" * self.name.count("/")


def github_anchor(title):
    """Returns the anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w -]", "", title.strip().lower()).replace(" ", "-")


def plain(markup):
    """Returns the text of a piece of HTML."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", markup)).split())


def fitting(markup):
    """Prepares HTML for narrow screens: each table scrolls in a box of its own,
    and a short piece of code, such as an option, is not broken."""
    markup = re.sub(r"(?<!<pre>)<code>([^<]{1,24})</code>",
                    r'<code class="short">\1</code>', markup)
    return re.sub(r"(<table.*?</table>)", r'<div class="scroll">\1</div>',
                  markup, flags=re.S)


class Site:

    def __init__(self, root, postern, out, reference):
        self.root, self.postern, self.out = root, postern, out
        self.reference = reference
        self.pages = {}  # by source
        self.links = []  # (source, line, page, anchor): checked at the end
        self.files = {}  # that are copied: {name below OUT: path}
        self.markdown = MarkdownIt("commonmark", {"html": False}).enable(
            "table").use(anchors_plugin, max_level=4, slug_func=github_anchor)
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE), autoescape=True,
            undefined=jinja2.StrictUndefined, trim_blocks=True,
            lstrip_blocks=True)

    # --- Links ---

    def target(self, source, line, link):
        """Returns what a link of the document `source` is on the site."""
        where = f"{source}:{line}"
        if re.match(r"(https?|mailto):", link):
            return link
        path, _, anchor = link.partition("#")
        path = posixpath.normpath(posixpath.join(
            posixpath.dirname(source), path)) if path else source
        if path not in self.pages:
            file = self.root / path
            if path.startswith("..") or not file.is_file():
                raise SiteError(f"{where}: {link}: no such file")
            self.add_source(path)
        self.links.append((where, link, path, anchor))
        page = self.pages[path]
        name = posixpath.relpath(page.name, posixpath.dirname(
            self.pages[source].name))
        if path == source and anchor:
            return f"#{anchor}"
        return name + (f"#{anchor}" if anchor else "")

    def check_links(self):
        for where, link, path, anchor in self.links:
            if anchor and anchor not in self.pages[path].anchors:
                raise SiteError(f"{where}: {link}: {path} has no heading "
                                f"with the anchor {anchor}")

    def manual(self, name, section):
        """Returns the source of a manual page, or None."""
        source = f"docs/{name}.{section}"
        return source if source in self.pages else None

    # --- Kinds of pages ---

    def add_source(self, path):
        """Adds a page with the text of a file of the tree."""
        try:
            text = (self.root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise SiteError(f"{path}: not a text: {error}") from error
        page = Page(path, f"source/{path}.html", path, html.escape(path),
                    kind="source")
        page.body = f"<pre><code>{html.escape(text)}</code></pre>"
        self.pages[path] = page

    def link_manuals(self, source, line, children):
        """Replaces "postern-check(8)" in a text by a link to the page."""
        inside = False
        for child in children:
            if child.type in ("link_open", "link_close"):
                inside = child.type == "link_open"
            if child.type != "text" or inside:
                yield child
                continue
            for part in re.split(r"(\bpostern(?:-\w+)?\(\d\))", child.content):
                found = re.fullmatch(r"(.*)\((\d)\)", part)
                manual = found and self.manual(found[1], found[2])
                if manual and manual != source:
                    link = self.target(source, line, posixpath.relpath(
                        manual, posixpath.dirname(source) or "."))
                    yield Token("link_open", "a", 1, attrs={"href": link})
                    yield Token("text", "", 0, content=part)
                    yield Token("link_close", "a", -1)
                else:
                    yield Token("text", "", 0, content=part)

    def add_document(self, page):
        """Makes the page of a Markdown document."""
        text = (self.root / page.source).read_text(encoding="utf-8")
        tokens = self.markdown.parse(text)
        if not tokens or tokens[0].tag != "h1":
            raise SiteError(f"{page.source}:1: no title")
        line = 1
        for token in tokens:
            line = token.map[0] + 1 if token.map else line
            for child in token.children or ():
                if child.type == "link_open":
                    child.attrs["href"] = self.target(
                        page.source, line, child.attrs["href"])
                elif child.type == "image":
                    child.attrs["src"] = self.image(page, line, child)
            if token.type == "inline":
                token.children = list(self.link_manuals(
                    page.source, line, token.children))
        options = self.markdown.options
        render = self.markdown.renderer.render
        page.heading = self.markdown.renderer.renderInline(
            tokens[1].children, options, {})
        page.title = plain(page.heading)
        tokens = self.without_contents(tokens[3:])
        for token, text in zip(tokens, tokens[1:]):
            if token.type == "heading_open":
                page.headings.append(Heading(
                    int(token.tag[1]), token.attrs["id"],
                    re.sub(r"</?a\b[^>]*>", "",
                           self.markdown.renderer.renderInline(
                               text.children, options, {}))))
        page.body = fitting(render(tokens, options, {}))

    def image(self, page, line, token):
        path = posixpath.normpath(posixpath.join(
            posixpath.dirname(page.source), token.attrs["src"]))
        if not (self.root / path).is_file():
            raise SiteError(f"{page.source}:{line}: no image {path}")
        if not token.content:
            raise SiteError(f"{page.source}:{line}: {path}: no description")
        name = f"images/{posixpath.basename(path)}"
        if self.files.setdefault(name, self.root / path) != self.root / path:
            raise SiteError(f"{page.source}:{line}: two images {name}")
        return name

    def without_contents(self, tokens):
        """Removes a document's own table of contents, which the page has next
        to the text: the first list, if it has only links to headings."""
        for begin, token in enumerate(tokens):
            if token.type == "heading_open":
                break
            if token.type != "bullet_list_open":
                continue
            end = next(i for i in range(begin, len(tokens))
                       if tokens[i].type == "bullet_list_close" and
                       tokens[i].level == token.level)
            items = [t for t in tokens[begin:end] if t.type == "inline"]
            if all(re.fullmatch(r"\[.*\]\(#[^)]*\)", t.content, re.S)
                   for t in items):
                return tokens[:begin] + tokens[end + 1:]
        return tokens

    def add_manual(self, page):
        """Makes the page of a manual page, with mandoc."""
        done = subprocess.run(
            ["mandoc", "-Thtml", "-Ofragment", "-Ios=postern",
             str(self.root / page.source)],
            capture_output=True, text=True, check=False, timeout=60)
        if done.returncode > 2:  # 2: only warnings
            raise SiteError(f"{page.source}: mandoc: {done.stderr}")
        body = re.search(r'<div class="manual-text">\n(.*)</div>\n<table '
                         r'class="foot">', done.stdout, re.S)[1]
        body = re.sub(r' style="[^"]*"', "", body)  # site.css has the style
        # The title of the page is its only h1, so the sections are h2. Names in
        # capitals are the form of the terminal.
        body = re.sub(
            r'<h(1|2) class="S[hs]" id="([^"]*)"><a class="permalink" '
            r'href="[^"]*">(.*?)</a></h\1>',
            lambda found: self.manual_heading(page, found), body, flags=re.S)
        body = re.sub(r'<a class="permalink" href="#[^"]*">(.*?)</a>', r"\1",
                      body, flags=re.S)

        def reference(found):
            manual = self.manual(found[1], found[2])
            if manual is None or manual == page.source:
                return found[0]
            link = self.target(page.source, 1, posixpath.basename(manual))
            return f'<a href="{link}">{found[0]}</a>'

        body = re.sub(r"<b>(postern[\w-]*)</b>\((\d)\)", reference, body)
        name, section = page.source.removeprefix("docs/").rsplit(".", 1)
        page.title = page.heading = f"{name}({section})"
        page.body = fitting(body)

    def manual_heading(self, page, found):
        level = int(found[1]) + 1
        text = " ".join(found[3].split())
        if level == 2:
            words = text.split()
            words = [word if word in ABBREVIATIONS else word.lower()
                     for word in words]
            words[0] = NAMES.get(words[0], words[0][:1].upper() + words[0][1:])
            text = " ".join(NAMES.get(word, word) for word in words)
        page.headings.append(Heading(level, found[2], text))
        return f'<h{level} id="{found[2]}">{text}</h{level}>'

    def add_report(self, page):
        """Adds what postern check writes to the page about relaying."""
        report = examples.report(self.postern)
        # The page's own headings are h2, and the report is below one of them.
        report.html = fitting(re.sub(r"(</?)h2>", r"\1h4>", report.html))
        part = self.templates.get_template("report.html").render(
            report=report, files=examples.EXAMPLE)
        before = '<h2 id="stop-a-deployment-that-grants-more">'
        if page.body.count(before) != 1:
            raise SiteError(f"{page.source}: no place for the report: no "
                            f"heading {before}")
        page.body = page.body.replace(before, part + before)
        heading = Heading(3, "an-example-as-a-page", "An example, as a page")
        index = [h.anchor for h in page.headings].index(
            "stop-a-deployment-that-grants-more")
        page.headings.insert(index, heading)

    def add_session(self):
        steps, recording = examples.session(self.postern)
        page = Page(SESSION, "session.html", "A session, step by step",
                    "A session, step by step", kind="session")
        page.context = {"steps": steps, "recording": recording}
        page.body = self.templates.get_template("session.html").render(
            page.context, manual=lambda name: self.pages[
                f"docs/{name}"].name)
        self.pages[SESSION] = page

    # --- The site ---

    def navigation(self):
        """Returns [(group, [(label, source, anchor)])]."""
        groups, listed = [], set()
        for group, entries in NAVIGATION:
            links = []
            for label, link in entries:
                source, _, anchor = link.partition("#")
                if source == REFERENCE and not self.reference:
                    continue
                listed.add(source)
                links.append((label, source, anchor))
                if source != REFERENCE:
                    if source not in self.pages:
                        raise SiteError(f"{HERE.name}/site.py: NAVIGATION: no "
                                        f"document {source}")
                    self.links.append(("NAVIGATION", link, source, anchor))
            groups.append((group, links))
        more = [(page.title, source, "") for source, page in self.pages.items()
                if source not in listed and page.kind != "source"]
        if more:
            groups.append(("More", more))
        return groups

    def documents(self):
        found = [path.name for path in sorted(self.root.glob("*.md"))]
        for pattern in ("docs/*.md", "docs/*.[1-9]"):
            found += [str(path.relative_to(self.root))
                      for path in sorted(self.root.glob(pattern))]
        return found + ["tests/qmail_behaviour.md"]

    def make(self):
        for source in self.documents():
            stem = posixpath.basename(source).removesuffix(".md")
            if source.endswith(".md"):
                stem = stem.lower().replace("_", "-")
            kind = "document" if source.endswith(".md") else "manual"
            name = PAGE_NAMES.get(source, f"{stem}.html")
            if name in (page.name for page in self.pages.values()):
                raise SiteError(f"{source}: another document has {name}")
            self.pages[source] = Page(source, name, kind=kind)
        for page in list(self.pages.values()):
            if page.kind == "manual":
                self.add_manual(page)
            elif page.kind == "document":
                self.add_document(page)
        front = self.pages["README.md"]
        ways = self.templates.get_template("ways.html").render()
        # After the first paragraph and its list, which say what postern is.
        front.body = front.body.replace("</ul>\n", f"</ul>\n{ways}", 1)
        self.add_report(self.pages["docs/relaying.md"])
        self.add_session()
        for page in self.pages.values():
            page.anchors = set(re.findall(r'\bid="([^"]+)"', page.body))
            page.anchors.add("_main")
        groups = self.navigation()
        self.check_links()
        self.write(groups)

    def write(self, groups):
        """Writes the site into a new directory, and puts it at OUT."""
        version = examples.run(self.postern, "--version").split()[1]
        order = [source for _, links in groups for _, source, anchor in links
                 if not anchor and source != REFERENCE]
        with tempfile.TemporaryDirectory() as name:
            new = pathlib.Path(name)
            template = self.templates.get_template("page.html")
            for source, page in self.pages.items():
                place = order.index(source) if source in order else None
                before = after = None
                if place is not None:
                    before = self.pages[order[place - 1]] if place else None
                    after = (self.pages[order[place + 1]]
                             if place + 1 < len(order) else None)
                path = new / page.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(template.render(
                    page=page, groups=groups, pages=self.pages,
                    contents=contents(page), before=before, after=after,
                    generator=GENERATOR, version=version,
                    reference=REFERENCE,
                    body=markupsafe.Markup(page.body),
                    heading=markupsafe.Markup(page.heading)),
                    encoding="utf-8")
            (new / "search-index.js").write_text(
                "const INDEX = " + json.dumps(self.search_index()) + ";\n",
                encoding="utf-8")
            for name in ("site.css", "session.js", "search.js"):
                shutil.copyfile(HERE / name, new / name)
            for name, path in self.files.items():
                (new / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(path, new / name)
            if self.reference:
                shutil.copytree(self.reference, new / REFERENCE)
            published.publish(new, self.out, "tools/docs")

    def search_index(self):
        """Returns what the search finds: titles, headings, and the options and
        words that manual pages describe. Each is [text, page, address]."""
        index = []
        for page in self.pages.values():
            if page.kind == "source":
                index.append([page.source, "source file", page.name])
                continue
            index.append([page.title, "", page.name])
            index += [[plain(each.html), page.title,
                       f"{page.name}#{each.anchor}"] for each in page.headings]
            if page.kind == "manual":
                index += [[plain(term), page.title, f"{page.name}#{anchor}"]
                          for anchor, term in re.findall(
                              r'<dt id="([^"]*)">(.*?)</dt>', page.body, re.S)]
        return index


def contents(page):
    """Returns the headings of a page's table of contents."""
    top = [each for each in page.headings if each.level == 2]
    if page.kind == "manual" or len(top) < 3:
        top = [each for each in page.headings if each.level <= 3]
    if page.name == "relaying.html":
        top = [each for each in page.headings if each.level <= 3]
    return top if len(top) > 2 else []


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("postern", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--reference", type=pathlib.Path)
    arguments = parser.parse_args()
    site = Site(HERE.parent.parent, arguments.postern.resolve(),
                arguments.out.absolute(), arguments.reference)
    try:
        site.make()
    except (SiteError, published.PublishError, examples.ExampleError,
            OSError) as error:
        sys.exit(f"tools/docs: {error}")


if __name__ == "__main__":
    main()
