# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""postern rules and postern hosts, compared with the programs of ucspi-tcp and
used by tcpserver and both servers."""

import ipaddress
import os
import resource
import smtplib
import stat
import subprocess

import harness

RULES = """# relays
127.:allow,RELAYCLIENT=""
192.0.2.7-9:deny
=.evil.example:deny
joe@10.0.0.1:allow,A='"'
:allow,RBLSMTPD="-no",QMAILQUEUE="/bin/q"
"""


class TablesTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.text = self.folder / "tcp.smtp"
        self.table = self.folder / "tcp.smtp.cdb"
        self.text.write_text(RULES)

    def postern(self, *arguments, limit=None):
        """Returns (exit code, output, errors)."""
        def prepare():
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        done = subprocess.run(
            [harness.POSTERN, *map(str, arguments)], capture_output=True,
            stdin=subprocess.DEVNULL, timeout=harness.PATIENCE,
            preexec_fn=prepare, check=False)
        return (done.returncode, done.stdout.decode("latin-1"),
                done.stderr.decode("latin-1"))

    def compile(self, text, *options):
        self.text.write_text(text)
        self.assertEqual(self.postern("rules", "compile", *options, self.text),
                         (0, "", ""))

    def tcprules(self, text):
        """Returns the database that tcprules makes."""
        path = self.folder / "reference.cdb"
        subprocess.run(
            ["tcprules", str(path), str(self.folder / "reference.tmp")],
            input=text, check=True, timeout=harness.PATIENCE)
        return path.read_bytes()

    def tcprulescheck(self, address, name, ident):
        variables = {"PATH": harness.PATH, "TCPREMOTEIP": address}
        if name:
            variables["TCPREMOTEHOST"] = name
        if ident:
            variables["TCPREMOTEINFO"] = ident
        return subprocess.run(
            ["tcprulescheck", str(self.table)], env=variables,
            capture_output=True, text=True, check=True,
            timeout=harness.PATIENCE).stdout

    def names(self):
        return sorted(path.name for path in self.folder.iterdir())

    def test_rules_are_those_of_tcprules(self):
        self.compile(RULES)
        self.assertEqual(self.table.read_bytes(),
                         self.tcprules(RULES.encode()))
        self.assertEqual(stat.S_IMODE(self.table.stat().st_mode), 0o644)
        self.assertEqual(self.names(), ["Maildir", "control", "reference.cdb",
                                        "tcp.smtp", "tcp.smtp.cdb"])

    def test_shown_rules_make_the_same_database(self):
        self.compile(RULES)
        database = self.table.read_bytes()
        code, shown, errors = self.postern("rules", "show", self.table)
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(shown, """127.:allow,RELAYCLIENT=""
192.0.2.7:deny
192.0.2.8:deny
192.0.2.9:deny
=.evil.example:deny
joe@10.0.0.1:allow,A='"'
:allow,RBLSMTPD="-no",QMAILQUEUE="/bin/q"
""")
        self.compile(shown)
        self.assertEqual(self.table.read_bytes(), database)

    def test_rule_that_no_text_makes_is_reported(self):
        self.put_cdb(self.table, [("10.", ""), ("11.", "damaged")])
        code, shown, errors = self.postern("rules", "show", self.table)
        self.assertEqual((code, shown), (100, "10.:allow\n"))
        self.assertIn(f"{self.table}: rule 11.: ", errors)

    def test_answer_is_that_of_tcprulescheck_with_reasons(self):
        self.compile(RULES)
        codes = set()
        for address in ("127.0.0.1", "192.0.2.8", "10.0.0.1", "10.0.0.2"):
            for name in (None, "a.evil.example", "good.example"):
                for ident in (None, "joe"):
                    options = ["--host-name", name] if name else []
                    options += ["--ident", ident] if ident else []
                    for file in (self.text, self.table):
                        code, output, errors = self.postern(
                            "rules", "test", *options, file, address)
                        self.assertEqual(errors, "")
                        lines = "".join(
                            line + "\n" for line in output.splitlines()
                            if not line.startswith("  "))
                        said = self.tcprulescheck(address, name, ident)
                        self.assertEqual(lines, said)
                        self.assertEqual(
                            code, 1 if "deny connection" in said else 0)
                        if not said.startswith("default"):
                            self.assertIn(f"\n  {self.text}:", output)
                        codes.add(code)
        self.assertEqual(codes, {0, 1})

    def test_answer_names_the_line_and_the_meaning(self):
        self.compile(RULES)
        code, output, _ = self.postern("rules", "test", self.table,
                                       "127.0.0.1")
        self.assertEqual(code, 0)
        self.assertIn(f"rule 127.:\n  {self.text}:2\n", output)
        self.assertIn("The client may relay", output)

    def test_database_of_another_text_is_reported(self):
        self.compile(":deny\n")
        self.text.write_text(":allow\n")
        code, output, errors = self.postern("rules", "test", self.table,
                                            "127.0.0.1")
        self.assertEqual(code, 1)
        self.assertNotIn(f"  {self.text}:", output)
        self.assertIn(f"{self.table} was not made from {self.text} as it is "
                      "now.", errors)
        code, output, errors = self.postern("rules", "test", self.text,
                                            "127.0.0.1")
        self.assertEqual(code, 0)
        self.assertIn(f"  {self.text}:1\n", output)
        self.assertIn(f"{self.table} has other rules", errors)

    def test_tcpserver_serves_the_clients_of_a_network(self):
        server = harness.Tcpserver(self, rules=":deny\n")
        text = '127.0.0.128/25:allow,RELAYCLIENT=""\n:deny\n'
        self.text.write_text(text)
        self.assertEqual(
            self.postern("rules", "compile", "--cidr", self.text,
                         server.rules), (0, "", ""))
        for last in (127, 128, 255):
            address = f"127.0.0.{last}"
            with harness.Client(server, address) as client:
                if ipaddress.ip_address(address) in ipaddress.ip_network(
                        "127.0.0.128/25"):
                    client.greet()
                    client.ask("MAIL FROM:<a@b.example>")
                    self.assertTrue(client.ask("RCPT TO:<u@any.example>")
                                    .startswith("250 "))
                else:
                    self.assertEqual(client.reply(), "")

    def test_serve_serves_the_clients_of_a_network(self):
        self.compile("127.0.0.0/9:deny\n127.0.0.1:allow\n", "--cidr")
        server = harness.Serve(self, "--rules", str(self.table))
        with harness.Client(server) as client:
            client.greet()
        with harness.Client(server, "127.0.0.2") as client:
            self.assertTrue(client.reply().startswith("554 "))

    def test_networks_without_cidr_are_as_in_tcprules(self):
        text = "192.0.2.0/24:deny\n"
        self.text.write_text(text)
        code, _, errors = self.postern("rules", "compile", self.text)
        self.assertEqual(code, 0)
        self.assertIn(f"warning: {self.text}:1: a network with a slash never "
                      "matches", errors)
        self.assertEqual(self.table.read_bytes(),
                         self.tcprules(text.encode()))
        # The place of a rule is found in the text of either kind.
        self.compile(text, "--cidr")
        code, output, errors = self.postern("rules", "test", self.text,
                                            "192.0.2.1")
        self.assertEqual(code, 0)
        self.assertIn(f"{self.table} was made with --cidr. Servers use it as "
                      "it is.", errors)
        code, output, errors = self.postern("rules", "test", self.table,
                                            "192.0.2.1")
        self.assertEqual((code, errors), (1, ""))
        self.assertIn(f"  {self.text}:1\n", output)

    def test_old_rules_survive_errors(self):
        self.compile(":deny\n")
        old = self.table.read_bytes()
        before = self.names()
        cases = (
            (b"# one\n10.:allow,A\n", (), 100, f"{self.text}:2:11: a variable "
             "has no '='"),
            (b"10.:allow\r\n", (), 100, f"{self.text}:1:10: the line ends in "
             "a carriage return"),
            (b"10.0.0.1/8:allow\n", ("--cidr",), 100, f"{self.text}:1:1: "
             "network '10.0.0.1/8': the address has bits set"),
        )
        for text, options, code, error in cases:
            self.text.write_bytes(text)
            got, output, errors = self.postern("rules", "compile", *options,
                                               self.text)
            self.assertEqual((got, output), (code, ""))
            self.assertIn(error, errors)
            self.assertEqual(self.table.read_bytes(), old)
        self.text.write_text("".join(f"{i}.:allow\n" for i in range(200)))
        code, _, errors = self.postern("rules", "compile", self.text,
                                       limit=3000)
        self.assertNotEqual(code, 0)
        self.assertEqual(self.table.read_bytes(), old)
        self.assertEqual(self.postern("rules", "compile", self.text),
                         (0, "", ""))
        self.assertEqual(self.names(), before)

    def test_directory_that_cannot_be_written_is_an_error(self):
        code, _, errors = self.postern("rules", "compile", self.text,
                                       self.folder / "none" / "tcp.cdb")
        self.assertEqual(code, 100)
        self.assertIn(str(self.folder / "none"), errors)

    def test_hosts_are_accepted(self):
        text = self.control / "morercpthosts"
        text.write_text("# more\nMany.Example\n.sub.many.example \n\n")
        self.assertEqual(self.postern("hosts", "compile", text), (0, "", ""))
        self.put_cdb(self.folder / "reference.cdb",
                     [("many.example", ""), (".sub.many.example", "")])
        self.assertEqual((self.control / "morercpthosts.cdb").read_bytes(),
                         (self.folder / "reference.cdb").read_bytes())
        talk = self.talk("EHLO c\r\nMAIL FROM:<a@b.example>\r\n"
                         "RCPT TO:<u@many.example>\r\n"
                         "RCPT TO:<u@a.sub.many.example>\r\n"
                         "RCPT TO:<u@sub.many.example>\r\nQUIT\r\n")
        self.assertEqual(talk.codes, [220, 250, 250, 250, 250, 553, 221])

    def test_other_kinds_are_made(self):
        for name, line, records in (
                ("validrcptto", "Ann@A.example\n@b.example -\n",
                 [("ann@a.example", ""), ("@b.example", "-")]),
                ("senders", "ann:a@x.example\nann:b@x.example\n",
                 [("ann", "a@x.example b@x.example")]),
                ("aliases", "Info@local.example: ann, bob\n",
                 [("info@local.example", "ann, bob")])):
            text = self.control / name
            text.write_text(line)
            self.assertEqual(self.postern("hosts", "compile", text),
                             (0, "", ""))
            self.put_cdb(self.folder / "reference.cdb", records)
            self.assertEqual((self.control / f"{name}.cdb").read_bytes(),
                             (self.folder / "reference.cdb").read_bytes())
            # A name that says nothing needs --kind.
            other = self.folder / "list"
            other.write_text(line)
            code, _, errors = self.postern("hosts", "compile", other)
            self.assertEqual(code, 100)
            self.assertIn("morercpthosts, validrcptto, senders, aliases",
                          errors)
            control = (["--control", self.control] if name == "aliases"
                       else [])
            self.assertEqual(
                self.postern("hosts", "compile", "--kind", name, *control, other,
                             self.folder / "out.cdb"), (0, "", ""))
            self.assertEqual((self.folder / "out.cdb").read_bytes(),
                             (self.folder / "reference.cdb").read_bytes())

    def test_aliases_of_a_database_are_used(self):
        text = self.folder / "aliases.txt"
        database = self.control / "aliases.cdb"
        command = ["hosts", "compile", "--kind", "aliases", "--control",
                   self.control, text, database]
        text.write_text("info@local.example: ann@local.example\n")
        self.assertEqual(self.postern(*command), (0, "", ""))
        old = database.read_bytes()
        for line, message in (
                ("info: ann@elsewhere.example\n", ":1: the target "
                 "ann@elsewhere.example is not local"),
                ("a: b\nb: c\nc: a\n", ":1: aliases lead back to one "
                 "another: ")):
            text.write_text(line)
            code, _, errors = self.postern(*command)
            self.assertEqual(code, 100)
            self.assertIn(f"{text}{message}", errors)
            self.assertEqual(database.read_bytes(), old)
        home = self.folder / "home"
        for user in ("ann", "postmaster"):
            for part in ("tmp", "new"):
                (home / user / part).mkdir(parents=True)
        server = harness.Serve(self, deliver=f"maildir:{home}/%u")
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            client.sendmail("s@x.example", ["info@local.example"], "a\n")
        self.assertEqual(len(list((home / "ann" / "new").iterdir())), 1)

    def test_old_hosts_survive_errors(self):
        text = self.control / "senders"
        text.write_text("ann:a@x.example\n")
        self.assertEqual(self.postern("hosts", "compile", text), (0, "", ""))
        old = (self.control / "senders.cdb").read_bytes()
        text.write_text("ann:a@x.example\nbob\n")
        code, _, errors = self.postern("hosts", "compile", text)
        self.assertEqual(code, 100)
        self.assertIn(f"{text}:2:4: no colon follows the user", errors)
        text.unlink()
        code, _, errors = self.postern("hosts", "compile", text)
        self.assertEqual(code, 100)
        self.assertIn(f"{text}: no such file", errors)
        text.mkdir()
        self.assertEqual(self.postern("hosts", "compile", text)[0], 100)
        self.assertEqual((self.control / "senders.cdb").read_bytes(), old)
        self.assertEqual(sorted(os.listdir(self.control)),
                         ["me", "rcpthosts", "senders", "senders.cdb"])

    def test_wrong_usage_is_explained(self):
        for arguments in (
                ["rules"], ["rules", "make"], ["rules", "compile"],
                ["rules", "compile", self.text, self.table, "x"],
                ["rules", "compile", self.table],
                ["rules", "compile", self.text, self.text],
                ["rules", "show"], ["rules", "test", self.text],
                ["rules", "test", self.text, "localhost"],
                ["rules", "test", "--user", "x", self.text, "127.0.0.1"],
                ["hosts"], ["hosts", "show"], ["hosts", "compile"],
                ["hosts", "compile", "--kind", "rules", self.text],
                ["hosts", "compile", "--kind", "senders", "--control", "x",
                 self.text],
                ["hosts", "compile", "--kind", "aliases",
                 "--extension-separators", "a", self.text],
                ["hosts", "compile", "--kind", "senders", self.table]):
            code, output, errors = self.postern(*arguments)
            self.assertEqual((code, output), (100, ""), arguments)
            self.assertIn(f"postern {arguments[0]}: ", errors)
        self.assertFalse(self.table.exists())
        self.assertEqual(self.text.read_text(), RULES)
        for command in ("rules", "hosts"):
            code, output, _ = self.postern(command, "--help")
            self.assertEqual(code, 0)
            self.assertIn(f"See postern-{command}(8).", output)


if __name__ == "__main__":
    harness.main()
