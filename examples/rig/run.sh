#!/usr/bin/env bash
# Runs an example: run.sh POSTERN FILE [DIRECTORY-OF-NODE-MODULES]
set -euo pipefail

POSTERN=$PWD/$1
export POSTERN
# A mistake of an example must not make a test hang.
case $2 in
  *.js)
    NODE_PATH=$PWD/$3
    export NODE_PATH
    exec timeout 60 node --test "$2"
    ;;
  *.go)
    if ! command -v go >/dev/null; then
      echo "skipped: Go is not installed"
      exit 0
    fi
    GOCACHE=$TEST_TMPDIR/go GOFLAGS='' GO111MODULE=off exec timeout 250 \
      go test -vet=off -count=1 "$2"
    ;;
  *) exec timeout 60 bash "$2" ;;
esac
