# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""TLS and AUTH with a next hop: another postern serve, Dovecot, Postfix,
openssl."""

import grp
import hashlib
import os
import pathlib
import pwd
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

import harness

MESSAGE = "Subject: forward\r\n\r\nhello\r\n"
PASSWORD = "open sesame"


def fingerprint(path):
    der = ssl.PEM_cert_to_DER_cert(
        path.read_text().split("-----BEGIN PRIVATE")[0]
        .split("-----BEGIN EC")[0])
    return hashlib.sha256(der).hexdigest()


class RelayTestCase(harness.TlsTestCase):
    """A test with a server that forwards with credentials."""

    def setUp(self):
        super().setUp()
        self.credentials = self.folder / "relay"
        self.write_credentials(f"password={PASSWORD}")

    def write_credentials(self, *lines, mode=0o600):
        self.credentials.write_text("\n".join(["user=alice", *lines]) + "\n")
        self.credentials.chmod(mode)

    def script(self, name, text):
        path = self.folder / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path

    def hop(self, *words, certificate=None, auth=True):
        """Returns a next hop that wants AUTH and knows alice."""
        users = self.folder / "users"
        if not users.exists():
            subprocess.run([harness.POSTERN, "users", "add", "--stdin",
                            str(users), "alice"],
                           input=PASSWORD + "\n", text=True, check=True,
                           timeout=harness.PATIENCE)
        checker = self.script(
            "checker", "asked=$(tr '\\0' '|' <&3)\n"
            "case $asked in 'good|'*) echo alice;; *) exit 1;; esac\n")
        path = self.folder / "hop-log"
        words = words or ("submission",)
        with open(path, "wb") as log:
            server = harness.Serve(
                self, "--tls-cert", str(certificate or self.certificate),
                *(["--auth", f"cdb:{users}", "--auth", f"oauth:{checker}",
                   "--auth-delay", "0"] if auth else []),
                log=log, listen=(",".join(["127.0.0.1:0", *words]),))
        server.log_path = path
        return server

    def relay(self, port, *words, kind="smtp"):
        """Returns a server that forwards to `port`."""
        return harness.Serve(
            self, deliver=",".join([f"{kind}:127.0.0.1:{port}", *words]))

    def send(self, server):
        """Returns the reply to RCPT or to the message."""
        with smtplib.SMTP("127.0.0.1", server.port,
                          timeout=harness.PATIENCE) as client:
            client.ehlo("client.example")
            client.mail("s@x.example")
            code, text = client.rcpt("u@local.example")
            if code == 250:
                code, text = client.data(MESSAGE)
            return code, text.decode()

    def verified(self):
        return [f"ca={self.certificate}", f"auth={self.credentials}"]


class ForwardTlsTest(RelayTestCase):

    def test_mail_goes_with_tls_and_each_mechanism(self):
        hop = self.hop()
        script = self.script("token", "echo good 3600\n")
        for mechanism in ("", "SCRAM-SHA-256", "PLAIN", "LOGIN", "OAUTHBEARER",
                          "XOAUTH2"):
            secret = (f"token-command={script}" if "OAUTH" in mechanism
                      else f"password={PASSWORD}")
            self.write_credentials(
                secret, *([f"mechanism={mechanism}"] if mechanism else []))
            server = self.relay(hop.port, *self.verified())
            self.assertEqual(self.send(server)[0], 250, server.log())
            server.stop()
            hop.wait_log("auth result=success ip=127.0.0.1 mechanism="
                         f"{mechanism or 'SCRAM-SHA-256'} user=alice")
        self.assertEqual(len(self.messages()), 6)
        for message in self.messages():
            self.assertRegex(message, rb"with ESMTPSA id \S+ tls TLS_")

    def test_implicit_tls(self):
        hop = self.hop("tls", "submission")
        server = self.relay(hop.port, *self.verified(), kind="smtps")
        self.assertEqual(self.send(server)[0], 250, server.log())

    def test_lmtp_has_tls_as_well(self):
        path = self.folder / "lmtp-log"
        with open(path, "wb") as log:
            hop = harness.Serve(self, "--tls-cert", str(self.certificate),
                                log=log,
                                listen=("127.0.0.1:0,lmtp,require-tls",))
        server = self.relay(hop.port, f"ca={self.certificate}", kind="lmtp")
        self.assertEqual(self.send(server)[0], 250, server.log())
        self.assertIn(b"with LMTPS", self.messages()[0])

    def test_server_is_verified_by_name_or_fingerprint(self):
        hop = self.hop("require-tls", auth=False)
        good = fingerprint(self.certificate)
        other = self.make_certificate("other.example",
                                      path=self.folder / "other.pem")
        for words, why in (
                ([f"ca={self.certificate}"], None),
                ([f"ca={self.certificate}", "name=mx.example.org"], None),
                ([f"fingerprint={good}"], None),
                ([f"fingerprint={'0' * 64}", f"fingerprint={good}"], None),
                (["tls=encrypt"], None),
                (["tls=may"], None),
                (["tls=none"], "530"),
                ([f"ca={other}"], "self-signed certificate"),
                (["tls=verify"], "self-signed certificate"),
                ([f"ca={self.certificate}", "name=mx.example"],
                 "hostname mismatch"),
                ([f"fingerprint={fingerprint(other)}"],
                 "the certificate has another fingerprint")):
            server = self.relay(hop.port, *words)
            code, text = self.send(server)
            self.assertEqual(code, 250 if why is None else 451, (words, text))
            if why is not None:
                self.assertIn(why, text)
                server.wait_log(f"127.0.0.1:{hop.port}")
            server.stop()

    def test_optional_tls_falls_back_and_required_tls_does_not(self):
        hop = harness.Serve(self)  # without a certificate
        server = self.relay(hop.port, "tls=may")
        self.assertEqual(self.send(server)[0], 250)
        server.stop()
        server = self.relay(hop.port, f"ca={self.certificate}")
        code, text = self.send(server)
        self.assertEqual((code, text), (
            451, "4.7.5 the next hop does not offer STARTTLS (#4.7.5)"))

    def test_wrong_password_is_a_451_and_sighup_ends_it(self):
        hop = self.hop()
        self.write_credentials("password=hunter2", "mechanism=PLAIN")
        server = self.relay(hop.port, *self.verified())
        for _ in range(3):
            code, text = self.send(server)
            self.assertEqual((code, text), (
                451, "4.3.5 the next hop does not accept this server's "
                "credentials (#4.3.5)"))
        log = server.wait_log("535 ")
        self.assertNotIn("hunter2", log)
        self.assertIn(f"127.0.0.1:{hop.port}", log)
        # One attempt has reached the next hop.
        log = hop.wait_log("mechanism=PLAIN")
        self.assertEqual(log.count("mechanism=PLAIN"), 1, log)
        self.write_credentials(f"password={PASSWORD}")
        server.signal(signal.SIGHUP)
        server.wait_log("reloaded")
        self.assertEqual(self.send(server)[0], 250, server.log())
        # A file that others can read changes nothing.
        self.credentials.chmod(0o644)
        server.signal(signal.SIGHUP)
        self.assertIn("run chmod 600", server.wait_log("chmod"))
        self.assertEqual(self.send(server)[0], 250, server.log())

    def test_token_program_that_fails_is_an_outage(self):
        hop = self.hop()
        state = self.folder / "token-state"
        script = self.script(
            "token", f"test -e {state} || exit 7\ncat {state}\n")
        self.write_credentials(f"token-command={script}")
        server = self.relay(hop.port, *self.verified())
        code, text = self.send(server)
        self.assertEqual((code, text), (
            451, "4.3.5 the next hop cannot authenticate this server "
            "(#4.3.5)"))
        server.wait_log("exited with 7")
        state.write_text("good 60\n")
        end = time.monotonic() + harness.PATIENCE
        while self.send(server)[0] != 250:
            self.assertLess(time.monotonic(), end, server.log())
        self.assertNotIn("good", server.log())

    def test_mistakes_prevent_the_start(self):
        for words, mode, why in (
                ("auth={0}", 0o640, "relay: users other than its owner may"),
                ("auth={0}x", 0o600, "relayx: no such file"),
                ("auth={0},tls=may", 0o600, None),  # the server is local
                ("ca={0}", 0o600, "relay: "),
                ("ca=/nowhere/ca.pem", 0o600, "/nowhere/ca.pem"),
                ("tls=yes", 0o600, "not one of none, may, encrypt, verify")):
            self.credentials.chmod(mode)
            spec = "smtp:127.0.0.1:1," + words.format(self.credentials)
            result = subprocess.run(
                [*harness.command("check"), "--control", str(self.control),
                 "--listen", "127.0.0.1:0", "--deliver", spec],
                capture_output=True, text=True, check=False,
                timeout=harness.PATIENCE)
            output = result.stdout + result.stderr
            if why is None:
                self.assertEqual(result.returncode, 0, output)
                continue
            self.assertNotEqual(result.returncode, 0, output)
            self.assertIn(why, output)
            self.assertNotIn(PASSWORD, output)
        spec = f"smtp:relay.example:1,tls=may,auth={self.credentials}"
        output, code = harness.fail_to_start(
            self, "--deliver", f"relay={spec}", "--listen",
            "127.0.0.1:0,deliver=relay")
        self.assertNotEqual(code, 0)
        # The log escapes the sign of its own fields.
        self.assertIn("auth=: contradicts tls=may",
                      output.replace("\\x3d", "="))

    def test_check_names_files_that_will_not_work(self):
        old = self.folder / "old.pem"
        self.make_certificate("old.example", path=old)
        subprocess.run(["openssl", "x509", "-in", str(old), "-signkey",
                        str(old), "-days", "-1", "-out", str(old)],
                       check=True, capture_output=True,
                       timeout=harness.PATIENCE)
        self.credentials.chmod(0o600)
        self.write_credentials("token-command=/nowhere/token")
        result = subprocess.run(
            [*harness.command("check"), "--control", str(self.control),
             "--listen", "127.0.0.1:0", "--deliver",
             f"smtp:127.0.0.1:1,ca={old},auth={self.credentials}"],
            capture_output=True, text=True, check=False,
            timeout=harness.PATIENCE)
        output = result.stdout + result.stderr
        self.assertIn(f"{old}: the certificate has expired", output)
        self.assertIn("/nowhere/token: No such file", output)

    def test_openssl_server_without_the_right_certificate(self):
        port = free_port()
        with subprocess.Popen(
                ["openssl", "s_server", "-accept", f"127.0.0.1:{port}",
                 "-cert", str(self.certificate), "-key",
                 str(self.certificate), "-tls1_2", "-quiet"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL) as process:
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            wait_for(self, process, port)
            server = self.relay(port, f"ca={self.certificate}",
                                "name=other.example", kind="smtps")
            self.assertIn("hostname mismatch", self.send(server)[1])
            process.kill()


def free_port():
    """Returns a port for a server that cannot choose one itself."""
    with socket.create_server(("127.0.0.1", 0)) as each:
        return each.getsockname()[1]


def wait_for(test, process, port, log=lambda: ""):
    """Waits until `process` accepts connections on `port`."""
    end = time.monotonic() + harness.PATIENCE
    while True:
        test.assertIsNone(process.poll(), log())
        try:
            # From another address: a socket that happens to get `port` as its
            # own would connect to itself.
            socket.create_connection(("127.0.0.1", port),
                                     source_address=("127.0.0.2", 0)).close()
            return
        except ConnectionRefusedError:
            test.assertLess(time.monotonic(), end, log())


def installed(*programs):
    """Returns whether a test can run these programs, which change their user."""
    path = os.environ["PATH"] + ":/usr/sbin"
    return os.geteuid() == 0 and all(shutil.which(each, path=path)
                                     for each in programs)


class RealHopTestCase(RelayTestCase):
    """A next hop that is another program, in a directory that its users can
    reach."""

    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.room = pathlib.Path(tempfile.mkdtemp(prefix="postern-hop-",
                                                  dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.room)
        self.room.chmod(0o755)
        self.homes = self.room / "homes"
        self.homes.mkdir()
        user = pwd.getpwnam("nobody")
        os.chown(self.homes, user.pw_uid, user.pw_gid)
        (self.room / "passwd").write_text(f"alice:{{PLAIN}}{PASSWORD}\n")

    def start(self, command, port):
        """Starts a server that logs to a file, and waits for its port."""
        log = self.room / "log"
        with open(log, "ab") as file:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                       stdout=file, stderr=file,
                                       start_new_session=True)
        self.addCleanup(process.wait, harness.PATIENCE)
        self.addCleanup(process.terminate)
        wait_for(self, process, port, self.hop_log)

    def hop_log(self):
        return (self.room / "log").read_text(errors="replace")

    def dovecot(self, port, *lines):
        user = pwd.getpwnam("nobody")
        config = self.room / "dovecot.conf"
        config.write_text("\n".join([
            f"base_dir = {self.room}/run",
            f"state_dir = {self.room}/run",
            "log_path = /dev/stderr",
            "ssl = required",
            f"ssl_cert = <{self.certificate}",
            f"ssl_key = <{self.certificate}",
            "auth_mechanisms = PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256",
            "auth_failure_delay = 0",
            "hostname = dovecot.example",
            "first_valid_uid = 1",
            "mail_location = maildir:~/Maildir",
            "passdb {", " driver = passwd-file",
            f" args = {self.room}/passwd", "}",
            "userdb {", " driver = static",
            f" args = uid={user.pw_uid} gid={user.pw_gid} "
            f"home={self.homes}/%u allow_all_users=yes", "}",
            *lines, ""]))
        self.start(["/usr/sbin/dovecot", "-F", "-c", str(config)], port)

    def send_with(self, mechanism):
        """Sends a message with one mechanism; empty: the strongest one."""
        self.write_credentials(
            f"password={PASSWORD}",
            *([f"mechanism={mechanism}"] if mechanism else []))
        server = self.relay(self.port, *self.verified())
        reply = self.send(server)
        self.assertEqual(reply[0], 250, (mechanism, reply, server.log(),
                                         self.hop_log()))
        server.stop()

    def refuses_a_wrong_password(self):
        self.write_credentials("password=hunter2")
        server = self.relay(self.port, *self.verified())
        self.assertEqual(self.send(server)[0], 451)
        server.wait_log("535 ")


@unittest.skipUnless(installed("dovecot"), "needs Dovecot, and root")
class DovecotTest(RealHopTestCase):

    def test_lmtp_over_tls(self):
        self.dovecot(
            self.port, "protocols = lmtp", "service lmtp {",
            " inet_listener lmtp {", "  address = 127.0.0.1",
            f"  port = {self.port}", " }", "}")
        server = self.relay(self.port, f"ca={self.certificate}", kind="lmtp")
        reply = self.send(server)
        self.assertEqual(reply[0], 250, (reply, self.hop_log()))
        mail = list(self.homes.glob("*/Maildir/new/*"))
        self.assertEqual(len(mail), 1)
        self.assertIn(b"with LMTPS", mail[0].read_bytes())

    def test_submission_with_each_mechanism(self):
        target = harness.Serve(self)
        self.dovecot(
            self.port, "protocols = submission", "service submission-login {",
            " inet_listener submission {", "  address = 127.0.0.1",
            f"  port = {self.port}", " }", "}",
            "submission_relay_host = 127.0.0.1",
            f"submission_relay_port = {target.port}")
        for mechanism in ("", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN",
                          "LOGIN"):
            self.send_with(mechanism)
            self.assertIn(f"method={mechanism or 'SCRAM-SHA-256'}",
                          self.hop_log())
        self.assertEqual(len(self.messages()), 5)
        self.refuses_a_wrong_password()


@unittest.skipUnless(installed("postfix", "postconf", "dovecot"),
                     "needs Postfix, Dovecot, and root")
class PostfixTest(RealHopTestCase):
    """Postfix as a submission server, with Dovecot's users."""

    QUEUES = ["active", "bounce", "corrupt", "defer", "deferred", "flush",
              "hold", "incoming", "maildrop", "pid", "private", "public",
              "saved", "trace"]
    DAEMONS = """
        cleanup   unix       n - n -    0 cleanup
        qmgr      unix       n - n 300  1 qmgr
        tlsmgr    unix       - - n 1000 1 tlsmgr
        rewrite   unix       - - n -    - trivial-rewrite
        bounce    unix       - - n -    0 bounce
        defer     unix       - - n -    0 bounce
        trace     unix       - - n -    0 bounce
        error     unix       - - n -    - error
        retry     unix       - - n -    - error
        discard   unix       - - n -    - discard
        proxymap  unix       - - n -    - proxymap
        anvil     unix       - - n -    1 anvil
        postlog   unix-dgram n - n -    1 postlogd"""

    def postfix(self, auth):
        owner = pwd.getpwnam("postfix").pw_uid
        group = grp.getgrnam("postdrop").gr_gid
        for name in ["queue", "data", *(f"queue/{q}" for q in self.QUEUES)]:
            path = self.room / name
            path.mkdir()
            if name not in ("queue", "queue/pid"):
                os.chown(path, owner, -1)
        for name, mode in (("maildrop", 0o1730), ("public", 0o2710)):
            os.chown(self.room / "queue" / name, owner, group)
            (self.room / "queue" / name).chmod(mode)
        self.put_lines("main.cf", f"""
            compatibility_level = 3.6
            queue_directory = {self.room}/queue
            data_directory = {self.room}/data
            maillog_file = {self.room}/maillog
            maillog_file_prefixes = {self.room}
            myhostname = postfix.example
            mydestination =
            mynetworks =
            alias_maps =
            inet_interfaces = loopback-only
            default_transport = discard:
            smtpd_tls_cert_file = {self.certificate}
            smtpd_tls_key_file = {self.certificate}
            smtpd_tls_security_level = encrypt
            smtpd_sasl_auth_enable = yes
            smtpd_sasl_type = dovecot
            smtpd_sasl_path = inet:127.0.0.1:{auth}
            smtpd_tls_auth_only = yes
            smtpd_relay_restrictions = permit_sasl_authenticated, reject
            notify_classes =""")
        self.put_lines("master.cf", f"127.0.0.1:{self.port} inet n - n - - "
                       f"smtpd{self.DAEMONS}")
        (self.room / "maillog").touch()
        daemons = subprocess.run(
            ["/usr/sbin/postconf", "-c", str(self.room), "-h",
             "daemon_directory"], check=True, capture_output=True, text=True,
            timeout=harness.PATIENCE).stdout.strip()
        self.start([f"{daemons}/master", "-c", str(self.room), "-d"],
                   self.port)

    def put_lines(self, name, text):
        # An indented line would continue the line above it.
        lines = [line.strip() for line in text.strip().split("\n")]
        (self.room / name).write_text("\n".join(lines) + "\n")

    def hop_log(self):
        maillog = self.room / "maillog"
        return super().hop_log() + (maillog.read_text() if maillog.exists()
                                    else "")

    def test_submission_with_each_mechanism(self):
        auth = free_port()
        self.dovecot(auth, "protocols =", "service auth {",
                     " inet_listener {", "  address = 127.0.0.1",
                     f"  port = {auth}", " }", "}")
        self.postfix(auth)
        for mechanism in ("", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN",
                          "LOGIN"):
            self.send_with(mechanism)
            self.assertIn(f"sasl_method={mechanism or 'SCRAM-SHA-256'}, "
                          "sasl_username=alice", self.hop_log())
        self.refuses_a_wrong_password()


if __name__ == "__main__":
    harness.main()
