# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Greylisting, with its table on disk."""

import sqlite3
import subprocess

import harness

# Prints what Debian's postgrey stores for each sender on standard input.
POSTGREY_SENDERS = r"""
undef $/;
open(my $file, "<", "/usr/sbin/postgrey") or die;
my ($function) = <$file> =~ /^(sub do_sender_substitutions.*?^\}\n)/ms or die;
eval $function;
print do_sender_substitutions(undef, $_), "\n" for split(/\n/, <STDIN>);
"""
SENDERS = (
    "ann@x.example", "news+u=d.example@x.example", "b-1234-56@x.example",
    "b-1234a@x.example", "1.2.x_3@x.example", "prvs=0123456789=ann@x.example",
    "prvs=ann=0123456789@x.example", "prvs=a=b=c@x.example",
    "prvs=0123456789=ann+y@x.example", "prvs=ann@x.example",
    "bounces+7-abc-u=d.example@x.example", "a--1-@x.example",
)


class GreylistTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.table = self.folder / "greylist"

    def swaks(self, server, *options, sender="s@x.example"):
        return harness.swaks(server, "--from", sender, *options)

    def query(self, text):
        """Runs a statement on the table, while the server uses it."""
        connection = sqlite3.connect(self.table, timeout=harness.PATIENCE)
        with connection:
            rows = connection.execute(text).fetchall()
        connection.close()
        return rows

    def pass_time(self, seconds):
        """Moves all that is in the table into the past."""
        self.query(f"UPDATE attempts SET first = first - {seconds}")
        self.query("UPDATE attempts SET passed = passed - "
                   f"{seconds} WHERE passed > 0")
        self.query(f"UPDATE networks SET last = last - {seconds}")

    def test_second_attempt_passes_also_after_a_kill(self):
        options = ("--greylist", str(self.table))
        server = harness.Serve(self, *options)
        said, code = self.swaks(server)
        self.assertNotEqual(code, 0)
        self.assertRegex(said, r"451 4\.7\.1 greylisted, try again in "
                               r"(300|299) seconds \(#4\.7\.1\)")
        self.assertRegex(
            server.wait_log("rule=greylist"),
            r"rcpt decision=refuse rule=greylist source=127\.0\.0\.0/24 ")
        self.assertEqual(self.messages(), [])
        server.kill_everything()
        self.assertEqual(
            self.query("SELECT network, sender, recipient FROM attempts"),
            [("127.0.0.0/24", "s@x.example", "u@local.example")])
        self.pass_time(300)
        server = harness.Serve(self, *options)
        said, code = self.swaks(server)
        self.assertEqual(code, 0, said)
        self.assertEqual(len(self.messages()), 1)
        said, code = self.swaks(server, sender="")  # the null sender
        self.assertIn("451 4.7.1 greylisted", said)
        # A recipient that another check refuses is refused permanently.
        said, code = self.swaks(server, "--to", "u@elsewhere.example")
        self.assertIn("553 ", said)
        self.assertEqual(self.query("SELECT count(*) FROM attempts"), [(2,)])

    def test_network_is_whitelisted_after_five_successes(self):
        server = harness.Serve(self, "--greylist",
                               f"{self.table},delay=60,window=3600")
        for i in range(5):
            said, _ = self.swaks(server, sender=f"s{chr(97 + i)}@x.example")
            self.assertIn("451 4.7.1 greylisted, try again in ", said)
            self.pass_time(60)
            said, code = self.swaks(server, sender=f"s{chr(97 + i)}@x.example")
            self.assertEqual(code, 0, said)
            self.pass_time(3600)
        said, code = self.swaks(server, sender="new@x.example")
        self.assertEqual(code, 0, said)

    def test_senders_are_stored_as_by_postgrey(self):
        server = harness.Serve(self, "--greylist", str(self.table))
        with harness.Client(server) as client:
            client.greet()
            for sender in SENDERS:
                assert client.ask(f"MAIL FROM:<{sender}>").startswith("250")
                assert client.ask("RCPT TO:<u@local.example>").startswith("451")
                client.ask("RSET")
        theirs = subprocess.run(
            ["perl", "-w", "-e", POSTGREY_SENDERS],
            input="\n".join(SENDERS).encode(), capture_output=True, check=True,
            timeout=harness.PATIENCE).stdout.decode().split()
        self.assertEqual(len(theirs), len(SENDERS))
        self.assertEqual(
            {sender for sender, in self.query("SELECT sender FROM attempts")},
            set(theirs))

    def test_relay_clients_and_exempt_clients_do_not_wait(self):
        server = harness.Serve(
            self, "--greylist", str(self.table),
            "--rules", self.rules('127.0.0.1:allow,RELAYCLIENT=""\n'
                        '127.0.0.2:allow,NOGREYLIST=""\n'))
        for client, code in (("127.0.0.1", 0), ("127.0.0.2", 0),
                             ("127.0.0.3", 24)):
            said, exit_code = self.swaks(server, "--local-interface", client)
            self.assertEqual(exit_code, code, said)

    def test_explanation_records_nothing(self):
        server = harness.Serve(self, "--greylist", str(self.table))
        command = [*harness.command("explain"), "--control", str(self.control),
                   "--deliver", f"catch-all:{self.maildir}", "--greylist",
                   str(self.table), "--client", "127.0.0.1", "--sender",
                   "s@x.example", "u@local.example"]

        def explain():
            return subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=harness.PATIENCE,
                check=False).stdout.decode()
        self.assertIn("451 4.7.1 greylisted, try again in 300", explain())
        self.assertEqual(self.query("SELECT count(*) FROM attempts"), [(0,)])
        self.swaks(server)
        self.pass_time(200)
        self.assertRegex(explain(), "try again in (100|99|98) seconds")
        self.pass_time(100)
        self.assertNotIn("greylisted", explain())

    def test_explanation_without_the_table(self):
        # The server creates it at its start, and may run as another user.
        for word, code, reply in (
                ("", 1, "451 4.3.0 greylisting does not work now"),
                (",ignore-outage", 0, "250 2.1.5 ok")):
            done = subprocess.run(
                [*harness.command("explain"), "--control", str(self.control),
                 "--deliver", f"catch-all:{self.maildir}", "--greylist",
                 f"{self.table}{word}", "--client", "127.0.0.1", "--sender",
                 "s@x.example", "u@local.example"],
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=harness.PATIENCE, check=False)
            self.assertEqual(done.returncode, code)
            self.assertIn(reply, done.stdout)
            self.assertEqual(
                done.stderr, f"postern explain: --greylist: {self.table}: "
                "unable to open database file: shown as if the table did not "
                "work\n")
            self.assertFalse(self.table.exists())

    def test_damaged_table_is_an_error_at_the_start(self):
        self.table.write_bytes(b"x" * 10000)
        said, code = harness.fail_to_start(self, "--greylist", str(self.table))
        self.assertEqual(code, 111)
        self.assertIn(f"fatal: --greylist: {self.table}: file is not a "
                      "database; remove the file", said)
        said, code = harness.fail_to_start(
            self, "--greylist", "/no/such/directory/greylist")
        self.assertEqual(code, 111)
        self.assertIn("fatal: --greylist: ", said)
        self.assertIn("/no/such/directory", said)

    def test_outage_is_a_temporary_refusal_unless_it_is_ignored(self):
        for word, reply in (("", "451 4.3.0 greylisting does not work now"),
                            (",ignore-outage", "250 2.1.5 ok")):
            server = harness.Serve(self, "--greylist", f"{self.table}{word}")
            self.query("DROP TABLE attempts")
            said, _ = self.swaks(server)
            self.assertIn(reply, said)
            log = server.wait_log("no such table: attempts")
            self.assertEqual("no such table: attempts, ignored" in log,
                             word != "")
            server.stop()
            for path in self.folder.glob("greylist*"):
                path.unlink()

    def test_only_the_server_has_the_table(self):
        process = subprocess.run(
            [harness.SMTPD, "--control", str(self.control), "--deliver",
             f"catch-all:{self.maildir}", "--greylist", str(self.table)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=harness.PATIENCE, check=False)
        self.assertIn(b"--greylist: only postern serve has a table",
                      process.stderr)

    def test_wrong_values_are_errors(self):
        for option, error in (
                (("--greylist", "g"),
                 "--greylist: not the absolute path of a file"),
                (("--greylist", "/g,delay=1h"), "--greylist: delay is not")):
            said, code = harness.fail_to_start(self, *option)
            self.assertEqual(code, 100, said)
            self.assertIn(error, said)


if __name__ == "__main__":
    harness.main()
