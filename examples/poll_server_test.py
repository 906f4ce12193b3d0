# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0

"""Tests examples/poll_server: poll_server_test.py PROGRAM"""

import smtplib
import socket
import subprocess
import sys
import unittest

PROGRAM = sys.argv[1]
SECONDS = 20  # timeout for each reply


class PollServerTest(unittest.TestCase):
    def setUp(self):
        self.server = subprocess.Popen([PROGRAM], stdout=subprocess.PIPE)
        self.port = int(self.server.stdout.readline())

    def tearDown(self):
        self.assertIsNone(self.server.poll(), "the server has ended")
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()

    def client(self):
        return smtplib.SMTP("127.0.0.1", self.port, timeout=SECONDS)

    def test_accepts_messages_of_many_clients_at_once(self):
        clients = [self.client() for _ in range(20)]
        for client in clients:
            self.assertEqual(client.mail("sender@client.example")[0], 503)
            self.assertEqual(client.ehlo("client.example")[0], 250)
            self.assertEqual(client.mail("sender@client.example")[0], 250)
        for client in clients:
            self.assertEqual(client.rcpt("user@example.org")[0], 250)
            self.assertEqual(client.rcpt("user@elsewhere.example")[0], 550)
        for client in clients:
            self.assertEqual(client.data("Subject: x\r\n\r\nx\r\n" * 9000)[0],
                             250)
        for client in clients:
            self.assertEqual(client.quit()[0], 221)

    def test_serves_other_clients_while_some_hang(self):
        silent = socket.create_connection(("127.0.0.1", self.port), SECONDS)
        browser = socket.create_connection(("127.0.0.1", self.port), SECONDS)
        browser.sendall(b"GET / HTTP/1.1\r\n" * 1000)
        client = self.client()
        self.assertEqual(client.ehlo("client.example")[0], 250)
        replies = b""
        while more := browser.recv(4096):
            replies += more
        self.assertTrue(replies.endswith(b"221 2.7.0 this is SMTP (#2.7.0)\r\n"),
                        replies)
        self.assertTrue(silent.recv(4096).startswith(b"220 "))
        self.assertEqual(client.quit()[0], 221)
        silent.close()
        browser.close()

    def test_accepts_many_pipelined_commands(self):
        client = socket.create_connection(("127.0.0.1", self.port), SECONDS)
        client.sendall(b"EHLO c\r\n" + b"NOOP\r\n" * 20000 + b"QUIT\r\n")
        replies = b""
        while more := client.recv(65536):
            replies += more
        self.assertEqual(replies.count(b"250 2.0.0 ok\r\n"), 20000)
        self.assertTrue(replies.endswith(b"\r\n221 2.0.0 mx.example.org\r\n"))
        client.close()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
