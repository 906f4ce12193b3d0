#!/usr/bin/env bash
# README's example is tests/readme/example.cc to the letter, and works:
# readme_test.sh README EXAMPLE.CC EXAMPLE
set -euo pipefail

readme=$(sed -n '/^```cpp$/,/^```$/p' "$1" | sed '1d;$d')
source=$(sed '1,/^\/\/ example begins$/d' "$2")
if [ "$readme" != "$source" ]; then
  echo "README.md's example is not $2:"
  diff <(echo "$readme") <(echo "$source")
  exit 1
fi
if grep -n '@[A-Z]*@' "$1"; then
  echo "README.md has a place that was never filled in"
  exit 1
fi
replies=$(printf 'EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<u@example.org>\r\nRCPT TO:<u@x>\r\nQUIT\r\n' |
  "$3" | tr -d '\r' | grep -v '^250-')
[ "$replies" = "220 mx.example.org ESMTP
250 LIMITS RCPTMAX=1000
250 2.1.0 ok
250 2.1.5 ok
550 5.7.1 not here
221 2.0.0 mx.example.org" ] || {
  echo "the example says: $replies"
  exit 1
}
