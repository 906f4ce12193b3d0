# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""A test with pytest: POSTERN=/path/to/postern pytest test_welcome.py"""

import json
import os
import smtplib
import subprocess
import urllib.request

import pytest


def send_welcome(to, host, port):
    """The code that is tested."""
    with smtplib.SMTP(host, port) as client:
        client.sendmail("shop@x.example", [to], "Subject: Welcome\n\nHello\n")


class Rig:
    def __init__(self, smtp, url):
        self.host, self.port = smtp.split(":")
        self.url = url

    def request(self, method, path, text=""):
        request = urllib.request.Request(
            self.url + path, data=text.encode() or None, method=method,
            headers={"Content-Type": "text/plain"})
        with urllib.request.urlopen(request) as response:
            return response.read()

    def wait(self, count):
        return json.loads(self.request(
            "GET", f"api/postern/v1/wait?count={count}"))["messages"]


@pytest.fixture
def rig():
    ready, write = os.pipe()
    with subprocess.Popen(
            [os.environ["POSTERN"], "rig", "--smtp=127.0.0.1:0",
             "--http=127.0.0.1:0", f"--ready-fd={write}"],
            pass_fds=[write]) as process:
        os.close(write)
        with open(ready, encoding="ascii") as lines:
            yield Rig(*lines.read().split())
        process.terminate()
    assert process.returncode == 0, "a fault was not met"


def test_welcome_arrives(rig):
    send_welcome("you@y.example", rig.host, rig.port)
    (message,) = rig.wait(1)
    assert message["Subject"] == "Welcome"
    assert b"Hello" in rig.request("GET", f"api/v1/message/{message['ID']}/raw")


def test_refusal_is_an_error(rig):
    rig.request("PUT", "api/postern/v1/faults",
                "rcpt for=you@y.example times=1 reply 450 4.7.1 later")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send_welcome("you@y.example", rig.host, rig.port)
    send_welcome("you@y.example", rig.host, rig.port)
    assert len(rig.wait(1)) == 1
