# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Shared by the end-to-end tests: servers, clients, a queue program.

Each test has its own directory, listens on port 0 of a loopback address, and
ends the processes that it started by their id. Run a script that uses this as
`python3 SCRIPT POSTERN-SMTPD [POSTERN] [TEST...]`; an argument with a '/' is a
path, otherwise the name of a test. If $XML_OUTPUT_FILE is set, as by Bazel, the
script writes the result of each test case there.
"""

import os
import pathlib
import pty
import pwd
import resource
import select
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest
import xml.etree.ElementTree as ElementTree

# The caller's environment must not change a test's result: locale, time zone,
# proxies, umask, directories in PATH, limit of descriptors. So a test sets all
# of these. Only Bazel's variables are kept.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
for _name in list(os.environ):
    if not _name.startswith(("TEST_", "XML_OUTPUT_", "TMPDIR")):
        del os.environ[_name]
os.environ.update(PATH=PATH, LC_ALL="C.UTF-8", TZ="UTC")
os.umask(0o022)
_hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(_hard, 4096), _hard))

SMTPD = ""
POSTERN = ""  # empty if the script got no such argument

# In seconds. Long enough for the slowest host; a test that waits so long fails.
PATIENCE = 60

# A queue program that saves message and envelope and exits with $QUEUE_EXIT.
QUEUE = """#!/bin/sh
cat >"$QUEUE_OUT/message"
cat <&1 >"$QUEUE_OUT/envelope"
env >"$QUEUE_OUT/environment"
exit "${QUEUE_EXIT:-0}"
"""


def command(name):
    """Returns the beginning of a command line of postern serve, check, explain
    or config show. Without --config the command would read
    /etc/postern/postern.conf of this host."""
    return [POSTERN, *name.split(), "--config", "none"]


def has_ipv6():
    """Returns whether this host has ::1."""
    try:
        with socket.socket(socket.AF_INET6) as trial:
            trial.bind(("::1", 0))
        return True
    except OSError:
        return False


class TestCase(unittest.TestCase):
    """A test with its own directory, which contains control files."""

    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postern-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.control = self.folder / "control"
        self.control.mkdir()
        self.put("me", "mx.example.org\n")
        self.put("rcpthosts", "local.example\n.sub.example\n")
        self.maildir = self.folder / "Maildir"
        for name in ("tmp", "new", "cur"):
            (self.maildir / name).mkdir(parents=True)

    def put(self, name, text):
        data = text if isinstance(text, bytes) else text.encode()
        (self.control / name).write_bytes(data)

    def another_user(self):
        """Returns the user nobody, or skips the test if it may not become that
        user. In a sandbox only root exists, hence the tag no-sandbox."""
        nobody = pwd.getpwuid(65534)
        try:
            subprocess.run(["true"], check=True, user=nobody.pw_uid,
                           group=nobody.pw_gid, extra_groups=[])
        except PermissionError:
            self.skipTest("may not become another user")
        return nobody

    def give_maildir(self, user):
        """Makes `user` the owner of the Maildir. The directories above it can
        be entered."""
        self.folder.chmod(0o711)
        for path in [self.maildir, *self.maildir.iterdir()]:
            os.chown(path, user.pw_uid, user.pw_gid)

    def put_cdb(self, path, records):
        """Makes a cdb of (key, data) pairs with Debian's `cdb`."""
        text = b"".join(
            b"+%d,%d:%s->%s\n" % (len(k), len(d), k.encode(), d.encode())
            for k, d in records) + b"\n"
        subprocess.run(["cdb", "-c", str(path)], input=text, check=True,
                       timeout=PATIENCE)

    def rules(self, text):
        """Makes a database of rules with tcprules; returns its path."""
        path = self.folder / "rules.cdb"
        subprocess.run(["tcprules", str(path), str(self.folder / "rules.tmp")],
                       input=text.encode(), check=True, timeout=PATIENCE)
        return str(path)

    def closed_port(self):
        """Returns a port of 127.0.0.1 that refuses connections: a socket of
        the test is bound to it but does not listen."""
        holder = socket.socket()
        self.addCleanup(holder.close)
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]

    def messages(self):
        """Returns the messages in the Maildir, oldest first."""
        def moment(path):  # SECONDS.MMICROSECONDSP...: no leading zeros
            seconds, rest = path.name.split(".M", 1)
            return int(seconds), int(rest.split("P", 1)[0])
        return [path.read_bytes() for path in
                sorted((self.maildir / "new").iterdir(), key=moment)]

    def put_queue(self):
        """Creates a queue program; returns its path."""
        path = self.folder / "queue"
        path.write_text(QUEUE)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    def queued(self, name):
        return (self.folder / name).read_bytes()

    def talk(self, data, *options, environment=None, deliver=None):
        """Runs a session that gets all its input at once; returns a Talk."""
        variables = {"PATH": os.environ["PATH"],
                     "QUEUE_OUT": str(self.folder)}
        variables.update(environment or {})
        process = subprocess.run(
            [SMTPD, "--control", str(self.control), "--deliver",
             deliver or f"catch-all:{self.maildir}", *options],
            input=data if isinstance(data, bytes) else data.encode(),
            env=variables, capture_output=True, timeout=PATIENCE, check=False)
        return Talk(process)


class TlsTestCase(TestCase):
    """A test with a certificate."""

    def setUp(self):
        super().setUp()
        self.certificate = self.folder / "mx.pem"
        self.make_certificate("mx.example.org")

    def make_certificate(self, name, issuer=None, path=None, rsa=False,
                         days=90):
        """Makes a certificate and its key in one file. The certificate is for
        `name` and for 127.0.0.1, which needs no resolver. The server warns if
        it is valid for less than 30 days."""
        path = path or self.certificate
        key = self.folder / "key.pem"
        signed = [] if issuer is None else ["-CA", str(issuer), "-CAkey",
                                            str(issuer)]
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt",
                                         "ec_paramgen_curve:P-256"]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-days",
             str(days), "-subj",
             f"/CN={name}", "-addext",
             f"subjectAltName=DNS:{name},IP:127.0.0.1",
             "-keyout", str(key), "-out", str(path), *signed],
            check=True, capture_output=True, timeout=PATIENCE)
        path.write_bytes(path.read_bytes() + key.read_bytes())
        path.chmod(0o600)
        return path

    def trusting(self):
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.check_hostname = False
        return context


class StandIn:
    """A server of a test. A subclass opens self.socket, and its serve() gets
    each connection on a thread of its own."""

    def start(self, test):
        self.connections = []
        test.addCleanup(self.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.socket.close()
        for each in self.connections:
            each.close()

    def accept(self):
        while True:
            try:
                connection = self.socket.accept()[0]
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,),
                             daemon=True).start()


class Talk:
    """The outcome of a session."""

    def __init__(self, process):
        self.replies = process.stdout.decode("latin-1").split("\r\n")
        assert self.replies.pop() == "", "the last line has no end"
        self.codes = [int(line[:3]) for line in self.replies
                      if line[3:4] == " "]
        self.exit_code = process.returncode
        self.log = process.stderr.decode("latin-1")


class Tcpserver:
    """postern-smtpd under the real tcpserver, on its own port."""

    def __init__(self, test, *options, rules=None, deliver=None,
                 address="127.0.0.1", program=None):
        arguments = ["tcpserver", "-1", "-v", "-D", "-R", "-H", "-l", "mx"]
        if rules is not None:
            self.rules = test.folder / "rules.cdb"
            subprocess.run(["tcprules", str(self.rules),
                            str(test.folder / "rules.tmp")],
                           input=rules.encode(), check=True, timeout=PATIENCE)
            arguments += ["-x", str(self.rules)]
        self.log_path = test.folder / "log"
        environment = {"PATH": os.environ["PATH"],
                       "QUEUE_OUT": str(test.folder)}
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                arguments + [address, "0", *(program or [SMTPD]), "--control",
                             str(test.control), "--deliver",
                             deliver or f"catch-all:{test.maildir}", *options],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env=environment, start_new_session=True)
        test.addCleanup(self.stop)
        self.address = address
        self.port = int(self.process.stdout.readline())

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.process.stdout.close()

    def log(self):
        return self.log_path.read_text("latin-1")

    def wait_log(self, text):
        """Waits until `text` is in the log."""
        end = time.monotonic() + PATIENCE
        while text not in self.log():
            if time.monotonic() > end:
                raise AssertionError(f"not in the log: {text}\n{self.log()}")
            time.sleep(0.01)
        return self.log()

    def kill_everything(self):
        """Sends SIGKILL to tcpserver and each postern-smtpd that it started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


class Serve:
    """postern serve, on its own ports."""

    address = "127.0.0.1"

    def __init__(self, test, *options, deliver=None, limit=None,
                 listen=("127.0.0.1:0",), environment=None, prefix=(),
                 log=None):
        self.log_path = test.folder / "log"
        ready, theirs = os.pipe()
        arguments = [*prefix,
                     *([POSTERN, "serve"] if "--config" in options
                       else command("serve")),
                     "--control", str(test.control), "--deliver",
                     deliver or f"catch-all:{test.maildir}",
                     "--ready-fd", str(theirs), "--pass-environment",
                     "QUEUE_OUT", *options]
        for each in listen:
            arguments += ["--listen", each]
        variables = {"PATH": os.environ["PATH"],
                     "QUEUE_OUT": str(test.folder)}
        variables.update(environment or {})

        def prepare():
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

        with open(self.log_path, "wb") as file:
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=file if log is None else log, env=variables,
                pass_fds=[theirs], preexec_fn=prepare, start_new_session=True)
        os.close(theirs)
        test.addCleanup(self.stop)
        with open(ready, "rb") as lines:
            where = lines.read().decode().split()
        if len(where) != len(listen):
            raise AssertionError(f"the server did not start:\n{self.log()}")
        self.ports = [int(each.rsplit(":", 1)[1]) for each in where
                      if not each.startswith("unix:")]
        self.port = self.ports[0]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """Waits until the server has ended; returns its exit code."""
        return self.process.wait(PATIENCE)

    def kill_everything(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    log = Tcpserver.log
    wait_log = Tcpserver.wait_log


def fail_to_start(test, *options):
    """Runs postern serve with options that are wrong. Returns its output and
    its exit code."""
    process = subprocess.run(
        [*command("serve"), "--control", str(test.control), "--deliver",
         f"catch-all:{test.maildir}", "--listen", "127.0.0.1:0", *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
    return process.stdout.decode("latin-1"), process.returncode


def swaks(server, *options):
    """Sends a message with swaks, to u@local.example from s@x.example unless
    `options` say otherwise. Returns its output and its exit code."""
    process = subprocess.run(
        ["swaks", "--server", "127.0.0.1", "--port", str(server.port),
         "--helo", "client.example", "--from", "s@x.example", "--to",
         "u@local.example", *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
    return process.stdout.decode("latin-1"), process.returncode


class Client:
    """A client that sends any text and reads the replies."""

    def __init__(self, server, source="127.0.0.1"):
        self.socket = socket.create_connection(
            (server.address, server.port), PATIENCE, (source, 0))
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def reply(self):
        """Returns the last line of the next reply, or "" at the end."""
        while True:
            line = self.file.readline()
            if line[3:4] != b"-":
                return line.decode("latin-1").removesuffix("\r\n")

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def ask(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def greet(self):
        assert self.reply().startswith("220 ")
        assert self.ask("EHLO client.example").startswith("250 ")
        return self


class Terminal:
    """postern users with its own terminal."""

    def __init__(self, test, *arguments):
        self.screen = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execv(POSTERN, [POSTERN, "users", *arguments])
        test.addCleanup(self.close)
        self.status = None

    def wait_screen(self, text):
        """Waits until `text` is on the screen; keeps only the text after it."""
        end = time.monotonic() + PATIENCE
        while text not in self.screen:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.master], [], [], left)[0]:
                raise AssertionError(f"no {text} in {self.screen}")
            try:
                self.screen += os.read(self.master, 1000)
            except OSError as error:  # the other end is closed
                raise AssertionError(f"no {text} in {self.screen}") from error
        self.screen = self.screen.split(text, 1)[1]

    def echoes(self):
        return bool(termios.tcgetattr(self.master)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.master, text)

    def rest(self):
        """Returns all output until the end, and the exit code."""
        try:
            while chunk := os.read(self.master, 1000):
                self.screen += chunk
        except OSError:
            pass
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.screen, self.status

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)


class Result(unittest.TextTestResult):
    """Records the results of all tests, for $XML_OUTPUT_FILE."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cases = []

    def stopTest(self, test):
        super().stopTest(test)
        # A failed subTest makes its test fail.
        bad = [text for case, text in self.failures + self.errors
               if getattr(case, "test_case", case) is test]
        why = [text for case, text in self.skipped if case is test]
        self.cases.append((test.id(), bad, why))


def main():
    global SMTPD, POSTERN
    SMTPD = os.path.abspath(sys.argv.pop(1))
    if len(sys.argv) > 1 and "/" in sys.argv[1]:
        POSTERN = os.path.abspath(sys.argv.pop(1))
    program = unittest.main(
        exit=False, verbosity=2,
        testRunner=unittest.TextTestRunner(resultclass=Result, verbosity=2))
    path = os.environ.get("XML_OUTPUT_FILE")
    if path:
        suites = ElementTree.Element("testsuites")
        suite = ElementTree.SubElement(suites, "testsuite", name=sys.argv[0])
        for name, bad, why in program.result.cases:
            case = ElementTree.SubElement(suite, "testcase", name=name)
            for text in why:
                ElementTree.SubElement(case, "skipped", message=text)
            for text in bad:
                ElementTree.SubElement(case, "failure").text = text
        ElementTree.ElementTree(suites).write(path)
    sys.exit(0 if program.result.wasSuccessful()
             and program.result.testsRun > 0 else 1)
