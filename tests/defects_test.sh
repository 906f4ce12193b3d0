#!/usr/bin/env bash
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
#
# Sees that each defect can still be put in, and that docs/invariants.md has it.
set -eu

exec tools/defects --check
