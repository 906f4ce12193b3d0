# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Session facts in postern serve: PROXY headers, host names, limits."""

import re
import socket
import struct
import subprocess
import urllib.request

import harness
from dns_stand_in import DnsStandIn


class ServeFactsTest(harness.TestCase):

    def put_rules(self, text):
        path = self.folder / "rules.cdb"
        subprocess.run(["tcprules", str(path), str(self.folder / "rules.tmp")],
                       input=text.encode(), check=True,
                       timeout=harness.PATIENCE)
        return str(path)

    def relay(self, client):
        """Sends RCPT for a remote recipient; returns the code."""
        client.greet()
        client.ask("MAIL FROM:<s@x.example>")
        return int(client.ask("RCPT TO:<u@elsewhere.example>")[:3])

    def hears_nothing(self, client):
        try:
            return client.reply() == ""
        except ConnectionResetError:  # closed with unread input
            return True

    def test_rules_match_confirmed_host_names(self):
        rules = self.put_rules('=good.example:allow,RELAYCLIENT=""\n:allow\n')
        reverse = "{}.0.0.127.in-addr.arpa"
        dns = DnsStandIn(self, {
            # Two names, one of which has the client's address.
            (reverse.format(1), "PTR"): ["a-spoof.example", "good.example"],
            ("a-spoof.example", "A"): ["192.0.2.1"],
            ("good.example", "A"): ["192.0.2.9", "127.0.0.1"],
            # The name of another client.
            (reverse.format(2), "PTR"): ["good.example"],
            # A failure for the PTR record, and one for the A record.
            (reverse.format(3), "PTR"): 2,
            (reverse.format(4), "PTR"): ["broken.example"],
            ("broken.example", "A"): 2,
        })
        server = harness.Serve(self, "--rules", rules, "--host-names",
                               "--resolver", f"127.0.0.1:{dns.port}")
        for last, code, host in ((1, 250, "host=good.example"),
                                 (2, 553, ""), (3, 451, ""), (4, 451, ""),
                                 (5, 553, "")):
            with harness.Client(server, f"127.0.0.{last}") as client:
                self.assertEqual(self.relay(client), code, last)
            self.assertIn(host, server.wait_log(f"ip=127.0.0.{last}"))

    def test_dns_lists_and_sender_domains(self):
        rules = self.put_rules('127.0.0.4:allow,RBLSMTPD=""\n'
                               '127.0.0.5:allow,RBLSMTPD="-go away"\n'
                               '127.0.0.6:allow,RELAYCLIENT=""\n:allow\n')
        table = {("example.net", "MX"): ["mx.example.net"],
                 ("2.0.0.127.bl.example", "TXT"): ["listed"],
                 ("3.0.0.127.trial.example", "A"): ["127.0.0.2"]}
        for last in (4, 5, 6):
            table[(f"{last}.0.0.127.bl.example", "TXT")] = ["listed"]
        dns = DnsStandIn(self, table)
        server = harness.Serve(
            self, "--rules", rules, "--resolver", f"127.0.0.1:{dns.port}",
            "--metrics", "127.0.0.1:0", "--dns-list", "trial.example,note:see example/%IP%",
            "--dns-list", "bl.example,permanent",
            "--sender-domain-exists", "strangers")
        for last, sender, reply in (
                (1, "a@example.net", "250 "),
                (1, "", "250 "),
                (1, "a@gone.example", "553 5.1.8 "),
                (2, "a@example.net", "553 5.7.1 listed"),
                (3, "a@example.net", "250 "),
                (4, "a@example.net", "250 "),
                (5, "a@example.net", "553 5.7.1 go away"),
                (6, "a@gone.example", "250 ")):
            with self.subTest(last=last, sender=sender), \
                    harness.Client(server, f"127.0.0.{last}") as client:
                client.greet()
                client.ask(f"MAIL FROM:<{sender}>")
                got = client.ask("RCPT TO:<u@local.example>")
                self.assertTrue(got.startswith(reply), got)
        log = server.wait_log("noted ")
        self.assertIn('rule=dns-list source=trial.example ip=127.0.0.3', log)
        address = re.search(r"metrics at (\S+)", log).group(1)
        with urllib.request.urlopen(f"http://{address}/metrics",
                                    timeout=harness.PATIENCE) as page:
            metrics = dict(line.rsplit(" ", 1)
                           for line in page.read().decode().splitlines()
                           if line.startswith("postern_dns_"))
        questions = metrics['postern_dns_lookups_total{from="question"}']
        self.assertGreater(int(questions), 5)
        self.assertEqual(
            metrics['postern_dns_questions_total{result="answer"}'], questions)
        self.assertEqual(metrics["postern_dns_cache_entries"], questions)
        self.assertNotEqual(
            metrics['postern_dns_lookups_total{from="cache"}'], "0")

    def test_proxy_names_the_client(self):
        rules = self.put_rules('192.0.2.7:allow,RELAYCLIENT=""\n'
                               "127.0.0.1:deny\n:allow\n")
        server = harness.Serve(self, "--rules", rules, "--proxy-from",
                               "127.0.0.1", listen=("127.0.0.1:0,proxy",))
        signature = b"\r\n\r\n\0\r\nQUIT\n"
        v4 = (socket.inet_aton("192.0.2.7") + socket.inet_aton("192.0.2.1")
              + struct.pack("!HH", 4711, 25))
        mapped = (socket.inet_pton(socket.AF_INET6, "::ffff:192.0.2.7")
                  + socket.inet_pton(socket.AF_INET6, "::ffff:192.0.2.1")
                  + struct.pack("!HH", 4711, 25))
        for header, code in (
                (b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 25\r\n", 250),
                (b"PROXY TCP4 192.0.2.8 192.0.2.1 4711 25\r\n", 553),
                (b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 25\r\n", 553),
                (signature + b"\x21\x11\0\x0c" + v4, 250),
                (signature + b"\x21\x21\0\x24" + mapped, 250)):
            for cut in 0, 5, len(header):
                with harness.Client(server) as client:
                    client.send(header[:cut])
                    client.send(header[cut:])
                    self.assertEqual(self.relay(client), code, header)
        # Without a valid header, or from another host, there is no session.
        for header, why in ((b"EHLO x\r\n", "no signature"),
                            (b"PROXY TCP4 1.2.3.4\r\n",
                             "not two addresses and two ports")):
            with harness.Client(server) as client:
                client.send(header)
                self.assertTrue(self.hears_nothing(client))
            server.wait_log("session end=proxy-header ip=127.0.0.1 "
                            f'reason="{why}"\n')
        with harness.Client(server, "127.0.0.2") as client:
            self.assertTrue(self.hears_nothing(client))
        # In a health check (LOCAL) the client is the proxy itself.
        with harness.Client(server) as client:
            client.send(signature + b"\x20\0\0\0")
            self.assertEqual(client.reply()[:3], "554")

    def test_connections_are_limited_per_client(self):
        server = harness.Serve(self, "--max-connections", "6",
                               "--max-per-client", "2", "--unlimited",
                               "127.0.0.9")
        held = []

        def connect(source):
            client = harness.Client(server, source)
            self.addCleanup(client.__exit__)
            held.append(client)
            return client.reply()[:9]

        self.assertEqual(connect("127.0.0.1")[:3], "220")
        self.assertEqual(connect("127.0.0.1")[:3], "220")
        self.assertEqual(connect("127.0.0.1"), "421 4.3.2")
        self.assertEqual(connect("127.0.0.2")[:3], "220")
        for _ in range(3):
            self.assertEqual(connect("127.0.0.9")[:3], "220")
        self.assertEqual(connect("127.0.0.3"), "421 4.3.2")
        log = server.wait_log("limit=max-connections")
        self.assertIn("limit=max-per-client ip=127.0.0.1", log)
        # A client that disconnects frees its place.
        self.assertEqual(held[0].ask("QUIT")[:3], "221")
        server.wait_log("end=quit")
        self.assertEqual(connect("127.0.0.1")[:3], "220")

    def test_connections_per_minute_are_limited(self):
        server = harness.Serve(self, "--max-rate", "3")
        codes = []
        for _ in range(5):
            with harness.Client(server) as client:
                codes.append(client.reply()[:3])
        self.assertEqual(codes, ["220"] * 3 + ["421"] * 2)


if __name__ == "__main__":
    harness.main()
