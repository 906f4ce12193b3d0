# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""--senders: a user may use only certain sender addresses."""

import base64
import subprocess

import harness

# The addresses of ann, for the list and for the database.
ANN = "ann@x.example @y.example"

# A sender, and the code of the reply to MAIL after ann has authenticated.
CASES = (("ann@x.example", 250), ("ann@X.EXAMPLE", 250),
         ("Ann@x.example", 553), ("who@y.example", 250),
         ("who@sub.y.example", 553), ("", 250), ("boss@x.example", 553),
         ("ann", 553))


def plain(user):
    return "AUTH PLAIN " + base64.b64encode(
        f"\0{user}\0b".encode()).decode()


class SendersTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.put("senders", f"# ours\nann: {ANN}\n")
        # Accepts every user.
        checker = self.folder / "checker"
        checker.write_text("#!/bin/sh\ncat <&3 >/dev/null\nexec \"$@\"\n")
        checker.chmod(0o755)
        self.options = ["--senders", "--auth-insecure", "--auth",
                        f"checkpassword:{checker}"]

    def say(self, *lines):
        return "".join(f"{line}\r\n" for line in ("EHLO c", *lines, "QUIT"))

    def mail(self, user):
        lines = [plain(user)]
        for sender, _ in CASES:
            lines += [f"MAIL FROM:<{sender}>", "RSET"]
        return self.say(*lines)

    def test_smtpd_refuses_senders_of_others(self):
        for name in ("senders", "senders.cdb"):
            with self.subTest(name):
                talk = self.talk(self.mail("ann"), *self.options)
                self.assertEqual(talk.codes[3:-1:2], [c for _, c in CASES])
                self.assertIn(
                    "mail decision=refuse rule=senders source=\"user ann\" "
                    "ip=\"\" host=\"\" helo=c user=ann from=<boss@x.example> "
                    "reply=\"553 5.7.1 sorry, that sender address isn't yours (#5.7.1)\"\n",
                    talk.log)
                self.assertEqual(talk.log.count("rule=senders"), 4)
            # The same as a database, made as in the manual.
            subprocess.run(
                ["cdb", "-c", "-m", str(self.control / "senders.cdb")],
                input=f"ann {ANN}\n".encode(), check=True,
                timeout=harness.PATIENCE)
            self.put("senders", "")

    def test_clients_without_auth_may_use_any_sender(self):
        said = self.say("MAIL FROM:<boss@x.example>",
                        "RCPT TO:<u@local.example>")
        talk = self.talk(said, *self.options)
        self.assertEqual(talk.codes[2:-1], [250, 250])
        talk = self.talk(self.mail("ann"), *self.options[1:])
        self.assertEqual(talk.codes[3:-1:2], [250] * len(CASES))

    def test_user_name_that_is_an_address_is_allowed(self):
        talk = self.talk(
            self.say(plain("bob@x.example"), "MAIL FROM:<bob@X.example>",
                     "RSET", "MAIL FROM:<ann@x.example>"), *self.options)
        self.assertEqual(talk.codes[3:-1], [250, 250, 553])

    def test_without_a_list_the_service_is_refused(self):
        (self.control / "senders").unlink()
        talk = self.talk("QUIT\r\n", *self.options)
        self.assertEqual(talk.codes, [421])
        self.assertIn("senders: no such file; ", talk.log)
        self.put("senders", "")
        self.put("senders.cdb", "no database")
        self.assertEqual(self.talk("QUIT\r\n", *self.options).codes, [421])
        self.assertEqual(self.talk("QUIT\r\n").codes, [220, 221])

    def test_serve_reads_the_list_again(self):
        server = harness.Serve(
            self, *self.options, listen=("127.0.0.1:0,auth",))

        def codes():
            with harness.Client(server) as client:
                client.greet()
                return [int(client.ask(line)[:3]) for line in (
                    plain("ann"), "MAIL FROM:<boss@x.example>")]
        self.assertEqual(codes(), [235, 553])
        self.assertIn("from=<boss@x.example>",
                      server.wait_log("mail decision=refuse rule=senders"))
        self.put("senders", "ann:boss@x.example\n")
        server.signal(harness.signal.SIGHUP)
        server.wait_log("reloaded")
        self.assertEqual(codes(), [235, 250])


if __name__ == "__main__":
    harness.main()
