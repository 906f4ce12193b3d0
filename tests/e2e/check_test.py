# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""postern check finds what prevents postern serve from starting.

Each configuration of this test is given to both programs. An error of one is
an error of the other, with the same text.
"""

import json
import os
import shutil
import signal
import socket
import subprocess

import harness
from dns_stand_in import DnsStandIn

REFUSED = (100, 111)  # exit codes of postern serve


class Configuration:
    """Options and files with one mistake or more."""

    def __init__(self, test):
        self.test = test
        self.folder = test.folder
        self.control = test.control
        self.options = {"control": [test.control],
                        "deliver": [f"catch-all:{test.maildir}"],
                        "listen": ["127.0.0.1:0"]}
        self.config = []  # lines of --config
        self.variables = {}

    def set(self, name, *values):
        self.options[name] = [str(value) for value in values]

    def add(self, name, value):
        self.options.setdefault(name, []).append(str(value))

    def program(self, name, text="#!/bin/sh\n", mode=0o755):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def arguments(self, without=()):
        arguments = []
        for name, values in self.options.items():
            if name not in without:
                arguments += [f"--{name}={value}" for value in values]
        if self.config:
            path = self.folder / "config"
            path.write_text("".join(line + "\n" for line in self.config))
            arguments += ["--config", str(path)]
        else:
            arguments += ["--config", "none"]
        return arguments

    def start(self):
        """Returns a server, which must start."""
        return harness.Serve(
            self.test, *self.arguments(without=("control", "deliver",
                                                "listen")),
            deliver=self.options["deliver"][0],
            listen=tuple(self.options["listen"]), environment=self.variables)

    def run(self, command, *more):
        """Returns the exit code, standard output and standard error."""
        done = subprocess.run(
            [harness.POSTERN, command, *self.arguments(), *more],
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False, env={"PATH": harness.PATH, **self.variables})
        return done.returncode, done.stdout, done.stderr


# Each function plants one mistake. Its doc string is the error, in which
# {folder} and {control} are paths.


def config_unknown_key(plant):
    """{folder}/config:2: unknown option max-erors; did you mean max-errors?"""
    plant.config = ["# limits", "max-erors = 3"]


def config_wrong_value(plant):
    """{folder}/config:1: max-errors: 1 to 1000000, not "many\""""
    plant.config = ["max-errors = many"]


def config_wrong_listener(plant):
    """{folder}/config:2: listen: 127.0.0.1:25: needs --auth"""
    plant.config = ["listen = 127.0.0.1:0", "listen = 127.0.0.1:25,auth"]
    del plant.options["listen"]


def config_wrong_network(plant):
    """{folder}/config:2: unlimited: network '192.0.2.1/33': """
    plant.config = ["unlimited = 192.0.2.0/24", "unlimited = 192.0.2.1/33"]


def no_me(plant):
    """{control}/me: no such file; write this host's name into it"""
    (plant.control / "me").unlink()


def no_rcpthosts(plant):
    """{control}/rcpthosts: no such file; list in it the domains"""
    (plant.control / "rcpthosts").unlink()


def wrong_pattern(plant):
    """{control}/badhelo:2: the regular expression has """
    plant.test.put("badhelo", "a\nb(\n")


def control_file_is_a_directory(plant):
    """{control}/badmailfrom: Is a directory"""
    (plant.control / "badmailfrom").mkdir()


def wrong_greeting(plant):
    """{control}/smtpgreeting, or me: """
    plant.test.put("smtpgreeting", "mx\rexample\n")


def damaged_database(plant):
    """{control}/morercpthosts.cdb: """
    plant.test.put("morercpthosts.cdb", "damaged")


def no_senders(plant):
    """{control}/senders: no such file; """
    plant.set("senders", "yes")


def damaged_greylist(plant):
    """--greylist: {folder}/greylist: """
    (plant.folder / "greylist").write_text("not a database\n" * 99)
    plant.set("greylist", plant.folder / "greylist")


def greylist_without_a_directory(plant):
    """--greylist: {folder}/nowhere/greylist: cannot be created: """
    plant.set("greylist", plant.folder / "nowhere/greylist")


def no_rspamd_password(plant):
    """--rspamd-password-file: {folder}/password: """
    plant.set("rspamd", "http://127.0.0.1:1")
    plant.set("rspamd-password-file", plant.folder / "password")


def wrong_alias(plant):
    """{control}/aliases:1: the line is not of the form"""
    plant.test.put("aliases", "no colon\n")
    (plant.folder / "mail").mkdir()
    (plant.folder / "mail/someone").mkdir()
    plant.test.put("aliases", "no colon\n")
    plant.set("deliver", f"maildir:{plant.folder}/mail/%u")


def no_maildir(plant):
    """--deliver: maildir {folder}/none: No such file or directory; make it"""
    plant.set("deliver", f"catch-all:{plant.folder}/none")


def no_store(plant):
    """--deliver: the directory of the Maildirs, {folder}/none: No such file"""
    plant.set("deliver", f"maildir:{plant.folder}/none/%d/%u")


def no_queue_program(plant):
    """--deliver: {folder}/bin/qmail-queue: No such file or directory; """
    plant.set("deliver", "qmail-queue")


def queue_program_is_not_executable(plant):
    """--deliver: {folder}/queue: Permission denied; """
    plant.set("deliver", f"qmail-queue:{plant.program('queue', mode=0o644)}")


def queue_program_without_interpreter(plant):
    """--deliver: {folder}/queue: its interpreter /none/sh: No such file"""
    path = plant.program("queue", "#!/none/sh\n")
    plant.set("deliver", f"qmail-queue:{path}")


def unknown_delivery(plant):
    """--deliver: delivery "nowhere": not one of """
    plant.set("deliver", "nowhere")


def no_rules(plant):
    """{folder}/none.cdb: no such file; make it with"""
    plant.set("rules", plant.folder / "none.cdb")


def damaged_rules(plant):
    """{folder}/rules.cdb: """
    (plant.folder / "rules.cdb").write_text("damaged")
    plant.set("rules", plant.folder / "rules.cdb")


def no_rcptcheck(plant):
    """--rcptcheck: /none/rcptcheck: No such file or directory; """
    plant.set("rcptcheck", "/none/rcptcheck")


def no_checker(plant):
    """--auth: /none/checkpassword: No such file or directory; """
    plant.set("auth", "checkpassword:/none/checkpassword")
    plant.set("listen", "127.0.0.1:0,auth")
    plant.set("auth-insecure", "yes")


def no_users(plant):
    """--auth cdb:{folder}/users: """
    plant.set("auth", f"cdb:{plant.folder}/users")
    plant.set("listen", "127.0.0.1:0,auth")
    plant.set("auth-insecure", "yes")


def no_certificate(plant):
    """{folder}/none.pem: No such file or directory"""
    plant.set("tls-cert", plant.folder / "none.pem")


def wrong_key(plant):
    """{folder}/other.pem: not the key of {folder}/mx.pem"""
    other = plant.test.make_certificate("x", path=plant.folder / "other.pem")
    plant.set("tls-cert", plant.test.certificate)
    plant.set("tls-key", other)


def wrong_resolver(plant):
    """--resolver: name servers 192.0.2.: """
    plant.set("resolver", "192.0.2.")
    plant.set("host-names", "yes")


def wrong_dns_list(plant):
    """--dns-list: """
    plant.set("dns-list", "zone.example,always")


def wrong_policy_server(plant):
    """--policy-server: "inet:1": """
    plant.set("policy-server", "inet:1")


def address_of_another_host(plant):
    """--listen: 192.0.2.1:0: bind: Cannot assign requested address"""
    plant.set("listen", "192.0.2.1:0")


def no_directory_of_a_socket(plant):
    """--listen: unix:{folder}/none/socket: bind: No such file or directory"""
    plant.set("listen", f"unix:{plant.folder}/none/socket")


def file_at_the_path_of_a_socket(plant):
    """--listen: unix:{folder}/file: a file that is not a socket exists"""
    (plant.folder / "file").write_text("")
    plant.set("listen", f"unix:{plant.folder}/file")


def metrics_of_another_host(plant):
    """--metrics: 192.0.2.1:0: bind: Cannot assign requested address"""
    plant.set("metrics", "192.0.2.1:0")


def unknown_user(plant):
    """--user: no such user: nosuchuser"""
    plant.set("user", "nosuchuser")


MISTAKES = [
    config_unknown_key, config_wrong_value, config_wrong_listener,
    config_wrong_network, no_me, no_rcpthosts, wrong_pattern,
    control_file_is_a_directory, wrong_greeting, damaged_database, no_senders,
    wrong_alias, no_maildir, no_store, no_queue_program,
    queue_program_is_not_executable, queue_program_without_interpreter,
    unknown_delivery, no_rules, damaged_rules, no_rcptcheck, no_checker,
    no_users, no_certificate, wrong_key, wrong_resolver, wrong_dns_list,
    wrong_policy_server, address_of_another_host, no_directory_of_a_socket,
    file_at_the_path_of_a_socket, metrics_of_another_host, unknown_user,
    damaged_greylist, greylist_without_a_directory, no_rspamd_password,
]
# Mistakes that do not exclude one another.
TOGETHER = [
    config_unknown_key, no_rcpthosts, wrong_pattern,
    control_file_is_a_directory, no_maildir, no_rules, no_rcptcheck,
    no_checker, no_certificate, wrong_resolver, wrong_policy_server,
    metrics_of_another_host,
]


def text_of(finding):
    """Returns a finding as the log has it."""
    where = finding["where"] + ": " if finding["where"] else ""
    fix = "; " + finding["fix"] if finding["fix"] else ""
    return where + finding["what"] + fix


class CheckTest(harness.TlsTestCase):

    def planted(self, *mistakes):
        """Returns a configuration in a directory of its own, and its errors."""
        self.setUp()
        plant = Configuration(self)
        wanted = []
        for mistake in mistakes:
            mistake(plant)
            wanted.append(mistake.__doc__.format(folder=self.folder,
                                                 control=self.control))
        return plant, wanted

    def findings(self, plant, *options):
        """Returns the exit code and the findings as {severity: [text]}."""
        code, out, err = plant.run("check", "--json", *options)
        self.assertRegex(err, r"\A(postern check: no relay surface: .*\n)?\Z")
        if err:
            self.assertEqual(code, 1)
        found = {"error": [], "warning": []}
        for finding in json.loads(out)["findings"]:
            found[finding["severity"]].append(text_of(finding))
        return code, found

    def started(self, plant):
        """Starts a server, which must start. Returns its log at its end."""
        server = plant.start()
        server.signal(signal.SIGTERM)
        server.wait()
        return server.log()

    def test_each_mistake_is_an_error_of_both_programs(self):
        for mistake in MISTAKES:
            with self.subTest(mistake.__name__):
                plant, (wanted,) = self.planted(mistake)
                code, found = self.findings(plant)
                self.assertEqual(len(found["error"]), 1, found)
                self.assertTrue(found["error"][0].startswith(wanted),
                                (found["error"], wanted))
                self.assertEqual(code, 1)
                code, out, err = plant.run("serve")
                self.assertIn(code, REFUSED, err)
                self.assertEqual(out, "")
                self.assertIn(f": {found['error'][0]}\n", err)

    def test_all_mistakes_are_found_at_one_time(self):
        plant, wanted = self.planted(*TOGETHER)
        code, found = self.findings(plant)
        self.assertEqual(code, 1)
        for text in wanted:
            self.assertTrue(any(each.startswith(text)
                                for each in found["error"]), (text, found))
        self.assertEqual(len(found["error"]), len(TOGETHER), found["error"])
        # The server reports its options before it reads any file.
        code, _, err = plant.run("serve")
        self.assertEqual(code, 100)
        self.assertIn(f": {wanted[0]}\n", err)
        plant.config = []
        code, _, err = plant.run("serve")
        self.assertEqual(code, 111)
        for text in found["error"]:
            if "/config:" not in text and not text.startswith("--metrics"):
                self.assertIn(f" fatal: {text}\n", err)

    def test_text_has_a_line_for_each_finding(self):
        plant, _ = self.planted(no_me, wrong_pattern)
        self.put("spfbehavior", "1\n")
        code, out, err = plant.run("check")
        self.assertEqual(code, 1)
        self.assertTrue(err.startswith(
            f"postern check: no relay surface: {self.control}/"), err)
        self.assertRegex(out, (
            rf"\Aerror: {self.control}/me: no such file; write this host's "
            r"name into it\n"
            rf"error: {self.control}/badhelo:2: .*\n"
            rf"warning: {self.control}/spfbehavior: not read: .*\n"
            r"2 errors, 1 warning\n\Z"))

    def test_without_an_option_there_is_no_proof(self):
        plant, _ = self.planted(config_unknown_key)
        code, out, err = plant.run("check")
        self.assertEqual((code, err), (
            1, "postern check: no relay surface: it depends on the options, and "
            "some have mistakes\n"))
        self.assertNotIn("Relay surface", out)
        code, out, err = plant.run("check", "--json")
        self.assertEqual((code, list(json.loads(out))),
                         (1, ["findings", "errors", "warnings"]))

    def test_a_good_configuration_has_no_finding(self):
        plant, _ = self.planted()
        code, out, err = plant.run("check")
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(out.startswith("0 errors, 0 warnings\n\n"), out)
        self.assertNotIn("warning", self.started(plant))

    def test_every_kind_of_check_can_be_tested(self):
        plant, _ = self.planted()
        dns = DnsStandIn(self, {})
        plant.set("resolver", f"127.0.0.1:{dns.port}")
        plant.set("spf", "default")
        plant.set("greylist", self.folder / "greylist")
        plant.set("rate-limit", "user:recipients=200/h")
        plant.set("rspamd", f"http://127.0.0.1:{self.closed_port()}")
        plant.set("sender-domain-exists", "strangers")
        code, found = self.findings(plant)
        self.assertEqual((code, found["error"]), (0, []))
        self.assertFalse((self.folder / "greylist").exists())
        self.started(plant)
        # The table that the server has made.
        self.assertEqual(self.findings(plant)[1]["error"], [])

    def test_wrong_usage(self):
        plant, _ = self.planted()
        for option, text in (("--max-erors", "did you mean --max-errors?"),
                             ("operand", "unknown argument operand")):
            code, out, err = plant.run("check", option)
            self.assertEqual((code, out), (100, ""))
            self.assertIn(text, err)

    def test_warnings_do_not_prevent_a_start(self):
        plant, _ = self.planted()
        (self.control / "rcpthosts").unlink()
        plant.set("open-relay", "yes")
        self.put("maxrcpt", "1\n")
        plant.variables["POSTERN_MAX_ERORS"] = "3"
        plant.set("tls-cert", self.make_certificate("mail.example.org",
                                                    days=2))
        rules = self.folder / "tcp.smtp"
        rules.write_text(":allow\n")
        subprocess.run([harness.POSTERN, "rules", "compile", str(rules)],
                       check=True, timeout=harness.PATIENCE)
        rules.write_text('10.:allow,RELAYCLIENT=""\n:allow\n')
        plant.set("rules", f"{rules}.cdb")
        code, found = self.findings(plant)
        self.assertEqual((code, found["error"]), (0, []))
        for text in (
                f"{self.control}/rcpthosts: no such file, and --open-relay",
                f"{self.control}/maxrcpt: not read: ",
                "POSTERN_MAX_ERORS: no option has this variable; did you mean "
                "POSTERN_MAX_ERRORS?",
                f"{self.certificate}: the certificate expires in 2 days (",
                f"{self.certificate}: the certificate does not name "
                "mx.example.org, ",
                f"{rules}: its rules differ from those of {rules}.cdb, "):
            self.assertTrue(any(each.startswith(text)
                                for each in found["warning"]), (text, found))
        self.assertEqual(len(found["warning"]), 6, found)
        log = self.started(plant)
        for text in found["warning"]:
            self.assertEqual(log.count(f" warning: {text}\n"), 1, text)

    def test_outages_are_warnings(self):
        plant, _ = self.planted()
        port = self.closed_port()
        plant.set("policy-server", f"inet:127.0.0.1:{port}")
        plant.set("resolver", f"127.0.0.1:{port}")
        plant.set("host-names", "yes")
        holder = socket.socket()
        self.addCleanup(holder.close)
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = "127.0.0.1:%d" % holder.getsockname()[1]
        plant.set("listen", taken)
        code, found = self.findings(plant)
        self.assertEqual((code, found["error"]), (0, []))
        self.assertEqual(len(found["warning"]), 3, found)
        for text in (f"--policy-server: inet:127.0.0.1:{port}: connect: ",
                     "--resolver: no name server has answered ",
                     f"--listen: {taken}: bind: Address already in use; "):
            self.assertTrue(any(each.startswith(text)
                                for each in found["warning"]), (text, found))
        plant.set("listen", "127.0.0.1:0")
        self.assertNotIn("warning", self.started(plant))

    def test_a_running_server_can_be_checked(self):
        plant, _ = self.planted()
        path = self.folder / "socket"
        plant.set("listen", "127.0.0.1:0", f"unix:{path}")
        server = plant.start()
        plant.set("listen", f"127.0.0.1:{server.port}", f"unix:{path}")
        code, found = self.findings(plant)
        self.assertEqual((code, found["error"]), (0, []))
        self.assertEqual([text.split(": bind: ")[0]
                          for text in found["warning"]],
                         [f"--listen: 127.0.0.1:{server.port}",
                          f"--listen: unix:{path}"])
        with harness.Client(server) as client:
            client.greet()

    def test_an_expired_certificate_is_an_error_and_the_server_starts(self):
        plant, _ = self.planted()
        key, request = self.folder / "key", self.folder / "request"
        for command in (
                ["req", "-new", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-subj",
                 "/CN=mx.example.org", "-keyout", key, "-out", request],
                ["x509", "-req", "-in", request, "-signkey", key, "-days",
                 "-1", "-out", self.folder / "cert"]):
            subprocess.run(["openssl", *map(str, command)], check=True,
                           capture_output=True, timeout=harness.PATIENCE)
        plant.set("tls-cert", self.folder / "cert")
        plant.set("tls-key", self.folder / "key")
        code, found = self.findings(plant)
        expired = f"{self.folder}/cert: the certificate has expired"
        self.assertEqual((code, found["error"]), (1, [expired]))
        self.assertIn(f" warning: {expired}\n", self.started(plant))

    def test_a_reload_with_errors_changes_nothing_and_logs_all(self):
        plant, _ = self.planted()
        server = plant.start()
        self.put("badhelo", "a(\n")
        self.put("badrcptto", "x@local.example\n")
        self.maildir.rename(self.folder / "moved")
        server.signal(signal.SIGHUP)
        kept = "not reloaded, all stays as it was: "
        server.wait_log(f"{kept}{self.control}/badhelo:1: ")
        server.wait_log(f"{kept}--deliver: maildir {self.maildir}: No such ")
        with harness.Client(server) as client:
            client.greet()
            client.ask("MAIL FROM:<>")
            self.assertEqual(client.ask("RCPT TO:<x@local.example>")[:3], "250")
        self.put("badhelo", "a\n")
        (self.folder / "moved").rename(self.maildir)
        server.signal(signal.SIGHUP)
        server.wait_log(" reloaded\n")

    def test_a_reload_does_not_test_the_table_that_is_open(self):
        plant, _ = self.planted()
        (self.folder / "table").mkdir()
        plant.set("greylist", self.folder / "table/greylist")
        server = plant.start()
        (self.folder / "table").rename(self.folder / "moved")
        self.assertEqual(self.findings(plant)[0], 1)
        server.signal(signal.SIGHUP)
        server.wait_log(" reloaded\n")

    def test_the_user_must_be_able_to_write_the_table(self):
        nobody = self.another_user()
        plant, _ = self.planted()
        self.give_maildir(nobody)
        plant.set("user", nobody.pw_name)
        folder = self.folder / "table"
        folder.mkdir()
        table = folder / "greylist"
        plant.set("greylist", table)
        # SQLite makes files next to the table.
        for exists, owns_folder, wanted in (
                (False, False, f"{table}: cannot be created: {folder}/: "),
                (False, True, None),
                (True, False, f"{table}: cannot be written: {folder}/: "),
                (True, True, f"{table}: Permission denied")):
            with self.subTest(exists=exists, owns_folder=owns_folder):
                if exists:
                    table.write_bytes(b"")
                    table.chmod(0o644)
                os.chown(folder, nobody.pw_uid if owns_folder else 0, 0)
                code, found = self.findings(plant)
                self.assertEqual(code, 1 if wanted else 0, found)
                self.assertEqual(len(found["error"]), code, found)
                if wanted:
                    self.assertIn(f"--greylist: {wanted}", found["error"][0])

    def test_the_directory_of_the_maildirs_need_not_be_readable(self):
        nobody = self.another_user()
        plant, _ = self.planted()
        self.give_maildir(nobody)
        store = self.folder / "mail"
        store.mkdir()
        self.maildir.rename(store / "postmaster")
        plant.set("user", nobody.pw_name)
        plant.set("deliver", f"maildir:{store}/%u")
        store.chmod(0o711)
        self.assertEqual(self.findings(plant), (0, {"error": [],
                                                    "warning": []}))
        store.chmod(0o700)
        code, found = self.findings(plant)
        self.assertEqual(code, 1)
        self.assertTrue(found["error"][0].startswith(
            "--deliver: the directory of the Maildirs, "
            f"{store}: Permission denied; "), found)

    def test_a_file_does_not_control_the_terminal(self):
        plant, _ = self.planted()
        rules = self.folder / "rules.cdb"
        self.put_cdb(rules, [("bad\x1b[31m", "+RCPTCHECK=/none\0"), ("", "")])
        plant.set("rules", rules)
        code, out, err = plant.run("check")
        self.assertEqual((code, err), (1, ""))
        self.assertNotIn("\x1b", out)
        # Nothing is escaped twice.
        self.assertIn("rule bad\\x1b[31m: no client can have ", out)
        self.assertIn("rule bad\\x1b[31m: the program of RCPTCHECK, /none: ",
                      out)
        # JSON has its own escapes.
        _, found = self.findings(plant)
        self.assertTrue(any("rule bad\x1b[31m: the program" in text
                            for text in found["error"]), found)

    def test_paths_are_tested_as_the_user(self):
        nobody = self.another_user()
        plant, _ = self.planted()
        self.give_maildir(nobody)
        plant.set("user", nobody.pw_name)
        self.assertEqual(self.findings(plant)[0], 0)
        self.assertNotIn("warning", self.started(plant))

        # What is read while the server serves is an error.
        rules = self.folder / "tcp.smtp.cdb"
        subprocess.run(["tcprules", str(rules), str(self.folder / "tmp")],
                       input=b":allow\n", check=True, timeout=harness.PATIENCE)
        rules.chmod(0o600)
        checker = plant.program("checker", mode=0o700)
        new = self.maildir / "new"
        os.chown(new, 0, 0)
        new.chmod(0o755)
        plant.set("rules", rules)
        plant.set("rcptcheck", checker)
        code, found = self.findings(plant)
        self.assertEqual(code, 1)
        self.assertEqual(len(found["error"]), 3, found)
        for text in (f"--deliver: maildir {new}: Permission denied; ",
                     f"--rcptcheck: {checker}: Permission denied; ",
                     f"{rules}: Permission denied"):
            self.assertTrue(any(each.startswith(text)
                                for each in found["error"]), (text, found))
        code, _, err = plant.run("serve")
        self.assertEqual(code, 111)
        for text in found["error"]:
            self.assertIn(f" fatal: {text}\n", err)
        os.chown(new, nobody.pw_uid, nobody.pw_gid)
        del plant.options["rules"]
        del plant.options["rcptcheck"]

        # What root reads at the start is missing after SIGHUP.
        self.certificate.chmod(0o600)
        plant.set("tls-cert", self.certificate)
        (self.control / "rcpthosts").chmod(0o600)
        code, found = self.findings(plant)
        self.assertEqual((code, found["error"]), (0, []))
        reason = (f", for the user {nobody.pw_name} of --user; let this user "
                  "read it, or the server cannot read it again after SIGHUP")
        for path in (self.certificate, self.control / "rcpthosts"):
            self.assertIn(f"{path}: Permission denied{reason}",
                          found["warning"])
        log = self.started(plant)
        for text in found["warning"]:
            self.assertEqual(log.count(f" warning: {text}\n"), 1, text)

    def test_another_user_says_what_is_not_tested(self):
        nobody = self.another_user()
        plant, _ = self.planted()
        self.give_maildir(nobody)
        plant.set("user", "root")
        # The other user may not enter the directory of the programs.
        program = self.folder / "postern"
        shutil.copy(harness.POSTERN, program)
        done = subprocess.run(
            [program, "check", *plant.arguments()],
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False, env={"PATH": harness.PATH}, user=nobody.pw_uid,
            group=nobody.pw_gid, extra_groups=[])
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.startswith(
            "warning: --user: not tested as the user root, but as the one "
            "that runs this command; run it as root\n"
            "0 errors, 1 warning\n"), done.stdout)


if __name__ == "__main__":
    harness.main()
