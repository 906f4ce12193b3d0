# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""BDAT over real sockets, from Python's smtplib and from hostile clients."""

import re
import smtplib

import harness

MAIL = "MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\n"


class ChunksTest(harness.TestCase):

    def stored(self):
        """Returns the messages without the fields that the server adds."""
        return [message.split(b" +0000\n", 1)[1] for message in self.messages()]

    def test_smtplib_sends_chunks(self):
        server = harness.Tcpserver(self)
        text = b"Subject: x\r\n\r\n.\r\n..\r\n" + b"x" * 70000 + b"\r\n"
        with smtplib.SMTP("127.0.0.1", server.port, "client.example",
                          timeout=harness.PATIENCE) as client:
            client.ehlo()
            self.assertTrue(client.has_extn("chunking"))
            client.mail("s@client.example")
            client.rcpt("u@local.example")
            for at in range(0, len(text), 10007):
                chunk = text[at:at + 10007]
                client.send(f"BDAT {len(chunk)}\r\n".encode() + chunk)
                self.assertEqual(client.getreply()[0], 250)
            self.assertEqual(self.messages(), [])
            self.assertEqual(client.docmd("BDAT 0 LAST")[0], 250)
        self.assertEqual(self.stored(), [text.replace(b"\r\n", b"\n")])

    def test_queue_program_gets_the_chunks(self):
        talk = self.talk("EHLO c\r\n" + MAIL + "BDAT 3\r\na\r\nBDAT 4 LAST\r\n"
                         "\nb\r\nQUIT\r\n", "--bare-newlines", "normalize",
                         deliver="qmail-queue:" + self.put_queue())
        self.assertEqual(talk.codes, [220, 250, 250, 250, 250, 250, 221])
        self.assertEqual(self.queued("message").split(b"\n", 3)[3],
                         b"a\n\nb\n")
        self.assertEqual(self.queued("envelope"),
                         b"Fs@x\0Tu@local.example\0\0")

    def test_last_line_without_a_line_end_gets_one(self):
        # Without it, qmail-remote bounces the message and mbox readers lose it.
        self.talk(MAIL + "BDAT 5 LAST\r\na\r\nhiQUIT\r\n")
        self.talk(MAIL + "BDAT 5 LAST\r\na\r\nhiQUIT\r\n",
                  deliver="qmail-queue:" + self.put_queue())
        self.assertEqual(self.stored(), [b"a\nhi\n"])
        self.assertTrue(self.queued("message").endswith(b" +0000\na\nhi\n"))

    def test_incomplete_message_is_not_delivered(self):
        for end in ("", "RSET\r\nQUIT\r\n", "QUIT\r\n", "EHLO c\r\nQUIT\r\n",
                    "BDAT 9 LAST\r\nshort"):
            with self.subTest(end):
                self.talk("EHLO c\r\n" + MAIL + "BDAT 4\r\nhi\r\n" + end)
                self.assertEqual(self.messages(), [])
                self.assertEqual(list((self.maildir / "tmp").iterdir()), [])

    def test_refused_chunk_is_never_executed_as_commands(self):
        chunk = "RSET\r\n" + MAIL + "DATA\r\nsmuggled\r\n.\r\n"
        size = len(chunk)
        for before, environment, last in [
                ("", {}, 503),
                ("MAIL FROM:<s@x>\r\nRCPT TO:<u@elsewhere>\r\n", {}, 503),
                (MAIL, {"DATABYTES": "20"}, 552),
                (MAIL + "BDAT 6\r\na\nb\n\r\n", {}, 554)]:
            with self.subTest(before):
                talk = self.talk(f"{before}BDAT {size} LAST\r\n{chunk}QUIT\r\n",
                                 environment=environment)
                self.assertEqual(talk.codes[-2:], [last, 221])
                self.assertEqual(self.messages(), [])

    def test_invalid_bdat_line_ends_the_session(self):
        for line in ("BDAT", "BDAT x", "BDAT -1", "BDAT 1 2", "BDAT\t9 LAST",
                     " BDAT 9 LAST", "BDAT 99999999999999999999",
                     "BDAT 9" + " " * 5000 + "LAST"):
            with self.subTest(line[:20]):
                talk = self.talk(MAIL + line + "\r\nRSET\r\n" + MAIL)
                self.assertIn(talk.codes[3:], [[500], [501]])
                self.assertEqual(talk.exit_code, 1)

    def test_log_names_the_refused_message(self):
        talk = self.talk(MAIL + "BDAT 2 LAST\r\n\r\n" + MAIL + "BDAT 9 LAST\r\n"
                         "1234567\r\nQUIT\r\n", environment={"DATABYTES": "4"})
        self.assertEqual(talk.codes, [220, 250, 250, 250, 250, 250, 552, 221])
        session = re.search(r" session=(\w+) ", talk.log).group(1)
        self.assertIn(f' id={session}-1 message result=accept ', talk.log)
        self.assertIn(f' id={session}-2 message result=refuse ip="" '
                      'reply="552 5.3.4', talk.log)
        self.assertEqual(len(self.messages()), 1)


if __name__ == "__main__":
    harness.main()
