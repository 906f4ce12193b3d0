#!/bin/bash
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
#
# Runs a test in an unusual environment, which must not change its result:
#
#   bazel test --spawn_strategy=local \
#     --run_under='//tests:surroundings variables' //...
#
#   variables   a Turkish locale, a distant time zone, a proxy, variables that
#               tcpserver and sshd set, and a PATH with one more program: host
#   umask       files are readable by their owner only
#   no-umask    files are writable by all users
#   no-ipv6     only 127.0.0.0/8: no IPv6, other interface or name server
#   no-tty      no controlling terminal, and few descriptors
set -eu

mode=$1
shift
case $mode in
  variables)
    folder=$(mktemp -d)
    printf '#!/bin/sh\nexit 0\n' >"$folder/host"
    chmod +x "$folder/host"
    # Needs Debian's package `locales`. Without it, the locale does not exist,
    # which is unusual as well.
    localedef -i tr_TR -f UTF-8 "$folder/tr_TR.UTF-8" 2>/dev/null || true
    export LOCPATH=$folder LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8
    export PATH="$PATH:$folder" TZ=Pacific/Chatham \
      http_proxy=http://192.0.2.1:3128 SSH_CLIENT='192.0.2.1 1 22' \
      RES_OPTIONS=ndots:9 LOCALDOMAIN=example RELAYCLIENT='' DATABYTES=1 \
      TCPREMOTEIP=192.0.2.1 TCPREMOTEHOST=host.example GREETDELAY=5 \
      QMAILQUEUE=/bin/false POSTERN_MAX_RECIPIENTS=1
    ;;
  umask) umask 077 ;;
  no-umask) umask 0 ;;
  no-ipv6)
    exec unshare --net bash -c 'ip link set lo up
      sysctl -qw net.ipv6.conf.all.disable_ipv6=1
      exec "$@"' bash "$@"
    ;;
  no-tty)
    ulimit -S -n 256
    exec setsid --wait "$@" </dev/null
    ;;
  *)
    echo "$0: unknown surroundings: $mode" >&2
    exit 100
    ;;
esac
exec "$@"
