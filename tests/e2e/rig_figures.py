# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures postern rig with many messages: python3 rig_figures.py POSTERN.

Prints how long it takes to receive, list and search MESSAGES messages, as time
of the clock and as CPU time of the thread that answers, and the memory. No
test, because the times depend on the host.
"""

import http.client
import os
import re
import socket
import statistics
import subprocess
import sys
import time


MESSAGES = 10_000
TEXT = "".join(f"This is line {n} of an ordinary text.\r\n" for n in range(40))


def cpu(pid):
    """Returns the CPU time of the main thread in milliseconds."""
    with open(f"/proc/{pid}/task/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e6


def ask(pid, port, path):
    """Returns the medians of both times in milliseconds, and the body."""
    times = []
    busy = []
    for _ in range(9):
        used = cpu(pid)
        begin = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", path)
        body = connection.getresponse().read()
        connection.close()
        times.append((time.perf_counter() - begin) * 1000)
        busy.append(cpu(pid) - used)
    return statistics.median(times), statistics.median(busy), body


def main():
    ready, write = os.pipe()
    rig = subprocess.Popen(
        [sys.argv[1], "rig", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0",
         "--ready-fd", str(write)], pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(ready) as lines:
            smtp, url = lines.read().split()
        http_port = int(re.search(r":(\d+)/", url).group(1))
        begin = time.perf_counter()
        with socket.create_connection(
                ("127.0.0.1", int(smtp.rpartition(":")[2]))) as client:
            replies = client.makefile("rb")
            replies.readline()
            client.sendall(b"HELO c\r\n")
            replies.readline()
            for n in range(MESSAGES):
                client.sendall(
                    f"MAIL FROM:<s{n}@x.example>\r\n"
                    f"RCPT TO:<u{n}@y.example>\r\nDATA\r\n".encode())
                for _ in range(3):
                    replies.readline()
                client.sendall(
                    f"From: Sender {n} <s{n}@x.example>\r\n"
                    f"To: User {n} <u{n}@y.example>\r\n"
                    f"Subject: message {n}\r\n\r\n{TEXT}.\r\n".encode())
                replies.readline()
        print(f"received in {time.perf_counter() - begin:.1f} s")
        for path in ("/api/v1/messages?limit=50", "/api/v1/messages?limit=10000",
                     "/api/v1/search?query=subject:9999",
                     "/api/v1/search?query=line+39+ordinary",
                     "/api/v1/search?query=nothing-of-this",
                     "/api/v2/messages", "/api/v2/search?kind=containing"
                     "&query=nothing-of-this", "/api/v1/message/5000"):
            took, busy, body = ask(rig.pid, http_port, path)
            print(f"{took:7.1f} ms, CPU {busy:6.1f} ms, {len(body):8} octets: "
                  f"{path}")
        with open(f"/proc/{rig.pid}/status") as status:
            print(re.search(r"VmRSS:\s*(.*)", status.read()).group(1))
    finally:
        rig.terminate()
        rig.wait()


if __name__ == "__main__":
    main()
