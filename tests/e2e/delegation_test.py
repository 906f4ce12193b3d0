# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Other programs decide about recipients: RCPTCHECK and policy servers."""

import grp
import os
import pwd
import re
import socket
import subprocess
import threading
import time

import harness

# Refuses each recipient whose name is in its local part, and records what it
# was asked.
PROGRAM = """#!/bin/sh
env >>"$ASKED"
case "$RECIPIENT" in
  none@*) exit 100 ;;
  wait@*) exit 111 ;;
  limit@*) exit 113 ;;
  custom@*) echo '550 5.2.1 mailbox disabled' >&4; exit 100 ;;
  crash@*) kill -9 $$ ;;
  hang@*) echo hangs >>"$ASKED"; exec sleep 600 ;;
esac
exit 0
"""

UNABLE = "451 4.3.0 unable to verify recipient (#4.3.0)"
# A local part, and the reply.
PROGRAM_SAYS = (
    ("good", "250 2.1.5 ok"),
    ("none", "550 5.1.1 sorry, no mailbox here by that name. (#5.1.1)"),
    ("wait", UNABLE),
    ("custom", "550 5.2.1 mailbox disabled"),
    ("crash", UNABLE),
    ("limit", "421 4.3.0 you have exceeded your messaging limits (#4.3.0)"),
)

# What a server of the tests answers about a local part.
ACTIONS = {
    "good": b"action=OK\n\n",
    "grey": b"action=DEFER_IF_PERMIT 4.2.0 Greylisted\n\n",
    "mark": b"action=PREPEND X-Mark: seen\n\n",
    "hang": b"",
    "odd": b"250 fine\r\n",
}


class PolicyServer(harness.StandIn):
    """A policy server on a thread."""

    def __init__(self, test, address=None):
        self.requests = []
        self.arrived = threading.Event()
        family = socket.AF_INET if address is None else socket.AF_UNIX
        self.socket = socket.socket(family)
        self.socket.bind(address or ("127.0.0.1", 0))
        self.socket.listen()
        if address is None:
            self.name = f"inet:127.0.0.1:{self.socket.getsockname()[1]}"
        else:
            self.name = f"unix:{address}"
        self.start(test)

    def serve(self, connection):
        lines = []
        with connection.makefile("rb") as file:
            for line in file:
                if line != b"\n":
                    lines.append(line.decode().rstrip("\n"))
                    continue
                request = dict(each.split("=", 1) for each in lines)
                lines = []
                self.requests.append(request)
                self.arrived.set()
                name = request["recipient"].split("@")[0]
                connection.sendall(ACTIONS.get(name, b"action=DUNNO\n\n"))


class DelegationTest(harness.TestCase):

    def deliver(self, client, recipient):
        """Sends a message; returns the reply to RCPT."""
        assert client.ask("MAIL FROM:<s@x.example> SIZE=100").startswith("250")
        reply = client.ask(f"RCPT TO:<{recipient}@local.example>")
        if reply.startswith("250"):
            assert client.ask("DATA").startswith("354")
            client.send("Subject: x\r\n\r\nhi\r\n.\r\n")
            assert client.reply().startswith("250")
        elif not reply.startswith("421"):
            client.ask("RSET")
        return reply

    def put_program(self):
        path = self.folder / "rcptcheck"
        path.write_text(PROGRAM)
        path.chmod(0o755)
        self.asked = self.folder / "asked"
        return path

    def check_program(self, server):
        with harness.Client(server) as client:
            client.greet()
            for name, reply in PROGRAM_SAYS:
                self.assertEqual(self.deliver(client, name), reply)
            self.assertEqual(client.reply(), "")  # closed after the 421
        asked = self.asked.read_text()
        for line in ("SENDER=s@x.example", "RECIPIENT=good@local.example",
                     "HELO=client.example", "TCPREMOTEIP=127.0.0.1",
                     "USE_FD4=1", "RCPTHOSTS=1"):
            self.assertIn(line + "\n", asked)
        log = server.wait_log("to=<limit@local.example>")
        self.assertIn("rule=rcptcheck source=", log)
        self.assertEqual(len(self.messages()), 1)

    def test_tcpservers_rule_names_the_program(self):
        program = self.put_program()
        self.check_program(harness.Tcpserver(
            self, rules=f':allow,RCPTCHECK="{program}",ASKED="{self.asked}"'))

    def test_relay_clients_are_exempt(self):
        program = self.put_program()
        rules = f'RCPTCHECK="{program}",ASKED="{self.asked}",RELAYCLIENT=""'
        with harness.Client(harness.Tcpserver(
                self, rules=f":allow,{rules}")) as client:
            self.assertTrue(self.deliver(client.greet(),
                                         "none").startswith("250"))
        self.assertFalse(self.asked.exists())
        with harness.Client(harness.Tcpserver(
                self, rules=f':allow,{rules},RCPTCHECKRELAYCLIENT="1"')
                            ) as client:
            self.assertTrue(self.deliver(client.greet(),
                                         "none").startswith("550"))

    def test_servers_rule_names_the_program(self):
        program = self.put_program()
        rules = self.folder / "rules.cdb"
        subprocess.run(
            ["tcprules", str(rules), str(self.folder / "tmp")],
            input=f':allow,RCPTCHECK="{program}",ASKED="{self.asked}"'.encode(),
            check=True, timeout=harness.PATIENCE)
        server = harness.Serve(self, "--rules", str(rules))
        self.check_program(server)
        self.assertNotIn("RCPTCHECK", server.log())

    def test_program_that_hangs_delays_no_other_client(self):
        program = self.put_program()
        server = harness.Serve(
            self, "--rcptcheck", str(program), "--threads", "1",
            "--pass-environment", "ASKED",
            environment={"ASKED": str(self.asked)})
        with harness.Client(server) as waiting, \
                harness.Client(server) as other:
            waiting.greet()
            waiting.ask("MAIL FROM:<s@x.example>")
            waiting.send("RCPT TO:<hang@local.example>\r\n")
            end = time.monotonic() + harness.PATIENCE
            while (not self.asked.exists() or
                   "hangs\n" not in self.asked.read_text()):
                self.assertLess(time.monotonic(), end)
                time.sleep(0.01)
            self.assertEqual(self.deliver(other.greet(), "good"),
                             "250 2.1.5 ok")
        server.kill_everything()  # and the program

    def check_servers(self, start):
        server = PolicyServer(self, str(self.folder / "socket"))
        started = start("--policy-server", f"{server.name},timeout=1")
        with harness.Client(started) as client:
            client.greet()
            for name, reply in (
                    ("good", "250 2.1.5 ok"),
                    ("grey", "450 4.2.0 Greylisted"),
                    ("mark", "250 2.1.5 ok"),
                    ("odd", "451 4.3.5 unable to ask a policy server (#4.3.5)"),
                    ("hang",
                     "451 4.3.5 unable to ask a policy server (#4.3.5)"),
                    ("plain", "250 2.1.5 ok")):
                with self.subTest(name):
                    self.assertEqual(self.deliver(client, name), reply)
        plain, marked, last = self.messages()
        self.assertTrue(marked.startswith(
            b"Return-Path: <s@x.example>\nDelivered-To: mark@local.example\n"
            b"X-Mark: seen\nReceived: from client.example"), marked)
        self.assertNotIn(b"X-Mark", plain + last)
        first = server.requests[0]
        self.assertEqual(list(first), """request protocol_state protocol_name
            client_address client_name client_port reverse_client_name
            server_address server_port helo_name sender recipient
            recipient_count queue_id instance size etrn_domain stress
            sasl_method sasl_username sasl_sender ccert_subject ccert_issuer
            ccert_fingerprint ccert_pubkey_fingerprint encryption_protocol
            encryption_cipher encryption_keysize policy_context""".split())
        for name, value in {
                "request": "smtpd_access_policy", "protocol_state": "RCPT",
                "protocol_name": "ESMTP", "client_address": "127.0.0.1",
                "client_name": "unknown", "server_address": "127.0.0.1",
                "server_port": str(started.port), "size": "100",
                "helo_name": "client.example", "sender": "s@x.example",
                "recipient": "good@local.example"}.items():
            self.assertEqual(first[name], value, name)
        instances = [each["instance"] for each in server.requests]
        self.assertEqual(len(set(instances)), 6)
        # One connection for all, and a new one after "odd" and after "hang".
        self.assertEqual(len(server.connections), 3)
        log = started.wait_log("to=<hang@local.example>")
        self.assertIn(f'rule=policy-server source="{server.name}: no answer in '
                      'time"', log)
        return instances

    def test_smtpd_asks_policy_servers(self):
        self.check_servers(
            lambda *options: harness.Tcpserver(self, *options))

    def test_serve_asks_policy_servers(self):
        instances = self.check_servers(
            lambda *options: harness.Serve(self, *options))
        self.assertRegex((self.folder / "log").read_text(),
                         rf"id={instances[0]} rcpt decision=accept ")

    def check_data(self, start):
        server = PolicyServer(self)
        ACTIONS[""] = b"action=450 4.7.1 too many recipients\n\n"
        self.addCleanup(ACTIONS.pop, "")
        started = start("--policy-server", f"{server.name},at=data")
        with harness.Client(started) as client:
            client.greet()
            self.assertEqual(self.deliver(client, "mark"), "250 2.1.5 ok")
            client.ask("MAIL FROM:<s@x.example> SIZE=99")
            for name in ("a", "b", "c"):
                self.assertEqual(
                    client.ask(f"RCPT TO:<{name}@local.example>"),
                    "250 2.1.5 ok")
            self.assertEqual(client.ask("DATA"),
                             "450 4.7.1 too many recipients")
            client.ask("RSET")
            self.assertEqual(self.deliver(client, "good"), "250 2.1.5 ok")
        marked, good = self.messages()
        self.assertIn(b"\nX-Mark: seen\nReceived: ", marked)
        self.assertNotIn(b"X-Mark", good)
        self.assertEqual(
            [(each["protocol_state"], each["recipient"],
              each["recipient_count"], each["size"])
             for each in server.requests],
            [("DATA", "mark@local.example", "1", "100"),
             ("DATA", "", "3", "99"),
             ("DATA", "good@local.example", "1", "100")])
        self.assertRegex(
            started.wait_log("data decision="),
            r"id=\S+-2 data decision=refuse rule=policy-server "
            rf'source={re.escape(server.name)} .* from=<s@x.example> '
            r'reply="450 4.7.1 too many recipients"')

    def test_smtpd_asks_at_data(self):
        self.check_data(lambda *options: harness.Tcpserver(self, *options))

    def test_serve_asks_at_data(self):
        self.check_data(lambda *options: harness.Serve(self, *options))

    def test_server_that_hangs_delays_no_other_client(self):
        server = PolicyServer(self)
        started = harness.Serve(self, "--policy-server", server.name,
                                "--threads", "1")
        waiting = [harness.Client(started) for _ in range(12)]
        for client in waiting:
            self.addCleanup(client.socket.close)
            client.greet()
            client.ask("MAIL FROM:<s@x.example>")
            client.send("RCPT TO:<hang@local.example>\r\n")
        self.assertTrue(server.arrived.wait(harness.PATIENCE))
        # A relay attempt needs no policy server.
        with harness.Client(started) as other:
            other.greet()
            other.ask("MAIL FROM:<s@x.example>")
            self.assertTrue(
                other.ask("RCPT TO:<u@elsewhere.example>").startswith("553"))
        started.kill_everything()

    def test_outage_is_temporary_or_ignored(self):
        nowhere = f"inet:127.0.0.1:{self.closed_port()}"
        said = ("EHLO c\r\nMAIL FROM:<s@x.example>\r\n"
                "RCPT TO:<u@local.example>\r\nQUIT\r\n")
        talk = self.talk(said, "--policy-server", nowhere)
        self.assertIn("451 4.3.5 unable to ask a policy server (#4.3.5)",
                      talk.replies)
        self.assertIn(f'source="{nowhere}: connect: Connection refused"',
                      talk.log)
        talk = self.talk(said, "--policy-server", f"{nowhere},ignore-outage")
        self.assertEqual(talk.codes, [220, 250, 250, 250, 221])
        self.assertRegex(
            talk.log, f"check: {nowhere}: connect: Connection refused, ignored")

    def spawn(self, *arguments):
        """Runs a policy server for each connection, as Postfix's spawn(8)."""
        process = subprocess.Popen(
            ["tcpserver", "-1", "-D", "-R", "-H", "-l", "x", "127.0.0.1", "0",
             *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, start_new_session=True)

        def stop():
            os.killpg(process.pid, 9)
            process.wait(harness.PATIENCE)
            process.stdout.close()
        self.addCleanup(stop)
        return f"inet:127.0.0.1:{int(process.stdout.readline())}"

    def test_postgrey(self):
        path = self.folder / "postgrey"
        (self.folder / "db").mkdir()
        log = open(self.folder / "postgrey.log", "wb")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            ["postgrey", f"--unix={path}", f"--dbdir={self.folder / 'db'}",
             "--delay=1", f"--user={pwd.getpwuid(os.getuid()).pw_name}",
             f"--group={grp.getgrgid(os.getgid()).gr_name}", "--hostname=mx"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait, harness.PATIENCE)
        # Not SIGTERM: Perl may handle it only after the next connection.
        self.addCleanup(process.kill)
        end = time.monotonic() + harness.PATIENCE
        while not path.exists():
            self.assertIsNone(process.poll())
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        server = harness.Serve(self, "--policy-server", f"unix:{path}")
        with harness.Client(server) as client:
            client.greet()
            reply = self.deliver(client, "u")
            self.assertTrue(reply.startswith("450 4.2.0 Greylisted, see "),
                            reply)
            # The client tries again until the delay of one second is over.
            while not reply.startswith("250"):
                self.assertLess(time.monotonic(), end)
                time.sleep(0.05)
                reply = self.deliver(client, "u")
        message, = self.messages()
        self.assertRegex(message, rb"\nX-Greylist: delayed \d+ seconds by "
                         rb"postgrey-[^\n]* at mx; [^\n]*\nReceived: ")

    def test_postfwd(self):
        name = self.spawn(
            "postfwd1", "--nodns", "--cache", "0", "--rule",
            "id=R1; recipient==none@local.example; action=REJECT 5.7.1 no",
            "--rule", "id=R2; size=1000; action=452 4.3.1 too large",
            "--rule", "id=R3; sender==s@x.example; action=PREPEND X-Rule: 3")
        server = harness.Tcpserver(self, "--policy-server", name)
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(self.deliver(client, "none"), "554 5.7.1 no")
            self.assertEqual(self.deliver(client, "u"), "250 2.1.5 ok")
            client.ask("MAIL FROM:<s@x.example> SIZE=2000")
            self.assertEqual(client.ask("RCPT TO:<u@local.example>"),
                             "452 4.3.1 too large")
        self.assertIn(b"\nX-Rule: 3\nReceived: ", self.messages()[0])

    def test_policyd_spf(self):
        server = harness.Serve(self, "--policy-server",
                               f"{self.spawn('policyd-spf')},timeout=60")
        with harness.Client(server) as client:
            self.assertEqual(self.deliver(client.greet(), "u"),
                             "250 2.1.5 ok")
        # The test has no name server. policyd-spf looks nothing up for a
        # client of this host.
        field = re.search(rb"\nX-Comment: SPF [^\n]*", self.messages()[0])
        self.assertTrue(field and b"envelope-from=s@x.example" in field[0],
                        self.messages())


if __name__ == "__main__":
    harness.main()
