#!/usr/bin/env bash
# Runs a Python test: the entry point of Bazel's sh_test is a shell script.
# Debian's Python has the modules of Debian's packages.
exec /usr/bin/python3 -B "$@"
