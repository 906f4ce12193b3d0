# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""--greet-delay and --pipelining, under the real tcpserver."""

import time

import harness

EARLY = "554 5.5.0 you must wait for my greeting (#5.5.0)"
AHEAD = "554 5.5.0 you must wait for my replies (#5.5.0)"


class TurnsTest(harness.TestCase):

    def test_client_that_sends_before_the_greeting_is_refused(self):
        server = harness.Tcpserver(self, "--greet-delay", "60")
        with harness.Client(server) as client:
            client.send("EHLO client.example\r\nQUIT\r\n")
            self.assertEqual(client.reply(), EARLY)
            self.assertEqual(client.reply(), "")  # and no reset
        server.wait_log("session end=abuse ip=127.0.0.1")

    def test_client_that_waits_is_greeted_after_the_delay(self):
        server = harness.Tcpserver(self, "--greet-delay", "1")
        with harness.Client(server) as client:
            before = time.monotonic()
            client.greet()
            self.assertGreaterEqual(time.monotonic() - before, 0.9)
            self.assertEqual(client.ask("QUIT"), "221 2.0.0 mx.example.org")

    def test_disconnect_ends_the_greeting_delay(self):
        before = time.monotonic()
        talk = self.talk("", "--greet-delay", "60")
        self.assertLess(time.monotonic() - before, 30)
        self.assertEqual((talk.exit_code, talk.log), (0, ""))

    def test_without_a_delay_early_input_is_accepted(self):
        talk = self.talk("EHLO c\r\nQUIT\r\n")
        self.assertEqual(talk.codes, [220, 250, 221])

    def test_commands_ahead_of_a_needed_reply_are_refused_on_request(self):
        ahead = "EHLO c\r\nMAIL FROM:<>\r\nQUIT\r\n"
        for options, replies in [
                ([], [220, 250, 250, 221]),
                (["--pipelining", "note"], [220, 250, 250, 221]),
                (["--pipelining", "reject"], [220, 554])]:
            with self.subTest(options):
                talk = self.talk(ahead, *options)
                self.assertEqual(talk.codes, replies)
        self.assertEqual(talk.replies[-1], AHEAD)
        self.assertIn("session end=abuse", talk.log)

    def test_allowed_pipelining_is_never_refused(self):
        server = harness.Tcpserver(self, "--pipelining", "reject")
        with harness.Client(server) as client:
            client.greet()
            client.send("MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\n"
                        "RCPT TO:<v@local.example>\r\nDATA\r\n")
            self.assertEqual([client.reply()[:3] for _ in range(4)],
                             ["250", "250", "250", "354"])
            client.send("Subject: x\r\n\r\nhi\r\n.\r\n")
            self.assertEqual(client.reply()[:3], "250")
            client.send("MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\n"
                        "BDAT 4 LAST\r\nhi\r\nQUIT\r\n")
            self.assertEqual([client.reply()[:3] for _ in range(4)],
                             ["250", "250", "250", "221"])
        self.assertEqual(len(self.messages()), 3)

    def test_content_ahead_of_354_is_refused_and_not_delivered(self):
        server = harness.Tcpserver(self, "--pipelining", "reject")
        with harness.Client(server) as client:
            client.greet()
            client.send("MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\n"
                        "DATA\r\nhi\r\n.\r\n")
            self.assertEqual(client.reply()[:3], "250")
            self.assertEqual(client.reply()[:3], "250")
            self.assertEqual(client.reply(), AHEAD)
            self.assertEqual(client.reply(), "")
        self.assertEqual(self.messages(), [])

    def test_wrong_values_are_errors(self):
        for option in (["--greet-delay", "61"], ["--greet-delay", "-1"],
                       ["--greet-delay", "soon"], ["--pipelining", "maybe"]):
            talk = self.talk("", *option)
            self.assertEqual(talk.exit_code, 100)
            self.assertIn(option[0], talk.log)


if __name__ == "__main__":
    harness.main()
