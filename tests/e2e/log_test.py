# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""The log of sessions, messages and refused commands."""

import os
import re
import smtplib
import stat
import subprocess
import time

import harness

MESSAGE = "Subject: x\r\n\r\nhello\r\n.\r\n"
SESSION = re.compile(r"^\S+: pid=\d+ session=([0-9a-z]{11,15}) ")


class LogTest(harness.TlsTestCase):

    def sessions(self, log):
        """Returns the lines of each session by its id; all lines have an id."""
        sessions = {}
        for line in log.splitlines():
            match = SESSION.match(line)
            self.assertTrue(match, line)
            sessions.setdefault(match.group(1), []).append(line)
        return sessions

    def deliver(self, client, sender):
        client.ask(f"MAIL FROM:<{sender}>")
        client.ask("RCPT TO:<u@local.example>")
        client.ask("DATA")
        client.send(MESSAGE)
        return client.reply()

    def test_lines_identify_session_and_message(self):
        server = harness.Serve(self)
        with harness.Client(server) as one, harness.Client(server) as two:
            one.greet()
            two.greet()
            replies = [self.deliver(one, "a@one.example"),
                       self.deliver(two, "a@two.example"),
                       self.deliver(one, "b@one.example")]
            ports = [each.socket.getsockname()[1] for each in (one, two)]
            two.ask("DATA")
            one.ask("QUIT")
            two.ask("QUIT")
        end = time.monotonic() + harness.PATIENCE
        while server.log().count(" session end=quit ") < 2:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        sessions = self.sessions("".join(
            line for line in server.log().splitlines(True)
            if "listening at" not in line))
        self.assertEqual(len(sessions), 2)
        for session, lines in sessions.items():
            name = "one" if "@one." in lines[0] else "two"
            other = "two" if name == "one" else "one"
            text = "\n".join(lines)
            self.assertNotIn(f"@{other}.example", text)
            messages = [line for line in lines if " message " in line]
            self.assertEqual(len(messages), 2 if name == "one" else 1)
            port = ports[0] if name == "one" else ports[1]
            for n, line in enumerate(messages, 1):
                self.assertRegex(
                    line, f" id={session}-{n} message result=accept "
                    rf"size=\d+ rcpts=1 ip=127.0.0.1 port={port} "
                    f"listener=127.0.0.1:{server.port} from=<.@{name}.example> "
                    f'reply="250 2.0.0 ok {session}-{n}"')
                self.assertIn(f" id={session}-{n} rcpt decision=accept", text)
                self.assertIn(f"250 2.0.0 ok {session}-{n}", replies)
            self.assertEqual(' refused ip=127.0.0.1 verb=DATA command=DATA '
                             'reply="503 ' in text, name == "two")
        ids = [re.search(rb"\bid (\S+);", message).group(1).decode()
               for message in self.messages()]
        self.assertEqual(sorted(ids),
                         sorted(reply.split()[-1] for reply in replies))

    def test_both_programs_log_the_id_of_the_session(self):
        server = harness.Tcpserver(self, "--tls-cert", str(self.certificate))
        with smtplib.SMTP("127.0.0.1", server.port,
                          timeout=harness.PATIENCE) as client:
            client.ehlo()
            client.docmd("bogus")
            client.starttls(context=self.trusting())
            client.sendmail("s@x.example", ["u@local.example"], "hello\r\n")
        log = "".join(line for line in
                      server.wait_log(" message ").splitlines(True)
                      if not line.startswith("tcpserver: "))
        sessions = self.sessions(log)
        self.assertEqual(len(sessions), 1, log)
        self.assertRegex(log, r"postern-smtpd: .* refused ip=127.0.0.1")
        (session,) = sessions
        self.assertIn(f" id={session}-1 message result=accept ", log)
        self.assertIn(f"id {session}-1 tls".encode(), self.messages()[0])

    def test_refused_commands_are_logged_with_the_reply(self):
        says = [("MAIL FROM:<s@x> FOO=1", 555), ("RCPT TO:<u@d>", 503),
                ("EXPN x", 502), ("bogus =x", 500), ("RSET x", 501),
                ("AUTH PLAIN", 502), ("MAIL FROM:<s@x> SIZE=100", 552)]
        talk = self.talk("".join(command + "\r\n" for command, _ in says)
                         + "QUIT\r\n", environment={
                             "TCPREMOTEIP": "192.0.2.1", "DATABYTES": "50"})
        self.assertEqual(talk.codes, [220, *(code for _, code in says), 221])
        refused = re.findall(r' refused ip=192\.0\.2\.1 verb=(\S+) '
                             r'command=("[^"]*"|\S+) reply="(\d+) ', talk.log)
        self.assertEqual(
            [(command.strip('"').replace(r"\x3d", "="), int(code))
             for _, command, code in refused], says)
        self.assertEqual([verb for verb, _, _ in refused],
                         ["MAIL", "RCPT", "EXPN", '""', "RSET", "AUTH",
                          "MAIL"])
        self.assertEqual(len(self.sessions(talk.log)), 1)

    def test_number_of_logged_refusals_is_limited(self):
        talk = self.talk("bogus\r\n" * 101)
        self.assertEqual(talk.codes[-1], 421)
        self.assertEqual(talk.log.count(" refused "), 21)
        self.assertEqual(talk.log.count('reply="421 4.7.0 too many errors'), 1)

    def test_starttls_does_not_reset_the_count_of_refusals(self):
        server = harness.Tcpserver(self, "--tls-cert", str(self.certificate))
        with smtplib.SMTP("127.0.0.1", server.port,
                          timeout=harness.PATIENCE) as client:
            for command in ["bogus"] * 15 + ["starttls"] + ["bogus"] * 15:
                if command == "starttls":
                    client.starttls(context=self.trusting())
                else:
                    self.assertEqual(client.docmd(command)[0], 500)
        server.wait_log("tcpserver: end ")
        self.assertEqual(server.log().count(" refused "), 20)

    def test_denied_client_is_logged(self):
        rules = self.folder / "rules.cdb"
        subprocess.run(["tcprules", str(rules), str(self.folder / "tmp")],
                       input=b":deny\n", check=True, timeout=harness.PATIENCE)
        server = harness.Serve(self, "--rules", str(rules))
        with harness.Client(server) as client:
            self.assertEqual(client.reply()[:3], "554")
        log = server.wait_log(" session end=refused ")
        self.assertRegex(log, r' connect decision=drop rule=tcprules source="" '
                              r'ip=127\.0\.0\.1 host="" '
                              r'reply="554 5\.7\.1 no service for you ')

    def test_log_has_the_absolute_path_of_a_missing_queue_program(self):
        (self.folder / "sub").mkdir()
        for control, cwd in ((str(self.control), "/"),
                             ("control", self.folder),
                             ("../control/", self.folder / "sub")):
            done = subprocess.run(
                [harness.SMTPD, "--control", control],
                input=b"MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\nDATA"
                      b"\r\n", cwd=cwd, env={}, capture_output=True,
                timeout=harness.PATIENCE, check=False)
            self.assertIn(b"451 4.3.0 unable to exec qq", done.stdout)
            program = re.search(r"delivery: queue program (.*?): No such file",
                                done.stderr.decode()).group(1)
            self.assertTrue(program.startswith("/"), program)
            self.assertEqual(os.path.normpath(program),
                             f"{self.folder}/bin/qmail-queue")

    def test_no_password_is_logged(self):
        secret = "c2VjcmV0cGFzc3dvcmQ="
        talk = self.talk(f"EHLO c\r\nAUTH PLAIN {secret}\r\nAUTH LOGIN\r\n"
                         f"{secret}\r\n{secret}\r\nQUIT\r\n")
        self.assertEqual(talk.log.count(" refused "), 4)
        self.assertNotIn(secret[:8], talk.log)

    def test_rules_without_effect_get_a_warning(self):
        rules = self.folder / "rules.cdb"

        def write(text):
            subprocess.run(["tcprules", str(rules), str(self.folder / "tmp")],
                           input=text, check=True, timeout=harness.PATIENCE)

        write(b'127.:allow,GREETDELAY="",RELAYCLIENT=""\n=a.example:allow\n'
              b"192.0.2.0/24:deny\n")
        server = harness.Serve(self, "--rules", str(rules))
        log = server.wait_log("listening at")
        self.assertIn(f"warning: {rules}: rule 127.: the variable GREETDELAY has "
                      "no effect: ", log)
        self.assertIn(f"warning: {rules}: rule =a.example: it never matches "
                      "without --host-names.\n", log)
        self.assertIn(f"warning: {rules}: rule 192.0.2.0/24: no client can "
                      "have this address.\n", log)
        write(b'127.:allow,SURBL="3"\n')
        with harness.Client(server) as client:
            client.greet()
        server.wait_log("the variable SURBL has no effect: ")

    def test_fifo_is_not_an_empty_list(self):
        (self.control / "rcpthosts").unlink()
        os.mkfifo(self.control / "rcpthosts")
        talk = self.talk("QUIT\r\n")
        self.assertEqual(talk.codes, [421])
        self.assertIn(f"fatal: {self.control}/rcpthosts: is a FIFO", talk.log)

    def test_log_has_no_reply_that_was_not_sent(self):
        gate = self.folder / "gate"
        os.mkfifo(gate)
        queue = self.folder / "queue"
        queue.write_text("#!/bin/sh\ncat >/dev/null\ncat <&1 >/dev/null\n"
                         f"cat '{gate}'\nexit 0\n")
        queue.chmod(queue.stat().st_mode | stat.S_IXUSR)
        server = harness.Serve(self, "--session-timeout", "1",
                               deliver=f"qmail-queue:{queue}")
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(self.deliver(client, "s@x.example")[:3], "421")
            self.assertEqual(client.reply(), "")
        self.assertNotIn(" message ", server.log())
        gate.write_text("")
        line = next(line for line in
                    server.wait_log(" message ").splitlines()
                    if " message " in line)
        self.assertRegex(line, " message result=accept .* from=<s@x.example> "
                               "reply=none$")

    def test_log_has_no_refusal_that_was_not_sent(self):
        talk = self.talk("MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\n"
                         "DATA\r\nbare\n\r\n")
        self.assertEqual(talk.codes, [220, 250, 250, 354])
        self.assertNotIn("554", talk.log)
        self.assertIn(" session end=peer-gone ", talk.log)


if __name__ == "__main__":
    harness.main()
