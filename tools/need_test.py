#!/usr/bin/env python3
# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests tools/need with scripts in place of dpkg-query, apt-get and sleep.

    need_test.py TOOLS/NEED [TEST...]
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

NEED = os.path.abspath(sys.argv.pop(1))

# Reports the packages in the file `installed`.
DPKG_QUERY = """#!/bin/sh
for package; do :; done
grep -qx "$package" "$FOLDER/installed" && printf installed
"""

# The files answer.1, answer.2, ... are the results of its calls: the exit
# status in the first line, the output in the others. Without a file it installs
# the packages.
APT_GET = """#!/bin/sh
echo "$*" >>"$FOLDER/calls"
answer=$FOLDER/answer.$(wc -l <"$FOLDER/calls")
if [ -e "$answer" ]; then
  tail -n +2 "$answer" >&2
  exit "$(head -n 1 "$answer")"
fi
for argument; do echo "$argument" >>"$FOLDER/installed"; done
"""

SLEEP = """#!/bin/sh
echo "$*" >>"$FOLDER/sleeps"
"""

LOCKS = [
    "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process "
    "812 (unattended-upgr)\n"
    "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend),"
    " is another process using it?\n",
    "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 811 "
    "(apt-get)\nE: Unable to lock directory /var/lib/apt/lists/\n",
    "E: Could not get lock /var/cache/apt/archives/lock. It is held by process "
    "811 (apt-get)\n"
    "E: Unable to lock directory /var/cache/apt/archives/\n",
]
INSTALL = "install -y --no-install-recommends swaks curl"


class NeedTest(unittest.TestCase):

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postern-"))
        self.addCleanup(shutil.rmtree, self.folder)
        bin_folder = self.folder / "bin"
        bin_folder.mkdir()
        for name, text in [("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET),
                           ("sleep", SLEEP), ("sudo", '#!/bin/sh\nexec "$@"')]:
            (bin_folder / name).write_text(text)
            (bin_folder / name).chmod(0o755)
        for name in ("installed", "calls", "sleeps"):
            (self.folder / name).write_text("")
        self.path = f"{bin_folder}:/usr/bin:/bin"

    def answer(self, number, status, text):
        (self.folder / f"answer.{number}").write_text(f"{status}\n{text}")

    def need(self):
        return subprocess.run(
            [NEED, "python3", "swaks", "curl"], check=False,
            capture_output=True, text=True, timeout=60,
            env={"PATH": self.path, "FOLDER": str(self.folder)})

    def calls(self):
        return (self.folder / "calls").read_text().splitlines()

    def sleeps(self):
        return len((self.folder / "sleeps").read_text().splitlines())

    def test_installed_packages_need_no_apt(self):
        (self.folder / "installed").write_text("swaks\npython3\ncurl\n")
        self.assertEqual(self.need().returncode, 0)
        self.assertEqual(self.calls(), [])

    def test_installs_missing_packages(self):
        (self.folder / "installed").write_text("python3\n")
        self.assertEqual(self.need().returncode, 0)
        self.assertEqual(self.calls(), [INSTALL])

    def test_updates_the_lists_if_the_install_failed(self):
        (self.folder / "installed").write_text("python3\n")
        self.answer(1, 100, "E: Unable to locate package swaks\n")
        self.assertEqual(self.need().returncode, 0)
        self.assertEqual(self.calls(), [INSTALL, "update", INSTALL])
        self.assertEqual(self.sleeps(), 0)

    def test_waits_for_each_lock(self):
        for text in LOCKS:
            with self.subTest(text):
                (self.folder / "installed").write_text("python3\n")
                (self.folder / "calls").write_text("")
                (self.folder / "sleeps").write_text("")
                for number in (1, 2, 3):
                    self.answer(number, 100, text)
                done = self.need()
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.calls(), [INSTALL] * 4)
                self.assertEqual(self.sleeps(), 3)
                self.assertIn("It is held by process", done.stderr)

    def test_update_waits_for_the_lock(self):
        (self.folder / "installed").write_text("python3\n")
        self.answer(1, 100, "E: Unable to locate package swaks\n")
        self.answer(2, 100, LOCKS[1])
        self.assertEqual(self.need().returncode, 0)
        self.assertEqual(self.calls(), [INSTALL, "update", "update", INSTALL])

    def test_gives_up_after_ten_minutes(self):
        (self.folder / "installed").write_text("python3\n")
        for number in range(1, 500):
            self.answer(number, 100, LOCKS[0])
        done = self.need()
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(set(self.calls()), {INSTALL})
        self.assertEqual(self.sleeps(), 120)  # of 5 seconds
        self.assertIn("gave up after ten minutes", done.stderr)

    def test_failed_install_is_an_error(self):
        self.answer(1, 100, "E: Unable to locate package swaks\n")
        self.answer(3, 100, "E: Unable to locate package swaks\n")
        self.assertNotEqual(self.need().returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
