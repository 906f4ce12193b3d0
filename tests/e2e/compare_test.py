# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""tools/compare finds what it should: nothing between a program and itself, an
intended difference with its line, and a planted one."""

import pathlib
import subprocess
import sys

import harness

HERE = pathlib.Path(__file__).absolute().parent
COMPARE = HERE.parent.parent / "tools" / "compare"

# Serves a session with postern-smtpd, and changes what argv[2] names.
DEVIANT = """
import socket, subprocess, sys
smtpd, deviation, *arguments = sys.argv[1:]
own, theirs = socket.socketpair()
child = subprocess.Popen([smtpd, *arguments], stdin=theirs, stdout=theirs)
theirs.close()
server = own.makefile("rwb", buffering=0)
replies = own.makefile("rb")

def reply():
    lines = []
    while not lines or lines[-1][3:4] == b"-":
        line = replies.readline()
        if not line:
            sys.exit(0)
        lines.append(line)
    return b"".join(lines)

def answer(text):
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()

answer(reply())
content = False
for line in sys.stdin.buffer:
    if deviation == "empty-recipient" and line == b"RCPT TO:<>\\r\\n":
        answer(b"250 ok\\r\\n")  # as qmail-smtpd does
        continue
    if content:
        if deviation == "content" and line.startswith(b"body"):
            line = b"another body\\r\\n"
        server.write(line)
        content = line != b".\\r\\n"
        if not content:
            answer(reply())
        continue
    server.write(line)
    text = reply()
    if deviation == "code" and text.startswith(b"553"):
        text = b"550" + text[3:]
    if deviation == "hello" and line.startswith(b"EHLO c"):
        text = b"550 5.7.1 not you\\r\\n"
    if deviation == "text" and line.startswith(b"VRFY"):
        text = b"252 2.0.0 another text\\r\\n"
    content = text.startswith(b"354")
    answer(text)
"""


class Compare(harness.TestCase):

    def compare(self, deviation, *options, deviates="--new"):
        deviant = self.folder / "deviant.py"
        deviant.write_text(DEVIANT)
        other = harness.SMTPD
        if deviation:
            other = (f"{sys.executable} -ISE {deviant} {harness.SMTPD} {deviation} "
                   "--control {control}")
        ran = subprocess.run(
            [sys.executable, "-B", str(COMPARE),
             "--old" if deviates == "--new" else "--new", harness.SMTPD,
             deviates, other, *options], capture_output=True, text=True,
            timeout=harness.PATIENCE, check=False)
        self.assertEqual(ran.stderr, "")
        return ran.returncode, ran.stdout

    def test_a_program_is_as_itself(self):
        code, out = self.compare(None, "--sessions", "30", "--texts")
        self.assertEqual(out, "30 sessions: 30 the same, 0 intended, 0 "
                         "unexpected\n")
        self.assertEqual(code, 0)

    def test_a_difference_of_the_table_is_intended(self):
        code, out = self.compare("empty-recipient", "--sessions", "25",
                                 deviates="--old")
        self.assertEqual(code, 0, out)
        self.assertIn("RCPT TO:<>\\r\\n: intended\n    line 4: `RCPT TO:<>` is "
                      "accepted", out)
        self.assertIn(" 0 unexpected\n", out)
        # The line does not say that the new program accepts more.
        code, out = self.compare("empty-recipient", "--sessions", "4")
        self.assertEqual(code, 1, out)
        self.assertIn("RCPT TO:<>\\r\\n: unexpected\n", out)

    def test_other_differences_are_not(self):
        for deviation, sessions, shown in (
                ("code", "12", "new: 550 5.7.1 sorry"),
                ("hello", "2", "new: 550 5.7.1 not you"),
                ("content", "12", "another body")):
            with self.subTest(deviation):
                code, out = self.compare(deviation, "--sessions", sessions)
                self.assertEqual(code, 1, out)
                self.assertIn(": unexpected\n", out)
                self.assertIn(shown, out)

    def test_a_program_that_ignores_the_variable_gets_no_sessions(self):
        """qmail-1.03 queues with its own program."""
        ignores = self.folder / "ignores"
        real = self.folder / "real"
        ignores.write_text(
            f"#!/bin/sh\necho . >>{self.folder}/started\n"
            f"QMAILQUEUE={real} exec {harness.SMTPD} \"$@\"\n")
        ignores.chmod(0o755)
        real.write_text("#!/bin/sh\ncat >/dev/null\ncat <&1 >/dev/null\n")
        real.chmod(0o755)
        ran = subprocess.run(
            [sys.executable, "-B", str(COMPARE), "--old",
             f"{ignores} --control {{control}}", "--new", harness.SMTPD],
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False)
        self.assertEqual(ran.returncode, 2, ran.stderr)
        self.assertIn("does not read this variable", ran.stderr)
        self.assertEqual((self.folder / "started").read_text(), ".\n")

    def test_texts_are_compared_on_request(self):
        for options, code in (((), 0), (("--texts",), 1)):
            got, out = self.compare("text", "--sessions", "25", *options)
            self.assertEqual(got, code, out)

    def test_the_seed_makes_the_sessions(self):
        first = self.compare("code", "--sessions", "8", "--seed", "7")
        self.assertEqual(
            self.compare("code", "--sessions", "8", "--seed", "7"), first)
        self.assertNotEqual(
            self.compare("code", "--sessions", "8", "--seed", "8"), first)


if __name__ == "__main__":
    harness.main()
