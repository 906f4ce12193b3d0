# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""postern-smtpd under the real tcpserver, with rules from the real tcprules."""

import resource
import signal
import socket
import subprocess

import harness

REFUSED = ("553 5.7.1 sorry, that domain isn't in my list of allowed "
           "rcpthosts (#5.7.1)")
RULES = """\
127.0.0.2:allow,RELAYCLIENT=""
127.0.0.4:deny
127.0.0.5:allow,DATABYTES="20"
127.0.0.6:allow,QMAILQUEUE="{queue}",COLOUR="blue"
127.0.0.7:allow,RELAYCLIENT="@fixme.example"
:allow
"""


class TcpserverTest(harness.TestCase):

    def start(self, **arguments):
        return harness.Tcpserver(
            self, rules=RULES.format(queue=self.put_queue()), **arguments)

    def rcpt(self, server, source, recipient):
        with harness.Client(server, source) as client:
            client.greet()
            client.ask("MAIL FROM:<s@x>")
            return client.ask(f"RCPT TO:<{recipient}>")

    def test_rule_with_relayclient_lets_its_clients_relay(self):
        server = self.start()
        self.assertEqual(self.rcpt(server, "127.0.0.2", "u@elsewhere"),
                         "250 2.1.5 ok")
        self.assertEqual(self.rcpt(server, "127.0.0.3", "u@elsewhere"),
                         REFUSED)
        log = server.wait_log(REFUSED)
        self.assertIn("rcpt decision=accept rule=relayclient "
                      "source=RELAYCLIENT ip=127.0.0.2", log)
        self.assertIn('rcpt decision=refuse rule=not-listed source="" '
                      'ip=127.0.0.3 host="" helo=client.example from=<s@x> '
                      'to=<u@elsewhere> '
                      f'reply="{REFUSED}"', log)

    def test_value_of_relayclient_is_appended(self):
        server = self.start()
        self.rcpt(server, "127.0.0.7", "u@elsewhere")
        server.wait_log("to=<u@elsewhere> as=<u@elsewhere@fixme.example> ")

    def test_rcpthosts_and_morercpthosts_and_suffixes(self):
        self.put_cdb(self.control / "morercpthosts.cdb",
                     [("more.example", ""), (".wide.example", "")])
        server = self.start()
        for recipient, accepted in [("u@local.example", True),
                                    ("u@more.example", True),
                                    ("u@a.wide.example", True),
                                    ("u@wide.example", False),
                                    ("u@a.sub.example", True),
                                    ("u@sub.example", False),
                                    ("postmaster", True)]:
            reply = self.rcpt(server, "127.0.0.1", recipient)
            self.assertEqual(reply == "250 2.1.5 ok", accepted, recipient)
        log = server.log()
        self.assertIn(f"rule=rcpthosts source={self.control}/rcpthosts:1", log)
        self.assertIn(f"rule=rcpthosts source={self.control}/rcpthosts:2", log)
        self.assertIn('rule=morercpthosts source="'
                      f'{self.control}/morercpthosts.cdb key more.example"',
                      log)

    def test_changed_control_files_apply_to_the_next_session(self):
        server = self.start()
        self.assertEqual(self.rcpt(server, "127.0.0.1", "u@new.example"),
                         REFUSED)
        self.put("rcpthosts", "new.example\n")
        self.assertEqual(self.rcpt(server, "127.0.0.1", "u@new.example"),
                         "250 2.1.5 ok")

    def test_deny_closes_without_a_reply(self):
        server = self.start()
        with harness.Client(server, "127.0.0.4") as client:
            try:
                self.assertEqual(client.reply(), "")
            except ConnectionResetError:
                pass

    def test_databytes_from_a_rule(self):
        server = self.start()
        for source, code in [("127.0.0.5", "552"), ("127.0.0.1", "250")]:
            with harness.Client(server, source) as client:
                client.greet()
                client.ask("MAIL FROM:<s@x>")
                client.ask("RCPT TO:<u@local.example>")
                client.ask("DATA")
                reply = client.ask("x" * 30 + "\r\n.")
                self.assertEqual(reply[:3], code)
                self.assertEqual(client.ask("QUIT")[:3], "221")
        self.assertEqual(len(self.messages()), 1)

    def test_a_queue_program_from_a_rule_and_its_environment(self):
        server = self.start(deliver="qmail-queue:/bin/false")
        with harness.Client(server, "127.0.0.6") as client:
            client.greet()
            client.ask("MAIL FROM:<s@x>")
            client.ask("RCPT TO:<u@local.example>")
            client.ask("RCPT TO:<v@local.example>")
            client.ask("DATA")
            reply = client.ask("Subject: x\r\n\r\n..\r\n.")
            self.assertRegex(reply, r"^250 2\.0\.0 ok \d+ qp \d+$")
            self.assertEqual(client.ask("QUIT")[:3], "221")
        self.assertEqual(self.queued("envelope"),
                         b"Fs@x\0Tu@local.example\0Tv@local.example\0\0")
        self.assertRegex(self.queued("message").decode(),
                         r"(?s)^Received: from client\.example "
                         r"\(unknown \[127\.0\.0\.6\]\)\n\tby mx with ESMTP "
                         r".*\n\t.*\nSubject: x\n\n\.\n$")
        self.assertIn(b"COLOUR=blue\n", self.queued("environment"))
        self.assertIn(b"TCPREMOTEIP=127.0.0.6\n", self.queued("environment"))

    def test_queue_program_gets_only_its_variables(self):
        talk = self.talk(
            "MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\nDATA\r\n.\r\n"
            "QUIT\r\n", deliver=f"qmail-queue:{self.put_queue()}",
            environment={
                "PROTO": "TCP", "TCPREMOTEIP": "192.0.2.1",
                "TCPREMOTEHOST": "client.example", "TCPREMOTEINFO": "joe",
                "RELAYCLIENT": "", "DKSIGN": "/etc/key", "SMTPAUTHUSER": "x",
                "NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "1",
                "LISTEN_FDS": "1", "POSTERN_MAX_ERRORS": "7"})
        self.assertEqual(talk.codes[-2:], [250, 221])
        lines = self.queued("environment").decode().splitlines()
        names = {line.split("=", 1)[0] for line in lines}
        # The shell of the queue program sets these itself.
        self.assertEqual(names - {"PWD", "OLDPWD", "SHLVL", "_"},
                         {"PATH", "QUEUE_OUT", "PROTO", "TCPREMOTEIP",
                          "TCPREMOTEHOST", "TCPREMOTEINFO", "RELAYCLIENT",
                          "DKSIGN"})

    def test_incomplete_message_is_not_delivered(self):
        server = self.start()
        with harness.Client(server) as client:
            client.greet()
            client.ask("MAIL FROM:<s@x>")
            client.ask("RCPT TO:<u@local.example>")
            client.ask("DATA")
            client.send("half a message\r\n.\r")
            client.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(client.reply(), "")
        server.wait_log("tcpserver: end")
        self.assertEqual(self.messages(), [])
        self.assertEqual(list((self.maildir / "tmp").iterdir()), [])

    def test_without_rcpthosts_service_is_refused(self):
        (self.control / "rcpthosts").unlink()
        server = self.start()
        with harness.Client(server) as client:
            self.assertEqual(client.reply(),
                             "421 4.3.0 unable to read controls (#4.3.0)")
            self.assertEqual(client.reply(), "")
        self.assertIn("status 256", server.wait_log("tcpserver: end"))
        self.assertIn(f"{self.control}/rcpthosts", server.log())

    def test_open_relay_needs_an_option(self):
        (self.control / "rcpthosts").unlink()
        server = self.start()
        server.stop()
        server = harness.Tcpserver(self, "--open-relay")
        self.assertEqual(self.rcpt(server, "127.0.0.1", "u@elsewhere"),
                         "250 2.1.5 ok")
        server.wait_log("rule=open-relay")

    def test_with_a_corrupt_morercpthosts_cdb_service_is_refused(self):
        (self.control / "morercpthosts.cdb").write_bytes(b"x" * 2000)
        server = self.start()
        with harness.Client(server) as client:
            self.assertEqual(client.reply()[:4], "421 ")
        server.wait_log("morercpthosts.cdb")

    def test_replies_to_a_pipelined_group_are_one_segment(self):
        server = self.start()
        with harness.Client(server) as client:
            client.greet()
            client.send("MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\n"
                        "RCPT TO:<u@elsewhere>\r\nDATA\r\n")
            replies = client.socket.recv(4096).decode().split("\r\n")
            self.assertEqual([r[:3] for r in replies],
                             ["250", "250", "553", "354", ""])

    def test_each_recipient_has_its_own_maildir(self):
        for user in ("u", "v"):
            for name in ("tmp", "new", "cur"):
                (self.folder / "home" / "local.example" / user
                 / name).mkdir(parents=True)
        server = self.start(deliver=f"maildir:{self.folder}/home/%d/%u")
        with harness.Client(server) as client:
            client.greet()
            client.ask("MAIL FROM:<s@x>")
            for recipient, code in [("u", "250"), ("V", "250"), ("w", "550"),
                                    ("..", "550"), ('".."', "550"),
                                    ('"../u"', "550")]:
                reply = client.ask(f"RCPT TO:<{recipient}@LOCAL.example>")
                self.assertEqual(reply[:3], code, recipient)
            client.ask("DATA")
            self.assertEqual(client.ask("x\r\n.")[:3], "250")
        for user, sent in (("u", "u"), ("v", "V")):
            new = self.folder / "home" / "local.example" / user / "new"
            (message,) = new.iterdir()
            self.assertTrue(message.read_text().startswith(
                "Return-Path: <s@x>\n"
                f"Delivered-To: {sent}@LOCAL.example\nReceived: from "))

    def test_missing_mail_store_is_a_temporary_refusal(self):
        mail = "MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\nQUIT\r\n"
        home = self.folder / "home"
        deliver = f"maildir:{home}/%d/%u"
        talk = self.talk(mail, deliver=deliver)
        self.assertEqual(talk.codes, [220, 250, 451, 221])
        self.assertIn(f"delivery: maildir {home}/local.example/u: {home}: No "
                      "such file or directory\n", talk.log)
        home.mkdir()  # a mount point
        talk = self.talk(mail, deliver=deliver)
        self.assertEqual(talk.codes, [220, 250, 451, 221])
        self.assertIn(f"{home} is empty: is its file system "
                      "mounted, or has no Maildir been made in it?", talk.log)
        (home / "local.example" / "v").mkdir(parents=True)
        talk = self.talk(mail, deliver=deliver)
        self.assertEqual(talk.codes, [220, 250, 550, 221])
        (home / "local.example" / "u" / "new").mkdir(parents=True)
        talk = self.talk(mail, deliver=deliver)  # without tmp
        self.assertEqual(talk.codes, [220, 250, 451, 221])
        self.assertIn(f"{home}/local.example/u exists, but is no Maildir",
                      talk.log)

    def test_relayed_mail_is_not_captured(self):
        mail = ("MAIL FROM:<s@x>\r\nRCPT TO:<u@elsewhere.example>\r\n"
                "RCPT TO:<u@local.example>\r\nQUIT\r\n")
        relay = {"RELAYCLIENT": ""}
        (self.folder / "home" / "u" / "tmp").mkdir(parents=True)
        (self.folder / "home" / "u" / "new").mkdir()
        for deliver in (f"maildir:{self.maildir}",
                        f"maildir:{self.folder}/home/%u"):
            talk = self.talk(mail, environment=relay, deliver=deliver)
            self.assertEqual(talk.codes, [220, 250, 550, 250, 221])
            self.assertEqual(
                talk.replies[2], "550 5.7.1 sorry, that domain isn't mine, and "
                "there is no way to send mail elsewhere (#5.7.1)")
            self.assertIn("rule=no-relay source=\"RELAYCLIENT; --deliver ", talk.log)
        for deliver in (f"catch-all:{self.maildir}",
                        f"qmail-queue:{self.put_queue()}", "discard"):
            talk = self.talk(mail, environment=relay, deliver=deliver)
            self.assertEqual(talk.codes, [220, 250, 250, 250, 221], deliver)

    def test_log_has_the_reason_of_a_failure(self):
        mail = ("MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\nDATA\r\n")
        talk = self.talk(mail, deliver="maildir:/no/such/folder")
        self.assertEqual(talk.codes[3], 451)
        self.assertIn("delivery: maildir /no/such/folder: No such file or "
                      "directory\n", talk.log)
        talk = self.talk(mail, deliver="qmail-queue:/no/such/program")
        self.assertEqual(talk.codes[3], 451)
        self.assertIn("delivery: queue program /no/such/program: No such file "
                      "or directory\n", talk.log)
        talk = self.talk(mail + "half", environment={"TCPREMOTEIP": "192.0.2.1"})
        self.assertIn("session end=peer-gone ip=192.0.2.1\n", talk.log)
        self.assertNotIn("session", self.talk("QUIT\r\n").log)

    def test_log_has_the_replies_that_the_client_got(self):
        (self.folder / "home" / "u" / "tmp").mkdir(parents=True)
        (self.folder / "home" / "u" / "new").mkdir()
        talk = self.talk("MAIL FROM:<s@x>\r\nRCPT TO:<v@local.example>\r\n"
                         "RCPT TO:<u@local.example>\r\nDATA\r\na\nb\r\n.\r\n"
                         "QUIT\r\n", deliver=f"maildir:{self.folder}/home/%u")
        self.assertEqual(talk.codes, [220, 250, 550, 250, 354, 554, 221])
        self.assertIn(f"rule=maildir source={self.folder}/home/v "
                      'ip="" host="" from=<s@x> '
                      'to=<v@local.example> reply="550 5.1.1 sorry, no mailbox',
                      talk.log)
        self.assertRegex(talk.log, r'message result=refuse size=\d+ rcpts=1 '
                                   r'ip="" from=<s@x> reply="554 '
                                   r"5\.5\.2 bare LF in line 1 of the message")
        self.assertEqual(talk.log.count("\n"), 3)

    def test_queue_program_that_does_not_read_everything_is_logged(self):
        talk = self.talk("MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\nDATA"
                         "\r\n" + ("x" * 70 + "\r\n") * 20000 + ".\r\nQUIT\r\n",
                         deliver="qmail-queue:/bin/true")
        self.assertEqual(talk.codes[4:], [451, 221])
        self.assertIn("exited with 0 before it had read everything", talk.log)

    def test_ignored_sigchld_does_no_harm(self):
        mail = ("MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\nDATA\r\nx\r\n"
                ".\r\nQUIT\r\n")
        process = subprocess.run(
            [harness.SMTPD, "--control", str(self.control), "--deliver",
             "qmail-queue:" + self.put_queue()], input=mail.encode(),
            env={"PATH": "/usr/bin:/bin", "QUEUE_OUT": str(self.folder)},
            capture_output=True, timeout=harness.PATIENCE, check=False,
            preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertIn(b"\r\n250 2.0.0 ok ", process.stdout)

    def test_out_of_memory_is_421(self):
        recipient = "a" * 880 + "@local.example"
        many = f"RCPT TO:<{recipient}>\r\n" * 9000
        process = subprocess.run(
            [harness.SMTPD, "--control", str(self.control), "--deliver",
             "discard"], input=f"MAIL FROM:<>\r\n{many}".encode(),
            capture_output=True, timeout=harness.PATIENCE, check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS,
                                                  (8 << 20, 8 << 20)))
        self.assertTrue(process.stdout.endswith(
            b"421 4.3.0 out of memory (#4.3.0)\r\n"), process.stdout[-100:])
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"out of memory", process.stderr)

    def test_invalid_greeting_is_logged_with_its_file(self):
        self.put("me", "mx.example.org\r\n")
        talk = self.talk("QUIT\r\n")
        self.assertEqual(talk.codes, [421])
        self.assertIn(f"{self.control}/smtpgreeting, or me: greeting:",
                      talk.log)

    def test_session_timeout_ends_the_session(self):
        server = harness.Tcpserver(self, "--session-timeout", "1")
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(client.reply(), "421 4.4.2 timeout (#4.4.2)")
        server.wait_log("session end=timeout ip=127.0.0.1")

    def test_serves_over_pipes(self):
        talk = self.talk("HELP\r\nQUIT\r\n")
        self.assertEqual(talk.codes, [220, 214, 221])
        self.assertEqual(talk.exit_code, 0)

    def test_wrong_usage_is_explained(self):
        for options, words in [
                (["--contro"], "--contro"),
                (["--deliver", "mbox:/x"], "mbox:/x"),
                (["--max-errors", "many"], "--max-errors"),
                (["--max-errors", "0x10"], "--max-errors"),
                (["--max-recipients", "0"], "--max-recipients"),
                (["--bare-newlines", "yes"], "--bare-newlines"),
                (["--config", "/no/such/file"], "/no/such/file"),
                (["host", "checkpassword", "true"], "checkpassword")]:
            # This PATH contains no program, so no operand is a program.
            process = subprocess.run(
                [harness.SMTPD, "--control", str(self.control), *options],
                stdin=subprocess.DEVNULL, capture_output=True, check=False,
                timeout=harness.PATIENCE, env={"PATH": str(self.control)})
            self.assertEqual(process.returncode, 100, options)
            self.assertIn(words, process.stderr.decode())

    def test_options_may_come_from_a_file_or_the_environment(self):
        config = self.folder / "config"
        config.write_text("max-recipients=1\n")
        two = ("MAIL FROM:<s@x>\r\n" + "RCPT TO:<u@local.example>\r\n" * 2
               + "QUIT\r\n")
        self.assertEqual(self.talk(two, "--config", str(config)).codes[3], 452)
        self.assertEqual(
            self.talk(two, environment={"POSTERN_MAX_RECIPIENTS": "1"})
            .codes[3], 452)
        # A value is the rest of its line and may contain any character.
        odd = self.folder / "a#b, 'c' \"d\""
        for name in ("tmp", "new"):
            (odd / name).mkdir(parents=True)
        config.write_text(f"# comment\n\n  deliver = maildir:{odd}  \n"
                          f"control={self.control}\n")
        process = subprocess.run(
            [harness.SMTPD, "--config", str(config)], capture_output=True,
            input=b"MAIL FROM:<>\r\nRCPT TO:<u@local.example>\r\nDATA\r\n.\r\n",
            timeout=harness.PATIENCE, check=False)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(len(list((odd / "new").iterdir())), 1)
        config.write_text("control\n")
        process = subprocess.run(
            [harness.SMTPD, "--config", str(config)], capture_output=True,
            stdin=subprocess.DEVNULL, timeout=harness.PATIENCE, check=False)
        self.assertEqual(process.returncode, 100)
        self.assertIn(f"{config}:1: not name=value".encode(), process.stderr)
        config.write_text("max-recipient=1\n")
        process = subprocess.run(
            [harness.SMTPD, "--config", str(config)], capture_output=True,
            stdin=subprocess.DEVNULL, timeout=harness.PATIENCE, check=False)
        self.assertEqual(process.returncode, 100)
        self.assertIn(f"{config}:1: unknown option max-recipient; did you mean "
                      "max-recipients?\n".encode(),
                      process.stderr)


if __name__ == "__main__":
    harness.main()
