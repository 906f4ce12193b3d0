#!/usr/bin/env bash
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
#
# Sees that the lists of files in docs/extending.md are those that the recipes
# touch, and that each recipe can still be followed.
set -eu

exec tools/recipes --check
