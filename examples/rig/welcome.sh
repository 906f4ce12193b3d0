#!/usr/bin/env bash
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
#
# A test with curl: POSTERN=/path/to/postern ./welcome.sh
set -euo pipefail

directory=$(mktemp -d)
mkfifo "$directory/ready"
"$POSTERN" rig --smtp 127.0.0.1:0 --http 127.0.0.1:0 --ready-fd 3 \
  3>"$directory/ready" &
rig=$!
trap 'kill "$rig" 2>/dev/null || true; rm -r "$directory"' EXIT
{ read -r smtp && read -r url; } <"$directory/ready"

# The code that is tested. Returns curl's exit code.
send_welcome() {
  printf 'Subject: Welcome\r\n\r\nHello\r\n' |
    curl --silent --upload-file - --mail-from shop@x.example \
      --mail-rcpt you@y.example "smtp://$smtp"
}

curl --silent --fail --output /dev/null --request PUT \
  --data 'rcpt for=you@y.example times=1 reply 450 4.7.1 later' \
  --header 'Content-Type: text/plain' "${url}api/postern/v1/faults"
code=0
send_welcome || code=$?
[ "$code" -eq 55 ] # the recipient was refused
send_welcome
curl --silent --fail "${url}api/postern/v1/wait?count=1" |
  grep -q '"Subject": *"Welcome"'

# Exit code 1 of the rig: a fault was not met.
kill "$rig"
wait "$rig"
