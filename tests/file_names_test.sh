#!/bin/bash
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
#
# Checks that no file name of the project contains a space or a control
# character. Such a name is the result of a wrong command.
#   file_names_test.sh FILE   any file at the root of the project
set -euo pipefail

# Prints the file names in the project at $1, each with a NUL at its end: in a
# git clone, the tracked files; otherwise all files, except those of Bazel and
# of the server that the README lets users try out.
names() {
  git -c safe.directory='*' -C "$1" ls-files -z 2>/dev/null ||
    find "$1" -mindepth 1 \( -name .git -o -name 'bazel-*' -o \
      -name postern-example -o -name postern-site \) -prune -o -printf '%P\0'
}

# Prints those names at $1 that contain a space or a control character.
bad_names() {
  names "$1" | LC_ALL=C grep -zP '[\x00-\x20\x7f]' | tr '\0\n' '\n?' || true
}

# Prove that the check can fail, with and without git.
scratch=$(mktemp -d "${TEST_TMPDIR:-/tmp}/names.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/folder"
touch "$scratch/folder/good.cc" "$scratch/folder/a b" "$scratch/"$'tab\tx' \
  "$scratch/"$'line\nx'
expect_three() {
  if [ "$(bad_names "$scratch" | wc -l)" != 3 ]; then
    echo "of three bad names, $1 finds:" >&2
    bad_names "$scratch" >&2
    exit 1
  fi
}
GIT_CEILING_DIRECTORIES=$(dirname "$scratch")
export GIT_CEILING_DIRECTORIES
expect_three find
if command -v git >/dev/null; then
  git -c init.defaultBranch=main init -q "$scratch"
  git -C "$scratch" add .
  expect_three git
fi

# Bazel gives a test symbolic links to the files of the project.
root=$(dirname "$(realpath "$1")")
unset GIT_CEILING_DIRECTORIES
count=$(names "$root" | tr -cd '\0' | wc -c)
if [ "$count" -lt 100 ]; then
  echo "$root has only $count files: is it the project?" >&2
  exit 1
fi
bad=$(bad_names "$root")
if [ -n "$bad" ]; then
  echo "names with spaces or control characters:" >&2
  echo "$bad" >&2
  exit 1
fi
