# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Debian's Dovecot as the next hop, for LMTP and for submission, in directories
of its own on loopback."""

import grp
import os
import pathlib
import pwd
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
import unittest

import harness

SUBMISSION = pathlib.Path("/usr/lib/dovecot/submission-login")

# Loopback may name other clients: login_trusted_networks.
CONFIGURATION = """
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
mail_debug = yes
protocols = lmtp submission
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_location = maildir:{root}/mail
postmaster_address = postmaster@local.example
hostname = dovecot.example
ssl = no
disable_plaintext_auth = no
login_trusted_networks = 127.0.0.0/8
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service submission-login {{
  chroot =
  inet_listener submission {{
    address = 127.0.0.1
    port = {submission}
  }}
}}
service lmtp {{
  user = {user}
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={root}/home allow_all_users=yes
}}
"""


def can_run():
    return (os.geteuid() == 0 and SUBMISSION.exists() and
            shutil.which("dovecot", path=harness.PATH) is not None)


@unittest.skipUnless(can_run(), "dovecot-lmtpd or dovecot-submissiond is not "
                     "installed, or this is not root")
class DovecotHopTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        # Not in TMPDIR, which Dovecot's users may be unable to reach.
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="postern-dovecot-",
                                                  dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.root.chmod(0o755)
        user = pwd.getpwuid(65534)
        for name in ("mail", "home"):
            (self.root / name).mkdir()
            os.chown(self.root / name, user.pw_uid, user.pw_gid)
        with open(self.folder / "relay-log", "wb") as log:
            relay = harness.Serve(self, deliver="discard", log=log)
        self.ports = {"relay": relay.port}
        for name in ("lmtp", "submission"):
            # closed_port() would keep it.
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.ports[name] = free.getsockname()[1]
        path = self.root / "dovecot.conf"
        path.write_text(CONFIGURATION.format(
            root=self.root, user=user.pw_name, uid=user.pw_uid,
            group=grp.getgrgid(user.pw_gid).gr_name, gid=user.pw_gid,
            **self.ports))
        dovecot = subprocess.Popen(
            ["dovecot", "-F", "-c", str(path)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(dovecot.wait, harness.PATIENCE)
        self.addCleanup(dovecot.terminate)
        end = time.monotonic() + harness.PATIENCE
        while not all(self.listens(name) for name in self.ports):
            self.assertLess(time.monotonic(), end, self.log())
            time.sleep(0.05)

    def listens(self, name):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.ports[name])) == 0

    def log(self):
        path = self.root / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_log(self, text):
        end = time.monotonic() + harness.PATIENCE
        while text not in self.log():
            self.assertLess(time.monotonic(), end, self.log())
            time.sleep(0.05)

    def send(self, deliver, count):
        """Sends messages through postern, from 127.0.0.9, each in a session."""
        server = harness.Serve(self, deliver=deliver)
        for _ in range(count):
            with smtplib.SMTP("127.0.0.1", server.port,
                              timeout=harness.PATIENCE,
                              source_address=("127.0.0.9", 0)) as client:
                client.sendmail("s@x.example", ["a@local.example"],
                                "Subject: hop\r\n\r\n.dot\r\n")
        server.stop()

    def test_lmtp_learns_the_address_of_the_client(self):
        self.send(f"lmtp:127.0.0.1:{self.ports['lmtp']},xclient", 2)
        stored = list((self.root / "mail/new").iterdir())
        self.assertEqual(len(stored), 2)
        self.assertIn("\n.dot\n", stored[0].read_text())
        self.wait_log("conn 127.0.0.9:")

    def test_submission_learns_the_address_and_authenticates_this_host(self):
        # Dovecot takes XCLIENT before AUTH only.
        credentials = self.folder / "credentials"
        credentials.write_text("user=bob\npassword=secret\n")
        credentials.chmod(0o600)
        self.send(f"smtp:127.0.0.1:{self.ports['submission']},xclient,"
                  f"auth={credentials}", 3)
        self.wait_log("user=<bob>, method=PLAIN, rip=127.0.0.9")


if __name__ == "__main__":
    harness.main()
