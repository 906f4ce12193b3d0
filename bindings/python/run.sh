#!/bin/bash
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
#
# Runs tests with pytest and the package postern: run.sh LIBRARY FILE...
set -euo pipefail

POSTERN_LIBRARY=$PWD/$1
PYTHONPATH=$PWD/bindings/python
export POSTERN_LIBRARY PYTHONPATH
shift
# Copies: pytest finds no tests in files that are symbolic links, as here.
cp -L "$@" "$TEST_TMPDIR"
cd "$TEST_TMPDIR"
# Debian's, which has Debian's pytest. PATH may have another one. A mistake of a
# test must not make it hang.
exec timeout 250 /usr/bin/python3 -B -X dev -W error -m pytest \
  -p no:cacheprovider -p pytester -p postern.pytest_plugin -q
