#!/usr/bin/env bash
# Runs a test script: Bazel's sh_test wants a shell script to begin with.
exec python3 -B "$@"
