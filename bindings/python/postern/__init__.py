# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""An SMTP server inside the tests of a program that sends mail.

    import postern

    def test_welcome():
        with postern.Rig() as rig:
            send_welcome("you@y.example", rig.host, rig.port)
            (message,) = rig.expect_messages(1)
            assert message.to == ["you@y.example"]
            assert message.mime["Subject"] == "Welcome"

It accepts everything, keeps what it gets, and fails where the test says so. It
is the engine of postern, in the process of the test: the C library
libpostern-rig.so.0, which the environment variable POSTERN_LIBRARY names if it
is not installed, or installed in a place of its own.
"""

from postern._library import LibraryError, library_version
from postern._rig import (
    ClientCertificate,
    Message,
    Recipient,
    Rig,
    Session,
)

# The release of CHANGELOG.md. library_version() is that of the library.
__version__ = "0.1.0"

__all__ = [
    "ClientCertificate",
    "LibraryError",
    "Message",
    "Recipient",
    "Rig",
    "Session",
    "library_version",
]
