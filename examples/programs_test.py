# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0

"""Tests the examples of docs/embedding.md:

    programs_test.py POLL_SERVER UV_SERVER POLICY DELIVERY
"""

import os
import pathlib
import resource
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

SECONDS = 30  # timeout for each reply


class Many:
    """Tests of a server of many clients."""

    def start(self, *command):
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.addCleanup(self.end)
        # A port, or ADDRESS:PORT.
        self.port = int(self.server.stdout.readline().rpartition(b":")[2])

    def end(self):
        if self.server.stdout.closed:
            return  # a test has ended it
        self.assertIsNone(self.server.poll(), "the server has ended")
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()

    def client(self):
        client = smtplib.SMTP("127.0.0.1", self.port, timeout=SECONDS)
        self.addCleanup(client.close)
        return client

    def connection(self):
        connection = socket.create_connection(("127.0.0.1", self.port), SECONDS)
        self.addCleanup(connection.close)
        return connection

    def ticks(self):
        """Returns the CPU time of the server, in hundredths of a second."""
        stat = pathlib.Path(f"/proc/{self.server.pid}/stat").read_text()
        return sum(map(int, stat.rpartition(")")[2].split()[11:13]))

    def test_accepts_messages_of_many_clients_at_once(self):
        clients = [self.client() for _ in range(100)]
        for client in clients:
            self.assertEqual(client.mail("sender@client.example")[0], 503)
            self.assertEqual(client.ehlo("client.example")[0], 250)
            self.assertEqual(client.mail("sender@client.example")[0], 250)
        for client in clients:
            self.assertEqual(client.rcpt("user@example.org")[0], 250)
            self.assertEqual(client.rcpt("user@elsewhere.example")[0], 550)
        self.assertEqual(clients[0].rcpt("USER@EXAMPLE.ORG")[0], 250)
        self.assertEqual(clients[0].docmd("RCPT TO:<postmaster>")[0], 250)
        for client in clients:
            self.assertEqual(client.data("Subject: x\r\n\r\nx\r\n")[0], 250)
        for client in clients:
            self.assertEqual(client.quit()[0], 221)

    def test_accepts_a_large_message(self):
        client = self.client()
        client.sendmail("sender@client.example", "user@example.org",
                        "Subject: x\r\n\r\n" + "x\r\n" * 2000000)
        self.assertEqual(client.quit()[0], 221)

    def test_serves_other_clients_while_some_hang_or_vanish(self):
        silent = self.connection()
        gone = self.connection()
        gone.sendall(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<u@example.org>\r\nDATA\r\nx")
        gone.close()
        browser = self.connection()
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

    def test_accepts_many_pipelined_commands(self):
        client = self.connection()
        client.sendall(b"EHLO c\r\n" + b"NOOP\r\n" * 20000 + b"QUIT\r\n")
        replies = b""
        while more := client.recv(65536):
            replies += more
        self.assertEqual(replies.count(b"250 2.0.0 ok\r\n"), 20000)
        self.assertTrue(replies.endswith(b"\r\n221 2.0.0 mx.example.org\r\n"))

    def test_a_waiting_server_needs_no_cpu_time(self):
        self.client().ehlo("client.example")
        self.connection().recv(4096)
        before = self.ticks()
        # A loop that does not wait would use half of this time.
        connection = self.connection()
        connection.settimeout(1)
        connection.recv(4096)
        with self.assertRaises(TimeoutError):
            connection.recv(4096)
        self.assertLess(self.ticks() - before, 20)


class Limited(Many):
    """Tests of a server with a limit of clients."""

    def start(self, *command):
        super().start(*command)
        self.command = command

    def test_clients_beyond_the_limit_wait(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(2000, hard), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        clients = [self.connection() for _ in range(510)]
        for client in clients[:500]:
            self.assertTrue(client.recv(4096).startswith(b"220 "))
        for client in clients[:10]:
            client.close()
        for client in clients[500:]:
            self.assertTrue(client.recv(4096).startswith(b"220 "))

    def test_few_descriptors_are_a_limit(self):
        self.end()
        self.start("/bin/sh", "-c", 'ulimit -n 64 && exec "$0" "$@"',
                   *self.command)
        clients = [self.connection() for _ in range(70)]
        for client in clients[:32]:
            self.assertTrue(client.recv(4096).startswith(b"220 "))
        before = self.ticks()
        clients[32].settimeout(1)
        with self.assertRaises(TimeoutError):
            clients[32].recv(4096)
        self.assertLess(self.ticks() - before, 20)
        clients[32].settimeout(SECONDS)
        for i, client in enumerate(clients):
            if i >= 32:
                self.assertTrue(client.recv(4096).startswith(b"220 "))
            client.close()


class PollServer(Limited, unittest.TestCase):
    def setUp(self):
        self.start(POLL_SERVER, "127.0.0.1:0")


class UvServer(Limited, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.certificate = f"{folder.name}/certificate.pem"
        cls.key = f"{folder.name}/key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
             "2", "-subj", "/CN=mx.example.org", "-addext",
             "subjectAltName=DNS:localhost", "-keyout", cls.key, "-out",
             cls.certificate], check=True, stderr=subprocess.DEVNULL)

    def setUp(self):
        self.start(UV_SERVER, "127.0.0.1:0", self.certificate, self.key)

    def test_starttls(self):
        client = smtplib.SMTP("localhost", self.port, timeout=SECONDS)
        self.addCleanup(client.close)
        client.starttls(
            context=ssl.create_default_context(cafile=self.certificate))
        client.sendmail("sender@client.example", "user@example.org",
                        "Subject: x\r\n\r\n" + "x\r\n" * 100000)
        self.assertEqual(client.quit()[0], 221)


class OneClient(unittest.TestCase):
    """Programs that serve one client on descriptors 0 and 1."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def replies(self, *command, lines, remote="192.0.2.1", cwd=None):
        done = subprocess.run(
            command, input="".join(f"{line}\r\n" for line in lines).encode(),
            stdout=subprocess.PIPE, timeout=SECONDS, check=False, cwd=cwd,
            env={"TCPREMOTEIP": remote})
        return [int(line[:3]) for line in done.stdout.decode().splitlines()
                if line[3:4] == " "]

    def test_policy(self):
        domains = self.folder / "domains"
        domains.write_text("example.net\nExample.ORG\n")
        session = ["EHLO c", "MAIL FROM:<>", "RCPT TO:<u@example.org>",
                   "RCPT TO:<u@elsewhere.example>", "RCPT TO:<postmaster>", "QUIT"]
        for remote, relay in (("192.0.2.1", 550), ("198.51.100.7", 250)):
            self.assertEqual(
                self.replies(POLICY, domains, "198.51.100.0/24", lines=session,
                             remote=remote),
                [220, 250, 250, 250, relay, 250, 221])
        # An outage is no permanent refusal.
        domains.unlink()
        self.assertEqual(
            self.replies(POLICY, domains, "198.51.100.0/24", lines=session),
            [220, 250, 250, 451, 451, 250, 221])
        wrong = subprocess.run([POLICY, domains, "example.org"], check=False,
                               capture_output=True, text=True)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("example.org", wrong.stderr)

    MESSAGE = ["EHLO c", "MAIL FROM:<s@client.example>",
               "RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>",
               "RCPT TO:<c@elsewhere.example>", "DATA", "Subject: x", "", "..x",
               ".", "QUIT"]

    def test_delivery(self):
        self.assertEqual(self.replies(DELIVERY, self.folder, lines=self.MESSAGE),
                         [220, 250, 250, 250, 250, 550, 354, 250, 221])
        (stored,) = self.folder.iterdir()
        text = stored.read_bytes()
        self.assertTrue(text.startswith(
            b"Return-Path: <s@client.example>\r\nDelivered-To: a@example.org\r\n"
            b"Delivered-To: b@example.org\r\nReceived: "), text)
        self.assertTrue(text.endswith(b"\r\nSubject: x\r\n\r\n.x\r\n"), text)

    def test_delivery_keeps_nothing_of_a_session_that_breaks(self):
        self.assertEqual(
            self.replies(DELIVERY, self.folder, lines=self.MESSAGE[:-2]),
            [220, 250, 250, 250, 250, 550, 354])
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_full_disk_is_a_temporary_refusal(self):
        limit = f"ulimit -f 1 && trap '' XFSZ && exec {DELIVERY} {self.folder}"
        lines = self.MESSAGE[:7] + ["x" * 60] * 200 + self.MESSAGE[-2:]
        self.assertEqual(self.replies("/bin/sh", "-c", limit, lines=lines),
                         [220, 250, 250, 250, 250, 550, 354, 452, 221])
        self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    POLL_SERVER, UV_SERVER, POLICY, DELIVERY = map(os.path.abspath, sys.argv[1:])
    unittest.main(argv=sys.argv[:1])
