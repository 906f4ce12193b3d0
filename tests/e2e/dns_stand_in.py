# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""A DNS server for tests."""

import socket
import struct
import threading

import harness


class DnsStandIn:
    """A DNS server that answers from {(name, type): [data...] or a code}."""

    TYPES = {"A": 1, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}

    def __init__(self, test, table, port=0):
        self.table = table
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        test.addCleanup(self.stop)

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join(harness.PATIENCE)
        self.socket.close()

    @staticmethod
    def wire(name):
        return b"".join(bytes([len(label)]) + label.encode()
                        for label in name.split(".")) + b"\0"

    def serve(self):
        while True:
            question, client = self.socket.recvfrom(4096)
            if not question:
                return
            labels, at = [], 12
            while question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode())
                at += 1 + question[at]
            (kind,) = struct.unpack("!H", question[at + 1:at + 3])
            asked = question[12:at + 5]
            name = next(n for n, t in self.TYPES.items() if t == kind)
            found = self.table.get((".".join(labels).lower(), name), 3)
            code = found if isinstance(found, int) else 0
            answers = [] if isinstance(found, int) else found
            reply = question[:2] + struct.pack(
                "!HHHHH", 0x8180 | code, 1, len(answers), 0, 0) + asked
            for data in answers:
                packed = (self.wire(data) if name == "PTR"
                          else bytes([len(data)]) + data.encode()
                          if name == "TXT"
                          else b"\0\x0a" + self.wire(data) if name == "MX"
                          else socket.inet_pton(
                              socket.AF_INET if name == "A"
                              else socket.AF_INET6, data))
                reply += struct.pack("!HHHIH", 0xc00c, kind, 1, 60,
                                     len(packed)) + packed
            self.socket.sendto(reply, client)
