# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""UCSPI-TLS: postern-smtpd under a super-server that does the TLS."""

import os
import pathlib
import re
import shutil
import smtplib
import sys

import harness

MESSAGE = "Subject: x\r\n\r\nhello\r\n"
SUPER_SERVER = str(pathlib.Path(__file__).with_name("ucspi_tls.py"))


class UcspiTlsTest(harness.TlsTestCase):

    def start(self, *options, variables=(), **more):
        return harness.Tcpserver(
            self, *options, program=[
                "env", *variables, sys.executable, "-B", SUPER_SERVER,
                str(self.certificate), harness.SMTPD], **more)

    def test_clients_deliver_by_starttls(self):
        server = self.start()
        with smtplib.SMTP("127.0.0.1", server.port,
                          timeout=harness.PATIENCE) as client:
            client.starttls(context=self.trusting())
            client.ehlo()
            self.assertFalse(client.has_extn("starttls"))
            body = "x" * 70 + "\r\n"
            client.sendmail("s@x.example", ["u@local.example"],
                            MESSAGE + body * 10_000)
            client.sendmail("s@x.example", ["u@local.example"], MESSAGE)
        self.assertRegex(self.messages()[0],
                         rb"with ESMTPS id \S+ tls TLS_AES")
        self.assertEqual(self.messages()[0].count(b"x" * 70 + b"\n"), 10_000)
        self.assertIn("status 0", server.wait_log("tcpserver: end"))

    def test_clients_without_tls_are_served(self):
        server = self.start()
        with smtplib.SMTP("127.0.0.1", server.port,
                          timeout=harness.PATIENCE) as client:
            client.sendmail("s@x.example", ["u@local.example"], MESSAGE)
        self.assertNotIn(b"tls", self.messages()[0])

    def test_super_server_may_forbid_or_require_tls(self):
        for mode, offered, code in [("UCSPITLS=-", False, 250),
                                    ("UCSPITLS=", True, 250),
                                    ("UCSPITLS=!", True, 530)]:
            server = self.start(variables=[mode])
            with smtplib.SMTP("127.0.0.1", server.port,
                              timeout=harness.PATIENCE) as client:
                client.ehlo()
                self.assertEqual(client.has_extn("starttls"), offered)
                self.assertEqual(client.mail("s@x.example")[0], code)

    def test_ucspi_tls_overrides_tls_cert(self):
        server = self.start("--tls-cert", "/no/such.pem", "--require-tls")
        with smtplib.SMTP("127.0.0.1", server.port,
                          timeout=harness.PATIENCE) as client:
            client.starttls(context=self.trusting())
            client.sendmail("s@x.example", ["u@local.example"], MESSAGE)
        self.assertEqual(len(self.messages()), 1)

    def test_plaintext_after_starttls_closes_the_connection(self):
        server = self.start()
        with harness.Client(server) as client:
            client.greet()
            client.send("STARTTLS\r\nMAIL FROM:<evil@x.example>\r\n")
            replies = [client.reply(), client.reply()]
        self.assertEqual(replies[1], "")  # closed
        server.wait_log("end=abuse")

    def test_starttls_does_not_reset_the_count_of_errors(self):
        server = self.start("--max-errors", "3")
        with harness.Client(server) as client:
            client.greet()
            client.ask("x")
            client.ask("x")
            self.assertEqual(client.ask("STARTTLS")[:3], "220")
            client.file.close()
            client.socket = self.trusting().wrap_socket(client.socket)
            client.file = client.socket.makefile("rb")
            self.assertEqual(client.ask("x")[:9], "500 5.5.2")
            self.assertEqual(client.ask("NOOP")[:9], "421 4.7.0")

    def test_super_server_without_tls_ends_the_session(self):
        server = self.start(variables=["UCSPI_LIST=end"])
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(client.ask("STARTTLS")[:3], "220")
            self.assertEqual(client.reply(), "")
        server.wait_log("tls-error=")

    def test_tls_outside_trusts_the_variables_of_the_super_server(self):
        said = {"SSL_PROTOCOL": "TLSv1.3",
                "SSL_CIPHER": "TLS_AES_128_GCM_SHA256"}
        mail = ("EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\n"
                "DATA\r\n\r\n.\r\nQUIT\r\n")
        talk = self.talk(mail, "--tls-outside", "--require-tls",
                         environment=said)
        self.assertEqual(talk.codes, [220, 250, 250, 250, 354, 250, 221])
        self.assertIn(b"with ESMTPS id", self.messages()[0])
        self.assertIn(b"tls TLS_AES_128_GCM_SHA256", self.messages()[0])
        talk = self.talk(mail, environment=said)
        self.assertEqual(talk.codes, [220, 250, 250, 250, 354, 250, 221])
        self.assertIn(b"with ESMTP id", self.messages()[1])
        talk = self.talk(mail, "--tls-outside")
        self.assertEqual(talk.codes, [421])
        self.assertIn("SSL_PROTOCOL", talk.log)

    def test_queue_program_gets_no_variable_of_ucspi_tls(self):
        server = self.start(deliver=f"qmail-queue:{self.put_queue()}")
        with harness.Client(server) as client:
            client.greet()
            client.ask("MAIL FROM:<s@x>")
            client.ask("RCPT TO:<u@local.example>")
            client.ask("DATA")
            self.assertEqual(client.ask("x\r\n.")[:3], "250")
        self.assertNotRegex(self.queued("environment"), rb"SSL\w+FD=")

    def test_wrong_variables_are_errors(self):
        for variables in ({"SSLCTLFD": "99"}, {"SSLCTLFD": "x"},
                          {"SSLREADFD": "0"}, {"UCSPITLS": "!"},
                          {"UCSPITLS": "maybe"}):
            talk = self.talk("", environment=variables)
            self.assertEqual(talk.replies,
                             ["421 4.3.0 unable to read controls (#4.3.0)"])
            self.assertEqual(talk.exit_code, 1)
            self.assertTrue(re.search(f"fatal: .*{list(variables)[0]}",
                                      talk.log), talk.log)


if __name__ == "__main__":
    assert shutil.which("openssl"), "openssl is needed"
    assert os.path.exists(SUPER_SERVER)
    harness.main()
