# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""One test for each row of tests/qmail_behaviour.md, by its number.

If the file says "same", the test shows qmail-smtpd's behaviour, apart from the
enhanced code before each text; otherwise it shows postern's behaviour.
"""

import binascii
import pathlib
import re
import subprocess

import harness

REFUSED = ("553 5.7.1 sorry, that domain isn't in my list of allowed "
           "rcpthosts (#5.7.1)")
CONTROLS = "421 4.3.0 unable to read controls (#4.3.0)"
BAD_RCPT = "501 5.1.3 bad recipient address (#5.1.3)"
HERE = pathlib.Path(__file__).resolve().parent


def base64(text):
    return binascii.b2a_base64(text.encode(), newline=False).decode()


def plain(user, password):
    return "AUTH PLAIN " + base64(f"\0{user}\0{password}")


class QmailBehaviour(harness.TestCase):

    def rcpt(self, recipient, environment=None, verb="RCPT TO:"):
        """Returns the reply to a recipient."""
        talk = self.talk(
            f"EHLO c\r\nMAIL FROM:<s@x>\r\n{verb}{recipient}\r\nQUIT\r\n",
            environment=environment)
        return talk.replies[-2]

    def envelope(self, recipient, environment=None):
        """Returns the recipient in the envelope that the queue program gets."""
        self.queue(f"EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:{recipient}\r\n"
                   "DATA\r\n.\r\nQUIT\r\n", environment)
        envelope = self.queued("envelope")
        self.assertTrue(envelope.startswith(b"Fs@x\0T"), envelope)
        self.assertTrue(envelope.endswith(b"\0\0"), envelope)
        return envelope[6:-2].decode()

    def queue(self, data, environment=None):
        return self.talk(data, deliver="qmail-queue:" + self.put_queue(),
                         environment=environment)

    def data(self, content, environment=None):
        """Sends a pipelined message, NOOP and QUIT; returns the Talk."""
        content = content if isinstance(content, bytes) else content.encode()
        return self.queue(
            b"EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\n"
            b"DATA\r\n" + content + b"NOOP\r\nQUIT\r\n", environment)

    def stored(self, content):
        """Returns the content that the queue program gets, without Received."""
        talk = self.data(content)
        self.assertEqual(talk.codes[5], 250, talk.replies)
        return self.queued("message").split(b"\n", 3)[3]

    def refused_content(self, content):
        talk = self.data(content)
        self.assertEqual(talk.codes[4:], [354, 554, 250, 221], talk.replies)
        self.assertFalse((self.folder / "envelope").exists()
                         and self.queued("envelope"))
        return talk.replies[-3]

    def commands(self, *lines, environment=None):
        """Sends commands and QUIT; returns the last line of each reply."""
        data = b"".join((l if isinstance(l, bytes) else l.encode()) + b"\r\n"
                        for l in lines + ("QUIT",))
        talk = self.talk(data, environment=environment)
        return [l for l in talk.replies if l[3:4] == " "][1:-1]

    # Addresses and the relay decision.

    def test_01(self):
        self.assertEqual(self.rcpt("<u@LOCAL.Example>"), "250 2.1.5 ok")
        self.assertEqual(self.envelope("<u@LOCAL.Example>"),
                         "u@LOCAL.Example")

    def test_02(self):
        self.assertEqual(self.rcpt("<u@sub.example>"), REFUSED)
        self.assertEqual(self.rcpt("<u@a.sub.example>"), "250 2.1.5 ok")
        self.assertEqual(self.rcpt("<u@a.b.sub.example>"), "250 2.1.5 ok")

    def test_03(self):
        self.put("rcpthosts", "")
        self.assertEqual(self.envelope("<u>"), "u")

    def test_04(self):
        self.assertEqual(self.rcpt("<>"), BAD_RCPT)

    def test_05(self):
        self.put("rcpthosts", "")
        self.assertEqual(self.rcpt("<u@evil>"), REFUSED)
        (self.control / "rcpthosts").unlink()
        talk = self.talk("QUIT\r\n")
        self.assertEqual(talk.replies, [CONTROLS])
        self.assertEqual(talk.exit_code, 1)
        self.assertIn(str(self.control / "rcpthosts"), talk.log)
        self.assertIn("--open-relay", talk.log)

    def test_06(self):
        (self.control / "rcpthosts").unlink()
        self.put_cdb(self.control / "morercpthosts.cdb", [("more", "")])
        self.assertEqual(self.talk("QUIT\r\n").replies, [CONTROLS])

    def test_07(self):
        self.assertEqual(self.rcpt("<a@evil@local.example>"), BAD_RCPT)
        self.assertEqual(self.envelope('<"a@evil"@local.example>'),
                         "a@evil@local.example")

    def test_08(self):
        self.assertEqual(self.rcpt("<u@local.example.>"), REFUSED)

    def test_09(self):
        self.assertEqual(self.rcpt("<u@>"), BAD_RCPT)

    def test_10(self):
        self.assertEqual(self.envelope("<@r1,@r2:u@local.example>"),
                         "u@local.example")

    def test_11(self):
        self.assertEqual(self.rcpt("<@foo>"), BAD_RCPT)

    def test_12(self):
        self.assertEqual(self.envelope("u@local.example"), "u@local.example")
        self.assertEqual(self.rcpt("u@local.example NOTIFY=NEVER"),
                         "555 5.5.4 unknown parameter (#5.5.4)")

    def test_13(self):
        self.assertEqual(self.rcpt("<u@local.example"), BAD_RCPT)

    def test_14(self):
        self.assertEqual(self.rcpt("< u@local.example>"), BAD_RCPT)
        self.assertEqual(self.rcpt("<u@local.example >"), BAD_RCPT)

    def test_15(self):
        self.assertEqual(self.envelope('<"a>b"@local.example>'),
                         "a>b@local.example")
        self.assertEqual(self.rcpt(r"<a\@b@local.example>"), BAD_RCPT)

    def test_16(self):
        self.assertEqual(
            self.rcpt("<u@local.example>", verb="RCPT FROM:")[:9], "501 5.5.4")
        self.assertEqual(self.commands("MAIL TO:<a@b>")[0][:9], "501 5.5.4")

    def test_17(self):
        replies = self.commands("MAIL", "MAIL x", "RCPT")
        self.assertEqual([r[:9] for r in replies],
                         ["501 5.5.4"] * 3)

    def test_18(self):
        self.put("localiphost", "local.example\n")
        self.assertEqual(self.envelope("<u@[127.0.0.1]>"), "u@local.example")
        self.assertEqual(self.rcpt("<u@[383.0.0.257]>"), BAD_RCPT)
        self.assertEqual(self.rcpt("<u@[192.0.2.55]>"), REFUSED)
        self.assertEqual(self.rcpt("<u@[IPv6:::1]>"), REFUSED)
        self.put("rcpthosts", "[192.0.2.55]\n")
        self.assertEqual(self.rcpt("<u@[192.0.2.55]>"), "250 2.1.5 ok")

    def test_19(self):
        local = "a" * (899 - len("@local.example"))
        self.assertEqual(self.rcpt(f"<{local}@local.example>"), "250 2.1.5 ok")
        self.assertEqual(self.rcpt(f"<{local}a@local.example>"), BAD_RCPT)

    def test_20(self):
        for value, recipient, want in [("", "<u@evil>", "u@evil"),
                                       (".fix", "<u@evil>", "u@evil.fix"),
                                       ("@fixme", "<u>", "u@fixme")]:
            with self.subTest(value):
                self.assertEqual(
                    self.envelope(recipient, {"RELAYCLIENT": value}), want)

    def test_21(self):
        self.put("badmailfrom", "s@x\n")
        talk = self.talk("MAIL FROM:<s@x>\r\nRCPT TO:<u@evil>\r\nQUIT\r\n",
                         environment={"RELAYCLIENT": ""})
        self.assertEqual(talk.replies[1:3], [
            "250 2.1.0 ok",
            "553 5.7.1 sorry, your envelope sender is in my badmailfrom list "
            "(#5.7.1)"])

    def test_22(self):
        self.put("badmailfrom", "@example\nS@X.EXAMPLE\n")
        for sender, code in [("s@y.example", 250), ("s@example", 553),
                             ("s@x.example", 553), ("", 250)]:
            talk = self.talk(f"MAIL FROM:<{sender}>\r\n"
                             "RCPT TO:<u@local.example>\r\nQUIT\r\n")
            self.assertEqual(talk.codes[2], code, sender)

    def test_23(self):
        self.put("rcpthosts", "local.example\r\n")
        talk = self.talk("MAIL FROM:<>\r\nRCPT TO:<u@local.example>\r\n"
                         "QUIT\r\n")
        self.assertEqual(talk.replies[2], REFUSED)
        self.assertIn(f"warning: {self.control}/rcpthosts:1", talk.log)
        self.put("rcpthosts", " local.example\n")
        self.assertEqual(self.rcpt("<u@local.example>"), REFUSED)
        self.put("rcpthosts", "other \t\nlocal.example \t")
        self.assertEqual(self.rcpt("<u@local.example>"), "250 2.1.5 ok")

    def test_24(self):
        # As qmail-newmrh makes it from `More.Example `.
        self.put_cdb(self.control / "morercpthosts.cdb", [("more.example", "")])
        self.assertEqual(self.rcpt("<u@more.example>"), "250 2.1.5 ok")
        self.assertEqual(self.rcpt("<u@MORE.Example>"), "250 2.1.5 ok")
        self.assertEqual(self.rcpt("<u@x.more.example>"), REFUSED)

    def test_25(self):
        self.put("me", "#c\n")
        self.assertEqual(self.talk("QUIT\r\n").replies[0], "220 #c ESMTP")

    def test_26(self):
        (self.control / "me").unlink()
        talk = self.talk("QUIT\r\n")
        self.assertEqual(talk.replies, [CONTROLS])
        self.assertEqual(talk.exit_code, 1)
        self.assertIn(str(self.control / "me"), talk.log)

    def test_27(self):
        (self.control / "rcpthosts").unlink()
        (self.control / "rcpthosts").mkdir()
        for options in ([], ["--open-relay"]):
            talk = self.talk("QUIT\r\n", *options)
            self.assertEqual(talk.replies, [CONTROLS])
            self.assertEqual(talk.exit_code, 1)

    def test_28(self):
        self.put("databytes", "2\n")
        self.assertEqual(self.data("abc\r\n.\r\n").codes[5], 552)
        for value in ("x", "", "0"):
            talk = self.data("abc\r\n.\r\n", {"DATABYTES": value})
            self.assertEqual(talk.codes[5], 250, value)

    # Commands.

    def test_29(self):
        talk = self.talk("NOOP\nNOOP\r\nQUIT\r\n")
        self.assertEqual(
            talk.replies[1:],
            ["500 5.5.2 bare LF in command, lines end in CRLF (#5.5.2)"])
        self.assertEqual(self.commands("QUIT\r"),
                         ["500 5.5.2 bad character in command (#5.5.2)"])

    def test_30(self):
        replies = self.commands(" QUIT", "QUIT\tx", "")
        self.assertEqual(replies,
                         ["500 5.5.2 unrecognized command (#5.5.2)"] * 3)
        self.assertEqual(self.talk("QUIT \r\n").codes, [220, 221])

    def test_31(self):
        self.assertEqual(self.commands("EHLO", "HELO", "MAIL FROM:<>"),
                         ["501 5.5.4 argument missing (#5.5.4)"] * 2
                         + ["250 2.1.0 ok"])

    def test_32(self):
        replies = self.commands(
            "MAIL FROM:<a@b>", "RCPT TO:<u@local.example>", "MAIL FROM:<c@d>",
            "DATA", ".")
        self.assertEqual(replies[2],
                         "503 5.5.1 sender already given (#5.5.1)")
        self.assertEqual(replies[3], "354 go ahead")

    def test_33(self):
        replies = self.commands(
            "MAIL FROM:<a@b>", "RCPT TO:<u@local.example>", "MAIL FROM:<", "DATA",
            ".")
        self.assertEqual(replies[3], "354 go ahead")

    def test_34(self):
        replies = self.commands("MAIL FROM:<a@b>", "RCPT TO:<u@local.example>",
                                "EHLO c", "DATA")
        self.assertEqual(replies[-1], "503 5.5.1 MAIL first (#5.5.1)")

    def test_35(self):
        replies = self.commands("MAIL FROM:<a@b>", "RCPT TO:<u@local.example>",
                                "DATA", ".", "DATA", "RCPT TO:<u@local.example>")
        self.assertEqual(replies[-2:], ["503 5.5.1 MAIL first (#5.5.1)"] * 2)

    def test_36(self):
        replies = self.commands("MAIL FROM:<a@b>", "RCPT TO:<u@evil>", "DATA",
                                "Subject: x", ".")
        self.assertEqual(replies[2:],
                         ["503 5.5.1 RCPT first (#5.5.1)"]
                         + ["500 5.5.2 unrecognized command (#5.5.2)"] * 2)

    def test_37(self):
        replies = self.commands("MAIL FROM:<a@b>", "RCPT TO:<u@local.example>",
                                "DATA x", "RSET x", b"NOOP\0x", "NOOP x")
        self.assertEqual([r[:9] for r in replies[2:]],
                         ["501 5.5.4", "501 5.5.4", "500 5.5.2", "250 2.0.0"])

    def test_38(self):
        self.put("smtpgreeting", "mx.example NO UCE\n")
        talk = self.talk("EHLO c\r\nHELO c\r\nQUIT\r\n")
        self.assertEqual(talk.replies, [
            "220 mx.example NO UCE ESMTP", "250-mx.example NO UCE",
            "250-PIPELINING", "250-SIZE", "250-8BITMIME",
            "250-ENHANCEDSTATUSCODES", "250-CHUNKING",
            "250-SMTPUTF8", "250 LIMITS RCPTMAX=10000", "250 mx.example NO UCE",
            "221 2.0.0 mx.example NO UCE"])

    def test_39(self):
        self.assertEqual(
            self.commands("STARTTLS", "AUTH PLAIN", "EXPN x"),
            ["502 5.5.1 unimplemented (#5.5.1)"] * 3)
        replies = self.commands("MAIL FROM:<a@b>",
                                "RCPT TO:<u@local.example>",
                                b"BDAT 4\r\nhi\r\nBDAT 0 LAST")
        self.assertEqual([r[:9] for r in replies],
                         ["250 2.1.0", "250 2.1.5", "250 2.0.0", "250 2.0.0"])

    def test_40(self):
        replies = self.commands("NOOP " + "x" * 5000000, "NOOP")
        self.assertEqual(replies, ["500 5.5.2 line too long (#5.5.2)",
                                   "250 2.0.0 ok"])
        replies = self.commands("MAIL FROM:<a@b>",
                                *["RCPT TO:<u@local.example>"] * 5000)
        self.assertEqual(set(replies[1:]), {"250 2.1.5 ok"})

    def test_41(self):
        talk = self.data("x\r\n.\r\n")
        self.assertEqual(talk.codes, [220, 250, 250, 250, 354, 250, 250, 221])
        self.assertEqual(talk.exit_code, 0)

    def test_42(self):
        self.put("timeoutsmtpd", "1\n")
        self.expect_timeout()

    def test_43(self):
        self.put("timeoutsmtpd", "0\n")
        self.expect_timeout()

    def expect_timeout(self):
        server = harness.Tcpserver(self)
        with harness.Client(server) as client:
            client.greet()
            client.send("NO")
            self.assertEqual(client.reply(), "421 4.4.2 timeout (#4.4.2)")
        self.assertIn("status 256", server.wait_log("tcpserver: end"))

    # Content.

    def test_44(self):
        for content in (b"a\nb\r\n.\r\n", b"a\n.\nb\r\n.\r\n",
                        b"a\n.\r\nb\r\n.\r\n", b"a\r\n.\nb\r\n.\r\n"):
            with self.subTest(content):
                self.assertIn("bare LF in line", self.refused_content(content))

    def test_45(self):
        self.assertIn("bare CR in line 1",
                      self.refused_content(b"a\r.\r\nb\r\n.\r\n"))

    def test_46(self):
        self.assertIn("bare CR in line 2",
                      self.refused_content(b"a\r\n.\rx\r\n.\r\n"))

    def test_47(self):
        self.assertIn("bare CR in line 1",
                      self.refused_content(b".\r\r\nx\r\n.\r\n"))

    def test_48(self):
        self.assertIn("bare CR in line 1",
                      self.refused_content(b"a\r\r\n.\r\n"))

    def test_49(self):
        self.assertEqual(self.stored("..\r\n..a\r\n.a\r\n.\r\n"),
                         b".\n.a\na\n")

    def test_50(self):
        self.assertEqual(self.stored(".\r\n"), b"")

    def test_51(self):
        line = bytes(b for b in range(256) if b not in b"\r\n")
        self.assertEqual(self.stored(line + b"\r\n.\r\n"), line + b"\n")

    def test_52(self):
        head = ("MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\nDATA\r\n"
                "x\r\n")
        for tail in ("", ".", ".\r"):
            talk = self.talk(head + tail)
            self.assertEqual(talk.codes, [220, 250, 250, 354])
            self.assertEqual(talk.exit_code, 1)
            self.assertEqual(self.messages(), [])
        talk = self.talk(head + ".\r\n")
        self.assertEqual(talk.codes, [220, 250, 250, 354, 250])
        self.assertEqual(talk.exit_code, 0)
        self.assertEqual(len(self.messages()), 1)

    def test_53(self):
        self.put("databytes", "4\n")
        self.assertEqual(self.data("ab\r\n.\r\n").codes[5], 250)
        self.put("databytes", "3\n")
        talk = self.data("ab\r\n.\r\n")
        self.assertEqual(talk.codes[5:], [552, 250, 221])
        self.assertIn("552 5.3.4 sorry, that message size exceeds my "
                      "databytes limit (#5.3.4)", talk.replies)

    def test_54(self):
        hops = "554 5.4.6 too many hops, this message is looping (#5.4.6)"
        self.assertEqual(self.data("Received: x\r\n" * 99 + ".\r\n").codes[5],
                         250)
        self.assertIn(hops,
                      self.data("Received: x\r\n" * 100 + ".\r\n").replies)
        self.assertIn(hops, self.data("received\r\n" * 50 + "DELIVERED-foo\r\n"
                                      * 50 + ".\r\n").replies)

    def test_55(self):
        talk = self.data("Subject: x\r\n\r\n" + "Received: x\r\n" * 100
                         + ".\r\n")
        self.assertEqual(talk.codes[5], 250)

    def test_56(self):
        self.put("databytes", "10\n")
        talk = self.data("Received: x\r\n" * 100 + ".\r\n")
        self.assertEqual(talk.codes[5:], [554, 250, 221])

    # The Received field.

    def received(self, hello, environment=None):
        self.queue(f"{hello}MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\n"
                   "DATA\r\n.\r\nQUIT\r\n", environment)
        lines = self.queued("message").decode().split("\n")
        return " ".join(line.strip() for line in lines).strip()

    def test_57(self):
        date = (r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z][a-z] \d{4} "
                r"\d\d:\d\d:\d\d \+0000")
        for verb, word in (("EHLO", "ESMTP"), ("HELO", "SMTP")):
            self.assertRegex(
                self.received(f"{verb} c\r\n"),
                rf"^Received: from c \(unknown\) by mx\.example\.org with "
                rf"{word} id [0-9a-z]+-\d+; {date}$")

    def test_58(self):
        self.assertIn(
            "from CLIENT.example (client.example [192.0.2.1]) by mx with",
            self.received("HELO CLIENT.example\r\n",
                          {"TCPREMOTEHOST": "client.example",
                           "TCPREMOTEIP": "192.0.2.1",
                           "TCPLOCALHOST": "mx"}))

    def test_59(self):
        self.assertIn(
            "(ev?il?x??[1]@unknown [192.0.2.1])",
            self.received("HELO c\r\n", {"TCPREMOTEINFO": "ev il<x>_[1]",
                                         "TCPREMOTEIP": "192.0.2.1"}))

    def test_60(self):
        self.assertIn("from x (unknown) by mx.example.org with",
                      self.received("HELO x\r\n"))

    def test_61(self):
        self.assertIn("from x (unknown [IPv6:2001:db8::1]) by",
                      self.received("HELO x\r\n",
                                    {"TCPREMOTEIP": "2001:db8::1"}))

    # AUTH, as in the patches for qmail-smtpd.

    def checker(self, script):
        """A checkpassword program; returns its path."""
        path = self.folder / "checker"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    def good_checker(self):
        """Accepts user "a" with password "b", and saves what it read."""
        return self.checker(
            'asked=$(tr "\\0" "|" <&3); echo "$asked" >"${0%/*}/asked"\n'
            'case $asked in "a|b||") exec "$@";; *) exit 1;; esac')

    def auth(self, lines, checker, *options, environment=None):
        return self.talk(
            "EHLO c\r\n" + "".join(line + "\r\n" for line in lines)
            + "QUIT\r\n", "--auth-insecure", "--auth-delay", "0", *options,
            "mx.example.org", checker, "true", environment=environment,
            deliver="qmail-queue:" + self.put_queue())

    def asked(self):
        return (self.folder / "asked").read_text()

    def test_62(self):
        for password, code in (("b", 235), ("c", 535)):
            for lines in ([plain("a", password)],
                          ["AUTH PLAIN", plain("a", password)[11:]],
                          ["AUTH LOGIN", base64("a"), base64(password)],
                          ["AUTH LOGIN " + base64("a"), base64(password)]):
                talk = self.auth(lines, self.good_checker())
                self.assertEqual(talk.codes[1 + len(lines)], code)
                self.assertEqual(self.asked(), f"a|{password}||\n")

    def test_63(self):
        for order in ("challenge-first", "response-first"):
            server = subprocess.Popen(
                [harness.SMTPD, "--control", str(self.control), "--deliver",
                 "discard", "--auth-delay", "0", "--cram-md5", order,
                 "host.example", self.good_checker(), "true"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL)
            with server:
                def ask(line):
                    server.stdin.write(line.encode() + b"\r\n")
                    server.stdin.flush()
                    while (reply := server.stdout.readline())[3:4] == b"-":
                        pass
                    return reply.decode().strip()
                server.stdout.readline()
                self.assertEqual(ask("EHLO c"), "250 AUTH CRAM-MD5")
                challenge = binascii.a2b_base64(
                    ask("AUTH CRAM-MD5")[4:]).decode()
                self.assertRegex(challenge, "^<.*@host.example>$")
                digest = "0123456789abcdef0123456789abcdef"
                self.assertEqual(ask(base64("a " + digest))[:3], "535")
                fields = [challenge, digest]
                if order == "response-first":
                    fields.reverse()
                self.assertEqual(self.asked(), f"a|{'|'.join(fields)}|\n")
                ask("QUIT")

    def test_64(self):
        for script, code in (("exit 1", 535), ("exit 3", 535),
                             ("exit 21", 535), ("exit 111", 454),
                             ("exit 2", 454), ("exit 4", 454),
                             ("kill -9 $$", 454)):
            talk = self.auth([plain("a", "b")], self.checker(script))
            self.assertEqual(talk.codes[2], code, script)
            self.assertEqual("checker: " in talk.log, code == 454, talk.log)

    def test_65(self):
        # HOST is missing, or the checker, or there is one argument too many.
        for arguments in (["/bin/true"], ["mx.example.org", "/bin/true"],
                          ["mx.example.org", "true", "true"],
                          ["/bin/true", "/bin/true"], ["mx.example.org"],
                          [self.good_checker()]):
            talk = self.talk("QUIT\r\n", *arguments)
            self.assertEqual((talk.exit_code, talk.replies), (100, []))
        talk = self.auth([plain("a", "b")], self.checker("exit 0"))
        self.assertEqual(talk.codes[2], 454)
        self.assertIn("has not read the secret", talk.log)
        # Both forms of the arguments, as in different patches.
        for arguments in (["mx.example.org", self.good_checker(), "true"],
                          [self.good_checker(), "true"]):
            talk = self.talk(f"EHLO c\r\n{plain('a', 'b')}\r\nQUIT\r\n",
                             "--auth-insecure", *arguments)
            self.assertEqual(talk.codes[2], 235)

    def test_66(self):
        talk = self.auth(
            ["MAIL FROM:<s@x>", plain("a", "b"), "RSET", "AUTH LOGIN", "*",
             "AUTH X-NONE", plain("a", "b"), plain("a", "b")],
            self.good_checker())
        self.assertEqual(talk.codes[2:-1],
                         [250, 503, 250, 334, 501, 504, 235, 503])

    def test_67(self):
        talk = self.auth(
            [plain("a", "b"), "RSET", "EHLO c", "MAIL FROM:<s@x>",
             "RCPT TO:<u@elsewhere.example>"], self.good_checker())
        self.assertEqual(talk.codes[2:-1], [235, 250, 250, 250, 250])

    def test_68(self):
        for options, code, result in (([], 535, "failure"),
                                      (["--ignore-authzid"], 235, "success")):
            talk = self.auth(["AUTH PLAIN " + base64("x\0a\0b")],
                             self.good_checker(), *options)
            self.assertEqual(talk.codes[2], code)
            self.assertIn(f"result={result} ip=\"\" mechanism=PLAIN user=a "
                          "authzid=x\n", talk.log)
            self.assertEqual((self.folder / "asked").exists(), code == 235)
        talk = self.auth(["AUTH PLAIN " + base64("a\0a\0b")],
                         self.good_checker())
        self.assertEqual(talk.codes[2], 235)
        (self.folder / "asked").unlink()
        talk = self.auth([plain("a", 509 * "x")], self.good_checker())
        self.assertEqual(talk.codes[2], 535)
        self.assertFalse((self.folder / "asked").exists())

    def test_69(self):
        message = [plain("a", "b"), "MAIL FROM:<s@x>",
                   "RCPT TO:<u@elsewhere.example>", "DATA", "."]
        for options, peer in ((["--show-user"], "(a@unknown [192.0.2.1])"),
                              ([], "(unknown [192.0.2.1])")):
            talk = self.auth(message, self.good_checker(), *options,
                             environment={"TCPREMOTEIP": "192.0.2.1",
                                          "TCPREMOTEINFO": "ident"})
            self.assertEqual(talk.codes[2:-1], [235, 250, 250, 354, 250])
            self.assertIn("rule=authenticated source=\"user a\"", talk.log)
            self.assertEqual(self.queued("envelope"),
                             b"Fs@x\0Tu@elsewhere.example\0\0")
            environment = self.queued("environment").decode().split("\n")
            for line in ("TCPREMOTEINFO=a", "RELAYCLIENT=", "SMTPAUTHUSER=a",
                         "SMTPAUTHMETHOD=PLAIN", "TCPREMOTEIP=192.0.2.1"):
                self.assertIn(line, environment)
            if options:
                self.assertIn(peer.encode(), self.queued("message"))
            else:
                self.assertNotIn(b"(a@", self.queued("message"))

    def test_70(self):
        talk = self.auth(["MAIL FROM:<s@x> AUTH=<>", "RSET",
                          "MAIL FROM:<s@x> AUTH=u@x.example",
                          "RCPT TO:<u@elsewhere.example>",
                          "RCPT TO:<u@local.example>", "DATA", "."],
                         self.good_checker())
        self.assertEqual(talk.codes[2:], [250, 250, 250, 553, 250, 354, 250,
                                          221])
        self.assertNotIn(b"TCPREMOTEINFO", self.queued("environment"))

    def test_71(self):
        arguments = ["mx.example.org", self.good_checker(), "true"]
        talk = self.talk(f"EHLO c\r\n{plain('a', 'b')}\r\nQUIT\r\n",
                         *arguments)
        self.assertEqual(talk.codes[2], 502)
        self.assertNotIn("AUTH", " ".join(talk.replies[:-2]))
        self.assertIn("AUTH is not offered without TLS", talk.log)

    # The table itself.

    def test_list(self):
        """Each row has a test, and README lists each row that differs."""
        rows = re.findall(r"^\| (\d+) \| .* \| (.*) \|$",
                          (HERE.parent / "qmail_behaviour.md").read_text(),
                          re.M)
        self.assertEqual([int(n) for n, _ in rows], list(range(1, 72)))
        for number, _ in rows:
            self.assertTrue(hasattr(self, f"test_{int(number):02}"), number)
        different = {int(n) for n, what in rows if what != "same"}
        readme = (HERE.parent.parent / "README.md").read_text()
        table = readme.split("## Differences from qmail-smtpd")[1]
        listed = set()
        for numbers in re.findall(r"^\|.*\| ([\d, ]+) \|$", table, re.M):
            listed |= {int(n) for n in numbers.split(",")}
        self.assertEqual(listed, different)


if __name__ == "__main__":
    harness.main()
