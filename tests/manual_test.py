#!/usr/bin/env python3
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks the manual pages against the programs.

    manual_test.py POSTERN POSTERN-SMTPD POSTERN-INTROSPECT PAGE...

- mandoc and groff find nothing to complain about.
- Each page has the sections that readers look for.
- Each option of --help is in the page of its program, and each option that a
  page describes or mentions is an option of a program.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

SECTIONS = ("NAME", "DESCRIPTION", "OPTIONS", "FILES", "ENVIRONMENT",
            "EXIT STATUS", "EXAMPLES", "SEE ALSO")
# The commands whose --help a page must cover, and further pages that describe
# some of their options.
COVERS = {
    "postern.8": ("serve",),
    "postern-users.8": ("users",),
    "postern-check.8": ("check",),
    "postern-explain.8": ("explain",),
    "postern-rules.8": ("rules",),
    "postern-hosts.8": ("hosts",),
    "postern-relay.8": ("relay",),
    "postern-replay.8": ("replay",),
    "postern-rig.8": ("rig",),
    "postern-smtpd.8": ("smtpd",),
    "postern-introspect.8": ("introspect",),
    "postern-auth.7": (),
    "postern-config.7": ("config",),
    "postern-init.8": ("init",),
    "postern-migrate.7": ("migrate",),
}
ELSEWHERE = {"postern-smtpd.8": "postern-auth.7"}
# The commands whose options a page may describe in a list.
DESCRIBES = {**COVERS, "postern-auth.7": ("serve", "smtpd"),
             "postern-config.7": ("config", "serve")}
# Hidden options, which pages may mention.
HIDDEN = {"handoff"}


def options_of_help(command):
    """Returns the options in the text of --help."""
    shown = subprocess.run(command + ["--help"], capture_output=True,
                           text=True, check=True).stdout
    options = set(re.findall(r"^  --([a-z0-9-]+)", shown, re.M))
    if "help" not in options:
        raise ValueError(f"{command} --help shows no options")
    return options


def plain(text):
    """Returns the text of a page with plain hyphens."""
    return text.replace("\\-", "-")


def mentioned(text):
    """Returns all options that a page mentions."""
    return set(re.findall(r"(?<![\w-])--([a-z][a-z0-9-]*)", plain(text)))


def described(text):
    """Returns the options that begin an item of a list."""
    return {option for tag in re.findall(r"^\.TP\n(\..*)$", plain(text), re.M)
            for option in re.findall(r"--([a-z][a-z0-9-]*)", tag)}


def compare(pages, options):
    """Returns the differences between {name: text} and {command: options}."""
    errors = []
    every = set().union(*options.values()) | HIDDEN
    for name, text in pages.items():
        known = mentioned(text) | mentioned(pages.get(ELSEWHERE.get(name), ""))
        for command in COVERS[name]:
            errors += [f"{name}: --{option} of {command} is missing"
                       for option in sorted(options[command] - known)]
        own = set().union(*(options[c] for c in DESCRIBES[name]))
        errors += [f"{name}: --{option} is no option of its program"
                   for option in sorted(described(text) - own)]
        errors += [f"{name}: --{option} is no option"
                   for option in sorted(mentioned(text) - every)]
    return errors


def lint(path):
    """Returns the complaints of mandoc and groff, and missing sections."""
    errors = [f"{path.name}: no section {section}" for section in SECTIONS
              if not re.search(rf'^\.SH "?{section}"?$',
                               path.read_text(encoding="utf-8"), re.M)]
    for command in (["mandoc", "-T", "lint"],
                    ["groff", "-t", "-ww", "-man", "-Tutf8"]):
        ran = subprocess.run(command + [str(path)], capture_output=True,
                             text=True, check=False)
        said = ran.stderr + (ran.stdout if command[0] == "mandoc" else "")
        if said or ran.returncode != 0:
            errors.append(f"{path.name}: {' '.join(command)}: "
                          f"{said or ran.returncode}")
    return errors


def self_test():
    """The checks must be able to fail."""
    page = ".TP\n.BI \\-\\-user \" NAME\"\nAs \\-\\-rules.\n"
    options = {"serve": {"user", "rules"}}
    assert compare({"postern.8": page}, options) == []
    assert compare({"postern.8": page},
                   {"serve": {"user", "rules", "new"}}) == [
                       "postern.8: --new of serve is missing"]
    assert compare({"postern.8": page}, {"serve": {"rules"}}) == [
        "postern.8: --user is no option of its program",
        "postern.8: --user is no option"]
    assert compare({"postern.8": page}, {"serve": {"user"}}) == [
        "postern.8: --rules is no option"]
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / "bad.8"
        path.write_text(".TH BAD 8 2026-11-30\n.SH NAME\n.BOLD x\n")
        found = "".join(lint(path))
        assert "no section EXAMPLES" in found, found
        assert "mandoc" in found and "groff" in found, found


def main():
    self_test()
    postern, smtpd, introspect = (str(pathlib.Path(p).resolve())
                                  for p in sys.argv[1:4])
    paths = {pathlib.Path(p).name: pathlib.Path(p) for p in sys.argv[4:]}
    if paths.keys() != COVERS.keys():
        sys.exit(f"the pages are {sorted(paths)}, expected {sorted(COVERS)}")
    errors = compare(
        {name: path.read_text(encoding="utf-8")
         for name, path in paths.items()},
        {"serve": options_of_help([postern, "serve"]),
         "users": options_of_help([postern, "users"]),
         "check": options_of_help([postern, "check"]),
         "config": options_of_help([postern, "config"]),
         "init": options_of_help([postern, "init"]),
         "explain": options_of_help([postern, "explain"]),
         "rules": options_of_help([postern, "rules"]),
         "hosts": options_of_help([postern, "hosts"]),
         "migrate": options_of_help([postern, "migrate"]),
         "relay": options_of_help([postern, "relay"]),
         "replay": options_of_help([postern, "replay"]),
         "rig": options_of_help([postern, "rig"]),
         "smtpd": options_of_help([smtpd]),
         "introspect": options_of_help([introspect])})
    for path in paths.values():
        errors += lint(path)
    print("\n".join(errors))
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
