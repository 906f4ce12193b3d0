# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs each example of README, of the EXAMPLES of the manual pages, and of
docs/relaying.md.

The examples run as they are written, except for what only an installed service
has: paths are below the test's directory, servers listen on port 0 of
127.0.0.1, and no server changes its user.

A server of an example must start without a warning and greet a client at each
of its listeners. Other commands must end with the exit code that EXAMPLES
below has for their first words.

The examples of docs/relaying.md contain their output, which is compared. With
the variable TEST_UPDATE the output is written into the document instead.
"""

import os
import pathlib
import re
import shlex
import smtplib
import socket
import ssl
import subprocess

import harness
from dns_stand_in import DnsStandIn

README = "README.md"
RELAYING = "docs/relaying.md"
PAGES = ("docs/postern-smtpd.8", "docs/postern.8", "docs/postern-auth.7",
         "docs/postern-introspect.8", "docs/postern-users.8",
         "docs/postern-check.8", "docs/postern-explain.8",
         "docs/postern-rules.8",
         "docs/postern-hosts.8", "docs/postern-init.8")

# Examples that are not commands, by their first line: the file that has the
# text, or a reason why it is not used here.
FILES = {
    '10.:allow,RELAYCLIENT=""': "etc/tcp.smtp",
    "url = https://idp.example.org/realms/mail/introspect":
        "etc/postern/introspect",
}
NOT_RUN = {
    "tools/run": "it builds the programs; tools/test-release runs it",
    "tools/install": "tools:install_test and tools/test-install run it",
    "postern init     ": "it configures and starts the services of this host",
    "systemctl start": "the same",
    "service smtp": "a line of it names a port below 1024 for xinetd, whose "
                    "installation would start a service on this host",
    "#include \"absl/time/clock.h\"": "a test of tests/readme compiles and runs it",
    "TEST(Welcome, IsSentAgainAfterATemporaryRefusal)":
        "a test of rig/ compiles and runs it",
    "rcpt decision=accept rule=rcpthosts": "tour() compares it with the log",
    "May send to every domain:": "test_relaying() compares it",
    "May send to 2 entries of rcpthosts": "the same",
}
# Commands that must fail, by a part of their text.
FAILS = {
    "--to someone@elsewhere.example": 24,  # swaks: no recipient accepted
    "--client 192.0.2.7": 1,  # postern explain: refused
    "--log -": 111,  # no log there
    "--log": 1,
    "--name-status temporary": 1,
}

PASSWORD = b"correct horse\n"


def unpage(text):
    """Returns a line of a manual page as a reader sees it."""
    return text.replace("\\-", "-").replace("\\e", "\\")


def readme_examples(text):
    """Yields the indented blocks and the fenced ones of a document."""
    fenced = re.compile(r"^```\w*\n(.*?)^```$", re.M | re.S)
    yield from (found.group(1) for found in fenced.finditer(text))
    block = []
    for line in fenced.sub("", text).split("\n") + [""]:
        if line.startswith("    "):
            block.append(line[4:])
        elif block:
            yield "\n".join(block)
            block = []


def page_examples(text):
    """Yields the unfilled blocks of EXAMPLES of a manual page."""
    section = text.split("\n.SH EXAMPLES\n", 1)[1].split("\n.SH ", 1)[0]
    for block in re.findall(r"^\.nf\n(.*?)^\.fi$", section, re.M | re.S):
        yield unpage(block)


def commands(block):
    """Returns the commands of an example, each in one line."""
    lines = block.replace("\\\n", " ").strip().split("\n")
    return [re.sub(r"\s+# .*", "", line) for line in lines]


def reason(block):
    """Returns why the example is not run, or None."""
    for start, why in NOT_RUN.items():
        if block.startswith(start):
            return why
    return None


class ExamplesTest(harness.TlsTestCase):

    def setUp(self):
        super().setUp()
        for name in ("etc/postern", "etc/ssl", "bin", "var/qmail/bin",
                     "var/log/qmail/smtpd"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.control.rename(self.folder / "var/qmail/control")
        self.control = self.folder / "var/qmail/control"
        for name in ("etc/postern/mx.pem", "etc/ssl/mx.pem"):
            self.make_certificate("mx.example.org", path=self.folder / name)
        self.make_certificate("mx.example.org", rsa=True,
                              path=self.folder / "etc/ssl/rsa.pem")
        key = self.folder / "etc/ssl/mx.key"
        key.write_bytes((self.folder / "key.pem").read_bytes())
        self.make_certificate("mx.example.org",
                              path=self.folder / "etc/ssl/mx.pem")
        key.write_bytes((self.folder / "key.pem").read_bytes())
        key.chmod(0o600)
        (self.folder / "etc/postern/introspect.client").write_text("a:b\n")
        (self.folder / "etc/postern/introspect.client").chmod(0o600)
        (self.folder / "etc/tcp.smtp").write_text(":allow\n")
        (self.folder / "password").write_bytes(PASSWORD)
        (self.folder / "var/log/qmail/smtpd/current").write_text(
            "rcpt decision=refuse rule=not-listed ip=192.0.2.1 host=\"\" "
            "from=<s@example.net> to=<u@example.org>\n")
        queue = pathlib.Path(self.put_queue())
        queue.rename(self.folder / "var/qmail/bin/qmail-queue")
        checker = self.folder / "bin/checkpassword"
        checker.write_text("#!/bin/sh\nexit 1\n")
        checker.chmod(0o755)
        programs = pathlib.Path(harness.POSTERN).parent
        for name in ("postern", "postern-smtpd", "postern-smtpd-tls",
                     "postern-introspect"):
            (self.folder / "bin" / name).symlink_to(programs / name)
        self.run_rules()
        self.port = None  # of the server of tools/run, for the tour

    def run_rules(self):
        rules = self.folder / "etc/tcp.smtp"
        subprocess.run(
            ["tcprules", f"{rules}.cdb", f"{rules}.tmp"],
            input=rules.read_bytes(), check=True, timeout=harness.PATIENCE)

    def localize(self, text):
        """Returns `text` with the test's paths, ports and users."""
        text = re.sub(r"(?<![\w.])/(etc|var|usr/local/bin|usr/bin|bin)/",
                      lambda found: f"{self.folder}/" + {
                          "etc": "etc", "var": "var"}.get(
                              found.group(1), "bin") + "/", text)
        text = text.replace(f"{self.folder}/bin/true", "/bin/true")
        text = re.sub(r"(\*|192\.0\.2\.1):\d+", "127.0.0.1:0", text)
        text = text.replace("--metrics 127.0.0.1:9025",
                            "--metrics 127.0.0.1:0")
        text = re.sub(r" --user \w+", "", text)
        # A file of this host must not change a result.
        text = re.sub(r"\bpostern serve$",
                      f"postern serve --config {self.folder}/etc/postern/"
                      "postern.conf", text)
        text = re.sub(r"\bpostern (serve|check|explain)\b(?!.*--config)",
                      r"postern \1 --config none", text)
        given = "" if "--yes" in text else " --yes --host mx.example.org"
        if "--first-user" in text:
            given += " --submission 127.0.0.1:0 --submissions 127.0.0.1:0"
        text = re.sub(r"\bpostern init\b",
                      f"postern init{given} --force --system-user none "
                      f"--directory {self.folder}/etc/postern --mail "
                      f"{self.folder}/var/mail --smtp 127.0.0.1:0", text)
        text = text.replace("127.0.0.1:2525", f"127.0.0.1:{self.port}")
        text = re.sub(r"\btcpserver\b", "tcpserver -1 -H -R -l mx", text)
        return re.sub(r"(-x \S+ (?:.* )?)0 (smtp|submissions|587) ",
                      r"\g<1>127.0.0.1 0 ", text)

    def environment(self, **more):
        return {"PATH": f"{self.folder}/bin:{harness.PATH}",
                "POSTERN_CONTROL": str(self.control), "GID": "0",
                "QUEUE_OUT": str(self.folder), **more}

    def run_example(self, block):
        """Runs the commands of one example."""
        settings = ""
        for command in commands(block):
            with self.subTest(command=command):
                here = self.localize(command)
                if re.match(r"\w+=\S+$", here):
                    settings += here + "\n"
                elif re.match(r"postern users add (?!--stdin)", here):
                    self.add_user(shlex.split(here)[2:])
                elif re.match(r"(exec )?postern serve", here):
                    self.try_serve(settings, here)
                elif re.match(r"(exec )?tcpserver", here):
                    self.try_tcpserver(settings, here)
                else:
                    self.try_command(settings, here)

    def try_command(self, settings, command):
        expected = [code for part, code in FAILS.items() if part in command]
        done = subprocess.run(
            ["bash", "-c", settings + command], env=self.environment(),
            cwd=self.folder, capture_output=True, text=True,
            timeout=harness.PATIENCE, check=False)
        self.assertEqual(done.returncode, expected[0] if expected else 0,
                         done.stdout + done.stderr)

    def add_user(self, arguments):
        terminal = harness.Terminal(self, *arguments)
        for prompt in (b"New password of ", b"Once more: "):
            terminal.wait_screen(prompt)
            terminal.type(PASSWORD)
        self.assertEqual(terminal.rest()[1], 0)

    def start(self, settings, command, **popen):
        log = self.folder / "log"
        with open(log, "wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", settings + "exec " + command.removeprefix(
                    "exec ")],
                cwd=self.folder, stdin=subprocess.DEVNULL, stderr=file,
                start_new_session=True, **popen)

        def stop():
            process.kill()
            process.wait(harness.PATIENCE)
        self.addCleanup(stop)
        return process, stop, log

    def try_serve(self, settings, command):
        ready, theirs = os.pipe()
        _, stop, log = self.start(
            settings, command, stdout=subprocess.DEVNULL, pass_fds=[theirs],
            env=self.environment(POSTERN_READY_FD=str(theirs)))
        os.close(theirs)
        with open(ready, "rb") as lines:
            listeners = lines.read().decode().split()
        self.assertNotIn("warning", log.read_text())
        wanted = [where for where in re.findall(
            r"--listen '?\"?([^'\" ]+)", command)]
        if "--config" in command and "--config none" not in command:
            wanted = ["127.0.0.1:0"]  # postern init has written it
        self.assertEqual(len(listeners), len(wanted), log.read_text())
        for where, how in zip(listeners, wanted):
            self.greet(int(where.rsplit(":", 1)[1]), "tls" in how.split(","))
        stop()

    def try_tcpserver(self, settings, command):
        process, stop, log = self.start(
            settings, command, stdout=subprocess.PIPE,
            env=self.environment())
        with process.stdout:
            line = process.stdout.readline()
            self.assertNotEqual(line, b"", log.read_text())
            self.greet(int(line), "--tls-wrapped" in command)
        stop()

    def greet(self, port, tls):
        """Checks that a server serves a client."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", port),
                                      harness.PATIENCE) as client:
            if tls:
                client = context.wrap_socket(client)
            smtp = smtplib.SMTP()
            smtp.sock = client
            self.assertEqual(smtp.getreply()[0], 220)
            self.assertEqual(smtp.ehlo("client.example")[0], 250)
            smtp.quit()

    def test_pages(self):
        for page in PAGES:
            found = 0
            for block in page_examples(pathlib.Path(page).read_text()):
                found += 1
                if reason(block):
                    continue
                first = block.split("\n", 1)[0]
                if first in FILES:
                    (self.folder / FILES[first]).write_text(
                        self.localize(block))
                    self.run_rules()
                    continue
                self.run_example(block)
            self.assertGreater(found, 0, page)

    def test_readme(self):
        found = 0
        for block in readme_examples(pathlib.Path(README).read_text()):
            if reason(block):
                continue
            found += 1
            if block.startswith("swaks"):
                self.tour(block)
            else:
                self.run_example(block)
        self.assertGreater(found, 3)

    def tour(self, block):
        """Runs the tour with the server that tools/run starts."""
        self.put("rcpthosts", "# Domains\n# more\nexample.org\n")
        server = harness.Serve(self)
        self.port = server.port
        self.run_example(block)
        self.assertEqual(len(self.messages()), 1)
        log = server.wait_log("rule=not-listed")
        shown = [b for b in readme_examples(pathlib.Path(README).read_text())
                 if b.startswith("rcpt decision=")][0]
        for line in shown.strip().split("\n"):
            fields = [re.escape(part) for part in line.split()]
            pattern = ".* ".join(fields).replace(r"\.\.\.", ".*")
            pattern = re.sub(r"size=\d+", r"size=\\d+", pattern)
            pattern = re.sub(r"ok\.\* \w+\\-1", r"ok.* [\\w-]+", pattern)
            self.assertRegex(log, pattern)

    def test_relaying(self):
        """Compares the output of each command in docs/relaying.md."""
        document = pathlib.Path(RELAYING)
        text = document.read_text()
        files = re.findall(r"`/(\S+)`(?:,[^:`]*`[^`]*`)?:\n\n```\n(.*?)^```$",
                           text, re.M | re.S)
        self.assertEqual([name for name, _ in files],
                         ["var/qmail/control/rcpthosts", "etc/tcp.smtp"])
        for name, content in files:
            (self.folder / name).write_text(content)
        self.run_rules()
        self.put("me", "mx.example.org\n")
        dns = DnsStandIn(self, {})

        def run(found):
            command = found.group(1)
            here = self.localize(command).replace(
                " --host-names", f" --host-names --resolver 127.0.0.1:{dns.port}")
            done = subprocess.run(
                ["bash", "-c", here],
                env=self.environment(), cwd=self.folder, capture_output=True,
                text=True, timeout=harness.PATIENCE, check=False)
            self.assertEqual(done.stderr, "", command)
            output = done.stdout.replace(f"{self.folder}/", "/")
            output = output.replace("  127.0.0.1:0  ", "  *:25  ")
            return f"```\n$ {command}\n{output}```\n"
        ran = re.sub(r"^```\n\$ ([^\n]*)\n(.*?)^```\n", run, text,
                     flags=re.M | re.S)
        self.assertIn("=> accepted by relayclient", ran)
        self.assertIn("grown: 198.51.100.0/24 may relay", ran)
        shown = [block.strip() for block in readme_examples(
            pathlib.Path(README).read_text()) if block.startswith("May send")]
        self.assertEqual(len(shown), 2)
        for block in shown:
            self.assertIn(block, ran)
        if "TEST_UPDATE" in os.environ:
            document.write_text(ran)
        self.assertEqual(ran, text)

    def test_every_reason_and_file_is_still_needed(self):
        blocks = list(readme_examples(pathlib.Path(README).read_text()))
        for page in PAGES:
            blocks += page_examples(pathlib.Path(page).read_text())
        for start in [*NOT_RUN, *FILES]:
            self.assertTrue([b for b in blocks if b.startswith(start)], start)


if __name__ == "__main__":
    harness.main()
