# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""A destination for each listener, and control/routes."""

import re
import smtplib
import subprocess
import types

import harness

MESSAGE = "From: s@x.example\nSubject: routes\n\n.hello\n"


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
        self.assertIn(f"rule=smtp source=127.0.0.1:{out.port} ",
                      server.wait_log("rule=smtp"))
        output = subprocess.run(
            ["swaks", "--server", f"127.0.0.1:{lmtp}", "--protocol", "LMTP",
             "--from", "s@x.example", "--to", "b@local.example",
             "--header", "Subject: boxes"], capture_output=True, text=True,
            timeout=harness.PATIENCE, check=False)
        self.assertEqual(output.returncode, 0, output.stdout)
        self.assertEqual(self.box("a"), ["mx"])
        self.assertEqual(self.box("b"), [])
        self.assertEqual(self.subjects(out.maildir), ["out"])
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


if __name__ == "__main__":
    harness.main()
