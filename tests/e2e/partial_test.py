# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""--partial-delivery: an LMTP server that takes a message for some of its
recipients only, and SMTP clients that send it again."""

import collections
import os
import pathlib
import pwd
import shutil
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import harness

FULL = "552 5.2.2 the mailbox is full"


def message(number):
    return (f"From: s@x.example\r\nMessage-ID: <{number}@x.example>\r\n"
            "Subject: partial\r\n\r\nhello\r\n")


class Hop(harness.StandIn):
    """An LMTP server. `refused` has replies by recipient; `delivered` counts
    pairs of a Message-ID and a recipient."""

    def __init__(self, test):
        self.refused = {}
        self.delivered = collections.Counter()
        self.accepted = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start(test)

    def serve(self, connection):
        try:
            self.talk(connection)
        except OSError:
            pass  # the server was killed

    def talk(self, connection):
        lines = connection.makefile("rb")
        to = []

        def say(text):
            connection.sendall(text.encode() + b"\r\n")

        say("220 hop.example")
        for line in lines:
            verb = line[:4].upper()
            if verb == b"LHLO":
                say("250-hop.example\r\n250-PIPELINING\r\n250 8BITMIME")
            elif verb == b"RCPT":
                to.append(line.split(b"<")[1].split(b"@")[0].decode())
                say("250 2.1.5 ok")
            elif verb == b"DATA":
                say("354 go")
                text = b""
                while not text.endswith(b"\r\n.\r\n"):
                    text += lines.readline()
                number = text.split(b"Message-ID: <")[1].split(b"@")[0]
                for user in to:
                    if user in self.refused:
                        say(self.refused[user])
                        continue
                    self.delivered[(number.decode(), user)] += 1
                    self.accepted.set()
                    say("250 2.0.0 stored")
                to = []
            elif verb == b"QUIT":
                say("221 bye")
                return
            else:
                if verb == b"RSET":
                    to = []
                say("250 ok")


class PartialTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.hop = Hop(self)
        self.directory = self.folder / "partial"
        self.directory.mkdir()

    def serve(self, mode=None):
        option = ([] if mode == "" else
                  ["--partial-delivery", mode or f"retry:{self.directory}"])
        return harness.Serve(self, *option,
                             deliver=f"lmtp:127.0.0.1:{self.hop.port}")

    def send(self, server, number, users="ab"):
        """Returns the code and the text of the reply to the message, or 0."""
        try:
            with smtplib.SMTP("127.0.0.1", server.port,
                              timeout=harness.PATIENCE) as client:
                client.ehlo()
                client.mail("s@x.example")
                for user in users:
                    client.rcpt(f"{user}@local.example")
                code, text = client.data(message(number))
            return code, text.decode()
        except smtplib.SMTPDataError as error:
            return error.smtp_code, error.smtp_error.decode()
        except (OSError, smtplib.SMTPException):
            return 0, ""

    def test_retry_reaches_the_others_after_a_kill(self):
        server = self.serve()
        self.hop.refused = {"b": FULL}
        code, text = self.send(server, 1)
        self.assertEqual(code, 451)
        self.assertIn("1 of 2 recipients have the message", text)
        self.assertIn(f"<b@local.example>: {FULL}", text)
        # The lines of refused recipients precede that of the message.
        log = server.wait_log("message result=refuse")
        self.assertRegex(log, r"rcpt decision=refuse .*to=<b@local.example>")
        server.kill_everything()
        server = self.serve()
        self.assertEqual(self.send(server, 1)[0], 451)
        self.hop.refused = {}
        # Another message is not the retry.
        self.assertEqual(self.send(server, 2)[0], 250)
        self.assertEqual(self.send(server, 1)[0], 250)
        self.assertEqual(
            self.hop.delivered, {("1", "a"): 1, ("1", "b"): 1,
                                 ("2", "a"): 1, ("2", "b"): 1})
        server.stop()

    def test_swaks_sends_again(self):
        server = self.serve()
        data = self.folder / "message"
        data.write_text(message(3).replace("\r\n", "\n"))
        send = lambda: harness.swaks(
            server, "--to", "a@local.example,b@local.example", "--data",
            f"@{data}")
        self.hop.refused = {"a": FULL}
        output, code = send()
        self.assertNotEqual(code, 0)
        self.assertIn("451 4.5.0 1 of 2 recipients", output)
        self.hop.refused = {}
        output, code = send()
        self.assertEqual(code, 0, output)
        self.assertEqual(self.hop.delivered, {("3", "a"): 1, ("3", "b"): 1})

    def test_nothing_is_lost_when_the_server_is_killed(self):
        duplicates = 0
        for round, delay in enumerate(
                (0, 0.001, 0.002, 0.003, 0.005, 0.008, 0.013, 0.02, 0.04, 0.1)):
            server = self.serve()
            self.hop.refused = {"b": FULL}
            self.hop.accepted.clear()
            answers = []
            client = threading.Thread(
                target=lambda: answers.append(self.send(server, round)[0]))
            client.start()
            self.assertTrue(self.hop.accepted.wait(harness.PATIENCE))
            time.sleep(delay)  # the moment of the kill
            server.kill_everything()
            client.join()
            self.hop.refused = {}
            server = self.serve()
            self.assertEqual(self.send(server, round)[0], 250)
            server.kill_everything()
            count = self.hop.delivered[(str(round), "a")]
            self.assertEqual(self.hop.delivered[(str(round), "b")], 1)
            if answers == [451]:
                self.assertEqual(count, 1)
            else:
                self.assertIn(count, (1, 2))
                duplicates += count - 1
        self.assertLess(duplicates, 10)

    def test_other_modes(self):
        self.hop.refused = {"b": FULL}
        server = self.serve("accept")
        self.assertEqual(self.send(server, 4)[0], 250)
        self.assertRegex(server.wait_log("rcpt decision=refuse"),
                         r"rcpt decision=refuse .*to=<b@local.example>")
        server.stop()
        server = self.serve("refuse")
        self.assertEqual(self.send(server, 5),
                         (552, "5.2.2 the mailbox is full"))
        server.stop()
        # Without the option, the recipients get it again, and a warning says
        # so.
        server = self.serve("")
        self.assertEqual(self.send(server, 6)[0], 451)
        self.hop.refused = {}
        self.assertEqual(self.send(server, 6)[0], 250)
        self.assertEqual(self.hop.delivered[("6", "a")], 2)
        server.wait_log("use --partial-delivery retry:DIR")

    def test_option_that_cannot_be_used(self):
        for value, why in (
                ("sometimes", "not retry:DIR, accept or refuse"),
                ("retry:here", "not an absolute path after retry:"),
                (f"retry:{self.folder}/none", "No such file or directory")):
            output, code = harness.fail_to_start(
                self, "--partial-delivery", value)
            self.assertNotEqual(code, 0)
            self.assertIn(why, output)
        self.serve()
        output, code = harness.fail_to_start(
            self, "--partial-delivery", f"retry:{self.directory}")
        self.assertNotEqual(code, 0)
        self.assertIn("accepted: another process uses it", output)


DOVECOT = "/usr/sbin/dovecot"


@unittest.skipUnless(os.path.exists(DOVECOT) and os.geteuid() == 0,
                     "needs Dovecot, and root")
class DovecotTest(harness.TestCase):
    """Dovecot replies 552 to a message for a mailbox that is over its quota,
    after the content."""

    def setUp(self):
        super().setUp()
        # Where the user of the mailboxes can reach it.
        self.room = pathlib.Path(
            tempfile.mkdtemp(prefix="postern-hop-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.room)
        self.room.chmod(0o755)
        self.homes = self.room / "homes"
        self.homes.mkdir()
        self.user = pwd.getpwnam("nobody")
        os.chown(self.homes, self.user.pw_uid, self.user.pw_gid)

    def write_users(self, quota_of_b):
        ids = f"{self.user.pw_uid}:{self.user.pw_gid}"
        (self.room / "users").write_text("".join(
            f"{name}::{ids}::{self.homes}/{name}::"
            f"userdb_quota_rule=*:bytes={quota}\n"
            for name, quota in (("a", 1 << 20), ("b", quota_of_b))))

    def start_dovecot(self):
        path = self.room / "lmtp"
        config = self.room / "dovecot.conf"
        config.write_text("\n".join([
            f"base_dir = {self.room}/run",
            f"state_dir = {self.room}/run",
            "log_path = /dev/stderr",
            "protocols = lmtp",
            "ssl = no",
            "first_valid_uid = 1",
            "auth_username_format = %n",
            "mail_location = maildir:~/Maildir",
            "mail_plugins = quota",
            "plugin {", " quota = maildir:User", "}",
            "passdb {", " driver = passwd-file",
            f" args = {self.room}/users", "}",
            "userdb {", " driver = passwd-file",
            f" args = {self.room}/users", "}",
            "service lmtp {", f" unix_listener {path} {{", "  mode = 0666",
            " }", "}", ""]))
        with open(self.room / "log", "wb") as log:
            process = subprocess.Popen(
                [DOVECOT, "-F", "-c", str(config)], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        self.addCleanup(process.wait, harness.PATIENCE)
        self.addCleanup(process.terminate)
        end = time.monotonic() + harness.PATIENCE
        while not path.exists():
            self.assertIsNone(process.poll(), self.dovecot_log())
            self.assertLess(time.monotonic(), end, self.dovecot_log())
            time.sleep(0.01)
        return path

    def dovecot_log(self):
        return (self.room / "log").read_text(errors="replace")

    def inbox(self, name):
        return list((self.homes / name).glob("Maildir/new/*"))

    def test_mailbox_over_quota_gets_the_message_later(self):
        self.write_users(10)
        path = self.start_dovecot()
        directory = self.folder / "partial"
        directory.mkdir()
        data = self.folder / "message"
        data.write_text(message(1).replace("\r\n", "\n"))

        def serve_and_send():
            server = harness.Serve(
                self, "--partial-delivery", f"retry:{directory}",
                deliver=f"lmtp:unix:{path}")
            answer = harness.swaks(
                server, "--to", "a@local.example,b@local.example", "--data",
                f"@{data}")
            server.kill_everything()
            return answer

        for _ in range(2):
            output, code = serve_and_send()
            self.assertNotEqual(code, 0)
            self.assertIn("451 4.5.0 1 of 2 recipients have the message",
                          output, self.dovecot_log())
            self.assertIn("552 5.2.2", output)
            self.assertEqual(len(self.inbox("a")), 1)
            self.assertEqual(len(self.inbox("b")), 0)
        self.write_users(1 << 20)
        # Dovecot looks for changes of the file once a second, so the client may
        # have to send the message several times.
        end = time.monotonic() + harness.PATIENCE
        output, code = serve_and_send()
        while code != 0 and time.monotonic() < end:
            output, code = serve_and_send()
        self.assertEqual(code, 0, output + self.dovecot_log())
        self.assertEqual(len(self.inbox("a")), 1)
        self.assertEqual(len(self.inbox("b")), 1)


if __name__ == "__main__":
    harness.main()
