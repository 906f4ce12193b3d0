# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""postern users: files, their tables, and passwords typed at a terminal."""

import os
import signal
import stat
import subprocess

import harness

# The hash of "pencil" by crypt(3).
CRYPT = "$5$saltsaltsalt$tom6DEvBcWRiSa99Ee2w38ZTYp0xKQww1YExc6kalX6"


class UsersTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.file = self.folder / "users"
        self.table = self.folder / "users.cdb"

    def users(self, *arguments, typed=None):
        """Runs postern users without a terminal.

        Returns (exit code, output, errors)."""
        done = subprocess.run(
            [harness.POSTERN, "users", *map(str, arguments)],
            input=(typed or "").encode(), capture_output=True,
            timeout=harness.PATIENCE, start_new_session=True)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def add(self, user, password, *options):
        self.assertEqual(
            self.users("add", "--stdin", "--iterations", "4096", *options,
                       self.file, user, typed=password + "\n"), (0, "", ""))

    def check(self, user, password):
        return self.users("check", "--stdin", self.file, user,
                          typed=password + "\n")[:2]

    def test_users_are_added_changed_and_removed(self):
        self.add("anna", "pencil")
        self.assertEqual(self.check("anna", "pencil"), (0, "yes\n"))
        self.assertEqual(self.check("anna", "pencils"), (1, "no\n"))
        self.assertEqual(self.check("bert", "pencil"), (1, "no\n"))
        self.add("anna", "another")
        self.assertEqual(self.check("anna", "pencil"), (1, "no\n"))
        self.assertEqual(self.check("anna", "another"), (0, "yes\n"))
        self.assertEqual(self.users("remove", self.file, "anna"), (0, "", ""))
        self.assertEqual(self.check("anna", "another"), (1, "no\n"))
        code, _, errors = self.users("remove", self.file, "anna")
        self.assertEqual(code, 100)
        self.assertIn(f"{self.file}: user anna: no such user", errors)

    def test_new_files_are_private_to_their_owner(self):
        os.umask(0)
        self.addCleanup(os.umask, 0o022)
        self.add("anna", "pencil")
        for path in (self.file, self.table):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertNotIn(b"pencil", self.file.read_bytes())
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()),
                         ["Maildir", "control", "users", "users.cdb"])

    def test_comments_and_order_are_kept(self):
        self.file.write_text(f"# the office\nbert:{CRYPT}\n\n# end\n")
        self.file.chmod(0o640)
        self.add("anna", "pencil")
        lines = self.file.read_text().splitlines()
        self.assertEqual(lines[:4],
                         ["# the office", f"bert:{CRYPT}", "", "# end"])
        self.assertRegex(lines[4], r"^anna:SCRAM-SHA-256\$4096:")
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o640)
        self.assertEqual(stat.S_IMODE(self.table.stat().st_mode), 0o640)
        self.assertEqual(self.check("bert", "pencil"), (0, "yes\n"))

    def test_interrupted_removal_can_be_repeated(self):
        """The file lacks a user, after an edit or a crash; the table does not.
        """
        self.add("anna", "pencil")
        self.add("bert", "pencil")
        lines = self.file.read_text().splitlines(keepends=True)
        self.file.write_text(lines[0])
        self.assertEqual(self.check("bert", "pencil"), (0, "yes\n"))
        self.assertEqual(self.users("remove", self.file, "bert"), (0, "", ""))
        self.assertEqual(self.check("bert", "pencil"), (1, "no\n"))
        self.assertEqual(self.check("anna", "pencil"), (0, "yes\n"))
        self.assertEqual(self.users("remove", self.file, "bert")[0], 100)

    def test_files_that_no_server_would_read_are_not_changed(self):
        self.add("anna", "pencil")
        text = self.file.read_text()
        self.file.unlink()
        code, _, errors = self.users("add", "--stdin", self.file, "bert",
                                     typed="pencil\n")
        self.assertEqual(code, 100)
        self.assertIn(str(self.table), errors)
        self.assertEqual(self.check("anna", "pencil"), (0, "yes\n"))
        self.file.write_text(text)
        self.file.chmod(0o600)
        self.table.chmod(0o644)
        code, _, errors = self.users("add", "--stdin", self.file, "bert",
                                     typed="pencil\n")
        self.assertEqual(code, 100)
        self.assertIn(f"chmod o= {self.table}", errors)
        self.assertEqual(self.file.read_text(), text)

    def test_password_line_may_end_with_crlf(self):
        for scheme in ("scram-sha-256", "yescrypt"):
            self.assertEqual(
                self.users("add", "--stdin", f"--scheme={scheme}", self.file,
                           "anna", typed="pencil\r\n"), (0, "", ""))
            self.assertEqual(self.check("anna", "pencil"), (0, "yes\n"))

    def test_list_shows_the_scheme_but_no_secret(self):
        self.add("anna", "pencil")
        self.add("bert", "pencil", "--scheme=yescrypt")
        self.assertEqual(self.check("bert", "pencil"), (0, "yes\n"))
        self.assertEqual(self.users("list", self.file),
                         (0, "anna\tSCRAM-SHA-256$4096\nbert\t$y$j9T$\n", ""))

    def test_edited_file_is_valid_after_compile(self):
        self.file.write_text(f"bert:{CRYPT}\n")
        self.file.chmod(0o600)
        code, _, errors = self.users("check", "--stdin", self.file, "bert",
                                     typed="pencil\n")
        self.assertEqual(code, 111)
        self.assertIn(f"{self.table}", errors)
        self.assertEqual(self.users("compile", self.file), (0, "", ""))
        self.assertEqual(self.check("bert", "pencil"), (0, "yes\n"))

    def test_errors_name_file_line_and_user(self):
        self.file.write_text(f"# one\nbert:{CRYPT}\nanna:$1$salt$secret\n")
        self.file.chmod(0o600)
        for command in (["compile"], ["list"]):
            code, output, errors = self.users(*command, self.file)
            self.assertEqual((code, output), (100, ""))
            self.assertIn(f"{self.file}:3: user anna: ", errors)
            self.assertNotIn("secret", errors)
        self.assertFalse(self.table.exists())
        self.file.write_text(f"bert:{CRYPT}\n")
        self.file.chmod(0o644)
        code, _, errors = self.users("compile", self.file)
        self.assertEqual(code, 100)
        self.assertIn(f"chmod o= {self.file}", errors)
        self.assertEqual(self.users("list", self.folder / "none")[0], 100)

    def test_wrong_usage_is_explained(self):
        for arguments in ([], ["delete"], ["add"], ["add", self.file],
                          ["list", self.file, "anna"], ["list"],
                          ["add", "--scheme=des", self.file, "anna"],
                          ["add", "--iterations=4095", self.file, "anna"],
                          ["add", self.file, "an:na"],
                          ["add", self.file, ""],
                          ["remove", self.table, "anna"]):
            code, output, errors = self.users(*arguments)
            self.assertEqual((code, output), (100, ""), arguments)
            self.assertIn("postern users: ", errors)
        self.assertFalse(self.file.exists())
        code, output, _ = self.users("--help")
        self.assertEqual(code, 0)
        self.assertIn("--scheme SCHEME", output)

    def test_invalid_passwords_are_refused(self):
        for typed in ("", "\n", "x" * 1025 + "\n", "\x07\n", "a\rb\n"):
            for scheme in ("scram-sha-256", "yescrypt"):
                code, _, errors = self.users(
                    "add", "--stdin", f"--scheme={scheme}", self.file, "anna",
                    typed=typed)
                self.assertEqual(code, 100, typed)
                self.assertIn("password", errors)
        self.assertFalse(self.file.exists())

    def test_without_a_terminal_there_is_no_prompt(self):
        code, _, errors = self.users("add", self.file, "anna")
        self.assertEqual(code, 100)
        self.assertIn("--stdin", errors)

    def test_password_is_typed_twice_and_not_shown(self):
        terminal = harness.Terminal(self, "add", str(self.file), "anna")
        self.assertFalse(self.file.exists())
        terminal.wait_screen(b"New password of anna: ")
        self.assertFalse(terminal.echoes())
        terminal.type(b"pencil\n")
        terminal.wait_screen(b"Once more: ")
        self.assertFalse(terminal.echoes())
        terminal.type(b"pencil\n")
        screen, status = terminal.rest()
        self.assertEqual(status, 0)
        self.assertNotIn(b"pencil", screen)
        self.assertEqual(self.check("anna", "pencil"), (0, "yes\n"))

    def test_two_different_passwords_are_refused(self):
        terminal = harness.Terminal(self, "add", str(self.file), "anna")
        terminal.wait_screen(b"New password of anna: ")
        terminal.type(b"pencil\n")
        terminal.wait_screen(b"Once more: ")
        terminal.type(b"pencils\n")
        screen, status = terminal.rest()
        self.assertEqual(status, 100)
        self.assertIn(b"not the same", screen)
        self.assertFalse(self.file.exists())

    def test_password_to_check_may_be_typed(self):
        self.add("anna", "pencil")
        terminal = harness.Terminal(self, "check", str(self.file), "anna")
        terminal.wait_screen(b"Password of anna: ")
        terminal.type(b"pencil\n")
        screen, status = terminal.rest()
        self.assertEqual(status, 0)
        self.assertIn(b"yes", screen)

    def test_signal_ends_it_and_restores_the_terminal(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            terminal = harness.Terminal(self, "add", str(self.file), "anna")
            terminal.wait_screen(b"New password of anna: ")
            self.assertFalse(terminal.echoes())
            os.kill(terminal.pid, number)
            status = os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1])
            terminal.status = status
            self.assertEqual(status, -number)
            self.assertTrue(terminal.echoes())
        self.assertFalse(self.file.exists())

    def test_control_c_ends_it(self):
        terminal = harness.Terminal(self, "add", str(self.file), "anna")
        terminal.wait_screen(b"New password of anna: ")
        terminal.type(b"pen\x03")
        self.assertEqual(terminal.rest()[1], -signal.SIGINT)

    def test_prompt_is_repeated_after_a_stop(self):
        terminal = harness.Terminal(self, "add", str(self.file), "anna")
        terminal.wait_screen(b"New password of anna: ")
        terminal.type(b"wrong")
        os.kill(terminal.pid, signal.SIGTSTP)
        # The kernel does not stop a process without a parent in its session. So
        # it continues at once, with a new prompt, and discards its input.
        terminal.wait_screen(b"New password of anna: ")
        terminal.type(b"pencil\n")
        terminal.wait_screen(b"Once more: ")
        terminal.type(b"pencil\n")
        self.assertEqual(terminal.rest()[1], 0)
        self.assertEqual(self.check("anna", "pencil"), (0, "yes\n"))

    def test_concurrent_changes_are_not_lost(self):
        writers = [subprocess.Popen(
            [harness.POSTERN, "users", "add", "--stdin", "--iterations", "4096",
             str(self.file), f"user{i}"], stdin=subprocess.PIPE)
            for i in range(8)]
        for writer in writers:
            writer.communicate(b"pencil\n", timeout=harness.PATIENCE)
        self.assertEqual([writer.returncode for writer in writers], [0] * 8)
        self.assertEqual(len(self.file.read_text().splitlines()), 8)
        for i in range(8):
            self.assertEqual(self.check(f"user{i}", "pencil"), (0, "yes\n"))


if __name__ == "__main__":
    harness.main()
