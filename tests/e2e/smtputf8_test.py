# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Addresses in UTF-8 (RFC 6531) in checks, replies and Maildirs."""

import email.message
import email.policy
import smtplib

import harness

A_LABEL = "xn--bcher-kva.example"
U_LABEL = "bücher.example"


class SmtpUtf8Test(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.put("rcpthosts", f"{A_LABEL}\nmüller.example\n")
        self.store = self.folder / "store"

    def make_maildir(self, domain, user):
        for name in ("tmp", "new", "cur"):
            (self.store / domain / user / name).mkdir(parents=True)

    def deliver(self):
        return f"maildir:{self.store}/%d/%u"

    def content(self, domain, user):
        """Removes the only message from a Maildir and returns it."""
        (path,) = (self.store / domain / user / "new").iterdir()
        text = path.read_text("utf-8")
        path.unlink()
        return text

    def test_both_forms_of_a_domain_are_one_mailbox(self):
        self.make_maildir(A_LABEL, "größe")
        self.make_maildir("xn--mller-kva.example", "u")
        server = harness.Serve(self, deliver=self.deliver())
        message = email.message.EmailMessage(policy=email.policy.SMTPUTF8)
        message["Subject"] = "Grüße"
        message["From"] = "ö@xn--sender-9ya.example"
        message.set_content("Text mit ü\n", cte="8bit")
        for user, domain, folder in (
                ("größe", U_LABEL, A_LABEL),
                ("GRößE", "Bücher.EXAMPLE", A_LABEL),
                ("größe", A_LABEL.upper(), A_LABEL),
                ("u", "müller.example", "xn--mller-kva.example"),
                ("u", "xn--mller-kva.example", "xn--mller-kva.example")):
            with smtplib.SMTP(server.address, server.port,
                              timeout=harness.PATIENCE) as client:
                client.ehlo()
                self.assertTrue(client.has_extn("smtputf8"))
                self.assertTrue(client.has_extn("8bitmime"))
                client.send_message(message, "ö@sender.example",
                                    [f"{user}@{domain}"])
            text = self.content(folder, user.lower())
            self.assertIn("Return-Path: <ö@sender.example>\n"
                          f"Delivered-To: {user}@{domain}\nReceived: ", text)
            self.assertIn(" with UTF8SMTP id ", text)
            self.assertIn("Subject: Grüße\n", text)
            self.assertIn("\nText mit ü\n", text)
        log = server.wait_log("xn--mller-kva.example>")
        self.assertIn(r"to=<gr\xc3\xb6\xc3\x9fe@b\xc3\xbccher.example>", log)
        self.assertIn("rcpthosts:1", log)

    def test_only_listed_domains_are_local(self):
        self.make_maildir(A_LABEL, "u")
        talk = self.talk("".join(line + "\r\n" for line in (
            "EHLO c", "MAIL FROM:<ö@x> SMTPUTF8",
            "RCPT TO:<u@bÜcher.example>",            # a capital
            "RCPT TO:<u@bu\u0308cher.example>",      # another normal form
            "RCPT TO:<u@x.bücher.example>",
            "RCPT TO:<u@bücher.example.evil>",
            "RCPT TO:<u@b\uff55cher.example>",       # a full-width letter
            "RCPT TO:<u@bücher\u3002example>",       # a dot in IDNA
            "RCPT TO:<ü@bücher.example>",            # no such mailbox
            "RCPT TO:<..\uff0fü@bücher.example>",    # a full-width slash
            'RCPT TO:<"../ü"@bücher.example>',
            "RCPT TO:<u@bücher.example>", "QUIT")), deliver=self.deliver())
        self.assertEqual(talk.codes, [220, 250, 250, 553, 553, 553, 553, 553,
                                      501, 550, 550, 550, 250, 221])

    def test_badmailfrom_matches_both_forms_of_a_domain(self):
        self.put("badmailfrom", f"@{A_LABEL}\n@müller.example\n")
        for domain in (A_LABEL, U_LABEL, "müller.example",
                       "xn--mller-kva.example"):
            talk = self.talk("EHLO c\r\n"
                             f"MAIL FROM:<ö@{domain}> SMTPUTF8\r\n"
                             "RCPT TO:<u@bücher.example>\r\nQUIT\r\n")
            self.assertEqual(talk.codes, [220, 250, 250, 553, 221], domain)
            self.assertIn("rule=badmailfrom", talk.log)

    def test_without_the_parameter_addresses_are_ascii(self):
        self.make_maildir(A_LABEL, "ü")
        talk = self.talk("EHLO c\r\nMAIL FROM:<ö@x>\r\nMAIL FROM:<s@x>\r\n"
                         "RCPT TO:<ü@bücher.example>\r\nQUIT\r\n",
                         deliver=self.deliver())
        self.assertEqual(talk.codes, [220, 250, 550, 250, 553, 221])

    def test_smtputf8_is_not_offered_with_qmail_queue(self):
        talk = self.talk("EHLO c\r\nMAIL FROM:<ö@x> SMTPUTF8\r\nQUIT\r\n",
                         deliver=f"qmail-queue:{self.put_queue()}")
        self.assertNotIn("SMTPUTF8", "".join(talk.replies))
        self.assertEqual(talk.codes, [220, 250, 555, 221])


if __name__ == "__main__":
    harness.main()
