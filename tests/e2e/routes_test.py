# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""A destination for each listener, and control/routes."""

import json
import os
import re
import signal
import smtplib
import subprocess
import time
import types
import urllib.request

import harness


class DestinationsTest(harness.TestCase):
    """One server: an MX listener with Maildirs, a submission listener that
    sends mail on, and an LMTP listener."""

    def setUp(self):
        super().setUp()
        self.store = self.folder / "store"
        for user in "ab":
            for name in ("tmp", "new", "cur"):
                (self.store / "local.example" / user / name).mkdir(
                    parents=True)
        self.relay = ["--rules",
                      self.rules('127.0.0.1:allow,RELAYCLIENT=""\n')]

    def hop(self, name, word=""):
        """Returns a server, with files of its own, that takes all mail."""
        folder = self.folder / name
        (folder / "control").mkdir(parents=True)
        (folder / "control" / "me").write_text(f"{name}.example\n")
        for part in ("tmp", "new", "cur"):
            (folder / "Maildir" / part).mkdir(parents=True)
        owner = types.SimpleNamespace(
            folder=folder, control=folder / "control",
            maildir=folder / "Maildir", addCleanup=self.addCleanup)
        hop = harness.Serve(owner, "--open-relay",
                            listen=(f"127.0.0.1:0{word}",))
        hop.maildir = owner.maildir
        return hop

    def subjects(self, maildir):
        """Returns the recipients and subjects of the messages."""
        found = []
        for path in (maildir / "new").iterdir():
            text = path.read_text()
            found.append(re.search(r"^Subject: (.*)$", text,
                                   re.MULTILINE).group(1))
        return sorted(found)

    def box(self, user):
        return self.subjects(self.store / "local.example" / user)

    def send(self, port, to, subject="hello"):
        """Returns what smtplib returns: the refused recipients."""
        with smtplib.SMTP("127.0.0.1", port) as client:
            try:
                return client.sendmail(
                    "s@x.example", to,
                    f"From: s@x.example\nSubject: {subject}\n\n.hello\n")
            except smtplib.SMTPRecipientsRefused as error:
                return error.recipients

    def serve(self, *options, listen):
        return harness.Serve(self, *self.relay, *options,
                             deliver=f"maildir:{self.store}/%d/%u",
                             listen=listen)

    def test_each_listener_has_its_destination(self):
        out = self.hop("out")
        boxes = self.hop("boxes", ",lmtp")
        server = self.serve(
            "--deliver", f"out=smtp:127.0.0.1:{out.port}",
            "--deliver", f"boxes=lmtp:127.0.0.1:{boxes.port}",
            listen=("127.0.0.1:0", "127.0.0.1:0,deliver=out",
                    "127.0.0.1:0,lmtp,deliver=boxes"))
        mx, submission, lmtp = server.ports
        # The Maildirs cannot send mail on, although the client may relay.
        refused = self.send(mx, ["a@local.example", "u@remote.example",
                                 "none@local.example"], "mx")
        self.assertEqual({to: code for to, (code, _) in refused.items()},
                         {"u@remote.example": 550, "none@local.example": 550})
        log = server.wait_log("rule=no-relay")
        self.assertIn('source="RELAYCLIENT; --deliver smtp:SERVER or '
                      'qmail-queue would send it on"', log)
        # The next hop takes every recipient.
        self.assertEqual(self.send(submission, ["a@local.example",
                                                "u@remote.example"], "out"),
                         {})
        self.assertIn(f'rule=smtp source="out: 127.0.0.1:{out.port}" ',
                      server.wait_log("rule=smtp"))
        output = subprocess.run(
            ["swaks", "--server", f"127.0.0.1:{lmtp}", "--protocol", "LMTP",
             "--from", "s@x.example", "--to", "b@local.example",
             "--header", "Subject: boxes"], capture_output=True, text=True,
            timeout=harness.PATIENCE, check=False)
        self.assertEqual(output.returncode, 0, output.stdout)
        self.assertEqual(self.box("a"), ["mx"])
        self.assertEqual(self.box("b"), [])
        # One for each recipient.
        self.assertEqual(self.subjects(out.maildir), ["out", "out"])
        self.assertEqual(self.subjects(boxes.maildir), ["boxes"])

    def test_mistakes_are_found_at_the_start(self):
        for options, text in (
                (("--deliver", "out=discard", "--deliver", "in=maildir:/none",
                  "--listen", "127.0.0.1:0,deliver=out", "--listen",
                  "127.0.0.1:0,deliver=in"),
                 "--deliver in: maildir /none: No such file or directory"),
                (("--deliver", "out=discard", "--listen",
                  "127.0.0.1:0,deliver=our"),
                 "--listen: 127.0.0.1:0: no --deliver has the name our; did "
                 "you mean out?")):
            output, code = harness.fail_to_start(self, *options)
            self.assertIn(code, (100, 111))
            self.assertIn(text, output)

    def test_routes_divide_the_recipients_of_a_message(self):
        out = self.hop("out")
        boxes = self.hop("boxes", ",lmtp")
        self.put("routes",
                 f"partner.example:lmtp:127.0.0.1:{boxes.port}\n"
                 f".partner.example:out\n"
                 "local.example:\n"
                 ".sub.example:\n"
                 f":[127.0.0.1]:{out.port}\n")
        server = self.serve("--deliver", f"out=smtp:127.0.0.1:{out.port}",
                            listen=("127.0.0.1:0",))
        for to in (["a@local.example"], ["u@partner.example"],
                   ["u@x.partner.example"], ["u@remote.example"],
                   ["a@local.example", "u@PARTNER.example", "v@remote.example",
                    "w@x.partner.example", "none@local.example"]):
            refused = self.send(server.port, to, "+".join(to))
            self.assertEqual(list(refused),
                             [each for each in to if "none" in each])
        every = "+".join(to)
        self.assertEqual(self.box("a"), ["a@local.example", every])
        self.assertEqual(self.subjects(boxes.maildir),
                         sorted(["u@partner.example", every]))
        # :[127.0.0.1]:PORT and the destination `out` are two destinations,
        # although they have the same server.
        self.assertEqual(self.subjects(out.maildir),
                         sorted([every, every, "u@remote.example",
                                 "u@x.partner.example"]))

    def test_lmtp_client_gets_the_reply_of_each_destination(self):
        boxes = self.hop("boxes", ",lmtp")
        self.put("routes", f"partner.example:lmtp:127.0.0.1:{boxes.port}\n")
        server = self.serve(listen=("127.0.0.1:0,lmtp",))
        with harness.Client(server) as client:
            client.reply()
            client.ask("LHLO client.example")
            client.ask("MAIL FROM:<s@x.example>")
            for to in ("a@local.example", "u@partner.example",
                       "b@local.example"):
                self.assertEqual(client.ask(f"RCPT TO:<{to}>")[:3], "250")
            self.assertTrue(client.ask("DATA").startswith("354 "))
            # The mailbox disappears after its RCPT.
            (self.store / "local.example" / "b").rename(self.folder / "gone")
            self.assertTrue(client.ask("hi\r\n.").startswith("250 "))
            self.assertTrue(client.reply().startswith("250 "))
            self.assertTrue(client.reply().startswith("4"))
        self.assertEqual(len(list((boxes.maildir / "new").iterdir())), 1)

    def test_outage_of_one_destination_is_a_451_for_its_recipients(self):
        self.put("routes", f"down.example:127.0.0.1:{self.closed_port()}\n")
        server = self.serve(listen=("127.0.0.1:0",))
        refused = self.send(server.port, ["u@down.example", "a@local.example"],
                            "one")
        self.assertEqual(refused["u@down.example"][0], 451)
        self.assertEqual(self.box("a"), ["one"])

    def test_large_message_waits_for_the_slowest(self):
        out = self.hop("out")
        boxes = self.hop("boxes", ",lmtp")
        self.put("routes", f"partner.example:lmtp:127.0.0.1:{boxes.port}\n"
                 f"remote.example:smtp:127.0.0.1:{out.port}\n")
        server = self.serve(listen=("127.0.0.1:0",))
        text = 300000 * (60 * "x" + "\n")
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            self.assertEqual(client.sendmail(
                "s@x.example", ["a@local.example", "u@partner.example",
                                "u@remote.example"],
                "Subject: large\n\n" + text), {})
        for folder in (self.store / "local.example" / "a", boxes.maildir,
                       out.maildir):
            (path,) = (folder / "new").iterdir()
            self.assertTrue(path.read_text().endswith("\n\n" + text))
        status = open(f"/proc/{server.process.pid}/status").read()
        peak = int(status.split("VmHWM:")[1].split()[0])
        other = harness.Serve(self, deliver="discard")
        status = open(f"/proc/{other.process.pid}/status").read()
        base = int(status.split("VmHWM:")[1].split()[0])
        self.assertLess(peak - base, 8192)  # KiB; the message has 18 MB

    def wait_reloads(self, server, count):
        end = time.monotonic() + harness.PATIENCE
        while server.log().count(" reloaded\n") < count:
            self.assertLess(time.monotonic(), end, server.log())
            time.sleep(0.01)

    def test_sighup_reads_the_routes_again(self):
        out = self.hop("out")
        server = self.serve(listen=("127.0.0.1:0",))
        refused = self.send(server.port, ["u@remote.example"])
        self.assertEqual(refused["u@remote.example"][0], 550)
        self.put("routes", "remote.example:nowhere\n")
        server.signal(signal.SIGHUP)
        server.wait_log("not reloaded, all stays as it was: "
                        f"{self.control}/routes:1: no --deliver has the name "
                        "nowhere")
        self.put("routes", "remote.example:relay.invalid\n")
        server.signal(signal.SIGHUP)
        server.wait_log(f"{self.control}/routes:1: smtp:relay.invalid: this "
                        "server does not ask DNS since its start")
        self.put("routes", f"remote.example:127.0.0.1:{out.port}\n")
        server.signal(signal.SIGHUP)
        self.wait_reloads(server, 1)
        self.assertEqual(self.send(server.port, ["u@remote.example"]), {})
        refused = self.send(server.port, ["u@other.example"])
        self.assertEqual(refused["u@other.example"][0], 550)
        # The process has no_new_privs since the start, and no program then.
        self.assertNotIn("become another user", server.log())
        self.put("secret", "user=u\npassword=p\n")
        (self.control / "secret").chmod(0o600)
        self.put("routes", f"remote.example:smtp:127.0.0.1:{out.port},"
                           f"auth={self.control}/secret\n")
        server.signal(signal.SIGHUP)
        server.wait_log("programs cannot become another user")
        self.put("routes", "u@remote.example:\n")
        server.signal(signal.SIGHUP)
        server.wait_log("routes:1: the entry is not a domain and can never")
        self.wait_reloads(server, 3)
        refused = self.send(server.port, ["u@remote.example"])
        self.assertEqual(refused["u@remote.example"][0], 550)

    def run_command(self, name, *options):
        done = subprocess.run(
            [*harness.command(name), "--control", str(self.control), *options],
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False)
        return done.stdout + done.stderr

    def test_explain_says_where_mail_goes(self):
        out = self.hop("out")
        self.put("routes", "partner.example:out\nlocal.example:\n")
        options = ["--deliver", f"maildir:{self.store}/%d/%u", "--deliver",
                   f"out=smtp:127.0.0.1:{out.port}", "--listen",
                   "127.0.0.1:25", "--listen", "127.0.0.1:587,deliver=out",
                   "--client", "192.0.2.1", "--set", "RELAYCLIENT="]
        to = ["a@local.example", "u@partner.example", "u@remote.example"]
        text = self.run_command("explain", *options, *to)
        own = f"maildir:{self.store}/%d/%u"
        name = f"out=smtp:127.0.0.1:{out.port}"
        routes = f"{self.control}/routes"
        self.assertIn(f"  -> {own}, by {routes}:2\n", text)
        self.assertIn(f"  -> {name}, by {routes}:1\n", text)
        self.assertRegex(text, "no-relay +refuses +RELAYCLIENT; --deliver "
                         "smtp:SERVER or qmail-queue would send it on\n")
        text = self.run_command("explain", *options, "--listener", "2", *to)
        self.assertIn(f"  -> {name}, by deliver=out\n", text)

    def test_check_shows_the_destination_of_each_listener(self):
        self.put("routes", "partner.example:out\nx.example:lmtp:unix:/none\n"
                 ":127.0.0.1:25\n")
        options = ["--deliver", f"maildir:{self.store}/%d/%u", "--deliver",
                   "out=discard", "--listen", "127.0.0.1:0", "--listen",
                   "127.0.0.1:0,deliver=out"]
        text = self.run_command("check", *options)
        self.assertIn(
            "Mail goes to:\n"
            f"  127.0.0.1:0  maildir:{self.store}/%d/%u (local recipients "
            "only)\n"
            "  127.0.0.1:0  out=discard (local and remote recipients)\n"
            f"  3 domains by {self.control}/routes:\n"
            "    out=discard, first in line 1\n"
            "    lmtp:unix:/none, first in line 2\n"
            "    smtp:127.0.0.1:25, first in line 3\n", text)
        routes = f"{self.control}/routes"
        self.assertIn(f"warning: {routes}:2: /none: No such file", text)
        self.assertIn(f"warning: {routes}:3: the line also takes the mail of "
                      "local.example and 1 more domain of ", text)

    def relays(self, *options):
        """Returns who may send to every domain, by postern check."""
        text = self.run_command("check", *options, *self.relay)
        if "May send to every domain:" not in text:
            return None
        return text.split("May send to every domain:\n")[1].split("\n\n")[0]

    def test_check_reports_relaying_through_any_listener(self):
        own = ["--deliver", f"maildir:{self.store}/%d/%u"]
        self.assertIsNone(self.relays(*own, "--listen", "127.0.0.1:0"))
        other = ["--deliver", "out=discard", "--listen",
                 "127.0.0.1:0,deliver=out"]
        self.assertIn("127.0.0.1", self.relays(*own, *other))
        # A route is enough, of any domain.
        self.put("routes", "partner.example:lmtp:unix:/none\n")
        self.assertIn("127.0.0.1",
                      self.relays(*own, "--listen", "127.0.0.1:0"))

    def test_metrics_name_the_destination(self):
        out = self.hop("out")
        self.put("routes", f"x.example:127.0.0.1:{out.port}\n")
        server = self.serve(
            "--deliver", f"out=smtp:127.0.0.1:{out.port}", "--metrics",
            "127.0.0.1:0", listen=("127.0.0.1:0", "127.0.0.1:0,deliver=out"))
        self.send(server.ports[1], ["u@remote.example"])
        self.send(server.ports[0], ["u@x.example", "a@local.example"])
        port = re.search(r"metrics at 127.0.0.1:(\d+)",
                         server.wait_log("metrics at ")).group(1)
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics",
                                      timeout=harness.PATIENCE).read().decode()
        for name in ("out", f"smtp:127.0.0.1:{out.port}",
                     f"maildir:{self.store}/%d/%u"):
            self.assertIn("postern_destination_messages_total{destination=\""
                          f"{name}\",result=\"accept\"}} 1\n", text)


class SubmissionTest(harness.TestCase):
    """tools/run --submission: two listeners, and a next hop."""

    def run_it(self):
        """Starts tools/run. Returns its log and the two ports."""
        path = self.folder / "log"
        with open(path, "wb") as log:
            process = subprocess.Popen(
                [os.path.abspath("tools/run"), "--submission", "127.0.0.1:0",
                 "127.0.0.1:0"], cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT,
                env={"PATH": os.environ["PATH"], "TMPDIR": str(self.folder),
                     "POSTERN": os.path.abspath(harness.POSTERN)})

        def stop():
            process.terminate()
            process.wait(harness.PATIENCE)
        self.addCleanup(stop)
        log = types.SimpleNamespace(log=path.read_text)
        deadline = time.monotonic() + harness.PATIENCE
        while True:
            ports = re.findall(r"listening at 127\.0\.0\.1:(\d+)\n",
                               path.read_text())
            if len(ports) == 3:
                return log, [int(port) for port in ports[1:]]
            self.assertIsNone(process.poll(), path.read_text())
            self.assertLess(time.monotonic(), deadline, path.read_text())
            time.sleep(0.01)

    def test_users_can_send_mail_to_other_hosts(self):
        log, (mx, submission) = self.run_it()

        def swaks(port, to, *options):
            server = types.SimpleNamespace(port=port)
            return harness.swaks(server, "--to", to, *options)
        user = ("--auth", "PLAIN", "--auth-user", "ann", "--auth-password",
                "secret")
        output, code = swaks(submission, "u@elsewhere.example", *user)
        self.assertEqual(code, 0, output)
        output, code = swaks(submission, "u@elsewhere.example")
        self.assertIn("530 5.7.0", output)
        output, code = swaks(mx, "u@elsewhere.example")
        self.assertIn("553 5.7.1", output)
        output, code = swaks(mx, "u@example.org")
        self.assertEqual(code, 0, output)
        stored = self.folder / "postern-example" / "Maildir" / "new"
        self.assertEqual(len(list(stored.iterdir())), 1)
        page = re.search(r"shows it at (\S+)", log.log()).group(1)
        with urllib.request.urlopen(page + "api/v1/messages",
                                    timeout=harness.PATIENCE) as answer:
            messages = json.load(answer)["messages"]
        self.assertEqual([to["Address"] for each in messages
                          for to in each["To"]], ["u@elsewhere.example"])


if __name__ == "__main__":
    harness.main()
