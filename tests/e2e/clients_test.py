# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Common clients: swaks, curl and Python's smtplib."""

import smtplib
import subprocess

import harness

# Lines with difficult dots and 8-bit characters.
BODY = ["Subject: 8 bits", "", "", "..", "...", ".", ". x", ".x",
        "\u00e4\u00f6\u00fc", "last line ends in a dot."]


class ClientsTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.server = harness.Tcpserver(self)

    def run_client(self, *command, data=b""):
        return subprocess.run(
            [str(part) for part in command], input=data, capture_output=True,
            timeout=harness.PATIENCE, check=False)

    def content(self):
        """Returns the only message without the fields that the server adds."""
        (message,) = self.messages()
        added, content = message.split(b" +0000\n", 1)
        self.assertTrue(added.startswith(b"Return-Path: <s@client.example>\n"
                                         b"Delivered-To: u@local.example\n"
                                         b"Received: from "), added)
        return content

    def test_smtplib_delivers_every_octet(self):
        octets = bytes(b for b in range(256) if b not in b"\r\n")
        text = "\n".join(BODY).encode() + b"\n" + octets + b"\n"
        with smtplib.SMTP("127.0.0.1", self.server.port, "client.example",
                          timeout=harness.PATIENCE) as client:
            client.ehlo()
            self.assertEqual(sorted(client.esmtp_features),
                             ["8bitmime", "chunking", "enhancedstatuscodes",
                              "limits", "pipelining", "size", "smtputf8"])
            client.sendmail("s@client.example", ["u@local.example"],
                            text.replace(b"\n", b"\r\n"))
        self.assertEqual(self.content(), text)

    def test_smtplib_reports_a_refused_recipient(self):
        with smtplib.SMTP("127.0.0.1", self.server.port,
                          timeout=harness.PATIENCE) as client:
            refused = client.sendmail(
                "s@client.example", ["u@elsewhere", "u@local.example"],
                "Subject: x\r\n\r\n")
        self.assertEqual(refused["u@elsewhere"][0], 553)
        self.assertEqual(len(self.messages()), 1)

    def test_curl_delivers(self):
        text = "\n".join(BODY) + "\n"
        result = self.run_client(
            "curl", "-sS", "--crlf", "-T", "-", "--mail-from",
            "s@client.example", "--mail-rcpt", "u@local.example",
            f"smtp://127.0.0.1:{self.server.port}/client.example",
            data=text.encode())
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.content(), text.encode())

    def test_curl_reports_a_refused_recipient(self):
        result = self.run_client(
            "curl", "-sS", "-T", "-", "--mail-from", "s@client.example",
            "--mail-rcpt", "u@elsewhere",
            f"smtp://127.0.0.1:{self.server.port}/client.example")
        self.assertEqual(result.returncode, 55, result.stderr)
        self.assertIn(b"553", result.stderr)

    def swaks(self, *options):
        return self.run_client(
            "swaks", "--server", f"127.0.0.1:{self.server.port}", "--helo",
            "client.example", "--from", "s@client.example", *options)

    def test_swaks_delivers(self):
        result = self.swaks("--to", "u@local.example", "--data",
                            "\\n".join(BODY[:-1]) + "\\n", "--pipeline")
        self.assertEqual(result.returncode, 0, result.stdout)
        # swaks adds an empty line to its --data.
        self.assertEqual(self.content(),
                         "\n".join(BODY[:-1] + ["", ""]).encode())

    def test_swaks_reports_a_refused_recipient(self):
        result = self.swaks("--to", "u@elsewhere")
        self.assertEqual(result.returncode, 24, result.stdout)
        self.assertIn(b"553 5.7.1 sorry, that domain isn't in my list",
                      result.stdout)

    def test_swaks_may_use_helo_and_quit(self):
        self.assertEqual(self.swaks("--quit-after", "EHLO").returncode, 0)
        self.assertEqual(self.swaks("--protocol", "SMTP", "--to",
                                    "u@local.example").returncode, 0)


if __name__ == "__main__":
    harness.main()
