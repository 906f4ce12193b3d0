# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Messages that rspamd examines: Debian's rspamd itself, on a port of
loopback, with its own configuration; and stand-ins that misbehave."""

import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest
import urllib.request

import harness

RSPAMD = shutil.which("rspamd")

# rspamd's test patterns: for the actions reject, add header, rewrite subject.
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
MARKED = "Y" + GTUBE[1:]
REWRITTEN = "Z" + GTUBE[1:]

# No DNS, no maps, no modules but those below.
CONFIGURATION = """
options {{
  dns {{ nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 0; }}
  filters = "";
  explicit_modules = ["settings"];
  url_tld = "{folder}/tld";
  tempdir = "{folder}";
  hs_cache_dir = "{folder}";
  stats_file = "{folder}/stats";
  history_file = "{folder}/history";
  control_socket = "{folder}/control mode=0600";
  disable_hyperscan = true;
  enable_test_patterns = true;
}}
logging {{ type = "console"; level = "info"; color = false; }}
worker "normal" {{ bind_socket = "{bind}"; count = 1; }}
worker "controller" {{ enabled = false; count = 0; }}
actions {{ reject = 15; add_header = 6; greylist = 4; }}
lua = "{folder}/rules.lua";
"""

# The message says what rspamd shall do, in a header field.
RULES = """
rspamd_config:register_symbol({
  name = 'SAID', type = 'prefilter', priority = 10,
  callback = function(task)
    local said = task:get_header('X-Test') or ''
    if said == 'later' then
      task:set_pre_result('soft reject', 'Come back later')
    elseif said == 'hang' then
      io.open('HERE/hangs', 'w'):close()
      os.execute('exec sleep 600')
    elseif said == 'facts' then
      local names = {}
      for _, rcpt in ipairs(task:get_recipients('smtp') or {}) do
        table.insert(names, rcpt.addr)
      end
      local from = task:get_from('smtp')[1]
      task:set_milter_reply({
        add_headers = {
          ['X-Facts'] = table.concat({
            tostring(task:get_ip()), task:get_helo() or '',
            from and from.addr or '', table.concat(names, '+'),
            task:get_user() or '', task:get_queue_id() or ''}, ' '),
          ['X-Two'] = {{value = 'a', order = 1}, {value = 'b'}},
          ['X-Evil'] = 'x\\r\\nBcc: victim@x.example\\r\\n\\r\\nbody',
        },
        remove_headers = {['X-Old'] = 0},
      })
    end
    return false
  end
})
"""


class Rspamd:
    """Debian's rspamd, as a process of the test."""

    def __init__(self, test, unix=False):
        self.folder = pathlib.Path(test.folder) / "rspamd"
        self.folder.mkdir()
        (self.folder / "tld").write_text("example\norg\n")
        (self.folder / "rules.lua").write_text(
            RULES.replace("HERE", str(self.folder)))
        if unix:
            self.name = f"unix:{self.folder}/socket"
            bind = f"{self.folder}/socket mode=0666"
        else:
            port = test.closed_port_number()
            self.name = f"http://127.0.0.1:{port}"
            bind = f"127.0.0.1:{port}"
        (self.folder / "rspamd.conf").write_text(
            CONFIGURATION.format(folder=self.folder, bind=bind))
        user = {}
        if os.getuid() == 0:
            # rspamd refuses to work as root.
            nobody = test.another_user()
            test.folder.chmod(0o711)
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            user = {"user": nobody.pw_uid, "group": nobody.pw_gid,
                    "extra_groups": []}
        self.log = open(self.folder / "log", "wb")
        test.addCleanup(self.log.close)
        self.process = subprocess.Popen(
            [RSPAMD, "-f", "-c", str(self.folder / "rspamd.conf")],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True, cwd=self.folder, **user)
        test.addCleanup(self.kill)
        self.wait(test, lambda: self.accepts(unix, bind.split(" ")[0]))

    @staticmethod
    def accepts(unix, where):
        try:
            if unix:
                with socket.socket(socket.AF_UNIX) as trial:
                    trial.connect(where)
            else:
                host, port = where.split(":")
                socket.create_connection((host, int(port)), 1).close()
            return True
        except OSError:
            return False

    def wait(self, test, ready):
        end = time.monotonic() + harness.PATIENCE
        while not ready():
            said = (self.folder / "log").read_text("latin-1")
            test.assertIsNone(self.process.poll(), said)
            test.assertLess(time.monotonic(), end, said)
            time.sleep(0.05)

    def kill(self):
        """Kills rspamd, and the processes that it has started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(harness.PATIENCE)


class StandIn(harness.StandIn):
    """Reads each request to its end, and sends `answer`, or nothing if it is
    None."""

    def __init__(self, test, answer):
        self.answer = answer
        self.bodies = []
        self.arrived = threading.Semaphore(0)
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.name = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.start(test)

    def serve(self, connection):
        with connection.makefile("rb") as file:
            length = 0
            while (line := file.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.bodies.append(file.read(length))
        self.arrived.release()
        if self.answer is None:
            return
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
                               % len(self.answer) + self.answer)
        except OSError:
            pass
        connection.close()


class FilterTest(harness.TestCase):

    def closed_port_number(self):
        """Returns a port that was free a moment ago: rspamd does not bind to
        port 0."""
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(("127.0.0.1", 0))
            return holder.getsockname()[1]

    def send(self, client, content, recipients=1):
        """Sends a message; returns the reply to its content."""
        assert client.ask("MAIL FROM:<s@x.example>").startswith("250")
        for i in range(recipients):
            assert client.ask(
                f"RCPT TO:<u{i}@local.example>").startswith("250")
        assert client.ask("DATA").startswith("354")
        client.send(content + b"\r\n.\r\n" if isinstance(content, bytes)
                    else content + "\r\n.\r\n")
        return client.reply()

    def wait_file(self, path):
        end = time.monotonic() + harness.PATIENCE
        while not path.exists():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)


OUTAGE = "451 4.3.0 unable to examine the message, try again later (#4.3.0)"


@unittest.skipUnless(RSPAMD, "rspamd is not installed: Debian 13 has none")
class RspamdTest(FilterTest):

    def check_actions(self, rspamd):
        server = harness.Serve(self, "--rspamd", rspamd.name, "--metrics",
                               f"127.0.0.1:{self.closed_port_number()}")
        with harness.Client(server) as client:
            client.greet()
            for content, reply in (
                    ("Subject: ham\r\nX-Spam: Yes\r\n\r\nhi", "250 2.0.0 ok "),
                    (f"Subject: spam\r\n\r\n{GTUBE}",
                     "550 5.7.1 Gtube pattern"),
                    (f"X-Spam: No\r\nSubject: marked\r\n\r\n{MARKED}",
                     "250 2.0.0 ok "),
                    (f"Subject: old\r\nTo: u\r\n\r\n{REWRITTEN}",
                     "250 2.0.0 ok "),
                    ("X-Test: later\r\n\r\n", "451 4.7.1 Come back later"),
                    ("X-Old: 1\r\nX-Test: facts\r\nx-old: 2\r\n\r\nfacts",
                     "250 2.0.0 ok ")):
                with self.subTest(content):
                    self.assertTrue(
                        self.send(client, content).startswith(reply))
        ham, marked, rewritten, facts = self.messages()
        front = rb"Return-Path: <s@x.example>\nDelivered-To: u0@local.example\n"
        received = rb"Received: from client.example [^\n]*\n\t[^\n]*\n\t[^\n]*\n"
        self.assertRegex(ham, b"^" + front + received +
                         rb"Subject: ham\nX-Spam: Yes\n\nhi\n$")
        self.assertRegex(marked, b"^" + front + rb"X-Spam: Yes\n" + received +
                         rb"Subject: marked\n\n" +
                         re.escape(MARKED).encode() + rb"\n$")
        self.assertRegex(rewritten, b"^" + front + received +
                         rb"Subject: \*\*\* SPAM \*\*\* old\nTo: u\n\n")
        self.assertRegex(
            facts, b"^" + front +
            rb"X-Evil: x\n\tBcc: victim@x.example\n\tbody\n"
            rb"X-Facts: 127.0.0.1 client.example s@x.example u0@local.example "
            rb" [a-z0-9]+-6\nX-Two: a\nX-Two: b\n" + received +
            rb"X-Test: facts\n\nfacts\n$")
        log = server.wait_log("-6 message ")
        for line in (r"-1 message result=accept .* rule=rspamd "
                     r'source="no action, score 0 of 15" reply="250 ',
                     r"-2 message result=refuse .* rule=rspamd "
                     r'source="reject, score 15 of 15" reply="550 ',
                     r'-3 message result=accept .* source="add header, score 6 '
                     r'of 15"',
                     r"-5 message result=refuse .* rule=rspamd "
                     r'source="soft reject, score '):
            self.assertRegex(log, line)
        where = re.search(r"metrics at (\S+)", log).group(1)
        with urllib.request.urlopen(f"http://{where}/metrics",
                                    timeout=harness.PATIENCE) as answer:
            metrics = answer.read().decode()
        for action, count in (("no-action", 2), ("reject", 1),
                              ("add-header", 1), ("rewrite-subject", 1),
                              ("soft-reject", 1), ("outage", 0)):
            self.assertIn(f'postern_rspamd_total{{action="{action}"}} {count}',
                          metrics)

    def test_actions_over_tcp(self):
        self.check_actions(Rspamd(self))

    def test_unix_socket(self):
        rspamd = Rspamd(self, unix=True)
        server = harness.Serve(self, "--rspamd", rspamd.name)
        with harness.Client(server) as client:
            self.assertEqual(self.send(
                client.greet(), f"Subject: x\r\n\r\n{GTUBE}")[:3], "550")
            self.assertEqual(self.send(client, "Subject: x\r\n\r\n")[:3], "250")

    def test_many_recipients_and_large_messages(self):
        """rspamd accepts 80 KiB of header fields, and 50 MiB of content."""
        rspamd = Rspamd(self)
        server = harness.Serve(self, "--rspamd", rspamd.name,
                               deliver=f"qmail-queue:{self.put_queue()}")
        lines = b"".join(b"%x\r\n" % random.Random(i).getrandbits(280)
                         for i in range(60000))
        with harness.Client(server) as client:
            client.greet()
            client.send("MAIL FROM:<s@x.example>\r\n")
            self.assertEqual(client.reply()[:3], "250")
            for i in range(300):
                name = "u" * 800 + str(i)
                self.assertEqual(client.ask(
                    f"RCPT TO:<{name}@local.example>")[:3], "250")
            self.assertEqual(client.ask("DATA")[:3], "354")
            client.send(b"Subject: x\r\n\r\n" + lines + b".\r\n")
            self.assertEqual(client.reply()[:12], "250 2.0.0 ok")
        self.assertTrue(self.queued("message").endswith(
            b"\nSubject: x\n\n" + lines.replace(b"\r\n", b"\n")))
        self.assertEqual(self.queued("envelope").count(b"@local.example"), 300)

    def test_stopped_and_killed_rspamd_is_an_outage(self):
        rspamd = Rspamd(self)
        server = harness.Serve(self, "--rspamd", rspamd.name)
        with harness.Client(server) as client:
            client.greet()
            replies = []
            thread = threading.Thread(target=lambda: replies.append(
                self.send(client, "X-Test: hang\r\n\r\n")))
            thread.start()
            self.wait_file(rspamd.folder / "hangs")
            rspamd.kill()
            thread.join(harness.PATIENCE)
            self.assertEqual(replies, [OUTAGE])
            self.assertEqual(self.send(client, "Subject: x\r\n\r\n"), OUTAGE)
        self.assertEqual(self.messages(), [])
        log = server.wait_log("-2 message ")
        self.assertRegex(log, r'-2 message result=refuse .* rule=rspamd '
                         rf'source="{rspamd.name}: [^"]*" reply="451 4.3.0 ')


class StandInTest(FilterTest):

    HAM = b'{"action":"no action"}'

    def test_content_is_unchanged(self):
        """rspamd and the Maildir get what the client sent."""
        rspamd = StandIn(self, b'{"action":"no action","milter":{'
                         b'"add_headers":{"X-A":"1"},"remove_headers":'
                         b'{"X-None":0}}}')
        server = harness.Serve(self, "--rspamd", rspamd.name)
        choice = random.Random(14)
        sent = []
        with harness.Client(server) as client:
            client.greet()
            for i in range(60):
                content = b"\r\n".join(
                    bytes(choice.choice(b" \t.:abX-\x80\xff")
                          for _ in range(choice.randrange(12)))
                    for _ in range(choice.choice((1, 3, 30))))
                if i % 20 == 0:  # larger than what is held in memory
                    content += b"\r\n" + b"x" * 300000
                stuffed = re.sub(rb"(?m)^\.", b"..", content)
                self.assertEqual(self.send(client, stuffed)[:3], "250")
                sent.append(content + b"\r\n")
        stored = self.messages()
        self.assertEqual(len(stored), len(sent))
        self.assertEqual(len(rspamd.bodies), len(sent))
        for body, message, content in zip(rspamd.bodies, stored, sent):
            received = body[:len(body) - len(content)]
            self.assertTrue(received.startswith(b"Received: from "))
            self.assertEqual(body[len(received):], content)
            self.assertEqual(
                message.split(b"\nX-A: 1\n", 1)[1],
                body.replace(b"\r\n", b"\n"))

    def test_outage_can_be_accepted(self):
        nowhere = f"http://127.0.0.1:{self.closed_port()}"
        server = harness.Serve(self, "--rspamd", nowhere, "--rspamd-down",
                               "accept")
        with harness.Client(server) as client:
            self.assertEqual(
                self.send(client.greet(), "Subject: x\r\n\r\n")[:3], "250")
        log = server.wait_log("-1 message ")
        self.assertRegex(log, r'rule=rspamd source="not examined: http://')
        self.assertRegex(log, r"session=\S+ id=\S+-1 rspamd: http://.*: "
                         "delivered without an examination")

    def test_each_recipient_of_lmtp_has_a_reply(self):
        rspamd = StandIn(self, b'{"action":"reject"}')
        server = harness.Serve(self, "--rspamd", rspamd.name,
                               listen=("127.0.0.1:0,lmtp",))
        with harness.Client(server) as client:
            client.reply()
            client.ask("LHLO client.example")
            refused = ("550 5.7.1 message refused by the content filter "
                       "(#5.7.1)")
            self.assertEqual(self.send(client, "x", recipients=3), refused)
            self.assertEqual(client.reply(), refused)
            self.assertEqual(client.reply(), refused)
            rspamd.answer = self.HAM
            self.assertEqual(self.send(client, "x", recipients=2)[:3], "250")
            self.assertEqual(client.reply()[:3], "250")

    def test_rspamd_that_hangs_delays_no_other_client(self):
        """A third of the threads ask rspamd. Others check recipients."""
        rspamd = StandIn(self, None)
        boxes = self.folder / "boxes"
        shutil.copytree(self.maildir, boxes / "u0")
        server = harness.Serve(
            self, "--rspamd", rspamd.name, "--blocking-threads", "8",
            "--rspamd-timeout", "120", deliver=f"maildir:{boxes}/%u")
        clients = [harness.Client(server) for _ in range(12)]
        for client in clients:
            self.addCleanup(client.socket.close)
            client.greet()
            client.ask("MAIL FROM:<s@x.example>")
            self.assertEqual(client.ask("RCPT TO:<u0@local.example>")[:3],
                             "250")
            self.assertEqual(client.ask("DATA")[:3], "354")
            client.send("x\r\n.\r\n")
        for _ in range(3):
            self.assertTrue(rspamd.arrived.acquire(timeout=harness.PATIENCE))
        with harness.Client(server) as other:
            other.greet()
            other.ask("MAIL FROM:<s@x.example>")
            self.assertEqual(other.ask("RCPT TO:<u0@local.example>")[:3],
                             "250")
            self.assertEqual(other.ask("RCPT TO:<none@local.example>")[:3],
                             "550")
        self.assertFalse(rspamd.arrived.acquire(blocking=False))
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        self.assertEqual(list((boxes / "u0" / "new").iterdir()), [])

    def test_full_disk_is_a_temporary_refusal(self):
        rspamd = StandIn(self, self.HAM)
        server = harness.Serve(
            self, "--rspamd", rspamd.name,
            prefix=("prlimit", f"--fsize={400 * 1024}"))
        with harness.Client(server) as client:
            client.greet()
            self.assertEqual(
                self.send(client, b"Subject: x\r\n\r\n" + b"x\r\n" * 200000),
                "452 4.3.1 disk full or over quota (#4.3.1)")
            self.assertEqual(self.send(client, "x")[:3], "250")
        self.assertEqual(len(rspamd.bodies), 1)

    def test_wrong_options_are_named(self):
        for options, error in (
                (("--rspamd", "127.0.0.1:11333"), "--rspamd: not http://"),
                (("--rspamd-down", "accept"), "--rspamd-down: needs --rspamd"),
                (("--rspamd", "unix:/x", "--rspamd-down", "pass"),
                 "--rspamd-down"),
                (("--rspamd", "unix:/x", "--rspamd-spool", "tmp"),
                 "--rspamd-spool: not an absolute path: tmp"),
                (("--rspamd", "unix:/x", "--rspamd-spool", "/nonexistent"),
                 "--rspamd-spool: temporary file in /nonexistent: No such"),
                (("--rspamd", "unix:/x", "--rspamd-password-file", "/none"),
                 "--rspamd-password-file: /none: no such file")):
            with self.subTest(error):
                done = subprocess.run(
                    [*harness.command("serve"), "--control", str(self.control),
                     "--listen", "127.0.0.1:0", "--deliver",
                     f"catch-all:{self.maildir}", *options],
                    capture_output=True, timeout=harness.PATIENCE, check=False)
                self.assertIn(error, done.stderr.decode())
                self.assertIn(done.returncode, (100, 111))
        talk = self.talk("", "--rspamd", "http://127.0.0.1:11333")
        self.assertEqual(talk.exit_code, 100)
        self.assertIn("--rspamd: only postern serve asks rspamd", talk.log)


if __name__ == "__main__":
    harness.main()
