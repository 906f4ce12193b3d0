# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Puts pages where a user wants them, for tools/docs and tools/reference.

The directory gets a list of the files that the tool has written. The next run
replaces and removes these files only. So the directory may be a checkout of a
branch for GitHub Pages, with .git and CNAME, and no mistake in the name of a
directory removes files of a user.
"""

import os
import pathlib
import shutil

LIST = ".postern-files"
HEAD = "# The files that {} has written here. The next run replaces them.\n"


class PublishError(Exception):
    pass


def publish(new, out, tool):
    """Makes `out` have the files of the directory `new`.

    `out` does not exist, is empty, or has the list of an earlier run of `tool`.
    Files that no list names stay.
    """
    head = HEAD.format(tool)
    old = check(out, head)
    files = {str(path.relative_to(new)) for path in new.rglob("*")
             if path.is_file()}
    for name in sorted(files):
        path = out / name
        if name not in old and os.path.lexists(path):
            raise PublishError(f"{path}: {tool} has not written this file and "
                               "does not replace it: remove it, or name another"
                               " directory")
        check_parents(out, name)
    out.mkdir(parents=True, exist_ok=True)
    # If this ends early, the list has all files that may be there.
    write_list(out, head, old | files)
    for name in sorted(files):
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        put(new / name, path)
    for name in sorted(old - files):
        (out / name).unlink(missing_ok=True)
    for parent in sorted({parent for name in old - files
                          for parent in pathlib.PurePath(name).parents},
                         reverse=True):
        try:
            if parent.parts:
                (out / parent).rmdir()
        except OSError:
            pass  # it has other files, or is removed
    write_list(out, head, files)


def check(out, head):
    """Returns the names that the list in `out` has."""
    if not os.path.lexists(out):
        return set()
    if not out.is_dir():
        raise PublishError(f"{out}: it is not a directory")
    listing = out / LIST
    if not listing.is_file():
        if any(out.iterdir()):
            raise PublishError(
                f"{out}: it has files, and no list of them ({LIST}) from an "
                "earlier run: name another directory")
        return set()
    first, _, rest = listing.read_text("utf-8").partition("\n")
    if first + "\n" != head:
        raise PublishError(f"{listing}: it is the list of another tool: name "
                           "another directory")
    names = set(rest.splitlines())
    for name in names:
        parts = pathlib.PurePath(name).parts
        if not parts or ".." in parts or os.path.isabs(name):
            raise PublishError(f'{listing}: "{name}" is not the name of a file '
                               "in this directory")
        check_parents(out, name)
    return names


def check_parents(out, name):
    """A symbolic link would lead out of the directory."""
    for parent in pathlib.PurePath(name).parents:
        path = out / parent
        if parent.parts and os.path.lexists(path) and (
                path.is_symlink() or not path.is_dir()):
            raise PublishError(f"{path}: it is not a directory of an earlier "
                               "run: remove it, or name another directory")


def put(source, path):
    """Copies a file. A reader never sees half of it."""
    part = path.with_name(f".{path.name}.new")
    try:
        shutil.copyfile(source, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_list(out, head, names):
    part = out / f"{LIST}.new"
    part.write_text(head + "".join(f"{name}\n" for name in sorted(names)),
                    "utf-8")
    os.replace(part, out / LIST)
