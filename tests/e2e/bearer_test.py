# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Bearer tokens: --auth oauth:, postern-introspect, and curl as the client."""

import base64
import http.server
import json
import pathlib
import subprocess
import threading
import urllib.parse

import harness

GOOD = {"active": True, "username": "ann", "sub": "4711",
        "email": "ann@x.example", "scope": "openid smtp"}


class Provider(http.server.BaseHTTPRequestHandler):
    """An introspection endpoint (RFC 7662) that answers from `answers`."""

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        form = urllib.parse.parse_qs(self.rfile.read(size).decode())
        self.server.asked.append(
            (self.path, self.headers["Authorization"], form))
        status, body = self.server.answers.get(form["token"][0],
                                               (200, '{"active":false}'))
        if status == 0:  # no answer
            self.server.patience.wait(harness.PATIENCE)
            return
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class BearerTest(harness.TlsTestCase):

    def setUp(self):
        super().setUp()
        self.provider = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                        Provider)
        self.provider.asked = []
        self.provider.patience = threading.Event()
        self.provider.answers = {
            "good": (200, json.dumps(GOOD)),
            "a+b/c==": (200, json.dumps(GOOD)),
            "scopeless": (200, json.dumps({**GOOD, "scope": "openid"})),
            "nameless": (200, '{"active":true,"scope":"smtp"}'),
            "refresh": (200, json.dumps({**GOOD,
                                         "token_type": "refresh_token"})),
            "mail": (200, json.dumps({**GOOD, "aud": ["mail", "x"]})),
            "calendar": (200, json.dumps({**GOOD, "aud": "calendar"})),
            "html": (200, "<html>"),
            "huge": (200, json.dumps({**GOOD, "x": 70000 * "x"})),
            "unauthorized": (401, json.dumps(GOOD)),
            "broken": (500, json.dumps(GOOD)),
            "moved": (302, json.dumps(GOOD)),
            "slow": (0, ""),
        }
        thread = threading.Thread(target=self.provider.serve_forever,
                                  args=(0.01,))
        thread.start()
        self.addCleanup(self.provider.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(self.provider.shutdown)
        self.addCleanup(self.provider.patience.set)
        self.credentials = self.folder / "client"
        self.credentials.write_text("mx:s+e:cret\n")
        self.credentials.chmod(0o600)
        port = self.provider.server_address[1]
        self.url = f"http://127.0.0.1:{port}/introspect"
        self.program = str(pathlib.Path(harness.POSTERN).parent
                           / "postern-introspect")

    def options(self, *more):
        return [f"--url={self.url}", f"--credentials={self.credentials}",
                "--require-scope=smtp", *more]

    def introspect(self, token, *options):
        """Runs the program; returns (exit code, output, errors)."""
        fields = self.folder / "fields"
        fields.write_bytes(token.encode() + b"\0user\0")
        done = subprocess.run(
            ["sh", "-c", 'exec "$@" 3<"$0"', str(fields), self.program,
             *options], capture_output=True, timeout=harness.PATIENCE,
            check=False, env={"http_proxy": f"http://127.0.0.1:{self.closed_port()}"})
        return (done.returncode, done.stdout.decode(), done.stderr.decode())

    def test_program_prints_the_user_of_a_token(self):
        for token, code, output, why in (
                ("good", 0, "ann\n", ""),
                ("a+b/c==", 0, "ann\n", ""),
                ("unknown", 1, "", "not active"),
                ("scopeless", 1, "", "does not have the scope smtp"),
                ("nameless", 1, "", "has no username"),
                ("refresh", 1, "", "token_type is refresh_token"),
                ("html", 111, "", "not a JSON object"),
                ("huge", 111, "", "introspect: "),
                ("unauthorized", 111, "", "HTTP status 401"),
                ("broken", 111, "", "HTTP status 500"),
                ("moved", 111, "", "HTTP status 302"),
                ("", 111, "", "no token"),
                (16383 * "x", 1, "", "not active"),
                (16384 * "x", 111, "", "no token")):
            with self.subTest(token):
                result = self.introspect(token, *self.options())
                self.assertEqual(result[:2], (code, output), result)
                self.assertIn(why, result[2])
                self.assertEqual(bool(why), bool(result[2]), result)
                if token:
                    self.assertNotIn(f"{token} ", result[2])
        self.assertEqual(len(self.provider.asked), 12)  # no redirection
        basic = base64.b64encode(b"mx:s%2Be%3Acret").decode()
        self.assertEqual(self.provider.asked[1], (
            "/introspect", f"Basic {basic}",
            {"token": ["a+b/c=="], "token_type_hint": ["access_token"]}))

    def test_token_must_be_for_the_audience(self):
        for token, code, output, why in (
                ("mail", 0, "ann\n", ""),
                ("calendar", 1, "", "not for mail"),
                ("good", 1, "", "has no audience")):
            result = self.introspect(token, *self.options("--audience=mail"))
            self.assertEqual(result[:2], (code, output), result)
            self.assertIn(why, result[2])
            self.assertEqual(self.introspect(token, *self.options())[0], 0)
        for option in ("--audience=", "--require-scope="):
            result = self.introspect(
                "good", f"--url={self.url}",
                f"--credentials={self.credentials}", option)
            self.assertEqual(result[0], 100, result)
            self.assertIn(f"{option[:-1]}: the value is empty", result[2])

    def test_program_has_a_timeout_and_checks_its_options(self):
        for claim, name in (("email", "ann@x.example"), ("sub", "4711")):
            self.assertEqual(
                self.introspect("good", *self.options(
                    f"--identity-claim={claim}"))[:2], (0, f"{name}\n"))
        result = self.introspect("slow", *self.options("--timeout=1"))
        self.assertEqual(result[:2], (111, ""), result)
        self.credentials.chmod(0o644)
        asked = len(self.provider.asked)
        result = self.introspect("good", *self.options())
        self.assertEqual(result[:2], (111, ""))
        self.assertIn("chmod 600", result[2])
        self.credentials.chmod(0o600)
        for options in (["--url=http://idp.example/",
                         f"--credentials={self.credentials}"],
                        ["--credentials=x"], [f"--url={self.url}"],
                        self.options("--identity-claim=name"),
                        self.options("operand")):
            self.assertEqual(self.introspect("good", *options)[0], 100)
        self.assertEqual(len(self.provider.asked), asked)
        self.url = f"http://127.0.0.1:{self.closed_port()}/"
        self.assertEqual(self.introspect("good", *self.options())[0], 111)

    def test_https_needs_a_trusted_certificate(self):
        certificate = self.make_certificate("idp.example",
                                            path=self.folder / "idp.pem")
        context = harness.ssl.SSLContext(harness.ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.provider.socket = context.wrap_socket(self.provider.socket,
                                                   server_side=True)
        self.url = self.url.replace("http://", "https://")
        self.assertEqual(self.introspect("good", *self.options())[0], 111)
        result = self.introspect("good", *self.options(f"--ca={certificate}"))
        self.assertEqual(result[:2], (0, "ann\n"), result)

    def auth(self):
        return ["--auth", "oauth:" + ",".join(
            [self.program, *self.options("--identity-claim=email")]),
                "--auth-delay", "0"]

    def curl(self, port, user, token):
        mail = self.folder / "mail"
        mail.write_text("Subject: x\r\n\r\nhello\r\n")
        return subprocess.run(
            ["curl", "-sSk", "--ssl-reqd", "--user", f"{user}:",
             "--oauth2-bearer", token,
             f"smtp://127.0.0.1:{port}/client.example", "--mail-from",
             "ann@x.example", "--mail-rcpt", "u@elsewhere.example", "-T",
             str(mail)], capture_output=True, check=False,
            timeout=harness.PATIENCE)

    def check_curl(self, server, port, mechanism):
        before = len(self.messages())
        result = self.curl(port, "ann@x.example", "good")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(self.messages()), before + 1)
        for user, token in (("ann@x.example", "unknown"),
                            ("bob@x.example", "good"),
                            ("ann@x.example", "broken")):
            result = self.curl(port, user, token)
            self.assertEqual(result.returncode, 67, result.stderr)
        self.assertEqual(len(self.messages()), before + 1)
        server.wait_log(f"result=success ip=127.0.0.1 mechanism={mechanism} "
                        "user=ann@x.example\n")

    def test_curl_authenticates_with_serve(self):
        self.put("senders", "")  # users may send only as themselves
        mechanisms = ("OAUTHBEARER", "XOAUTH2")
        server = harness.Serve(
            self, *self.auth(), "--tls-cert", str(self.certificate),
            "--senders", listen=[f"127.0.0.1:0,auth={each}"
                                 for each in mechanisms])
        for port, mechanism in zip(server.ports, mechanisms):
            with self.subTest(mechanism):
                self.check_curl(server, port, mechanism)

    def test_curl_authenticates_with_smtpd(self):
        server = harness.Tcpserver(
            self, *self.auth(), "--tls-cert", str(self.certificate))
        self.check_curl(server, server.port, "OAUTHBEARER")

    def test_replies_follow_the_rfc(self):
        def oauthbearer(token, user="ann@x.example"):
            return base64.b64encode(
                f"n,a={user},\1host=mx\1port=587\1auth=Bearer {token}\1\1"
                .encode()).decode()
        failure = "334 " + base64.b64encode(
            b'{"status":"invalid_token","schemes":"bearer"}').decode()
        server = harness.Serve(self, *self.auth(), "--auth-insecure",
                               "--max-auth-failures", "9",
                               listen=("127.0.0.1:0,auth",))
        with harness.Client(server).greet() as client:
            for dummy in ("AQ==", ""):
                self.assertEqual(
                    client.ask(f"AUTH OAUTHBEARER {oauthbearer('unknown')}"),
                    failure)
                self.assertEqual(client.ask(dummy)[:9], "535 5.7.8")
            self.assertEqual(
                client.ask(f"AUTH OAUTHBEARER {oauthbearer('broken')}")[:9],
                "454 4.7.0")
            self.assertEqual(client.ask("AUTH OAUTHBEARER dXNlcg==")[:3], "501")
            self.assertEqual(client.ask("AUTH OAUTHBEARER"), "334 ")
            self.assertEqual(client.ask(oauthbearer("good"))[:9], "235 2.7.0")
        # A client that disconnects after the challenge counts as a failure.
        with harness.Client(server).greet() as client:
            self.assertEqual(
                client.ask("AUTH OAUTHBEARER "
                           + oauthbearer("unknown", "bob@x.example")), failure)
            log = server.wait_log("user=bob@x.example\n")
        self.assertIn("auth result=failure ip=127.0.0.1 mechanism=OAUTHBEARER "
                      "user=bob@x.example\n", log)
        log = server.wait_log("result=success")
        self.assertIn("mechanism=OAUTHBEARER user=ann@x.example", log)
        self.assertIn("exited with 111", log)
        self.assertIn("HTTP status 500", log)
        # Not offered without TLS.
        talk = self.talk("EHLO c\r\nQUIT\r\n", *self.auth())
        self.assertNotIn("OAUTHBEARER", " ".join(talk.replies))


if __name__ == "__main__":
    harness.main()
