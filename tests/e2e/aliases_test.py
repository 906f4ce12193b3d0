# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""control/aliases and address extensions, with a Maildir for each user."""

import signal
import smtplib
import subprocess

import harness

MESSAGE = "Subject: aliases\n\nhello\n"


class AliasesTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.store = self.folder / "store"
        for user in ("ann", "bob", "root"):
            for name in ("tmp", "new", "cur"):
                (self.store / user / name).mkdir(parents=True)
        self.deliver = f"maildir:{self.store}/%u"
        self.aliases = self.control / "aliases"
        self.put("aliases",
                 "# ours\n"
                 "info: ann@local.example, bob@local.example\n"
                 "sales@a.sub.example: info@local.example\n"
                 "@b.sub.example: bob@local.example\n"
                 "postmaster: root\n"
                 "u@far.example: ann@local.example\n"
                 "@gone.example: ann@local.example\n")

    def heads(self, user):
        """Returns and removes what the user's messages have before
        Delivered-To and in it."""
        heads = []
        for path in (self.store / user / "new").iterdir():
            head = path.read_text().split("\nReceived: ")[0]
            self.assertTrue(head.startswith("Return-Path: <s@x.example>\n"))
            heads.append(head.split("\n")[1:])
            path.unlink()
        return heads

    def servers(self, *options):
        yield harness.Tcpserver(self, *options, deliver=self.deliver)
        yield harness.Serve(self, *options, deliver=self.deliver)

    def send(self, server, *recipients):
        with smtplib.SMTP(server.address, server.port,
                          timeout=harness.PATIENCE) as client:
            client.sendmail("s@x.example", recipients, MESSAGE)

    def test_each_mailbox_gets_one_file(self):
        for server in self.servers("--extension-separators", "+-"):
            self.send(server, "Info@local.example", "ann@local.example",
                      "sales@a.sub.example", "any@b.sub.example",
                      "bob+lists-x@local.example")
            self.assertEqual(self.heads("ann"), [[
                "X-Original-To: Info@local.example",
                "X-Original-To: sales@a.sub.example",
                "Delivered-To: ann@local.example"]])
            self.assertEqual(self.heads("bob"), [[
                "X-Original-To: Info@local.example",
                "X-Original-To: sales@a.sub.example",
                "X-Original-To: any@b.sub.example",
                "X-Original-To: bob+lists-x@local.example",
                "Delivered-To: bob@local.example"]])
            self.send(server, "abuse@b.sub.example", "postmaster",
                      "PostMaster@local.example")
            # @b.sub.example has all mail of this domain.
            self.assertEqual(self.heads("bob"), [[
                "X-Original-To: abuse@b.sub.example",
                "Delivered-To: bob@local.example"]])
            self.assertEqual(self.heads("root"), [[
                "X-Original-To: postmaster",
                "X-Original-To: PostMaster@local.example",
                "Delivered-To: root"]])
            server.stop()

    def test_an_alias_makes_no_domain_local(self):
        for server in self.servers():
            with harness.Client(server) as client:
                client.greet()
                client.ask("MAIL FROM:<s@x.example>")
                for user in ("u@far.example", "v@gone.example",
                             "info@far.example", "postmaster@far.example"):
                    self.assertEqual(client.ask(f"RCPT TO:<{user}>")[:9],
                                     "553 5.7.1")
                for user, code in (("no@local.example", "550"),
                                   ("bob+x@local.example", "550"),
                                   ("info@local.example", "250"),
                                   ("abuse@local.example", "250")):
                    self.assertEqual(client.ask(f"RCPT TO:<{user}>")[:3],
                                     code, user)
            server.wait_log(
                f"{self.aliases}:6: the domain is not in rcpthosts")
            server.stop()

    def test_mistakes_stop_the_server_and_name_the_line(self):
        for text, why in (
                ("a: b\nb: a\n", "1: aliases lead back to one another: a ("),
                ("a: root\nb: u@far.example\n",
                 "2: the target u@far.example is not local"),
                ("a: |/bin/cat\n", "1: the target \"|/bin/cat\"")):
            self.put("aliases", text)
            talk = self.talk("QUIT\r\n", deliver=self.deliver)
            self.assertEqual(talk.codes, [421])
            self.assertIn(f"{self.aliases}:{why}",
                          talk.log.replace('\\"', '"'))
            done = subprocess.run(
                [*harness.command("serve"), "--control", str(self.control),
                 "--deliver", self.deliver, "--listen", "127.0.0.1:0"],
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=harness.PATIENCE, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(f"{self.aliases}:{why}",
                          done.stderr.replace('\\"', '"'))

    def test_sighup_reads_the_file_and_keeps_the_old_one_after_a_mistake(self):
        self.put("aliases", "info: ann@local.example, late@local.example\n")
        server = harness.Serve(self, deliver=self.deliver)
        # Warnings about targets, and about postmaster.
        log = server.wait_log("RFC 5321 4.5.1")
        self.assertIn(f"{self.aliases}:1: the target late@local.example has "
                      "no mailbox and no alias", log)
        with harness.Client(server) as client:
            client.greet()
            client.ask("MAIL FROM:<s@x.example>")
            for user in ("info", "postmaster"):
                self.assertEqual(
                    client.ask(f"RCPT TO:<{user}@local.example>")[:9],
                    "451 4.3.5")
        self.put("aliases", "info: ann@local.example\n")
        server.signal(signal.SIGHUP)
        server.wait_log("reloaded")
        self.send(server, "info@local.example")
        self.put("aliases", "info: info2\ninfo2: info\n")
        server.signal(signal.SIGHUP)
        server.wait_log("aliases lead back to one another")
        self.send(server, "info@local.example")
        self.assertEqual(len(self.heads("ann")), 2)

    def test_database(self):
        self.put("aliases", "")
        self.put_cdb(self.control / "aliases.cdb",
                     [("team@local.example", "ann@local.example, team2"),
                      ("team2", "bob@local.example"),
                      ("far", "u@far.example"), ("loop", "loop2"),
                      ("loop2", "loop")])
        for server in self.servers():
            self.send(server, "team@local.example")
            for user in ("ann", "bob"):
                self.assertEqual(self.heads(user), [[
                    "X-Original-To: team@local.example",
                    f"Delivered-To: {user}@local.example"]])
            with harness.Client(server) as client:
                client.greet()
                client.ask("MAIL FROM:<s@x.example>")
                for user in ("far", "loop"):
                    self.assertEqual(
                        client.ask(f"RCPT TO:<{user}@local.example>")[:9],
                        "451 4.3.5")
            server.wait_log("aliases.cdb key far: the target u@far.example "
                            "is not local")
            server.stop()

    def test_lmtp_replies_to_a_recipient_for_all_its_mailboxes(self):
        server = harness.Serve(self, deliver=self.deliver,
                               listen=("127.0.0.1:0,lmtp",))
        with harness.Client(server) as client:
            client.reply()
            client.ask("LHLO c")
            for line in ("MAIL FROM:<s@x.example>",
                         "RCPT TO:<info@local.example>",
                         "RCPT TO:<ann@local.example>"):
                self.assertEqual(client.ask(line)[:3], "250")
            (self.store / "bob" / "tmp").rmdir()
            self.assertEqual(client.ask("DATA")[:3], "354")
            client.send("Subject: x\r\n\r\n.\r\n")
            self.assertEqual(client.reply()[:3], "451")
            self.assertEqual(client.reply()[:3], "250")
        self.assertEqual(len(self.heads("ann")), 1)
        self.assertEqual(self.heads("bob"), [])

    def test_a_file_without_effect_is_a_warning(self):
        talk = self.talk("QUIT\r\n", "--extension-separators", "+")
        self.assertIn(f"{self.aliases}: no effect without", talk.log)
        self.assertIn("--extension-separators: no effect without", talk.log)


if __name__ == "__main__":
    harness.main()
