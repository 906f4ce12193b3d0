# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""AUTH with common clients against each kind of backend."""

import base64
import hashlib
import hmac
import os
import re
import signal
import smtplib
import ssl
import subprocess
import time

import harness

PASSWORD = "correct-horse-battery-staple"
MESSAGE = "Subject: x\r\n\r\nhello\r\n"
ELSEWHERE = "u@elsewhere.example"


class Auth(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.certificate = self.folder / "mx.pem"
        key = self.folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             "/CN=mx.example.org", "-addext",
             "subjectAltName=DNS:mx.example.org,IP:127.0.0.1",
             "-keyout", str(key), "-out", str(self.certificate)],
            check=True, capture_output=True, timeout=harness.PATIENCE)
        self.certificate.write_bytes(self.certificate.read_bytes()
                                     + key.read_bytes())
        self.certificate.chmod(0o600)

    # Users.

    def checker(self):
        """Returns the --auth value of a checkpassword program for "alice"."""
        path = self.folder / "checker"
        path.write_text(
            "#!/bin/sh\nasked=$(tr '\\0' '|' <&3)\n"
            f"case $asked in 'alice|{PASSWORD}||') exec \"$@\";; esac\n"
            "exit 1\n")
        path.chmod(0o755)
        return f"checkpassword:{path}"

    def users(self, *options):
        """Returns the --auth value of a file of users with "alice"."""
        path = self.folder / "users"
        subprocess.run([harness.POSTERN, "users", "add", "--stdin", *options,
                        str(path), "alice"], input=PASSWORD + "\n", text=True,
                       check=True, timeout=harness.PATIENCE)
        return f"cdb:{path}"

    def sasl(self, mechanisms):
        """Returns options for Cyrus SASL with "alice" in its sasldb."""
        database = self.folder / "sasldb2"
        subprocess.run(["saslpasswd2", "-p", "-c", "-f", str(database), "-u",
                        "mx.example.org", "alice"], input=PASSWORD, text=True,
                       check=True, timeout=harness.PATIENCE)
        (self.folder / "postern.conf").write_text(
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
            f"sasldb_path: {database}\nmech_list: {mechanisms}\n")
        return ["--auth", "sasl", "--sasl-config", str(self.folder)]

    def wait_for(self, times, server, text):
        """Waits until the log contains `text` `times` times."""
        end = time.monotonic() + harness.PATIENCE
        while server.log().count(text) < times:
            self.assertLess(time.monotonic(), end, server.log())
            time.sleep(0.01)

    # Clients.

    def serve(self, *options, words="submission", **more):
        return harness.Serve(self, "--tls-cert", str(self.certificate),
                             "--auth-delay", "0", *options,
                             listen=(f"127.0.0.1:0,{words}",), **more)

    def swaks(self, port, mechanism, password=PASSWORD, tls=True, user="alice"):
        """Returns the output of swaks and its exit code."""
        result = subprocess.run(
            ["swaks", "--server", "127.0.0.1", "--port", str(port), "--from",
             "s@x.example", "--to", ELSEWHERE, "--auth", mechanism,
             "--auth-user", user, "--auth-password", password,
             *(["--tls"] if tls else [])],
            capture_output=True, check=False, text=True,
            timeout=harness.PATIENCE)
        return result.stdout, result.returncode

    def offered(self, port, tls=True):
        """Returns the mechanisms in the reply to EHLO."""
        with smtplib.SMTP("127.0.0.1", port,
                          timeout=harness.PATIENCE) as client:
            if tls:
                client.starttls()
            client.ehlo()
            return client.esmtp_features.get("auth", "").split()

    def test_checkpassword_authenticates_users(self):
        server = self.serve("--auth", self.checker())
        self.assertEqual(self.offered(server.port), ["PLAIN", "LOGIN"])
        self.assertEqual(self.offered(server.port, tls=False), [])
        for mechanism in ("PLAIN", "LOGIN"):
            said, code = self.swaks(server.port, mechanism)
            self.assertEqual(code, 0, said)
            said, code = self.swaks(server.port, mechanism, "wrong")
            self.assertIn("535 5.7.8", said)
        self.assertEqual(len(self.messages()), 2)
        for message in self.messages():
            self.assertRegex(message, rb"with ESMTPSA id")
            self.assertNotIn(b"alice", message)
        log = server.wait_log("auth result=failure ip=127.0.0.1 "
                              "mechanism=LOGIN user=alice\n")
        self.assertIn("auth result=success ip=127.0.0.1 mechanism=PLAIN "
                      "user=alice\n", log)
        self.assertIn("rule=authenticated source=\"user alice\"", log)

    def test_file_of_users_offers_scram(self):
        server = self.serve("--auth", self.users("--iterations", "4096"))
        self.assertEqual(self.offered(server.port),
                         ["SCRAM-SHA-256", "PLAIN", "LOGIN"])
        self.assertEqual(self.offered(server.port, tls=False),
                         ["SCRAM-SHA-256"])
        for mechanism in ("PLAIN", "LOGIN"):
            said, code = self.swaks(server.port, mechanism)
            self.assertEqual(code, 0, said)
            said, code = self.swaks(server.port, mechanism, "wrong")
            self.assertIn("535 5.7.8", said)
        for password, code in ((PASSWORD, 0), ("wrong", 77)):
            self.assertEqual(
                self.msmtp(server.port, "scram-sha-256", password), code)
        # A new password is valid at once.
        subprocess.run([harness.POSTERN, "users", "add", "--stdin",
                        str(self.folder / "users"), "alice"], input="other\n",
                       text=True, check=True, timeout=harness.PATIENCE)
        self.assertIn("535 5.7.8", self.swaks(server.port, "PLAIN")[0])
        self.assertEqual(self.swaks(server.port, "PLAIN", "other")[1], 0)

    def msmtp(self, port, mechanism, password):
        """Returns the exit code of msmtp, without TLS: with TLS, msmtp of
        Debian 13 sends no AUTH unless the server offers -PLUS."""
        return subprocess.run(
            ["msmtp", "--host=127.0.0.1", f"--port={port}", "--user=alice",
             f"--auth={mechanism}", f"--passwordeval=echo {password}",
             "--from=s@x.example", "--tls=off", ELSEWHERE],
            input=MESSAGE, text=True, check=False, capture_output=True,
            timeout=harness.PATIENCE).returncode

    def test_cyrus_sasl_offers_its_mechanisms(self):
        names = ["SCRAM-SHA-256", "SCRAM-SHA-1", "DIGEST-MD5", "CRAM-MD5",
                 "PLAIN", "LOGIN"]
        server = self.serve(*self.sasl(" ".join(names)))
        self.assertEqual(sorted(self.offered(server.port)), sorted(names))
        self.assertEqual(sorted(self.offered(server.port, tls=False)),
                         sorted(names[:4]))
        for mechanism in names[3:]:  # swaks has no DIGEST-MD5
            for password, right in ((PASSWORD, True), ("wrong", False)):
                said, code = self.swaks(server.port, mechanism, password)
                self.assertEqual(code == 0, right, said)
                self.assertEqual("535 5.7.8" in said, not right, said)
        for mechanism in ("scram-sha-256", "scram-sha-1"):
            for password, code in ((PASSWORD, 0), ("wrong", 77)):
                self.assertEqual(self.msmtp(server.port, mechanism, password),
                                 code)
        server.wait_log("mechanism=SCRAM-SHA-256 user=alice@mx.example.org")

    def test_certificate_authenticates_a_user(self):
        own = self.folder / "client.pem"
        key = self.folder / "client.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             "/O=Example/CN=alice", "-keyout", str(key), "-out", str(own)],
            check=True, capture_output=True, timeout=harness.PATIENCE)
        server = self.serve(*self.sasl("EXTERNAL PLAIN"), "--client-ca",
                            str(own))
        for certificate in (True, False):
            context = ssl.create_default_context(cafile=str(self.certificate))
            if certificate:
                context.load_cert_chain(own, key)
            with smtplib.SMTP("127.0.0.1", server.port,
                              timeout=harness.PATIENCE) as client:
                client.starttls(context=context)
                client.ehlo()
                self.assertEqual(
                    "EXTERNAL" in client.esmtp_features["auth"].split(),
                    certificate)
                self.assertEqual(client.docmd("AUTH", "EXTERNAL =")[0],
                                 235 if certificate else 504)
                self.assertEqual(client.mail("s@x.example")[0],
                                 250 if certificate else 530)
        server.wait_log("auth result=success ip=127.0.0.1 mechanism=EXTERNAL "
                        "user=CN\\x3dalice,O\\x3dExample\n")

    def test_curl_and_smtplib_log_in(self):
        server = self.serve("--auth", self.checker())
        mail = self.folder / "mail"
        mail.write_text(MESSAGE)
        for password, code in ((PASSWORD, 0), ("wrong", 67)):
            result = subprocess.run(
                ["curl", "-sSk", "--ssl-reqd",
                 f"smtp://127.0.0.1:{server.port}", "--user",
                 f"alice:{password}", "--mail-from", "s@x.example",
                 "--mail-rcpt", ELSEWHERE, "-T", str(mail)],
                check=False, capture_output=True, timeout=harness.PATIENCE)
            self.assertEqual(result.returncode, code, result.stderr)
        with smtplib.SMTP("127.0.0.1", server.port,
                          timeout=harness.PATIENCE) as client:
            client.starttls()
            with self.assertRaises(smtplib.SMTPSenderRefused) as refused:
                client.sendmail("s@x.example", [ELSEWHERE], MESSAGE)
            self.assertEqual(refused.exception.smtp_code, 530)
            with self.assertRaises(smtplib.SMTPAuthenticationError):
                client.login("alice", "wrong")
            client.login("alice", PASSWORD)
            client.sendmail("s@x.example", [ELSEWHERE], MESSAGE)
        self.assertEqual(len(self.messages()), 2)

    def test_postern_smtpd_supports_all_backends(self):
        for options in (["--auth", self.users("--iterations", "4096")],
                        self.sasl("SCRAM-SHA-256 PLAIN LOGIN"),
                        ["mx.example.org", self.checker()[14:], "true"]):
            server = harness.Tcpserver(
                self, "--tls-cert", str(self.certificate), "--submission",
                "--auth-delay", "0", *options)
            self.assertIn("PLAIN", self.offered(server.port))
            self.assertNotIn("PLAIN", self.offered(server.port, tls=False))
            said, code = self.swaks(server.port, "PLAIN")
            self.assertEqual(code, 0, said)
            said, code = self.swaks(server.port, "LOGIN", "wrong")
            self.assertIn("535 5.7.8", said)
            server.stop()
        self.assertEqual(len(self.messages()), 3)

    def test_auth_is_an_option_of_a_listener(self):
        server = harness.Serve(
            self, "--auth", self.users("--iterations", "4096"),
            "--auth-insecure", "--auth-old-clients", "--auth-delay", "0",
            listen=("127.0.0.1:0", "127.0.0.1:0,auth",
                    "127.0.0.1:0,submission,auth=login+plain"))
        plain, some, submission = server.ports
        self.assertEqual(self.offered(plain, tls=False), [])
        self.assertEqual(self.offered(some, tls=False)[0], "SCRAM-SHA-256")
        self.assertEqual(self.offered(submission, tls=False)[:2],
                         ["LOGIN", "PLAIN"])
        for port, code in ((some, 250), (submission, 530)):
            with smtplib.SMTP("127.0.0.1", port,
                              timeout=harness.PATIENCE) as client:
                self.assertIn(b"\nAUTH=", client.ehlo()[1])
                self.assertEqual(client.mail("s@x.example")[0], code)

    def test_outage_is_not_a_wrong_password(self):
        spec = self.users("--iterations", "4096")
        server = self.serve("--auth", spec)
        (self.folder / "users.cdb").unlink()
        self.assertIn("454 4.7.0", self.swaks(server.port, "PLAIN")[0])
        self.assertIn("users.cdb", server.wait_log("auth result=outage"))

    def test_outage_is_delayed_counted_and_logged(self):
        """An unknown exit code gets a 454, is delayed, counted and logged."""
        path = self.folder / "odd"
        path.write_text("#!/bin/sh\ncat <&3 >/dev/null; exit 7\n")
        path.chmod(0o755)
        server = harness.Serve(
            self, "--auth", f"checkpassword:{path}", "--auth-insecure",
            "--auth-delay", "1", "--max-client-failures", "4",
            listen=("127.0.0.1:0,submission",))
        guess = base64.b64encode(b"\0alice\0x").decode()
        begin = time.monotonic()
        for replies in (["454", "454", "454", "421"], ["454", "454"]):
            with harness.Client(server) as client:
                client.greet()
                self.assertEqual(
                    [client.ask(f"AUTH PLAIN {guess}")[:3]
                     for _ in replies], replies)
        self.assertGreaterEqual(time.monotonic() - begin, 5)
        log = server.wait_log("auth result=limit")
        self.assertEqual(log.count("auth result=outage ip=127.0.0.1 "
                                   "mechanism=PLAIN user=alice\n"), 4)
        self.assertEqual(log.count("exited with 7"), 4)

    def test_scram_proof_is_logged_without_a_login(self):
        """A SCRAM client knows before the 235 that its password is right."""
        server = self.serve("--auth", self.users("--iterations", "4096"))
        for last in (None, "*"):
            with harness.Client(server) as client:
                client.greet()
                bare = "n=alice,r=nonce"
                first = base64.b64decode(client.ask(
                    "AUTH SCRAM-SHA-256 "
                    + base64.b64encode(b"n,," + bare.encode()).decode())[4:])
                nonce, salt, iterations = (
                    each[2:] for each in first.decode().split(","))
                salted = hashlib.pbkdf2_hmac(
                    "sha256", PASSWORD.encode(), base64.b64decode(salt),
                    int(iterations))
                key = hmac.digest(salted, b"Client Key", "sha256")
                message = f"{bare},{first.decode()},c=biws,r={nonce}"
                signature = hmac.digest(hashlib.sha256(key).digest(),
                                        message.encode(), "sha256")
                proof = bytes(a ^ b for a, b in zip(key, signature))
                final = (f"c=biws,r={nonce},p="
                         + base64.b64encode(proof).decode())
                reply = client.ask(base64.b64encode(final.encode()).decode())
                self.assertTrue(base64.b64decode(reply[4:]).startswith(b"v="))
                if last:
                    self.assertEqual(client.ask(last)[:3], "501")
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(client.ask("AUTH SCRAM-SHA-256"), "334 ")
        server.wait_log("auth result=cancelled ip=127.0.0.1 "
                        "mechanism=SCRAM-SHA-256\n")
        self.wait_for(2, server, "auth result=unconfirmed ip=127.0.0.1 "
                      "mechanism=SCRAM-SHA-256 user=alice\n")

    def test_spellings_of_a_user_share_a_limit(self):
        for spec, spellings in (
                (self.users("--iterations", "4096"),
                 ("ali\u00adce", "\u00adalice")),
                (self.checker(), ("Alice", "ALI\u00adCE"))):
            server = self.serve("--auth", spec, "--auth-insecure",
                                "--max-user-failures", "2",
                                "--max-auth-failures", "9")
            with harness.Client(server) as client:
                client.greet()
                for user, password in ((spellings[0], "x"),
                                       (spellings[1], "y"),
                                       ("alice", PASSWORD)):
                    guess = base64.b64encode(
                        f"\0{user}\0{password}".encode()).decode()
                    self.assertEqual(client.ask(f"AUTH PLAIN {guess}")[:3],
                                     "535")
            server.wait_log("auth result=limit")
            server.stop()

    def test_sasldb_must_be_private(self):
        options = self.sasl("PLAIN")
        database = self.folder / "sasldb2"
        database.chmod(0o604)
        with self.assertRaises(AssertionError) as failed:
            self.serve(*options)
        self.assertIn(f"fatal: --auth sasl: {database}: "
                      "other users can read or write it",
                      str(failed.exception))
        # If passwords are checked elsewhere, the file does not matter.
        config = self.folder / "postern.conf"
        config.write_text("pwcheck_method: saslauthd\nmech_list: PLAIN\n")
        self.serve(*options)

    def test_sasldb_must_be_readable_after_user(self):
        nobody = self.another_user()
        options = self.sasl("PLAIN")
        database = self.folder / "sasldb2"
        database.chmod(0o600)
        self.give_maildir(nobody)
        with self.assertRaises(AssertionError) as failed:
            self.serve(*options, "--user", nobody.pw_name)
        self.assertIn(f"--auth sasl: {database}: Permission denied",
                      str(failed.exception))
        os.chown(database, 0, nobody.pw_gid)
        database.chmod(0o640)
        server = self.serve(*options, "--auth-insecure", "--user",
                            nobody.pw_name)
        guess = base64.b64encode(f"\0alice\0{PASSWORD}".encode()).decode()
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(client.ask(f"AUTH PLAIN {guess}")[:3], "235")

    def test_table_must_be_readable_after_user(self):
        """The user of --user reads the table again after each change."""
        nobody = self.another_user()
        spec = self.users("--iterations", "4096")
        self.give_maildir(nobody)
        with self.assertRaises(AssertionError) as failed:
            self.serve("--auth", spec, "--user", nobody.pw_name)
        self.assertIn("users.cdb: Permission denied", str(failed.exception))
        table = self.folder / "users.cdb"
        os.chown(table, 0, nobody.pw_gid)
        table.chmod(0o640)
        server = self.serve("--auth", spec, "--auth-insecure", "--user",
                            nobody.pw_name)
        subprocess.run([harness.POSTERN, "users", "add", "--stdin",
                        str(self.folder / "users"), "bert"],
                       input="pencil\n", text=True, check=True,
                       timeout=harness.PATIENCE)
        guess = base64.b64encode(b"\0bert\0pencil").decode()
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(client.ask(f"AUTH PLAIN {guess}")[:3], "235")

    def test_bad_options_are_named(self):
        for options, words in (
                (["--auth", "cdb:/nowhere"], "submission"),
                (["--auth", "ldap:x"], "submission"),
                ([], "submission"),
                (["--auth", self.checker()], ""),
                (["--auth", self.checker()], "auth=CRAM-MD5"),
                (["--auth", self.checker(), "--auth",
                  self.users("--iterations", "4096")], "submission")):
            with self.assertRaises(AssertionError) as failed:
                harness.Serve(self, *options,
                              listen=(f"127.0.0.1:0,{words}".rstrip(","),))
            self.assertRegex(str(failed.exception), "--auth|AUTH CRAM-MD5")

    def test_failures_are_counted_by_client(self):
        server = self.serve("--auth", self.checker(), "--max-client-failures",
                            "4", "--max-user-failures", "2")
        for user in ("alice", "alice", "bob"):
            self.assertIn("535", self.swaks(server.port, "PLAIN", "x",
                                            user=user)[0])
        # The reply to a right guess is that to a wrong one.
        self.assertIn("535", self.swaks(server.port, "PLAIN")[0])
        self.assertIn("454", self.swaks(server.port, "PLAIN", user="carol")[0])
        server.wait_log("auth result=limit ip=127.0.0.1 mechanism=PLAIN\n")
        self.assertEqual(server.log().count("auth result=limit"), 2)
        with harness.Client(server, source="127.0.0.2") as client:
            client.greet()

    def test_session_ends_after_three_failures(self):
        server = self.serve("--auth", self.checker(), "--auth-insecure")
        wrong = base64.b64encode(b"\0alice\0x").decode()
        with harness.Client(server) as client:
            client.greet()
            for _ in range(3):
                self.assertEqual(client.ask(f"AUTH PLAIN {wrong}")[:3], "535")
            self.assertEqual(client.ask("NOOP"),
                             "421 4.7.0 too many errors (#4.7.0)")
            self.assertEqual(client.reply(), "")

    def test_wrong_passwords_do_not_delay_other_clients(self):
        """While 200 clients wait for AUTH, another client is served."""
        slow = self.folder / "slow"
        # A wrong password or an outage.
        slow.write_text("#!/bin/sh\nhead -c 100 <&3 >/dev/null; sleep 0.1; "
                        "exit $((1 + $$ % 2))\n")
        slow.chmod(0o755)
        server = harness.Serve(
            self, "--auth", f"checkpassword:{slow}", "--auth-insecure",
            "--auth-delay", "1", "--max-per-client", "0",
            "--max-client-failures", "0", "--max-user-failures", "0",
            listen=("127.0.0.1:0,auth",))
        wrong = base64.b64encode(b"\0alice\0x").decode()
        clients = [harness.Client(server).greet() for _ in range(200)]
        begin = time.monotonic()
        for client in clients:
            client.send(f"AUTH PLAIN {wrong}\r\n")
        with smtplib.SMTP("127.0.0.1", server.port,
                          timeout=harness.PATIENCE) as other:
            other.sendmail("s@x.example", ["u@local.example"], MESSAGE)
        served = time.monotonic() - begin
        for client in clients:
            self.assertIn(client.reply()[:3], ("535", "454"))
            client.__exit__()
        everyone = time.monotonic() - begin
        # 200 runs of 0.1 s on 8 threads take 2.5 s.
        self.assertLess(served, everyone / 2)
        server.signal(signal.SIGTERM)
        server.wait()
        results = re.findall("auth result=(failure|outage)", server.log())
        self.assertEqual(len(results), 200)
        self.assertEqual(set(results), {"failure", "outage"})

    def test_passwords_do_not_stay_in_log_or_memory(self):
        """Without Cyrus SASL, which keeps copies of its users' passwords."""
        for options in (["--auth", self.checker()],
                        ["--auth", self.users("--iterations", "4096")]):
            server = self.serve("--max-user-failures", "0", *options)
            # The first call of a library function saves all registers on the
            # thread's stack, and they may contain a password. So each thread
            # makes these calls before with another password.
            for mechanism in ("PLAIN", "LOGIN"):
                for _ in range(4):  # threads
                    self.swaks(server.port, mechanism, 30 * "x")
            for mechanism in ("PLAIN", "LOGIN"):
                said, code = self.swaks(server.port, mechanism)
                self.assertEqual(code, 0, said)
            self.assertNotIn(PASSWORD, server.log())
            for secret in (
                    PASSWORD, base64.b64encode(PASSWORD.encode()).decode(),
                    base64.b64encode(f"\0alice\0{PASSWORD}".encode())
                    .decode()):
                # free() overwrites the first 16 bytes of a block.
                self.assertEqual(
                    found_in_memory(server.process.pid,
                                    secret[-16:].encode()), [], options)
            # Proves that the search finds text: the greeting is in memory.
            self.assertNotEqual(
                found_in_memory(server.process.pid, b"mx.example.org"), [])
            server.stop()


def found_in_memory(pid, text):
    """Returns where the process has the text, with the names of mappings."""
    found = []
    with open(f"/proc/{pid}/maps") as maps, \
            open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            fields = line.split()
            if not fields[1].startswith("rw") or "[vvar" in line:
                continue
            begin, end = (int(each, 16) for each in fields[0].split("-"))
            try:
                memory.seek(begin)
                data = memory.read(end - begin)
            except OSError:
                continue
            at = data.find(text)
            if at >= 0:
                found.append((fields[-1], hex(begin + at)))
    return found


if __name__ == "__main__":
    harness.main()
