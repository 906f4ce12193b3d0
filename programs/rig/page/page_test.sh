#!/usr/bin/env bash
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0

# Runs page_test.js with Node.js, unless there is no Chromium:
# page_test.sh PAGE_TEST.JS NODE_MODULES POSTERN
set -eu
chromium=$(command -v chromium || command -v chromium-browser || true)
if [[ -z $chromium ]]; then
  echo "SKIPPED: Chromium is not installed (Debian package chromium)"
  exit 0
fi
exec node "$1" "$PWD/$2" "$3" "$chromium"
