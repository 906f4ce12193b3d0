# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""TLS in postern-smtpd under tcpserver, with common clients."""

import os
import pathlib
import re
import shutil
import smtplib
import subprocess
import time

import harness

MESSAGE = "Subject: x\r\n\r\nhello\r\n"
NO_TLS = "454 4.7.0 TLS not available (#4.7.0)"


class SmtpdTlsTest(harness.TlsTestCase):

    def start(self, *options, **more):
        return harness.Tcpserver(self, "--tls-cert", str(self.certificate),
                                 *options, **more)

    def secure(self, client):
        """Sends STARTTLS and does the handshake."""
        assert client.ask("STARTTLS").startswith("220 ")
        client.file.close()
        client.socket = self.trusting().wrap_socket(client.socket)
        client.file = client.socket.makefile("rb")
        return client

    def test_clients_deliver_by_starttls(self):
        server = self.start()
        with smtplib.SMTP("127.0.0.1", server.port,
                          timeout=harness.PATIENCE) as client:
            client.starttls(context=self.trusting())
            client.sendmail("s@x.example", ["u@local.example"], MESSAGE)
            client.sendmail("s@x.example", ["u@local.example"], MESSAGE)
        for options in (["--tls"], ["--tls", "--tls-protocol", "tlsv1_2"]):
            result = subprocess.run(
                ["swaks", "--server", "127.0.0.1", "--port", str(server.port),
                 "--from", "s@x.example", "--to", "u@local.example", *options],
                capture_output=True, check=False, timeout=harness.PATIENCE)
            self.assertEqual(result.returncode, 0, result.stdout)
        mail = self.folder / "mail"
        mail.write_text(MESSAGE)
        subprocess.run(
            ["curl", "-sSk", "--ssl-reqd", f"smtp://127.0.0.1:{server.port}",
             "--mail-from", "s@x.example", "--mail-rcpt", "u@local.example",
             "-T", str(mail)], check=True, timeout=harness.PATIENCE)
        messages = self.messages()
        self.assertEqual(len(messages), 5)
        for message in messages:
            self.assertRegex(message, rb"with ESMTPS id \S+ tls TLS_")
        for word in ("tls", "warning", "fatal", "session end="):
            self.assertNotIn(f" {word}", server.log())  # no problem
        self.assertIn("status 0", server.wait_log("tcpserver: end"))

    def test_tls_may_begin_with_the_connection(self):
        server = self.start("--tls-wrapped", "--require-tls")
        with smtplib.SMTP_SSL("127.0.0.1", server.port,
                              context=self.trusting(),
                              timeout=harness.PATIENCE) as client:
            client.ehlo()
            self.assertFalse(client.has_extn("starttls"))
            client.sendmail("s@x.example", ["u@local.example"], MESSAGE)
        self.assertRegex(self.messages()[0], rb"with ESMTPS id \S+ tls TLS_")
        with harness.Client(server) as client:
            client.send("EHLO c\r\n")
            try:
                self.assertNotIn(b"mx", client.file.read())
            except ConnectionResetError:
                pass
        server.wait_log("tls-error=")

    def s_client(self, server, *options):
        """Runs openssl s_client with EHLO and QUIT; returns its output."""
        result = subprocess.run(
            ["openssl", "s_client", "-starttls", "smtp", "-ign_eof", "-msg",
             "-connect", f"127.0.0.1:{server.port}", *options],
            input=b"ehlo c\r\nquit\r\n", capture_output=True, check=False,
            timeout=harness.PATIENCE)
        return result.stdout.decode()

    def test_versions_and_ciphers_are_options(self):
        self.make_certificate("mx.example.org", rsa=True)
        printer = ["-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0"]
        usual = self.start()
        self.assertNotIn("\n221 ", self.s_client(usual, *printer))
        text = self.s_client(usual, "-tls1_3")
        self.assertIn("Cipher is TLS_AES_128_GCM_SHA256", text)
        # No tickets: the process with the key ends with the session.
        self.assertNotIn("NewSessionTicket", text)
        self.assertNotIn("NewSessionTicket", self.s_client(usual, "-tls1_2"))
        old = self.start("--tls-min", "1.0", "--tls-ciphers",
                         "ECDHE+AES:AES128-SHA")
        for options in (printer, ["-tls1_2"], ["-tls1_3"]):
            self.assertIn("\n221 ", self.s_client(old, *options))
        new = self.start("--tls-min", "1.3")
        self.assertNotIn("\n221 ", self.s_client(new, "-tls1_2"))
        self.assertIn("\n221 ", self.s_client(new, "-tls1_3"))

    def test_log_names_a_wrong_list_of_ciphers(self):
        server = self.start("--tls-ciphers", "AES128-SHA:OOPS")
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(client.ask("STARTTLS"), NO_TLS)
        server.wait_log("tls: not available: --tls-ciphers: OpenSSL has no "
                        "cipher that matches OOPS")

    def test_tls_may_be_required(self):
        server = self.start("--require-tls")
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(client.ask("MAIL FROM:<s@x>")[:9], "530 5.7.0")
            self.secure(client)
            self.assertEqual(client.ask("EHLO c")[:3], "250")
            self.assertEqual(client.ask("MAIL FROM:<s@x>")[:3], "250")

    def test_sessions_without_tls_use_the_static_program(self):
        server = self.start()
        with harness.Client(server) as client:
            client.greet()
            before = self.program(server)
            self.secure(client)
            self.assertEqual(client.ask("NOOP")[:3], "250")
            after = self.program(server)
        # The process is the same, because tcpserver waits for it.
        self.assertEqual([each[0] for each in before],
                         [each[0] for each in after])
        self.assertEqual([before[0][1].name, after[0][1].name],
                         ["postern-smtpd", "postern-smtpd-tls"])

    def test_command_line_has_no_session_data(self):
        server = self.start()
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(client.ask("EHLO who-am-i.example")[:3], "250")
            self.secure(client)
            self.assertEqual(client.ask("NOOP")[:3], "250")
            [(pid, program)] = self.program(server)
            self.assertEqual(program.name, "postern-smtpd-tls")
            arguments = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            self.assertRegex(arguments, rb"\0--handoff=[0-9]+\0")
            self.assertNotIn(b"who-am-i", arguments)
            descriptors = [os.readlink(each) for each in
                           pathlib.Path(f"/proc/{pid}/fd").iterdir()]
            self.assertNotIn("handoff", "".join(descriptors))

    def program(self, server):
        """Returns (pid, executable) of each child of tcpserver."""
        pid = server.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        return [(int(child), pathlib.Path(os.readlink(f"/proc/{child}/exe")))
                for child in children.read_text().split()]

    def test_plaintext_after_starttls_closes_the_connection(self):
        server = self.start()
        with harness.Client(server) as client:
            client.greet()
            client.send("STARTTLS\r\nMAIL FROM:<evil@x.example>\r\n")
            replies = [client.reply(), client.reply()]
        self.assertEqual(replies[1], "")  # closed
        server.wait_log("end=abuse")
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(client.ask("STARTTLS")[:3], "220")
            client.send("MAIL FROM:<evil@x.example>\r\n")
            try:
                answer = client.file.read(3)[:2]
            except ConnectionResetError:
                answer = b""
            self.assertIn(answer, (b"", b"\x15\x03"))  # an alert, or nothing
        server.wait_log("tls-error=")

    def test_part_of_a_command_after_starttls_closes_the_connection(self):
        server = self.start()
        with harness.Client(server) as client:
            client.greet()
            client.send("STARTTLS\r\nM")
            replies = [client.reply(), client.reply()]
        self.assertEqual(replies[1], "")
        server.wait_log("end=abuse")

    def test_second_starttls_is_refused(self):
        server = self.start()
        with harness.Client(server) as client:
            self.secure(client.greet())
            self.assertEqual(client.ask("STARTTLS")[:9], "503 5.5.1")

    def test_starttls_does_not_reset_the_count_of_errors(self):
        server = self.start("--max-errors", "3")
        with harness.Client(server) as client:
            client.greet()
            client.ask("x")
            client.ask("x")
            self.secure(client)
            self.assertEqual(client.ask("x")[:9], "500 5.5.2")
            self.assertEqual(client.ask("NOOP")[:9], "421 4.7.0")

    def test_ehlo_before_starttls_is_forgotten(self):
        server = self.start()
        with harness.Client(server) as client:
            self.secure(client.greet())
            client.ask("MAIL FROM:<s@x>")
            client.ask("RCPT TO:<u@local.example>")
            client.ask("DATA")
            self.assertEqual(client.ask("x\r\n.")[:3], "250")
        self.assertNotIn(b"client.example", self.messages()[0])

    def test_starttls_does_not_extend_the_session_timeout(self):
        server = self.start("--session-timeout", "4")
        began = time.monotonic()
        with harness.Client(server) as client:
            client.greet()
            time.sleep(2)  # the session's time is what is tested
            self.secure(client)
            self.assertEqual(client.reply()[:9], "421 4.4.2")
        self.assertLess(time.monotonic() - began, 5.5)

    def test_session_continues_without_a_certificate(self):
        for text in ("nonsense", None):
            if text is None:
                self.certificate.unlink()
            else:
                self.certificate.write_text(text)
            server = self.start("--max-errors", "3")
            with harness.Client(server) as client:
                client.greet()
                client.ask("x")
                for _ in range(3):
                    self.assertEqual(client.ask("STARTTLS"), NO_TLS)
                client.ask("MAIL FROM:<s@x>")
                client.ask("RCPT TO:<u@local.example>")
                client.ask("DATA")
                self.assertEqual(client.ask("x\r\n.")[:3], "250")
                client.ask("QUIT")
            self.assertIn(b"from client.example", self.messages()[-1])
            self.assertIn(b"with ESMTP id", self.messages()[-1])
            log = server.wait_log("tcpserver: end")
            self.assertEqual(log.count("tls: not available"), 1)
            self.assertIn(str(self.certificate), log)

    def test_failed_starttls_does_not_reset_the_count_of_errors(self):
        self.certificate.write_text("nonsense")
        server = self.start("--max-errors", "3")
        with harness.Client(server) as client:
            client.greet()
            client.ask("x")
            client.ask("x")
            self.assertEqual(client.ask("STARTTLS"), NO_TLS)
            client.ask("x")
            self.assertEqual(client.ask("NOOP")[:9], "421 4.7.0")

    def test_session_continues_without_the_other_program(self):
        alone = self.folder / "postern-smtpd"
        shutil.copy(harness.SMTPD, alone)
        server = self.start(program=[str(alone)])
        with harness.Client(server) as client:
            client.greet()
            for _ in range(2):
                self.assertEqual(client.ask("STARTTLS"), NO_TLS)
            self.assertEqual(client.ask("MAIL FROM:<s@x>")[:3], "250")
            client.ask("RSET")
            client.ask("QUIT")
        log = server.wait_log("tcpserver: end")
        self.assertEqual(log.count(f"{alone}-tls"), 1)
        server.stop()
        server = self.start("--tls-wrapped", program=[str(alone)])
        with harness.Client(server) as client:
            self.assertEqual(client.reply(), "")
        server.wait_log(f"{alone}-tls")

    def test_client_certificates_are_requested_with_client_ca(self):
        authority = self.make_certificate("ca", path=self.folder / "ca.pem")
        known = self.make_certificate("client.example", issuer=authority,
                                      path=self.folder / "client.pem")
        strange = self.make_certificate("strange", path=self.folder / "x.pem")
        server = self.start("--client-ca", str(authority))
        for file in (known, strange, None):
            context = self.trusting()
            if file is not None:
                context.load_cert_chain(file)
            with smtplib.SMTP("127.0.0.1", server.port,
                              timeout=harness.PATIENCE) as client:
                client.starttls(context=context)
                client.sendmail("s@x.example", ["u@local.example"], MESSAGE)
        self.assertEqual(len(self.messages()), 3)
        for wanted, options in ((True, ["--client-ca", str(authority)]),
                                (False, [])):
            server = self.start(*options)
            result = subprocess.run(
                ["openssl", "s_client", "-starttls", "smtp", "-connect",
                 f"127.0.0.1:{server.port}"], input=b"", check=False,
                capture_output=True, timeout=harness.PATIENCE)
            # OpenSSL 3.0 prints spaces around the sign, 3.5 does not.
            self.assertEqual(bool(re.search(rb"CN ?= ?ca", result.stdout)),
                             wanted)

    def test_any_helo_name_survives_starttls(self):
        self.certificate.write_text("nonsense")
        server = self.start()
        with harness.Client(server) as client:
            client.reply()
            name = "a b=+%\"'$(x)\\" + "x" * 3000
            self.assertEqual(client.ask(f"EHLO {name}")[:3], "250")
            self.assertEqual(client.ask("STARTTLS"), NO_TLS)
            self.assertEqual(client.ask("MAIL FROM:<s@x>")[:3], "250")

    def test_queue_program_gets_no_variable_of_the_handoff(self):
        server = self.start(deliver=f"qmail-queue:{self.put_queue()}")
        with harness.Client(server) as client:
            self.secure(client.greet())
            client.ask("MAIL FROM:<s@x>")
            client.ask("RCPT TO:<u@local.example>")
            client.ask("DATA")
            self.assertEqual(client.ask("x\r\n.")[:3], "250")
        self.assertNotIn(b"handoff", self.queued("environment"))

    def test_wrong_options_are_errors(self):
        certificate = str(self.certificate)
        for options, words in [
                (["--tls-wrapped"], "--tls-wrapped: needs --tls-cert"),
                (["--tls-wrapped", "--tls-outside", "--tls-cert",
                  certificate], "--tls-outside: not"),
                (["--tls-cert", certificate, "--tls-key", "a", "--tls-key",
                  "b"], "--tls-key"),
                (["--handoff", "x"], "--handoff: 3 to")]:
            talk = self.talk("", *options)
            self.assertEqual(talk.exit_code, 100, options)
            self.assertIn(words, talk.log)
        talk = self.talk("", "--require-tls")
        self.assertEqual(talk.codes, [421])
        self.assertIn("--require-tls: needs", talk.log)


if __name__ == "__main__":
    assert shutil.which("openssl"), "openssl is needed"
    harness.main()
