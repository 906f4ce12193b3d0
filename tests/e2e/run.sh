#!/usr/bin/env bash
# Runs a Python test: the entry point of Bazel's sh_test is a shell script.
exec python3 -B "$@"
