# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""ClientSession against postern-smtpd and Postfix's smtp-sink."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time

import harness

CLIENT = ""

# All octets except CR and LF, difficult dots, and more than one piece.
CONTENT = (b"Subject: x\r\n\r\n.\r\n..\r\n.x\r\n" +
           bytes(b for b in range(256) if b not in b"\r\n") + b"\r\n" +
           b".0123456789\r\n" * 500)


class ClientSessionTest(harness.TestCase):

    def send(self, connection, protocol, framing, *recipients):
        """Sends CONTENT; returns the codes of the replies."""
        path = self.folder / "content"
        path.write_bytes(CONTENT)
        with connection:
            result = subprocess.run(
                [CLIENT, protocol, framing, str(path), "<s@client.example>",
                 *recipients], stdin=connection, capture_output=True,
                timeout=harness.PATIENCE, check=False)
        self.assertEqual(result.returncode, 0, result)
        return [int(code) for code in result.stdout.split()]

    def test_postern_smtpd_stores_the_message_unchanged(self):
        server = harness.Tcpserver(self)
        for framing in "data", "bdat":
            with self.subTest(framing=framing):
                connection = socket.create_connection(
                    (server.address, server.port), harness.PATIENCE)
                connection.settimeout(None)
                codes = self.send(connection, "smtp", framing,
                                  "<u@local.example>", "<u@elsewhere.example>")
                self.assertEqual(codes,
                                 [220, 250, 250, 250, 553, 250, 221])
        messages = self.messages()
        self.assertEqual(len(messages), 2)
        for message in messages:
            self.assertEqual(message.split(b" +0000\n", 1)[1],
                             CONTENT.replace(b"\r\n", b"\n"))

    def sink(self, *options):
        """Runs smtp-sink, which writes to sink/; returns a connection."""
        program = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")
        if program is None:
            self.skipTest("smtp-sink is not installed")
        folder = self.folder / "sink"
        folder.mkdir()
        if os.geteuid() == 0:  # smtp-sink refuses to run as root
            self.folder.chmod(0o755)
            folder.chmod(0o777)
            options += ("-u", next(user.pw_name for user in pwd.getpwall()
                                   if user.pw_uid != 0))
        path = folder / "socket"
        process = subprocess.Popen(
            [program, *options, "-d", str(folder / "dump."), f"unix:{path}",
             "10"], stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        connection = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + harness.PATIENCE
        while True:
            try:
                connection.connect(str(path))
                return connection
            except OSError:
                if time.monotonic() > end or process.poll() is not None:
                    raise
                time.sleep(0.01)

    def dumped(self):
        (path,) = (self.folder / "sink").glob("dump.*")
        return path.read_bytes()

    def test_smtp_sink_gets_the_message_unchanged(self):
        for options in (), ("-e",), ("-p",):  # no EHLO, no PIPELINING
            with self.subTest(options=options):
                shutil.rmtree(self.folder / "sink", ignore_errors=True)
                codes = self.send(self.sink(*options), "smtp", "data",
                                  "<u@d>", "<v@d>")
                self.assertEqual(codes, [220, 250, 250, 250, 250, 250, 221])
                self.assertIn(CONTENT.replace(b"\r\n", b"\n"), self.dumped())

    def test_smtp_sink_replies_to_each_recipient_in_lmtp(self):
        codes = self.send(self.sink("-L"), "lmtp", "data", "<u@d>", "<v@d>")
        self.assertEqual(codes, [220, 250, 250, 250, 250, 250, 250, 221])
        self.assertIn(CONTENT.replace(b"\r\n", b"\n"), self.dumped())


if __name__ == "__main__":
    CLIENT = os.path.abspath(sys.argv.pop(2))
    harness.main()
