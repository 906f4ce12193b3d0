# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""A disk that does not answer keeps only those waiting that need it.

The server has one thread for connections, and a pread(2) that waits for this
test (gated_disk.c).
"""

import os
import select
import subprocess
import time

import harness


class SlowDiskTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.gate = self.folder / "gate"

    def serve(self, *options, **more):
        library = os.path.join(os.path.dirname(__file__), "libgated_disk.so")
        return harness.Serve(
            self, "--threads", "1", *options, deliver="discard",
            environment={"LD_PRELOAD": os.path.abspath(library),
                         "POSTERN_GATE": str(self.gate)}, **more)

    def thread_names(self, server):
        """Returns the names of the server's threads without the first one.

        A new thread has the name of the thread that started it until it names
        itself. So this waits until all names differ from that of the process.
        """
        pid = server.process.pid
        end = time.monotonic() + harness.PATIENCE
        while True:
            names = {}
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/comm",
                          encoding="utf-8") as comm:
                    names[int(task)] = comm.read().strip()
            first = names.pop(pid)
            if first not in names.values():
                return sorted(names.values())
            self.assertLess(time.monotonic(), end, names)
            time.sleep(0.01)

    def assert_waits(self, client):
        """Nothing has come, although the server has answered another."""
        self.assertEqual(select.select([client.socket], [], [], 0)[0], [])

    def test_a_recipient_in_morercpthosts_waits_alone(self):
        self.put_cdb(self.control / "morercpthosts.cdb",
                     [("more.example", "")])
        server = self.serve()
        with harness.Client(server) as slow, harness.Client(server) as other:
            slow.greet()
            other.greet()
            slow.ask("MAIL FROM:<s@x.example>")
            other.ask("MAIL FROM:<s@x.example>")
            self.gate.touch()
            slow.send("RCPT TO:<u@more.example>\r\nRCPT TO:<u@far.example>\r\n"
                      "RCPT TO:<u@local.example>\r\n")
            self.assertEqual(other.ask("NOOP"), "250 2.0.0 ok")
            # What is in rcpthosts needs no database.
            self.assertEqual(other.ask("RCPT TO:<u@local.example>")[:3], "250")
            self.assert_waits(slow)
            self.gate.unlink()
            self.assertEqual([slow.reply()[:3] for _ in range(3)],
                             ["250", "553", "250"])

    def test_a_client_that_the_rules_are_asked_about_waits_alone(self):
        rules = self.folder / "rules.cdb"
        subprocess.run(["tcprules", str(rules), str(self.folder / "rules.tmp")],
                       input=b"127.0.0.2:deny\n:allow\n", check=True,
                       timeout=harness.PATIENCE)
        server = self.serve("--rules", str(rules))
        with harness.Client(server) as other:
            other.greet()
            self.gate.touch()
            with harness.Client(server) as slow, \
                    harness.Client(server, "127.0.0.2") as denied:
                self.assertEqual(other.ask("NOOP"), "250 2.0.0 ok")
                self.assertEqual(other.ask("NOOP"), "250 2.0.0 ok")
                self.assert_waits(slow)
                self.gate.unlink()
                slow.greet()
                self.assertEqual(denied.reply()[:3], "554")

    def test_threads_have_names_and_begin_when_they_are_needed(self):
        server = self.serve("--blocking-threads", "64")
        with harness.Client(server) as client:
            client.greet()
        names = self.thread_names(server)
        self.assertEqual([name for name in names if name.startswith("loop")],
                         ["loop 0"])
        self.assertIn("log", names)
        self.assertEqual(
            [name for name in names if name.startswith("disk")], ["disk 0"])

    def test_one_processor_is_one_thread(self):
        processor = min(os.sched_getaffinity(0))
        server = harness.Serve(self, deliver="discard",
                               prefix=("taskset", "-c", str(processor)))
        with harness.Client(server) as client:
            client.greet()
        self.assertEqual([name for name in self.thread_names(server)
                          if name.startswith("loop")], ["loop 0"])


if __name__ == "__main__":
    harness.main()
