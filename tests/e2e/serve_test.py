# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""postern serve with common clients, options, files and signals."""

import fcntl
import os
import resource
import select
import shutil
import signal
import smtplib
import socket
import subprocess
import threading
import time
import unittest

import harness

MESSAGE = "Subject: x\r\n\r\nhello\r\n"


class ServeTest(harness.TestCase):

    def put_rules(self, text):
        """Compiles rules with tcprules; returns the path of the cdb."""
        path = self.folder / "rules.cdb"
        subprocess.run(["tcprules", str(path), str(self.folder / "rules.tmp")],
                       input=text.encode(), check=True,
                       timeout=harness.PATIENCE)
        return str(path)

    def deliver(self, client, recipient="u@local.example"):
        """Sends a message; returns the code of the last reply."""
        for line, code in (("MAIL FROM:<s@x.example>", "250"),
                           (f"RCPT TO:<{recipient}>", "250"),
                           ("DATA", "354")):
            reply = client.ask(line)
            if reply[:3] != code:
                return int(reply[:3])
        return int(client.ask(MESSAGE + ".")[:3])

    def test_ordinary_clients_deliver(self):
        server = harness.Serve(self)
        with smtplib.SMTP("127.0.0.1", server.port,
                          timeout=harness.PATIENCE) as client:
            client.sendmail("s@x.example", ["u@local.example"], MESSAGE)
        subprocess.run(
            ["swaks", "--server", f"127.0.0.1:{server.port}", "--from",
             "s@x.example", "--to", "u@local.example", "--pipeline"],
            check=True, capture_output=True, timeout=harness.PATIENCE)
        mail = self.folder / "mail"
        mail.write_text(MESSAGE)
        subprocess.run(
            ["curl", "-sS", f"smtp://127.0.0.1:{server.port}/client.example",
             "--mail-from", "s@x.example", "--mail-rcpt", "u@local.example",
             "-T", str(mail)], check=True, timeout=harness.PATIENCE)
        self.assertEqual(len(self.messages()), 3)
        log = server.wait_log("session end=quit")
        self.assertIn("rule=rcpthosts", log)
        self.assertIn("mail=1 rcpt=1 data=1", log)

    @unittest.skipUnless(shutil.which("smtp-source"), "needs Postfix")
    def test_many_sessions_at_once_deliver(self):
        server = harness.Serve(self)
        subprocess.run(
            ["smtp-source", "-s", "20", "-m", "400", "-l", "5000", "-f",
             "s@x.example", "-t", "u@local.example",
             f"127.0.0.1:{server.port}"], check=True,
            timeout=harness.PATIENCE)
        self.assertEqual(len(self.messages()), 400)
        self.assertEqual(len({len(m) > 5000 for m in self.messages()}), 1)

    def test_queue_program_gets_the_variables_of_the_rule(self):
        rules = self.put_rules('127.:allow,RELAYCLIENT="",COLOUR="red"\n')
        server = harness.Serve(self, "--rules", rules,
                               deliver=f"qmail-queue:{self.put_queue()}")
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(self.deliver(client, "u@elsewhere.example"), 250)
        self.assertIn(b"Tu@elsewhere.example\0", self.queued("envelope"))
        self.assertIn(b"COLOUR=red", self.queued("environment"))

    def test_rule_chooses_the_queue_program(self):
        scanner = self.folder / "scanner"
        scanner.write_text("#!/bin/sh\ncat >/dev/null\ncat <&1 >/dev/null\n"
                           "printf 'Dinfected (#5.7.1)' >&6\nexit 88\n")
        scanner.chmod(0o755)
        rules = self.put_rules(f'127.0.0.2:allow,QMAILQUEUE="{scanner}"\n'
                               ":allow\n")
        server = harness.Serve(self, "--rules", rules,
                               deliver=f"qmail-queue:{self.put_queue()}")
        with harness.Client(server, "127.0.0.2") as client:
            client.greet()
            self.assertEqual(self.deliver(client), 554)
        self.assertIn('reply="554 5.7.1 infected (#5.7.1)"',
                      server.wait_log("infected"))
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(self.deliver(client), 250)

    def test_environment_of_the_server_is_not_that_of_clients(self):
        ours = {"RELAYCLIENT": "", "TCPREMOTEHOST": "friend.example",
                "TCPREMOTEINFO": "root", "SMTPAUTHUSER": "admin",
                "NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "1000000000",
                "LISTEN_FDS": "0", "SECRET": "x", "TZ": "UTC",
                "POSTERN_MAX_ERRORS": "7", "LDAP_URI": "ldap://a"}
        server = harness.Serve(self, "--pass-environment", "LDAP_URI",
                               deliver=f"qmail-queue:{self.put_queue()}",
                               environment=ours)
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(self.deliver(client, "u@elsewhere.example"), 553)
            client.ask("RSET")
            self.assertEqual(self.deliver(client), 250)
        lines = self.queued("environment").decode().splitlines()
        names = {line.split("=", 1)[0] for line in lines}
        # The shell of the queue program sets these itself.
        self.assertEqual(names - {"PWD", "OLDPWD", "SHLVL", "_"},
                         {"PATH", "TZ", "LDAP_URI", "QUEUE_OUT", "PROTO",
                          "TCPREMOTEIP", "TCPREMOTEPORT", "TCPLOCALIP",
                          "TCPLOCALPORT"})
        for name in ("TCPREMOTEIP", "NOTIFY_SOCKET", "POSTERN_AUTH", "A=B"):
            wrong = subprocess.run(
                [*harness.command("serve"), "--listen", "127.0.0.1:0",
                 "--pass-environment", name], stdin=subprocess.DEVNULL,
                capture_output=True, check=False, timeout=harness.PATIENCE)
            self.assertEqual(wrong.returncode, 100)
            self.assertIn(f"--pass-environment: {name}",
                          wrong.stderr.decode())

    def test_rules_decide_about_connections_and_relaying(self):
        rules = self.put_rules('127.0.0.1:allow,RELAYCLIENT=""\n'
                               "127.0.0.2:deny\n"
                               '127.0.0.3:allow,DATABYTES="10"\n')
        server = harness.Serve(self, "--rules", rules)
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(self.deliver(client, "u@elsewhere.example"), 250)
        with harness.Client(server, "127.0.0.2") as client:
            self.assertEqual(client.reply()[:9], "554 5.7.1")
            self.assertEqual(client.reply(), "")
        with harness.Client(server, "127.0.0.3") as client:
            client.greet()
            self.assertEqual(self.deliver(client), 552)
            self.assertEqual(self.deliver(client, "u@elsewhere.example"), 553)
        # A new file applies to the next connection.
        self.put_rules("127.0.0.1:deny\n:allow\n")
        with harness.Client(server) as client:
            self.assertEqual(client.reply()[:9], "554 5.7.1")
        with harness.Client(server, "127.0.0.2") as client:
            client.greet()
        # Without valid rules no client is served.
        for content in b"nonsense", None:
            if content is None:
                os.unlink(rules)
            else:
                (self.folder / "rules.cdb").write_bytes(content)
            with harness.Client(server, "127.0.0.2") as client:
                self.assertEqual(client.reply()[:9], "421 4.3.0")
                self.assertEqual(client.reply(), "")
        self.assertIn("rules.cdb", server.wait_log(" rules: "))

    def test_silent_deny_closes_without_a_reply(self):
        rules = self.put_rules(":deny\n")
        server = harness.Serve(self, "--rules", rules, "--silent-deny")
        with harness.Client(server) as client:
            self.assertEqual(client.reply(), "")

    def test_rules_must_be_readable_after_user(self):
        """The user of --user reads them again after each change."""
        nobody = self.another_user()
        rules = self.put_rules(":allow\n")
        os.chmod(rules, 0o600)
        self.folder.chmod(0o711)
        with self.assertRaises(AssertionError) as failed:
            harness.Serve(self, "--rules", rules, "--user", nobody.pw_name,
                          deliver="discard")
        self.assertIn(f"fatal: {rules}: Permission denied",
                      str(failed.exception))
        os.chown(rules, 0, nobody.pw_gid)
        os.chmod(rules, 0o640)
        server = harness.Serve(self, "--rules", rules, "--user",
                               nobody.pw_name, deliver="discard")
        with harness.Client(server) as client:
            client.greet()

    def test_only_root_becomes_another_user(self):
        """As under postern.service, with the configuration of another user."""
        nobody = self.another_user()
        self.folder.chmod(0o711)
        program = self.folder / "postern"
        shutil.copy(harness.POSTERN, program)
        done = subprocess.run(
            [program, "serve", "--config", "none", "--control",
             str(self.control), "--deliver", "discard", "--listen",
             "127.0.0.1:0", "--user", "daemon"], user=nobody.pw_uid,
            group=nobody.pw_gid, extra_groups=[], capture_output=True, text=True,
            env={}, timeout=harness.PATIENCE, check=False)
        self.assertIn("fatal: --user: only root can become daemon, and the "
                      f"server was started by {nobody.pw_name}; ", done.stderr)
        # systemd does not try again.
        self.assertEqual(done.returncode, 100)

    def test_missing_rules_may_be_allowed(self):
        missing = str(self.folder / "none.cdb")
        server = harness.Serve(self, "--rules", missing, "--rules-optional")
        with harness.Client(server) as client:
            client.greet()

    def test_checker_may_gain_privileges(self):
        # Most checkers are set-user-id, to read files that the server must not.
        checker = self.folder / "checker"
        checker.write_text("#!/bin/sh\ncat <&3 >/dev/null\n"
                           "grep -q 'NoNewPrivs:.*0' /proc/self/status && "
                           "exec \"$@\"\nexit 111\n")
        checker.chmod(0o755)
        server = harness.Serve(self, "--auth", f"checkpassword:{checker}",
                               "--auth-insecure", listen=("127.0.0.1:0,auth",))
        with harness.Client(server) as client:
            reply = client.greet().ask("AUTH PLAIN AGEAYg==")
            self.assertEqual(reply, "235 2.7.0 ok")

    def test_sighup_reads_the_control_files_again(self):
        server = harness.Serve(self)
        with harness.Client(server) as old:
            old.greet()
            self.put("rcpthosts", "new.example\n")
            server.signal(signal.SIGHUP)
            server.wait_log("reloaded")
            with harness.Client(server) as client:
                client.greet()
                self.assertEqual(self.deliver(client, "u@new.example"), 250)
                self.assertEqual(self.deliver(client), 553)
            # A session keeps the configuration that it began with.
            self.assertEqual(self.deliver(old), 250)
        # A reload that fails changes nothing.
        os.unlink(self.control / "rcpthosts")
        server.signal(signal.SIGHUP)
        log = server.wait_log("not reloaded")
        self.assertIn("rcpthosts", log[log.index("not reloaded"):])
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(self.deliver(client, "u@new.example"), 250)

    def test_sigterm_waits_for_messages(self):
        server = harness.Serve(self)
        with harness.Client(server) as idle, harness.Client(server) as busy:
            idle.greet()
            busy.greet()
            busy.ask("MAIL FROM:<s@x.example>")
            busy.ask("RCPT TO:<u@local.example>")
            busy.ask("DATA")
            server.signal(signal.SIGTERM)
            self.assertEqual(idle.reply()[:9], "421 4.3.2")
            # In the end connections are refused; earlier ones get a reply.
            with self.assertRaises(OSError):
                for _ in range(1000):
                    with harness.Client(server) as late:
                        self.assertIn(late.reply()[:3], ("220", "421"))
            self.assertEqual(busy.ask(MESSAGE + ".")[:3], "250")
            self.assertEqual(busy.reply()[:9], "421 4.3.2")
        self.assertEqual(server.wait(), 0)
        self.assertEqual(len(self.messages()), 1)

    def test_second_sigterm_ends_the_server(self):
        server = harness.Serve(self, "--drain", "3600")
        with harness.Client(server) as busy:
            busy.greet()
            busy.ask("MAIL FROM:<s@x.example>")
            busy.ask("RCPT TO:<u@local.example>")
            busy.ask("DATA")
            server.signal(signal.SIGTERM)
            server.wait_log("shutting down")
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 0)
            self.assertEqual(busy.reply(), "")
        self.assertEqual(self.messages(), [])

    def test_idle_clients_do_not_delay_others(self):
        count = 2000
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        want = min(hard, 2 * count + 200)
        resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE,
                        (soft, hard))
        count = min(count, want - 200)
        server = harness.Serve(self, "--max-connections", "10000",
                               "--max-per-client", "0", limit=want)
        idle = []
        for i in range(count):
            client = socket.create_connection(("127.0.0.1", server.port),
                                              harness.PATIENCE)
            self.addCleanup(client.close)
            idle.append(client)
            if i % 2 == 0:
                client.sendall(b"EHLO half")  # without a line end
        for client in idle:
            self.assertEqual(client.recv(100)[:4], b"220 ")
        begun = time.monotonic()
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(self.deliver(client), 250)
        self.assertLess(time.monotonic() - begun, 5)

    def test_without_descriptors_it_recovers(self):
        server = harness.Serve(self, "--max-per-client", "0", limit=64)
        clients = []
        for _ in range(200):
            client = socket.create_connection(("127.0.0.1", server.port),
                                              harness.PATIENCE)
            clients.append(client)
        # Some clients are served, some get a 421, some wait.
        waiting = set(clients)
        served = []
        end = time.monotonic() + harness.PATIENCE
        while len(served) < 20:
            self.assertLess(time.monotonic(), end)
            for client in select.select(waiting, [], [], 1)[0]:
                if client.recv(100)[:3] == b"220":
                    served.append(client)
                waiting.remove(client)
        # After some clients have disconnected, each new one gets a reply.
        for client in served:
            client.close()
        with harness.Client(server) as client:
            reply = client.reply()
            self.assertIn(reply[:3], ("220", "421"))
        for client in clients:
            client.close()
        end = time.monotonic() + harness.PATIENCE
        while True:
            with harness.Client(server) as client:
                if client.reply()[:3] == "220":
                    break
            self.assertLess(time.monotonic(), end)
        # The server has used little CPU time, so it did not poll in a loop.
        with open(f"/proc/{server.process.pid}/stat",
                  encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        ticks = int(fields[11]) + int(fields[12])
        self.assertLess(ticks / os.sysconf("SC_CLK_TCK"), 5)

    def test_listens_on_several_addresses(self):
        path = self.folder / "socket"
        ipv6 = ["[::1]:0"] if harness.has_ipv6() else []
        server = harness.Serve(
            self, listen=("127.0.0.1:0", f"unix:{path}", *ipv6))
        with harness.Client(server) as client:
            client.greet()
        for family, where in ((socket.AF_UNIX, str(path)),
                              *((socket.AF_INET6, ("::1", port))
                                for port in server.ports[1:])):
            with socket.socket(family) as client:
                client.settimeout(harness.PATIENCE)
                client.connect(where)
                self.assertEqual(client.recv(100)[:4], b"220 ")

    def talk_to(self, path, data):
        """Sends `data` to a Unix socket; returns all replies."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(harness.PATIENCE)
            client.connect(str(path))
            client.sendall(data.encode())
            with client.makefile("rb") as file:
                return file.read().decode().splitlines()

    def test_unix_socket_clients_match_the_default_rule(self):
        path = self.folder / "socket"
        listen = ("127.0.0.1:0", f"unix:{path}")
        mail = ("EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@elsewhere>\r\n"
                "QUIT\r\n")
        server = harness.Serve(self, "--rules", self.put_rules(
            "127.:allow\n:deny\n"), listen=listen, deliver="discard")
        self.assertEqual(self.talk_to(path, "QUIT\r\n")[0][:3], "554")
        with harness.Client(server) as client:
            client.greet()
        server.stop()
        server = harness.Serve(self, "--rules", self.put_rules(
            '127.:deny\n:allow,RELAYCLIENT=""\n'), listen=listen,
            deliver="discard")
        self.assertEqual(self.talk_to(path, mail)[-2], "250 2.1.5 ok")

    def test_unix_socket_clients_have_no_limit_per_client(self):
        path = self.folder / "socket"
        server = harness.Serve(
            self, "--max-per-client", "1", "--max-rate", "1",
            listen=("127.0.0.1:0", f"unix:{path}"))
        with socket.socket(socket.AF_UNIX) as held:
            held.settimeout(harness.PATIENCE)
            held.connect(str(path))
            self.assertEqual(held.recv(100)[:3], b"220")
            for _ in range(3):
                self.assertEqual(self.talk_to(path, "QUIT\r\n")[0][:3], "220")
        server.wait_log('ip=""')

    def test_unix_socket_clients_may_send_proxy_headers(self):
        path = self.folder / "socket"
        rules = self.put_rules('192.0.2.7:allow,RELAYCLIENT=""\n:deny\n')
        server = harness.Serve(
            self, "--rules", rules, deliver="discard",
            listen=("127.0.0.1:0", f"unix:{path},proxy"))
        mail = ("EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@elsewhere>\r\n"
                "QUIT\r\n")
        replies = self.talk_to(
            path, "PROXY TCP4 192.0.2.7 127.0.0.1 4711 25\r\n" + mail)
        self.assertEqual(replies[-2], "250 2.1.5 ok")
        for unknown in ("PROXY TCP4 192.0.2.8 127.0.0.1 4711 25\r\n",
                        "PROXY UNKNOWN\r\n"):
            self.assertEqual(self.talk_to(path, unknown + mail)[0][:3], "554")
        server.wait_log("ip=192.0.2.7")

    def test_relayed_mail_is_not_captured(self):
        rules = self.put_rules('127.:allow,RELAYCLIENT=""\n')
        for deliver, code in ((f"maildir:{self.maildir}", "550 5.7.1"),
                              (f"catch-all:{self.maildir}", "250 2.1.5")):
            server = harness.Serve(self, "--rules", rules, deliver=deliver)
            with harness.Client(server) as client:
                client.greet()
                client.ask("MAIL FROM:<s@x>")
                self.assertEqual(client.ask("RCPT TO:<u@elsewhere>")[:9], code)
                self.assertEqual(client.ask("RCPT TO:<u@local.example>")[:3],
                                 "250")
            server.stop()

    @unittest.skipUnless(harness.has_ipv6(), "this host has no IPv6")
    def test_ipv6_address_has_no_ipv4_clients(self):
        server = harness.Serve(self, "--threads", "4", listen=("[::]:0",))
        for _ in range(20):
            with self.assertRaises(ConnectionRefusedError):
                harness.Client(server)
        with socket.create_connection(("::1", server.port)) as client:
            self.assertEqual(client.recv(100)[:4], b"220 ")
        self.assertIn("listening at [::]:", server.wait_log("listening"))

    def test_address_has_only_one_server(self):
        server = harness.Serve(self, "--threads", "2")
        second = subprocess.run(
            [*harness.command("serve"), "--threads", "2", "--control",
             str(self.control), "--deliver", "discard", "--listen",
             f"127.0.0.1:{server.port}"], stdin=subprocess.DEVNULL,
            capture_output=True, check=False, timeout=harness.PATIENCE)
        self.assertEqual(second.returncode, 111)
        self.assertIn(f"127.0.0.1:{server.port}", second.stderr.decode())

    def test_ipv4_client_of_an_ipv6_socket_matches_ipv4_rules(self):
        rules = self.put_rules("127.0.0.1:deny\n")
        server = harness.Serve(self, "--rules", rules, listen=("*:0",))
        with harness.Client(server) as client:
            self.assertEqual(client.reply()[:3], "554")

    def test_wrong_usage_is_explained(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            free = ["--listen", "127.0.0.1:0"]
            for options, code, words in [
                    ([], 100, "--listen is missing"),
                    (["--listen", "localhost:25"], 100, "localhost:25"),
                    (["--listen", "127.0.0.1:0,quick"], 100, "quick"),
                    (free + ["--threads", "-1"], 100, "--threads"),
                    (["--listen", f"127.0.0.1:{port}"], 111, str(port)),
                    (["--listen", "systemd:smtp"], 111, "smtp"),
                    (free + ["--user", "no-such-user"], 111, "no-such-user"),
                    (free + ["--control", "/no/such"], 111, "/no/such"),
                    (free + ["--deliver", "mbox:/x"], 100, "mbox:/x")]:
                usual = {"--control": str(self.control),
                         "--deliver": "discard"}
                for name, value in usual.items():
                    if name not in options:
                        options = options + [name, value]
                process = subprocess.run(
                    [*harness.command("serve"), *options],
                    stdin=subprocess.DEVNULL, capture_output=True,
                    check=False, timeout=harness.PATIENCE)
                self.assertEqual(process.returncode, code, options)
                self.assertIn(words, process.stderr.decode())

    def test_systemd_passes_sockets_and_gets_notifications(self):
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(str(self.folder / "notify"))
        manager.settimeout(harness.PATIENCE)
        passed = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        ports = [each.getsockname()[1] for each in passed]

        def prepare():
            # First to high numbers, which are free, then to 3 and 4.
            high = [fcntl.fcntl(each, fcntl.F_DUPFD, 100) for each in passed]
            for number, fd in enumerate(high, 3):
                os.dup2(fd, number)

        # LISTEN_PID must be the process id of the server.
        process = subprocess.Popen(
            ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh",
             *harness.command("serve"), "--control", str(self.control), "--deliver", "discard",
             "--listen", "systemd:smtp"],
            env={"PATH": os.environ["PATH"], "LISTEN_FDS": "2",
                 "LISTEN_FDNAMES": "smtp:smtp", "WATCHDOG_USEC": "200000",
                 "NOTIFY_SOCKET": str(self.folder / "notify")},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, pass_fds=[3, 4], preexec_fn=prepare)
        self.addCleanup(process.wait, harness.PATIENCE)
        self.addCleanup(process.kill)
        for each in passed:
            each.close()

        def hears(word):
            while True:
                words = manager.recv(4096).decode()
                if word in words:
                    return words

        self.assertIn(f"127.0.0.1:{ports[1]}", hears("READY=1"))
        for port in ports:
            with socket.create_connection(("127.0.0.1", port),
                                          harness.PATIENCE) as client:
                self.assertEqual(client.recv(100)[:4], b"220 ")
        for _ in range(3):
            hears("WATCHDOG=1")
        process.send_signal(signal.SIGHUP)
        hears("RELOADING=1")
        hears("READY=1")
        process.send_signal(signal.SIGTERM)
        hears("STOPPING=1")
        self.assertEqual(process.wait(harness.PATIENCE), 0)

    def test_serves_during_reloads(self):
        server = harness.Serve(self)
        stop = threading.Event()
        bad = []

        def send():
            while not stop.is_set():
                with harness.Client(server) as client:
                    client.greet()
                    code = self.deliver(client)
                    if code != 250:
                        bad.append(code)

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        n = 0
        end = time.monotonic() + harness.PATIENCE
        while n < 20 or len(self.messages()) <= 20:
            n += 1
            server.signal(signal.SIGHUP)
            while server.log().count(" reloaded") < n:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.01)
        stop.set()
        for thread in threads:
            thread.join(harness.PATIENCE)
        self.assertEqual(bad, [])
        self.assertGreater(len(self.messages()), 20)


if __name__ == "__main__":
    harness.main()
