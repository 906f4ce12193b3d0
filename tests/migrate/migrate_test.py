# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs postern migrate on the corpus of run scripts.

    migrate_test.py POSTERN-SMTPD POSTERN [TEST...]
    migrate_test.py POSTERN-SMTPD POSTERN --update

Each directory here is a site: `run`, which is a run script or a file of xinetd
or inetd; `control/`, the control directory; other files of the site; and
`expected`, the exit code and the output. The scripts are written for this test,
in the manner of the set-ups that they are named for. --update writes
`expected`; review the difference.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import harness  # pylint: disable=wrong-import-position

HERE = pathlib.Path(__file__).resolve().parent
SITES = sorted(path.parent.name for path in HERE.glob("*/run"))

BINDIR = "/usr/local/bin"
# A program of a run script's chain: it prints its arguments, one in a line.
STUB = '#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n'


def migrate(site, *options):
    """Returns the exit code and the output for a site."""
    ran = subprocess.run(
        [harness.POSTERN, "migrate", "--bindir", BINDIR, "--control",
         "control", "--root", ".", *options, "run"], cwd=HERE / site, capture_output=True, text=True,
        timeout=harness.PATIENCE, check=False)
    if ran.stderr:
        raise AssertionError(f"{site}: {ran.stderr}")
    return ran.returncode, ran.stdout


def shown(site):
    code, out = migrate(site)
    return f"exit code {code}\n\n{out}"


class Migrate(harness.TestCase):

    def test_the_output_is_as_reviewed(self):
        self.assertGreaterEqual(len(SITES), 20)
        for site in SITES:
            with self.subTest(site):
                expected = (HERE / site / "expected").read_text("utf-8")
                self.assertEqual(shown(site), expected)

    def test_the_programs_accept_every_set_up(self):
        for site in SITES:
            code, out = migrate(site, "--format", "json")
            result = json.loads(out)
            self.assertEqual(code == 0, result["supported"], site)
            self.assertEqual(len(result["servers"]), 1, site)
            for server in result["servers"]:
                with self.subTest(site):
                    self.accepted_by_smtpd(server["postern_smtpd_arguments"])
                    self.accepted_by_serve(server["postern_serve_arguments"])
                    self.accepted_as_configuration(server)
                    self.same_in_the_script(server)

    def accepted_by_smtpd(self, arguments):
        """The parser of postern-smtpd finds no mistake: 100 is wrong usage.
        The session ends at once, because the input is empty."""
        ran = subprocess.run(
            [harness.SMTPD, *arguments, "--control", str(self.control)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=harness.PATIENCE, check=False)
        self.assertNotEqual(ran.returncode, 100, ran.stderr)

    def accepted_by_serve(self, arguments):
        """postern explain has the parser of postern serve, and opens no
        socket. Files of the site that do not exist here are not mistakes in
        options (111)."""
        ran = subprocess.run(
            [harness.POSTERN, "explain", "--config", "none", *arguments,
             "--client", "192.0.2.1", "u@example.org"], capture_output=True, text=True,
            timeout=harness.PATIENCE, check=False)
        self.assertIn(ran.returncode, (0, 1, 111), ran.stderr)

    def accepted_as_configuration(self, server):
        """The reader of postern.conf accepts the file, unless a value is not
        known: then it refuses the line that says so."""
        path = self.folder / "postern.conf"
        path.write_text(server["postern_conf"])
        ran = subprocess.run(
            [harness.POSTERN, "config", "show", "--config", str(path)],
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False)
        if server["unknown"]:
            self.assertEqual(ran.returncode, 100, ran.stdout)
            self.assertIn("unknown option value-not-known", ran.stderr)
        else:
            self.assertEqual((ran.returncode, ran.stderr), (0, ""))

    def same_in_the_script(self, server):
        """sh reads the printed script as it was meant: the super-server gets
        postern-smtpd with its arguments."""
        text = server["postern_smtpd"]
        if not text.startswith("#!") or "${UNKNOWN:?" in text:
            return
        # The first program of the server's command is a stub.
        lines = text.split("\n")
        at = next(i for i, line in enumerate(lines)
                  if "/usr/local/bin/postern-smtpd" in line)
        while lines[at].startswith(" "):
            at -= 1
        first = re.match(r"(?:exec )?(\S+)", lines[at]).group(1)
        stub = self.folder / "stub"
        stub.write_text(STUB)
        stub.chmod(0o755)
        lines[at] = lines[at].replace(first, str(stub), 1)
        text = "\n".join(lines)
        text = re.sub(r" (2>&1 )?\|[^|]*\Z", "", text)  # the log
        for user in ("u", "g"):
            text = re.sub(rf'"\$\(id -{user} \w+\)"', "77", text)
        ran = subprocess.run(["sh", "-c", text], capture_output=True,
                             text=True, timeout=harness.PATIENCE, check=True)
        words = ran.stdout.split("\n")[:-1]
        at = words.index("/usr/local/bin/postern-smtpd")
        self.assertEqual(words[at + 1:], server["postern_smtpd_arguments"])

    def test_a_script_with_an_unknown_value_ends_with_its_line(self):
        code, out = migrate("jms1-loop", "--only", "smtpd")
        self.assertEqual(code, 1)
        ran = subprocess.run(["sh", "-c", out], capture_output=True, text=True,
                             timeout=harness.PATIENCE, check=False)
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("UNKNOWN: run:6: line 6 may set or remove any variable",
                      ran.stderr)

    def migrate_text(self, text, files=(), bindir=BINDIR):
        """Migrates a script of a site with `files`, {path: text}. Returns the
        exit code and the object of the JSON."""
        site = self.folder / "site"
        shutil.rmtree(site, ignore_errors=True)
        for path, content in {"run": text, "var/qmail/control/me":
                              "mx.example.org\n",
                              "var/qmail/control/rcpthosts": "example.org\n",
                              **dict(files)}.items():
            (site / path).parent.mkdir(parents=True, exist_ok=True)
            (site / path).write_text(content)
        ran = subprocess.run(
            [harness.POSTERN, "migrate", "--bindir", str(bindir), "--root",
             str(site), "--format", "json", str(site / "run")],
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False)
        self.assertEqual(ran.stderr, "")
        return ran.returncode, json.loads(ran.stdout)

    def test_what_a_program_of_the_chain_does_is_kept_or_named(self):
        """Each command: what the set-up of postern-smtpd has, what the one of
        postern serve has, and what the table has. A "!" before a text: it has
        no such text."""
        tcpserver = "tcpserver -HRl0 -x /etc/r.cdb "
        for command, files, smtpd, serve, table in (
            # Unknown values end the scripts.
            ("export REQUIRE_AUTH=$REQ QMAILQUEUE=\"$SCANNER\"\n"
             f"exec {tcpserver} 0 587 qmail-smtpd /bin/checkpassword /bin/true",
             {}, ('export REQUIRE_AUTH="${UNKNOWN:?',
                  'export QMAILQUEUE="${UNKNOWN:?'),
             (': "${UNKNOWN:?',), ()),
            # env and envdir stay, also if they take away.
            (f"exec {tcpserver} 0 587 env -u RELAYCLIENT qmail-smtpd", {},
             (" env -u RELAYCLIENT /usr/local/bin/postern-smtpd",),
             (': "${UNKNOWN:?',), ("env -u RELAYCLIENT",)),
            (f"exec {tcpserver} 0 25 env --unset=RELAYCLIENT A=b qmail-smtpd",
             {}, (" env --unset=RELAYCLIENT A=b /usr/local/bin/postern-smtpd",),
             (': "${UNKNOWN:?', "!--unset"), ("env -u RELAYCLIENT",)),
            (f"exec {tcpserver} 0 25 env -S x qmail-smtpd", {}, (" env -S x ",),
             (': "${UNKNOWN:?',), ("env -S",)),
            (f"exec {tcpserver} 0 25 envdir /etc/e qmail-smtpd",
             {"etc/e/RELAYCLIENT": "", "etc/e/DB_PASSWORD": "geheim\n",
              "etc/e/GREETDELAY": "7\n"},
             (" envdir /etc/e /usr/local/bin/postern-smtpd --greet-delay 7",
              "!geheim", "!DB_PASSWORD"),
             (': "${UNKNOWN:?', "--greet-delay 7", "!geheim",
              "--pass-environment DB_PASSWORD"),
             ("envdir removes RELAYCLIENT", "DB_PASSWORD", "!geheim")),
            # Names that are none.
            (f"exec {tcpserver} 0 25 envdir /etc/e qmail-smtpd",
             {"etc/e/x;touch INJECTED;y": "1\n"}, ("!INJECTED",),
             ("!INJECTED",), ("not the name of a variable",)),
            (f"exec {tcpserver} 0 25 env 'A;B=1' qmail-smtpd", {},
             ("env 'A;B=1' /usr/local", "!export"), ("!A;B",),
             ("not the name of a variable",)),
            # Requirements about certificates, and the user.
            ("exec tcpserver -HRl0 0 465 stunnel -v 3 -A /ca.pem -s mail -p "
             "/c.pem -l qmail-smtpd -- qmail-smtpd", {},
             ("!stunnel -p", "--tls-cert /c.pem", ': "${UNKNOWN:?'),
             (': "${UNKNOWN:?', "--user mail"),
             ("stunnel -v 3", "stunnel -A /ca.pem", "setuidgid mail")),
            ("exec sslserver -e -m -HRl0 0 465 qmail-smtpd", {},
             ("sslserver -e -m",), (': "${UNKNOWN:?',), ("sslserver -m",)),
            (f"exec {tcpserver} 0 25 rblsmtpd -W qmail-smtpd", {},
             ("rblsmtpd -W",), (), ("rblsmtpd -W",)),
            # A rule for all clients would open the port.
            (f"export RELAYCLIENT=\nexec {tcpserver} 0 25 qmail-smtpd", {},
             ("export RELAYCLIENT=",), (),
             ("to each rule that allows", "!:allow,RELAYCLIENT")),
            # Limits of one process, and the priority.
            (f"ulimit -v 20000\nexec nice -n 5 {tcpserver} 0 25 qmail-smtpd",
             {}, ("ulimit -v 20000", "nice -n 5 tcpserver"), ("!ulimit",),
             ("ulimit -v 20000", "!nothing is known")),
            (f"exec softlimit -m 20 -o 20 {tcpserver} 0 25 qmail-smtpd", {},
             ("softlimit -m 4000000 -o 20",), ("!softlimit",), ()),
            # Where the log goes.
            (f"exec 2>>/var/log/smtpd\nexec {tcpserver} 0 25 qmail-smtpd", {},
             ("exec 2>>/var/log/smtpd",), ("exec 2>>/var/log/smtpd",),
             ("2>> /var/log/smtpd",)),
            (f"{tcpserver} 0 25 qmail-smtpd 2>&1 | splogger smtpd 3 &", {},
             ("postern-smtpd 2>&1 | splogger smtpd 3 &", "!exec"),
             (" 2>&1 | splogger smtpd 3 &",), ("| splogger smtpd 3",)),
            # Only the directory, or the arguments, are not known.
            (f"exec {tcpserver} 0 25 $D/qmail-smtpd $CHECKER", {},
             ('/usr/local/bin/postern-smtpd "${UNKNOWN:?',),
             (': "${UNKNOWN:?',), ("the arguments for AUTH",)),
            # A certificate that no file names is where postern init has it.
            # A file with the key, too, has no other key.
            ("exec sslserver 0 465 qmail-smtpd", {}, ("!--tls-cert",),
             ("--tls-cert /etc/postern/certificate/fullchain.pem",
              "--tls-key /etc/postern/certificate/privkey.pem"),
             ("leave out --tls-key",)),
            ("exec sslserver 0 465 qmail-smtpd",
             {"var/qmail/control/servercert.pem": ""}, (),
             ("--tls-cert /var/qmail/control/servercert.pem", "!--tls-key"),
             ("!leave out --tls-key",)),
            ("exec stunnel -d 465 -l /var/qmail/bin/qmail-smtpd",
             {"var/qmail/control/servercert.pem": ""},
             ("--tls-cert /var/qmail/control/servercert.pem", "!--tls-key"),
             ("--tls-cert /var/qmail/control/servercert.pem", "!--tls-key"),
             ()),
            # UCSPI-TLS that a variable forbids or requires.
            (f"export UCSPITLS=-\nexec {tcpserver} 0 25 qmail-smtpd",
             {"var/qmail/control/servercert.pem": ""},
             ("export UCSPITLS=-", "!--tls-cert"), ("!--tls-cert",),
             ("without --tls-cert TLS is not offered",
              "left out: TLS is not offered")),
            (f"export UCSPITLS=!\nexec {tcpserver} 0 25 qmail-smtpd",
             {"var/qmail/control/servercert.pem": ""},
             ("export UCSPITLS='!'", "--tls-cert"),
             ("--listen 0.0.0.0:25,require-tls ", "--tls-cert "),
             ("maps\", \"text\": \"--listen ADDRESS,require-tls\"",)),
            # AUTH that a variable turns off, or that has no TLS.
            (f"export SMTPAUTH=-\nexec {tcpserver} 0 25 qmail-smtpd /bin/ck "
             "/bin/true", {}, ("!--auth",), ("!auth",),
             ("SMTPAUTH turns AUTH off", "!--auth checkpassword")),
            ("exec tcpserver -HRl0 0 25 spamdyke -f /etc/s qmail-smtpd",
             {"etc/s": "smtp-auth-level=ondemand-encrypted\n"
                       "smtp-auth-command=/bin/ck /bin/true\n"
                       "reject-sender=authentication-domain-mismatch\n"
                       "access-file=/etc/a\n"
                       "connection-timeout-secs=60\n"}, ("!--auth",),
             ("--auth checkpassword:/bin/ck,/bin/true", "!auth-insecure",
              "--tls-cert /etc/postern/certificate/fullchain.pem",
              "--tls-key /etc/postern/certificate/privkey.pem",
              "!sender-domain-exists",
              "--session-timeout 60"), ("not supported\", \"text\": \"compile the file",)),
            ("exec tcpserver -HRl0 0 25 spamdyke -f /etc/s qmail-smtpd",
             {"etc/s": "reject-sender=none\n"}, (),
             ("!sender-domain-exists",), ("it is turned off",)),
        ):
            with self.subTest(command):
                _, result = self.migrate_text(f"#!/bin/sh\n{command}\n", files)
                server = result["servers"][0]
                parts = (server["postern_smtpd"], server["postern_serve"],
                         json.dumps(result["rows"] + server["rows"]))
                for text, wanted in zip(parts, (smtpd, serve, table)):
                    text = text.replace(" \\\n ", "")
                    for each in wanted:
                        if each.startswith("!"):
                            self.assertNotIn(each[1:], text)
                        else:
                            self.assertIn(each, text)
                self.accepted_by_smtpd(server["postern_smtpd_arguments"])
                self.accepted_by_serve(server["postern_serve_arguments"])
                self.accepted_as_configuration(server)
                self.assertEqual(subprocess.run(
                    ["sh", "-n"], input=server["postern_smtpd"], text=True,
                    timeout=harness.PATIENCE, check=False).returncode, 0)

    def test_host_names_are_those_of_the_compiled_rules(self):
        """The text of the rules may be older than the database."""
        site = self.folder / "names"
        (site / "etc").mkdir(parents=True)
        (site / "etc/r").write_text(
            "=.example.org:allow,RELAYCLIENT=\"\"\n:allow\n")
        subprocess.run([harness.POSTERN, "rules", "compile",
                        str(site / "etc/r"), str(site / "etc/r.cdb")],
                       check=True, capture_output=True,
                       timeout=harness.PATIENCE)
        (site / "etc/r").write_text(":allow\n")
        (site / "run").write_text(
            "#!/bin/sh\nexec tcpserver -Rl0 -x /etc/r.cdb 0 25 qmail-smtpd\n")
        ran = subprocess.run(
            [harness.POSTERN, "migrate", "--root", str(site), "--only", "serve",
             str(site / "run")], capture_output=True, text=True, check=False,
            timeout=harness.PATIENCE)
        self.assertIn("--host-names", ran.stdout)

    def started(self, text, files=()):
        """Migrates a run script and runs both new scripts, where programs of
        the chain only make a file. Returns which ones started, and the
        environment of postern-smtpd. RELAYCLIENT and UNKNOWN are set before."""
        programs = self.folder / "programs"
        programs.mkdir(exist_ok=True)
        mark = self.folder / "started"
        for name in ("tcpserver", "postern", "postern-smtpd", "gate",
                     "sslserver", "chpst", "tcpsvd"):
            (programs / name).write_text(f"#!/bin/sh\nenv >{mark}\n")
            (programs / name).chmod(0o755)
        code, result = self.migrate_text(f"#!/bin/sh\n{text}\n", files,
                                         programs)
        server = result["servers"][0]
        found = []
        environment = ""
        for name in ("smtpd", "serve"):
            mark.unlink(missing_ok=True)
            subprocess.run(
                ["sh", "-c", server[f"postern_{name}"]], check=False,
                env={"PATH": f"{programs}:/bin:/usr/bin", "RELAYCLIENT": "",
                     "UNKNOWN": "0"}, stdin=subprocess.DEVNULL,
                capture_output=True, timeout=harness.PATIENCE)
            if mark.exists():
                found.append(name)
                if name == "smtpd":
                    environment = mark.read_text()
        self.assertEqual(bool(server["unknown"]), "serve" not in found)
        self.assertEqual(code == 0, result["supported"])
        if len(found) < 2:
            self.assertEqual(code, 1)
        return found, environment, result

    def test_what_could_open_the_server_stops_the_scripts(self):
        tcpserver = "exec tcpserver -HRl0 -x /r.cdb 0 25"
        rules = {"r.cdb": "", "r": ':allow,RELAYCLIENT=""\n'}
        relay = "export RELAYCLIENT=\n"
        both, smtpd, neither = ["smtpd", "serve"], ["smtpd"], []
        checker = "/bin/checkpassword /bin/true"
        for text, files, expected in (
                (f"{tcpserver} qmail-smtpd", {}, both),
                # Values of requirements.
                (f"export REQUIRE_AUTH=1\n{relay}{tcpserver} qmail-smtpd", {},
                 neither),
                (f"export REQUIRE_AUTH=yes\n{tcpserver} qmail-smtpd {checker}",
                 {}, neither),
                (f"export REQUIRE_AUTH=1\n{tcpserver} qmail-smtpd {checker}",
                 {}, both),
                (f"export REQUIRE_AUTH=0\n{tcpserver} qmail-smtpd", {}, both),
                (f"export FORCE_TLS=yes\n{tcpserver} qmail-smtpd", {}, neither),
                (f"export FORCE_TLS=1 DENY_TLS=1\n{tcpserver} qmail-smtpd", {},
                 neither),
                (f"export SMTPAUTH='!'\n{tcpserver} qmail-smtpd", {}, neither),
                (f"export REQUIRE_AUTH\n{tcpserver} qmail-smtpd", {}, neither),
                (f"export RELAYCLIENT LANG\n{tcpserver} qmail-smtpd", {}, both),
                ("export REQUIRE_AUTH=1\n"
                 "exec tcpserver -HR 0 25 spamdyke -f /s qmail-smtpd",
                 {"s": "smtp-auth-level=ondemand\n"
                       f"smtp-auth-command={checker}\n"}, ["serve"]),
                # Programs that refuse clients stay before postern-smtpd.
                (f"{tcpserver} spamdyke -f /s qmail-smtpd",
                 {"s": "relay-level=block-all\n"}, smtpd),
                (f"{tcpserver} spamdyke -f /s qmail-smtpd",
                 {"s": "relay-level=normal\nlog-level=info\n"}, both),
                (f"{tcpserver} spamdyke -f /s qmail-smtpd",
                 {"s": "filter-level=require-auth\n"}, smtpd),
                (f"{tcpserver} spamdyke -f /s qmail-smtpd",
                 {"s": "access-file=/a\n"}, smtpd),
                (f"{tcpserver} spamdyke -f /none qmail-smtpd", {}, smtpd),
                (f"{tcpserver} spamdyke -f /s qmail-smtpd",
                 {"s": "config-dir=/d\n"}, smtpd),
                (f"{tcpserver} tcpd qmail-smtpd", {}, neither),
                (f"{tcpserver} tcpd qmail-smtpd",
                 {"etc/hosts.deny": "# none\n"}, both),
                (f"{tcpserver} tcpd qmail-smtpd",
                 {"etc/hosts.deny": "# none\nqmail-smtpd: ALL\n"}, neither),
                (f"{tcpserver} tcpd qmail-smtpd",
                 {"etc/hosts.deny": "ALL: ALL\n"}, smtpd),
                (f"{tcpserver} tcpd tcp-env qmail-smtpd",
                 {"etc/hosts.allow": "tcp-env: 10.\n"}, smtpd),
                (f"{tcpserver} /usr/local/bin/gate -x 5 qmail-smtpd", {}, smtpd),
                ("exec chpst -/ /jail tcpserver -HR 0 25 qmail-smtpd", {},
                 smtpd),
                (f"{tcpserver} envdir /none qmail-smtpd", {}, neither),
                (f"{tcpserver} env -S X=1 qmail-smtpd", {}, neither),
                ("exec tcpserver -HRU 0 25 qmail-smtpd", {}, smtpd),
                ("exec tcpserver -HR 0 25 stunnel -v 2 -A /ca -p /c "
                 "-l qmail-smtpd -- qmail-smtpd", {}, neither),
                # Rules.
                (f"{tcpserver} qmail-smtpd",
                 {"r": '10.:allow,RELAYCLIENT="",REQUIRE_AUTH="1"\n:allow\n'},
                 neither),
                (f"{tcpserver} qmail-smtpd",
                 {"r": '10.:allow,RELAYCLIENT="",FORCETLS="1"\n:allow\n'},
                 neither),
                (f"{tcpserver} qmail-smtpd",
                 {"r": ':allow,REQUIRE_AUTH="1"\n'}, both),
                (f"{tcpserver} qmail-smtpd",
                 {"r": '10.:allow,RELAYCLIENT="",REQUIRE_AUTH="0"\n'}, both),
                (f"{relay}{tcpserver} qmail-smtpd",
                 {"r": ':allow,REQUIRE_AUTH="1"\n'}, neither),
                ("exec tcpserver -HRl0 -x /none.cdb 0 25 qmail-smtpd", {},
                 neither),
                # Parts of the script that are not read.
                (f". /etc/smtpd.env\n{tcpserver} qmail-smtpd", {}, neither),
                (f". /etc/smtpd.env\n{tcpserver} qmail-smtpd",
                 {"etc/smtpd.env": "export GREETDELAY=5\n"}, both),
                (f'eval "`cat /x`"\n{tcpserver} qmail-smtpd', {}, neither),
                (f"[ -r /etc/e ] && . /etc/e\n{tcpserver} qmail-smtpd",
                 {"etc/e": "unset RELAYCLIENT\n"}, neither),
                (f"for f in /e/*; do . $f; done\n{tcpserver} qmail-smtpd", {},
                 neither),
                (f"while read N V; do export $N=$V; done </etc/x\n{tcpserver} "
                 "qmail-smtpd", {}, neither),
                (f"read REQUIRE_AUTH </etc/x\nexport REQUIRE_AUTH\n{tcpserver} "
                 "qmail-smtpd", {}, neither),
                (f"case $X in a) export REQUIRE_AUTH=1;; esac\n{tcpserver} "
                 "qmail-smtpd", {}, neither),
                (f"case $X in a) unset RELAYCLIENT;; esac\n{tcpserver} "
                 "qmail-smtpd", {}, neither),
                (f"set_up() {{ unset RELAYCLIENT; }}\nset_up\n{tcpserver} "
                 "qmail-smtpd", {}, neither),
                (f"touch /tmp/x\nmkdir -p /run/x\n{tcpserver} qmail-smtpd", {},
                 both),
                # The name of the variable that stops them.
                (f"export UNKNOWN=25\nexec tcpserver -x $X 0 25 qmail-smtpd",
                 {}, neither)):
            with self.subTest(text=text, files=files):
                found, _, result = self.started(text, {**rules, **files})
                self.assertEqual(found, expected, json.dumps(result, indent=1))

    def test_a_variable_that_the_script_removes_stays_removed(self):
        for text, removed, row in (
                ("", False, ""),
                ("unset RELAYCLIENT\n", True, "unset RELAYCLIENT"),
                ("unset A RELAYCLIENT\n", True, "unset RELAYCLIENT"),
                ("export -n RELAYCLIENT\n", True, "export -n RELAYCLIENT"),
                ("unset RELAYCLIENT\nRELAYCLIENT=x\n", True,
                 "unset RELAYCLIENT"),
                (". /e\n", True, "unset RELAYCLIENT"),
                ("unset RELAYCLIENT\nexport RELAYCLIENT=\n", False,
                 "RELAYCLIENT=")):
            with self.subTest(text):
                found, environment, result = self.started(
                    f"{text}exec tcpserver -HRl0 0 25 qmail-smtpd",
                    {"e": "unset RELAYCLIENT\n"})
                self.assertEqual(found, ["smtpd", "serve"])
                self.assertEqual("RELAYCLIENT" not in environment, removed)
                server = result["servers"][0]
                self.assertIn(row, [each["what"] for each in server["rows"]] +
                              [""])
                self.assertEqual("unset" in server["postern_serve"], removed)

    def test_services_stop_without_what_is_not_known(self):
        """Files of xinetd and inetd cannot end with a message."""
        xinetd = ("service smtp\n{{\nuser = qmaild\ndisable = no\n{}\n"
                  "server = /var/qmail/bin/qmail-smtpd\n}}\n")
        inetd = "smtp stream tcp nowait qmaild /var/qmail/bin/qmail-smtpd x\n"
        control = "var/qmail/control/tlsserverciphers"
        blank = [("var/qmail/control/servercert.pem", ""),
                 (control, "HIGH MEDIUM --auth-insecure\n")]
        for text, files, off in (
                (xinetd.format("env = REQUIRE_AUTH=1 RELAYCLIENT="), [], True),
                (xinetd.format("env = REQUIRE_AUTH=0"), [], False),
                (xinetd.format(""), blank, True), (inetd, [], False),
                (inetd, blank, True),
                (inetd, [blank[0], (control, "HIGH\n")], False)):
            with self.subTest(text=text, files=files):
                code, result = self.migrate_text(text, [
                    ("etc/xinetd.conf", "defaults\n{\n}\n"), *files])
                server = result["servers"][0]
                lines = server["postern_smtpd"].splitlines()
                self.assertEqual(code, int(off))
                self.assertEqual(bool(server["postern_smtpd_unknown"]), off)
                self.assertEqual(lines[0].startswith("# not known: "), off)
                if text == inetd:
                    self.assertEqual(lines[-1].startswith("#smtp "), off)
                else:
                    self.assertEqual("    disable = yes" in lines, off)
                    self.assertEqual("    disable = no" in lines, not off)

    def test_defaults_of_xinetd(self):
        service = ("service smtp\n{\nuser = qmaild\ninstances = 5\n"
                   "server = /var/qmail/bin/qmail-smtpd\n}\n")
        defaults = "defaults\n{\nonly_from = 10.0.0.0/8\ninstances = 9\n}\n"
        for text, files in ((defaults + service, []), (service + defaults, []),
                            (service, [("etc/xinetd.conf", defaults)])):
            code, result = self.migrate_text(text, files)
            server = result["servers"][0]
            self.assertEqual(code, 1)
            self.assertIn("only_from = 10.0.0.0/8: write it as rules",
                          " ".join(server["unknown"]))
            self.assertIn("5", server["postern_serve_arguments"])
            self.assertNotIn("9", server["postern_serve_arguments"])
            self.assertEqual("only_from" in server["postern_smtpd"], not files)
        code, result = self.migrate_text(
            service, [("etc/xinetd.conf", "defaults\n{\n}\n")])
        self.assertEqual((code, result["servers"][0]["unknown"]), (0, []))
        ran = subprocess.run(
            [harness.POSTERN, "migrate", "--control", str(self.control),
             "--only", "serve", str(self.folder / "site/run")],
            capture_output=True, text=True, check=False,
            timeout=harness.PATIENCE)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("/etc/xinetd.conf cannot be read", ran.stdout)

    def test_limits_of_inetd(self):
        for limits, code, arguments in (
                ("nowait", 0, []),
                ("nowait/40/10/3", 0, ["--max-connections", "40", "--max-rate",
                                       "10", "--max-per-client", "3"]),
                ("nowait/0/0/3", 0, ["--max-per-client", "3"]),
                ("nowait/x", 1, []), ("nowait.40", 1, [])):
            found, result = self.migrate_text(
                f"smtp stream tcp {limits} qmaild /var/qmail/bin/qmail-smtpd "
                "qmail-smtpd\n")
            self.assertEqual(found, code)
            self.assertEqual(
                result["servers"][0]["postern_serve_arguments"],
                ["--listen", "0.0.0.0:25", *arguments, "--user", "qmaild"])

    def test_options_that_do_not_start_are_named(self):
        tcpserver = "exec tcpserver -HRl0 0 25"
        for text, files, smtpd, serve in (
                (f"export GREETDELAY=100000\n{tcpserver} qmail-smtpd", {},
                 "--greet-delay", "--greet-delay"),
                (f"export MAXRCPT=999999999\n{tcpserver} qmail-smtpd", {},
                 "--max-recipients", "--max-recipients"),
                ("exec tcpserver -HRl0 -c 99999999 0 25 qmail-smtpd", {}, "",
                 "--max-connections"),
                (f'export QMAILQUEUE="$(cat /q)"\n{tcpserver} qmail-smtpd',
                 {"q": "/bin/q\nauth = checkpassword:/usr/bin/env,true\n"}, "",
                 "--deliver"),
                (f"export TLS_SERVER_CERT=' /c.pem'\n{tcpserver} qmail-smtpd",
                 {}, "", "--tls-cert")):
            with self.subTest(text):
                found, _, result = self.started(text, files)
                server = result["servers"][0]
                self.assertEqual("smtpd" not in found, bool(smtpd))
                self.assertIn(smtpd, " ".join(server["postern_smtpd_unknown"]))
                self.assertIn(serve, " ".join(server["unknown"]))
                self.assertNotIn("\nauth =", server["postern_conf"])
                self.accepted_as_configuration(server)
        found, _, result = self.started(f"{tcpserver} fixcrio fixcr qmail-smtpd")
        server = result["servers"][0]
        self.assertEqual(found, ["smtpd", "serve"])
        self.assertEqual(server["postern_smtpd_arguments"],
                         ["--bare-newlines", "normalize", "--lenient", "all"])

    def test_deep_nesting_ends(self):
        for inner in ("$(" * 20000 + "x" + ")" * 20000,
                      "${X:-" * 20000 + "x" + "}" * 20000,
                      '"$(' * 20000 + "x" + ')"' * 20000):
            code, result = self.migrate_text(
                f"#!/bin/sh\nX=\nexec tcpserver -x {inner} 0 25 qmail-smtpd\n")
            unknown = " ".join(result["servers"][0]["unknown"])
            self.assertEqual(code, 1)
            self.assertTrue("nested too deeply" in unknown or
                            "too long" in unknown, unknown[:200])
        code, _ = self.migrate_text("#!/bin/sh\nif [ " + "! " * 60000 +
                                    "-f /x ]; then export A=1; fi\n"
                                    "exec tcpserver 0 25 qmail-smtpd\n")
        self.assertEqual(code, 1)

    def test_scripts_of_other_programs_and_parts_of_sh(self):
        run = "exec tcpserver -HRl0 0 25 qmail-smtpd"
        for first in ("#!/command/execlineb -P", "#!/bin/csh -f",
                      "#!/usr/bin/env python3", "#! /usr/bin/perl"):
            code, result = self.migrate_text(f"{first}\n{run}\n")
            self.assertEqual((code, result["servers"]), (1, []))
            self.assertEqual(len(result["rows"]), 1)
            self.assertIn("not of sh", result["rows"][0]["postern_smtpd"]["text"])
        for first in ("#!/bin/sh", "#! /bin/dash -e", "#!/usr/bin/env bash",
                      "#!/bin/busybox sh", "#!/bin/sh\r", "", "#!"):
            _, result = self.migrate_text(f"{first}\n{run}\n")
            self.assertEqual(len(result["servers"]), 1, first)
        for text, line in (("#!/bin/sh -e\n", "set -e\n"),
                           ("set -e\n", "set -e\n"),
                           ("set -eu\n", "set -e\n"),
                           ("set -o errexit\n", "set -e\n"),
                           ("set -e; set +e\n", "set -e\nset +e\n"),
                           ("set -u\n", "")):
            code, result = self.migrate_text(f"{text}cd /etc\n{run}\n",
                                             [("etc/x", "")])
            for part in ("postern_smtpd", "postern_serve"):
                script = result["servers"][0][part]
                self.assertTrue(
                    script.startswith(f"#!/bin/sh\n{line}cd /etc\nexec "),
                    script)
        _, result = self.migrate_text(f"{run} <<EOF\ntext\nEOF\n")
        self.assertNotIn("EOF", result["servers"][0]["postern_smtpd"])
        self.assertNotIn("kept in the run script", json.dumps(result))

    def test_other_files(self):
        """An empty file, rules that are older, and names with control
        characters."""
        empty = self.folder / "empty"
        empty.write_text("")
        for part in ("smtpd", "serve", "config"):
            ran = subprocess.run(
                [harness.POSTERN, "migrate", "--only", part, str(empty)],
                capture_output=True, text=True, check=False,
                timeout=harness.PATIENCE)
            self.assertEqual((ran.returncode, ran.stdout), (1, ""))
            self.assertIn("no command that starts qmail-smtpd", ran.stderr)
        run = "#!/bin/sh\nexec tcpserver -HRl0 -x /r.cdb 0 25 envdir /e qmail-smtpd\n"
        self.migrate_text(run, {"r": ":deny\n", "e/A\033[1m": "x\n"})
        site = self.folder / "site"
        subprocess.run([harness.POSTERN, "rules", "compile", str(site / "r"),
                        str(site / "r.cdb")], check=True, capture_output=True,
                       timeout=harness.PATIENCE)
        for rules, differs in ((":deny\n", False), (":allow\n", True)):
            (site / "r").write_text(rules)
            ran = subprocess.run(
                [harness.POSTERN, "migrate", "--root", str(site), "--only",
                 "table", str(site / "run")], capture_output=True, text=True,
                check=False, timeout=harness.PATIENCE)
            self.assertEqual("the rules in force differ" in ran.stdout, differs)
            self.assertNotIn("\033", ran.stdout)

    def test_listens_on_no_more_addresses_than_before(self):
        """The rules and the firewall of a server for IPv4 know no IPv6."""
        tcpserver = "#!/bin/sh\nexec tcpserver -HRl0 {} 25 qmail-smtpd\n"
        xinetd = ("service smtp\n{{\nuser = qmaild\n{}\n"
                  "server = /var/qmail/bin/qmail-smtpd\n}}\n")
        inetd = "smtp stream {} nowait qmaild /var/qmail/bin/qmail-smtpd\n"
        main = [("etc/xinetd.conf", "defaults\n{\n}\n")]
        ipv4, ipv6, both = "0.0.0.0:25", "[::]:25", "*:25"
        for form, option, address in (
                (tcpserver, "0", ipv4), (tcpserver, "0.0.0.0", ipv4),
                (tcpserver, "''", ipv4), (tcpserver, "-4 0.0.0.0", ipv4),
                (tcpserver, "-4 ::", ipv4), (tcpserver, "-6 0", ipv6),
                (tcpserver, "-6 ::", ipv6), (tcpserver, "::", both),
                (tcpserver, ":0", both), (tcpserver, "localhost",
                                          "127.0.0.1:25"),
                (tcpserver, "-6 localhost", "[::1]:25"),
                (tcpserver, "2001:db8::1", "[2001:db8::1]:25"),
                (xinetd, "", ipv4), (xinetd, "flags = REUSE IPv4", ipv4),
                (xinetd, "flags = REUSE IPv6", both),
                (xinetd, "flags = IPv6\nv6only = yes", ipv6),
                (xinetd, "flags = IPv6\nbind = 0.0.0.0", ipv4),
                (inetd, "tcp", ipv4), (inetd, "tcp4", ipv4),
                (inetd, "tcp6", ipv6), (inetd, "tcp46", both)):
            with self.subTest(form.format(option)):
                code, result = self.migrate_text(form.format(option), main)
                self.assertEqual(code, 0)
                arguments = result["servers"][0]["postern_serve_arguments"]
                self.assertEqual(
                    [value for name, value in zip(arguments, arguments[1:])
                     if name == "--listen"], [address])
        for command in ("tcpsvd -l0 0 25 qmail-smtpd",
                        "stunnel -d 465 -p /c -l qmail-smtpd", "qmail-smtpd"):
            _, result = self.migrate_text(f"#!/bin/sh\nexec {command}\n")
            server = result["servers"][0]
            self.assertNotIn("*:", server["postern_serve"])
            self.assertNotIn("*:", server["postern_conf"])

    def test_inetd(self):
        """tcpd takes the name of the process for the program that it runs, and
        env stays."""
        for line, expected in (
            ("smtp stream tcp nowait qmaild /usr/sbin/tcpd "
             "/var/qmail/bin/qmail-smtpd",
             "/usr/sbin/tcpd /usr/local/bin/postern-smtpd"),
            ("smtp stream tcp nowait qmaild /usr/bin/env env QMAILQUEUE=/q "
             "/var/qmail/bin/qmail-smtpd",
             "/usr/bin/env /usr/bin/env QMAILQUEUE=/q "
             "/usr/local/bin/postern-smtpd")):
            _, result = self.migrate_text(line + "\n",
                                          [("etc/hosts.allow", "# none\n")])
            self.assertEqual(
                result["servers"][0]["postern_smtpd"],
                f"smtp stream tcp nowait qmaild {expected}\n")

    def test_relative_paths_begin_in_the_directory_of_the_service(self):
        service = "etc/sv/smtp"
        files = {f"{service}/env/QMAILQUEUE": "/usr/bin/scan\n",
                 f"{service}/env/GREETDELAY": "3\n",
                 f"{service}/rules": "192.0.2.:allow,RELAYCLIENT=\"\"\n",
                 f"{service}/me": "mx.example.org\n"}
        script = ("#!/bin/sh\nexec chpst -e ./env tcpserver -HRl `cat me` "
                  "-x rules.cdb 0 25 qmail-smtpd\n")
        for name, found in (("run", True), ("run.2525", True), ("smtpd", False)):
            site = self.folder / "site"
            shutil.rmtree(site, ignore_errors=True)
            for path, content in {**files, f"{service}/{name}": script}.items():
                (site / path).parent.mkdir(parents=True, exist_ok=True)
                (site / path).write_text(content)
            for directory in (site, site / service):
                ran = subprocess.run(
                    [harness.POSTERN, "migrate", "--root", str(site), "--format",
                     "json", os.path.relpath(site / service / name, directory)],
                    capture_output=True, text=True, check=False, cwd=directory,
                    timeout=harness.PATIENCE)
                server = json.loads(ran.stdout)["servers"][0]
                arguments = server["postern_serve_arguments"]
                if found:
                    self.assertEqual(server["unknown"], [])
                    self.assertIn(f"/{service}/rules.cdb", arguments)
                    self.assertIn("qmail-queue:/usr/bin/scan", arguments)
                    self.assertIn(f'"file": "/{service}/rules"', ran.stdout)
                else:
                    self.assertEqual(len(server["unknown"]), 3,
                                     server["unknown"])
                # It runs in the same directory.
                self.assertIn("-x rules.cdb", server["postern_smtpd"])

    def test_limits_of_memory_are_raised(self):
        """By chpst as by softlimit."""
        for command in ("softlimit -m", "chpst -m", "chpst -d", "softlimit -d"):
            for certificate, needed in ((False, 4000000), (True, 24000000)):
                files = [("var/qmail/control/servercert.pem", "x")]
                for limit in (needed - 1, needed):
                    _, result = self.migrate_text(
                        f"#!/bin/sh\nexec {command} {limit} tcpserver -HRl0 0 "
                        "25 qmail-smtpd\n", files[:certificate])
                    server = result["servers"][0]
                    self.assertIn(f"{command} {needed} ",
                                  server["postern_smtpd"])
                    rows = [row for row in server["rows"] if row["what"] ==
                            f"{command} {limit}"]
                    self.assertEqual(
                        [row["postern_smtpd"]["outcome"] for row in rows],
                        ["differs" if limit < needed else "maps"])

    def test_files_of_tcpd_have_the_name_of_the_program(self):
        for program, outcome in (("qmail-smtpd", "not supported"),
                                 ("tcp-env /var/qmail/bin/qmail-smtpd", "maps")):
            _, result = self.migrate_text(
                "smtp stream tcp nowait qmaild /usr/sbin/tcpd "
                f"/var/qmail/bin/{program}\n",
                [("etc/hosts.deny", "qmail-smtpd: ALL\n")])
            rows = [row for row in result["servers"][0]["rows"]
                    if row["what"] == "tcpd"]
            self.assertEqual([row["postern_smtpd"]["outcome"] for row in rows],
                             [outcome])

    def test_inetd_and_xinetd_ignore_blanks_at_the_start_of_a_line(self):
        for text, listen in (
                ("  # mail\n \t\n  192.0.2.1:2525 stream tcp nowait qmaild "
                 "/var/qmail/bin/qmail-smtpd\n", "192.0.2.1:2525"),
                ("  # mail\n \t\n  service smtp\n  {\n    # a program\n"
                 "    user = qmaild\n    bind = 192.0.2.1\n"
                 "    port = 2525\n    server = /var/qmail/bin/qmail-smtpd\n"
                 "  }\n", "192.0.2.1:2525")):
            with self.subTest(text):
                _, result = self.migrate_text(text)
                self.assertEqual(result["rows"], [])
                server = result["servers"][0]
                self.assertIn(f"--listen {listen} ", server["postern_serve"])
                self.assertEqual(server["postern_serve_arguments"][:2],
                                 ["--listen", listen])

    def test_only_the_site_is_read(self):
        """With --control alone, no other file of this host is read. With
        --root, a link does not leave the copy."""
        (self.folder / "rules").write_text(":allow,SECRETNAME=\"x\"\n")
        script = self.folder / "run"
        script.write_text(
            f"#!/bin/sh\nexec tcpserver -HRl0 -x {self.folder}/rules.cdb 0 25 "
            "qmail-smtpd\n")
        for option, value, found in (("--control", self.control, False),
                                     ("--root", "/", True),
                                     ("--root", self.folder, False)):
            ran = subprocess.run(
                [harness.POSTERN, "migrate", option, str(value), str(script)],
                capture_output=True, text=True, check=False,
                timeout=harness.PATIENCE)
            self.assertEqual("SECRETNAME" in ran.stdout, found, option)
        outside = self.folder / "outside"
        outside.write_text("99\n")
        for target, found in ((str(outside), False), ("/etc/inside", True),
                              ("../../../../../../../../etc/inside", True),
                              ("loop", False)):
            site = self.folder / "linked"
            shutil.rmtree(site, ignore_errors=True)
            (site / "etc").mkdir(parents=True)
            (site / "var/qmail/control").mkdir(parents=True)
            (site / "etc/inside").write_text("77\n")
            (site / "var/qmail/control/loop").symlink_to(target)
            script.write_text(
                "#!/bin/sh\nN=`cat /var/qmail/control/loop`\n"
                "exec tcpserver -HRl0 -c $N 0 25 qmail-smtpd\n")
            ran = subprocess.run(
                [harness.POSTERN, "migrate", "--root", str(site), "--only",
                 "smtpd", str(script)], capture_output=True, text=True,
                check=False, timeout=harness.PATIENCE)
            self.assertNotIn(" 99 ", ran.stdout)
            self.assertEqual(" -c 77 " in ran.stdout, found, ran.stdout)

    def test_set_up_names_the_programs_that_are_installed(self):
        """By default those in the directory of the program that runs."""
        bin_directory = self.folder / "bin"
        bin_directory.mkdir()
        program = bin_directory / "postern"
        shutil.copy(harness.POSTERN, program)
        link = self.folder / "link"
        link.symlink_to(program)
        script = self.folder / "run"
        script.write_text("#!/bin/sh\nexec tcpserver -HRl0 0 25 qmail-smtpd\n")
        for options, directory in (([], bin_directory),
                                   (["--bindir", "/opt/p/bin"], "/opt/p/bin")):
            ran = subprocess.run(
                [link, "migrate", "--control", str(self.control), *options,
                 str(script)], capture_output=True, text=True, check=False,
                timeout=harness.PATIENCE)
            for name in ("postern serve --listen", "postern-smtpd"):
                self.assertIn(f" {directory}/{name}", ran.stdout)
        for directory in ("bin", "/opt/p q"):
            ran = subprocess.run(
                [link, "migrate", "--bindir", directory, str(script)],
                capture_output=True, text=True, check=False,
                timeout=harness.PATIENCE)
            self.assertEqual((ran.returncode, ran.stdout), (100, ""))
            self.assertIn(f"--bindir: {directory}: not an absolute path",
                          ran.stderr)

    def test_several_servers_and_other_programs(self):
        services = "".join(
            f"service {name}\n{{\nuser = qmaild\nserver = "
            f"/var/qmail/bin/qmail-smtpd\n}}\n"
            for name in ("smtp", "submission"))
        file = self.folder / "xinetd"
        file.write_text(services)
        run = lambda *options: subprocess.run(
            [harness.POSTERN, "migrate", *options, str(file)],
            capture_output=True, text=True, check=False,
            timeout=harness.PATIENCE)
        self.assertIn("Server 2 of 2.", run().stdout)
        for options, code, shown in (
            (("--only", "serve"), 100, ""),
            (("--only", "serve", "--server", "3"), 100, ""),
            (("--server", "1"), 100, ""),
            (("--only", "serve", "--server", "2"), 0, "0.0.0.0:587")):
            ran = run(*options)
            self.assertIn(shown, ran.stdout, options)
            self.assertEqual(ran.returncode == 100, code == 100, ran.stderr)
        file.write_text("#!/bin/sh\nexec tcpserver -HRl0 0 110 qmail-popup mx "
                        "checkpassword qmail-pop3d Maildir\n")
        ran = run()
        self.assertEqual(ran.returncode, 1)
        self.assertNotIn("the run script", ran.stdout)
        self.assertIn("does not start qmail-smtpd", ran.stdout)

    def test_nothing_is_executed(self):
        """The script of the site "traps" would make a file in many ways."""
        site = self.folder / "site"
        shutil.copytree(HERE / "traps", site)
        mark = self.folder / "executed"
        text = (site / "run").read_text().replace("MARK", str(mark))
        (site / "run").write_text(text)
        (site / "run").chmod(0o755)
        # The traps work: sh makes the file. It finds no tcpserver.
        programs = self.folder / "programs"
        programs.mkdir()
        for name in ("touch", "cat", "id"):
            (programs / name).symlink_to(shutil.which(name))
        touched = subprocess.run(
            [shutil.which("sh"), "-c", text], cwd=site, check=False,
            env={"PATH": str(programs)}, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=harness.PATIENCE)
        self.assertTrue(mark.exists(), touched)
        mark.unlink()
        before = sorted(p.name for p in site.iterdir())
        for name in ("run", "./run", str(site / "run")):
            ran = subprocess.run(
                [harness.POSTERN, "migrate", name], cwd=site,
                capture_output=True, text=True, timeout=harness.PATIENCE,
                check=False)
            self.assertEqual((ran.returncode, ran.stderr), (1, ""))
        self.assertFalse(mark.exists())
        self.assertEqual(sorted(p.name for p in site.iterdir()), before)

    def test_the_parts(self):
        _, whole = migrate("life-with-qmail")
        for part in ("smtpd", "serve", "config"):
            code, out = migrate("life-with-qmail", "--only", part)
            self.assertEqual(code, 0)
            for line in out.splitlines():
                self.assertIn(("    " + line).rstrip() + "\n", whole)
        _, table = migrate("life-with-qmail", "--only", "table")
        self.assertTrue(whole.endswith("supported:\n\n" + table))

    def test_mistakes(self):
        for arguments, code, message in (
                ([], 100, "one FILE is needed"),
                (["a", "b"], 100, "one FILE is needed"),
                (["--format", "xml", "run"], 100, "--format"),
                (["--only", "all", "run"], 100, "--only"),
                (["--only", "smtpd", "--format", "json", "run"], 100,
                 "--only is for the text"),
                (["/none/run"], 111, "/none/run: no such file"),
                (["--root", "/none", "run"], 100, "--root: /none: not a dir"),
                (["--control", "/etc/passwd", "run"], 100,
                 "--control: /etc/passwd: not a directory"),
                (["/bin/sh"], 111, "/bin/sh: a program, and not a script"),
                (["/"], 111, "/: "),
                (["/dev/zero"], 111, "/dev/zero: ")):
            ran = subprocess.run([harness.POSTERN, "migrate", *arguments],
                                 capture_output=True, text=True, check=False,
                                 timeout=harness.PATIENCE)
            self.assertEqual(ran.returncode, code, arguments)
            self.assertIn(message, ran.stderr)
            self.assertEqual(ran.stdout, "")

    def test_a_script_without_a_server(self):
        script = self.folder / "run"
        script.write_text("#!/bin/sh\necho hello\n")
        ran = subprocess.run([harness.POSTERN, "migrate", str(script)],
                             capture_output=True, text=True, check=False,
                             timeout=harness.PATIENCE)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("no command that starts qmail-smtpd", ran.stdout)

    def test_links_are_followed_and_pipes_are_not_waited_for(self):
        link = self.folder / "link"
        link.symlink_to(HERE / "xinetd-name" / "run")
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        codes = [subprocess.run(
            [harness.POSTERN, "migrate", "--control", str(self.control),
             str(path)], capture_output=True, check=False,
            timeout=harness.PATIENCE).returncode for path in (link, pipe)]
        # /etc/xinetd.conf is not known.
        self.assertEqual(codes, [1, 111])


def update():
    harness.SMTPD, harness.POSTERN = (os.path.abspath(a)
                                      for a in sys.argv[1:3])
    for site in SITES:
        (HERE / site / "expected").write_text(shown(site), "utf-8")


if __name__ == "__main__":
    if "--update" in sys.argv:
        update()
    else:
        harness.main()
