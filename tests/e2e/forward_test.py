# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""--deliver lmtp: and smtp: with a second postern serve as the next hop."""

import collections
import itertools
import re
import smtplib
import socket
import subprocess
import threading

import harness

MESSAGE = "From: s@x.example\nSubject: forward\n\n.hello\n"


class Refuser(harness.StandIn):
    """An SMTP server that refuses each recipient, or the command `verb`, with
    the text of the test."""

    def __init__(self, test, reply, verb=b"RCPT"):
        self.replies = reply
        self.verb = verb
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start(test)

    def serve(self, connection):
        lines = connection.makefile("rb")
        connection.sendall(b"220 hop.example\r\n")
        for line in lines:
            verb = line[:4].upper()
            if verb == self.verb:
                connection.sendall(self.replies)
            elif verb == b"QUIT":
                connection.sendall(b"221 bye\r\n")
                return
            else:
                connection.sendall(b"250 ok\r\n")


class ForwardTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.store = self.folder / "store"
        for user in "abc":
            for name in ("tmp", "new", "cur"):
                (self.store / "local.example" / user / name).mkdir(
                    parents=True)

    def hop(self, word="lmtp", *options, port=0, words=""):
        """Returns the next hop, which has the Maildirs."""
        path = self.folder / "hop-log"
        with open(path, "wb") as log:
            server = harness.Serve(
                self, *options, deliver=f"maildir:{self.store}/%d/%u", log=log,
                listen=(f"127.0.0.1:{port}" + (f",{word}" if word else "") + words,))
        server.log_path = path
        return server

    def inbox(self, user):
        folder = self.store / "local.example" / user / "new"
        return [path.read_text() for path in folder.iterdir()]

    def test_next_hop_decides_about_each_recipient(self):
        for kind in ("lmtp", "smtp"):
            hop = self.hop("lmtp" if kind == "lmtp" else "")
            server = harness.Serve(
                self, deliver=f"{kind}:127.0.0.1:{hop.port}")
            with smtplib.SMTP("127.0.0.1", server.port) as client:
                refused = client.sendmail(
                    "s@x.example",
                    ["a@local.example", "nobody@local.example",
                     "b@local.example"], MESSAGE)
            # The text is that of the Maildir of the next hop.
            self.assertEqual(list(refused), ["nobody@local.example"])
            self.assertEqual(refused["nobody@local.example"][0], 550)
            self.assertIn(b"5.1.1", refused["nobody@local.example"][1])
            # The line of the message follows those of the recipients, and a
            # warning about LMTP has the word "message", too.
            log = server.wait_log("message result=accept")
            self.assertRegex(log, rf"message result=accept .*rule={kind} "
                                  rf"source=127\.0\.0\.1:{hop.port} ")
            server.stop()
            hop.stop()
        for user in "ab":
            self.assertEqual(len(self.inbox(user)), 2)
            for text in self.inbox(user):
                self.assertIn("\n.hello\n", text)
                # Each server has added its field.
                self.assertEqual(text.count("Received: "), 2)
        self.assertEqual(self.inbox("c"), [])

    def test_lmtp_client_gets_the_reply_of_each_recipient(self):
        hop = self.hop("lmtp")
        server = harness.Serve(
            self, deliver=f"lmtp:127.0.0.1:{hop.port}",
            listen=("127.0.0.1:0,lmtp",))
        with harness.Client(server) as client:
            client.reply()
            client.ask("LHLO client.example")
            client.ask("MAIL FROM:<s@x.example>")
            for user in "ab":
                client.ask(f"RCPT TO:<{user}@local.example>")
            self.assertTrue(client.ask("DATA").startswith("354 "))
            # The mailbox disappears after its RCPT.
            (self.store / "local.example" / "b").rename(self.folder / "gone")
            self.assertTrue(client.ask("hi\r\n.").startswith("250 2.0.0"))
            self.assertTrue(client.reply().startswith("4"))
        self.assertEqual(len(self.inbox("a")), 1)

    def test_next_hop_that_is_down_is_a_451_that_says_so(self):
        port = self.closed_port()
        server = harness.Serve(self, deliver=f"lmtp:127.0.0.1:{port}")
        for _ in range(2):
            with harness.Client(server).greet() as client:
                client.ask("MAIL FROM:<s@x.example>")
                reply = client.ask("RCPT TO:<a@local.example>")
                self.assertEqual(
                    reply, "451 4.4.1 the next hop does not accept "
                    "connections: Connection refused (#4.4.1)")
                self.assertTrue(client.ask("DATA").startswith("503 "))
        log = server.wait_log("rcpt ")
        self.assertIn(f"127.0.0.1:{port}: does not accept connections", log)

    def test_second_server_serves(self):
        hop = self.hop("lmtp")
        server = harness.Serve(
            self, deliver=f"lmtp:127.0.0.1:{self.closed_port()},"
            f"unix:/nowhere,localhost:{hop.port}")
        for _ in range(3):
            output, code = harness.swaks(server, "--to", "a@local.example")
            self.assertEqual(code, 0, output)
        self.assertEqual(len(self.inbox("a")), 3)

    def test_refused_data_is_the_reply_to_data(self):
        hop = Refuser(self, b"452 4.3.1 disk full\r\n", b"DATA")
        server = harness.Serve(self, deliver=f"smtp:127.0.0.1:{hop.port}")
        with harness.Client(server).greet() as client:
            # In place of a 354 or a 250.
            for command in ("DATA", "BDAT 4 LAST\r\nhi"):
                client.ask("MAIL FROM:<s@x.example>")
                client.ask("RCPT TO:<a@local.example>")
                self.assertEqual(client.ask(command), "452 4.3.1 disk full")
        log = server.wait_log("rule=smtp ")
        self.assertIn(f"127.0.0.1:{hop.port}", log)

    def test_refusal_of_the_next_hop_is_printable(self):
        hop = Refuser(self, b"550-5.1.1 \x1b[31mno\r\n550 5.1.1 \xffmore\r\n")
        server = harness.Serve(self, deliver=f"smtp:127.0.0.1:{hop.port}")
        with harness.Client(server).greet() as client:
            client.ask("MAIL FROM:<s@x.example>")
            self.assertEqual(client.ask("RCPT TO:<a@local.example>"),
                             "550 5.1.1 ?more")

    def test_next_hop_learns_the_address_of_the_client(self):
        for word, listen, options in (
                ("", "", ()),
                (",xforward", "", ()),  # not offered: the mail goes through
                (",xclient", "", ("--xclient-from", "127.0.0.1")),
                (",proxy", ",proxy", ("--proxy-from", "127.0.0.1"))):
            with self.subTest(word=word):
                hop = self.hop("", *options, words=listen)
                server = harness.Serve(
                    self, deliver=f"smtp:127.0.0.1:{hop.port}{word}")
                named = word in (",xclient", ",proxy")
                for source in ("127.0.0.9", "127.0.0.8"):
                    with harness.Client(server, source).greet() as client:
                        client.ask("MAIL FROM:<s@x.example>")
                        self.assertEqual(
                            client.ask("RCPT TO:<a@local.example>")[:3], "250")
                        client.ask("DATA")
                        self.assertEqual(client.ask("hi\r\n.")[:3], "250")
                    hop.wait_log(f"ip={source}" if named else "ip=127.0.0.1")
                server.stop()
                hop.stop()

    def test_next_hop_without_xclient_gets_no_mail(self):
        hop = self.hop("")
        server = harness.Serve(
            self, deliver=f"smtp:127.0.0.1:{hop.port},xclient")
        with harness.Client(server).greet() as client:
            client.ask("MAIL FROM:<s@x.example>")
            self.assertEqual(
                client.ask("RCPT TO:<a@local.example>"),
                "451 4.3.2 the next hop does not offer XCLIENT to this server "
                "(#4.3.2)")
        self.assertEqual(self.inbox("a"), [])

    def test_server_that_is_its_own_next_hop_says_so(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = harness.Serve(self, listen=(f"127.0.0.1:{port}",),
                               deliver=f"smtp:127.0.0.1:{port}")
        with harness.Client(server).greet() as client:
            client.ask("MAIL FROM:<s@x.example>")
            self.assertEqual(
                client.ask("RCPT TO:<a@local.example>"),
                "451 4.3.2 the next hop is this server itself: mail loops back "
                "to it (#4.3.2)")

    def test_dsn_reaches_the_next_hop(self):
        hop = Refuser(self, b"250 2.1.5 ok\r\n")
        for word, offered in (("", False), (",dsn", True)):
            server = harness.Serve(
                self, deliver=f"smtp:127.0.0.1:{hop.port}{word}")
            with smtplib.SMTP("127.0.0.1", server.port) as client:
                client.ehlo()
                self.assertEqual(client.has_extn("dsn"), offered)
                if offered:
                    client.mail("s@x.example", ["RET=HDRS"])
                    # The next hop offers nothing.
                    code, text = client.rcpt("a@local.example",
                                             ["NOTIFY=SUCCESS"])
                    self.assertEqual(code, 451, text)
                    self.assertIn(b"DSN", text)
                    code, text = client.rcpt("a@local.example",
                                             ["NOTIFY=FAILURE"])
                    self.assertEqual(code, 250, text)

    def test_connection_is_used_for_several_messages(self):
        hop = self.hop("lmtp")
        server = harness.Serve(self, "--threads", "1",
                               deliver=f"lmtp:127.0.0.1:{hop.port}")
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            for _ in range(20):
                client.sendmail("s@x.example", ["a@local.example"], MESSAGE)
        self.assertEqual(len(self.inbox("a")), 20)
        server.signal(15)
        self.assertEqual(server.wait(), 0)
        log = hop.wait_log("session ")
        self.assertEqual(log.count(" session end="), 1, log)

    def test_no_message_is_lost_if_the_next_hop_is_killed(self):
        hop = self.hop("lmtp")
        port = hop.port
        server = harness.Serve(self, deliver=f"lmtp:127.0.0.1:{port}")
        accepted = []
        temporary = []
        changed = threading.Condition()
        stop = threading.Event()

        def add(to, value):
            with changed:
                to.append(value)
                changed.notify_all()

        def wait(done):
            with changed:
                self.assertTrue(changed.wait_for(done, harness.PATIENCE))

        def send(sender):
            for number in itertools.count():
                if stop.is_set():
                    return
                name = f"message-{sender}-{number}"
                while True:
                    try:
                        with smtplib.SMTP("127.0.0.1", server.port) as client:
                            client.sendmail("s@x.example",
                                            ["a@local.example"],
                                            f"Subject: {name}\n\nhello\n")
                    except smtplib.SMTPRecipientsRefused as error:
                        add(temporary,
                            (name, *error.recipients["a@local.example"]))
                        continue
                    except smtplib.SMTPDataError as error:
                        add(temporary,
                            (name, error.smtp_code, error.smtp_error))
                        continue
                    add(accepted, name)
                    break

        threads = [threading.Thread(target=send, args=(i,)) for i in range(6)]
        for each in threads:
            each.start()
        for _ in range(3):
            count, failed = len(accepted), len(temporary)
            wait(lambda: len(accepted) >= count + 20)  # others are in progress
            hop.kill_everything()
            wait(lambda: len(temporary) > failed)
            hop = self.hop("lmtp", port=port)
        wait(lambda: len(accepted) >= count + 40)
        stop.set()
        for each in threads:
            each.join()
        for _, code, text in temporary:
            self.assertEqual(code, 451, text)
            self.assertIn(b"the next hop", text)
        stored = collections.Counter(
            re.search(r"^Subject: (.*)$", text, re.MULTILINE).group(1)
            for text in self.inbox("a"))
        lost = [name for name in accepted if stored[name] == 0]
        self.assertEqual(lost, [])
        # A message is there twice only if its client got a 451 for it: the next
        # hop stored it and was killed before its reply.
        refused = collections.Counter(name for name, _, _ in temporary)
        twice = [name for name in stored if stored[name] > 1 + refused[name]]
        self.assertEqual(twice, [])
        # At most the messages in progress at one of the three ends.
        self.assertLessEqual(stored.total() - len(stored), 3 * len(threads))

    def test_large_message_streams(self):
        hop = self.hop("lmtp")
        server = harness.Serve(self, deliver=f"lmtp:127.0.0.1:{hop.port}")
        text = "Subject: large\n\n" + 300000 * (60 * "x" + "\n")
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            client.sendmail("s@x.example", ["a@local.example"], text)
        self.assertIn(text[16:], self.inbox("a")[0])
        # Not the whole message: 18 MB.
        status = open(f"/proc/{server.process.pid}/status").read()
        peak = int(status.split("VmHWM:")[1].split()[0])
        other = harness.Serve(self, deliver="discard")
        status = open(f"/proc/{other.process.pid}/status").read()
        base = int(status.split("VmHWM:")[1].split()[0])
        self.assertLess(peak - base, 4096)  # KiB

    def test_remote_recipients_go_to_the_next_hop(self):
        hop = self.hop("lmtp")
        rules = self.rules('127.0.0.1:allow,RELAYCLIENT=""\n')
        server = harness.Serve(self, "--rules", str(rules),
                               deliver=f"lmtp:127.0.0.1:{hop.port}")
        output, code = harness.swaks(server, "--to", "u@remote.example")
        # The next hop refuses it, and not the check no-relay.
        self.assertIn("553 5.7.1", output)
        self.assertIn("rule=lmtp", server.wait_log("rcpt "))
        self.assertIn("rule=not-listed", hop.wait_log("rcpt "))

    def test_postern_smtpd_says_that_it_cannot(self):
        done = subprocess.run(
            [harness.SMTPD, "--control", str(self.control), "--deliver",
             "lmtp:unix:/run/lmtp"], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False)
        self.assertIn("this program cannot forward: use postern serve",
                      done.stderr)
        self.assertTrue(done.stdout.startswith("421 "), done.stdout)

    def test_check_and_explain(self):
        hop = self.hop("lmtp")
        common = ["--control", str(self.control), "--deliver"]
        done = subprocess.run(
            [*harness.command("check"), *common,
             f"lmtp:127.0.0.1:{self.closed_port()},unix:/nowhere",
             "--listen", "127.0.0.1:0"], capture_output=True, text=True,
            timeout=harness.PATIENCE, check=False)
        self.assertIn("Connection refused: the next hop does not accept "
                      "connections now", done.stdout)
        self.assertIn("/nowhere: No such file or directory", done.stdout)
        done = subprocess.run(
            [*harness.command("explain"), *common,
             f"lmtp:127.0.0.1:{hop.port}", "--client", "192.0.2.1",
             "--sender", "s@x.example", "a@local.example",
             "nobody@local.example"], capture_output=True, text=True,
            timeout=harness.PATIENCE, check=False)
        self.assertIn("550 5.1.1", done.stdout, done.stderr)
        self.assertEqual(self.inbox("a"), [])


if __name__ == "__main__":
    harness.main()
