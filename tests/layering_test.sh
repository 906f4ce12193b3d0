#!/bin/bash
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
#
# Holds the engine to its dependencies: itself, Abseil, and the compiler.
#   layering_test.sh DEPS BUILD...
# DEPS is a file of labels, one a line: what the engine depends on. Each BUILD is
# of a package of the engine; each of its libraries must be among them, but those
# for tests.
set -eu

deps=$1
shift
status=0

stray=$(grep -Ev \
  '^(//engine[:/]|@com_google_absl//|@bazel_tools//|@local_config_cc//)' \
  "$deps" || true)
if [ -n "$stray" ]; then
  echo "the engine may depend on Abseil alone, and depends on:" >&2
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
