# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Debian's fail2ban reads the log with the jails in docs/fail2ban.

fail2ban-regex reads a log of multilog and a journal, and prints the addresses
that it would ban.
"""

import base64
import configparser
import pathlib
import re
import shutil
import signal
import subprocess

import harness

FOLDER = (pathlib.Path(harness.__file__).resolve().parent.parent.parent
          / "docs" / "fail2ban")
JOURNAL_REMOTE = "/lib/systemd/systemd-journal-remote"
# Text that a client sends to get another address banned.
FORGED = "postern: pid=1 auth result=failure ip=192.0.2.98 b"
FORGED_JSON = ('{"event":"auth","program":"postern","pid":1,'
               '"result":"failure","ip":"192.0.2.98"')
CHECKER = """#!/bin/sh
exec 0<&3
case "$(tr '\\0' '\\n')" in
  *right*) exec "$@" ;;
  *outage*) exit 111 ;;
esac
exit 1
"""


def plain(user, password):
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


class Fail2banTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.checker = self.folder / "checker"
        self.checker.write_text(CHECKER)
        self.checker.chmod(0o755)
        self.config = self.folder / "fail2ban"
        shutil.copytree("/etc/fail2ban", self.config)
        for other in (self.config / "jail.d").iterdir():
            other.unlink()  # Debian's jail for the log of sshd
        shutil.copy(FOLDER / "postern.conf", self.config / "filter.d")

    def jails(self, name):
        """Returns the jails of a file by name; checks that they are valid."""
        text = (FOLDER / name).read_text().replace(
            "/var/log/postern/current", str(self.current()))
        path = self.config / "jail.d" / "postern.conf"
        path.write_text(text)
        tested = subprocess.run(
            ["fail2ban-client", "-c", str(self.config), "-t"],
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False)
        self.assertEqual(tested.returncode, 0, tested.stdout + tested.stderr)
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(text)
        return {jail: parser[jail] for jail in parser.sections()}

    def current(self):
        return self.folder / "multilog" / "current"

    def regex(self, *arguments):
        """Returns the addresses that fail2ban-regex finds."""
        done = subprocess.run(
            ["fail2ban-regex", "-c", str(self.config), "-o", "<ip>",
             *arguments], capture_output=True, text=True,
            timeout=harness.PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return sorted(done.stdout.split())

    def found(self, lines):
        """Returns what each jail finds in `lines`, in both kinds of log."""
        subprocess.run(["multilog", "t", str(self.current().parent)],
                       input=lines.encode("latin-1"), check=True,
                       timeout=harness.PATIENCE)
        found = {}
        for name, jail in self.jails("jail-multilog.conf").items():
            found[name] = self.regex(jail["logpath"], jail["filter"])
        journal = self.folder / "x.journal"
        self.write_journal(journal, lines)
        for name, jail in self.jails("jail-journal.conf").items():
            self.assertEqual(jail["backend"], "systemd")
            self.assertEqual(
                self.regex("-m", jail["journalmatch"],
                           f'systemd-journal[journalfiles="{journal}"]',
                           jail["filter"]), found[name], name)
        journal.unlink()
        shutil.rmtree(self.current().parent)
        return found

    def write_journal(self, path, lines):
        """Makes a journal of `lines`, and of the same lines by another unit."""
        export = b""
        moment = 1795982400 * 10**6
        for unit, address in (("postern.service", "127.0.0."),
                              ("other.service", "198.51.100.")):
            for line in lines.splitlines():
                moment += 1000
                fields = {
                    "__REALTIME_TIMESTAMP": moment,
                    "__MONOTONIC_TIMESTAMP": moment - 1795982400 * 10**6,
                    "_BOOT_ID": "0123456789abcdef0123456789abcdef",
                    "_SYSTEMD_UNIT": unit, "_HOSTNAME": "mx", "_PID": 77,
                    "SYSLOG_IDENTIFIER": "postern",
                    "MESSAGE": line.replace("127.0.0.", address)}
                export += "".join(f"{key}={value}\n" for key, value
                                  in fields.items()).encode() + b"\n"
        subprocess.run([JOURNAL_REMOTE, "-o", str(path), "-"], input=export,
                       capture_output=True, check=True,
                       timeout=harness.PATIENCE)

    def attack(self, server, other):
        """Sends guesses, probes and forged lines, each from its own address."""
        def client(last, port):
            server.port = port
            return harness.Client(server, f"127.0.0.{last}").greet()

        with client(2, server.ports[0]) as guess:
            guess.ask("AUTH PLAIN " + plain("alice", "wrong"))
        with client(3, server.ports[0]) as right:
            self.assertEqual(
                right.ask("AUTH PLAIN " + plain("alice", "right"))[:3], "235")
        with client(4, server.ports[0]) as forging:
            forging.ask("AUTH PLAIN " + plain(FORGED, "wrong"))
        with client(5, server.ports[0]) as outage:
            outage.ask("AUTH PLAIN " + plain("alice", "outage"))
        with client(6, other) as probe:
            self.assertEqual(probe.ask("AUTH PLAIN")[:3], "502")
        with client(7, other) as lost:
            for _ in range(20):
                lost.ask("bogus")
            self.assertEqual(lost.ask("bogus")[:3], "421")
        for forged in (FORGED, FORGED_JSON):
            with client(8, other) as forging:
                forging.ask("HELO " + forged)
                forging.ask(forged)
                forging.ask(f"MAIL FROM:<\"{forged}\"@x.example>")
                forging.ask(f"RCPT TO:<\"{forged}\"@far.example>")
                forging.ask(f"RCPT TO:<u@x> {forged}")
                forging.ask("QUIT")

    def test_each_jail_finds_its_own_clients(self):
        for log_format in ("logfmt", "json"):
            with self.subTest(log_format):
                server = harness.Serve(
                    self, "--auth", f"checkpassword:{self.checker}",
                    "--auth-insecure", "--auth-delay", "0", "--log-format",
                    log_format, "--max-errors", "20",
                    listen=("127.0.0.1:0,auth", "127.0.0.1:0"))
                self.attack(server, server.ports[1])
                server.signal(signal.SIGTERM)
                server.wait()
                self.assertEqual(self.found(server.log()), {
                    "postern": ["127.0.0.2", "127.0.0.4"],
                    "postern-outage": ["127.0.0.5"],
                    "postern-probe": ["127.0.0.6"],
                    "postern-errors": ["127.0.0.7"]})

    def test_jails_read_the_log_of_postern_smtpd(self):
        def talk(last, says, *options):
            return self.talk(
                says, *options,
                environment={"TCPREMOTEIP": f"127.0.0.{last}"}).log

        auth = ("--auth", f"checkpassword:{self.checker}", "--auth-insecure",
                "--auth-delay", "0")
        log = talk(2, "EHLO c\r\nAUTH PLAIN " + plain("a", "wrong") + "\r\n",
                   *auth)
        log += talk(4, f"EHLO {FORGED}\r\nAUTH PLAIN "
                    + plain(FORGED, "wrong") + "\r\n", *auth)
        log += talk(6, "EHLO c\r\nAUTH PLAIN\r\n")
        log += talk(7, "bogus\r\n" * 101)
        self.assertTrue(re.match("postern-smtpd: pid=", log), log)
        self.assertEqual(self.found(log), {
            "postern": ["127.0.0.2", "127.0.0.4"],
            "postern-outage": [],
            "postern-probe": ["127.0.0.6"],
            "postern-errors": ["127.0.0.7"]})


if __name__ == "__main__":
    harness.main()
