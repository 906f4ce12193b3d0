# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0

"""Tests examples/c_server: c_server_test.py PROGRAM

It serves as examples/poll_server does, and prints the messages.
"""

import re
import socket
import sys
import threading
import unittest

import programs_test


class CServerTest(programs_test.Many, unittest.TestCase):
    def setUp(self):
        self.start(sys.argv[1])
        self.printed = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        """Reads what the server prints, so that it can print more."""
        while octets := self.server.stdout.read1(65536):
            self.printed.append(octets)

    def stop(self):
        self.assertIsNone(self.server.poll(), "the server has ended")
        self.server.kill()
        self.server.wait()
        self.reader.join(programs_test.SECONDS)

    def end(self):
        if self.server.returncode is None:
            self.stop()
        self.server.stdout.close()

    def test_reads_until_the_client_closes(self):
        """A reset could make the client lose the last reply."""
        client = self.connection()
        client.sendall(b"QUIT\r\n")
        replies = b""
        while more := client.recv(4096):
            replies += more
        self.assertTrue(replies.endswith(b"\r\n221 2.0.0 mx.example.org\r\n"))
        # More than all buffers hold.
        for _ in range(16):
            client.sendall(bytes(1 << 20))
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(client.recv(1), b"")

    def test_prints_messages_with_their_received_field(self):
        client = self.client()
        client.sendmail("s@client.example", ["User@EXAMPLE.ORG"],
                        "Subject: first\r\n\r\n.dot\r\n")
        client.helo("old)\tclient")
        with self.assertRaises(programs_test.smtplib.SMTPDataError):
            client.sendmail("s@client.example", ["user@example.org"],
                            b"Subject: bare\nnewline\r\n")
        client.sendmail("s@client.example", ["user@example.org"],
                        "Subject: second\r\n\r\n")
        client.quit()
        self.stop()
        date = rb"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000"
        self.assertRegex(
            b"".join(self.printed),
            rb"^Received: from \S+ \(unknown \[127\.0\.0\.1\]\)\r\n"
            rb"\tby mx\.example\.org with ESMTP id 1;\r\n\t" + date + rb"\r\n"
            rb"Subject: first\r\n\r\n\.dot\r\n"
            rb"Received: from old\?\?client \(unknown \[127\.0\.0\.1\]\)\r\n"
            rb"\tby mx\.example\.org with SMTP id 1;\r\n\t" + date + rb"\r\n"
            rb"Subject: second\r\n\r\n$")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
