# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""A disk that does not respond delays only the sessions that need it.

The server has one event loop. Its pread(2) waits for the test (gated_disk.c).
"""

import os
import select
import signal
import subprocess
import time

import harness


class SlowDiskTest(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.gate = self.folder / "gate"

    def environment(self):
        library = os.path.join(os.path.dirname(__file__), "libgated_disk.so")
        return {"LD_PRELOAD": os.path.abspath(library),
                "POSTERN_GATE": str(self.gate)}

    def serve(self, *options, **more):
        return harness.Serve(
            self, "--threads", "1", *options, deliver="discard",
            environment=self.environment(), **more)

    def put_rules(self, text):
        rules = self.folder / "rules.cdb"
        subprocess.run(["tcprules", str(rules), str(self.folder / "rules.tmp")],
                       input=text, check=True, timeout=harness.PATIENCE)
        return str(rules)

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
        """Checks that the client has no reply after another client got one."""
        self.assertEqual(select.select([client.socket], [], [], 0)[0], [])

    def test_morercpthosts_delays_only_its_session(self):
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
            # A domain in rcpthosts needs no database.
            self.assertEqual(other.ask("RCPT TO:<u@local.example>")[:3], "250")
            self.assert_waits(slow)
            self.gate.unlink()
            self.assertEqual([slow.reply()[:3] for _ in range(3)],
                             ["250", "553", "250"])

    def test_rules_delay_only_their_connection(self):
        server = self.serve("--rules",
                            self.put_rules(b"127.0.0.2:deny\n:allow\n"))
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

    def wait_for_read(self, process, log):
        """Waits until `process` waits for the disk or has started. Returns
        whether it waits for the disk."""
        met = self.folder / "gate.met"
        end = time.monotonic() + harness.PATIENCE
        while not met.exists():
            if "listening at" in log.read_text():
                return False
            self.assertIsNone(process.poll(), log.read_text())
            self.assertLess(time.monotonic(), end)
            time.sleep(0.001)
        met.unlink()
        return True

    def test_sigterm_ends_a_start_that_waits_for_the_disk(self):
        self.put_cdb(self.control / "morercpthosts.cdb",
                     [("more.example", "")])
        users = self.folder / "users"
        subprocess.run([harness.POSTERN, "users", "add", "--stdin",
                        "--iterations", "4096", str(users), "anna"], input=b"secret\n", check=True,
                       timeout=harness.PATIENCE)
        arguments = [
            *harness.command("serve"), "--control", str(self.control),
            "--deliver", "discard", "--threads", "1", "--rules",
            self.put_rules(b":allow\n"), "--auth", f"cdb:{users}",
            "--auth-insecure", "--listen", "127.0.0.1:0,auth"]
        log = self.folder / "log"
        self.gate.touch()
        reads = 0  # the reads that may finish
        waits = True
        while waits:
            with open(log, "wb") as file:
                process = subprocess.Popen(
                    arguments, stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=file,
                    env={"PATH": harness.PATH, **self.environment()})
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            waits = self.wait_for_read(process, log)
            for _ in range(reads):
                (self.folder / "gate.pass").touch()
                waits = self.wait_for_read(process, log)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(harness.PATIENCE),
                             -signal.SIGTERM if waits else 0)
            reads += 1
        # Of the rules, of the users twice, and of morercpthosts.cdb.
        self.assertGreater(reads, 4)

    def test_step_of_the_clock_causes_no_admission_timeout(self):
        server = self.serve("--rules", self.put_rules(b":allow\n"))
        self.gate.touch()
        with harness.Client(server) as client:
            end = time.monotonic() + harness.PATIENCE
            while not (self.folder / "gate.met").exists():
                self.assertLess(time.monotonic(), end)
                time.sleep(0.001)
            (self.folder / "gate.step").touch()
            self.gate.unlink()
            client.greet()
        self.assertNotIn("admission-timeout", server.log())

    def test_threads_have_names_and_start_on_demand(self):
        server = self.serve("--blocking-threads", "64")
        with harness.Client(server) as client:
            client.greet()
        names = self.thread_names(server)
        self.assertEqual([name for name in names if name.startswith("loop")],
                         ["loop 0"])
        self.assertIn("log", names)
        self.assertEqual(
            [name for name in names if name.startswith("disk")], ["disk 0"])

    def test_one_processor_gets_one_event_loop(self):
        processor = min(os.sched_getaffinity(0))
        server = harness.Serve(self, deliver="discard",
                               prefix=("taskset", "-c", str(processor)))
        with harness.Client(server) as client:
            client.greet()
        self.assertEqual([name for name in self.thread_names(server)
                          if name.startswith("loop")], ["loop 0"])


if __name__ == "__main__":
    harness.main()
