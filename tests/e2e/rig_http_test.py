# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""postern rig: options, exit codes, files, and HTTP as any program uses it."""

import base64
import http.client
import json
import os
import select
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import types
import unittest
import urllib.parse

import harness

MESSAGE = """From: "Shop, A" <shop@x.example>
To: You <you@y.example>
Subject: Welcome =?UTF-8?Q?=C3=A4?=
Message-ID: <1@x.example>

Hello %s
"""


class Rig:
    """A `postern rig` on free ports, which ends with its test."""

    def __init__(self, test, *options, http=True):
        ready, write = os.pipe()
        listen = ["--smtp", "127.0.0.1:0", "--ready-fd", str(write)]
        listen += ["--http", "127.0.0.1:0"] if http else ["--no-http"]
        self.process = subprocess.Popen(
            [harness.POSTERN, "rig", *listen, *options], pass_fds=[write],
            stderr=subprocess.PIPE, text=True)
        os.close(write)
        test.addCleanup(self.kill)
        with os.fdopen(ready) as lines:
            if not select.select([lines], [], [], harness.PATIENCE)[0]:
                test.fail("the rig is not ready")
            addresses = lines.read().splitlines()
        if not addresses:
            test.fail(self.process.communicate(timeout=harness.PATIENCE)[1])
        self.smtp = int(addresses[0].rpartition(":")[2])
        self.http = (urllib.parse.urlsplit(addresses[1]).port
                     if http else None)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=harness.PATIENCE)

    def stop(self, number=signal.SIGTERM):
        """Ends it; returns the exit code and the log."""
        self.process.send_signal(number)
        log = self.process.communicate(timeout=harness.PATIENCE)[1]
        return self.process.returncode, log

    def send(self, text="you", to="you@y.example", message=None):
        with smtplib.SMTP("127.0.0.1", self.smtp,
                          timeout=harness.PATIENCE) as client:
            client.sendmail("shop@x.example", [to],
                            (message or MESSAGE % text).replace(
                                "\n", "\r\n").encode())

    def ask(self, method, path, body=None, **headers):
        """Returns the response, its body as `text`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http,
                                                timeout=harness.PATIENCE)
        try:
            connection.request(
                method, path, body=body,
                headers={k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            response.text = response.read().decode()
        finally:
            connection.close()
        return response

    def get(self, path):
        response = self.ask("GET", path)
        if response.status != 200:
            raise AssertionError(f"{path}: {response.status} {response.text}")
        return json.loads(response.text)


class Options(harness.TestCase):

    def refused(self, *options, code=100):
        done = subprocess.run([harness.POSTERN, "rig", *options],
                              capture_output=True, text=True,
                              timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def test_other_hosts_need_an_option(self):
        for option in "--smtp", "--http":
            for address in "0.0.0.0:0", "*:0", "[::]:0", "192.0.2.1:0":
                self.assertIn("--allow-remote", self.refused(option, address))

    def test_mistakes_name_the_option(self):
        self.assertIn("--auth-user", self.refused("--auth-user", "name"))
        self.assertIn("--mechanism", self.refused("--mechanism", "NTLM"))
        self.assertIn("--require-auth", self.refused("--require-auth"))
        self.assertIn("--host-name", self.refused("--host-name", "a b"))
        self.assertIn("unknown argument x", self.refused("x"))
        script = self.folder / "faults"
        script.write_text("\nrcpt reply 45\n")
        self.assertIn(f"--script: {script}:2: ",
                      self.refused("--script", str(script), code=111))
        self.assertIn("--dir: /dev/null",
                      self.refused("--smtp", "127.0.0.1:0", "--http",
                                   "127.0.0.1:0", "--dir", "/dev/null",
                                   code=111))
        self.assertIn("--http", self.refused("--http", "unix:/tmp/x"))
        for name in "a b", "http://rig", "rig:x", "":
            self.assertIn("--http-host", self.refused("--http-host", name))

    def test_a_port_that_is_taken_names_the_option(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            self.assertIn("--smtp: ", self.refused("--smtp", address, code=111))
            self.assertIn("--http: ", self.refused("--smtp", "127.0.0.1:0",
                                                   "--http", address,
                                                   code=111))

    def test_an_unmet_expectation_is_exit_code_1(self):
        script = self.folder / "faults"
        script.write_text("rcpt times=2 reply 450 later\n")
        for number in signal.SIGTERM, signal.SIGINT:
            rig = Rig(self, "--script", str(script))
            with self.assertRaises(smtplib.SMTPRecipientsRefused):
                rig.send()
            code, log = rig.stop(number)
            self.assertEqual(code, 1)
            self.assertIn("applied 1 of 2 times: rcpt times=2", log)
            rig = Rig(self, "--script", str(script))
            for _ in range(2):
                with self.assertRaises(smtplib.SMTPRecipientsRefused):
                    rig.send()
            self.assertEqual(rig.stop(number)[0], 0)

    def test_no_files_by_default(self):
        before = set(os.listdir(self.folder))
        os.environ["TMPDIR"] = str(self.folder)
        self.addCleanup(os.environ.pop, "TMPDIR")
        rig = Rig(self)
        rig.send()
        self.assertEqual(rig.stop()[0], 0)
        self.assertEqual(set(os.listdir(self.folder)), before)

    def test_files_of_messages(self):
        directory = self.folder / "out"
        rig = Rig(self, "--dir", str(directory), http=False)
        rig.send("one")
        rig.send("two", to="b@y.example")
        # A message is there when its client has the 250.
        self.assertEqual(sorted(p.name for p in directory.iterdir()),
                         ["1.eml", "1.json", "2.eml", "2.json"])
        self.assertEqual((directory / "1.eml").read_bytes(),
                         (MESSAGE % "one").replace("\n", "\r\n").encode())
        facts = json.loads((directory / "2.json").read_text())
        self.assertEqual(facts["from"], "shop@x.example")
        self.assertEqual(facts["to"], ["b@y.example"])
        self.assertIn("rcpt TO:<b@y.example>",
                      [line["text"] for line in facts["transcript"]])
        # Each file has the part of the session for its message.
        with smtplib.SMTP("127.0.0.1", rig.smtp,
                          timeout=harness.PATIENCE) as client:
            for to in "c@y.example", "d@y.example":
                client.sendmail("shop@x.example", [to],
                                (MESSAGE % to).replace(
                                    "\n", "\r\n").encode())
        facts = json.loads((directory / "4.json").read_text())
        texts = [line["text"] for line in facts["transcript"]]
        self.assertIn("rcpt TO:<d@y.example>", texts)
        self.assertNotIn("rcpt TO:<c@y.example>", texts)
        rig.stop()
        # Another run continues the numbers, and replaces nothing.
        rig = Rig(self, "--dir", str(directory))
        rig.send("three")
        self.assertIn(b"Hello three", (directory / "5.eml").read_bytes())
        self.assertEqual(rig.get("/api/v1/message/latest")["ID"], "5")
        self.assertEqual(rig.stop()[0], 0)

    def test_a_link_in_the_directory_is_not_followed(self):
        directory = self.folder / "out"
        rig = Rig(self, "--dir", str(directory))
        other = self.folder / "other"
        other.write_text("other")
        (directory / "1.eml.tmp").symlink_to(other)
        rig.send()
        self.assertEqual(rig.stop()[0], 0)
        self.assertEqual(other.read_text(), "other")
        self.assertEqual(sorted(p.name for p in directory.iterdir()),
                         ["1.eml", "1.json"])

    def test_a_file_that_cannot_be_written_is_exit_code_1(self):
        directory = self.folder / "out"
        rig = Rig(self, "--dir", str(directory))
        (directory / "1.eml.tmp").mkdir()
        rig.send()
        self.assertEqual(rig.get("/api/v1/messages")["total"], 1)
        code, log = rig.stop()
        self.assertEqual(code, 1)
        self.assertIn("--dir: ", log)

    def test_users_and_tls(self):
        ca = self.folder / "ca.pem"
        rig = Rig(self, "--auth-user", "me:secret", "--require-auth",
                  "--ca-file", str(ca))
        import ssl  # the only test that needs it
        context = ssl.create_default_context(cafile=ca)
        with smtplib.SMTP("localhost", rig.smtp,
                          timeout=harness.PATIENCE) as client:
            client.starttls(context=context)
            client.login("me", "secret")
            client.sendmail("a@x.example", ["b@y.example"], "Subject: x\r\n")
        self.assertEqual(rig.get("/api/v1/message/1")["Username"], "me")
        session = rig.get("/api/postern/v1/session/1")
        self.assertTrue(session["tls"].startswith("TLSv1."))
        self.assertNotIn("secret", json.dumps(session))
        self.assertEqual(rig.ask("GET", "/api/postern/v1/ca.pem").text,
                         ca.read_text())

    def test_the_oldest_are_dropped(self):
        rig = Rig(self, "--max-messages", "3")
        for number in range(5):
            rig.send(str(number))
        self.assertEqual([m["ID"] for m in rig.get("/api/v1/messages")["messages"]],
                         ["5", "4", "3"])
        self.assertEqual(rig.ask("GET", "/api/v1/message/2").status, 404)

    def test_addresses_request_faults_by_default(self):
        rig = Rig(self)
        with self.assertRaises(smtplib.SMTPRecipientsRefused):
            rig.send(to="rcpt-450@y.example")
        rig = Rig(self, "--no-address-faults")
        rig.send(to="rcpt-450@y.example")

    def test_sessions_are_recorded_without_passwords(self):
        with tempfile.TemporaryDirectory() as directory:
            rig = Rig(self, "--record", directory, "--auth-user",
                      "alice:Zq7-secret-Zq7", http=False)
            _, code = harness.swaks(
                types.SimpleNamespace(port=rig.smtp), "--auth", "PLAIN",
                "--auth-user", "alice", "--auth-password", "Zq7-secret-Zq7",
                "--to", "u@local.example,rcpt-450@local.example")
            self.assertEqual(code, 0)
            rig.process.terminate()
            self.assertEqual(rig.process.wait(harness.PATIENCE), 0)
            [file] = os.listdir(directory)
            path = os.path.join(directory, file)
            with open(path, encoding="latin-1") as recording:
                text = recording.read()
            self.assertNotIn("Zq7", text)
            response = base64.b64encode(b"\0alice\0Zq7-secret-Zq7").decode()
            self.assertNotIn(response.rstrip("="), text)
            self.assertIn("\nS: 450 ", text)
            replay = subprocess.run([harness.POSTERN, "replay", path],
                                    stdout=subprocess.PIPE, check=False,
                                    timeout=harness.PATIENCE)
            self.assertEqual(replay.returncode, 0)


class Http(harness.TestCase):

    def test_the_page_and_the_description(self):
        rig = Rig(self)
        page = rig.ask("GET", "/")
        self.assertEqual(page.status, 200)
        self.assertIn("text/html", page.headers["Content-Type"])
        self.assertIn("/api/v1/messages", rig.get("/openapi.json")["paths"])
        self.assertEqual(rig.ask("GET", "/nothing").status, 404)
        refused = rig.ask("POST", "/api/v1/messages")
        self.assertEqual(refused.status, 405)
        self.assertEqual(refused.headers["Allow"], "GET, PUT, DELETE")
        self.assertEqual(rig.ask("HEAD", "/readyz").status, 200)

    def test_every_response_keeps_other_sites_out(self):
        rig = Rig(self)
        rig.send()
        for path in ("/", "/api/v1/messages", "/api/v1/message/1/raw",
                     "/nothing", "/view/1.txt", "/api/v1/message/1/part/1"):
            headers = rig.ask("GET", path).headers
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(headers["Cross-Origin-Resource-Policy"],
                             "same-origin")
            self.assertIn("default-src 'none'",
                          headers["Content-Security-Policy"])
            self.assertFalse([name for name in headers
                              if name.lower().startswith("access-control-")])

    def test_a_rebound_name_is_refused(self):
        rig = Rig(self, "--http-host", "Mail.example")
        for host in ("evil.example", "evil.example:8025", "127.0.0.1.nip.example",
                     "localhost.evil.example", "", "[::1", "192.0.2.1",
                     "localhost@evil.example", "127.0.0.1:x"):
            self.assertEqual(rig.ask("GET", "/api/v1/messages", Host=host).status,
                             403, host)
        for host in ("localhost", f"127.0.0.1:{rig.http}", "[::1]:80",
                     "rig.localhost", "LOCALHOST.", "mail.example:1"):
            self.assertEqual(rig.ask("GET", "/api/v1/messages", Host=host).status,
                             200, host)

    def test_other_origins_neither_read_nor_write(self):
        rig = Rig(self)
        rig.send()
        host = f"127.0.0.1:{rig.http}"
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"},
                        {"Origin": "http://127.0.0.1:1"},
                        {"Origin": f"https://{host}"},
                        {"Sec_Fetch_Site": "cross-site"},
                        {"Sec_Fetch_Site": "same-site"}):
            for method, path in (("GET", "/api/v1/messages"),
                                 ("DELETE", "/api/v1/messages"),
                                 ("POST", "/api/postern/v1/faults"),
                                 ("OPTIONS", "/api/v1/messages"),
                                 ("GET", "/api/postern/v1/events")):
                self.assertEqual(
                    rig.ask(method, path, "rcpt reply 450 x" if method == "POST"
                            else None, **headers).status, 403, headers)
        self.assertEqual(rig.get("/api/v1/messages")["total"], 1)
        self.assertEqual(rig.get("/api/postern/v1/faults")["faults"], [])
        # The page itself, and a link to it.
        for headers in ({"Origin": f"http://{host}"},
                        {"Sec_Fetch_Site": "same-origin"}):
            self.assertEqual(rig.ask("DELETE", "/api/v1/messages",
                                     **headers).status, 200)
        self.assertEqual(
            rig.ask("GET", "/", Sec_Fetch_Site="cross-site",
                    Sec_Fetch_Mode="navigate",
                    Sec_Fetch_Dest="document").status, 200)
        self.assertEqual(
            rig.ask("GET", "/", Sec_Fetch_Site="cross-site",
                    Sec_Fetch_Mode="navigate",
                    Sec_Fetch_Dest="iframe").status, 403)

    def test_waiting(self):
        rig = Rig(self)
        answers = []
        wait = threading.Thread(target=lambda: answers.append(rig.get(
            "/api/postern/v1/wait?count=2&timeout=60&query=subject:welcome")))
        wait.start()
        rig.send("one")
        rig.send(message="Subject: other\n\nx\n")
        self.assertEqual(answers, [])
        rig.send("two")
        wait.join(harness.PATIENCE)
        self.assertTrue(answers[0]["complete"])
        self.assertEqual([m["ID"] for m in answers[0]["messages"]], ["3", "1"])
        late = rig.ask("GET", "/api/postern/v1/wait?count=9&timeout=0")
        self.assertEqual(late.status, 504)
        self.assertEqual(json.loads(late.text)["messages_count"], 3)
        for query in "count=x", "timeout=3601", "query=after:x":
            self.assertEqual(rig.ask("GET", "/api/postern/v1/wait?" + query)
                             .status, 400)

    def test_the_end_answers_those_that_wait(self):
        rig = Rig(self)
        with socket.create_connection(("127.0.0.1", rig.http),
                                      timeout=harness.PATIENCE) as client:
            client.sendall(b"GET /api/postern/v1/wait?timeout=3600 HTTP/1.1\r\n"
                           b"Host: localhost\r\n\r\n")
            self.assertEqual(rig.get("/api/v1/messages")["total"], 0)
            self.assertEqual(rig.stop()[0], 0)
            self.assertIn(b" 503 ", client.recv(100))

    def test_many_wait_and_listen_at_one_time(self):
        rig = Rig(self)
        clients = []
        for path in ["wait?timeout=60", "events"] * 50:
            client = socket.create_connection(("127.0.0.1", rig.http),
                                              timeout=harness.PATIENCE)
            self.addCleanup(client.close)
            client.sendall(f"GET /api/postern/v1/{path} HTTP/1.1\r\n"
                           "Host: localhost\r\n\r\n".encode())
            clients.append(client)
        for client in clients[1::2]:
            data = b""
            while b"retry:" not in data:
                data += client.recv(1000)
        rig.send()
        for client in clients[0::2]:
            self.assertIn(b" 200 ", client.recv(1000))
        for client in clients[1::2]:
            data = b""
            while b"event: message" not in data:
                data += client.recv(10000)
        self.assertEqual(len(os.listdir(f"/proc/{rig.process.pid}/task")), 2)

    def test_events(self):
        rig = Rig(self)
        connection = http.client.HTTPConnection("127.0.0.1", rig.http,
                                                timeout=harness.PATIENCE)
        self.addCleanup(connection.close)
        connection.request("GET", "/api/postern/v1/events")
        stream = connection.getresponse()
        self.assertEqual(stream.headers["Content-Type"], "text/event-stream")

        def event(name):
            """Returns the data of the next event of this name."""
            while line := stream.readline():
                if line == f"event: {name}\n".encode():
                    return json.loads(stream.readline()[len("data: "):])
            self.fail("the stream has ended")
        rig.send()
        self.assertEqual(event("message")["ID"], "1")
        self.assertEqual(event("session")["number"], 1)
        rig.ask("POST", "/api/postern/v1/faults", "rcpt reply 450 later")
        self.assertEqual(event("faults")["faults"][0]["line"],
                         "rcpt reply 450 later")
        with self.assertRaises(smtplib.SMTPRecipientsRefused):
            rig.send()
        self.assertEqual(event("faults")["faults"][0]["applied"], 1)
        for path, body in (("messages", '{"Read": true}'),
                           ("tags", '{"IDs": ["1"], "Tags": ["a"]}'),
                           ("tags/a", '{"Name": "b"}')):
            rig.ask("PUT", "/api/v1/" + path, body)
            self.assertEqual(event("changed"), {"IDs": ["1"]}, path)
        rig.ask("DELETE", "/api/v1/messages")
        self.assertEqual(event("removed"), {"IDs": ["1"]})
        self.assertEqual(rig.stop()[0], 0)
        with self.assertRaises(AssertionError):
            event("message")

    def test_faults(self):
        rig = Rig(self)
        faults = "/api/postern/v1/faults"
        added = rig.ask("POST", faults, "# two\nrcpt times=1 reply 450 later\n"
                        "end delay=1ms\n")
        self.assertEqual(added.status, 201)
        first, second = json.loads(added.text)["faults"]
        with self.assertRaises(smtplib.SMTPRecipientsRefused):
            rig.send()
        self.assertEqual(
            rig.get(f"{faults}/{first['id']}"),
            {"id": first["id"], "line": "rcpt times=1 reply 450 later",
             "on": True, "applied": 1, "times": 1, "unmet": False})
        bad = rig.ask("POST", faults, "rcpt times=1 reply 450 x\nnothing\n")
        self.assertEqual(bad.status, 400)
        self.assertIn("line:2: ", bad.text)
        self.assertEqual(len(rig.get(faults)["faults"]), 2)
        on = rig.ask("PUT", f"{faults}/{second['id']}",
                     json.dumps({"line": "mail reply 451 no", "on": False}),
                     Content_Type="application/json")
        self.assertEqual(json.loads(on.text)["on"], False)
        rig.send()
        rig.ask("PUT", f"{faults}/{second['id']}", json.dumps({"on": True}),
                Content_Type="application/json")
        with self.assertRaises(smtplib.SMTPSenderRefused):
            rig.send()
        self.assertEqual(
            rig.ask("DELETE", f"{faults}/{second['id']}").status, 204)
        self.assertEqual(
            rig.ask("DELETE", f"{faults}/{second['id']}").status, 404)
        rig.send()
        self.assertEqual(rig.ask("PUT", faults, "rcpt times=3 reply 450 x")
                         .status, 200)
        self.assertTrue(rig.get(faults)["faults"][0]["unmet"])
        self.assertEqual(rig.ask("DELETE", faults).status, 204)
        self.assertEqual(rig.stop()[0], 0)

    def test_sessions(self):
        rig = Rig(self)
        rig.send()
        sessions = rig.get("/api/postern/v1/sessions")["sessions"]
        self.assertEqual([s["number"] for s in sessions], [1])
        session = rig.get("/api/postern/v1/session/1")
        self.assertEqual(session["address"], "127.0.0.1")
        lines = [(line["from"], line["text"])
                 for line in session["transcript"]]
        self.assertEqual(lines[0], ("server", "220 rig.example ESMTP"))
        self.assertIn(("client", "rcpt TO:<you@y.example>"), lines)
        self.assertEqual(
            rig.get("/api/postern/v1/message/1/envelope")["to"],
            ["you@y.example"])
        self.assertEqual(
            rig.ask("GET", "/api/postern/v1/session/2").status, 404)

    def test_hostile_parts_get_no_rights(self):
        rig = Rig(self)
        rig.send(message="Subject: x\nMIME-Version: 1.0\n"
                 "Content-Type: text/html; name=\"a\\\"\\r\\nX: y.html\"\n\n"
                 "<script>alert(1)</script>\n")
        part = rig.ask("GET", "/api/v1/message/1/part/1")
        self.assertIn("sandbox", part.headers["Content-Security-Policy"])
        self.assertTrue(part.headers["Content-Disposition"]
                        .startswith("attachment"))
        rig.send(message="Content-Type: text/html\n\n<script>x</script>\n")
        view = rig.ask("GET", "/view/2.html")
        self.assertIn("sandbox", view.headers["Content-Security-Policy"])

    def test_bodies_that_are_wrong(self):
        rig = Rig(self)
        rig.send()
        for method, path, body in (
                ("PUT", "/api/v1/messages", "x"),
                ("PUT", "/api/v1/messages", '{"Read": 1}'),
                ("PUT", "/api/v1/messages", '{"IDs": [1]}'),
                ("DELETE", "/api/v1/messages", '{"IDs": "1"}'),
                ("DELETE", "/api/v1/messages", "[]"),
                ("DELETE", "/api/v1/search", None),
                ("PUT", "/api/v1/chaos", '{"Sender": {"ErrorCode": 200}}'),
                ("PUT", "/api/v1/chaos", '{"Sender": {"Probability": 101}}'),
                ("PUT", "/api/v1/tags", "{}"),
                ("PUT", "/api/v1/tags", json.dumps(
                    {"IDs": ["1"], "Tags": [f"t{n}" for n in range(21)]})),
                ("PUT", "/api/v1/tags", json.dumps(
                    {"IDs": ["1"], "Tags": ["t" * 101]})),
                ("POST", "/api/postern/v1/faults", "rcpt reply 450\n" * 1001),
                ("POST", "/api/postern/v1/faults", "#" * (2 << 20)),
                ("POST", "/api/v1/send", '{"From": {"Email": "a"}}'),
                ("POST", "/api/v1/send",
                 '{"From": {"Email": "a@x"}, "To": [{"Email": "b@y"}],'
                 ' "Subject": "x\\r\\nBcc: c@z"}')):
            response = rig.ask(method, path, body)
            self.assertEqual(response.status, 400, (path, body))
            self.assertTrue(response.text)
        # A value that is too deep to copy, and a query that cannot be read.
        for member in "Read", "Search":
            body = '{"%s": %s%s}' % (member, "[" * 100000, "]" * 100000)
            self.assertEqual(rig.ask("PUT", "/api/v1/messages", body).status,
                             400)
        body = '{"line": %s%s}' % ("[" * 100000, "]" * 100000)
        self.assertEqual(rig.ask("POST", "/api/postern/v1/faults", body,
                                 Content_Type="application/json").status, 400)
        self.assertEqual(
            rig.ask("GET", "/api/v1/message/latest?query=after:x").status, 400)
        self.assertEqual(rig.get("/api/v1/messages")["total"], 1)

    def test_chaos_is_spread_evenly(self):
        rig = Rig(self)
        rig.ask("PUT", "/api/v1/chaos",
                '{"Recipient": {"ErrorCode": 452, "Probability": 50}}')
        refused = []
        for number in range(6):
            try:
                rig.send()
            except smtplib.SMTPRecipientsRefused as error:
                self.assertEqual(error.recipients["you@y.example"][0], 452)
                refused.append(number)
        self.assertEqual(refused, [1, 3, 5])


class Judges(harness.TestCase):

    def test_mailpit_api_and_mailhog(self):
        """The two npm packages, unmodified: see rig_judges.js."""
        modules = "external/npm/node_modules"  # @npm//:node_modules
        here = os.path.dirname(os.path.abspath(__file__))
        rig = Rig(self)
        done = subprocess.run(
            ["node", os.path.join(here, "rig_judges.js"),
             os.path.abspath(modules), str(rig.smtp), str(rig.http)],
            capture_output=True, text=True, timeout=4 * harness.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("every operation was called", done.stdout)


if __name__ == "__main__":
    harness.main()
