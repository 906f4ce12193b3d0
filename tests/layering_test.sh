#!/bin/bash
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
#
# Checks that the engine depends only on itself, Abseil and the compiler, which
# has precompiled headers.
#   layering_test.sh DEPS BUILD...
# DEPS lists the labels that the engine depends on, one per line. Each BUILD
# belongs to a package of the engine. Each of its libraries, except those for
# tests, must be in DEPS.
set -eu

deps=$1
shift
status=0

stray=$(grep -Ev \
  '^(//engine[:/]|@(com_google_absl|clang_precompiled|bazel_tools|local_config_cc)//)' \
  "$deps" || true)
if [ -n "$stray" ]; then
  echo "the engine may depend only on Abseil, but depends on:" >&2
  echo "$stray" >&2
  status=1
fi

for build in "$@"; do
  package=$(dirname "$build")
  libraries=$(awk '/^cc_library\(/ { library = 1 }
                   /^ *name = / { split($0, q, "\""); name = q[2] }
                   /^ *testonly = True/ { library = 0 }
                   /^\)/ && library { print name; library = 0 }' "$build")
  if [ -z "$libraries" ]; then
    echo "$build: no libraries found" >&2
    status=1
  fi
  for name in $libraries; do
    if ! grep -qx "//$package:$name" "$deps"; then
      echo "$build: //$package:$name is not in the list of" \
        "//tests:engine_deps" >&2
      status=1
    fi
  done
done
exit $status
