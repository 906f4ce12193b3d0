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

# A second run replaces the site, and no other directory.
touch "$scratch/site/old.html"
POSTERN=$postern "$root/tools/docs" "$scratch/site" >/dev/null
if [ -e "$scratch/site/old.html" ]; then
  echo "the second run has kept a file of the first site" >&2
  exit 1
fi
mkdir "$scratch/other"
touch "$scratch/other/file"
if POSTERN=$postern "$root/tools/docs" "$scratch/other" 2>"$scratch/error" ||
  ! grep -q 'name another directory' "$scratch/error" || [ ! -e "$scratch/other/file" ]
then
  echo "a directory with other files was used" >&2
  cat "$scratch/error" >&2
  exit 1
fi

/usr/bin/python3 -B "$root/docs/site/site_test.py" "$root" "$scratch/site"

chromium=$(command -v chromium || command -v chromium-browser || true)
if [ -z "$chromium" ]; then
  echo "SKIPPED in a browser: Chromium is not installed (Debian package chromium)"
  exit 0
fi
node "$root/docs/site/site_test.js" "$scratch/site" "$node_modules" "$chromium"
