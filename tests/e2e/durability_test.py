# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""A message that got a 250 is in the Maildir, complete, even after kill -9."""

import collections
import hashlib
import pathlib
import random
import re
import subprocess
import threading
import time
import zlib

import harness


class DurabilityTest(harness.TestCase):

    def test_kill_9_under_load_loses_nothing(self):
        for make in harness.Tcpserver, harness.Serve:
            with self.subTest(server=make.__name__):
                self.kill_under_load(make, [self.maildir])

    def test_kill_9_under_load_loses_no_target_of_an_alias(self):
        store = self.folder / "store"
        users = [store / name for name in "abc"]
        for user in users:
            for name in ("tmp", "new", "cur"):
                (user / name).mkdir(parents=True)
        self.put("aliases", "u: a@local.example, b@local.example, c\n")
        for make in harness.Tcpserver, harness.Serve:
            with self.subTest(server=make.__name__):
                self.kill_under_load(make, users, rounds=8,
                                     deliver=f"maildir:{store}/%u")

    def kill_under_load(self, make, maildirs, rounds=15, deliver=None):
        seed = 20261121
        rng = random.Random(seed)
        acknowledged = set()
        for round_ in range(rounds):
            server = make(self, deliver=deliver)
            stop = threading.Event()
            threads = [
                threading.Thread(target=self.send_until_killed,
                                 args=(server,
                                       f"{make.__name__}.{round_}.{i}", stop,
                                       acknowledged))
                for i in range(8)]
            for thread in threads:
                thread.start()
            # The kill comes at a random moment of the load.
            time.sleep(rng.uniform(0.05, 0.4))
            server.kill_everything()
            stop.set()
            for thread in threads:
                thread.join(harness.PATIENCE)
        for maildir in maildirs:
            self.expect_all(acknowledged, maildir, seed)
        self.assertGreater(len(acknowledged), 100)

    def expect_all(self, acknowledged, maildir, seed):
        """Checks that the Maildir has all these messages, and that each message
        in it is complete."""
        kept = collections.Counter()
        for path in (maildir / "new").iterdir():
            message = path.read_bytes()
            match = re.search(rb"^X-Id: (\S+)\nX-Hash: (\S+)\n\n(.*)\Z",
                              message, re.M | re.S)
            self.assertIsNotNone(match, "a truncated message is in new")
            digest = hashlib.sha256(match[3]).hexdigest().encode()
            self.assertEqual(digest, match[2], "a damaged message is in new")
            kept[match[1].decode()] += 1
        lost = [name for name in acknowledged if name not in kept]
        self.assertEqual(lost, [], f"{maildir.name}, seed {seed}")

    def send_until_killed(self, server, name, stop, acknowledged):
        for n in range(10000):
            if stop.is_set():
                return
            try:
                with harness.Client(server) as client:
                    client.greet()
                    for k in range(5):
                        self.send_one(client, f"{name}.{n}.{k}", acknowledged)
            except (OSError, AssertionError, EOFError):
                if stop.is_set() or server.process.poll() is not None:
                    return

    @staticmethod
    def send_one(client, name, acknowledged):
        body = (name + "\n") * (1 + zlib.crc32(name.encode()) % 500)
        digest = hashlib.sha256(body.encode()).hexdigest()
        text = f"X-Id: {name}\nX-Hash: {digest}\n\n{body}"
        client.send("MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\nDATA\r\n")
        for code in ("250", "250", "354"):
            if client.reply()[:3] != code:
                raise EOFError
        client.send(text.replace("\n", "\r\n") + ".\r\n")
        if client.reply()[:3] != "250":
            raise EOFError
        acknowledged.add(name)  # one bytecode, so it is atomic between threads

    def test_memory_does_not_grow_with_the_message_size(self):
        block = (b"x" * 76 + b"\r\n") * 13443  # a megabyte
        peaks = []
        for blocks in (1, 64):
            process = subprocess.Popen(
                [harness.SMTPD, "--control", str(self.control), "--deliver",
                 f"maildir:{self.maildir}"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            process.stdin.write(b"MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>"
                                b"\r\nDATA\r\n")
            for _ in range(blocks):
                process.stdin.write(block)
            process.stdin.write(b".\r\n")
            process.stdin.flush()
            while b"250 2.0.0 ok " not in process.stdout.readline():
                pass
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            peaks.append(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]))
            process.communicate(b"QUIT\r\n", harness.PATIENCE)
            self.assertEqual(process.returncode, 0)
        self.assertLess(peaks[1] - peaks[0], 256, peaks)

    def test_full_disk_is_452_and_leaves_no_files(self):
        # A limit of the file size (EFBIG) simulates a full disk.
        limited = self.folder / "limited"
        limited.write_text("#!/bin/sh\nulimit -f 8\n"
                           f'exec {harness.SMTPD} "$@"\n')
        limited.chmod(0o755)
        body = "x" * 70 + "\r\n"
        session = ("MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\nDATA\r\n"
                   f"{body * 1000}.\r\n"
                   "MAIL FROM:<s@x>\r\nRCPT TO:<u@local.example>\r\nDATA\r\n"
                   f"{body}.\r\nQUIT\r\n")
        process = subprocess.run(
            [str(limited), "--control", str(self.control), "--deliver",
             f"maildir:{self.maildir}"], input=session.encode(),
            capture_output=True, timeout=harness.PATIENCE, check=False)
        codes = [line[:3] for line in process.stdout.decode().split("\r\n")]
        self.assertEqual(codes, ["220", "250", "250", "354", "452", "250",
                                 "250", "354", "250", "221", ""])
        self.assertEqual(len(self.messages()), 1)
        self.assertEqual(list((self.maildir / "tmp").iterdir()), [])


if __name__ == "__main__":
    harness.main()
