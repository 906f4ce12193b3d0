# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""--record in both programs, and postern replay, with real clients."""

import base64
import signal
import stat
import subprocess
import time

import harness

PASSWORD = "Zq7-secret-Zq7"
SECRETS = [PASSWORD, "Zq7"] + [
    base64.b64encode(each.encode()).decode().rstrip("=")[:-1]
    for each in (PASSWORD, "\0alice\0" + PASSWORD)]


class RecordingTest(harness.TlsTestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.folder / "recordings"
        self.directory.mkdir(mode=0o700)
        self.users = self.folder / "users"
        subprocess.run([harness.POSTERN, "users", "add", "--stdin",
                        "--iterations", "4096", str(self.users), "alice"],
                       input=PASSWORD + "\n", text=True, check=True,
                       timeout=harness.PATIENCE)

    def options(self, *more):
        return ["--record", str(self.directory), "--tls-cert",
                str(self.certificate), "--auth", f"cdb:{self.users}",
                "--auth-insecure", "--auth-delay", "0", *more]

    def files(self, count):
        """Waits until there are `count` complete recordings."""
        end = time.monotonic() + harness.PATIENCE
        while True:
            files = sorted(self.directory.iterdir())
            done = [each for each in files if each.read_text().splitlines()
                    and each.read_text().splitlines()[-1][:2] in ("X:", "B:")]
            if len(done) == count:
                return done
            self.assertLess(time.monotonic(), end, files)
            time.sleep(0.01)

    def replay(self, file, *options):
        return subprocess.run(
            [harness.POSTERN, "replay", *options, str(file)],
            capture_output=True, text=True, check=False,
            timeout=harness.PATIENCE)

    def check(self, file):
        """The file is private, has no secret, and replays the same twice."""
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        text = file.read_text()
        for secret in SECRETS:
            self.assertNotIn(secret, text)
        first, second = self.replay(file), self.replay(file)
        self.assertEqual((first.returncode, first.stderr), (0, ""), text)
        self.assertEqual(first.stdout, second.stdout)
        return text

    def auth(self, mechanism, password=PASSWORD):
        return ["--auth", mechanism, "--auth-user", "alice",
                "--auth-password", password]

    def swaks_sessions(self, server):
        """Returns the number of sessions."""
        sent = [["--body", "Zq7 in the body"], ["--tls"], ["--pipeline"],
                ["--tls", *self.auth("PLAIN")], [*self.auth("LOGIN")],
                [*self.auth("PLAIN", "wrong-Zq7")], ["--quit-after", "RCPT"],
                ["--drop-after", "MAIL"], ["--to", "u@elsewhere.example"]]
        for each in sent:
            harness.swaks(server, *each)
        return len(sent)

    def raw_sessions(self, server):
        with harness.Client(server) as client:  # BDAT
            client.greet()
            client.send("MAIL FROM:<s@x.example>\r\n"
                        "RCPT TO:<u@local.example>\r\n"
                        "BDAT 9\r\nZq7 one\r\nBDAT 9 LAST\r\nZq7 two\r\n")
            for _ in range(4):
                self.assertEqual(client.reply()[:1], "2")
            client.ask("QUIT")
            client.reply()
        with harness.Client(server) as client:  # a client that is lost in AUTH
            client.greet()
            client.ask("AUTH LOGIN")
            client.ask(base64.b64encode(b"alice").decode())
            client.send(base64.b64encode(PASSWORD.encode()))
        with harness.Client(server) as client:  # responses that are not asked
            client.greet()
            client.send("AUTH NONE\r\n" + PASSWORD + "\r\nQUIT\r\n")
            for _ in range(3):
                client.reply()
            client.reply()
        with harness.Client(server) as client:  # a client that is lost in DATA
            client.greet()
            client.ask("MAIL FROM:<s@x.example>")
            client.ask("RCPT TO:<u@local.example>")
            client.ask("DATA")
            client.send("Subject: Zq7\r\n\r\nZq7")
        return 4

    def test_serve_records_what_replays(self):
        server = harness.Serve(self, *self.options(),
                               listen=("127.0.0.1:0,auth",))
        count = self.swaks_sessions(server) + self.raw_sessions(server)
        texts = [self.check(file) for file in self.files(count)]
        whole = "\n".join(texts)
        for part in ("TLS: TLSv1.3 ", "\nA: auth PLAIN ******** => grant alice",
                     "\nA: auth-response ******** => grant alice",
                     "=> refuse 535 5.7.8", "=> refuse 553",
                     "\nE:\n", "\nC: BDAT 9 LAST\n"):
            self.assertIn(part, whole)

    def test_tcpserver_records_what_replays(self):
        server = harness.Tcpserver(self, *self.options())
        count = self.swaks_sessions(server) + self.raw_sessions(server)
        texts = [self.check(file) for file in self.files(count)]
        # STARTTLS is in the recording of the whole session.
        starttls = [each for each in texts if "\nTLS: TLSv1.3 " in each]
        self.assertEqual(len(starttls), 2)
        for text in starttls:
            self.assertIn("\nA: connected\n", text)

    def test_lmtp_and_bodies(self):
        server = harness.Serve(self, *self.options("--record-bodies"),
                               listen=("127.0.0.1:0,lmtp,auth",))
        harness.swaks(server, "--protocol", "LMTP", "--to",
                      "u@local.example,v@local.example", "--body", "a body")
        [file] = self.files(1)
        text = file.read_text()
        self.assertIn("\nC: a body\n", text)
        self.assertEqual(self.replay(file).returncode, 0, text)
        test = self.replay(file, "--transcript")
        self.assertEqual(test.returncode, 0, test.stderr)
        self.assertIn("\nM: a body\n", test.stdout)
        self.assertNotIn("\nR: ", test.stdout)
        (self.folder / "test.smtp").write_text(test.stdout)
        self.assertEqual(
            self.replay(self.folder / "test.smtp").returncode, 0)

    def test_a_difference_is_an_exit_code(self):
        server = harness.Serve(self, "--record", str(self.directory))
        harness.swaks(server)
        [file] = self.files(1)
        changed = self.folder / "changed.smtp"
        changed.write_text(file.read_text().replace("S: 354 go", "S: 354 do"))
        result = self.replay(changed)
        self.assertEqual(result.returncode, 1)
        self.assertIn("recorded: S: 354 do ahead", result.stderr)
        self.assertEqual(self.replay(changed, "--transcript").stdout, "")
        changed.write_text(file.read_text()[:-3])
        self.assertEqual(self.replay(changed).returncode, 100)
        self.assertEqual(self.replay(self.folder / "none").returncode, 100)

    def test_sessions_survive_a_lost_directory(self):
        server = harness.Serve(self, "--record", str(self.directory))
        self.directory.rmdir()
        for _ in range(3):
            self.assertEqual(harness.swaks(server)[1], 0)
        log = server.wait_log("no more sessions are recorded until SIGHUP")
        self.assertEqual(log.count("--record"), 1)
        self.directory.mkdir(mode=0o700)
        server.signal(signal.SIGHUP)
        server.wait_log("reloaded")
        harness.swaks(server)
        self.files(1)

    def test_tcpserver_survives_a_lost_directory(self):
        server = harness.Tcpserver(self, "--record", "/nonexistent")
        self.assertEqual(harness.swaks(server)[1], 0)
        server.wait_log("the session is not recorded")

    def test_a_start_needs_the_directory(self):
        output, code = harness.fail_to_start(self, "--record", "/nonexistent")
        self.assertEqual(code, 111)
        self.assertIn("--record: /nonexistent: No such file", output)
        output, code = harness.fail_to_start(self, "--record-bodies")
        self.assertEqual(code, 100)
        self.assertIn("--record-bodies: needs --record", output)
        check = subprocess.run(
            [*harness.command("check"), "--control", str(self.control),
             "--deliver", f"catch-all:{self.maildir}", "--listen",
             "127.0.0.1:0", "--record", "/nonexistent"],
            capture_output=True, text=True, check=False,
            timeout=harness.PATIENCE)
        self.assertIn("--record", check.stdout + check.stderr)

    def test_a_killed_server_has_accepted_nothing_by_recording(self):
        """kill -9 loses the recordings of open sessions, and nothing else."""
        server = harness.Serve(self, "--record", str(self.directory))
        with harness.Client(server) as client:
            client.greet()
            client.ask("MAIL FROM:<s@x.example>")
            client.ask("RCPT TO:<u@local.example>")
            client.ask("DATA")
            client.send("Subject: x\r\n\r\nhello\r\n.\r\n")
            self.assertTrue(client.reply().startswith("250 "))
            server.kill_everything()
        self.assertEqual(len(self.messages()), 1)
        self.assertEqual(list(self.directory.iterdir()), [])


if __name__ == "__main__":
    harness.main()
