#!/bin/bash
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
#
# Checks that the engine's sources use no threads, clocks, files, sockets,
# randomness, environment variables or libraries other than Abseil.
#   includes_test.sh FILE...
# Test files are not checked.
set -eu

files=()
for file in "$@"; do
  case $file in
    *_test.cc | *_reference.h) ;;
    *) files+=("$file") ;;
  esac
done
if [ ${#files[@]} -eq 0 ]; then
  echo "no files given" >&2
  exit 1
fi
set -- "${files[@]}"

headers='array|algorithm|compare|cstddef|cstdint|cstring|deque|functional'
headers+='|initializer_list|iterator|limits|list|map|memory|optional|set|string|tuple'
headers+='|type_traits|utility|variant|vector'
# Vector instructions, and the processor features that the C library found. They
# give no access to the outside.
headers+='|immintrin.h|sys/platform/x86.h'
abseil='time/clock|synchronization/|log/|random/|strings/cord|flags/|debugging/'
names='(std::)?(getenv|setenv|system|time|rand|srand|clock|printf|fopen)'

status=0
complain() {  # WHY LINES
  if [ -n "$2" ]; then
    echo "$1:" >&2
    echo "$2" >&2
    status=1
  fi
}
complain "standard headers outside the engine's list" "$(
  grep -Hn '^ *# *include *<' "$@" |
    grep -Ev "# *include *<($headers)>" || true)"
complain "headers of neither the engine nor Abseil" "$(
  grep -Hn '^ *# *include *"' "$@" |
    grep -Ev '# *include *"(engine/|absl/)' || true)"
complain "Abseil's clock, threads, logging, randomness and Cord" "$(
  grep -HnE "# *include *\"absl/($abseil)" "$@" || true)"
complain "calls of functions outside the engine" "$(
  grep -HnE "(^|[^A-Za-z0-9_:.>])$names\(" "$@" || true)"
complain "std::string_view, which does not convert to absl::string_view" "$(
  grep -Hn 'std::string_view\|<string_view>' "$@" || true)"
exit $status
