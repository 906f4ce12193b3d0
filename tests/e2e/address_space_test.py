# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""The programs work within a limit of address space, as of softlimit(8)."""

import base64
import pathlib
import re
import resource
import socket
import subprocess
import unittest

import harness

# As in the manual.
SMTPD = 4000000
SMTPD_TLS = 24000000

MANUAL = pathlib.Path("docs/postern-smtpd.8")

# A checkpassword program for the user ann, whose password is "secret".
CHECKER = """#!/bin/sh
fields=$(tr '\\0' '\\n' <&3) || exit 111
case "$fields" in
  "ann
secret"*) exit 0 ;;
esac
exit 1
"""


def softlimit(octets):
    """Returns a function that sets the limits of `softlimit -m OCTETS`."""
    def limit():
        for each in (resource.RLIMIT_AS, resource.RLIMIT_DATA,
                     resource.RLIMIT_STACK, resource.RLIMIT_MEMLOCK):
            hard = resource.getrlimit(each)[1]
            if hard != resource.RLIM_INFINITY and hard < octets:
                continue
            resource.setrlimit(each, (octets, octets))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return limit


class AddressSpaceTest(harness.TlsTestCase):

    def session(self, octets, text, *options, deliver=None, environment=None):
        """Runs postern-smtpd within `octets`; returns a Talk."""
        variables = {"PATH": "/usr/bin:/bin", "QUEUE_OUT": str(self.folder)}
        variables.update(environment or {})
        return harness.Talk(subprocess.run(
            [harness.SMTPD, "--control", str(self.control), "--deliver",
             deliver or f"maildir:{self.maildir}", *options],
            input=text.encode(), env=variables, capture_output=True,
            preexec_fn=softlimit(octets), check=False,
            timeout=harness.PATIENCE))

    def test_session_without_tls(self):
        self.put("badmailfrom", "".join(f"spam{n}@bad.example\n"
                                        for n in range(100)))
        recipients = "".join(f"RCPT TO:<u{n}@local.example>\r\n"
                             for n in range(20))
        content = "x" * 76 + "\r\n"
        for deliver in (None, f"qmail-queue:{self.put_queue()}"):
            with self.subTest(deliver=deliver):
                talk = self.session(
                    SMTPD, "EHLO c\r\n" + 2 * (
                        "MAIL FROM:<s@x.example>\r\n" + recipients +
                        "DATA\r\n" + content * 10000 + ".\r\n") + "QUIT\r\n",
                    deliver=deliver,
                    environment={"RELAYCLIENT": "", "TCPREMOTEIP": "192.0.2.1"})
                self.assertEqual(talk.codes.count(354), 2, talk.log)
                self.assertEqual(set(talk.codes), {220, 250, 354, 221},
                                 talk.log)
                self.assertEqual(talk.exit_code, 0, talk.log)

    def test_login(self):
        checker = self.folder / "checker"
        checker.write_text(CHECKER)
        checker.chmod(0o755)
        word = base64.b64encode(b"\0ann\0secret").decode()
        talk = self.session(SMTPD, f"EHLO c\r\nAUTH PLAIN {word}\r\nQUIT\r\n",
                            "--auth-insecure", str(checker), "/bin/true")
        self.assertEqual(talk.codes, [220, 250, 235, 221], talk.log)

    def test_starttls_gets_454_if_the_other_program_lacks_address_space(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.settimeout(harness.PATIENCE)
            process = subprocess.Popen(
                [harness.SMTPD, "--control", str(self.control), "--deliver",
                 f"maildir:{self.maildir}", "--tls-cert",
                 str(self.certificate)], stdin=theirs, stdout=theirs,
                stderr=subprocess.PIPE, env={}, preexec_fn=softlimit(SMTPD))
            theirs.close()
            replies = ours.makefile("rb")
            codes = [replies.readline()[:3]]
            for line in ("HELO c", "STARTTLS", "MAIL FROM:<s@x.example>",
                         "RCPT TO:<u@local.example>", "DATA", "x\r\n.",
                         "QUIT"):
                ours.sendall(line.encode() + b"\r\n")
                codes.append(replies.readline()[:3])
            replies.close()
        log = process.communicate(timeout=harness.PATIENCE)[1].decode()
        self.assertEqual(codes, [b"220", b"250", b"454", b"250", b"250",
                                 b"354", b"250", b"221"], log)
        self.assertEqual(process.returncode, 0)
        self.assertRegex(
            log, "tls: not available: /.*/postern-smtpd-tls needs "
            f"{SMTPD_TLS} bytes of address space, and the limit is {SMTPD}\n")
        # From the first byte there is no reply to give; but the log says why.
        talk = self.session(SMTPD_TLS - 1, "", "--tls-cert",
                            str(self.certificate), "--tls-wrapped")
        self.assertEqual(talk.replies, [])
        self.assertIn(f"the limit is {SMTPD_TLS - 1}\n", talk.log)

    def tls_session(self, octets, program, wrapped):
        """Returns whether a message can be sent with TLS within `octets`."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.settimeout(harness.PATIENCE)
            process = subprocess.Popen(
                [program, "--control", str(self.control), "--deliver",
                 f"maildir:{self.maildir}", "--tls-cert",
                 str(self.certificate), *(["--tls-wrapped"] if wrapped else [])],
                stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, env={},
                preexec_fn=softlimit(octets))
            theirs.close()
            try:
                if not wrapped:
                    file = ours.makefile("rb")
                    file.readline()
                    ours.sendall(b"STARTTLS\r\n")
                    if file.readline()[:3] != b"220":
                        return False
                with self.trusting().wrap_socket(ours) as secure:
                    secure.sendall(
                        b"EHLO c\r\nMAIL FROM:<s@x.example>\r\n"
                        b"RCPT TO:<u@local.example>\r\nDATA\r\n" +
                        b"x\r\n" * 100000 + b".\r\nQUIT\r\n")
                    replies = secure.makefile("rb").read()
                return b"\r\n250 2.0.0 ok " in replies
            except OSError:  # the program has crashed
                return False
            finally:
                process.kill()
                process.wait(harness.PATIENCE)

    def test_tls_works_within_the_limit_in_the_manual(self):
        self.assertTrue(self.tls_session(SMTPD_TLS, harness.SMTPD, False))
        self.assertTrue(self.tls_session(SMTPD_TLS, harness.SMTPD, True))
        # The figure has room for other releases of OpenSSL, but not too much.
        program = str(pathlib.Path(harness.SMTPD).parent / "postern-smtpd-tls")
        works, fails = SMTPD_TLS, 1000000
        while works - fails > 100000:
            middle = (works + fails) // 2
            if self.tls_session(middle, program, True):
                works = middle
            else:
                fails = middle
        print(f"postern-smtpd-tls needs {works} octets of address space")
        self.assertGreater(works, SMTPD_TLS // 2)

    def test_manual_has_the_figures(self):
        text = re.sub(r"\s+", " ", MANUAL.read_text())
        self.assertIn(f"softlimit \\-m {SMTPD}", text)
        self.assertIn(f"{SMTPD_TLS} octets", text)


if __name__ == "__main__":
    harness.main()
