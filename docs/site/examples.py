# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs postern for the examples of the website.

session() has postern serve record a session and postern replay run it again,
and returns its steps. report() returns what `postern check --html` writes for
the files of EXAMPLE. Both run in directories of their own, on loopback. In
their results the paths are those of an installation.
"""

import contextlib
import dataclasses
import os
import pathlib
import re
import smtplib
import ssl
import subprocess
import tempfile
import time

PATIENCE = 60  # seconds, of each command and of each reply

USER = "ann"
PASSWORD = "correct horse"


class ExampleError(Exception):
    """The program does not behave as the page says."""


# --- The session ---


@dataclasses.dataclass
class Step:
    """What the client sends, what it gets, and what happens in between.

    SCRIPT has the first four members. The others come from the recording.
    """
    title: str
    note: str
    sends: str  # "": the client connects; CONTENT: it sends CONTENT
    code: int  # of the reply
    client: list = dataclasses.field(default_factory=list)
    server: list = dataclasses.field(default_factory=list)
    questions: list = dataclasses.field(default_factory=list)
    tls: str = ""
    state: str = ""  # after the step
    log: str = ""
    rule: str = ""  # of the log: what decided
    source: str = ""  # of the log: the place that decided


CONTENT = """\
From: Ann <ann@example.org>
To: Bob <bob@example.org>, Carol <carol@elsewhere.example>
Subject: Hello

It works.
.This line begins with a dot.
"""

ELSEWHERE = "RCPT TO:<carol@elsewhere.example>"

SCRIPT = (
    ("The client connects",
     "The engine asks first whether this client is served at all. A rule for "
     "its address could deny it here. The server sends its name only after "
     "the answer.",
     "", 220),
    ("EHLO: the client introduces itself",
     "The reply lists the extensions. AUTH is offered only with the mechanism "
     "that never shows the password: the connection is not encrypted yet.",
     "EHLO laptop.example.net", 250),
    ("STARTTLS: the connection is encrypted",
     "The TLS handshake follows the 220. Everything from before is forgotten "
     "(RFC 3207): an attacker could have written it. So the state is "
     "\"ungreeted\" again.",
     "STARTTLS", 220),
    ("EHLO again, now with TLS",
     "STARTTLS is not offered any more. AUTH now has PLAIN and LOGIN, too, "
     "because others cannot read the password.",
     "EHLO laptop.example.net", 250),
    ("MAIL: a transaction begins",
     "MAIL names the sender, to whom a failure would be reported. Nothing "
     "proves who the client is, so this grants no right.",
     "MAIL FROM:<ann@example.org>", 250),
    ("RCPT: a recipient of this host is accepted",
     "This host receives mail for example.org. The log names the file and "
     "the line that decided.",
     "RCPT TO:<bob@example.org>", 250),
    ("RCPT: a recipient elsewhere is refused",
     "To accept this recipient would be to relay: the domain belongs to "
     "another host, and no rule permits this client to send there. No check "
     "accepts the recipient, so the check not-listed refuses it. The "
     "transaction keeps its first recipient.",
     ELSEWHERE, 553),
    ("RSET: the client starts again",
     "The transaction ends without a message. The session goes on.",
     "RSET", 250),
    ("AUTH: the client proves who it is",
     "The recording never contains the password: KioqKioqKio= is ******** in "
     "base64. The server keeps no password either, only a verifier of it.",
     "AUTH PLAIN", 235),
    ("MAIL: a second transaction",
     "The same sender as before.",
     "MAIL FROM:<ann@example.org>", 250),
    ("RCPT: Bob again",
     "The reason in the log is another one: users may send to every "
     "recipient, so the check authenticated accepts before rcpthosts is "
     "asked.",
     "RCPT TO:<bob@example.org>", 250),
    ("RCPT: the recipient elsewhere is accepted",
     "The command is the one that got the 553. Only the client differs: it "
     "has authenticated.",
     ELSEWHERE, 250),
    ("DATA: the client asks to send the content",
     "The engine asks the delivery to begin a message, with its envelope. "
     "A full disk would be a 451 here, before the client sends anything.",
     "DATA", 354),
    ("The content, and the dot at its end",
     "The client doubles a dot at the beginning of a line, and the engine "
     "removes the second one. A line with a single dot ends the content. The "
     "250 is sent after the message is on the disk: from now on this host is "
     "responsible for it.",
     "CONTENT", 250),
    ("QUIT: the session ends",
     "The last line of the log has what the session did, in numbers.",
     "QUIT", 221),
)


def run(*command, **options):
    """Runs a command; raises ExampleError with its output if it fails."""
    done = subprocess.run(command, capture_output=True, text=True,
                          timeout=PATIENCE, check=False, **options)
    if done.returncode != 0:
        raise ExampleError(f"{' '.join(map(str, command))}: exit code "
                           f"{done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


@contextlib.contextmanager
def directory():
    with tempfile.TemporaryDirectory(prefix="postern-docs-") as name:
        yield pathlib.Path(name)


@contextlib.contextmanager
def server(postern, top):
    """Serves with the files below `top`; yields the port."""
    ready, theirs = os.pipe()
    with open(top / "log", "wb") as log:
        process = subprocess.Popen(
            [postern, "serve", "--config", "none", "--control", top / "control",
             "--listen", "127.0.0.1:0,auth", "--auth", f"cdb:{top}/users",
             "--deliver", f"catch-all:{top}/Maildir", "--record",
             top / "recordings", "--record-bodies", "--tls-cert",
             top / "cert.pem", "--tls-key", top / "key.pem", "--ready-fd",
             str(theirs)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
            pass_fds=[theirs])
    os.close(theirs)
    try:
        with open(ready, encoding="ascii") as lines:
            address = lines.readline().strip()
        if not address:
            raise ExampleError("postern serve did not start:\n" +
                               (top / "log").read_text())
        yield int(address.rpartition(":")[2])
    finally:
        process.terminate()
        process.wait(PATIENCE)


def talk(port, certificate):
    """Sends what SCRIPT has, and compares the codes of the replies."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False  # the client connects to an address
    client = smtplib.SMTP(timeout=PATIENCE)
    for title, _, sends, expected in SCRIPT:
        if not sends:
            code, text = client.connect("127.0.0.1", port)
        elif sends == "AUTH PLAIN":
            client.user, client.password = USER, PASSWORD
            code, text = client.docmd(
                "AUTH", "PLAIN " + smtplib.encode_base64(
                    client.auth_plain().encode("ascii"), eol=""))
        elif sends == "CONTENT":
            client.send(re.sub(r"^\.", "..", CONTENT, flags=re.M).replace(
                "\n", "\r\n") + ".\r\n")
            code, text = client.getreply()
        else:
            code, text = client.docmd(sends)
        if code != expected:
            raise ExampleError(f"{title}: {sends}: the reply is {code} "
                               f"{text.decode()}, but SCRIPT has {expected}")
        if sends == "STARTTLS":
            client.sock = context.wrap_socket(client.sock)
            client.file = None  # smtplib makes another one
    client.close()


def recording(top):
    """Waits until the recording of the session is complete; returns its path."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for path in (top / "recordings").iterdir():
            if re.search(r"^[XB]: .*\n\Z", path.read_text("ascii"), re.M):
                return path
        time.sleep(0.01)
    raise ExampleError("the session was not recorded:\n" +
                       (top / "log").read_text())


def parse(replayed):
    """Returns the steps of SCRIPT with the lines of the recording."""
    steps = [Step(*SCRIPT[0])]
    for line in replayed.splitlines():
        kind, _, text = line.partition(" ")
        step = steps[-1]
        if kind == "C:":
            if step.server:  # the client has its reply, so it goes on
                if len(steps) == len(SCRIPT):
                    raise ExampleError(f"the recording has more steps: {line}")
                step = Step(*SCRIPT[len(steps)])
                steps.append(step)
            step.client.append(text)
        elif kind == "S:":
            step.server.append(text)
        elif kind == "A:":
            question, _, answer = text.partition(" => ")
            step.questions.append((question, answer or "accept"))
        elif kind == "TLS:":
            step.tls = text
        elif kind == "=":
            step.state = text
    if len(steps) != len(SCRIPT):
        raise ExampleError(f"the recording has {len(steps)} steps, SCRIPT has "
                           f"{len(SCRIPT)}:\n{replayed}")
    # A step without a change keeps the state.
    for before, step in zip(steps, steps[1:]):
        step.state = step.state or before.state
    return steps


def add_log(steps, log):
    """Adds to each step the line of the log that it has caused."""
    lines = []
    for line in log.splitlines():
        if found := re.match(r"postern: pid=\d+ session=\w+ (?:id=\S+ )?"
                             r"((?:rcpt|auth|message|session) .*)", line):
            lines.append(found[1])
    kinds = {"RCPT": "rcpt", "AUTH": "auth", "CONTENT": "message",
             "QUIT": "session"}
    for step in steps:
        kind = kinds.get(step.sends.partition(" ")[0])
        if kind is None:
            continue
        if not lines or not lines[0].startswith(kind + " "):
            raise ExampleError(f"{step.title}: no line of the log:\n{log}")
        step.log = lines.pop(0)
        if found := re.search(r' rule=(\S+) source=(?:"([^"]*)"|(\S+))',
                              step.log):
            step.rule, step.source = found[1], found[2] or found[3] or ""
    if lines:
        raise ExampleError(f"the log has more lines: {lines}")


def session(postern):
    """Returns the steps of a session, and the text of its recording."""
    with directory() as top:
        for name in ("control", "recordings", "Maildir/tmp", "Maildir/new",
                     "Maildir/cur"):
            (top / name).mkdir(mode=0o700, parents=True)
        (top / "control/me").write_text("mx.example.org\n")
        (top / "control/rcpthosts").write_text("example.org\n.example.org\n")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-subj",
            "/CN=mx.example.org", "-addext",
            "subjectAltName=DNS:mx.example.org,IP:127.0.0.1", "-keyout",
            top / "key.pem", "-out", top / "cert.pem")
        run(postern, "users", "add", "--stdin", top / "users", USER,
            input=PASSWORD + "\n")
        with server(postern, top) as port:
            talk(port, top / "cert.pem")
            path = recording(top)
        # postern replay fails if this version does not behave as recorded.
        steps = parse(run(postern, "replay", path))
        log = (top / "log").read_text().replace(f"{top}/control/",
                                                "/etc/postern/")
        add_log(steps, log)
        return steps, path.read_text("ascii")


# --- The report of postern check ---

ETC = "/etc/postern"
# The files of the example, in the order in which the page shows them.
EXAMPLE = {
    "postern.conf": f"""\
control = {ETC}
rules = {ETC}/rules.cdb
host-names = yes
resolver = 127.0.0.1
tls-cert = {ETC}/certificate.pem
auth = cdb:{ETC}/users

# Port 25: mail from other hosts, into Maildirs.
listen = systemd:smtp
deliver = maildir:/var/mail/%d/%u

# Port 587: mail of users, which another server on this host sends on.
listen = systemd:submission,submission,deliver=out
deliver = out=smtp:127.0.0.1:10025

# The proxy in front of port 25 names the client.
xclient-from = 203.0.113.25/32
""",
    "rules": """\
# The office may relay, but not its printer.
192.0.2.66:deny
192.0.2.:allow,RELAYCLIENT=""
# A branch office, known by its host names.
=.example.net:allow,RELAYCLIENT=""
# All others may send to the domains of rcpthosts.
:allow
""",
    "rcpthosts": "example.org\n.example.org\n",
    "badmailfrom": "@spam.example\n",
    "aliases": "postmaster: ann@example.org\n",
    "me": "mx.example.org\n",
}


@dataclasses.dataclass
class Report:
    """What postern check says about EXAMPLE."""
    command: str
    summary: str  # "0 errors, 1 warning"
    findings: list
    html: str  # the elements of the page's body, without its title


def report(postern):
    """Returns the report of `postern check` about EXAMPLE."""
    with directory() as top:
        etc = top / "etc/postern"
        etc.mkdir(parents=True)
        for name in ("tmp", "new", "cur"):
            (top / "var/mail/example.org/ann" / name).mkdir(parents=True)
        for name, text in EXAMPLE.items():
            (etc / name).write_text(
                re.sub(r"(?<![\w.])/(?=etc/|var/)", f"{top}/", text))
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-subj",
            "/CN=mx.example.org", "-addext", "subjectAltName=DNS:mx.example.org",
            "-keyout", etc / "key.pem", "-out", etc / "certificate.pem")
        with open(etc / "certificate.pem", "a", encoding="ascii") as both:
            both.write((etc / "key.pem").read_text("ascii"))
        (etc / "certificate.pem").chmod(0o600)
        run(postern, "users", "add", "--stdin", etc / "users", USER,
            input=PASSWORD + "\n")
        run(postern, "rules", "compile", etc / "rules")
        page = top / "report.html"
        output = run(postern, "check", "--config", etc / "postern.conf",
                     "--html", page)

        def installed(text):
            return text.replace(f"{top}/", "/")

        found = re.search(r"<body>\n<h1>.*?</h1>\n(.*)</body>",
                          installed(page.read_text()), re.S)
        if not found:
            raise ExampleError("postern check --html: no body:\n" +
                               page.read_text())
        head = installed(output).split("\n\n", 1)[0].splitlines()
        return Report(f"postern check --config {ETC}/postern.conf "
                      "--html report.html", head[-1], head[:-1], found[1])
