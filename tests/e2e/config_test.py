# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""The configuration of postern serve: postern init, postern config, SIGHUP, and
certificates that are renewed."""

import os
import itertools
import pathlib
import re
import shutil
import signal
import ssl
import stat
import subprocess
import tempfile
import types

import harness


def run(*arguments, **more):
    """Runs a command of postern. Returns the finished process."""
    return subprocess.run(
        [harness.POSTERN, *map(str, arguments)], capture_output=True,
        text=True, timeout=harness.PATIENCE, check=False,
        **{"env": {"PATH": harness.PATH}, **more})


def settings(text):
    """Returns the lines of a configuration file that are no comments."""
    return [line for line in text.split("\n") if line and line[0] != "#"]


class InitTest(harness.TestCase):

    AUTH = ("--tls", "--auth", "PLAIN", "--auth-user", "U@Local.example")

    def setUp(self):
        super().setUp()
        self.etc = self.folder / "etc/postern"
        self.mail = self.folder / "mail"

    def init(self, *options, **more):
        """Options that would have no effect are errors."""
        if "--first-user" in options:
            options += ("--submission", "127.0.0.1:0")
            if "--certificate" not in options:
                options += ("--submissions", "127.0.0.1:0")
        if ("--smarthost" in options or
                any(str(each).startswith("lmtp:") for each in options)):
            options += ("--state", self.folder / "state")
        if "--smtp" not in options:
            options += ("--smtp", "127.0.0.1:0")
        return run("init", "--yes", "--host", "MX.example.org",
                   "--system-user", "none", *options, **more)

    def here(self, *options, **more):
        if "--deliver" not in options:
            options += ("--mail", self.mail)
        return self.init("--directory", self.etc, *options, **more)

    def with_user(self, *options):
        done = self.here("--domain", "local.example", "--first-user",
                         "U@Local.example", "--password-fd", "0", *options,
                         input="secret\n")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def attributes(self):
        """Returns the mode, owner and group of each file."""
        return {str(path.relative_to(self.etc)):
                (oct(path.stat().st_mode), path.stat().st_uid,
                 path.stat().st_gid)
                for path in self.etc.rglob("*") if path.is_file()}

    def contents(self):
        return {path: path.read_bytes() for path in self.etc.rglob("*")
                if path.is_file()}

    def serve(self):
        self.maildir = self.mail / "local.example/u"
        ready, theirs = os.pipe()
        self.log = self.folder / "log"
        with open(self.log, "wb") as log:
            process = subprocess.Popen(
                [harness.POSTERN, "serve", "--config",
                 str(self.etc / "postern.conf"), "--ready-fd", str(theirs)],
                stdin=subprocess.DEVNULL, stderr=log, pass_fds=[theirs],
                env={"PATH": harness.PATH}, start_new_session=True)
        self.addCleanup(process.wait, harness.PATIENCE)
        self.addCleanup(process.kill)
        os.close(theirs)
        with open(ready, encoding="ascii") as lines:
            ports = [int(line.rsplit(":", 1)[1]) for line in lines]
        self.assertEqual(len(ports), 3, self.log.read_text())
        return ports

    def swaks(self, port, *options):
        return subprocess.run(
            ["swaks", "--server", "127.0.0.1", "--port", str(port), "--helo",
             "client.example", "--from", "u@local.example", "--to",
             "u@local.example", *options], stdin=subprocess.DEVNULL,
            capture_output=True, timeout=harness.PATIENCE,
            check=False).returncode

    def test_from_the_questions_to_a_message(self):
        shown = self.with_user()
        self.assertIn("0 errors, 0 warnings", shown)
        smtp, _, submission = self.serve()
        self.assertEqual(self.swaks(smtp), 0)
        self.assertEqual(self.swaks(
            submission, *self.AUTH, "--auth-password", "secret"), 0)
        self.assertEqual(len(self.messages()), 2)
        self.assertNotEqual(self.swaks(
            submission, *self.AUTH, "--auth-password", "wrong"), 0)
        self.assertNotEqual(self.swaks(submission), 0)  # without TLS
        self.assertNotEqual(self.swaks(smtp, "--to", "x@other.example"), 0)

    def test_secrets_have_their_modes(self):
        self.with_user()
        for name, mode in (("postern.conf", 0o644), ("me", 0o644),
                           ("users", 0o640), ("users.cdb", 0o640),
                           ("certificate", 0o750),
                           ("certificate/privkey.pem", 0o640),
                           ("certificate/fullchain.pem", 0o644)):
            self.assertEqual(stat.S_IMODE((self.etc / name).stat().st_mode),
                             mode, name)
        self.assertEqual((self.etc / "me").read_text(), "mx.example.org\n")
        self.assertEqual(stat.S_IMODE(
            (self.mail / "local.example/u/new").stat().st_mode), 0o700)

    def test_nothing_is_replaced_without_force(self):
        self.with_user()
        before = self.contents()
        (self.etc / "rcpthosts").unlink()
        done = self.here()
        self.assertEqual(done.returncode, 100)
        self.assertIn(f"{self.etc}/postern.conf", done.stderr)
        self.assertIn("use --force", done.stderr)
        self.assertFalse((self.etc / "rcpthosts").exists())
        for path, content in before.items():
            if path.name != "rcpthosts":
                self.assertEqual(path.read_bytes(), content)
        # A file keeps its mode, and a secret gets that of a secret.
        (self.etc / "me").chmod(0o600)
        (self.etc / "certificate/privkey.pem").chmod(0o644)
        self.assertEqual(self.here("--force").returncode, 0)
        for name, mode in (("me", 0o600), ("certificate/privkey.pem", 0o640),
                           ("rcpthosts", 0o644)):
            self.assertEqual(stat.S_IMODE((self.etc / name).stat().st_mode),
                             mode, name)

    def test_a_table_alone_is_not_replaced(self):
        self.etc.mkdir(parents=True)
        for name, options in (
                ("rules.cdb", ("--relay-from", "192.0.2.0/24")),
                ("users.cdb", ("--first-user", "u@example.org",
                               "--password-fd", "0"))):
            table = self.etc / name
            table.write_text("mine")
            # Without its text, --force does not replace users either.
            for force in ((), ("--force",))[:1 + (name == "users.cdb")]:
                done = self.here(*options, *force, input="secret\n")
                self.assertEqual(done.returncode, 100, done.stdout)
                self.assertIn(str(table), done.stderr)
                self.assertEqual(self.contents(), {table: b"mine"})
            table.unlink()

    def test_replaced_files_keep_their_attributes(self):
        self.with_user("--relay-from", "192.0.2.0/24")
        for name, mode in (("postern.conf", 0o600), ("users", 0o600),
                           ("users.cdb", 0o600), ("rules.cdb", 0o640),
                           ("certificate/privkey.pem", 0o600)):
            (self.etc / name).chmod(mode)
        before = self.attributes()
        old = self.contents()
        self.with_user("--relay-from", "198.51.100.0/24", "--force")
        self.assertEqual(self.attributes(), before)
        for name in ("users.cdb", "rules.cdb", "certificate/privkey.pem"):
            self.assertNotEqual((self.etc / name).read_bytes(),
                                old[self.etc / name], name)

    def test_links_are_not_followed(self):
        archive = self.folder / "archive"
        archive.mkdir()
        (archive / "privkey1.pem").write_text("of certbot")
        (self.etc / "certificate").mkdir(parents=True)
        key = self.etc / "certificate/privkey.pem"
        key.symlink_to(archive / "privkey1.pem")
        (self.folder / "certificate").mkdir()
        for link in (key, self.etc / "certificate"):
            done = self.here("--force")
            self.assertEqual(done.returncode, 100, done.stdout)
            self.assertIn(f"{link}: is a symbolic link", done.stderr)
            self.assertEqual((archive / "privkey1.pem").read_text(),
                             "of certbot")
            self.assertFalse((self.etc / "me").exists())
            key.unlink(missing_ok=True)
            if link == key:
                link.parent.rmdir()
                link.parent.symlink_to(self.folder / "certificate")
        self.assertEqual(list((self.folder / "certificate").iterdir()), [])

    def test_files_of_an_earlier_run_are_named(self):
        self.with_user("--smarthost", "127.0.0.1:2525")
        done = self.here("--force", "--deliver", "lmtp:127.0.0.1:2424",
                         "--certificate", "none")
        for name in ("routes", "aliases"):
            self.assertIn(f"{self.etc}/{name}: not written now", done.stdout)
        self.assertNotIn(f"{self.etc}/rcpthosts: not", done.stdout)

    def test_variables_do_not_change_the_test(self):
        done = self.here("--domain", "local.example", env={
            "PATH": harness.PATH, "POSTERN_OPEN_RELAY": "yes",
            "POSTERN_MAX_ERRORS": "many"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("\n0 errors, 0 warnings", done.stdout)

    def test_mail_of_users_leaves_only_for_other_domains(self):
        hop = types.SimpleNamespace(
            folder=self.folder / "hop", control=self.control,
            maildir=self.maildir, addCleanup=self.addCleanup)
        hop.folder.mkdir()
        (self.control / "rcpthosts").unlink()
        smarthost = harness.Serve(hop, "--open-relay")
        shown = self.with_user("--smarthost", f"127.0.0.1:{smarthost.port}",
                               "--domain", ".local.example")
        self.assertIn("\n0 errors, 0 warnings", shown)
        left = self.maildir / "new"
        _, _, submission = self.serve()
        self.assertEqual(self.swaks(
            submission, *self.AUTH, "--auth-password", "secret"), 0)
        self.assertEqual(len(self.messages()), 1)
        self.assertEqual(list(left.iterdir()), [])
        self.assertEqual(self.swaks(
            submission, *self.AUTH, "--auth-password", "secret", "--to",
            "x@other.example"), 0)
        self.assertEqual(len(self.messages()), 1)
        (message,) = left.iterdir()
        self.assertIn("x@other.example", message.read_text())

    def test_a_server_without_users_has_a_postmaster(self):
        done = self.here("--domain", "local.example", "--certificate", "none")
        self.assertEqual(done.returncode, 0)
        self.assertIn("0 errors, 0 warnings", done.stdout)

    def test_relay_clients_and_a_smarthost(self):
        done = self.here("--domain", "local.example", "--relay-from",
                         "192.0.2.0/24", "--smarthost", "127.0.0.1:2525",
                         "--certificate", "none")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue((self.etc / "rules.cdb").exists())
        for client, text in (("192.0.2.7", "relayclient     accepts"),
                             ("198.51.100.1", "=> refused by not-listed")):
            explained = run("explain", "--config", self.etc / "postern.conf",
                            "--client", client, "x@other.example")
            self.assertIn(text, explained.stdout)

    def test_an_image_has_its_own_users(self):
        image = self.folder / "image"
        (image / "etc").mkdir(parents=True)
        options = ("--root", image, "--system-user", "mailer")
        done = run("init", "--yes", "--host", "mx.example.org", *options)
        self.assertEqual(done.returncode, 100)
        self.assertIn("useradd", done.stderr)
        self.assertEqual(list((image / "etc").iterdir()), [])
        (image / "etc/passwd").write_text(
            f"mailer:x:{os.getuid()}:{os.getgid()}::/:/bin/false\n")
        done = run("init", "--yes", "--host", "mx.example.org", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        config = (image / "etc/postern/postern.conf").read_text()
        self.assertIn("user = mailer\n", config)
        self.assertNotIn(str(image), config)

    def image(self, unit=None, user="postern"):
        """Makes the image of a system. Returns its directory."""
        image = self.folder / "image"
        (image / "etc").mkdir(parents=True)
        (image / "etc/passwd").write_text(
            f"{user}:x:{os.getuid()}:{os.getgid()}::/:/bin/false\n")
        if unit:
            units = image / "usr/local/lib/systemd/system"
            units.mkdir(parents=True)
            (units / "postern.service").write_text(unit)
        return image

    def init_image(self, image, *options, **more):
        host = () if "--host" in options else ("--host", "mx.example.org")
        return run("init", "--yes", *host, "--root", image, *options, **more)

    NEW_USER = """
mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/add" /usr/sbin/useradd
shift
exec "$@"
"""

    def test_the_system_user_is_created(self):
        """In a mount namespace, with another /etc/passwd."""
        passwd = self.folder / "passwd"
        passwd.write_text("root:x:0:0::/:/bin/sh\n")
        add = self.folder / "add"
        add.write_text("#!/bin/sh\n"
                       f'echo "$*" >{self.folder}/arguments\n'
                       "echo postern:x:0:0::/:/bin/false >>/etc/passwd\n")
        add.chmod(0o755)
        for unshare in (["unshare", "-m"], ["unshare", "-r", "-m"]):
            prefix = [*unshare, "sh", "-c", self.NEW_USER, "sh", self.folder]
            if subprocess.run([*prefix, "true"], check=False,
                              stderr=subprocess.DEVNULL).returncode == 0:
                break
        else:
            self.skipTest("no mount namespaces here")
        command = [*prefix, harness.POSTERN, "init", "--yes", "--host",
                   "mx.example.org", "--smtp", "127.0.0.1:0", "--directory",
                   str(self.etc), "--mail", str(self.mail)]

        def init(*options):
            return subprocess.run(
                [*command, *options], capture_output=True, text=True,
                env={"PATH": harness.PATH}, stdin=subprocess.DEVNULL,
                timeout=harness.PATIENCE, check=False)

        # Nothing is created for a wrong answer, or for a name that may be one.
        for options in (("--domain", "a b"), ("--system-user", "postren")):
            done = init(*options)
            self.assertEqual(done.returncode, 100, done.stderr)
            self.assertFalse((self.folder / "arguments").exists())
        self.assertIn("create it first: /usr/sbin/useradd --system",
                      done.stderr)
        self.assertFalse(self.etc.exists())
        done = init()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex((self.folder / "arguments").read_text(),
                         "^--system --user-group .* postern\n$")
        self.assertIn("System user postern created:", done.stdout)
        self.assertIn("0 errors", done.stdout)
        passwd.write_text("root:x:0:0::/:/bin/sh\n")
        add.write_text("#!/bin/sh\nexit 10\n")
        done = init("--force")
        self.assertEqual(done.returncode, 111)
        self.assertIn("exited with 10", done.stderr)

    UNIT = pathlib.Path("dist/postern.service").read_text(encoding="ascii")
    ENABLE = "  systemctl enable --now postern.service\n"

    def test_the_unit_can_use_the_configuration(self):
        image = self.image(self.UNIT)
        done = self.init_image(image)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Unit: /usr/local/lib/systemd/system/postern.service. It "
                      "reads this configuration.\n", done.stdout)
        self.assertIn("the units postern*.socket stay disabled", done.stdout)
        self.assertIn(self.ENABLE, done.stdout)
        self.assertIn("  swaks --server localhost:25 --to ", done.stdout)
        # It may write to /var/mail already.
        self.assertFalse((image / "etc/systemd").exists())

        done = self.init_image(image, "--force", "--smtp", "systemd:smtp")
        self.assertIn("  systemctl enable --now postern.socket postern.service"
                      "\n", done.stdout)
        self.assertNotIn("stay disabled", done.stdout)

    def test_the_unit_may_write_to_the_maildirs(self):
        image = self.image(self.UNIT)
        done = self.init_image(image, "--mail", "/home/mail")
        self.assertEqual(done.returncode, 0, done.stderr)
        drop_in = image / "etc/systemd/system/postern.service.d/mail.conf"
        self.assertEqual(settings(drop_in.read_text()),
                         ["[Service]", "ProtectHome=no",
                          "ReadWritePaths=/home/mail"])
        self.assertIn("  systemctl daemon-reload\n" + self.ENABLE, done.stdout)
        done = self.init_image(image, "--mail", "/srv/mail", "--force")
        self.assertEqual(settings(drop_in.read_text()),
                         ["[Service]", "ReadWritePaths=/srv/mail"])

    def test_a_unit_for_something_else_is_not_enabled(self):
        image = self.image(self.UNIT, user="mailer")
        for options in ((), ("--directory", "/opt/postern", "--mail", "/srv")):
            done = self.init_image(image, "--system-user", "mailer", *options)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("It is not for this configuration", done.stdout)
            self.assertNotIn("systemctl", done.stdout)
            self.assertFalse((image / "etc/systemd").exists())

    def image_of_certbot(self, **options):
        """Returns an image with a certificate of certbot, and our hook."""
        image = self.image(**options)
        live = image / "etc/letsencrypt/live/mx.example.org"
        live.mkdir(parents=True)
        for name in ("fullchain.pem", "privkey.pem"):
            (live / name).write_text(name)
        hook = image / "usr/share/postern/letsencrypt-deploy-hook"
        hook.parent.mkdir(parents=True)
        hook.write_text("")
        return image

    def test_certbot_gets_the_installed_hook(self):
        image = self.image_of_certbot()
        done = self.init_image(image)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("  ln -s /usr/share/postern/letsencrypt-deploy-hook "
                      "/etc/letsencrypt/renewal-hooks/deploy/postern\n",
                      done.stdout)

    def test_certbot_gets_a_hook_for_another_directory(self):
        """A symbolic link cannot set the variables of the hook."""
        image = self.image_of_certbot(user="mailer")
        place = "/etc/letsencrypt/renewal-hooks/deploy/postern"
        for options, place, variables in (
                (("--directory", "/srv/postern", "--system-user", "mailer"),
                 f"{place}-srv-postern",
                 f"POSTERN_TLS=/srv/postern/certificate "
                 f"POSTERN_GROUP={os.getgid()}"),
                (("--system-user", "none"), place,
                 "POSTERN_TLS=/etc/postern/certificate POSTERN_GROUP=")):
            done = self.init_image(image, *options, "--force")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn("ln -s", done.stdout)
            command = re.search(r"(?m)^  (printf .*) >(.*)$", done.stdout)
            self.assertEqual(command[2], place)
            self.assertIn(f"  chmod 755 {place}\n", done.stdout)
            script = subprocess.run(["sh", "-c", command[1]],
                                    capture_output=True, text=True, check=True)
            self.assertEqual(
                script.stdout, f"#!/bin/sh\n{variables} exec "
                "/usr/share/postern/letsencrypt-deploy-hook\n")

    def test_the_default_domain_is_no_top_level_domain(self):
        for host, domain in (("example.org", "example.org"),
                             ("mx.example.org", "example.org"),
                             ("localhost", "localhost")):
            shutil.rmtree(self.folder / "image", ignore_errors=True)
            image = self.image()
            done = self.init_image(image, "--host", host)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual((image / "etc/postern/rcpthosts").read_text(),
                             f"{domain}\n")

    def test_a_wrong_directory_is_found_before_a_file_is_written(self):
        self.mail.mkdir()
        (self.mail / "local.example").write_text("")
        done = self.here("--domain", "local.example")
        self.assertEqual(done.returncode, 111)
        self.assertIn("local.example: not a directory", done.stderr)
        self.assertFalse(self.etc.exists())

    def test_commands_to_copy_are_quoted(self):
        done = self.init_image(
            self.image(), "--deliver", "discard", "--first-user",
            "a$(reboot)'b@example.org", "--password-fd", "0", input="secret\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        command = re.search(r"--to (.*)", done.stdout)[1]
        shown = subprocess.run(["sh", "-c", f"echo {command}"],
                               capture_output=True, text=True, check=True)
        self.assertEqual(shown.stdout, "a$(reboot)'b@example.org\n")

    def test_links_lead_nowhere_else(self):
        outside = self.folder / "outside"
        outside.mkdir()
        image = self.image()
        (image / "etc/postern").symlink_to(outside)
        done = self.init_image(image)
        self.assertEqual(done.returncode, 100)
        self.assertIn(f"{image}/etc/postern: is a symbolic link, and --root "
                      "follows none", done.stderr)
        self.assertFalse((image / "var").exists())
        self.assertEqual(list(outside.iterdir()), [])

    def test_links_of_the_server_are_not_followed(self):
        nobody = self.another_user()
        outside = self.folder / "outside"
        outside.mkdir()
        self.mail.mkdir()
        link = self.mail / "local.example"
        link.symlink_to(outside)
        os.lchown(link, nobody.pw_uid, nobody.pw_gid)
        done = self.here("--domain", "local.example")
        self.assertEqual(done.returncode, 111)
        self.assertIn(f"{link}: is a symbolic link", done.stderr)
        self.assertEqual(list(outside.iterdir()), [])
        # The administrator's own link is.
        os.lchown(link, os.getuid(), os.getgid())
        done = self.here("--domain", "local.example", "--force")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((outside / "postmaster/new").is_dir())

    def test_wrong_answers_write_nothing(self):
        for options, text in ((("--domain", "a b/"), "--domain"),
                              (("--domain", ".example.org"), "--domain"),
                              (("--first-user", "../x"), "--first-user"),
                              (("--first-user", "u@.."), "--first-user"),
                              (("--first-user", "@example.org"),
                               "--first-user"),
                              (("--first-user", "u,v@example.org"),
                               "--first-user"),
                              (("--first-user", "u@other.example"),
                               "receives mail"),
                              (("--relay-from", "10.0.0.0/8,192.0.2.0/24"),
                               "--relay-from"),
                              (("--relay-from", "10.0.0.0/33"),
                               "--relay-from"),
                              (("--relay-from", "192.0.2"), "--relay-from"),
                              *((("--relay-from", network), "an open relay")
                                for network in (
                                    "0.0.0.0/0", "0.0.0.0/1", "8.0.0.0/7",
                                    "::/0", "2000::/3", "1-255.", "=",
                                    "=.com")),
                              (("--first-user", "u"), "--password-fd"),
                              (("--first-user", "u@.."), "--first-user"),
                              (("--relay-from", "192.0.2.0/33"),
                               "--relay-from: \"192.0.2.0/33\" is not"),
                              (("--relay-from", "all"), "--relay-from"),
                              (("--certificate", "letsencrypt"), "certbot"),
                              (("--certificate", "/none\nuser = x"),
                               "--certificate: /none\\x0auser = x: No such"),
                              (("--certificate", "selfsigned"),
                               '"selfsigned" is not self-signed, lets'),
                              (("--certificate", "/none.pem"),
                               "--certificate: /none.pem: No such file"),
                              (("--smtp", "25"), "--smtp: not ADDRESS:PORT"),
                              (("--submissions", "127.0.0.1:0,tls"),
                               "--submissions: an address without words"),
                              (("--deliver", "mbox"),
                               '--deliver: delivery "mbox": not one of'),
                              (("--deliver", "smtp:h:0"),
                               "--deliver: "),
                              (("--relay-from", "::1/128", "--smarthost", "h:99999"),
                               '--smarthost: "h:99999": the port is not'),
                              (("--hst", "x"), "did you mean --host?")):
            done = self.here(*options)
            self.assertNotEqual(done.returncode, 0, options)
            self.assertIn(text, done.stderr)
            self.assertFalse(self.etc.exists())
        answers = {"--host": "mx.example.org", "--directory": self.etc,
                   "--mail": self.mail, "--system-user": "none"}
        for option, value, text in (
                ("--smtp", "*:25]\nuser = x", "--smtp: not ADDRESS:PORT"),
                ("--mail", "/a b", '--mail: "/a b" has a character'),
                ("--mail", "/a/../b", '--mail: "/a/../b" contains ".."'),
                ("--host", "\x1b[2J", '--host: "\\x1b[2j" is not')):
            words = {**answers, option: value}
            done = run("init", "--yes", *(word for pair in words.items()
                                          for word in pair))
            self.assertNotEqual(done.returncode, 0, option)
            self.assertIn(text, done.stderr)
            self.assertFalse(self.etc.exists())
            self.assertFalse(self.mail.exists())

    def test_no_option_is_ignored(self):
        """Each option alone and with each one that decides whether it is used:
        it has an effect, or the error says what it needs."""
        user = ("--first-user", "ann@example.org", "--password-fd", "0")
        given = {
            "host": ("--host", "mail.example.net"),
            "domain": ("--domain", "example.net", "--domain", "example.org"),
            "deliver": ("--deliver", "smtp:127.0.0.1:1"),
            "lmtp": ("--deliver", "lmtp:127.0.0.1:1"),
            "certificate": ("--certificate", "none"),
            "first-user": user,
            "relay-from": ("--relay-from", "192.0.2.0/24"),
            "smarthost": ("--smarthost", "127.0.0.1:1"),
            "directory": ("--directory", "/etc/other"),
            "mail": ("--mail", "/srv/mail"),
            "state": ("--state", "/srv/state"),
            "system-user": ("--system-user", "none"),
            "smtp": ("--smtp", "127.0.0.1:2"),
            "submission": ("--submission", "127.0.0.1:3"),
            "submissions": ("--submissions", "127.0.0.1:4"),
            "no smtp": ("--smtp", "none"),
        }
        shown = run("init", "--help").stdout
        options = set(re.findall(r"(?m)^  --([a-z-]+)", shown))
        self.assertEqual(options - set(given) - {"password-fd"},
                         {"root", "yes", "force", "help", "version"})

        # In memory, because each file is synced to the disk.
        memory = pathlib.Path("/dev/shm")
        if os.access(memory, os.W_OK):
            self.folder = pathlib.Path(tempfile.mkdtemp(dir=memory))
            self.addCleanup(shutil.rmtree, self.folder)

        def result(*names):
            """Returns the configuration, or None, and the errors."""
            shutil.rmtree(self.folder / "image", ignore_errors=True)
            words = [word for name in names for word in given[name]]
            done = self.init_image(self.image(), *words, input="secret\n")
            if done.returncode:
                return None, done.stderr
            files = {
                path.relative_to(self.folder): path.read_text()
                for path in (self.folder / "image/etc").rglob("*")
                if path.is_file() and path.suffix not in (".pem", ".cdb") and
                path.name != "users"}
            # The directories of mail, too.
            return files, sorted((self.folder / "image").rglob("*/tmp"))

        # What each option alone does. One that needs another one fails.
        alone = {name: result(name) for name in given}
        self.assertEqual(
            sorted(name for name, (files, _) in alone.items() if not files),
            ["no smtp", "smarthost", "state", "submission", "submissions"])
        # Of each pair, one may decide whether the other one is used.
        decide = {"deliver", "lmtp", "certificate", "first-user", "relay-from",
                  "smarthost", "no smtp"}
        for first, second in itertools.combinations(given, 2):
            if (given[first][0] == given[second][0] or
                    not decide & {first, second} or
                    {first, second} & {"host", "domain", "directory",
                                       "system-user", "smtp"}):
                continue
            both = result(first, second)
            if both[0] is None:
                self.assertRegex(both[1], "--[a-z-]+: ", (first, second))
                continue
            for one in (first, second):
                self.assertNotEqual(both, alone[one], (first, second))


class ConfigTest(harness.TlsTestCase):

    def setUp(self):
        super().setUp()
        self.config = self.folder / "postern.conf"

    def write(self, *lines):
        self.config.write_text("".join(line + "\n" for line in lines))

    def show(self, *options):
        done = run("config", "show", "--config", self.config, *options)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_what_is_shown_gives_the_same_configuration(self):
        page = pathlib.Path("docs/postern-config.7").read_text("utf-8")
        example = page.split(".SH EXAMPLES")[1].split(".EX\n")[1].split(
            ".EE")[0].replace("\\-", "-")
        (self.folder / "conf.d").mkdir()
        (self.folder / "conf.d/1.conf").write_text(
            "lenient = 192.0.2.0/24\nlenient = 198.51.100.0/24\n"
            "listen = 127.0.0.1:2525,auth=PLAIN+LOGIN,no-tls\n")
        self.config.write_text(example)
        first = self.show("--changed")
        everything = self.show()
        self.assertIn(f"# From {self.folder}/conf.d/1.conf:2\n", first)
        self.config.write_text(first)
        self.assertEqual(settings(self.show("--changed")), settings(first))
        self.config.write_text(everything)
        self.assertEqual(settings(self.show("--changed")), settings(first))
        self.assertEqual(settings(self.show()), settings(first))

    def test_another_command_is_a_mistake(self):
        done = run("config", "check")
        self.assertEqual(done.returncode, 100)
        self.assertEqual(done.stderr.count("\n"), 2)
        self.assertIn("unknown command check: postern config show",
                      done.stderr)

    def test_defaults_are_the_values_without_options(self):
        shown = run("config", "show", "--defaults").stdout
        self.assertEqual(settings(shown), [])
        values = re.findall(r"^#([a-z0-9-]+ = .+)$", shown, re.M)
        self.assertGreater(len(values), 25)
        # Some need another option.
        values = [value for value in values
                  if not re.match("rspamd-|tls-|record-bodies", value)]
        self.write("listen = 127.0.0.1:0", *values)
        self.assertEqual(len(settings(self.show("--changed"))),
                         len(values) + 1)

    def test_late_errors_have_the_place_of_the_value(self):
        self.write(f"control = {self.control}", "deliver = discard",
                   "greylist = /none/greylist", "[listen 127.0.0.1:0]",
                   "[listen 127.0.0.2:0]", f"cert = {self.certificate}",
                   "ciphers = NONE")
        done = run("check", "--config", self.config)
        self.assertIn(f"error: {self.config}:3: greylist: /none/greylist",
                      done.stdout)
        self.assertIn(f"error: {self.config}:7: ciphers: ", done.stdout)
        self.assertNotIn("error: --", done.stdout)
        self.assertIn("\n2 errors, ", done.stdout)

    def test_wrong_deliveries_have_the_place_of_the_value(self):
        for lines, error in (
                (["deliver = lmtp:/run/lmtp", "[listen 127.0.0.1:0]"],
                 ':2: deliver: delivery "lmtp:/run/lmtp": "/run/lmtp": write a Unix '
                 'socket as unix:PATH'),
                (["[listen 127.0.0.1:0]", "deliver = out", "[deliver out]",
                  "to = nowhere"],
                 ':5: to: delivery "nowhere": not one of ')):
            self.write(f"control = {self.control}", *lines)
            for command in ("serve", "check"):
                done = run(command, "--config", self.config)
                # 100: systemd does not try again.
                self.assertEqual(done.returncode, 100 if command == "serve" else
                                 1, done.stdout + done.stderr)
                self.assertIn(f"{self.config}{error}",
                              done.stdout + done.stderr)

    def test_keys_of_the_server_in_a_section_are_errors(self):
        self.write("[listen 127.0.0.1:0]", "max-errors = 3", "submision = yes",
                   "tickets = no")
        done = run("check", "--config", self.config)
        self.assertIn(f"{self.config}:2: max-errors is not a key of a "
                      "listener; write it above the first section",
                      done.stdout)
        self.assertIn(f"{self.config}:3: unknown key submision of a listener; "
                      "did you mean submission?", done.stdout)

    def start(self, *lines):
        self.base = (f"control = {self.control}",
                     f"deliver = catch-all:{self.maildir}",
                     *lines, "[listen 127.0.0.1:0]")
        self.write(*self.base)
        ready, theirs = os.pipe()
        self.log_path = self.folder / "log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [harness.POSTERN, "serve", "--config", str(self.config),
                 "--ready-fd", str(theirs)], stdin=subprocess.DEVNULL,
                stderr=log, pass_fds=[theirs], env={"PATH": harness.PATH},
                start_new_session=True)
        self.addCleanup(self.process.wait, harness.PATIENCE)
        self.addCleanup(self.process.kill)
        os.close(theirs)
        self.address = "127.0.0.1"
        with open(ready, encoding="ascii") as lines_of_server:
            self.port = int(lines_of_server.read().rsplit(":", 1)[1])

    log = harness.Tcpserver.log
    wait_log = harness.Tcpserver.wait_log

    def reload(self, text):
        self.process.send_signal(signal.SIGHUP)
        return self.wait_log(text)

    def recipients(self):
        """Returns the codes of two RCPT commands."""
        with harness.Client(self) as client:
            client.greet()
            client.ask("MAIL FROM:<>")
            return [client.ask("RCPT TO:<u@local.example>")[:3]
                    for _ in range(2)]

    def test_sighup_applies_what_can_change(self):
        self.start("max-recipients = 7")
        self.assertEqual(self.recipients(), ["250", "250"])
        self.write(*self.base[:2], "max-recipients = 1", "threads = 2",
                   "[listen 127.0.0.1:0]")
        log = self.reload("reloaded")
        self.assertIn(f"warning: {self.config}:4: threads: takes effect after "
                      "a restart\n", log)
        self.assertEqual(self.recipients(), ["250", "452"])

    def test_sighup_with_a_mistake_changes_nothing(self):
        self.start("max-recipients = 7")
        self.write(*self.base[:2], "max-recipients = 1", "max-errors = many",
                   "[listen 127.0.0.1:0]")
        self.reload(f"not reloaded, all stays as it was: {self.config}:4: "
                    "max-errors: 1 to 1000000, not ")
        self.assertEqual(self.recipients(), ["250", "250"])
        self.config.unlink()
        self.reload(f"{self.config}: no such file")
        self.assertEqual(self.recipients(), ["250", "250"])

    def test_a_name_that_needs_a_resolver_has_its_place(self):
        self.start()
        self.write(*self.base, "deliver = out", "[deliver out]",
                   "to = smtp:relay.invalid")
        self.reload(f"not reloaded, all stays as it was: {self.config}:5: "
                    "deliver out: smtp:relay.invalid: this server does not "
                    "ask DNS since its start")
        self.assertEqual(self.recipients(), ["250", "250"])

    def serial(self):
        """Returns the certificate that the server has."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with harness.Client(self) as client:
            client.greet()
            client.ask("STARTTLS")
            client.file.close()
            with context.wrap_socket(client.socket) as tls:
                return tls.getpeercert(binary_form=True)

    def put_lineage(self, number):
        """Writes a new pair into archive/, as certbot does."""
        self.make_certificate("mx.example.org")
        archive = self.folder / "archive/mx"
        archive.mkdir(parents=True, exist_ok=True)
        text = self.certificate.read_text()
        key = text.index("-----BEGIN PRIVATE KEY-----")
        (archive / f"fullchain{number}.pem").write_text(text[:key])
        path = archive / f"privkey{number}.pem"
        path.write_text(text[key:])
        path.chmod(0o600)

    def link(self, name, number):
        """Makes live/NAME.pem a link to the file with this number."""
        live = self.folder / "live/mx"
        live.mkdir(parents=True, exist_ok=True)
        new = live / f".{name}"
        new.symlink_to(f"../../archive/mx/{name}{number}.pem")
        new.rename(live / f"{name}.pem")

    def test_a_renewal_of_certbot(self):
        self.put_lineage(1)
        for name in ("fullchain", "privkey"):
            self.link(name, 1)
        live = self.folder / "live/mx"
        self.start(f"tls-cert = {live}/fullchain.pem",
                   f"tls-key = {live}/privkey.pem")
        first = self.serial()
        self.put_lineage(2)
        self.link("privkey", 2)
        self.reload("privkey.pem: not the key of ")
        self.assertEqual(self.serial(), first)
        self.link("fullchain", 2)
        self.reload("reloaded\n")
        self.assertNotEqual(self.serial(), first)

    def test_the_deploy_hook_copies_a_pair(self):
        self.put_lineage(1)
        for name in ("fullchain", "privkey"):
            self.link(name, 1)
        tls = self.folder / "tls"
        tls.mkdir()
        lineage = self.folder / "live/mx"

        def renew(domains, **variables):
            return subprocess.run(
                [os.path.abspath("dist/letsencrypt-deploy-hook")],
                capture_output=True, text=True, timeout=harness.PATIENCE,
                check=False,
                env={"PATH": harness.PATH, "POSTERN_GROUP": "",
                     "POSTERN_TLS": str(tls), "RENEWED_LINEAGE": str(lineage),
                     "RENEWED_DOMAINS": domains, **variables})

        # Which of the certificates on this host is not known.
        done = renew("mx.example.org")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{self.folder}/me: set POSTERN_LINEAGE", done.stderr)
        (self.folder / "me").write_text("mx.example.org\n")
        for domains in ("www.example.org", "xmx.example.org mx.example.org.uk"):
            done = renew(domains)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("it is not a certificate for mx.example.org",
                          done.stdout)
        done = renew("mx.example.org", POSTERN_LINEAGE="/other")
        self.assertEqual(done.returncode, 0)
        self.assertIn("is not copied", done.stdout)
        (self.folder / "me").write_text(" \n")
        done = renew("")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the first line has no name", done.stderr)
        # The server does not care about case and blanks.
        (self.folder / "me").write_text("MX.Example.org \t\n")
        self.assertEqual(list(tls.iterdir()), [])

        for domains, variables in (
                ("www.example.org", {"POSTERN_LINEAGE": f"{lineage}/"}),
                ("example.org *.example.org", {}),
                ("www.example.org mx.example.org", {})):
            done = renew(domains, **variables)
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (0, "", ""))
            self.assertTrue((tls / "privkey.pem").exists())
            if domains[0] != "w" or variables:
                (tls / "privkey.pem").unlink()
        self.assertEqual(sorted(path.name for path in tls.iterdir()),
                         ["fullchain.pem", "privkey.pem"])
        # The server has this certificate, so a new name in me does not let it
        # expire.
        (self.folder / "me").write_text("new.example.org\n")
        done = renew("www.example.org mx.example.org")
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn("is copied, because the server has it", done.stderr)
        self.assertEqual(stat.S_IMODE((tls / "privkey.pem").stat().st_mode),
                         0o640)
        self.start(f"tls-cert = {tls}/fullchain.pem",
                   f"tls-key = {tls}/privkey.pem")
        self.assertNotIn("warning", self.log())

    def test_a_key_is_a_credential_of_systemd(self):
        self.write(f"control = {self.control}", "deliver = discard",
                   "tls-cert = credential:mx", "[listen 127.0.0.1:0]")
        done = run("check", "--config", self.config)
        self.assertIn(f"{self.config}:3: tls-cert: credential:mx: the variable "
                      "CREDENTIALS_DIRECTORY is not set", done.stdout)
        credentials = self.folder / "credentials"
        credentials.mkdir()
        (credentials / "mx").write_bytes(self.certificate.read_bytes())
        (credentials / "mx").chmod(0o400)
        done = subprocess.run(
            [harness.POSTERN, "check", "--config", str(self.config)],
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False, env={"PATH": harness.PATH,
                              "CREDENTIALS_DIRECTORY": str(credentials)})
        self.assertTrue(done.stdout.startswith("0 errors, 0 warnings"),
                        done.stdout)


if __name__ == "__main__":
    harness.main()
