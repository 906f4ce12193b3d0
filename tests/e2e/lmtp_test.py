# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""LMTP (RFC 2033) with common clients: a reply for each recipient."""

import shutil
import smtplib
import subprocess

import harness

MESSAGE = "From: s@x.example\nSubject: lmtp\n\nhello\n"


class LmtpTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.store = self.folder / "store"
        for user in "abc":
            for name in ("tmp", "new", "cur"):
                (self.store / "local.example" / user / name).mkdir(
                    parents=True)
        self.socket = self.folder / "lmtp.sock"

    def serve(self, *options, deliver=None):
        return harness.Serve(
            self, *options, deliver=deliver or f"maildir:{self.store}/%d/%u",
            listen=("127.0.0.1:0,lmtp", f"unix:{self.socket},lmtp",
                    "127.0.0.1:0"))

    def inbox(self, user):
        folder = self.store / "local.example" / user / "new"
        return [path.read_text() for path in folder.iterdir()]

    def test_ordinary_clients_deliver(self):
        server = self.serve()
        for where in (["--server", f"127.0.0.1:{server.port}"],
                      ["--socket", str(self.socket)]):
            done = subprocess.run(
                ["swaks", "--protocol", "LMTP", *where, "--from",
                 "s@x.example", "--to", "a@local.example,b@local.example",
                 "--silent", "2"],
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=harness.PATIENCE, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        subprocess.run(
            ["msmtp", "--host=127.0.0.1", f"--port={server.port}",
             "--protocol=lmtp", "--tls=off", "--from=s@x.example",
             "c@local.example"], input=MESSAGE, text=True, check=True,
            timeout=harness.PATIENCE)
        with smtplib.LMTP("127.0.0.1", server.port) as client:
            self.assertEqual(
                client.sendmail("s@x.example", ["a@local.example"], MESSAGE),
                {})
        self.assertEqual(len(self.inbox("a")), 3)
        self.assertEqual(len(self.inbox("b")), 2)
        self.assertEqual(len(self.inbox("c")), 1)
        for text in self.inbox("a"):
            self.assertIn(" with LMTP id ", text)

    def test_postfix_delivers(self):
        program = shutil.which("smtp-source", path="/usr/sbin:/usr/bin")
        if program is None:
            self.skipTest("smtp-source is not installed")
        server = self.serve(deliver=f"maildir:{self.maildir}")
        for where in (f"127.0.0.1:{server.port}", f"unix:{self.socket}"):
            subprocess.run(
                [program, "-L", "-m", "8", "-s", "2", "-r", "3", "-f",
                 "s@x.example", "-t", "a@local.example", where],
                check=True, timeout=harness.PATIENCE)
        self.assertEqual(len(self.messages()), 2 * 8 * 3)

    def test_each_recipient_gets_a_reply(self):
        server = self.serve()
        with harness.Client(server) as client:
            self.assertRegex(client.reply(), r"^220 .* LMTP$")
            # RFC 2033 4.1: LHLO replaces EHLO and HELO. The other listener
            # speaks SMTP.
            self.assertEqual(client.ask("EHLO c")[:3], "500")
            self.assertEqual(client.ask("HELO c")[:3], "500")
            self.assertEqual(client.ask("LHLO c")[:3], "250")
            client.ask("MAIL FROM:<s@x.example>")
            for to, code in (("a", "250"), ("nobody", "550"), ("b", "250"),
                             ("c", "250"), ("A", "250")):
                self.assertEqual(
                    client.ask(f"RCPT TO:<{to}@local.example>")[:3], code)
            # The first recipient was accepted, but its file cannot be created.
            shutil.rmtree(self.store / "local.example" / "a" / "tmp")
            self.assertEqual(client.ask("DATA")[:3], "354")
            client.send("Subject: x\r\n\r\nhello\r\n.\r\n")
            # RFC 2033 4.2: no reply for the recipient that RCPT refused.
            self.assertEqual([client.reply()[:9] for _ in range(4)],
                             ["451 4.3.0", "250 2.0.0", "250 2.0.0",
                              "451 4.3.0"])
            self.assertEqual(client.ask("NOOP")[:3], "250")
        self.assertEqual([len(self.inbox(user)) for user in "abc"], [0, 1, 1])
        # The lines of refused recipients precede that of the message.
        log = server.wait_log("message result=accept ")
        self.assertIn("decision=refuse rule=maildir "
                      f"source={self.store}/local.example/a ", log)
        self.assertIn(" rcpts=4 ", log)
        self.assertIn(" refused=2 reply=\"250 2.0.0 ok ", log)
        server.port = server.ports[1]
        with harness.Client(server) as client:
            self.assertRegex(client.reply(), r"^220 .* ESMTP$")
            self.assertEqual(client.ask("LHLO c")[:3], "500")

    def test_refused_content_gets_a_reply_for_each_recipient(self):
        server = self.serve()
        with harness.Client(server) as client:
            client.reply()
            client.ask("LHLO c")
            client.ask("MAIL FROM:<s@x.example>")
            client.ask("RCPT TO:<a@local.example>")
            client.ask("RCPT TO:<b@local.example>")
            client.ask("DATA")
            client.send("bare\nnewline\r\n.\r\nQUIT\r\n")
            self.assertEqual([client.reply()[:3] for _ in range(3)],
                             ["554", "554", "221"])
        self.assertEqual(self.inbox("a") + self.inbox("b"), [])

    def test_queue_program_decides_for_all_recipients(self):
        server = self.serve(deliver=f"qmail-queue:{self.put_queue()}")
        with harness.Client(server) as client:
            client.reply()
            client.ask("LHLO c")
            client.ask("MAIL FROM:<s@x.example>")
            client.ask("RCPT TO:<a@local.example>")
            client.ask("RCPT TO:<b@local.example>")
            client.ask("DATA")
            client.send("hello\r\n.\r\nQUIT\r\n")
            self.assertEqual([client.reply()[:3] for _ in range(3)],
                             ["250", "250", "221"])
        self.assertEqual(
            self.queued("envelope"),
            b"Fs@x.example\0Ta@local.example\0Tb@local.example\0\0")

    def test_checks_apply_to_lmtp(self):
        server = self.serve()
        with harness.Client(server) as client:
            client.reply()
            client.ask("LHLO c")
            client.ask("MAIL FROM:<s@x.example>")
            self.assertEqual(client.ask("RCPT TO:<u@elsewhere.example>")[:3],
                             "553")
            self.assertEqual(client.ask("DATA")[:3], "503")
            self.assertNotIn("AUTH", client.ask("AUTH PLAIN"))

    def test_port_25_is_not_for_lmtp(self):
        done = subprocess.run(
            [*harness.command("serve"), "--control", str(self.control),
             "--listen", "127.0.0.1:25,lmtp"], capture_output=True,
            text=True, timeout=harness.PATIENCE, check=False)
        self.assertEqual(done.returncode, 100)
        self.assertIn("127.0.0.1:25: lmtp: port 25 is SMTP's", done.stderr)


if __name__ == "__main__":
    harness.main()
