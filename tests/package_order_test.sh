#!/bin/bash
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
#
# Checks that every source follows the order of the packages: each header of the
# project that it includes is in its own package, or in a package that the table
# below allows, and is not a private header of another package. A header in the
# srcs of a BUILD file is private.
#   package_order_test.sh BUILD... SOURCE...
set -euo pipefail

# PACKAGE: the packages that it may include, in one or more lines. A directory
# that is not listed may include everything (tests, fuzz, tools).
table='
engine/grammar:
engine/content: engine/grammar
engine: engine/content engine/grammar
system: engine engine/grammar
files: system
log: engine engine/grammar system
net: engine engine/grammar system
policy/control: engine engine/grammar files
policy/delegation: engine engine/grammar files net system
policy/greylisting: engine/grammar files system
policy/limits: engine/grammar net
policy/names: engine engine/grammar net system
policy/rules: engine engine/grammar files net policy/control
policy/shared: engine/grammar files log net policy/greylisting policy/limits system
policy/spf: engine/grammar policy/names
policy: engine engine/content engine/grammar files log net policy/control
policy: policy/delegation policy/names policy/rules policy/spf system
policy: policy/greylisting
policy/surface: engine engine/grammar files net policy policy/control policy/rules
auth: engine engine/grammar files log net system
delivery: engine engine/grammar files log net system
transports: engine engine/grammar log net system
recording: engine engine/grammar files system
rig: auth engine engine/grammar files net system transports
service: auth delivery engine engine/grammar files log net system transports
service: policy policy/control policy/limits policy/names policy/rules policy/spf
service: policy/greylisting policy/shared
bindings: engine engine/content engine/grammar net rig service
programs/replay: files log recording service
programs/introspect: engine engine/grammar files log service system
programs/migrate: engine/grammar files log policy policy/control policy/rules
programs/migrate: programs/serve service
programs/tables: engine engine/grammar files log policy policy/control policy/rules
programs/tables: service
programs/users: auth engine engine/grammar files log service system
programs/smtpd: auth engine engine/grammar log net service system transports
programs/smtpd: policy policy/control policy/limits recording
programs/serve: auth delivery engine engine/grammar files log net service system transports
programs/serve: policy policy/control policy/delegation policy/limits policy/names
programs/serve: policy/greylisting policy/rules policy/shared policy/spf recording
programs/explain: delivery engine engine/grammar files log net policy policy/names policy/rules
programs/explain: policy/greylisting policy/shared policy/spf programs/serve service transports
programs/check: engine engine/grammar files log net policy/names policy/rules
programs/check: policy/surface programs/serve service
programs/config: log programs/serve service
programs/init: auth engine/grammar files log net policy/rules programs/check
programs/init: programs/serve programs/tables programs/users service system
programs/relay: delivery engine engine/grammar log net policy/names programs/serve
programs/relay: service system
programs/rig: engine engine/grammar files log net recording rig service system
programs: engine engine/grammar log programs/check programs/config programs/explain
programs: programs/init programs/migrate programs/replay
programs: programs/relay programs/rig programs/serve programs/tables programs/users service system
'

# Prints each include in $@ that is not allowed.
check() {
  awk -v table="$table" '
    BEGIN {
      lines = split(table, line, "\n")
      for (i = 1; i <= lines; ++i) {
        if (split(line[i], half, ":") != 2) continue
        known[half[1]] = 1
        count = split(half[2], name, " ")
        for (j = 1; j <= count; ++j) allowed[half[1], name[j]] = 1
      }
    }
    # Returns the package of the table that contains a path, or "".
    function package(path) {
      while (sub("/[^/]*$", "", path)) if (path in known) return path
      return ""
    }
    FNR == 1 { own = package(FILENAME); folder = FILENAME; build = 0 }
    FNR == 1 { sub("[^/]*$", "", folder); build = FILENAME ~ /BUILD$/ }
    build && /^    [a-z]+ = / { sources = / srcs = / }
    build && sources && /\.h"/ {
      split($0, quoted, "\"")
      private[folder quoted[2]] = 1
    }
    own != "" && /^#include "/ {
      split($0, quoted, "\"")
      other = package(quoted[2])
      if (other != "" && other != own && !((own, other) in allowed))
        print FILENAME ": " own " may not include " quoted[2]
      if (quoted[2] in private && index(quoted[2], folder) != 1)
        print FILENAME ": " quoted[2] " is private to its package"
    }' "$@"
}

# Prove that the check can fail.
scratch=$(mktemp -d "${TEST_TMPDIR:-/tmp}/order.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/engine" "$scratch/auth"
echo '#include "transports/server.h"' >"$scratch/engine/upward.cc"
echo '#include "engine/command.h"' >"$scratch/auth/private.cc"
printf '    srcs = [\n        "command.h",\n    ],\n' >"$scratch/engine/BUILD"
for source in engine/upward.cc auth/private.cc; do
  if [ -z "$(cd "$scratch" && check engine/BUILD $source)" ]; then
    echo "the check does not find the include in $source" >&2
    exit 1
  fi
done

if [ $# -lt 100 ]; then
  echo "only $# files given: are they the project's?" >&2
  exit 1
fi
bad=$(check "$@")
if [ -n "$bad" ]; then
  echo "$bad" >&2
  exit 1
fi
