# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Input as from printers, cameras, scripts and PCs, to both programs."""

import subprocess

import harness

BARE_LF = "500 5.5.2 bare LF in command, lines end in CRLF (#5.5.2)"
LINES = (("EHLO", "250"), ("HELO", "250"),
         ("MAIL FROM:<s@x.example> RET=HDRS ENVID=1", "250"),
         ("RCPT TO:<u@local.example> NOTIFY=FAILURE ORCPT=rfc822;u", "250"),
         ("DATA", "354"))


class StrictnessTest(harness.TestCase):

    def servers(self, *options, rules=None):
        """Yields both programs, one after the other."""
        yield harness.Tcpserver(self, *options, rules=rules)
        if rules is not None:
            path = str(self.folder / "serve.cdb")
            subprocess.run(["tcprules", path, path + ".tmp"],
                           input=rules.encode(), check=True,
                           timeout=harness.PATIENCE)
            options = (*options, "--rules", path)
        yield harness.Serve(self, *options)

    def test_bare_lf_gets_its_reply_at_once(self):
        for server in self.servers():
            with harness.Client(server) as client:
                self.assertEqual(client.reply()[:3], "220")
                client.send("EHLO c\n")
                self.assertEqual(client.reply(), BARE_LF)
                self.assertEqual(client.reply(), "")
            with harness.Client(server) as client:
                client.greet()
                client.send("NOOP\nMAIL FROM:<evil@x>\r\nQUIT\r\n")
                self.assertEqual(client.reply(), BARE_LF)
                self.assertEqual(client.reply(), "")
            server.wait_log("session end=abuse")
            self.assertNotIn("evil", server.log())

    def test_message_with_lf_gets_its_reply_soon(self):
        # The server waits for this time, but at most ten seconds.
        self.put("timeoutsmtpd", "1\n")
        for server in self.servers():
            with harness.Client(server) as client:
                client.greet()
                for line in ("MAIL FROM:<s@x>", "RCPT TO:<u@local.example>"):
                    self.assertEqual(client.ask(line)[:3], "250")
                self.assertEqual(client.ask("DATA")[:3], "354")
                client.send("Subject: x\n\ntext\n.\n")
                self.assertEqual(client.reply()[:30],
                                 "554 5.5.2 bare LF in line 1 of")
                self.assertEqual(client.reply(), "")
        self.assertEqual(self.messages(), [])

    def deliver_leniently(self, server, end, source="127.0.0.1"):
        with harness.Client(server, source) as client:
            self.assertEqual(client.reply()[:3], "220")
            for line, code in LINES:
                client.send(line + end)
                self.assertEqual(client.reply()[:3], code, line)
            client.send("Subject: x\r\n\r\nhello\r\n.\r\nQUIT" + end)
            self.assertEqual(client.reply()[:3], "250")
            self.assertEqual(client.reply()[:3], "221")

    def expect_strict(self, server, source="127.0.0.1"):
        with harness.Client(server, source) as client:
            self.assertEqual(client.reply()[:3], "220")
            self.assertEqual(client.ask("EHLO")[:3], "501")
            self.assertEqual(client.ask("EHLO c")[:3], "250")
            self.assertEqual(
                client.ask("MAIL FROM:<s@x.example> RET=HDRS")[:3], "555")
            client.send("NOOP\n")
            self.assertEqual(client.reply(), BARE_LF)

    def test_lenient_applies_to_networks(self):
        for server in self.servers("--lenient", "127.0.0.2/31", "--lenient",
                                   "192.0.2.7"):
            for source in "127.0.0.2", "127.0.0.3":
                self.deliver_leniently(server, "\n", source)
                self.deliver_leniently(server, "\r\n", source)
            self.expect_strict(server)
        messages = self.messages()
        self.assertEqual(len(messages), 8)
        for message in messages:
            self.assertIn(b"Received: from unknown (", message)
            self.assertTrue(message.endswith(b"\n\nhello\n"), message)

    def test_lenient_may_be_set_by_rules(self):
        rules = ('127.0.0.2:allow,POSTERN_LENIENT="all"\n'
                 '127.0.0.3:allow,POSTERN_LENIENT="none"\n'
                 '127.0.0.4:allow,POSTERN_LENIENT="127.0.0.4 ::1"\n:allow\n')
        for server in self.servers(rules=rules):
            for source in "127.0.0.2", "127.0.0.4":
                self.deliver_leniently(server, "\n", source)
            for source in "127.0.0.1", "127.0.0.3":
                self.expect_strict(server, source)

    def test_rule_overrides_the_option_of_serve(self):
        rules = str(self.folder / "rules.cdb")
        subprocess.run(["tcprules", rules, rules + ".tmp"],
                       input=b'127.0.0.2:allow,POSTERN_LENIENT="none"\n'
                             b'127.0.0.3:allow,POSTERN_LENIENT="some"\n',
                       check=True, timeout=harness.PATIENCE)
        server = harness.Serve(self, "--rules", rules, "--lenient", "all")
        self.expect_strict(server, "127.0.0.2")
        self.deliver_leniently(server, "\n")
        with harness.Client(server, "127.0.0.3") as client:
            self.assertEqual(client.reply()[:9], "421 4.3.0")
        server.wait_log("POSTERN_LENIENT: network 'some'")

    def test_errors_name_wrong_networks(self):
        talk = self.talk("QUIT\r\n", "--lenient", "192.0.2.1/24")
        self.assertEqual(talk.exit_code, 100)
        self.assertIn("--lenient: network '192.0.2.1/24'", talk.log)

    def test_helo_name_may_have_8_bit_characters(self):
        for server in self.servers():
            for name in "büro-pc".encode(), "büro-pc".encode("latin-1"):
                with harness.Client(server) as client:
                    self.assertEqual(client.reply()[:3], "220")
                    client.send(b"EHLO " + name + b"\x1b[2J\r\n")
                    self.assertEqual(client.reply()[:9], "501 5.5.2")
                    client.send(b"EHLO " + name + b"\r\n")
                    self.assertEqual(client.reply()[:3], "250")
                    for line, code in LINES[2:]:
                        self.assertEqual(client.ask(line.split(" R")[0]
                                                    .split(" N")[0])[:3], code)
                    self.assertEqual(client.ask("x\r\n.")[:3], "250")
        for message in self.messages():
            self.assertRegex(message, rb"Received: from b\?{1,2}ro-pc \(")
        self.assertTrue(server.log().isascii())

    def test_size_announces_the_limit(self):
        smtpd, serve = self.servers()
        for server, want in (smtpd, "250-SIZE"), (serve, "250-SIZE 52428800"):
            with harness.Client(server) as client:
                self.assertEqual(client.reply()[:3], "220")
                client.send("EHLO c\r\n")
                lines = []
                while lines[-1:] == [] or lines[-1][3:4] == "-":
                    lines.append(client.file.readline().decode().rstrip())
                self.assertIn(want, lines)
                big = client.ask("MAIL FROM:<s@x> SIZE=52428801")
                self.assertEqual(big[:3], "250" if server is smtpd else "552")
        self.put("databytes", "0\n")
        server = harness.Serve(self)
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(client.ask("MAIL FROM:<s@x> SIZE=52428801")[:3],
                             "250")

    def test_quit_gets_its_221(self):
        for server in self.servers("--max-errors", "1"):
            with harness.Client(server) as client:
                client.greet()
                self.assertEqual(client.ask("XYZZY")[:3], "500")
                self.assertEqual(client.ask("QUIT")[:3], "221")


if __name__ == "__main__":
    harness.main()
