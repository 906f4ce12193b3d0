# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""SPF in postern serve, with a DNS server of the test."""

import re
import subprocess

import harness
from dns_stand_in import DnsStandIn

RECORDS = {
    ("pass.example", "TXT"): ["v=spf1 ip4:127.0.0.0/8 -all"],
    ("soft.example", "TXT"): ["v=spf1 include:none.soft.example ~all"],
    ("none.soft.example", "TXT"): ["v=spf1 ?exists:%{ir}.%{v}.soft.example"],
    ("fail.example", "TXT"): [
        "v=spf1 mx a:%{l}.fail.example -all exp=why.%{d}"],
    ("fail.example", "MX"): ["mx.fail.example"],
    ("mx.fail.example", "A"): ["192.0.2.1"],
    ("s.fail.example", "A"): ["192.0.2.2"],
    ("why.fail.example", "TXT"): ["%{c} is not ours\r\n250 ok"],
    ("plain.example", "TXT"): ["v=spf1 -all exp=plain.why.example"],
    ("plain.why.example", "TXT"): ["ask %{o}"],
    ("wrong.example", "TXT"): ["v=spf1 ip4:here -all"],
    ("broken.example", "TXT"): 2,
    ("far.example", "TXT"): ["v=spf1 redirect=broken.example"],
    ("helo.example", "TXT"): ["v=spf1 -all"],
}


class SpfTest(harness.TestCase):

    def serve(self, *options):
        rules = self.folder / "rules.cdb"
        subprocess.run(
            ["tcprules", str(rules), str(self.folder / "rules.tmp")],
            input=b'127.0.0.3:allow,RELAYCLIENT=""\n'
                  b'127.0.0.4:allow,SPFBEHAVIOR="0"\n'
                  b'127.0.0.5:allow,SPFBEHAVIOR="1"\n:allow\n',
            check=True, timeout=harness.PATIENCE)
        dns = DnsStandIn(self, RECORDS)
        return harness.Serve(self, "--resolver", f"127.0.0.1:{dns.port}",
                             "--rules", str(rules), *options)

    def ask(self, server, sender, source="127.0.0.1", helo="client.example"):
        """Returns the reply to RCPT."""
        with harness.Client(server, source) as client:
            client.greet()
            client.ask(f"EHLO {helo}")
            client.ask(f"MAIL FROM:<{sender}>")
            return client.ask("RCPT TO:<u@local.example>")

    def test_replies(self):
        server = self.serve("--spf", "default")
        for sender, reply in (
                ("s@pass.example", "250 "),
                ("s@soft.example", "250 "),
                ("s@none.example", "250 "),
                ("s@wrong.example", "250 "),
                ("s@plain.example", "550 5.7.23 sorry, the SPF policy of "
                 "plain.example does not permit 127.0.0.1 to send its mail "
                 "(#5.7.23); the domain explains: ask plain.example"),
                # The explanation has a line end.
                ("s@fail.example", "550 5.7.23 sorry, the SPF policy of "
                 "fail.example does not permit 127.0.0.1 to send its mail "
                 "(#5.7.23)"),
                ("s@broken.example", "451 4.7.24 "),
                ("s@far.example", "451 4.7.24 ")):
            with self.subTest(sender):
                got = self.ask(server, sender)
                if reply.endswith(" "):
                    self.assertTrue(got.startswith(reply), got)
                else:
                    self.assertEqual(got.rstrip(), reply)
        # The null sender: the name after EHLO.
        got = self.ask(server, "", helo="helo.example")
        self.assertTrue(got.startswith("550 5.7.23 "), got)
        self.assertTrue(self.ask(server, "").startswith("250 "))
        # Relay clients, and clients that a rule exempts or only marks.
        for source in ("127.0.0.3", "127.0.0.4", "127.0.0.5"):
            got = self.ask(server, "s@fail.example", source)
            self.assertTrue(got.startswith("250 "), got)
        log = server.wait_log("ip=127.0.0.5")
        self.assertIn("rule=spf", log)
        self.assertRegex(log, r'source="fail of mailfrom fail.example: -all"')
        self.assertRegex(log, r"noted [^\n]*rule=spf")

    def test_field(self):
        server = self.serve("--spf", "accept")

        def send(sender, source="127.0.0.1", helo="client.example"):
            with harness.Client(server, source) as client:
                client.greet()
                client.ask(f"EHLO {helo}")
                client.ask(f"MAIL FROM:<{sender}>")
                for recipient in ("u", "v", "w"):
                    client.ask(f"RCPT TO:<{recipient}@local.example>")
                client.ask("DATA")
                reply = client.ask("Subject: x\r\n\r\nx\r\n.")
                self.assertTrue(reply.startswith("250 "), reply)
            return self.messages()[-1]

        text = send("s@fail.example")
        self.assertEqual(text.count(b"Received-SPF:"), 1)
        self.assertIn(b"Received-SPF: fail\n receiver=mx.example.org;\n"
                      b" identity=mailfrom;\n client-ip=127.0.0.1;\n"
                      b' envelope-from="s@fail.example";\n'
                      b" helo=client.example;\n mechanism=-all\n", text)
        self.assertLess(text.index(b"Received-SPF:"),
                        text.index(b"Received: "))
        # The client cannot write a key or a field.
        text = send("s@broken.example",
                    helo='h"; identity="mailfrom" x=\\')
        self.assertIn(b"Received-SPF: temperror\n", text)
        self.assertIn(rb'helo="h\"; identity=\"mailfrom\" x=\\";', text)
        self.assertEqual(len(re.findall(rb"\n identity=", text)), 1)
        for source in ("127.0.0.3", "127.0.0.4"):
            self.assertNotIn(b"Received-SPF", send("s@fail.example", source))

    def test_swaks(self):
        server = self.serve("--spf", "default")
        for sender, code in (("s@pass.example", 0), ("s@plain.example", 24)):
            result = subprocess.run(
                ["swaks", "--server", f"127.0.0.1:{server.port}", "--from",
                 sender, "--to", "u@local.example", "--helo", "h.example"],
                capture_output=True, timeout=harness.PATIENCE, check=False)
            # swaks exits with 24 if no recipient is accepted.
            self.assertEqual(result.returncode, code, result.stdout)
        text, = self.messages()
        self.assertIn(b"Received-SPF: pass\n", text)
        self.assertIn(b'\n mechanism="ip4:127.0.0.0/8"\n', text)

    def test_option(self):
        for value in ("", "refuse", "temperror=refuse", "pass=refuse"):
            with self.subTest(value):
                result = subprocess.run(
                    [*harness.command("serve"), "--listen", "127.0.0.1:0",
                     "--control", str(self.control), "--deliver", "discard",
                     "--spf", value], capture_output=True,
                    timeout=harness.PATIENCE, check=False)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(b"--spf", result.stderr)


if __name__ == "__main__":
    harness.main()
