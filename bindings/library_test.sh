#!/usr/bin/env bash
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
#
# Checks what programs rely on that were linked with an earlier version of a
# shared library: its name, the symbols that it exports with their versions, and
# that it needs no other library than those of a list.
#   library_test.sh LIBRARY SYMBOLS HEADER PACKAGE NEEDED
# SYMBOLS has a line "NAME@@VERSION" for each function. A symbol that is once
# released must not be removed. HEADER declares all of them. PACKAGE is the file
# of the Debian package that names the versions. NEEDED is a regular expression.
set -euo pipefail
library=$1 symbols=$2 header=$3 package=$4 needed=$5
status=0

exported=$(nm -D --defined-only --with-symbol-versions "$library" |
  awk '$2 != "A" { print $3 }' | LC_ALL=C sort)
listed=$(sed '/^#/d' "$symbols" | LC_ALL=C sort)
if ! diff <(echo "$listed") <(echo "$exported"); then
  echo "$library exports other symbols than $symbols lists" >&2
  status=1
fi
declared=$(sed -n '/^static inline/,/^}/d
  s/^[a-z].*[ *]\(postern_[a-z0-9_]*\)(.*/\1/p' "$header" | LC_ALL=C sort)
if ! diff <(echo "$declared") <(sed 's/@.*//' <<<"$exported"); then
  echo "$library exports other functions than $header declares: list a new" \
    "one in $symbols, with the version of the next release" >&2
  status=1
fi
for version in $(sed 's/.*@//' <<<"$listed" | sort -u); do
  if ! grep -q "^ (symver)$version " "$package"; then
    echo "$package has no line for $version" >&2
    status=1
  fi
done

dynamic=$(readelf -dW "$library")
name=$(sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p' <<<"$dynamic")
if [ "$name" != "${library##*/}" ]; then
  echo "$library: its name for programs is '$name'" >&2
  status=1
fi
stray=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' <<<"$dynamic" |
  grep -Evx "$needed" || true)
if [ -n "$stray" ]; then
  echo "$library needs other libraries:" >&2
  echo "$stray" >&2
  status=1
fi
exit $status
