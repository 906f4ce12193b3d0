# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Debian's Postfix as the next hop, in directories of its own on loopback."""

import base64
import os
import pathlib
import pwd
import shutil
import smtplib
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
import unittest

import harness

MAIN = """compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log
maillog_file_prefixes = {root}
myhostname = hop.example
mydestination = local.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.1/32
local_recipient_maps =
local_transport = discard:
default_transport = discard:
alias_maps =
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_authorized_xforward_hosts = 127.0.0.1
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_sasl_type = dovecot
smtpd_sasl_path = {root}/auth
"""
MASTER = """{plain} inet n - n - - smtpd
{proxy} inet n - n - - smtpd -o smtpd_upstream_proxy_protocol=haproxy
{auth} inet n - n - - smtpd -o smtpd_sasl_auth_enable=yes
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
trace unix - - n - 0 bounce
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def can_run():
    try:
        pwd.getpwnam("postfix")
    except KeyError:
        return False
    return os.geteuid() == 0 and shutil.which("postfix") is not None


@unittest.skipUnless(can_run(), "Postfix is not installed, or this is not root")
class PostfixHopTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        # Not in TMPDIR, which Postfix's user may be unable to reach.
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="postern-postfix-",
                                                  dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.root)
        self.root.chmod(0o755)
        user = pwd.getpwnam("postfix")
        for name in ("etc", "queue", "data"):
            (self.root / name).mkdir()
        os.chown(self.root / "data", user.pw_uid, -1)
        self.ports = {}
        for name in ("plain", "proxy", "auth"):
            # closed_port() would keep it.
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.ports[name] = free.getsockname()[1]
        (self.root / "etc/main.cf").write_text(MAIN.format(root=self.root))
        (self.root / "etc/master.cf").write_text(MASTER.format(**self.ports))
        self.postfix("start")
        self.addCleanup(self.postfix, "abort")

    def postfix(self, command):
        subprocess.run(
            ["postfix", "-c", str(self.root / "etc"), command], check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=harness.PATIENCE)

    def serve_auth(self):
        """Lets the listener "auth" ask a server of Dovecot's protocol for
        authentication, which knows the user relay@hop.example. Debian's Postfix
        reads the configuration of Cyrus SASL from /etc alone."""
        wanted = base64.b64encode(b"\0relay@hop.example\0secret").decode()

        class Handler(socketserver.StreamRequestHandler):

            def handle(self):
                self.wfile.write(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\n"
                                 b"SPID\t1\nCUID\t1\nCOOKIE\t00\nDONE\n")
                for line in self.rfile:
                    fields = line.decode().rstrip("\n").split("\t")
                    if fields[0] != "AUTH":
                        continue
                    good = f"resp={wanted}" in fields
                    self.wfile.write(
                        f"{'OK' if good else 'FAIL'}\t{fields[1]}\t"
                        "user=relay@hop.example\n".encode())

        path = str(self.root / "auth")
        server = socketserver.ThreadingUnixStreamServer(path, Handler)
        server.daemon_threads = True
        server.block_on_close = False
        os.chmod(path, 0o666)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)

    def send(self, listener, words, recipient):
        """Sends a message through postern. Returns the last code and text."""
        server = harness.Serve(
            self, deliver=f"smtp:127.0.0.1:{self.ports[listener]}{words}")
        try:
            with smtplib.SMTP("127.0.0.1", server.port,
                              source_address=("127.0.0.9", 0)) as client:
                client.ehlo("client.example")
                client.mail("s@x.example")
                code, text = client.rcpt(recipient)
                if code != 250:
                    return code, text
                return client.data("Subject: hop\r\n\r\nhi\r\n")
        finally:
            server.stop()

    def log(self):
        return (self.root / "log").read_text(errors="replace")

    def wait_log(self, before, text, times=1):
        """Waits until the log after `before` has `text` as often as that.
        Postfix replies before its postlogd writes."""
        end = time.monotonic() + harness.PATIENCE
        while (log := self.log()[before:]).count(text) < times:
            self.assertLess(time.monotonic(), end, f"{text}\n{log}")
            time.sleep(0.01)

    def test_postfix_learns_the_address_of_the_client(self):
        # The log of Postfix names its client, and with XFORWARD the first one.
        for listener, words, expected in (
                ("plain", "", "client=localhost[127.0.0.1]"),
                ("plain", ",xclient", "client=unknown[127.0.0.9]"),
                ("proxy", ",proxy", "[127.0.0.9]"),
                ("plain", ",xforward", "orig_client=unknown[127.0.0.9]"),
                ("plain", ",dsn,binarymime", "client=localhost[127.0.0.1]")):
            with self.subTest(words=words):
                before = len(self.log())
                code, text = self.send(listener, words, "a@local.example")
                self.assertEqual(code, 250, text)
                self.assertIn(b"queued as", text)
                self.wait_log(before, expected)

    def test_authentication_survives_xclient(self):
        # XCLIENT begins a new session of Postfix, without authentication.
        self.serve_auth()
        self.put("relay", "user=relay@hop.example\npassword=secret\n")
        credentials = self.control / "relay"
        credentials.chmod(0o600)
        words = f",xclient,auth={credentials}"
        before = len(self.log())
        for _ in range(2):
            code, text = self.send("auth", words, "a@local.example")
            self.assertEqual(code, 250, text)
        self.wait_log(before, "client=unknown[127.0.0.9], sasl_method=PLAIN, "
                      "sasl_username=relay@hop.example", 2)

    def test_ehlo_after_a_proxy_header_is_that_of_the_client(self):
        self.put("rcpthosts", "local.example\nelsewhere.example\n")
        before = len(self.log())
        code, text = self.send("proxy", ",proxy", "a@elsewhere.example")
        self.assertEqual(code, 454, text)
        self.wait_log(before, "helo=<client.example>")

    def test_client_does_not_get_the_rights_of_this_host(self):
        # Postfix lets 127.0.0.1 relay.
        self.put("rcpthosts", "local.example\nelsewhere.example\n")
        for listener, words, expected in (
                ("plain", "", 250), ("plain", ",xforward", 250),
                ("plain", ",xclient", 454), ("proxy", ",proxy", 454),
                # It expects a header, or it does not.
                ("proxy", "", 451), ("plain", ",proxy", 451)):
            with self.subTest(listener=listener, words=words):
                before = len(self.log())
                code, text = self.send(listener, words, "a@elsewhere.example")
                self.assertEqual(code, expected, text)
                if words == ",xclient":
                    # The EHLO after XCLIENT does not replace it.
                    self.wait_log(before, "helo=<client.example>")


if __name__ == "__main__":
    harness.main()
