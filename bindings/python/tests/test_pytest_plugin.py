# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests of the plugin: pytest runs tests of which some fail."""

import os
import pathlib
import re

import pytest

import postern

HEAD = """
import smtplib, unittest
import pytest
import postern

def send(rig, subject="hi"):
    with smtplib.SMTP(rig.host, rig.port, "client.example", timeout=20) as client:
        client.sendmail("a@x.example", ["b@y.example"], f"Subject: {subject}\\n\\n")
    rig.wait_for_sessions(len(rig.sessions))
"""


@pytest.fixture
def run(pytester):
    def run_tests(tests, *arguments):
        pytester.makepyfile(HEAD + tests)
        return pytester.runpytest_subprocess(
            "-p", "postern.pytest_plugin", "-p", "no:cacheprovider", *arguments
        )

    return run_tests


def test_the_plugin_may_be_named_although_the_package_is_installed(
    run, pytester, monkeypatch
):
    project = pathlib.Path(postern.__file__).parents[1] / "pyproject.toml"
    entry = re.search(r'pytest11\]\n"?([^"\n]*?)"? = "(.*)"', project.read_text())
    installed = pytester.mkdir("installed")
    metadata = installed / "postern-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: postern\nVersion: 0.1.0\n"
    )
    (metadata / "entry_points.txt").write_text(
        f"[pytest11]\n{entry[1]} = {entry[2]}\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{installed}:{os.environ['PYTHONPATH']}")
    result = run("def test_it(smtp_rig):\n    send(smtp_rig)\n")
    result.assert_outcomes(passed=1)


def test_report_of_a_failed_test_has_the_sessions(run):
    result = run(
        """
def test_fails(smtp_rig):
    smtp_rig.on("end", times=2, reply="452 4.3.1 full")
    try:
        send(smtp_rig)
    except smtplib.SMTPDataError:
        pass
    smtp_rig.wait_for_sessions(1)
    assert smtp_rig.messages
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*assert smtp_rig.messages",
            "E       assert []*",
            "E        +  where [[]] = <Rig 127.0.0.1:*>.messages",
            "*- SMTP rig 127.0.0.1:* -*",
            "<Session 1 from 127.0.0.1 port *, ended: quit>",
            "+?.??? S: 220 rig.example ESMTP\\r\\n",
            "+?.??? C: mail FROM:<a@x.example> size=*",
            "+?.??? S: 452 4.3.1 full\\r\\n",
            "fault applied 1 of 2 times: end times=2 reply 452 4.3.1 full",
        ],
        consecutive=False,
    )


def test_report_of_other_tests_has_nothing(run):
    result = run("def test_passes(smtp_rig): send(smtp_rig)", "-rA")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*Session*")


def test_report_has_rigs_without_the_fixture(run):
    result = run(
        """
def test_closed():
    with postern.Rig() as rig:
        send(rig, "one")
    assert not rig.messages

class Test(unittest.TestCase):
    def test_open(self):
        rig = postern.Rig()
        self.addCleanup(rig.close)
        send(rig, "two")
        self.fail("three")
"""
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*C: Subject: one*", "*C: Subject: two*"])


def test_report_has_only_sessions_of_its_test(run):
    result = run(
        """
@pytest.fixture(scope="module")
def shared():
    with postern.Rig() as rig:
        yield rig

def test_first(shared):
    send(shared, "one")

def test_second(shared):
    send(shared, "two")
    assert 0

def test_other(smtp_rig):
    assert 0
"""
    )
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.no_fnmatch_line("*Subject: one*")
    text = result.stdout.str()
    assert text.count("Subject: two") == 1
    # The last one has used none of them, and only its own rig is new.
    assert text.count("- SMTP rig ") == 2
    assert text.count("no client has connected") == 1


def test_report_has_the_last_of_many_sessions(run):
    result = run(
        """
def test_fails(smtp_rig):
    for number in range(7):
        send(smtp_rig, f"number {number}")
    assert 0
"""
    )
    result.stdout.fnmatch_lines(["the last 5 of 7 sessions:", "*number 2*"])
    result.stdout.no_fnmatch_line("*number 1*")


def test_transcript_of_the_error_is_not_repeated(run):
    result = run(
        """
def test_fails(smtp_rig):
    send(smtp_rig)
    smtp_rig.expect_messages(2, timeout=0)
"""
    )
    result.stdout.fnmatch_lines(
        [
            ">       smtp_rig.expect_messages(2, timeout=0)",
            "E       TimeoutError: 1 message instead of 2 after 0 s",
            "E       <Session 1 from *",
            "E       +?.??? S: 220 *",
            "test_*.py:*: TimeoutError",
            "its transcript is in the error above",
        ]
    )
    assert result.stdout.str().count("C: QUIT") == 1
    # The lines of the package are not those of the test.
    result.stdout.no_fnmatch_line("*_rig.py*")


def test_markers_are_options(run):
    result = run(
        """
pytestmark = pytest.mark.smtp_rig(tls="starttls", host_name="module.example")

@pytest.mark.smtp_rig(host_name="test.example")
def test_one(smtp_rig):
    with smtplib.SMTP(smtp_rig.host, smtp_rig.port) as client:
        client.ehlo()
        assert client.has_extn("starttls")
        assert client.ehlo_resp.startswith(b"test.example")
""",
        "--strict-markers",
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "marker, why",
    [
        ("tls='x'", "smtp_rig: tls: not one of none, starttls, first: 'x'"),
        ("tsl='x'", "smtp_rig: *unexpected keyword argument 'tsl'"),
        ("address='192.0.2.1:0'", "smtp_rig: *192.0.2.1:0*"),
        ("'first'", "the marker smtp_rig takes only the keyword arg*'first'"),
    ],
)
def test_wrong_options_are_one_line(run, marker, why):
    result = run(
        f"""
@pytest.mark.smtp_rig({marker})
def test_one(smtp_rig):
    pass
"""
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*ERROR at setup of test_one*", why], consecutive=True
    )


def test_missing_library_is_one_error(run, monkeypatch):
    monkeypatch.setenv("POSTERN_LIBRARY", "/nonexistent")
    result = run("def test_one(smtp_rig): pass\ndef test_two(): pass")
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "smtp_rig: postern cannot load its C library:",
            "  /nonexistent: cannot open shared object file*",
            "POSTERN_LIBRARY is '/nonexistent'. It must be the path of*",
        ],
        consecutive=True,
    )
