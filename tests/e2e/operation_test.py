# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Monitoring of postern serve: metrics, health, and the JSON log."""

import http.client
import json
import re
import resource
import signal
import socket
import subprocess
import time
import unittest

import harness

MESSAGE = "Subject: x\r\n\r\nhello\r\n"


class OperationTest(harness.TestCase):

    def serve(self, *options, **more):
        """Starts a server with metrics; sets self.metrics to their address."""
        server = harness.Serve(self, "--metrics", "127.0.0.1:0", *options,
                               **more)
        self.metrics = re.search(r"metrics at (127.0.0.1:[0-9]+)",
                                 server.wait_log("metrics at ")).group(1)
        return server

    def fetch(self, path, method="GET"):
        """Returns the status, content type and body."""
        connection = http.client.HTTPConnection(self.metrics,
                                                timeout=harness.PATIENCE)
        try:
            connection.request(method, path)
            reply = connection.getresponse()
            return (reply.status, reply.getheader("Content-Type"),
                    reply.read().decode("ascii"))
        finally:
            connection.close()

    def scrape(self):
        """Returns the values of all time series by name."""
        status, kind, text = self.fetch("/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(kind, "text/plain; version=0.0.4; charset=utf-8")
        lines = [line for line in text.splitlines() if line[:1] != "#"]
        return {line.rsplit(" ", 1)[0].removeprefix("postern_"):
                float(line.rsplit(" ", 1)[1]) for line in lines}

    def wait_for(self, ready):
        end = time.monotonic() + harness.PATIENCE
        while not ready():
            self.assertLess(time.monotonic(), end, "timeout")
            time.sleep(0.01)

    def deliver(self, client, message=MESSAGE):
        client.ask("MAIL FROM:<s@x.example>")
        client.ask("RCPT TO:<u@local.example>")
        self.assertEqual(client.ask("DATA")[:3], "354")
        return client.ask(message + ".")[:3]

    def test_metrics_count_the_traffic(self):
        server = self.serve()
        before = self.scrape()
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(self.scrape()["connections"], 1)
            self.assertEqual(self.deliver(client), "250")
            self.assertEqual(self.deliver(client, "bare\n\r\n"), "554")
            client.ask("MAIL FROM:<s@x.example>")
            self.assertEqual(client.ask("RCPT TO:<u@far.example>")[:3], "553")
            client.ask("QUIT")
            self.assertEqual(client.reply(), "")
        with harness.Client(server) as client:
            client.greet()
        self.wait_for(lambda: self.scrape()["connections"] == 0)
        after = self.scrape()
        self.assertEqual(set(before), set(after))
        changed = {name: after[name] - before[name] for name in after
                   if after[name] != before[name] and
                   not name.startswith(("delivery_seconds", "longest_turn"))}
        log = server.wait_log("session end=peer-gone")
        sent = sum(int(n) for n in re.findall(r" out=([0-9]+)", log))
        received = sum(int(n) for n in re.findall(r" in=([0-9]+)", log))
        self.assertEqual(changed, {
            "connections_total": 2,
            'sessions_total{end="quit"}': 1,
            'sessions_total{end="peer-gone"}': 1,
            # 220, EHLO, 2 x (MAIL, RCPT), 250, MAIL, 221; and 220, EHLO
            'replies_total{class="2xx"}': 11,
            'replies_total{class="3xx"}': 2,
            'replies_total{class="5xx"}': 2,
            "received_bytes_total": received,
            "sent_bytes_total": sent,
            'recipients_total{rule="rcpthosts",decision="accept"}': 2,
            'recipients_total{rule="not-listed",decision="refuse"}': 1,
            'messages_total{result="accept"}': 1,
            'messages_total{result="refuse"}': 1,
        })
        self.assertEqual(after["delivery_seconds_count"], 1)
        self.assertEqual(after['delivery_seconds_bucket{le="+Inf"}'], 1)
        self.assertGreater(after["delivery_seconds_sum"], 0)
        self.assertLess(abs(after["start_time_seconds"] - time.time()), 3600)
        self.assertEqual(after["pool_threads"], 64)

    def test_clients_that_are_not_served_are_counted(self):
        rules = self.folder / "rules.cdb"
        subprocess.run(["tcprules", str(rules), str(self.folder / "tmp")],
                       input=b"127.0.0.2:deny\n:allow\n", check=True,
                       timeout=harness.PATIENCE)
        server = self.serve("--rules", str(rules), "--silent-deny",
                            "--max-connections", "1")
        with harness.Client(server, "127.0.0.2") as client:
            self.assertEqual(client.reply(), "")
        self.wait_for(lambda: self.scrape()["connections"] == 0)
        with harness.Client(server) as first:
            first.greet()
            with harness.Client(server) as second:
                self.assertEqual(second.reply()[:3], "421")
        self.wait_for(lambda: self.scrape()["connections"] == 0)
        rules.write_bytes(b"nonsense")
        with harness.Client(server) as client:
            self.assertEqual(client.reply()[:3], "421")
        after = self.scrape()
        self.assertEqual(after["connections_total"], 4)
        self.assertEqual({name: value for name, value in after.items()
                          if name.startswith("unserved_total") and value}, {
            'unserved_total{reason="denied"}': 1,
            'unserved_total{reason="max-connections"}': 1,
            'unserved_total{reason="no-rules"}': 1})

    def test_reloads_are_counted(self):
        server = self.serve()
        server.signal(signal.SIGHUP)
        server.wait_log("reloaded")
        (self.control / "rcpthosts").unlink()
        server.signal(signal.SIGHUP)
        server.wait_log("not reloaded")
        after = self.scrape()
        self.assertEqual(after['reloads_total{result="ok"}'], 1)
        self.assertEqual(after['reloads_total{result="failed"}'], 1)

    def test_a_reload_without_memory_changes_nothing(self):
        server = self.serve()
        rcpthosts = (self.control / "rcpthosts").read_text()
        # 48 MB of text, within the limit of a control file. It needs more
        # memory than the process may still use.
        self.put("rcpthosts", "".join(
            f"host{n}.long-name-of-a-domain.example\n"
            for n in range(1_200_000)))
        with open(f"/proc/{server.process.pid}/statm") as statm:
            pages = int(statm.read().split()[0])
        used = pages * resource.getpagesize()
        soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_AS)
        resource.prlimit(server.process.pid, resource.RLIMIT_AS,
                         (used + (64 << 20), hard))
        server.signal(signal.SIGHUP)
        server.wait_log("not reloaded, all stays as it was: out of memory")
        with harness.Client(server) as client:
            client.greet()
            client.ask("MAIL FROM:<s@x.example>")
            self.assertEqual(
                client.ask("RCPT TO:<u@local.example>")[:3], "250")
        self.put("rcpthosts", rcpthosts)
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (soft, hard))
        server.signal(signal.SIGHUP)
        self.wait_for(lambda: self.scrape()['reloads_total{result="ok"}'] == 1)

    def test_health_shows_the_state_of_the_server(self):
        server = self.serve("--drain", "600")
        self.wait_for(lambda: self.fetch("/healthz")[0] == 200)
        self.assertEqual(self.fetch("/healthz")[2], "ok\n")
        self.assertEqual(self.fetch("/healthz", "HEAD")[::2], (200, ""))
        with harness.Client(server) as client:
            client.greet()
            client.ask("MAIL FROM:<s@x.example>")
            client.ask("RCPT TO:<u@local.example>")
            client.ask("DATA")
            server.signal(signal.SIGTERM)
            server.wait_log("shutting down")
            self.assertEqual(self.fetch("/healthz")[::2], (503, "stopping\n"))
            self.assertEqual(self.scrape()["connections"], 1)
            self.assertEqual(client.ask(MESSAGE + ".")[:3], "250")
        # An idle client of the metrics does not delay the shutdown.
        address, port = self.metrics.split(":")
        with socket.create_connection((address, int(port))) as idle:
            idle.sendall(b"GET /metrics HTTP/1.1\r\n")
            self.assertEqual(server.wait(), 0)

    def test_other_paths_and_methods_are_errors(self):
        self.serve()
        self.assertEqual(self.fetch("/")[0], 404)
        self.assertEqual(self.fetch("/metrics/")[0], 404)
        self.assertEqual(self.fetch("/metrics", "POST")[0], 405)
        self.assertEqual(self.fetch("/healthz", "DELETE")[0], 405)

    def test_error_names_the_option_and_address_in_use(self):
        server = self.serve()
        second = subprocess.run(
            [*harness.command("serve"), "--control", str(self.control),
             "--deliver", "discard", "--listen", "127.0.0.1:0", "--metrics",
             f"127.0.0.1:{server.port}"], stdin=subprocess.DEVNULL,
            capture_output=True, timeout=harness.PATIENCE, check=False)
        self.assertEqual(second.returncode, 111)
        self.assertIn(b"fatal: --metrics: 127.0.0.1:", second.stderr)
        wrong = subprocess.run(
            [*harness.command("serve"), "--listen", "127.0.0.1:0", "--metrics",
             "9100"], capture_output=True, timeout=harness.PATIENCE,
            check=False)
        self.assertEqual(wrong.returncode, 100)
        self.assertIn(b"--metrics: ", wrong.stderr)

    def test_slow_content_ends_its_session(self):
        options = ("--min-rate", "1000000", "--rate-grace", "1")
        for server in (harness.Serve(self, *options),
                       harness.Tcpserver(self, *options)):
            with harness.Client(server) as client:
                client.greet()
                self.assertEqual(self.deliver(client), "250")
                client.ask("MAIL FROM:<s@x.example>")
                client.ask("RCPT TO:<u@local.example>")
                client.ask("DATA")
                begin = time.monotonic()
                client.socket.settimeout(0.05)
                reply = b""
                while not reply:
                    self.assertLess(time.monotonic() - begin,
                                    harness.PATIENCE)
                    client.send("a line of a message\r\n")
                    try:
                        reply = client.socket.recv(1000)
                    except TimeoutError:
                        pass
                self.assertEqual(reply[:9], b"421 4.4.2")
                self.assertGreater(time.monotonic() - begin, 0.9)
            server.wait_log("session end=timeout")
        self.assertEqual(len(self.messages()), 2)

    def test_json_lines_are_valid_for_any_client_text(self):
        self.put("rcpthosts", "local.example\n*.bad.example\n")  # a warning
        server = harness.Serve(self, "--log-format", "json")
        with harness.Client(server) as client:
            client.reply()
            client.ask('EHLO "],\\u0000{\\')
            client.send(b"MAIL FROM:<\"\\\"> x,}\"@x.example>\r\n")
            client.reply()
            client.ask("RCPT TO:<u@local.example>")
            client.ask("RCPT TO:<u@far.example>")
            client.ask("DATA")
            self.assertEqual(client.ask(MESSAGE + ".")[:3], "250")
            client.ask("QUIT")
        log = server.wait_log('"event":"session"')
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        lines = [json.loads(line) for line in server.log().splitlines()]
        self.assertTrue(log.isascii())
        for line in lines:
            self.assertEqual(line["pid"], server.process.pid)
            self.assertEqual(line["program"], "postern")
        events = [line["event"] for line in lines]
        self.assertEqual(events, ["warning", "notice", "rcpt", "rcpt",
                                  "message", "session", "notice"])
        rcpts = [line for line in lines if line["event"] == "rcpt"]
        self.assertEqual(rcpts[0]["from"], '"> x,}@x.example')
        self.assertEqual(rcpts[1]["decision"], "refuse")
        message = lines[events.index("message")]
        self.assertEqual(message["from"], '"> x,}@x.example')
        self.assertEqual((message["rcpts"], message["result"]), (1, "accept"))
        session = lines[events.index("session")]
        # The backslash is from the client; it is not an escape of the log.
        self.assertEqual(session["helo"], '"],\\x5cu0000{\\x5c')
        self.assertEqual((session["mail"], session["rcpt"],
                          session["rcpt-asked"]), (1, 1, 2))
        self.assertIsInstance(session["seconds"], float)

    def test_smtpd_logs_json(self):
        talk = self.talk("EHLO c\r\nMAIL FROM:<s@x.example>\r\n"
                         "RCPT TO:<u@far.example>\r\n",
                         "--log-format", "json")
        lines = [json.loads(line) for line in talk.log.splitlines()]
        self.assertEqual([line["event"] for line in lines],
                         ["rcpt", "session"])
        self.assertEqual(lines[0]["rule"], "not-listed")
        self.assertEqual(lines[1]["end"], "peer-gone")
        (self.control / "rcpthosts").unlink()
        fatal = json.loads(self.talk("", "--log-format", "json").log)
        self.assertEqual(fatal["event"], "fatal")
        self.assertIn("rcpthosts", fatal["text"])


if __name__ == "__main__":
    harness.main()
