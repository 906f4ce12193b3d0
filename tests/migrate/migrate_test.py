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

# A program of a run script's chain: it prints its arguments, one in a line.
STUB = '#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n'


def migrate(site, *options):
    """Returns the exit code and the output for a site."""
    ran = subprocess.run(
        [harness.POSTERN, "migrate", "--control", "control", "--root", ".",
         *options, "run"], cwd=HERE / site, capture_output=True, text=True,
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
            [harness.POSTERN, "explain", *arguments, "--client", "192.0.2.1",
             "u@example.org"], capture_output=True, text=True,
            timeout=harness.PATIENCE, check=False)
        self.assertIn(ran.returncode, (0, 1, 111), ran.stderr)

    def same_in_the_script(self, server):
        """sh reads the printed script as it was meant: the super-server gets
        postern-smtpd with its arguments."""
        text = server["postern_smtpd"]
        if not text.startswith("#!") or "${UNKNOWN:?" in text:
            return
        # The first program after exec is a stub.
        first = re.search(r"^exec ([^ 2]\S*)", text, re.M).group(1)
        stub = self.folder / "stub"
        stub.write_text(STUB)
        stub.chmod(0o755)
        for user in ("u", "g"):
            text = re.sub(rf'"\$\(id -{user} \w+\)"', "77", text)
        script = text.replace(f"exec {first}", f"exec {stub}", 1)
        ran = subprocess.run(["sh", "-c", script], capture_output=True,
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
        self.assertIn("UNKNOWN: run:13: line 9 sets it under a condition",
                      ran.stderr)

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
        link.symlink_to(HERE / "inetd" / "run")
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        codes = [subprocess.run(
            [harness.POSTERN, "migrate", "--control", str(self.control),
             str(path)], capture_output=True, check=False,
            timeout=harness.PATIENCE).returncode for path in (link, pipe)]
        self.assertEqual(codes, [0, 111])


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
