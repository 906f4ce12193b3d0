#!/usr/bin/env python3
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks that sources include the precompiled headers that they use.

    included_names_test.py PRECOMPILED... SOURCE...
    included_names_test.py --fix PRECOMPILED... SOURCE...

With a precompiled header, a compiler does not find a missing #include, but an
embedder's compiler does. A source must include the header of each name below,
or its own header must (x.h for x.cc). Each header in the files PRECOMPILED,
which are named common*.cc, must have names below. --fix adds the missing lines.
"""

import os
import pathlib
import re
import sys

# HEADER: the names that need it, a regular expression.
NAMES = {
    "algorithm": r"std::(?:all_of|any_of|binary_search|clamp|copy|count|count_if"
                 r"|equal|fill|find|find_if|lower_bound|max|max_element|min"
                 r"|min_element|none_of|partition|remove|remove_if|reverse|rotate"
                 r"|search|sort|stable_sort|transform|unique|upper_bound)\(",
    "array": r"std::array\b",
    "cstddef": r"std::byte\b",
    "cstdint": r"\bu?int(?:8|16|32|64)_t\b",
    "functional": r"std::(?:function|greater|hash|less)\b",
    "map": r"std::(?:multi)?map\b",
    "memory": r"std::(?:make_shared|make_unique|shared_ptr|unique_ptr|weak_ptr)\b",
    "optional": r"std::(?:nullopt|optional)\b",
    "string": r"std::(?:string|to_string)\b",
    "utility": r"std::(?:exchange|forward|move|pair|swap)\b",
    "variant": r"std::(?:get_if|holds_alternative|monostate|variant|visit)\b",
    "vector": r"std::vector\b",
    "absl/functional/any_invocable.h": r"absl::AnyInvocable\b",
    "absl/functional/function_ref.h": r"absl::FunctionRef\b",
    "absl/status/status.h": r"absl::(?:OkStatus|Status|StatusCode|\w+Error(?=\())\b",
    "absl/status/statusor.h": r"absl::StatusOr\b",
    "absl/strings/ascii.h": r"absl::(?:AsciiStrTo|StripAscii|StripLeadingAscii"
                            r"|StripTrailingAscii|ascii_)\w+",
    "absl/strings/escaping.h": r"absl::(?:Base64|BytesToHex|CEscape|CHexEscape"
                               r"|CUnescape|HexStringTo|WebSafeBase64)\w*",
    "absl/strings/match.h": r"absl::(?:EndsWith|EqualsIgnoreCase|StartsWith"
                            r"|StrContains)\w*",
    "absl/strings/numbers.h": r"absl::Simple(?:Atod|Atoi|HexAtoi)\b",
    "absl/strings/str_cat.h": r"absl::(?:AlphaNum|Dec|Hex|StrAppend|StrCat)\b",
    "absl/strings/str_join.h": r"absl::StrJoin\b",
    "absl/strings/str_replace.h": r"absl::StrReplaceAll\b",
    "absl/strings/str_split.h": r"absl::(?:By\w+|MaxSplits|SkipEmpty|StrSplit)\b",
    "absl/strings/string_view.h": r"absl::string_view\b",
    "absl/strings/strip.h": r"absl::(?:Consume|Strip)(?:Prefix|Suffix)\b",
    "absl/time/time.h": r"absl::(?:Duration|FormatTime|Hours|InfiniteDuration"
                        r"|Microseconds|Milliseconds|Minutes|Nanoseconds"
                        r"|Seconds|Time|TimeZone|ToInt64\w+|UnixEpoch"
                        r"|ZeroDuration)\b",
    "absl/types/span.h": r"absl::(?:MakeConstSpan|MakeSpan|Span)\b",
}


def included(text):
    return set(re.findall(r'^#include [<"]([^">]+)[">]', text, re.M))


def code_of(text):
    """Returns `text` without includes, comments and string literals."""
    text = re.sub(r"^#include.*$", "", text, flags=re.M)
    text = re.sub(r'R"(\w*)\((.*?)\)\1"', '""', text, flags=re.S)
    text = re.sub(r"//[^\n]*", "", text)
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def missing(path):
    """Yields (header, name) for each name of `path` that lacks its header."""
    text = path.read_text(encoding="utf-8")
    headers = included(text)
    own = re.sub(r"_(?:test|fuzz)$", "", path.stem)
    for header in list(headers):
        # Sources of tests are in the same directory as their headers.
        beside = path.parent / os.path.basename(header)
        if path.suffix == ".cc" and beside.stem == own and beside.exists():
            headers |= included(beside.read_text(encoding="utf-8"))
    # Headers that C programs include have C's name of it.
    if "stdint.h" in headers:
        headers.add("cstdint")
    code = code_of(text)
    for header, names in NAMES.items():
        if header not in headers and (name := re.search(names, code)):
            yield header, name[0].rstrip("(")


def add(path, headers):
    """Adds the #include lines to `path`, sorted as Google's style says."""
    lines = path.read_text(encoding="utf-8").split("\n")
    for header in headers:
        standard = "." not in header
        line = f"#include <{header}>" if standard else f'#include "{header}"'
        same = [i for i, other in enumerate(lines) if (
            re.match(r"#include <\w+>$", other) if standard else
            re.match(r'#include "', other) and not other.endswith(
                f'/{re.sub("_(test|fuzz)$", "", path.stem)}.h"'))]
        if same:
            at = next((i for i in same if lines[i] > line), same[-1] + 1)
            lines.insert(at, line)
            continue
        blocks = [i for i, other in enumerate(lines) if other.startswith("#include")]
        if not blocks:
            raise ValueError(f"{path}: add {line}")
        # After C headers and the own header, before the others.
        before = [i for i in blocks if re.match(r"#include <.*\.h>$", lines[i])
                  or lines[i].endswith(f'/{path.stem}.h"')]
        at = before[-1] + 1 if before else blocks[0]
        lines[at:at] = ["", line] if before else [line, ""]
    path.write_text("\n".join(lines), encoding="utf-8")


def main():
    arguments = sys.argv[1:]
    fix = arguments[:1] == ["--fix"]
    paths = [pathlib.Path(name) for name in arguments[fix:]
             if name.endswith((".cc", ".h"))]
    precompiled = [p for p in paths if re.fullmatch(r"common(_test)?\.cc", p.name)]
    wrong = [] if precompiled else ["no precompiled header is given"]
    for path in precompiled:
        for header in sorted(included(path.read_text(encoding="utf-8"))):
            if header not in NAMES and not header.startswith(("gmock", "gtest")):
                wrong.append(f"{path}: no names are known for {header}")
    sources = [path for path in paths if path not in precompiled]
    if len(sources) < 100 and not fix:
        wrong.append(f"only {len(sources)} sources are given")
    for path in sources:
        found = list(missing(path))
        if fix and found:
            add(path, [header for header, _ in found])
            continue
        wrong += [f"{path}: {name} needs {header}" for header, name in found]
    print(*wrong, f"{len(sources)} sources, {len(wrong)} errors", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
