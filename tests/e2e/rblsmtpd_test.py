# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""--dns-list decides as rblsmtpd does.

rblsmtpd asks a DNS server at port 53. So the test runs in a network namespace
of its own, where it may use this port. It is skipped if the system does not
permit namespaces to this user.
"""

import fcntl
import json
import os
import random
import socket
import struct
import subprocess
import sys

import harness
from dns_stand_in import DnsStandIn

INSIDE = "--in-a-namespace"  # harness.py clears the environment
UNSHARE = ["unshare", "--map-root-user", "--net"]
# rblsmtpd waits 11 seconds after a SERVFAIL. After the TC bit it asks again
# over TCP, which fails at once. c-ares, however, lets such a failure end its
# other questions to the server.
TRUNCATED = 0x200
SERVFAIL = 2
ZONES = ("one.example", "two.example", "three.example", "four.example")


def enter_namespace():
    """Runs this test in a new namespace. Returns why there is none, or ""."""
    if INSIDE in sys.argv:
        sys.argv.remove(INSIDE)
        return ""
    made = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True,
                          check=False)
    if made.returncode != 0:
        return made.stderr.strip() or "unshare failed"
    os.execvp(UNSHARE[0],
              [*UNSHARE, sys.executable, "-B", *sys.argv, INSIDE])


def raise_loopback():
    """Does what `ip link set lo up` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 1)  # IFF_UP
        fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS


class RblsmtpdTest(harness.TestCase):

    no_namespace = ""

    def setUp(self):
        super().setUp()
        if self.no_namespace:
            self.skipTest(f"no network namespace: {self.no_namespace}")
        raise_loopback()
        self.table = {}
        self.table_of_postern = {}
        DnsStandIn(self, self.table, port=53)
        self.dns = DnsStandIn(self, self.table_of_postern)

    def rblsmtpd(self, client, options):
        """Returns the code and the text of the reply to RCPT."""
        done = subprocess.run(
            ["rblsmtpd", *options, "echo", "served"],
            input="HELO c\r\nMAIL FROM:<s@x.example>\r\n"
            "RCPT TO:<u@local.example>\r\nQUIT\r\n",
            env={"PATH": harness.PATH, "TCPREMOTEIP": client,
                 "DNSCACHEIP": "127.0.0.1"},
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False)
        if done.stdout == "served\n":
            return "250", ""
        code, _, text = done.stdout.splitlines()[3].partition(" ")
        return code, text

    def postern(self, client, lists):
        options = []
        for each in lists:
            options += ["--dns-list", each]
        done = subprocess.run(
            [*harness.command("explain"), "--control", str(self.control),
             "--deliver", f"catch-all:{self.maildir}", "--resolver",
             f"127.0.0.1:{self.dns.port}", *options, "--client", client, "--sender",
             "s@x.example", "--json", "u@local.example"],
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False, env={"PATH": harness.PATH})
        self.assertEqual(done.stderr, "")
        code, _, text = json.loads(done.stdout)["commands"][-1][
            "reply"].split(" ", 2)
        return code, "" if code == "250" else text

    def generate(self, choose):
        """Returns the same lists for rblsmtpd and for postern."""
        options, lists = [], []
        bounce = closed = False
        zones = choose.sample(ZONES, choose.randint(1, len(ZONES)))
        # Without -r, rblsmtpd asks a list that no longer exists.
        kinds = [choose.choice("ra") for _ in zones[1:]] + ["r"]
        choose.shuffle(kinds)
        for zone, kind in zip(zones, kinds):
            for flag in choose.sample("bBcC", choose.randint(0, 2)):
                options.append(f"-{flag}")
                bounce = flag == "b" if flag in "bB" else bounce
                closed = flag == "c" if flag in "cC" else closed
            options += [f"-{kind}", zone]
            lists.append(("!" if kind == "a" else "") + zone +
                         (",permanent" if bounce and kind == "r" else "") +
                         (",fail-closed" if closed else ""))
        return options, lists

    def test_decisions_are_those_of_rblsmtpd(self):
        choose = random.Random(14)
        seen = set()
        for number in range(1, 121):
            client = f"192.0.2.{number}"
            options, lists = self.generate(choose)
            for zone in ZONES:
                name = f"{number}.2.0.192.{zone}"
                state = choose.choice(("absent", "listed", "fails"))
                if state == "absent":
                    continue
                for kind, data in (("A", "127.0.0.2"),
                                   ("TXT", f"listed by {zone}")):
                    listed = state == "listed"
                    self.table[name, kind] = [data] if listed else TRUNCATED
                    self.table_of_postern[name, kind] = (
                        [data] if listed else SERVFAIL)
            with self.subTest(client=client, options=options, lists=lists):
                wanted = self.rblsmtpd(client, options)
                self.assertEqual(self.postern(client, lists), wanted)
                seen.add((wanted[0], wanted[1].startswith("listed")))
        self.assertEqual(seen, {("250", False), ("451", True), ("451", False),
                                ("553", True)})


if __name__ == "__main__":
    RblsmtpdTest.no_namespace = enter_namespace()
    harness.main()
