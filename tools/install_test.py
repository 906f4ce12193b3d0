#!/usr/bin/env python3
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Installs into a directory, upgrades, uses and uninstalls postern.

    install_test.py

Bazel puts tools, programs and libraries next to each other, as in its own
bazel-bin: that directory is the --built of tools/install. Nothing outside the
test's directory is changed.
"""

import fcntl
import fnmatch
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

TOP = pathlib.Path.cwd()
PROGRAMS = ("postern", "postern-introspect", "postern-smtpd",
            "postern-smtpd-tls")
# The highest exposure that `systemd-analyze security` may compute.
MOST_EXPOSED = 2.0
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def run(*command, **options):
    return subprocess.run(
        [str(word) for word in command], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=120,
        env={"PATH": PATH, "LC_ALL": "C.UTF-8", **options.pop("env", {})},
        **options)


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """Installs once for the tests that only read what is installed."""
        cls.shared = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        # A temporary directory may have a blank in its name.
        temporary = cls.shared / "with blank"
        temporary.mkdir()
        os.umask(0o077)
        result = run(TOP / "tools/install", "--built", TOP, "--destdir",
                     cls.shared / "root", env={"TMPDIR": str(temporary)})
        os.umask(0o022)
        assert result.returncode == 0 and not result.stderr, result.stderr

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.root = self.folder / "root"

    def install(self, *options, built=TOP, root=None):
        return run(TOP / "tools/install", "--built", built, "--destdir",
                   root or self.root, *options)

    def installed(self, *options, **other):
        result = self.install(*options, **other)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")
        return result.stdout

    def uninstall(self, *options):
        return run(TOP / "tools/uninstall", "--destdir", self.root, *options)

    def files(self):
        return sorted("/" + str(path.relative_to(self.root))
                      for path in self.root.rglob("*") if not path.is_dir())

    def changed_tree(self):
        """Returns a copy of what the installation needs, to be changed."""
        tree = self.folder / "tree"
        if not tree.exists():
            tree.mkdir()
            for each in TOP.iterdir():
                # Only tools/install and what it installs.
                (tree / each.name).symlink_to(each)
            for name in ("docs", "dist", "tools"):
                (tree / name).unlink()
                shutil.copytree(TOP / name, tree / name)
        return tree

    # What is installed.

    def test_everything_has_its_place(self):
        self.root = self.shared / "root"
        files = self.files()
        for program in PROGRAMS:
            self.assertIn(f"/usr/local/bin/{program}", files)
        pages = {path.name for path in (TOP / "docs").glob("*.[78]")}
        self.assertGreater(len(pages), 10)
        for page in pages:
            self.assertIn(f"/usr/local/share/man/man{page[-1]}/{page}.gz",
                          files)
        for name in ("postern.service", "postern.socket",
                     "postern-submission.socket", "postern-submissions.socket",
                     "postern-smtpd@.service", "postern-smtpd.socket"):
            self.assertIn(f"/usr/local/lib/systemd/system/{name}", files)
        for name in ("/usr/local/lib/sysusers.d/postern.conf",
                     "/usr/local/lib/tmpfiles.d/postern.conf",
                     "/usr/local/share/zsh/site-functions/_postern",
                     "/usr/local/share/bash-completion/completions/postern",
                     "/etc/fail2ban/filter.d/postern.conf",
                     "/etc/fail2ban/jail.d/postern.conf",
                     "/etc/apparmor.d/postern",
                     "/usr/local/share/postern/letsencrypt-deploy-hook",
                     "/usr/local/lib/libpostern.a",
                     "/usr/local/lib/pkgconfig/postern.pc",
                     "/usr/local/lib/libpostern.so.0",
                     "/usr/local/lib/pkgconfig/postern-c.pc",
                     "/usr/local/lib/pkgconfig/postern-rig.pc",
                     "/usr/local/include/postern.h",
                     "/usr/local/include/postern_types.h",
                     "/usr/local/lib/libpostern-rig.so.0",
                     "/usr/local/include/postern_rig.h",
                     "/usr/local/include/postern/engine/server_session.h"):
            self.assertIn(name, files)
        link = self.root / "usr/local/lib/libpostern.so"
        self.assertEqual(os.readlink(link), "libpostern.so.0")
        for name in ("postern/pytest_plugin.py", "postern/py.typed",
                     "postern-0.1.0.dist-info/entry_points.txt"):
            self.assertTrue([file for file in files if re.fullmatch(
                f"/usr/local/lib/python3[.0-9]*/dist-packages/{name}", file)])
        # The administrator or `postern init` writes the configuration.
        self.assertFalse([name for name in files
                          if name.startswith("/etc/postern/")])

    def test_files_name_the_directories_of_the_installation(self):
        self.installed("--prefix", "/opt/postern", "--sysconfdir", "/opt/etc")
        for name in self.files():
            path = self.root / name[1:]
            if name.endswith((".gz", ".a", ".so", ".so.0")) or "/bin/" in name:
                continue
            text = path.read_text()
            if "/include/" not in name and not name.endswith(".md"):
                self.assertNotRegex(text, r"@(prefix|libdir|version)@", name)
                if "/share/postern/" not in name:
                    self.assertNotRegex(text, r"/usr/local/bin/postern", name)
            self.assertFalse(name.startswith(("/usr", "/etc")), name)
        unit = (self.root / "opt/postern/lib/systemd/system/postern.service"
                ).read_text()
        self.assertIn("ExecStart=/opt/postern/bin/postern serve --config "
                      "/etc/postern/postern.conf", unit)
        # The installed copy of tools/uninstall finds its manifest.
        result = run(self.root / "opt/postern/share/postern/uninstall",
                     "--destdir", self.root)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(self.files(), [])

    def test_files_can_be_read_whatever_the_umask(self):
        for path in (self.shared / "root").rglob("*"):
            mode = path.stat().st_mode & 0o777
            wanted = 0o755 if path.is_dir() or path.parent.name == "bin" or (
                path.name in ("uninstall", "letsencrypt-deploy-hook")
            ) else 0o644
            self.assertEqual(oct(mode), oct(wanted), path)

    def test_the_examples_are_accepted(self):
        """As they are, and with all their settings."""
        examples = self.shared / "root/usr/local/share/doc/postern/examples"
        text = (examples / "postern.conf").read_text()
        given = self.folder / "postern.conf"
        given.write_text(re.sub(r"^#(?=[a-z-]+ = )", "", text, flags=re.M))
        self.assertGreater(given.read_text().count(" = "), 8)
        for file in (examples / "postern.conf", given):
            shown = run(TOP / "programs/postern", "config", "show", "--changed",
                        "--config", file)
            self.assertEqual((shown.returncode, shown.stderr), (0, ""))
        for line in ("auth = cdb:/etc/postern/users",
                     "tls-key = /etc/postern/certificate/privkey.pem",
                     "[listen systemd:submissions]"):
            self.assertIn(line + "\n", shown.stdout)
        smtpd = self.folder / "smtpd.conf"
        smtpd.write_text(re.sub(r"^#(?=[a-z-]+ = )", "",
                                (examples / "smtpd.conf").read_text(),
                                flags=re.M))
        (self.folder / "me").write_text("mx.example.org\n")
        with open(smtpd, "a", encoding="ascii") as file:
            file.write("max-errors = 3\n")
        result = run(TOP / "programs/postern-smtpd", "--config", smtpd,
                     "--control", self.folder)
        self.assertNotIn("smtpd.conf", result.stderr)

    def test_certificates_have_one_place(self):
        """Units, examples and the deploy hook name it, and it is made."""
        root = self.shared / "root/usr/local"
        made = (root / "lib/tmpfiles.d/postern.conf").read_text()
        self.assertIn("\nd /etc/postern/certificate :0750 :root :postern\n",
                      made)
        for name in ("share/doc/postern/examples/postern.conf",
                     "share/doc/postern/examples/smtpd.conf",
                     "share/postern/letsencrypt-deploy-hook",
                     "lib/systemd/system/postern.service"):
            text = (root / name).read_text()
            self.assertIn("/etc/postern/certificate", text, name)
            self.assertNotRegex(text, r"(?m)^[^#]*LoadCredential", name)

    def test_debian_packages_have_all_files(self):
        """As dh_missing --fail-missing checks it."""
        self.installed("--prefix", "/usr", "--libdir",
                       "/usr/lib/x86_64-linux-gnu", "--no-gzip")
        debian = TOP / "dist/debian"
        patterns = [line for file in debian.glob("*.install")
                    for line in file.read_text().split()]
        removed = set(re.findall(r"\bdebian/tmp(/\S+)",
                                 (debian / "rules").read_text()))
        for name in self.files():
            name = name.replace("/usr/lib/systemd", "/lib/systemd")
            # A pattern names a file, or a directory with all its files.
            prefixes = [name[1:]] + [str(above) for above in
                                     pathlib.PurePath(name[1:]).parents]
            self.assertTrue(name in removed or any(
                fnmatch.fnmatchcase(prefix, pattern)
                for pattern in patterns for prefix in prefixes), name)

    def test_jails_ban_no_one_before_they_are_enabled(self):
        jails = (self.shared / "root" / "etc/fail2ban/jail.d/postern.conf").read_text()
        self.assertIn("\n[postern]\nenabled = false\n", jails)
        self.assertNotIn("enabled = true", jails)

    # Upgrades.

    def test_a_second_run_is_an_upgrade(self):
        tree = self.changed_tree()
        (tree / "dist/old.socket").write_text("[Socket]\n")
        old = run(tree / "tools/install", "--built", tree, "--no-library",
                  "--destdir", self.root)
        self.assertEqual(old.returncode, 0, old.stderr)
        gone = self.root / "usr/local/lib/systemd/system/old.socket"
        self.assertTrue(gone.exists())
        program = self.root / "usr/local/bin/postern"
        before = program.stat().st_ino
        first = self.files()
        with open(program, "rb"):  # as of a program that runs
            self.installed("--no-library")
        self.assertNotEqual(program.stat().st_ino, before)
        first.remove("/" + str(gone.relative_to(self.root)))
        self.assertEqual(self.files(), first)

    def test_what_programs_load_is_replaced_by_rename(self):
        """At each moment there is the old file or the new one, as a whole."""
        self.installed()
        loaded = [*(self.root / "usr/local/lib").rglob("*.so.0"),
                  *(self.root / "usr/local/lib").rglob("postern/*.py"),
                  *(self.root / "usr/local/bin").iterdir()]
        self.assertGreater(len(loaded), 8)
        # tar(1) removes a file before it writes it: here it lists what it would.
        extracted = self.folder / "extracted"
        programs = self.folder / "programs"
        programs.mkdir()
        tar = programs / "tar"
        tar.write_text(f"""#!/bin/sh
case $* in
  *--no-same-owner*)
    for last in "$@"; do [ "$before" != -f ] || archive=$last; before=$last; done
    /bin/tar -t -f "$archive" >{extracted} ;;
esac
exec /bin/tar "$@"
""")
        tar.chmod(0o755)
        before = {path: path.stat().st_ino for path in loaded}
        result = run(TOP / "tools/install", "--built", TOP, "--destdir",
                     self.root, env={"PATH": f"{programs}:{PATH}"})
        self.assertEqual(result.returncode, 0, result.stderr)
        written = {self.root / line for line in extracted.read_text().split("\n")}
        self.assertGreater(len(written), 100)
        self.assertEqual(sorted(written.intersection(loaded)), [])
        for path in loaded:
            self.assertNotEqual(path.stat().st_ino, before[path], path)
        self.assertEqual(list(self.root.rglob("*.installing")), [])
        # Both are in the manifest.
        self.assertEqual(self.uninstall().returncode, 0)
        self.assertEqual(self.files(), [])

    def test_changed_configuration_is_kept(self):
        self.installed("--no-library")
        conf = self.root / "etc/fail2ban/jail.d/postern.conf"
        profile = self.root / "etc/apparmor.d/postern"
        filter_ = self.root / "etc/fail2ban/filter.d/postern.conf"
        conf.write_text("[postern]\nenabled = true\n")
        filter_.unlink()
        tree = self.changed_tree()
        for name in ("dist/apparmor", "docs/fail2ban/jail-journal.conf"):
            file = tree / name
            text = file.read_text() + "# newer\n"
            file.unlink()
            file.write_text(text)
        new = run(tree / "tools/install", "--built", tree, "--no-library",
                  "--destdir", self.root)
        self.assertEqual(new.returncode, 0, new.stderr)
        self.assertEqual(conf.read_text(), "[postern]\nenabled = true\n")
        self.assertIn(f"kept, because it was changed: {conf}", new.stdout)
        self.assertIn("# newer", pathlib.Path(f"{conf}.postern-new").read_text())
        # It was not changed, so it is replaced.
        self.assertIn("# newer", profile.read_text())
        # The administrator has removed it.
        self.assertFalse(filter_.exists())
        self.assertIn(f"removed before, not installed again: {filter_}",
                      new.stdout)

    def test_the_manifest_is_replaced_as_a_whole(self):
        """An installation that ends early leaves the old one or a new one."""
        self.installed("--no-library")
        manifest = self.root / "usr/local/share/postern/manifest"
        complete = manifest.read_text()
        # The old file of a rename(2) keeps its content.
        old = self.folder / "old"
        os.link(manifest, old)
        hindrance = self.root / "usr/local/bin/postern"
        hindrance.unlink()
        hindrance.mkdir()
        (hindrance / "file").write_text("")
        result = self.install("--no-library")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(old.read_text(), complete)
        self.assertLessEqual(set(complete.splitlines()),
                             set(manifest.read_text().splitlines()))
        shutil.rmtree(hindrance)
        # What it had prepared is removed, too.
        hindrance.with_suffix(".installing").write_text("half a file")
        self.assertEqual(self.uninstall().returncode, 0)
        self.assertEqual(self.files(), [])

        # One that cannot be read is not taken for none.
        manifest.mkdir(parents=True)
        result = self.install("--no-library")
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"{manifest}: cannot be read", result.stderr)
        self.assertEqual(self.files(), [])

    CONFIG = ("/etc/apparmor.d/postern", "/etc/fail2ban/filter.d/postern.conf",
              "/etc/fail2ban/jail.d/postern.conf")

    def test_configuration_of_a_run_that_failed_is_listed(self):
        hindrance = self.root / "etc/apparmor.d"
        hindrance.parent.mkdir(parents=True)
        hindrance.write_text("not a directory")
        filter_ = self.root / "etc/fail2ban/filter.d/postern.conf"
        result = self.install("--no-library")
        self.assertEqual(result.returncode, 1)
        self.assertTrue(filter_.exists())
        hindrance.unlink()

        # The next version replaces it, and puts the missing one there.
        tree = self.changed_tree()
        file = tree / "docs/fail2ban/postern.conf"
        text = file.read_text() + "# newer\n"
        file.unlink()
        file.write_text(text)
        new = run(tree / "tools/install", "--built", tree, "--no-library",
                  "--destdir", self.root)
        self.assertEqual((new.returncode, new.stderr), (0, ""))
        self.assertNotIn("kept", new.stdout)
        self.assertNotIn("removed before", new.stdout)
        self.assertIn("# newer", filter_.read_text())
        self.assertLessEqual(set(self.CONFIG), set(self.files()))
        self.assertEqual(self.uninstall().stdout, "")
        self.assertEqual(self.files(), [])

    def test_an_upgrade_that_failed_can_be_removed(self):
        self.installed("--no-library")
        tree = self.changed_tree()
        for name in ("docs/fail2ban/postern.conf", "dist/apparmor"):
            file = tree / name
            text = file.read_text() + "# newer\n"
            file.unlink()
            file.write_text(text)
        profile = self.root / "etc/apparmor.d/postern"
        hindrance = pathlib.Path(f"{profile}.installing")
        hindrance.mkdir()
        new = run(tree / "tools/install", "--built", tree, "--no-library",
                  "--destdir", self.root)
        self.assertEqual(new.returncode, 1, new.stdout)
        shutil.rmtree(hindrance)
        # One file is new, one is old, and the third has not changed.
        self.assertNotIn("# newer", profile.read_text())
        self.assertIn("# newer", (
            self.root / "etc/fail2ban/filter.d/postern.conf").read_text())
        result = self.uninstall()
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (0, "", ""))
        self.assertEqual(self.files(), [])

    def test_configuration_moves_with_its_directory(self):
        self.installed("--no-library")
        jail = self.root / "etc/fail2ban/jail.d/postern.conf"
        jail.write_text("[postern]\nenabled = true\n")
        said = self.installed("--no-library", "--sysconfdir", "/usr/local/etc")
        self.assertIn(f"kept, because it was changed: {jail}; this installation "
                      "does not use it", said)
        self.assertEqual([name for name in self.files()
                          if name.startswith("/etc/")],
                         ["/etc/fail2ban/jail.d/postern.conf"])
        self.assertIn("/usr/local/etc/apparmor.d/postern", self.files())
        result = self.uninstall()
        self.assertEqual(result.stdout,
                         f"kept, because it was changed: {jail}\n")
        self.assertEqual(self.files(), ["/etc/fail2ban/jail.d/postern.conf"])

    # Uninstallation.

    def test_the_root_is_no_prefix(self):
        self.installed("--no-library")
        files = self.files()
        for prefix in ("/", "//"):
            result = self.uninstall("--prefix", prefix)
            self.assertEqual(result.returncode, 100)
            self.assertEqual(result.stderr, f"tools/uninstall: --prefix {prefix}"
                             ": must be a directory below /\n")
        self.assertEqual(self.files(), files)

    def test_uninstall_removes_exactly_what_was_installed(self):
        (self.root / "usr/local/bin").mkdir(parents=True)
        other = self.root / "usr/local/bin/other"
        other.write_text("")
        conf = self.root / "etc/postern/postern.conf"
        conf.parent.mkdir(parents=True)
        conf.write_text("listen=*:25\n")
        self.installed()
        result = self.uninstall()
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (0, "", ""))
        self.assertEqual(sorted(str(path.relative_to(self.root))
                                for path in self.root.rglob("*")),
                         ["etc", "etc/postern", "etc/postern/postern.conf",
                          "usr", "usr/local", "usr/local/bin",
                          "usr/local/bin/other"])
        self.assertEqual(conf.read_text(), "listen=*:25\n")

    def test_uninstall_keeps_changed_configuration(self):
        self.installed("--no-library")
        conf = self.root / "etc/fail2ban/jail.d/postern.conf"
        conf.write_text("[postern]\nenabled = true\n")
        result = self.uninstall()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout,
                         f"kept, because it was changed: {conf}\n")
        self.assertEqual(self.files(), ["/etc/fail2ban/jail.d/postern.conf"])

    # Errors.

    def test_errors_name_the_file(self):
        empty = self.folder / "empty"
        empty.mkdir()
        result = self.install(built=empty)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, "tools/install: "
                         f"{empty}/programs/postern: no such file\n")
        # Nothing was changed.
        self.assertFalse(self.root.exists())

        (self.root / "usr/local").mkdir(parents=True)
        (self.root / "usr/local/bin").write_text("not a directory")
        result = self.install()
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"{self.root}/usr/local/bin", result.stderr)
        # Uninstallation removes what was installed before the error.
        (self.root / "usr/local/bin").unlink()
        self.assertEqual(self.uninstall().returncode, 0)
        self.assertEqual(self.files(), [])

        result = self.uninstall()
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"{self.root}/usr/local/share/postern/manifest",
                      result.stderr)

    def test_wrong_usage(self):
        for options, words in ((["--prefx", "/usr"], "--prefx: unknown option"),
                               (["--prefix"], "--prefix: the directory"),
                               (["--prefix", "usr"], "must be an absolute path"),
                               (["--prefix", "/"], "--prefix /: must be a"),
                               (["--prefix", "/a b"], "/a b: has a character")):
            result = self.install(*options)
            self.assertEqual(result.returncode, 100, options)
            self.assertIn(words, result.stderr)
            self.assertFalse(self.root.exists())

    def test_help_is_the_comment(self):
        for name, last in (("install", "it is then built already."),
                           ("uninstall", "mail may belong to that user.")):
            result = run(TOP / "tools" / name, "--help")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertTrue(result.stdout.rstrip().endswith(last),
                            result.stdout)
            self.assertNotIn("#", result.stdout)

    # What is installed works.

    def test_versions_are_equal(self):
        wanted = run(TOP / "tools/version").stdout.strip()
        self.assertRegex(wanted, r"^\d+\.\d+\.\d+")
        said = {run(TOP / "programs" / program, "--version").stdout
                for program in PROGRAMS if program != "postern-smtpd-tls"}
        for text in said:
            self.assertRegex(text, rf"^postern[a-z-]* {re.escape(wanted)}\n$")
        said = run(TOP / "programs/postern", "serve", "--version").stdout
        self.assertEqual(said, f"postern {wanted}\n")

    def complete(self, *words):
        """Returns what bash would offer for the last word."""
        script = ('. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                  'compopt() { :; }; _postern; printf "%s\\n" '
                  '"${COMPREPLY[@]}"')
        result = run("bash", "--norc", "-c", script,
                     TOP / "dist/completion.bash", *words, cwd=self.folder)
        self.assertEqual(result.stderr, "")
        return result.stdout.split()

    def test_completion_has_every_command_and_option(self):
        commands = re.findall(r"^  ([a-z]+) ",
                              run(TOP / "programs/postern", "--help").stdout,
                              re.M)
        self.assertGreater(len(commands), 7)
        self.assertEqual(self.complete("postern", ""),
                         commands + ["--help", "--version"])
        zsh = (TOP / "dist/completion.zsh").read_text()
        subjects = [["postern", command] for command in commands]
        for words in subjects + [["postern-smtpd"], ["postern-introspect"]]:
            help_ = run(TOP / "programs" / words[0], *words[1:],
                        "--help").stdout
            options = re.findall(r"^  (--[a-z0-9-]+)", help_, re.M)
            self.assertTrue(options or words[-1] not in ("serve", "check"))
            offered = self.complete(*words, "--")
            for option in options:
                self.assertIn(option, offered, words)
                self.assertIn(f"'*{option}[", zsh)
        self.assertEqual(self.complete("postern", "users", "a"), ["add"])
        self.assertIn("--listen", self.complete("postern", "check", "--li"))
        self.assertEqual(self.complete("postern", "explain", "--client", ""),
                         [])
        (self.folder / "somewhere").mkdir()
        (self.folder / "something").write_text("")
        self.assertEqual(self.complete("postern", "serve", "--control", "so"),
                         ["somewhere"])
        self.assertEqual(
            sorted(self.complete("postern", "serve", "--config", "so")),
            ["something", "somewhere"])

    def test_shells_can_read_the_completion(self):
        self.assertEqual(run("bash", "-n", TOP / "dist/completion.bash").stderr,
                         "")
        if shutil.which("zsh", path=PATH):
            self.assertEqual(
                run("zsh", "-n", TOP / "dist/completion.zsh").stderr, "")

    def test_units_are_correct_and_hardened(self):
        if not shutil.which("systemd-analyze", path=PATH):
            self.skipTest("this host has no systemd-analyze")
        units = self.folder / "units"
        shutil.copytree(self.shared / "root/usr/local/lib/systemd/system", units)
        # systemd-analyze wants the programs to exist.
        for unit in units.iterdir():
            text = unit.read_text()
            unit.write_text(re.sub(r"/usr/local/bin/\S+", "/bin/true", text))
        result = run("systemd-analyze", "verify", "--man=no", *units.iterdir())
        ours = [line for line in result.stderr.splitlines()
                if "postern" in line]
        self.assertEqual(ours, [])
        for unit in ("postern.service", "postern-smtpd@.service"):
            result = run("systemd-analyze", "security", "--offline=true",
                         "--no-pager", units / unit)
            found = re.search(r"exposure level for .*: ([0-9.]+)",
                              result.stdout)
            self.assertTrue(found, result.stderr)
            self.assertLess(float(found[1]), MOST_EXPOSED, unit)

    def test_smtpd_knows_the_client_with_accept(self):
        """As systemd does it for postern-smtpd.socket: no TCPREMOTEIP."""
        if not shutil.which("systemd-socket-activate", path=PATH):
            self.skipTest("this host has no systemd-socket-activate")
        mail = self.folder / "mail"
        for name in ("new", "cur", "tmp"):
            (mail / name).mkdir(parents=True)
        (self.folder / "me").write_text("mx.example.org\n")
        (self.folder / "rcpthosts").write_text("example.org\n")
        log = self.folder / "log"
        listener = socket.create_server(("127.0.0.1", 0))

        def listener_is_3():
            high = fcntl.fcntl(listener, fcntl.F_DUPFD, 100)
            os.dup2(high, 3)

        with open(log, "wb") as output:
            # It takes sockets that are passed to it, so the test owns the port.
            activate = subprocess.Popen(
                ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh",
                 "systemd-socket-activate", "--accept", "--inetd",
                 str(TOP / "programs/postern-smtpd"), "--control",
                 str(self.folder), "--deliver", f"maildir:{mail}"],
                env={"PATH": PATH, "LISTEN_FDS": "1"}, pass_fds=[3],
                preexec_fn=listener_is_3, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=output)
        self.addCleanup(activate.wait)
        self.addCleanup(activate.kill)
        client = socket.create_connection(listener.getsockname(), timeout=60)
        port = client.getsockname()[1]
        listener.close()
        client.sendall(b"EHLO c.example\r\nMAIL FROM:<a@b.example>\r\n"
                       b"RCPT TO:<u@example.org>\r\n"
                       b"RCPT TO:<u@elsewhere.example>\r\nDATA\r\n")
        with client, client.makefile("rb") as replies:
            while not (line := replies.readline()).startswith(b"354"):
                self.assertTrue(line)
            client.sendall(b"Subject: x\r\n\r\n.\r\nQUIT\r\n")
            self.assertRegex(replies.read(), rb"^250 2.0.0 [^\r]*\r\n221 ")
        # No client may relay: a rule of tcpserver cannot say so.
        lines = log.read_text()
        self.assertRegex(lines, r"rule=not-listed .* ip=127\.0\.0\.1 ")
        self.assertRegex(lines, "result=accept .* ip=127\\.0\\.0\\.1 "
                         f"port={port} ")
        message, = (mail / "new").iterdir()
        self.assertIn("127.0.0.1", message.read_text().split("\n")[2])

    def test_the_profile_of_apparmor_is_correct(self):
        if not shutil.which("apparmor_parser", path=PATH):
            self.skipTest("this host has no apparmor_parser")
        result = run("apparmor_parser", "--skip-kernel-load", "--skip-cache",
                     self.shared / "root/etc/apparmor.d/postern")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_program_is_built_with_pkg_config(self):
        root = self.shared / "root"
        readme = (TOP / "README.md").read_text()
        example = re.search(r"^```cpp\n(.*?)^```", readme, re.M | re.S)[1]
        source = self.folder / "example.cc"
        source.write_text(example)
        flags = run("pkg-config", "--cflags", "--libs", "postern", env={
            "PKG_CONFIG_SYSROOT_DIR": str(root),
            "PKG_CONFIG_PATH": str(root / "usr/local/lib/pkgconfig")})
        self.assertEqual(flags.returncode, 0, flags.stderr)
        built = run("g++", "-std=c++20", "-O0", source, "-o",
                    self.folder / "example", *flags.stdout.split())
        self.assertEqual(built.returncode, 0, built.stderr)
        talk = subprocess.run(
            [str(self.folder / "example")],
            input=b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<u@example.org>\r\n"
            b"RCPT TO:<u@x>\r\nQUIT\r\n", capture_output=True, check=False,
            timeout=60)
        self.assertEqual(talk.returncode, 0)
        self.assertIn(b"\r\n250 2.1.5 ok\r\n550 5.7.1 not here\r\n", talk.stdout)


if __name__ == "__main__":
    unittest.main()
