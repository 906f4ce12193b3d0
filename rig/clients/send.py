# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Sends a message to each of many servers with one client program.

    send.py smtplib|swaks|msmtp|curl|postfix

Each line of the standard input is a server: PORT MODE SECONDS CA-FILE. The
client must use TLS and verify the certificate in the mode `tls`, and must
authenticate as alice in the mode `auth`. It waits SECONDS for each reply. For
each server this prints the port and what the client made of the session:
"sent", or the client's own error.
"""

import collections
import concurrent.futures
import contextlib
import grp
import os
import pathlib
import pwd
import re
import signal
import smtplib
import ssl
import subprocess
import sys
import tempfile
import threading

Server = collections.namedtuple("Server", "port mode seconds ca_file")

SENDER = "a@x.example"
RECIPIENT = "b@y.example"
# Longer than what is sent before a reply to a part of it could arrive.
MESSAGE = "Subject: hi\n\n" + ("x" * 70 + "\n") * 1500
USER, PASSWORD = "alice", "secret"
# No server takes longer than that.
MOST_SECONDS = 25


def smtplib_client(server):
    try:
        client = smtplib.SMTP("127.0.0.1", server.port, "c.example",
                              server.seconds)
        if server.mode == "tls":
            client.starttls(
                context=ssl.create_default_context(cafile=server.ca_file))
        if server.mode == "auth":
            client.login(USER, PASSWORD)
        client.sendmail(SENDER, [RECIPIENT], MESSAGE)
        client.quit()
    except smtplib.SMTPRecipientsRefused as error:
        return f"SMTPRecipientsRefused {error.recipients[RECIPIENT][0]}"
    except smtplib.SMTPResponseException as error:
        return f"{type(error).__name__} {error.smtp_code}"
    except ssl.SSLCertVerificationError as error:
        return f"{type(error).__name__} {error.verify_code}"
    except (OSError, smtplib.SMTPException) as error:
        return type(error).__name__
    return "sent"


def run(server, *command):
    """Runs a client that reads the message. Returns its exit code in words."""
    # A client whose own timeout is short has no reason to take longer.
    seconds = MOST_SECONDS if server.seconds > 5 else 12
    try:
        done = subprocess.run(command, input=MESSAGE, text=True, timeout=seconds,
                              capture_output=True, check=False)
    except subprocess.TimeoutExpired:
        return "waits forever"
    if done.returncode < 0:
        return signal.Signals(-done.returncode).name
    return f"exit {done.returncode}" if done.returncode else "sent"


def swaks_client(server):
    options = {
        "plain": [],
        "tls": ["--tls", "--tls-verify", "--tls-ca-path", server.ca_file],
        "auth": ["--auth", "PLAIN", "--auth-user", USER, "--auth-password",
                 PASSWORD],
    }[server.mode]
    return run(server, "swaks", "--server", f"localhost:{server.port}", "--helo",
               "c.example", "--from", SENDER, "--to", RECIPIENT, "--data", "-",
               "--timeout", f"{server.seconds}s", *options)


def msmtp_client(server):
    options = {
        "plain": ["--tls=off", "--auth=off"],
        "tls": ["--tls=on", f"--tls-trust-file={server.ca_file}", "--auth=off"],
        "auth": ["--tls=off", "--auth=plain", f"--user={USER}",
                 f"--passwordeval=echo {PASSWORD}"],
    }[server.mode]
    return run(server, "msmtp", "--host=localhost", f"--port={server.port}",
               f"--timeout={server.seconds}", f"--from={SENDER}", *options,
               RECIPIENT)


def curl_client(server):
    options = {
        "plain": [],
        "tls": ["--ssl-reqd", "--cacert", server.ca_file],
        "auth": ["--user", f"{USER}:{PASSWORD}"],
    }[server.mode]
    return run(server, "curl", "--silent", "--crlf", "--upload-file", "-", "--mail-from",
               SENDER, "--mail-rcpt", RECIPIENT, "--max-time",
               str(server.seconds), *options,
               f"smtp://localhost:{server.port}/c.example")


def each(client):
    """Returns a function that uses `client` for all servers, some at once."""
    def send(servers):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            outcomes = pool.map(client, servers)
            for server, outcome in zip(servers, outcomes):
                print(server.port, outcome, flush=True)
    return send


class Postfix:
    """A Postfix of its own, in a directory, with nothing but its SMTP client."""

    DAEMONS = """
        pickup    unix       n - n 60   1 pickup
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
        postlog   unix-dgram n - n -    1 postlogd
    """
    QUEUES = ["active", "bounce", "corrupt", "defer", "deferred", "flush",
              "hold", "incoming", "maildrop", "pid", "private", "public",
              "saved", "trace"]

    def __init__(self, directory, servers):
        self.directory = pathlib.Path(directory)
        self.servers = servers
        self.log = self.directory / "log"
        owner, group = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop")
        self.directory.chmod(0o755)
        for name in ["queue", "data", *(f"queue/{q}" for q in self.QUEUES)]:
            path = self.directory / name
            path.mkdir()
            if name not in ("queue", "queue/pid"):
                os.chown(path, owner, -1)
        for name, mode in (("maildrop", 0o1730), ("public", 0o2710)):
            os.chown(self.directory / "queue" / name, owner, group.gr_gid)
            (self.directory / "queue" / name).chmod(mode)
        self.write("main.cf", f"""
            compatibility_level = 3.6
            queue_directory = {self.directory}/queue
            data_directory = {self.directory}/data
            maillog_file = {self.log}
            maillog_file_prefixes = {self.directory}
            myhostname = c.example
            mydestination =
            inet_interfaces = loopback-only
            alias_maps =
            default_transport = error:no such server
            transport_maps = texthash:{self.directory}/transport
            default_process_limit = 100
            notify_classes =
            bounce_queue_lifetime = 0
            smtp_tls_policy_maps = texthash:{self.directory}/tls
            smtp_sasl_security_options = noanonymous
            smtp_sasl_mechanism_filter = plain
            """)
        services = {}
        for server in servers:
            services[self.service(server)] = server
        self.write("master.cf", self.DAEMONS + "".join(
            f"\n{name} unix - - n - - smtp{self.options(server)}"
            for name, server in services.items()))
        self.write("transport", "\n".join(
            f"p{s.port}.example {self.service(s)}:[127.0.0.1]:{s.port}"
            for s in servers))
        # Copies, because the owner of Postfix's client may not read the files.
        for server in servers:
            (self.directory / f"{server.port}.pem").write_text(
                pathlib.Path(server.ca_file).read_text())
        self.write("tls", "\n".join(
            f"[127.0.0.1]:{s.port} secure match=localhost "
            f"tafile={self.directory}/{s.port}.pem"
            for s in servers if s.mode == "tls"))
        self.write("passwords", "\n".join(
            f"[127.0.0.1]:{s.port} {USER}:{PASSWORD}" for s in servers))

    def write(self, name, text):
        # An indented line would continue the line above it.
        lines = [line.strip() for line in text.strip().split("\n")]
        (self.directory / name).write_text("\n".join(lines) + "\n")

    @staticmethod
    def service(server):
        return f"{server.mode}{server.seconds}"

    def options(self, server):
        options = [f"smtp_{command}_timeout={server.seconds}s" for command in (
            "connect", "helo", "starttls", "mail", "rcpt", "data_init",
            "data_xfer", "data_done", "quit")]
        if server.mode == "auth":
            options += ["smtp_sasl_auth_enable=yes",
                        f"smtp_sasl_password_maps=texthash:{self.directory}/passwords"]
        return "".join(f" -o {option}" for option in options)

    def command(self, name):
        value = subprocess.run(
            ["postconf", "-c", self.directory, "-h", name], check=True,
            capture_output=True, text=True).stdout
        return pathlib.Path(value.strip())

    def send(self):
        """Sends one message to all servers. Prints what the log says of each."""
        self.log.touch()
        master = [self.command("daemon_directory") / "master", "-c",
                  self.directory, "-d"]
        with contextlib.ExitStack() as processes:
            def start(command, **options):
                process = subprocess.Popen(command, text=True, **options)
                processes.callback(process.wait, MOST_SECONDS)
                processes.callback(process.terminate)
                return process
            tail = start(["tail", "-n", "+1", "-F", self.log],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            start(master, stdin=subprocess.DEVNULL, stderr=sys.stderr,
                  start_new_session=True)
            give_up = threading.Timer(MOST_SECONDS, tail.terminate)
            processes.callback(give_up.cancel)
            give_up.start()
            self.follow(tail.stdout)

    def follow(self, log):
        """Sends the message when the daemon has started, and reads the log."""
        ports = {server.port for server in self.servers}
        for line in log:
            if "daemon started" in line:
                subprocess.run(
                    [self.command("sendmail_path"), "-i", "-f", SENDER, "--",
                     *(f"b@p{port}.example" for port in ports)],
                    input=MESSAGE, text=True, check=True,
                    env={**os.environ, "MAIL_CONFIG": str(self.directory)})
            found = re.search(
                r"to=<b@p(\d+)\.example>.* dsn=([\d.]+), status=(\w+)", line)
            if found and int(found[1]) in ports:
                ports.discard(int(found[1]))
                outcome = "" if found[3] == "sent" else f" {found[2]}"
                print(found[1], found[3] + outcome, flush=True)
                if not ports:
                    break


def postfix_client(servers):
    # Not in TMPDIR, which Postfix's user may be unable to reach.
    with tempfile.TemporaryDirectory(
            prefix=f"postern-postfix-{servers[0].port}-",
            dir="/tmp") as directory:
        Postfix(directory, servers).send()


CLIENTS = {
    "smtplib": each(smtplib_client),
    "swaks": each(swaks_client),
    "msmtp": each(msmtp_client),
    "curl": each(curl_client),
    "postfix": postfix_client,
}


def main():
    # timeout(1) sends SIGTERM. As an exception, it ends the client's processes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    servers = []
    for line in sys.stdin:
        port, mode, seconds, ca_file = line.split()
        servers.append(Server(int(port), mode, int(seconds), ca_file))
    CLIENTS[sys.argv[1]](servers)


if __name__ == "__main__":
    main()
