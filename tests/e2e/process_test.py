# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Options, descriptors, files and signals of the programs."""

import fcntl
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
import unittest

import harness


def programs():
    """Returns the command line of each program without options."""
    folder = pathlib.Path(harness.SMTPD).parent
    return [[harness.SMTPD], [str(folder / "postern-smtpd-tls")],
            [harness.POSTERN, "serve"], [harness.POSTERN, "users", "list"],
            [str(folder / "postern-introspect")]]


def run(arguments, **more):
    return subprocess.run(arguments, stdin=subprocess.DEVNULL,
                          capture_output=True, check=False,
                          timeout=harness.PATIENCE, **more)


class OptionsTest(harness.TestCase):

    def options(self, program):
        """Returns (name, has a value) for each option in --help."""
        text = run([*program, "--help"], env={}).stdout.decode()
        found = re.findall(r"^  --([a-z0-9-]+)( [A-Z]| {2,}|$)", text, re.M)
        self.assertGreater(len(found), 4, program)
        return [(name, after[1:].isalpha()) for name, after in found]

    def test_an_empty_value_is_an_error_for_every_option(self):
        config = self.folder / "config"
        for program in programs():
            for name, has_value in self.options(program):
                ways = [([f"--{name}="], {}, f"--{name}")]
                if has_value:
                    # As from a script in which a variable is not set.
                    ways.append(([f"--{name}", ""], {}, f"--{name}"))
                if name not in ("help", "version", "config", "stdin"):
                    variable = "POSTERN_" + name.upper().replace("-", "_")
                    ways.append(([], {variable: ""}, variable))
                    if ("config", True) in self.options(program):
                        ways.append(([f"--config={config}"], {},
                                     f"{config}:1: {name}"))
                config.write_text(f"{name} =  \n")
                for arguments, variables, named in ways:
                    with self.subTest(program=program, arguments=arguments,
                                      variables=variables):
                        done = run([*program, *arguments], env=variables)
                        self.assertEqual(done.returncode, 100)
                        self.assertIn(f"{named}: the value is empty\n",
                                      done.stderr.decode())

    def test_an_empty_part_of_a_value_is_an_error(self):
        for arguments in (["--listen", "127.0.0.1:0,"],
                          ["--listen", "127.0.0.1:0,auth="],
                          ["--listen", "127.0.0.1:0,auth=PLAIN+"],
                          ["--listen", "systemd:"], ["--listen", "unix:"],
                          ["--auth", "cdb:"], ["--auth", "checkpassword:"],
                          ["--auth", "oauth:"], ["--proxy-from", "/8"]):
            done = run([*harness.command("serve"), *arguments,
                        "--listen=127.0.0.1:0"], env={})
            self.assertEqual(done.returncode, 100, arguments)
            self.assertIn(f"postern serve: {arguments[0]}: ",
                          done.stderr.decode())
        for deliver in ("maildir:", "qmail-queue:"):
            done = run([*harness.command("serve"), "--control",
                        str(self.control), "--listen", "127.0.0.1:0",
                        "--deliver", deliver], env={})
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(deliver, done.stderr.decode())


# Runs a program with some of the descriptors 0 to 2 closed.
CLOSED = {"0": "<&-", "1": ">&-", "2": "2>&-"}


def without(descriptors, arguments=()):
    closed = " ".join(CLOSED[each] for each in descriptors)
    return ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *arguments]


class DescriptorsTest(harness.TestCase):

    def test_missing_standard_descriptors_are_dev_null(self):
        for closed in ("0", "1", "2", "01", "12", "02", "012"):
            with self.subTest(closed=closed):
                server = harness.Serve(self, prefix=without(closed))
                for each in closed:
                    self.assertEqual(
                        os.readlink(f"/proc/{server.process.pid}/fd/{each}"),
                        "/dev/null")
                with harness.Client(server) as client:
                    client.greet()
                    for line in ("MAIL FROM:<s@x.example>",
                                 "RCPT TO:<u@local.example>"):
                        self.assertEqual(client.ask(line)[:3], "250")
                    self.assertEqual(client.ask("DATA")[:3], "354")
                    self.assertEqual(client.ask("hello\r\n.")[:3], "250")
                server.signal(signal.SIGTERM)
                self.assertEqual(server.wait(), 0)
        for message in self.messages():
            self.assertNotIn(b"pid=", message)

    def test_children_of_smtpd_have_dev_null_for_a_missing_log(self):
        queue = pathlib.Path(self.put_queue())
        queue.write_text(queue.read_text().replace(
            "env >", "readlink /proc/$$/fd/2 >$QUEUE_OUT/log-is; env >"))
        done = subprocess.run(
            without("2", [harness.SMTPD, "--control", str(self.control),
                          "--deliver", f"qmail-queue:{queue}"]),
            input=b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<u@local.example>\r\n"
                  b"DATA\r\nx\r\n.\r\nQUIT\r\n",
            env={"PATH": os.environ["PATH"], "QUEUE_OUT": str(self.folder)},
            stdout=subprocess.PIPE, timeout=harness.PATIENCE, check=False)
        self.assertIn(b"\r\n250 2.0.0 ok ", done.stdout)
        self.assertEqual(self.queued("log-is"), b"/dev/null\n")
        self.assertNotIn(b"rcpt decision", self.queued("message"))

    def test_messages_are_not_written_to_the_table_of_users(self):
        table = self.folder / "users"
        for closed in ("1", "2", "12"):
            subprocess.run(
                without(closed, [harness.POSTERN, "users", "add", "--stdin",
                                 str(table), "ann"]),
                input=b"secret\n", env={}, check=True,
                timeout=harness.PATIENCE)
            self.assertEqual(
                run([harness.POSTERN, "users", "list", str(table)],
                    env={}).stdout[:4], b"ann\t")

    def test_ready_descriptor_must_be_open(self):
        usual = [*harness.command("serve"), "--control", str(self.control),
                 "--deliver", "discard", "--listen", "127.0.0.1:0"]
        for number in (3, 4, 5, 9, 1023):
            done = run([*usual, "--ready-fd", str(number)], env={})
            self.assertEqual(done.returncode, 100)
            self.assertIn(
                f"--ready-fd: descriptor {number} is not open\n",
                done.stderr.decode())
        read_end, write_end = os.pipe()
        try:
            done = run([*usual, "--ready-fd", str(read_end)], env={},
                       pass_fds=[read_end])
        finally:
            os.close(read_end)
            os.close(write_end)
        self.assertEqual(done.returncode, 100)
        self.assertIn("is not open for writing\n", done.stderr.decode())
        done = run([*usual, "--ready-fd", "2"], env={})
        self.assertEqual(done.returncode, 100)
        self.assertIn("--ready-fd: descriptor 2 is the log's",
                      done.stderr.decode())

    def test_socket_of_systemd_is_not_a_ready_descriptor(self):
        with socket.create_server(("127.0.0.1", 0)) as passed:
            high = fcntl.fcntl(passed, fcntl.F_DUPFD, 100)
            self.addCleanup(os.close, high)
            # LISTEN_PID must be the process id of the server.
            done = run(
                ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh",
                 *harness.command("serve"), "--control", str(self.control),
                 "--deliver", "discard", "--listen", "systemd:smtp",
                 "--ready-fd", "3"],
                env={"LISTEN_FDS": "1", "LISTEN_FDNAMES": "smtp"},
                pass_fds=[3], preexec_fn=lambda: os.dup2(high, 3))
        self.assertEqual(done.returncode, 100)
        self.assertIn("--ready-fd: descriptor 3 is a socket that systemd "
                      "passes\n", done.stderr.decode())

    def test_socket_of_systemd_must_be_open(self):
        done = run(
            ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@" 3<&-', "sh",
             *harness.command("serve"), "--control", str(self.control),
             "--deliver", "discard", "--listen", "systemd:smtp"],
            env={"LISTEN_FDS": "1", "LISTEN_FDNAMES": "smtp"})
        self.assertEqual(done.returncode, 111)
        self.assertIn("no socket is passed as smtp", done.stderr.decode())

    def test_standard_output_may_be_the_ready_descriptor(self):
        process = subprocess.Popen(
            [*harness.command("serve"), "--control", str(self.control),
             "--deliver", "discard", "--listen", "127.0.0.1:0", "--ready-fd",
             "1"], env={}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, harness.PATIENCE)
        self.addCleanup(process.kill)
        self.assertRegex(process.stdout.read(), rb"^127\.0\.0\.1:[0-9]+\n$")
        process.stdout.close()
        self.assertEqual(os.readlink(f"/proc/{process.pid}/fd/1"), "/dev/null")


class LargeFilesTest(harness.TestCase):
    """A sparse file needs no disk space, but could fill a reader's memory."""

    def grow(self, path):
        with open(path, "ab"):
            os.truncate(path, 8 << 40)

    def test_reload_with_a_large_file_changes_nothing(self):
        server = harness.Serve(self)
        for name in ("rcpthosts", "me", "badmailfrom", "databytes"):
            path = self.control / name
            before = path.read_bytes() if path.exists() else None
            self.grow(path)
            server.signal(signal.SIGHUP)
            server.wait_log(f"not reloaded, all stays as it was: {path}: "
                            "larger than 67108864 octets")
            path.unlink()
            if before is not None:
                path.write_bytes(before)
        with harness.Client(server) as client:
            client.greet()
            client.ask("MAIL FROM:<s@x.example>")
            self.assertEqual(client.ask("RCPT TO:<u@local.example>")[:3],
                             "250")
        server.signal(signal.SIGHUP)
        server.wait_log(" reloaded\n")

    def test_no_program_reads_a_large_file(self):
        large = self.folder / "large"
        self.grow(large)
        large.chmod(0o600)
        self.grow(self.control / "badmailfrom")
        talk = self.talk("QUIT\r\n")
        self.assertEqual(talk.codes, [421])
        self.assertIn("badmailfrom: larger than", talk.log)
        folder = pathlib.Path(harness.SMTPD).parent
        for arguments in (
                [harness.SMTPD, "--config", large],
                [harness.POSTERN, "serve", "--config", large],
                [harness.POSTERN, "users", "list", large],
                [folder / "postern-introspect", "--url", "http://127.0.0.1/",
                 "--credentials", large]):
            done = run([str(each) for each in arguments], env={})
            self.assertIn(done.returncode, (100, 111))
            self.assertIn(f"{large}: larger than ", done.stderr.decode())

    def test_reload_without_enough_memory_changes_nothing(self):
        server = harness.Serve(self)
        used = int(re.search(
            "VmSize:[^0-9]*([0-9]+) kB",
            pathlib.Path(f"/proc/{server.process.pid}/status").read_text())[1])
        (self.control / "rcpthosts").write_text(
            "local.example\n" + "a-long-domain.example\n" * 2000000)
        limit = (used + 16 * 1024) * 1024
        resource.prlimit(server.process.pid, resource.RLIMIT_AS,
                         (limit, limit))
        server.signal(signal.SIGHUP)
        server.wait_log("not reloaded, all stays as it was: out of memory")
        with harness.Client(server) as client:
            client.greet()


# Runs a program with the directory $1 mounted at /dev.
OTHER_DEV = """
mount --bind /dev/null "$1/null" && mount --rbind "$1" /dev && shift &&
exec "$@"
"""


class InetdTest(harness.TlsTestCase):
    """Descriptors 0, 1 and 2 are the client's socket, as with inetd."""

    def start(self, *options, prefix=(), program=None, deliver=None):
        """Starts postern-smtpd; returns it and the client's socket."""
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        ours.settimeout(harness.PATIENCE)
        with theirs:
            process = subprocess.Popen(
                [*prefix, program or harness.SMTPD, "--control",
                 str(self.control), "--deliver",
                 deliver or f"maildir:{self.maildir}", *options],
                stdin=theirs, stdout=theirs, stderr=theirs,
                env={"PATH": os.environ["PATH"],
                     "QUEUE_OUT": str(self.folder)})
        self.addCleanup(process.wait, harness.PATIENCE)
        self.addCleanup(process.kill)
        return process, ours

    def dialogue(self, sock, text):
        """Sends all text at once; returns all replies until the end."""
        try:
            sock.sendall(text.encode())
            sock.shutdown(socket.SHUT_WR)
        except BrokenPipeError:
            pass  # the program has ended; its replies can still be read
        with sock.makefile("rb") as file:
            return file.read().decode("latin-1")

    def assert_replies(self, text):
        for line in text.split("\r\n")[:-1]:
            self.assertRegex(line, "^[2-5][0-9][0-9][ -]", text)

    MAIL = ("EHLO c\r\nMAIL FROM:<s@x.example>\r\nRCPT TO:<u@far.example>\r\n"
            "RCPT TO:<u@local.example>\r\nDATA\r\nhello\r\n.\r\nQUIT\r\n")

    def test_client_gets_no_log_lines(self):
        self.put("badmailfrom", "*@bad.example\r\n")  # a warning
        queue = pathlib.Path(self.put_queue())
        queue.write_text(queue.read_text().replace(
            "env >", "echo noise >&2; readlink /proc/$$/fd/2 "
            ">$QUEUE_OUT/log-is; env >"))
        process, client = self.start(deliver=f"qmail-queue:{queue}")
        text = self.dialogue(client, self.MAIL)
        self.assert_replies(text)
        self.assertIn("\r\n553 5.7.1 ", text)
        self.assertIn("\r\n250 2.0.0 ok ", text)
        self.assertEqual(process.wait(harness.PATIENCE), 0)
        self.assertEqual(self.queued("log-is"), b"/dev/null\n")

    def test_client_gets_no_error_messages(self):
        process, client = self.start("--no-such-option")
        self.assertEqual(self.dialogue(client, ""), "")
        self.assertEqual(process.wait(harness.PATIENCE), 100)
        (self.control / "rcpthosts").unlink()
        process, client = self.start()
        self.assertEqual(self.dialogue(client, ""),
                         "421 4.3.0 unable to read controls (#4.3.0)\r\n")
        self.assertEqual(process.wait(harness.PATIENCE), 1)

    def test_client_gets_no_log_lines_after_starttls(self):
        process, client = self.start("--tls-cert", str(self.certificate))
        file = client.makefile("rb")
        self.assertEqual(file.readline()[:4], b"220 ")
        client.sendall(b"STARTTLS\r\n")
        self.assertEqual(file.readline()[:4], b"220 ")
        file.close()
        with self.trusting().wrap_socket(client) as secure:
            secure.sendall(self.MAIL.encode())
            with secure.makefile("rb") as replies:
                text = replies.read().decode("latin-1")
        self.assert_replies(text)
        self.assertIn("\r\n553 5.7.1 ", text)
        self.assertEqual(len(self.messages()), 1)
        # Without the other program the session continues.
        alone = self.folder / "postern-smtpd"
        shutil.copy(harness.SMTPD, alone)
        process, client = self.start("--tls-cert", str(self.certificate),
                                     program=str(alone))
        text = self.dialogue(client, "STARTTLS\r\n")
        self.assert_replies(text)
        self.assertIn("\r\n454 ", text)

    def test_log_goes_to_syslog(self):
        dev = self.folder / "dev"
        dev.mkdir()
        (dev / "null").touch()
        syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(syslog.close)
        syslog.bind(str(dev / "log"))
        syslog.settimeout(harness.PATIENCE)
        for unshare in (["unshare", "-m"], ["unshare", "-r", "-m"]):
            prefix = [*unshare, "sh", "-c", OTHER_DEV, "sh", str(dev)]
            if run([*prefix, "true"]).returncode == 0:
                break
        else:
            self.skipTest("no mount namespaces here")
        process, client = self.start(prefix=prefix)
        self.assert_replies(self.dialogue(client, self.MAIL))
        lines = [syslog.recv(65536).decode() for _ in range(3)]
        for line, words in zip(lines, ["rcpt decision=refuse ",
                                       "rcpt decision=accept ",
                                       "message result=accept "]):
            # <22>: facility mail, severity informational.
            self.assertRegex(
                line, r"^<22>.* postern-smtpd\[([0-9]+)\]: postern-smtpd: "
                r"pid=\1 session=(\w+) id=\2-1 " + words)
        self.start("--no-such-option", prefix=prefix)
        self.assertRegex(syslog.recv(65536).decode(),
                         r"pid=[0-9]+ fatal: unknown option --no-such-option")


# A queue program that reads message and envelope and does not exit.
HUNG_QUEUE = """#!/bin/sh
cat >/dev/null
cat <&1 >/dev/null
echo $$ >"$QUEUE_OUT/pid.$$"
exec sleep 600
"""
HUNG_CHECKER = """#!/bin/sh
echo $$ >"$QUEUE_OUT/pid.$$"
exec sleep 600
"""


class EndTest(harness.TestCase):
    """Shutdown after SIGTERM, also if other programs hang."""

    def put_program(self, text):
        path = self.folder / "program"
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def children(self, count):
        """Waits for `count` hung programs; returns their process ids."""
        end = time.monotonic() + harness.PATIENCE
        while True:
            found = [path.read_text().strip()
                     for path in self.folder.glob("pid.*")]
            if len(found) == count and all(found):
                return [int(each) for each in found]
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def assert_ended(self, pids):
        for pid in pids:
            try:
                state = pathlib.Path(f"/proc/{pid}/stat").read_text()
            except FileNotFoundError:
                continue
            # Killed, but its new parent has not waited for it yet.
            self.assertEqual(state.rsplit(") ", 1)[1][0], "Z", pid)

    def give(self, client, content="hello\r\n.\r\n"):
        """Sends a message and does not wait for the reply."""
        client.greet()
        client.ask("MAIL FROM:<s@x.example>")
        client.ask("RCPT TO:<u@local.example>")
        self.assertEqual(client.ask("DATA")[:3], "354")
        client.send(content)

    def end_twice(self, server, log_is_stuck=False):
        """Sends SIGTERM twice; returns the seconds from the second one."""
        server.signal(signal.SIGTERM)
        if log_is_stuck:
            end = time.monotonic() + harness.PATIENCE
            while not self.draining(server):
                self.assertLess(time.monotonic(), end)
                time.sleep(0.01)
        else:
            server.wait_log("shutting down with ")
        self.assertIsNone(server.process.poll())
        begin = time.monotonic()
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        return time.monotonic() - begin

    @staticmethod
    def draining(server):
        """Returns whether the server accepts no more connections."""
        try:
            socket.create_connection(("127.0.0.1", server.port)).close()
            return False
        except (ConnectionRefusedError, ConnectionResetError):
            return True

    def test_second_sigterm_kills_a_hung_queue_program(self):
        program = self.put_program(HUNG_QUEUE)
        # Fewer threads than messages: some messages are not begun.
        server = harness.Serve(self, "--drain", "600", "--blocking-threads",
                               "2", deliver=f"qmail-queue:{program}")
        clients = [harness.Client(server) for _ in range(5)]
        for client in clients:
            self.give(client)
        pids = self.children(2)
        self.assertLess(self.end_twice(server), 1)
        self.assert_ended(pids)
        log = server.log()
        self.assertEqual(len(re.findall(
            r" message result=interrupted size=[0-9]+ rcpts=1 .*"
            r"from=<s@x.example>", log)), 5, log)
        self.assertEqual(log.count(" message "), 5, log)
        self.assertEqual(log.count("end=shutdown"), 5, log)
        for client in clients:
            self.assertEqual(client.reply(), "")
            client.__exit__()

    def test_drain_time_is_limited(self):
        program = self.put_program(HUNG_QUEUE)
        server = harness.Serve(self, "--drain", "1",
                               deliver=f"qmail-queue:{program}")
        with harness.Client(server) as client:
            self.give(client)
            pids = self.children(1)
            begin = time.monotonic()
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 0)
            self.assertGreater(time.monotonic() - begin, 0.9)
            self.assertEqual(client.reply(), "")
        self.assert_ended(pids)
        self.assertIn(" message result=interrupted size=", server.log())

    def test_message_interrupted_in_its_content_is_logged(self):
        server = harness.Serve(self, "--drain", "600")
        with harness.Client(server) as client:
            self.give(client, content="hello\r\n")
            self.assertLess(self.end_twice(server), 1)
        self.assertRegex(server.log(), " message result=interrupted size=[0-9]")
        self.assertEqual(self.messages(), [])

    def test_second_sigterm_kills_a_hung_checker(self):
        program = self.put_program(HUNG_CHECKER)
        server = harness.Serve(
            self, "--drain", "600", "--auth", f"checkpassword:{program}",
            "--auth-insecure", listen=("127.0.0.1:0,auth",))
        with harness.Client(server) as client:
            client.greet()
            client.send("AUTH PLAIN AGFubgBzZWNyZXQ=\r\n")
            pids = self.children(1)
            self.assertLess(self.end_twice(server), 1)
        self.assert_ended(pids)

    def stuck_log(self):
        """Returns the writing end of a full pipe."""
        read_end, write_end = os.pipe()
        self.addCleanup(os.close, read_end)
        self.addCleanup(os.close, write_end)
        os.set_blocking(write_end, False)
        with self.assertRaises(BlockingIOError):
            while True:
                os.write(write_end, b"x" * 4096)
        os.set_blocking(write_end, True)
        return write_end

    def test_full_log_pipe_does_not_delay_the_shutdown(self):
        server = harness.Serve(self, log=self.stuck_log())
        with harness.Client(server) as client:
            client.greet()
            server.signal(signal.SIGTERM)
            self.assertEqual(client.reply()[:3], "421")
        self.assertEqual(server.wait(), 0)

    def test_second_sigterm_works_with_a_full_log_pipe(self):
        server = harness.Serve(self, "--drain", "600", log=self.stuck_log())
        with harness.Client(server) as client:
            self.give(client, content="hello\r\n")
            self.assertLess(self.end_twice(server, log_is_stuck=True), 1)

    def test_clients_in_the_accept_queue_get_421(self):
        server = harness.Serve(self, "--max-per-client", "0", "--threads", "2")
        server.signal(signal.SIGSTOP)  # so that all clients are in the queue
        clients = [harness.Client(server) for _ in range(300)]
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGCONT)
        for client in clients:
            replies = [client.reply()]
            if replies[0][:3] == "220":  # accepted before the signal
                replies.append(client.reply())
            self.assertEqual(replies[-1][:3], "421")
            self.assertEqual(client.reply(), "")
            client.__exit__()
        self.assertEqual(server.wait(), 0)

    def test_listening_is_logged_only_after_a_successful_start(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for options in (["--user", "no-such-user"],
                            ["--metrics", f"127.0.0.1:{port}"],
                            ["--listen", f"127.0.0.1:{port}"]):
                done = run([*harness.command("serve"), "--control",
                            str(self.control), "--deliver", "discard",
                            "--listen", "127.0.0.1:0", *options], env={})
                self.assertEqual(done.returncode, 111)
                self.assertRegex(done.stderr, rb"^postern: pid=[0-9]+ fatal: ")
                self.assertNotIn(b"listening", done.stderr)


if __name__ == "__main__":
    harness.main()
