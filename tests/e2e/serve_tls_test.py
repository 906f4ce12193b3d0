# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""TLS in postern serve, with common clients."""

import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import warnings

import harness

MESSAGE = "Subject: x\r\n\r\nhello\r\n"


class ServeTlsTest(harness.TlsTestCase):

    def serve(self, *options, **more):
        return harness.Serve(self, "--tls-cert", str(self.certificate),
                             *options, **more)

    def test_clients_deliver_by_starttls_and_by_implicit_tls(self):
        server = self.serve(listen=("127.0.0.1:0", "127.0.0.1:0,tls"))
        clear, secure = server.ports
        with smtplib.SMTP("127.0.0.1", clear,
                          timeout=harness.PATIENCE) as client:
            client.starttls(context=self.trusting())
            client.sendmail("s@x.example", ["u@local.example"], MESSAGE)
        with smtplib.SMTP_SSL("127.0.0.1", secure, context=self.trusting(),
                              timeout=harness.PATIENCE) as client:
            client.sendmail("s@x.example", ["u@local.example"], MESSAGE)
        for options in (["--tls", "--port", str(clear)],
                        ["--tls-on-connect", "--port", str(secure)],
                        ["--tls", "--tls-protocol", "tlsv1_2", "--port",
                         str(clear)]):
            result = subprocess.run(
                ["swaks", "--server", "127.0.0.1", "--from", "s@x.example",
                 "--to", "u@local.example", *options], capture_output=True,
                check=False, timeout=harness.PATIENCE)
            self.assertEqual(result.returncode, 0, result.stdout)
        mail = self.folder / "mail"
        mail.write_text(MESSAGE)
        for url in (f"smtp://127.0.0.1:{clear}", f"smtps://127.0.0.1:{secure}"):
            subprocess.run(
                ["curl", "-sSk", "--ssl-reqd", url, "--mail-from",
                 "s@x.example", "--mail-rcpt", "u@local.example", "-T",
                 str(mail)], check=True, timeout=harness.PATIENCE)
        messages = self.messages()
        self.assertEqual(len(messages), 7)
        for message in messages:
            self.assertRegex(message, rb"with ESMTPS id \S+ tls TLS_")
        self.assertIn("tls=TLSv1.3", server.wait_log("tls=TLSv1.2"))

    def test_large_message_arrives_complete(self):
        server = self.serve()
        body = "x" * 70 + "\r\n"
        with smtplib.SMTP("127.0.0.1", server.port,
                          timeout=harness.PATIENCE) as client:
            client.starttls(context=self.trusting())
            client.sendmail("s@x.example", ["u@local.example"],
                            "Subject: x\r\n\r\n" + body * 100_000)
        self.assertEqual(self.messages()[0].count(b"x" * 70 + b"\n"), 100_000)

    def test_tls_may_be_required(self):
        server = self.serve(listen=("127.0.0.1:0,require-tls",))
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(client.ask("MAIL FROM:<s@x>")[:9], "530 5.7.0")
        with smtplib.SMTP("127.0.0.1", server.port,
                          timeout=harness.PATIENCE) as client:
            client.starttls(context=self.trusting())
            client.sendmail("s@x.example", ["u@local.example"], MESSAGE)
        self.assertEqual(len(self.messages()), 1)

    def test_plaintext_after_starttls_closes_the_connection(self):
        server = self.serve()
        with harness.Client(server) as client:
            client.greet()
            client.send("STARTTLS\r\nMAIL FROM:<evil@x.example>\r\n")
            replies = [client.reply(), client.reply()]
        self.assertEqual(replies[1], "")  # closed
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(client.ask("STARTTLS")[:3], "220")
            client.send("MAIL FROM:<evil@x.example>\r\n")
            try:
                answer = client.file.read(3)[:2]
            except ConnectionResetError:
                answer = b""
            self.assertIn(answer, (b"", b"\x15\x03"))  # an alert, or nothing
        self.assertIn("tls-error=", server.wait_log("tls-error="))

    def test_end_of_tls_within_a_message_delivers_nothing(self):
        server = self.serve()
        for bdat in False, True:
            raw = socket.create_connection(("127.0.0.1", server.port),
                                           harness.PATIENCE)
            self.addCleanup(raw.close)
            raw.recv(1000)
            raw.sendall(b"EHLO c\r\n")
            raw.recv(1000)
            raw.sendall(b"STARTTLS\r\n")
            raw.recv(1000)
            context = self.trusting()
            # An end without close_notify must be an error.
            secure = context.wrap_socket(raw, suppress_ragged_eofs=False)
            begin = b"EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\n"
            secure.sendall(begin + (b"BDAT 100\r\nhello" if bdat
                                    else b"DATA\r\n"))
            heard = b""
            while (b"250 2.1.5" if bdat else b"354 ") not in heard:
                heard += secure.recv(1000)
            if not bdat:
                secure.sendall(b"hello\r\n")
            plain = secure.unwrap()  # close_notify, both ways
            plain.settimeout(harness.PATIENCE)
            try:
                plain.sendall(b".\r\nQUIT\r\n" + b"x" * 100)
                self.assertEqual(plain.recv(100), b"")
            except OSError:
                pass  # closed already
        server.wait_log("end=peer-gone")
        self.assertEqual(self.messages(), [])

    def test_new_certificate_needs_no_restart(self):
        server = self.serve(listen=("127.0.0.1:0,tls",))

        def subject():
            pem = ssl.get_server_certificate(("127.0.0.1", server.port))
            return subprocess.run(["openssl", "x509", "-noout", "-subject"],
                                  input=pem.encode(), capture_output=True,
                                  check=True).stdout

        self.assertIn(b"mx.example.org", subject())
        self.make_certificate("new.example.org")
        server.signal(signal.SIGHUP)
        server.wait_log("reloaded")
        self.assertIn(b"new.example.org", subject())
        # After a failed reload the old certificate is used.
        self.certificate.write_text("nonsense")
        server.signal(signal.SIGHUP)
        self.assertIn(str(self.certificate), server.wait_log("not reloaded"))
        self.assertIn(b"new.example.org", subject())

    def test_incomplete_handshakes_do_not_delay_others(self):
        server = self.serve("--max-per-client", "0",
                            listen=("127.0.0.1:0,tls",))
        tls = self.trusting().wrap_bio(ssl.MemoryBIO(), hello := ssl.MemoryBIO())
        with self.assertRaises(ssl.SSLWantReadError):
            tls.do_handshake()
        half = hello.read()[:100]
        for _ in range(300):
            client = socket.create_connection(("127.0.0.1", server.port),
                                              harness.PATIENCE)
            self.addCleanup(client.close)
            client.sendall(half)
        with smtplib.SMTP_SSL("127.0.0.1", server.port,
                              context=self.trusting(),
                              timeout=harness.PATIENCE) as client:
            client.sendmail("s@x.example", ["u@local.example"], MESSAGE)
        self.assertEqual(len(self.messages()), 1)

    def test_shutdown_does_not_break_a_handshake(self):
        server = self.serve()
        raw = socket.create_connection(("127.0.0.1", server.port),
                                       harness.PATIENCE)
        self.addCleanup(raw.close)
        lines = raw.makefile("rb")
        self.addCleanup(lines.close)
        lines.readline()
        raw.sendall(b"EHLO c\r\n")
        while lines.readline()[3:4] == b"-":
            pass
        raw.sendall(b"STARTTLS\r\n")
        self.assertEqual(lines.readline()[:3], b"220")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.trusting().wrap_bio(incoming, outgoing)
        with self.assertRaises(ssl.SSLWantReadError):
            tls.do_handshake()
        raw.sendall(outgoing.read())  # the client's hello
        incoming.write(raw.recv(65536))
        server.signal(signal.SIGTERM)
        server.wait_log("shutting down")
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                incoming.write(raw.recv(65536))
        raw.sendall(outgoing.read())
        while True:
            try:
                self.assertEqual(tls.read(9), b"421 4.3.2")
                break
            except ssl.SSLWantReadError:
                incoming.write(raw.recv(65536))
        self.assertEqual(server.wait(), 0)

    def test_old_protocols_are_refused(self):
        server = self.serve(listen=("127.0.0.1:0,tls",))
        result = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}",
             "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], input=b"",
            capture_output=True, check=False, timeout=harness.PATIENCE)
        self.assertNotEqual(result.returncode, 0)
        server.wait_log("tls-error=")

    def s_client(self, port, *options):
        """Runs openssl s_client with EHLO and QUIT; returns its output."""
        result = subprocess.run(
            ["openssl", "s_client", "-starttls", "smtp", "-ign_eof", "-msg",
             "-connect", f"127.0.0.1:{port}", *options],
            input=b"ehlo c\r\nquit\r\n", capture_output=True, check=False,
            timeout=harness.PATIENCE)
        return result.stdout.decode()

    def test_each_listener_has_its_own_versions_and_ciphers(self):
        rsa = self.make_certificate("printers.example.org", rsa=True,
                                    path=self.folder / "rsa.pem")
        old, new, usual = self.serve(
            listen=("127.0.0.1:0,tls-min=1.0,ciphers=ECDHE+AES:AES128-SHA,"
                    f"cert={rsa}", "127.0.0.1:0,tls-min=1.3",
                    "127.0.0.1:0")).ports
        # (client options, whether served by old, new and usual)
        for options, served in [
                (["-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0"], (1, 0, 0)),
                (["-tls1", "-cipher", "DEFAULT:@SECLEVEL=0"], (1, 0, 0)),
                (["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"], (1, 0, 0)),
                (["-tls1_2", "-cipher", "AES128-SHA"], (1, 0, 0)),
                (["-tls1_2"], (1, 0, 1)),
                (["-tls1_3"], (1, 1, 1))]:
            for port, expected in zip((old, new, usual), served):
                text = self.s_client(port, *options)
                self.assertEqual("\n221 " in text, bool(expected), text)
        # A message as from an old printer.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(str(rsa))
        context.set_ciphers("AES128-SHA:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1
        with smtplib.SMTP("127.0.0.1", old, timeout=harness.PATIENCE) as client:
            client.starttls(context=context)
            client.sendmail("s@x.example", ["u@local.example"], MESSAGE)
        self.assertIn(b"tls TLS_RSA_WITH_AES_128_CBC_SHA", self.messages()[0])

    def test_client_without_a_preference_gets_aes_128(self):
        server = self.serve()
        self.assertIn("Cipher is TLS_AES_128_GCM_SHA256",
                      self.s_client(server.port))
        self.assertIn("Cipher is ECDHE-ECDSA-AES128-GCM-SHA256",
                      self.s_client(server.port, "-tls1_2"))

    def test_tickets_are_sent_only_on_submission_or_request(self):
        users = self.folder / "users"
        subprocess.run([harness.POSTERN, "users", "add", "--stdin", str(users),
                        "alice"], input=b"secret\n", check=True,
                       timeout=harness.PATIENCE)
        server = self.serve(
            "--auth", f"cdb:{users}", listen=(
                "127.0.0.1:0", "127.0.0.1:0,auth", "127.0.0.1:0,tickets",
                "127.0.0.1:0,submission", "127.0.0.1:0,submission,no-tickets"))
        for options in (["-tls1_2"], ["-tls1_3"]):
            tickets = [self.s_client(port, *options).count("NewSessionTicket")
                       for port in server.ports]
            self.assertEqual(tickets, [0, 0, 1, 1, 0])

    def test_each_listener_has_its_own_certificate_and_authority(self):
        other = self.make_certificate("users.example.org",
                                      path=self.folder / "other.pem")
        server = self.serve("--client-ca", str(self.certificate), listen=(
            "127.0.0.1:0", "127.0.0.1:0,no-client-ca",
            f"127.0.0.1:0,cert={other},client-ca={other}", "127.0.0.1:0,no-tls"
        ))
        texts = [self.s_client(port) for port in server.ports[:3]]
        self.assertEqual(["CertificateRequest" in text for text in texts],
                         [True, False, True])
        # OpenSSL 3.2 and later print "CN=".
        self.assertEqual(["0 s:CN=users.example.org" in text.replace(" = ", "=")
                          for text in texts], [False, False, True])
        server.port = server.ports[3]
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(client.ask("STARTTLS")[:3], "502")

    def test_doubtful_certificate_is_logged_at_each_start(self):
        server = self.serve(listen=("127.0.0.1:0", "127.0.0.1:0,tls"))
        self.assertNotIn("warning", server.wait_log("listening at"))
        stranger = self.make_certificate("stranger.example.org",
                                         path=self.folder / "stranger.pem")
        key = self.certificate.read_bytes()
        self.certificate.write_bytes(key + stranger.read_bytes())
        server.signal(signal.SIGHUP)
        server.wait_log("reloaded")
        warning = (f"warning: {self.certificate}: certificate 2 is not the "
                   "issuer of certificate 1")
        self.assertEqual(server.log().count(warning), 1)
        server.stop()
        server = self.serve()
        log = server.wait_log("listening at")
        self.assertEqual(log.count(warning), 1)
        # The certificate was renewed without its key.
        self.certificate.write_bytes(
            stranger.read_bytes().split(b"-----BEGIN PRIVATE KEY")[0] + key)
        server.signal(signal.SIGHUP)
        self.assertIn(f"{self.certificate}: not the key of {self.certificate}",
                      server.wait_log("not reloaded"))
        self.assertIn("mx.example.org", self.s_client(server.port))

    def test_wrong_options_are_errors(self):
        free = ["--listen", "127.0.0.1:0"]
        for options, code, words in [
                (["--listen", "127.0.0.1:0,tls"], 100, "--tls-cert"),
                (free + ["--tls-cert", "/no/such.pem"], 111, "/no/such.pem"),
                (["--listen", "127.0.0.1:0,cert=/no/such.pem"], 111,
                 "/no/such.pem"),
                (["--listen", "127.0.0.1:0,tls-min=1.0"], 100,
                 "--listen: 127.0.0.1:0: needs --tls-cert or cert=FILE"),
                (["--listen", "127.0.0.1:0,cert=a,ciphers=AES128-SHA:OOPS"],
                 100, "--listen: 127.0.0.1:0: ciphers: OpenSSL has no cipher "
                 "that matches OOPS"),
                (free + ["--tls-cert", "a", "--tls-ciphers", "OOPS"], 100,
                 "--tls-ciphers: OpenSSL has no cipher that matches OOPS"),
                (free + ["--tls-min", "1.0"], 100,
                 "--tls-min: needs --tls-cert"),
                (free + ["--tls-cert", "a", "--tls-min", "0.9"], 100,
                 "--tls-min"),
                (free + ["--tls-cert", "a", "--tls-key", "b", "--tls-key",
                         "c"], 100, "--tls-key"),
                (["--listen", "127.0.0.1:0,proxy"], 100, "--proxy-from"),
                (free + ["--proxy-from", "192.0.2.1/24"], 100,
                 "192.0.2.1/24")]:
            process = subprocess.run(
                [*harness.command("serve"), "--control", str(self.control),
                 "--deliver", "discard", *options],
                stdin=subprocess.DEVNULL, capture_output=True, check=False,
                timeout=harness.PATIENCE)
            self.assertEqual(process.returncode, code, options)
            self.assertIn(words, process.stderr.decode())


if __name__ == "__main__":
    assert shutil.which("openssl"), "openssl is needed"
    harness.main()
