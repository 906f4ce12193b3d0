#!/usr/bin/env bash
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0

# Makes the site and tests it: site_test.sh README POSTERN NODE_MODULES
#
# README is any file at the root of the project. Without Chromium only the files
# are tested.
set -euo pipefail

# A test has its own environment.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
unset "${!POSTERN_@}" HTTP_PROXY http_proxy HTTPS_PROXY https_proxy
root=$(dirname "$(realpath "$1")")
postern=$(realpath "$2")
node_modules=$(realpath "$3")
scratch=$(mktemp -d "${TEST_TMPDIR:-/tmp}/site.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

POSTERN=$postern "$root/tools/docs" "$scratch/site" >"$scratch/printed"
diff "$scratch/printed" - <<<"$scratch/site/index.html"

# A second run replaces the files of the first one, and no others. The first list
# has a page that the site does not have any more.
fail() {
  echo "$1" >&2
  cat "$scratch/error" >&2
  exit 1
}
touch "$scratch/site/old.html" "$scratch/site/CNAME"
mkdir "$scratch/site/.git"
touch "$scratch/site/.git/HEAD"
echo old.html >>"$scratch/site/.postern-files"
POSTERN=$postern "$root/tools/docs" "$scratch/site" >/dev/null 2>"$scratch/error"
[ ! -e "$scratch/site/old.html" ] || fail "an old page is still there"
[ -e "$scratch/site/CNAME" ] && [ -e "$scratch/site/.git/HEAD" ] ||
  fail "a file of another one was removed"
# refused DIRECTORY FILE: the file stays.
refused() {
  ! POSTERN=$postern "$root/tools/docs" "$1" 2>"$scratch/error" ||
    fail "a directory with other files was used"
  grep -q 'name another directory' "$scratch/error" || fail "no reason"
  [ -e "$1/$2" ] || fail "$1/$2 was removed"
}
mkdir "$scratch/other"
echo '<p>See postern tools/docs</p>' >"$scratch/other/index.html"
refused "$scratch/other" index.html

/usr/bin/python3 -B "$root/docs/site/site_test.py" "$root" "$scratch/site"

chromium=$(command -v chromium || command -v chromium-browser || true)
if [ -z "$chromium" ]; then
  echo "SKIPPED in a browser: Chromium is not installed (Debian package chromium)"
  exit 0
fi
node "$root/docs/site/site_test.js" "$scratch/site" "$node_modules" "$chromium"
