#!/usr/bin/env python3
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests tools/check-certificate with certificates of real control files, and
with lies in them:

    check_certificate_test.py CHECK-CERTIFICATE PRINT_CERTIFICATE
"""

import copy
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

CHECK, PRINT = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))

RULES = """\
192.0.2.7:deny
192.0.2.:allow,RELAYCLIENT=""
10.1.2.:allow
2001:db8:1::allow,RELAYCLIENT=""
=a.example.net:allow,RELAYCLIENT=""
=.example.net:allow,RELAYCLIENT=""
bad address:deny
:allow
"""
GRANTS = """\
# who may relay
address 192.0.2.0/24   # the office
address 2001:db8:1::/48
name .example.net
"""


def write_cdb(path, records):
    """Writes pairs of a key and data as a database, with tinycdb."""
    text = b"".join(b"+%d,%d:%s->%s\n" % (len(key), len(data), key, data)
                    for key, data in records) + b"\n"
    subprocess.run(["cdb", "-c", path, "-"], input=text, check=True)
    return path


def compile_rules(folder, text):
    """Does what tcprules does, for simple lines; it knows IPv6 as well."""
    with open(os.path.join(folder, "tcp.smtp"), "w", encoding="ascii") as file:
        file.write(text)
    records = []
    for line in text.splitlines():
        key, deny, _ = line.partition(":deny")
        key, _, variables = (key, "", "") if deny else line.partition(":allow")
        records.append((key.encode(), b"D\0" if deny else b"".join(
            b"+%s\0" % variable.replace('"', "").encode()
            for variable in variables.split(",")[1:])))
    return write_cdb(os.path.join(folder, "tcp.smtp.cdb"), records)


class CertificateTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        self.write("me", "mx.example.org\n")
        self.write("rcpthosts", "example.org\n.example.org\n")
        self.rules = compile_rules(self.folder, RULES)
        self.options = ["host-names"]

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def certificate(self):
        result = subprocess.run(
            [PRINT, self.folder, self.rules] + self.options,
            capture_output=True, check=True)
        self.seconds = float(result.stderr.split()[0])
        return json.loads(result.stdout)

    def check(self, certificate, *options):
        path = self.write("certificate", json.dumps(certificate))
        return subprocess.run([CHECK, path, *options], check=False,
                              capture_output=True, text=True)

    def expect_true(self, certificate, *options):
        result = self.check(certificate, *options)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def expect_lie(self, certificate, says, *options):
        result = self.check(certificate, *options)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(says, result.stdout)

    def test_the_certificate_is_true(self):
        certificate = self.certificate()
        self.expect_true(certificate, "--grants", self.write("grants", GRANTS),
                         "--rules", self.rules, "--control", self.folder)
        self.options = ["users", "claimed"]
        self.expect_true(
            self.certificate(), "--grants",
            self.write("grants", GRANTS + "users\nxclient 198.51.100.0/24\n"))
        self.options = []
        self.expect_true(self.certificate(), "--rules", self.rules)

    def test_lies_about_addresses(self):
        true = self.certificate()
        sets = {entry["key"]: i for i, entry in enumerate(true["addresses"])}
        for key, change, says in (
                ("192.0.2.", lambda v4: v4.pop(), "a gap or an overlap"),
                ("192.0.2.", lambda v4: v4[0].__setitem__(1, "192.0.2.7"),
                 "a gap or an overlap"),
                ("192.0.2.", lambda v4: v4[0].__setitem__(1, "192.0.2.5"),
                 "a gap or an overlap"),
                ("10.1.2.", lambda v4: v4.clear(), "a gap or an overlap"),
                (None, lambda v4: v4.append(["192.0.2.7", "192.0.2.7"]),
                 "a gap or an overlap")):
            lie = copy.deepcopy(true)
            change(lie["addresses"][sets[key]]["v4"])
            self.expect_lie(lie, says)
        # A range that belongs to another key leaves no gap.
        lie = copy.deepcopy(true)
        office = lie["addresses"][sets["192.0.2."]]["v4"]
        lie["addresses"][sets["192.0.2.7"]]["v4"].append(office.pop())
        self.expect_lie(lie, "wrong range of the key")
        lie = copy.deepcopy(true)
        lie["addresses"][sets["2001:db8:1:"]]["v6_network"] = "2001:db8::/32"
        self.expect_lie(lie, "2001:db8::/32 is not")
        lie = copy.deepcopy(true)
        lie["addresses"][sets[None]]["v6_except"].clear()
        self.expect_lie(lie, "wrong exceptions")

    def test_lies_about_clients(self):
        true = self.certificate()
        kinds = [entry["kind"] for entry in true["clients"]]
        for change, says in (
                (lambda clients: clients[kinds.index("address")][
                    "witnesses"][0].__setitem__("address", "192.0.2.8"),
                 "is not in it"),
                (lambda clients: clients[kinds.index("suffix")][
                    "witnesses"][0].__setitem__("name", "a.example.net"),
                 "is not in it"),
                (lambda clients: clients[kinds.index("any")][
                    "witnesses"].pop(), "witnesses of the states"),
                (lambda clients: clients.pop(kinds.index("any")),
                 "the class of the other clients"),
                (lambda clients: clients.append(clients[0]), "two classes")):
            lie = copy.deepcopy(true)
            change(lie["clients"])
            self.expect_lie(lie, says)
        # A rule is left out, or said to match no client.
        lie = copy.deepcopy(true)
        left_out = lie["clients"].pop(kinds.index("suffix"))
        self.expect_lie(lie, "'=.example.net' is not in the certificate",
                        "--rules", self.rules)
        lie = copy.deepcopy(true)
        hidden = lie["clients"].pop(kinds.index("prefix"))
        lie["unreached_rules"].append(
            {"entry": hidden["key"], "source": "", "why": ""})
        self.expect_lie(lie, "no class for %r" % hidden["key"])
        self.assertEqual(left_out["key"], "=.example.net")

    def test_lies_about_recipients(self):
        true = self.certificate()
        classes = [entry["kind"] for entry in true["recipients"][0]["classes"]]
        for change, says in (
                (lambda entry: entry["envelope"].__setitem__(
                    "domain", "b.example.org"), "the witness is listed"),
                (lambda entry: entry.__setitem__("local", True),
                 "its domain is not local")):
            lie = copy.deepcopy(true)
            change(lie["recipients"][0]["classes"][classes.index("unlisted")])
            self.expect_lie(lie, says)
        lie = copy.deepcopy(true)
        lie["recipients"][0]["classes"].pop(classes.index("line"))
        self.expect_lie(lie, "the entry 'example.org' is not in the certificate",
                        "--control", self.folder)

    def test_lies_about_verdicts(self):
        true = self.certificate()
        lie = copy.deepcopy(true)
        lie["verdicts"].pop(17)
        self.expect_lie(lie, "verdicts: none of")
        lie = copy.deepcopy(true)
        lie["verdicts"].append(lie["verdicts"][0])
        self.expect_lie(lie, "verdicts: two of")
        # The clients without a right to relay are accepted.
        grants = self.write("grants", GRANTS)
        stranger = next(entry["profile"] for entry in true["clients"]
                        if entry["kind"] == "any")
        lie = copy.deepcopy(true)
        for verdict in lie["verdicts"]:
            if verdict["profile"] == stranger and (
                    verdict["recipient"] == "unlisted"):
                verdict["accepted"] = True
        self.expect_lie(lie, "the class any '' ", "--grants", grants)
        lie = copy.deepcopy(true)
        for profile in lie["profiles"]:
            profile["relay_client"] = None
        self.expect_lie(lie, "the record of '192.0.2.' differs",
                        "--rules", self.rules)

    def test_what_relays_must_be_granted(self):
        true = self.certificate()
        for line, says in (("address 192.0.2.0/24", "'192.0.2.'"),
                           ("address 2001:db8:1::/48", "'2001:db8:1:'"),
                           ("name .example.net", "'=.example.net'")):
            grants = "".join(grant + "\n" for grant in GRANTS.split("\n")
                             if not grant.startswith(line))
            self.assertNotEqual(grants, GRANTS)
            self.expect_lie(true, says, "--grants",
                            self.write("grants", grants))
        self.expect_lie(true, "'192.0.2.'", "--grants", self.write(
            "grants", GRANTS.replace("192.0.2.0/24", "192.0.2.0/25")))
        self.expect_true(true, "--grants", self.write("grants", GRANTS.replace(
            "192.0.2.0/24", "192.0.2.0-192.0.2.99\naddress 192.0.2.100/30\n"
            "address 192.0.2.104-192.0.2.255")))
        self.expect_true(true, "--grants", self.write("grants", "everyone\n"))
        self.options = ["host-names", "users", "claimed"]
        true = self.certificate()
        self.expect_lie(true, "users of the class any", "--grants", self.write(
            "grants", GRANTS + "xclient 198.51.100.0/24\n"))
        self.expect_lie(true, "may claim to be any client", "--grants",
                        self.write("grants", GRANTS +
                                   "users\nproxy 198.51.100.0/24\n"))
        self.expect_lie(true, "may claim to be any client", "--grants",
                        self.write("grants", GRANTS + "users\n"))

    def test_what_only_a_proxy_can_claim_is_its_grant(self):
        self.options = ["claimed"]
        true = self.certificate()
        names = "name .example.net\n"
        self.assertIn(names, GRANTS)
        grants = self.write("grants", GRANTS.replace(names, "") +
                            "xclient 198.51.100.0/24\n")
        self.expect_true(true, "--grants", grants)
        # Other classes must be granted even if they are said to be claimed.
        for entry in true["clients"]:
            entry["claimed"] = True
        grants = self.write("grants", GRANTS.replace(
            "192.0.2.0/24", "192.0.2.0/25") + "xclient 198.51.100.0/24\n")
        self.expect_lie(true, "'192.0.2.'", "--grants", grants)
        self.options = ["host-names", "claimed"]
        true = self.certificate()
        for entry in true["clients"]:
            entry["claimed"] = True
        grants = self.write("grants", GRANTS.replace(names, "") +
                            "xclient 198.51.100.0/24\n")
        self.expect_lie(true, "'=.example.net'", "--grants", grants)

    def test_grants_have_escapes(self):
        self.expect_true(self.certificate(), "--grants", self.write(
            "grants", GRANTS.replace(".example.net", "\\x2eexample.\\x6eet")))

    def test_grants_of_sockets(self):
        true = self.certificate()
        for peers in ("/run/postern s", "systemd:smtp"):
            true["claimants"] = [{
                "network": None, "peers": peers, "names": False,
                "users": False, "source": "--listen %s,proxy" % peers}]
            self.expect_lie(true, "may claim to be any client", "--grants",
                            self.write("grants", GRANTS + "proxy /run/other\n"
                                       "proxy systemd:other\n"))
            self.expect_true(true, "--grants", self.write(
                "grants", GRANTS + "proxy %s\n" % peers.replace(" ", "\\x20")))

    def test_a_truncated_database_is_an_error(self):
        true = self.certificate()
        with open(self.rules, "rb") as file:
            data = file.read()
        for size in (0, 100, 2047, 2050, 2100):
            with open(self.rules, "wb") as file:
                file.write(data[:size])
            result = self.check(true, "--rules", self.rules)
            self.assertEqual(result.returncode, 2, result.stdout)

    def test_a_wrong_grant_is_an_error(self):
        result = self.check(self.certificate(), "--grants",
                            self.write("grants", "users\nnetwork 10.0.0.0/8\n"))
        self.assertEqual(result.returncode, 2)
        self.assertIn("grants:2: not a grant: network 10.0.0.0/8",
                      result.stderr)

    def test_many_rules_and_domains(self):
        generator = random.Random(14)
        lines = ["%d.%d.%d.%d:allow%s\n" % (
            *(generator.randrange(256) for _ in range(4)),
            ',RELAYCLIENT=""' if i % 3 == 0 else "") for i in range(10000)]
        self.rules = compile_rules(self.folder, "".join(lines) + ":allow\n")
        names = ["host%d.example" % i for i in range(100000)]
        self.write("rcpthosts", "".join(name + "\n" for name in names[:50000]))
        write_cdb(os.path.join(self.folder, "morercpthosts.cdb"),
                  [(name.encode(), b"") for name in names[50000:]])
        certificate = self.certificate()
        self.assertEqual(len(certificate["recipients"][0]["classes"]), 100007)
        print("The surface took %.3f seconds of CPU time" % self.seconds)
        self.assertLess(self.seconds, 5)
        self.expect_true(certificate, "--rules", self.rules, "--control",
                         self.folder)


if __name__ == "__main__":
    unittest.main()
