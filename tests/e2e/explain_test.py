# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""postern explain: its replies and reasons are those of the real server."""

import itertools
import json
import signal
import socket
import subprocess
import threading
from random import Random

import harness
from dns_stand_in import DnsStandIn

RULES = """192.0.2.:allow,RELAYCLIENT=""
198.51.100.7:deny
=printer.example.net:allow,RELAYCLIENT=".printer"
:allow
"""
CLIENTS = [("192.0.2.9", "", ""), ("198.51.100.7", "", ""),
           ("203.0.113.9", "", ""), ("203.0.113.9", "", "ann"),
           ("203.0.113.10", "printer.example.net", "")]
SENDERS = ["", "s@client.example", "s@bad.example", "x@@y"]
RECIPIENTS = ["u@local.example", "u@elsewhere.example", "u@a.sub.example",
              "u@[127.0.0.1]"]


class ExplainTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.put("badmailfrom", "@bad.example\n")
        self.put("senders", "ann:s@client.example\n")
        self.rules = self.folder / "rules.cdb"
        subprocess.run(["tcprules", str(self.rules),
                        str(self.folder / "rules.tmp")],
                       input=RULES.encode(), check=True,
                       timeout=harness.PATIENCE)
        self.options = ["--control", str(self.control), "--deliver",
                        f"catch-all:{self.maildir}", "--rules",
                        str(self.rules), "--senders"]

    def explain(self, *arguments):
        """Returns the exit code, standard output and standard error."""
        done = subprocess.run(
            [*harness.command("explain"), *self.options, *arguments],
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False, env={"PATH": harness.PATH})
        return done.returncode, done.stdout, done.stderr

    def facts(self, client, name, user):
        arguments = ["--client", client]
        if name:
            arguments += ["--client-name", name]
        if user:
            arguments += ["--auth-user", user]
        return arguments

    def serve(self, *options):
        users = self.folder / "users"
        subprocess.run([harness.POSTERN, "users", "add", "--stdin",
                        str(users), "ann"], input=b"password\n", check=True,
                       timeout=harness.PATIENCE)
        return harness.Serve(
            self, "--rules", str(self.rules), "--senders", "--xclient-from",
            "127.0.0.1", "--auth", f"cdb:{users}", "--auth-insecure", *options,
            listen=("127.0.0.1:0,auth",))

    def ask_server(self, server, client, name, user, sender, recipient,
                   hello="client.example"):
        """Returns the reply to the last command that the server takes."""
        with harness.Client(server) as session:
            session.greet()
            words = [f"ADDR={client}", f"NAME={name or '[UNAVAILABLE]'}"]
            words += [f"LOGIN={user}"] if user else []
            reply = session.ask("XCLIENT " + " ".join(words))
            for command in (f"EHLO {hello}", f"MAIL FROM:<{sender}>",
                            f"RCPT TO:<{recipient}>"):
                if not reply.startswith("2"):
                    return reply
                reply = session.ask(command)
            return reply

    def test_the_reply_is_that_of_the_server(self):
        server = self.serve()
        codes = set()
        for (client, name, user), sender, recipient in itertools.product(
                CLIENTS, SENDERS, RECIPIENTS):
            with self.subTest(client=client, name=name, user=user,
                              sender=sender, recipient=recipient):
                replied = self.ask_server(server, client, name, user, sender,
                                          recipient)
                code, out, err = self.explain(
                    *self.facts(client, name, user), "--sender",
                    sender or "<>", "--json", "--", recipient)
                self.assertEqual(err, "")
                explained = json.loads(out)
                last = explained["commands"][-1]["reply"].split("\r\n")[-1]
                self.assertEqual(last, replied)
                self.assertEqual(code, 0 if replied.startswith("2") else 1)
                self.assertEqual(explained["accepted"], code == 0)
                codes.add(replied[:3])
        self.assertEqual(codes, {"250", "501", "553", "554"})

    def put_all_checks(self):
        """Configures each check that has an option or a file of its own."""
        self.put("badhelo", "bad.example\n!.*[.]example\n")
        self.put("badrcptto", "bad@local.example\n")
        self.put("badrcpttopatterns", "spam.*@local.example\n")
        self.put("badmailfrompatterns", "bulk.*@client.example\n")
        self.put("badmailfromnorelay", "outside@client.example\n")
        self.put_cdb(self.folder / "valid.cdb",
                     [("@local.example", ""), ("gone@local.example", "-"),
                      ("@a.sub.example", "")])
        program = self.folder / "rcptcheck"
        program.write_text("#!/bin/sh\ncase $RECIPIENT in\n"
                           "checked@*) exit 100;;\nlater@*) exit 111;;\n"
                           "esac\n")
        program.chmod(0o755)
        path = self.folder / "policy"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        self.addCleanup(listener.close)
        self.addCleanup(listener.shutdown, socket.SHUT_RDWR)
        threading.Thread(target=self.serve_policy, args=(listener,),
                         daemon=True).start()
        dns = DnsStandIn(self, {
            ("client.example", "MX"): ["mx.client.example"],
            ("bad.example", "A"): ["192.0.2.1"],
            ("broken.example", "MX"): 2, ("broken.example", "A"): 2,
            ("broken.example", "AAAA"): 2,
            ("11.113.0.203.bl.example", "TXT"): ["listed"]})
        with open(self.folder / "rules.txt", "w") as file:
            file.write('203.0.113.12:allow,RBLSMTPD="-go away"\n'
                       '203.0.113.13:allow,RBLSMTPD="come back"\n'
                       '203.0.113.14:allow,NOBADHELO=""\n' + RULES)
        subprocess.run(["tcprules", str(self.rules),
                        str(self.folder / "rules.tmp")],
                       stdin=open(self.folder / "rules.txt"), check=True,
                       timeout=harness.PATIENCE)
        self.checks = [
            "--validrcptto", str(self.folder / "valid.cdb"), "--rcptcheck",
            str(program), "--policy-server", f"unix:{path}", "--dns-list",
            "bl.example", "--sender-domain-exists", "strangers", "--resolver",
            f"127.0.0.1:{dns.port}"]
        self.options += self.checks

    @staticmethod
    def serve_policy(listener):
        """Refuses policed@... as a policy server, one client at a time."""
        def serve(client):
            with client, client.makefile("rwb") as stream:
                request = b""
                for line in stream:
                    request += line
                    if line == b"\n":
                        refused = b"\nrecipient=policed@" in request
                        stream.write(b"action=REJECT no\n\n" if refused
                                     else b"action=DUNNO\n\n")
                        stream.flush()
                        request = b""
        while True:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=serve, args=(client,),
                             daemon=True).start()

    def test_each_check_answers_as_in_the_server(self):
        self.put_all_checks()
        server = self.serve(*self.checks)
        clients = [(f"203.0.113.{n}", "", "") for n in range(9, 15)]
        clients += [("192.0.2.9", "", ""), ("203.0.113.9", "", "ann"),
                    ("198.51.100.7", "", "")]
        senders = ["s@client.example", "bulk7@client.example",
                   "outside@client.example", "s@gone.example",
                   "s@broken.example", ""]
        users = ["u", "bad", "spam1", "gone", "checked", "later", "policed"]
        hellos = ["mx.example", "bad.example", "mx.elsewhere"]
        # Generated, with a fixed seed: all combinations would take minutes.
        random = Random(14)
        mails = {(random.choice(clients), random.choice(senders),
                  random.choice(hellos), f"{random.choice(users)}@{domain}")
                 for domain in ("local.example", "elsewhere.example") * 60}
        # Each check decides about one of these.
        stranger, usual = clients[0], (senders[0], hellos[0])
        mails |= {(stranger, *usual, f"{user}@local.example")
                  for user in users}
        mails |= {(client, *usual, "u@local.example") for client in clients}
        mails |= {(stranger, sender, hellos[0], "u@local.example")
                  for sender in senders}
        mails |= {(stranger, senders[0], hello, "u@local.example")
                  for hello in hellos}
        decided = set()
        for client, sender, hello, recipient in sorted(mails):
            with self.subTest(client=client, sender=sender, hello=hello,
                              recipient=recipient):
                replied = self.ask_server(server, *client, sender, recipient,
                                          hello)
                _, out, err = self.explain(
                    *self.facts(*client), "--sender", sender or "<>",
                    "--hello", hello, "--json", "--", recipient)
                self.assertEqual(err, "")
                last = json.loads(out)["commands"][-1]
                self.assertEqual(last["reply"].split("\r\n")[-1], replied)
                decided.add(last["by"])
        self.assertEqual(decided, {
            "authenticated", "badhelo", "badmailfrom", "badrcptto", "dns-list",
            "not-listed", "policy-server", "rblsmtpd", "rcptcheck",
            "rcpthosts", "relayclient", "sender-domain", "senders", "tcprules",
            "validrcptto"})

    def test_any_decision_can_be_pasted_from_the_log(self):
        self.put("badhelo", "bad.example\n")
        server = self.serve()
        for client, name, user in CLIENTS:
            for sender, hello, recipient in (
                    ("s@client.example", "mx.example", "u@elsewhere.example"),
                    ("s@client.example", "mx.example", "u@[127.0.0.1]"),
                    ("s@client.example", "bad.example", "u@local.example"),
                    ("boss@client.example", "mx.example", "u@local.example"),
                    ("s@bad.example", "mx.example", "u@elsewhere.example")):
                self.ask_server(server, client, name, user, sender, recipient,
                                hello)
        server.signal(signal.SIGTERM)
        server.wait()
        rules = set()
        for line in server.log().split("\n"):
            if " decision=" not in line:
                continue
            code, out, err = self.explain("--json", "--log", "mx " + line)
            self.assertEqual(err, "", line)
            self.assertEqual(code, 0 if "decision=accept" in line else 1)
            last = json.loads(out)["commands"][-1]
            self.assertIn(f" rule={last['by']} ", line)
            if code != 0:
                self.assertIn(last["reply"].split("\r\n")[-1], line)
            rules.add(last["by"])
        self.assertEqual(rules, {
            "authenticated", "badhelo", "badmailfrom", "not-listed",
            "rcpthosts", "relayclient", "senders", "tcprules"})
        # A changed configuration is noticed.
        self.put("badhelo", "")
        line = [each for each in server.log().split("\n")
                if "rule=badhelo" in each][0]
        code, out, err = self.explain("--log", line)
        self.assertEqual(err.count("\n"), 1)
        self.assertIn("the line has rule=badhelo, and now the rule is ", err)

    def test_a_whole_log_is_compared(self):
        self.put("badhelo", "bad.example\n")
        server = self.serve()
        for client, name, user in CLIENTS:
            for sender, recipient, hello in (
                    ("s@client.example", "u@elsewhere.example", "mx.example"),
                    ("s@client.example", "u@local.example", "bad.example"),
                    ("s@bad.example", "u@local.example", "mx.example")):
                self.ask_server(server, client, name, user, sender, recipient,
                                hello)
        server.signal(signal.SIGTERM)
        server.wait()
        log = self.folder / "log"
        log.write_text(server.log())
        decisions = sum(" decision=" in line and " to=<" in line
                        for line in server.log().split("\n"))
        code, out, err = self.explain("--log", str(log))
        self.assertEqual((code, err), (0, ""), out)
        self.assertIn(f" lines, {decisions} decisions about recipients\n  "
                      f"{decisions} the same\n  0 different\n", out)
        # A changed configuration shows what changes, by its reason.
        self.put("badhelo", "")
        code, out, err = self.explain("--log", str(log), "--json")
        self.assertEqual((code, err), (1, ""), out)
        found = json.loads(out)["differences"]
        self.assertEqual({each["old_reason"] for each in found},
                         {"postern badhelo"})
        self.assertEqual({each["new"] for each in found}, {"accepts"})
        self.assertIn(f"{log}:", found[0]["examples"][0])

    def test_a_log_of_another_server_is_compared(self):
        log = (
            "@400000004f0a6b1c1a2b3c4d tcpserver: status: 1/40\n"
            "@400000004f0a6b1c1a2b3c4d CHKUSER rejected rcpt: from "
            "<a@b.example::> remote <mx:unknown:203.0.113.9> rcpt "
            "<no@local.example> : not existing recipient\n"
            "@400000004f0a6b1c1a2b3c4d CHKUSER relaying rcpt: from "
            "<a@b.example::> remote <pc:unknown:192.0.2.3> rcpt "
            "<x@elsewhere.example> : client allowed to relay\n"
            "@400000004f0a6b1c1a2b3c4d CHKUSER relaying rcpt: from "
            "<a@b.example::> remote <pc:printer.example.net:203.0.113.9> rcpt "
            "<x@elsewhere.example> : client allowed to relay\n"
            "@400000004f0a6b1c1a2b3c4d rblsmtpd: 192.0.2.1 pid 7: 451 x\n")
        done = subprocess.run(
            [harness.POSTERN, "explain", *self.options, "--log", "-"],
            input=log, capture_output=True, text=True, check=False,
            timeout=harness.PATIENCE, env={"PATH": harness.PATH})
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        # The reasons decide the order of groups of the same size.
        self.assertEqual(done.stdout, f"""\
standard input: 5 lines, 3 decisions about recipients
  1 the same
  2 different
  1 lines not used: rblsmtpd refuses a client before it names a recipient
  1 lines about something else

1: the old server refuses: chkuser rejected rcpt (not existing recipient)
   postern accepts: rcpthosts: {self.control}/rcpthosts:1
    standard input:2: client 203.0.113.9, from <a@b.example>, to """
                         """<no@local.example>

1: the old server accepts: chkuser relaying rcpt (client allowed to relay)
   postern refuses permanently: not-listed
    standard input:4: client 203.0.113.9, from <a@b.example>, to """
                         """<x@elsewhere.example>
""")

    def test_a_log_asks_nothing_else_unless_wanted(self):
        mark = self.folder / "asked"
        program = self.folder / "program"
        program.write_text(f"#!/bin/sh\ntouch {mark}\nexit 100\n")
        program.chmod(0o755)
        log = self.folder / "log"
        log.write_text("CHKUSER accepted rcpt: from <a@b.example::> remote "
                       "<mx:unknown:203.0.113.9> rcpt <u@local.example> : "
                       "found existing recipient\n")
        # No resolver and no policy server answers: to ask them would be an
        # outage.
        others = ["--rcptcheck", str(program), "--policy-server",
                  f"unix:{self.folder}/none", "--sender-domain-exists", "all",
                  "--resolver", "127.0.0.1:1", "--log", str(log)]
        for set_by in ([], ["--set", f"RCPTCHECK={program}"]):
            code, out, _ = self.explain(*others, *set_by)
            self.assertEqual(code, 0, out)
            self.assertFalse(mark.exists())
        code, out, _ = self.explain("--rcptcheck", str(program), "--log",
                                    str(log), "--ask-others")
        self.assertEqual(code, 1, out)
        self.assertTrue(mark.exists())

    def test_mistakes_about_logs(self):
        empty = self.folder / "empty"
        empty.write_text("nothing\n")
        for arguments, code, message in (
                (["--log", str(empty)], 111, "the log has no decision"),
                (["--log", "/none/log"], 111, "/none/log"),
                (["--log", str(self.folder)], 111, "Is a directory"),
                (["--log", "/x", "u@y"], 100, "takes no recipients"),
                (["--log", "/x", "--client", "192.0.2.1"], 100,
                 "--client: not with --log FILE"),
                (["--ask-others", "--client", "192.0.2.1", "u@y"], 100,
                 "--ask-others needs --log FILE")):
            got, _, err = self.explain(*arguments)
            self.assertEqual(got, code, arguments)
            self.assertIn(message, err)

    def test_the_text_names_the_check_and_its_line(self):
        code, out, _ = self.explain("--client", "203.0.113.9", "--sender",
                                    "s@bad.example", "u@local.example")
        self.assertEqual(code, 1)
        self.assertIn(f"=> refused by badmailfrom: {self.control}"
                      "/badmailfrom:1\n  553 5.7.1 sorry, your envelope", out)
        code, out, _ = self.explain("--client", "192.0.2.77",
                                    "u@elsewhere.example")
        self.assertEqual(code, 0)
        self.assertIn(f'rule        {self.rules} key "192.0.2."', out)
        self.assertIn("=> accepted by relayclient: RELAYCLIENT\n", out)
        self.assertEqual(self.messages(), [])

    def test_the_rule_has_the_line_of_its_text(self):
        text = self.folder / "rules"
        text.write_text(RULES)
        ask = ["--client", "192.0.2.77", "u@elsewhere.example"]
        code, out, err = self.explain(*ask)
        self.assertEqual((code, err), (0, ""))
        self.assertIn(f'\nrule        {text}:1 key "192.0.2."\n', out)
        # The answer is that of the database, which servers use.
        text.write_text(":deny\n")
        code, out, err = self.explain(*ask)
        self.assertEqual(code, 0)
        self.assertIn(f'\nrule        {self.rules} key "192.0.2."\n', out)
        self.assertEqual(err, f"postern explain: {self.rules} was not made "
                         f"from {text} as it is now. Servers use the "
                         "database.\n")
        text.rename(self.folder / "other")
        code, out, err = self.explain("--rules-text", str(text), *ask)
        self.assertEqual(code, 0)
        self.assertIn(f"{text}: ", err)
        text.write_text("# moved\n" + RULES)
        code, out, err = self.explain("--rules-text", str(text), "--json",
                                      *ask)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(json.loads(out)["rule"], f'{text}:2 key "192.0.2."')

    def test_a_name_of_the_log_is_not_trusted(self):
        line = ('rcpt decision=refuse rule=not-listed source="" '
                'ip=203.0.113.9 host=printer.example.net from=<s@x.example> '
                'to=<u@elsewhere.example>')
        code, out, err = self.explain("--log", line)
        self.assertEqual((code, err), (1, ""))
        self.assertIn("printer.example.net, unchecked", out)
        # The line names another rule than the one that decides now.
        code, _, err = self.explain("--log", line.replace(
            "not-listed", "badhelo"))
        self.assertIn("the line has rule=badhelo, and now the rule is "
                      "not-listed", err)

    def test_a_line_about_data_is_not_explained(self):
        line = ('decision=refuse rule={} source="" ip=203.0.113.9 helo=c '
                'from=<s@x.example>')
        code, out, err = self.explain(
            "--log", "data " + line.format("policy-server"))
        self.assertEqual((code, out), (100, ""))
        self.assertIn("--log: the line is about DATA or content, which is not "
                      "explained", err)
        code, _, err = self.explain("--log", "mail " + line.format("senders"))
        self.assertNotEqual(code, 100, err)

    def test_octets_of_clients_do_not_reach_the_terminal(self):
        code, out, _ = self.explain(
            "--log", r'rcpt ip=203.0.113.9 helo="\x1b[31mred" '
            r'from=<a\x20b@x.example> to=<\xc3\xbc@elsewhere.example>')
        self.assertEqual(code, 1)
        self.assertNotIn("\x1b", out)
        self.assertIn("\\x1b[31mred", out)
        code, out, _ = self.explain(
            "--log", r'rcpt ip=203.0.113.9 helo=c from=<a\x20b@x.example> '
            r'to=<\xc3\xbc@local.example>')
        self.assertIn('MAIL FROM:<"a b"@x.example> SMTPUTF8', out)
        self.assertEqual(code, 0, out)

    def test_notes_are_not_logged(self):
        dns = DnsStandIn(self, {
            ("soft.example", "TXT"): ["v=spf1 ~all"]})
        for actions, exit_code in (("accept", 0), ("softfail=refuse", 1)):
            code, out, err = self.explain(
                "--spf", actions, "--resolver", f"127.0.0.1:{dns.port}",
                "--client", "203.0.113.9", "--json", "--sender",
                "s@soft.example", "u@local.example")
            self.assertEqual((code, err), (exit_code, ""))
            self.assertEqual(json.loads(out)["accepted"], exit_code == 0)

    def test_listener_and_silent_deny(self):
        code, _, err = self.explain(
            "--listen", "127.0.0.1:0", "--auth-user", "ann", "--client",
            "203.0.113.9", "u@x.example")
        self.assertEqual(code, 100)
        self.assertIn("does not offer AUTH", err)
        code, out, _ = self.explain("--silent-deny", "--client",
                                    "198.51.100.7", "u@local.example")
        self.assertEqual(code, 1)
        self.assertIn("closed without a reply", out)

    def test_all_recipients_are_asked_about(self):
        users = [f"u{n}@elsewhere.example" for n in range(200)]
        code, out, _ = self.explain("--client", "203.0.113.9", "--json",
                                    *users)
        self.assertEqual(code, 1)
        replies = [each["reply"][:3] for each in json.loads(out)["commands"]]
        self.assertEqual(replies.count("553"), 200)

    def test_what_if(self):
        code, out, _ = self.explain("--client", "203.0.113.9", "--set",
                                    "RELAYCLIENT=", "u@elsewhere.example")
        self.assertEqual(code, 0)
        self.assertIn('variable    RELAYCLIENT=""', out)
        code, out, _ = self.explain("--client", "203.0.113.9", "--name-status",
                                    "temporary", "u@elsewhere.example")
        self.assertEqual(code, 1)
        self.assertIn("451 4.4.3 cannot look up your host name", out)

    def test_a_session_on_the_terminal(self):
        done = subprocess.run(
            [*harness.command("explain"), *self.options, "--client",
             "203.0.113.9", "--session"],
            input="EHLO c\r\nMAIL FROM:<s@x.example>\r\n"
            "RCPT TO:<u@local.example>\r\nDATA\r\nQUIT\r\n",
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False, env={"PATH": harness.PATH})
        self.assertEqual(done.returncode, 0)
        self.assertIn("\n250 2.1.5 ok\n451 4.3.0 this is an explanation",
                      done.stdout)
        self.assertRegex(done.stderr,
                         r"RCPT TO:<u@local.example>\n(  .*\n)+"
                         r"  => accepted by rcpthosts: .*/rcpthosts:1\n")
        self.assertEqual(self.messages(), [])

    def test_mistakes(self):
        for arguments, message in (
                ([], "--client is missing"),
                (["--client", "x", "u@y"], "--client: x is no IP address"),
                (["--client", "192.0.2.1"], "a recipient is missing"),
                (["--log", "rcpt", "u@y"], "--log: no key=value"),
                (["--client", "192.0.2.1", "a\nRCPT TO:<b>"], "a line end"),
                (["--client", "192.0.2.1", "--listener", "2", "u@y"],
                 "--listener")):
            code, out, err = self.explain(*arguments)
            self.assertEqual((code, out), (100, ""), arguments)
            self.assertIn(message, err)
        self.options = ["--control", str(self.control)]
        code, _, err = self.explain("--rules-text", "x", "--client",
                                    "192.0.2.1", "u@y")
        self.assertEqual(code, 100)
        self.assertIn("--rules-text has no effect without --rules", err)
        (self.control / "rcpthosts").unlink()
        code, _, err = self.explain("--client", "192.0.2.1", "u@y")
        self.assertEqual(code, 111)
        self.assertIn(f"{self.control}/rcpthosts", err)


if __name__ == "__main__":
    harness.main()
