#!/usr/bin/env python3
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks the words and the links of the project's texts.

    documents_test.py README [--update]

README is any file at the root of the project.

- Words that the vocabulary has replaced (tests/replaced_words) do not come
  back. tests/replaced_words_left has the number of those that are left in each
  directory. A number that is not exact is an error, so it can only fall:
  --update writes smaller numbers, and refuses larger ones.
- Each file, heading, Bazel target, identifier and option that a document names
  exists, and so does each file that a comment names.
- Code that a document quotes is in the file that the comment above it names.
- A document of more than two screens begins with its table of contents.
"""

import io
import pathlib
import re
import subprocess
import sys
import tempfile
import tokenize

WORDS = "tests/replaced_words"
LEFT = "tests/replaced_words_left"
VOCABULARY = "docs/architecture.md"
# Names that documents mention although there is no such file in the tree.
ABSENT = {
    "DESIGN.md": "CHANGELOG.md says what replaced it",
    "policy/etrn.h": "a recipe adds it",
    "policy/etrn.cc": "a recipe adds it",
    "policy/bounce_recipients.h": "a recipe adds it",
    "policy/bounce_recipients.cc": "a recipe adds it",
    "delivery/forwarder.h": "a recipe adds it",
    "delivery/forwarder.cc": "a recipe adds it",
}


# Identifiers of former versions, of which CHANGELOG.md speaks, and options of
# other programs.
FORMER = {"AllOf", "BareNewlineExemptions", "MessageSink"}
KNOWN_OPTIONS = {"cflags", "config", "cxxopt", "embed_label", "help", "libs",
                 "version", "run_under", "spawn_strategy",
                 "test_output"}


# What is read of a file.


def c_texts(text):
    """Yields (line, text) for comments and string literals of C and C++."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:[^"\\\n]|\\.)*"'
        r"|'(?:[^'\\\n]|\\.)+'", re.S)
    for found in token.finditer(text):
        if not found.group().startswith("'"):
            yield text.count("\n", 0, found.start()) + 1, found.group()


def python_texts(text):
    """Yields (line, text) for comments and string literals of Python."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            # Not what is between braces: it is code.
            yield token.start[0], re.sub(r"\{[^{}\n]*\}", "{}", token.string)


def hash_texts(text):
    """Yields (line, text) for comments that begin with '#'."""
    for number, line in enumerate(text.split("\n"), 1):
        if found := re.search(r"(^|\s)#.*", line):
            yield number, found.group()


def markdown_texts(text):
    """Yields (line, text) for a document, without code and the vocabulary."""
    code = vocabulary = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            code = not code
            continue
        if line.startswith("## "):
            vocabulary = line == "## Vocabulary"
        if not code and not vocabulary and not line.startswith("    "):
            yield number, re.sub(r"`[^`]*`", "`code`", line)


def manual_texts(text):
    """Yields (line, text) for a manual page, without its comments."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.startswith(('.\\"', "'\\\"")):
            yield number, line


def html_texts(text):
    """Yields (line, text) for a page or a template of one, without the tags."""
    # Line ends stay, for the numbers.
    text = re.sub(r"<[^>]*>|\{%.*?%\}|\{\{.*?\}\}",
                  lambda found: "\n" * found.group().count("\n"), text,
                  flags=re.S)
    yield from enumerate(text.split("\n"), 1)


def head_texts(text):
    """Yields (line, text) for what is above the keys of a defect."""
    yield from enumerate(text.split("\n\n")[0].split("\n"), 1)


def reader(name):
    """Returns the function that reads the file `name`, or None."""
    path = pathlib.PurePath(name)
    if name.startswith(("fuzz/corpus/", "third_party/")) or name == LEFT:
        return None
    if name in (WORDS, "tests/documents_test.py"):
        return None
    if path.suffix in (".patch", ".txt", ".pem", ".dict"):
        return None
    by_suffix = {".h": c_texts, ".cc": c_texts, ".c": c_texts, ".inc": c_texts,
                 ".py": python_texts, ".md": markdown_texts, ".7": manual_texts,
                 ".8": manual_texts, ".html": html_texts,
                 ".defect": head_texts}
    if path.suffix in by_suffix:
        return by_suffix[path.suffix]
    # Shell, Starlark, transcripts, units and configuration.
    if path.suffix in (".sh", ".bzl", ".smtp", ".conf", ".service", ".socket",
                       ".go") or path.suffix == "":
        return hash_texts
    return None


# Words.


class Words:
    """tests/replaced_words."""

    def __init__(self, text):
        self.instead = {}
        exceptions = []
        for line in text.split("\n"):
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith("    except "):
                expression, _, reason = line.removeprefix(
                    "    except ").rpartition(": ")
                if not expression or not reason:
                    raise ValueError(f"no reason: {line}")
                exceptions.append(expression)
                continue
            words, arrow, instead = line.partition(" -> ")
            if not arrow:
                raise ValueError(f"neither a word nor an exception: {line}")
            for word in words.split(", "):
                self.instead[word] = instead
        self.word = re.compile(
            r"(?<![\w-])(" + "|".join(
                re.escape(w).replace(r"\ ", r"\s+")
                for w in sorted(self.instead, key=len, reverse=True)) +
            r")(?![\w-])", re.I)
        self.exception = re.compile("|".join(f"(?:{e})" for e in exceptions)
                                    or r"(?!)")

    def find(self, text):
        """Returns the replaced words in `text`, each with its line, from 0."""
        text = self.exception.sub(lambda e: "\n" * e.group().count("\n"), text)
        return [(text.count("\n", 0, found.start()), found.group())
                for found in self.word.finditer(text)]

    def hint(self, word):
        """Returns what to write instead of `word`."""
        return self.instead[word.lower()]


def names(root):
    """Returns the names of the project's files, as file_names_test.sh does."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z"],
        capture_output=True, check=False)
    if listed.returncode == 0:
        found = listed.stdout.decode().split("\0")
    else:
        found = [str(path.relative_to(root)) for path in root.rglob("*")
                 if not re.match(r"\.git/|bazel-|postern-(example|site)", str(
                     path.relative_to(root)))]
    return sorted(n for n in found if n and (root / n).is_file() and
                  not (root / n).is_symlink())


def joined(pairs):
    """Joins comments and sentences that go on in the next line."""
    paragraph = []
    for line, text in pairs:
        mark = re.match(r"\s*(//|#|)", text).group(1)
        if paragraph and (paragraph[0] + len(paragraph[1]), mark) == (
                line, paragraph[2]):
            paragraph[1].append(text.strip()[len(mark):])
        else:
            if paragraph:
                yield paragraph[0], "\n".join(paragraph[1])
            paragraph = [line, text.strip()[len(mark):].split("\n"), mark]
    if paragraph:
        yield paragraph[0], "\n".join(paragraph[1])


def texts(root, name):
    """Returns the (line, text) pairs of a file."""
    read = reader(name)
    if read is None:
        return []
    try:
        text = (root / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return []
    first = text.split("\n", 1)[0]
    if read is hash_texts and first.startswith("#!") and "python" in first:
        read = python_texts
    return list(read(text))


def replaced(root, words):
    """Returns {directory: [(file, line, word)]}."""
    found = {}
    for name in names(root):
        for line, text in joined(texts(root, name)):
            for offset, word in words.find(text):
                found.setdefault(str(pathlib.PurePath(name).parent), []).append(
                    (name, line + offset, " ".join(word.split())))
    return found


def read_left(root):
    """Returns {directory: count}."""
    left = {}
    for line in (root / LEFT).read_text(encoding="utf-8").split("\n"):
        if line and not line.startswith("#"):
            directory, count = line.rsplit(" ", 1)
            left[directory] = int(count)
    return left


def check_words(root):
    """Returns the errors about words."""
    words = Words((root / WORDS).read_text(encoding="utf-8"))
    found, left = replaced(root, words), read_left(root)
    errors = []
    for directory in sorted(found.keys() | left.keys()):
        places = found.get(directory, [])
        allowed = left.get(directory, 0)
        if len(places) > allowed:
            errors.append(f"{directory}: {len(places)} replaced words, "
                          f"{LEFT} allows {allowed}. They are:")
            errors += [f"  {name}:{line}: {word}: write {words.hint(word)}"
                       for name, line, word in places]
        elif len(places) < allowed:
            errors.append(f"{directory}: {len(places)} replaced words are left,"
                          f" {LEFT} has {allowed}: run tests/documents_test.py "
                          "README.md --update")
    vocabulary = section(root / VOCABULARY, "## Vocabulary")
    errors += [f"{WORDS}: {word}: not in the vocabulary of {VOCABULARY}"
               for line in (root / WORDS).read_text().split("\n")
               if " -> " in line and not line.startswith("#")
               for word in [line.split(",")[0].split(" -> ")[0]]
               if not re.search(rf"\b{re.escape(word)}\b", vocabulary, re.I)]
    return errors


def update(root):
    """Writes smaller counts. Returns the directories where they would grow."""
    words = Words((root / WORDS).read_text(encoding="utf-8"))
    old = read_left(root)
    new = {d: len(places) for d, places in replaced(root, words).items()}
    head = [line for line in (root / LEFT).read_text().split("\n")
            if line.startswith("#")]
    kept = {d: min(n, old.get(d, 0)) for d, n in new.items()}
    (root / LEFT).write_text("\n".join(
        head + [f"{d} {n}" for d, n in sorted(kept.items()) if n]) + "\n")
    return [d for d, n in new.items() if n > old.get(d, 0)]


# Names.


def section(path, heading):
    """Returns the text of a section of a document."""
    text = path.read_text(encoding="utf-8")
    return text.split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]


def anchors(text):
    """Returns the anchors of a document's headings, as GitHub makes them."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", text, re.M)}


def is_target(root, label):
    """Returns whether a Bazel label names something."""
    package, _, name = label.removeprefix("//").partition(":")
    if "..." in package or "*" in label:
        return (root / package.split("...")[0]).is_dir()
    if not (root / package).is_dir():
        return False
    if not name:
        return True
    if (root / package / name).exists():
        return True
    build = root / package / "BUILD"
    if not build.exists():
        return False
    stem = re.sub(r"_(corpus_test|fuzz)$", "", name)
    return re.search(rf'name = "({re.escape(name)}|{re.escape(stem)})"',
                     build.read_text()) is not None


LONG = 100  # lines: two screens


def check_contents(name, text):
    """Returns the headings that the contents of a long document do not have."""
    if text.count("\n") <= LONG:
        return []
    head, *_ = text.split("\n## ", 1)
    linked = set(re.findall(r"\]\(#([^)]+)\)", head))
    own = anchors("\n".join(re.findall(r"^## .*$", text, re.M)))
    return [f"{name}: not in its table of contents: {heading}"
            for heading in sorted(own - linked)]


def vocabulary_of(root, files):
    """Returns all words of the sources, and all string literals."""
    words, strings = set(), set()
    for name in files:
        if name.endswith((".h", ".cc", ".c", ".py", ".inc", ".go", ".socket",
                          ".service", ".cmake.in")) or (
                "/" in name and "." not in name):
            try:
                text = (root / name).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            words.update(re.findall(r"\w+", text))
            strings.update(re.findall(r'"([a-z][a-z0-9-]*)"', text))
            if "." not in name:
                # What a script's `case` accepts.
                strings.update(re.findall(r"--([a-z][a-z-]*)(?= \||\))", text))
    return words, strings


def check_identifiers(name, text, words, strings):
    """Returns identifiers and options in `text` that no source has."""
    errors = []
    for code in re.findall(r"`([^`\n]+)`", text):
        if re.match(r"[A-Za-z_][\w:]*(\(\w*\))?$", code):
            for word in re.findall(r"\w+", code):
                looks_so = re.search(r"[a-z][A-Z]|[a-z]_[a-z]|::", code)
                if looks_so and word not in words:
                    errors.append(f"{name}: no source has {word}")
    for option in re.findall(r"(?<![\w-])--([a-z]\w+(?:-\w+)*)(?![\w-])", text):
        if option not in strings and option not in KNOWN_OPTIONS:
            errors.append(f"{name}: no program has --{option}")
    return errors


SUFFIXES = r"(?:h|cc|c|md|py|sh|smtp|bzl|inc|7|8|defect|patch)"


# Code that a document quotes, and the file that it is from.
QUOTE = re.compile(r"^<!-- (\S+) -->\n```\w*\n(.*?)^```$", re.M | re.S)


def check_quotes(root, name, text):
    """Returns the errors about code that is not in its file."""
    errors = []
    for quote in QUOTE.finditer(text):
        path = root / quote[1]
        if not path.is_file():
            errors.append(f"{name}: no file {quote[1]}")
        elif quote[2] not in path.read_text(encoding="utf-8"):
            line = text.count("\n", 0, quote.start()) + 1
            errors.append(f"{name}:{line}: {quote[1]} has other code")
    return errors


def check_document(root, name, text):
    """Returns the errors about what the document `name` refers to."""
    errors = []
    here = (root / name).parent
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        file = here / path if path else root / name
        if not file.exists():
            errors.append(f"{name}: no file {target}")
        elif anchor and anchor not in anchors(
                file.read_text(encoding="utf-8") if path else text):
            errors.append(f"{name}: no heading {target}")
    for code in re.findall(r"`([^`\n]+)`", text):
        for path in re.findall(rf"^[\w./-]+\.{SUFFIXES}$", code):
            if path.startswith("/") or path in ABSENT:
                continue
            if not (root / path).exists() and not (here / path).exists():
                errors.append(f"{name}: no file {path}")
        if re.match(r"//\w[\w/.-]*(:[\w.-]+)?$", code) and not is_target(
                root, code):
            errors.append(f"{name}: no target {code}")
    return errors


def check_comment(root, name, line, text, tops):
    """Returns the errors about files that a comment refers to."""
    errors = []
    for path in re.findall(
            rf"(?<![\w/.:-])((?:{tops})/[\w/.-]*\w\.{SUFFIXES})\b", text):
        if path not in ABSENT and not (root / path).exists():
            errors.append(f"{name}:{line}: no file {path}")
    return errors


def check_names(root):
    """Returns the errors about names."""
    errors = []
    files = names(root)
    tops = "|".join(sorted({re.escape(n.split("/")[0]) for n in files
                            if "/" in n}))
    words, strings = vocabulary_of(root, files)
    for name in files:
        if name.endswith(".md"):
            text = (root / name).read_text(encoding="utf-8")
            errors += check_document(root, name, text)
            errors += check_contents(name, text)
            errors += check_quotes(root, name, text)
            errors += check_identifiers(name, text, words | FORMER, strings)
        else:
            for line, text in texts(root, name):
                if not text.startswith(('"', "'", 'R"')):
                    errors += check_comment(root, name, line, text, tops)
    return errors


def self_test():
    """The checks must be able to fail."""
    words = Words("folder -> directory\nlogin, log in -> AUTH\n"
                  "    except LOGIN: a mechanism\n")
    assert words.find("a Folder, LOGIN\nand log\n in") == [(0, "Folder"),
                                                          (1, "log\n in")]
    assert words.find("folder_ subfolder folder-x") == []
    assert list(c_texts('int folder;  // a\nf("b");')) == [(1, "// a"),
                                                           (2, '"b"')]
    assert list(joined([(1, "// a log"), (2, "// in"), (4, "// b"), (5, '"c"')])
                ) == [(1, " a log\n in"), (4, " b"), (5, '"c"')]
    assert list(markdown_texts("a `folder`\n```\nfolder\n```")) == [
        (1, "a `code`")]
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(scratch)
        (root / "tests").mkdir()
        (root / "docs").mkdir()
        (root / "docs" / "BUILD").write_text('name = "there"\n')
        (root / WORDS).write_text("folder -> directory\n")
        (root / LEFT).write_text("docs 1\n")
        document = root / VOCABULARY
        document.write_text("\n## Vocabulary\nfolder\n## Text\nfolder\n")
        assert check_words(root) == []
        document.write_text("\n## Vocabulary\nfolder\n## Text\nfolder folder\n")
        assert check_words(root)[0].startswith("docs: 2 replaced words")
        document.write_text("\n## Vocabulary\nfolder\n## Text\n")
        assert check_words(root)[0].startswith("docs: 0 replaced words")
        document.write_text("\n## Vocabulary\n\n## Text\nfolder\n")
        assert check_words(root)[0].startswith(f"{WORDS}: folder: not in")
        good = "# A b\n[a](#a-b) `docs/BUILD` `//docs:there` `architecture.md`"
        assert check_document(root, VOCABULARY, good) == []
        for bad in ("[a](none.md)", "[a](#none)", "`docs/none.h`",
                    "`//docs:none`", "`//none:there`"):
            assert len(check_document(root, VOCABULARY, bad)) == 1, bad
        assert check_comment(root, "x", 1, "// see docs/none.md.", "docs")
        assert check_contents("x", "[a](#a)\n## A\n## B\n" + "\n" * LONG) == [
            "x: not in its table of contents: b"]
        assert check_identifiers("x", "`Ab::max_b` `--ok` `true`",
                                 {"Ab", "max_b"}, {"ok"}) == []
        assert check_identifiers("x", "`Ab::max_b` `kNo` `--no`", {"Ab"},
                                 {"ok"}) == [
            "x: no source has max_b", "x: no source has kNo",
            "x: no program has --no"]
        assert not check_comment(root, "x", 1, f"// see {VOCABULARY}.", "docs")
        (root / "a.cc").write_text("int a;\nint b;\nint c;\n")
        quote = "<!-- a.cc -->\n```cpp\nint b;\nint {};\n```\n"
        assert check_quotes(root, "x", quote.format("c")) == []
        assert check_quotes(root, "x", quote.format("d")) == [
            "x:1: a.cc has other code"]


def main():
    self_test()
    # Bazel shows a test links to the files of the project.
    root = pathlib.Path(sys.argv[1]).resolve().parent
    if len(names(root)) < 100:
        sys.exit(f"{root} has few files: is it the project?")
    if sys.argv[2:] == ["--update"]:
        if grown := update(root):
            sys.exit(f"more replaced words than before in: {' '.join(grown)}")
        return
    errors = check_names(root) + check_words(root)
    print("\n".join(errors))
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
