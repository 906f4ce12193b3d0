# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""postern check: who may relay, compared with declared grants."""

import html.parser
import json
import pathlib
import subprocess

import harness
from dns_stand_in import DnsStandIn

RULES = """203.0.113.0-15:allow,RELAYCLIENT=""
=.example.net:allow,RELAYCLIENT=""
192.0.2.66:deny
192.0.2.99:allow,RELAYCLIENT="@<script>alert(1)</script>"
:allow
"""


class Page(html.parser.HTMLParser):
    """Collects the elements of a page, and checks that they are nested."""

    VOID = ("meta",)

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.attributes = [], set(), set()
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


class SurfaceTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.rules = self.folder / "tcp.smtp"
        self.grants = self.folder / "grants"
        self.dns = DnsStandIn(self, {})
        self.set_rules(RULES)

    def set_rules(self, text):
        self.rules.write_text(text)
        subprocess.run(["tcprules", f"{self.rules}.cdb", f"{self.rules}.tmp"],
                       input=text.encode(), check=True,
                       timeout=harness.PATIENCE)

    def check(self, *arguments, expected=0):
        """Returns the standard output, or the standard error of a failure."""
        done = subprocess.run(
            [*harness.command("check"), "--control", str(self.control),
             "--listen", "127.0.0.1:0", "--deliver",
             f"catch-all:{self.maildir}", "--host-names", "--resolver",
             f"127.0.0.1:{self.dns.port}",
             "--rules", f"{self.rules}.cdb", *arguments],
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False, env={"PATH": harness.PATH})
        self.assertEqual(done.returncode, expected, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_a_surface_that_has_grown_fails_and_names_the_rule(self):
        self.check("--write-expect", str(self.grants))
        declared = self.grants.read_text()
        self.assertIn("\naddress 203.0.113.0/28\n", declared)
        self.assertIn("\nname .example.net\n", declared)
        out = self.check("--expect", str(self.grants))
        self.assertIn(f"Expected: {self.grants} declares all of this.", out)

        self.set_rules(RULES.replace(
            ":deny\n", ":deny\n198.51.100.:allow,RELAYCLIENT=\"\"\n"))
        grown = (f"198.51.100.0/24 may relay by {self.rules}:4; "
                 f"{self.grants} does not declare it")
        out = self.check("--expect", str(self.grants), expected=1)
        self.assertIn(f"\ngrown: {grown}\n", out)
        out = json.loads(
            self.check("--json", "--expect", str(self.grants), expected=1))
        self.assertEqual(out["relay_surface"]["expected"]["grown"], [grown])

        # Fewer rights are no growth.
        self.set_rules(":allow\n")
        out = self.check("--expect", str(self.grants))
        self.assertIn("note: ", out)
        self.assertEqual(self.grants.read_text(), declared)

    def test_a_domain_more_is_growth(self):
        self.check("--write-expect", str(self.grants))
        with open(self.control / "rcpthosts", "a", encoding="utf-8") as file:
            file.write(".com\n")
        out = self.check("--expect", str(self.grants), expected=1)
        self.assertIn("grown: recipients at .com get mail from every client",
                      out)
        self.assertIn(".com  ", out)

    def test_a_user_is_growth(self):
        self.check("--write-expect", str(self.grants))
        users = self.folder / "users"
        subprocess.run([harness.POSTERN, "users", "add", "--stdin",
                        str(users), "ann"], input=b"password\n", check=True,
                       timeout=harness.PATIENCE)
        out = self.check("--auth", f"cdb:{users}", "--listen",
                         "127.0.0.1:0,submission,no-tls", "--expect",
                         str(self.grants), expected=1)
        self.assertIn("grown: every user may relay by AUTH;", out)

    def test_proxies_may_claim(self):
        self.check("--write-expect", str(self.grants))
        out = self.check("--xclient-from", "10.0.0.0/8", "--expect",
                         str(self.grants), expected=1)
        self.assertIn("10.0.0.0/8", out)
        self.assertIn("grown: 10.0.0.0/8 may name any client address, host "
                      "name and user by --xclient-from 10.0.0.0/8; ", out)

    def test_a_proxy_can_claim_to_be_a_host_of_xclient_from(self):
        self.check("--write-expect", str(self.grants))
        socket = self.folder / "socket"
        proxies = ("--proxy-from", "192.0.2.8/32", "--listen",
                   "127.0.0.1:0,proxy", "--listen", f"unix:{socket},proxy",
                   "--expect", str(self.grants))
        out = self.check(*proxies, expected=1)
        self.assertIn("grown: 192.0.2.8 may name any client address by ", out)
        self.assertIn(f"grown: each client of {socket} may name any client "
                      "address by ", out)
        out = self.check(*proxies, "--xclient-from", "10.0.0.0/8", expected=1)
        for peers in ("192.0.2.8", f"each client of {socket}", "10.0.0.0/8"):
            self.assertIn(f"grown: {peers} may name any client address, host "
                          "name and user by ", out)

    def test_a_socket_from_systemd_may_have_proxies(self):
        listen = ("--listen", "systemd:smtp,proxy", "--proxy-from",
                  "192.0.2.8/32")
        self.check("--write-expect", str(self.grants))
        out = self.check(*listen, "--expect", str(self.grants), expected=1)
        self.assertIn("grown: each client of systemd:smtp may name any client "
                      "address by --listen systemd:smtp,proxy; ", out)
        certificate = self.folder / "certificate"
        self.check(*listen, "--write-expect", str(self.grants),
                   "--certificate", str(certificate))
        self.assertIn("\nproxy systemd:smtp\n", self.grants.read_text())
        self.check(*listen, "--expect", str(self.grants))
        self.verify(certificate, 0)

    def test_the_text_of_the_rules_is_not_needed(self):
        self.rules.unlink()
        self.rules.mkdir()  # it exists, and cannot be read
        out = self.check()
        self.assertIn(f"{self.rules}.cdb key \"203.0.113.", out)

    def test_a_mistake_in_the_grants_is_an_error(self):
        self.grants.write_text("users\naddress 192.0.2.1/24\n")
        out = self.check("--expect", str(self.grants), expected=100)
        self.assertIn(f"{self.grants}:2: \"192.0.2.1/24\" is not a network",
                      out)
        out = self.check("--expect", str(self.folder / "missing"),
                         expected=111)
        self.assertIn("0 errors, ", out)  # the findings are not lost

    def test_a_file_that_cannot_be_written_is_an_error(self):
        self.check("--html", str(self.folder / "no/page.html"), expected=111)
        (self.folder / "directory").mkdir()
        self.check("--html", str(self.folder / "directory"), expected=111)

    def test_the_page_is_html_without_scripts(self):
        path = self.folder / "page.html"
        path.write_text("the page of last week")
        self.check("--html", str(path))
        text = path.read_text()
        self.assertTrue(text.startswith("<!DOCTYPE html>\n"))
        page = Page(text)
        self.assertEqual(page.seen, {
            "html", "head", "meta", "title", "style", "body", "h1", "h2", "p",
            "section", "table", "tr", "th", "td"})
        self.assertEqual(page.attributes,
                         {"lang", "charset", "name", "content", "scope"})
        self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt;", text)
        self.assertIn("203.0.113.0/28", text)
        self.assertEqual([], [name.name for name in self.folder.iterdir()
                              if ".new" in name.name])

    def test_all_forms_say_the_same(self):
        text = self.check()
        surface = json.loads(self.check("--json"))["relay_surface"]
        self.assertIn(f"Relay surface: {surface['summary']}.\n", text)
        effects = {group["effect"]: group for group in surface["groups"]}
        relay = {client.get("name", *client.get("networks", [])[:1]):
                 client["source"] for client in effects["relay"]["clients"]}
        self.assertEqual(relay, {"203.0.113.0/28": f"{self.rules}:1",
                                 ".example.net": f"{self.rules}:2"})
        self.assertEqual(effects["suffix"]["suffix"],
                         "@<script>alert(1)</script>")
        self.assertEqual(
            effects["denied"]["clients"][0]["networks"], ["192.0.2.66"])

    def test_the_checker_accepts_the_certificate(self):
        certificate = self.folder / "certificate"
        self.check("--certificate", str(certificate), "--write-expect",
                   str(self.grants))
        self.verify(certificate, 0)
        # Each line is needed.
        lines = self.grants.read_text().split("\n")
        for line in lines:
            if line.split(" ")[0] not in ("address", "name"):
                continue
            with self.subTest(line=line):
                self.grants.write_text(
                    "\n".join(each for each in lines if each != line))
                self.verify(certificate, 1)
        self.grants.write_text("\n".join(lines))
        self.set_rules(RULES + "10.:allow,RELAYCLIENT=\"\"\n")
        self.check("--certificate", str(certificate))
        self.verify(certificate, 1)

    def verify(self, certificate, expected):
        checker = pathlib.Path("tools/check-certificate")
        done = subprocess.run(
            [str(checker), str(certificate), "--grants",
             str(self.grants)],
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False, env={"PATH": harness.PATH})
        self.assertEqual(done.returncode, expected, done.stdout + done.stderr)


if __name__ == "__main__":
    harness.main()
