# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests of postern.Rig with the clients of Python's library."""

import base64
import datetime
import gc
import os
import pathlib
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import postern
from postern import _library, _rig

TEXT = "Subject: hi\n\nbody\n"

# PREFIX/lib, as if the package were installed where it is.
PREFIX_LIBRARY = (
    pathlib.Path(os.path.abspath(postern.__file__)).parents[3]
    / "libpostern-rig.so.0"
)


def connect(rig):
    return smtplib.SMTP(rig.host, rig.port, "client.example", timeout=20)


def send(rig, *to, text=TEXT):
    with connect(rig) as client:
        return client.sendmail("a@x.example", to or ["b@y.example"], text)


# Messages and sessions.


def test_message_has_what_the_client_sent(smtp_rig):
    before = datetime.datetime.now(datetime.timezone.utc)
    with connect(smtp_rig) as client:
        client.sendmail(
            "a@x.example",
            ["b@y.example", "c@y.example"],
            "Subject: =?utf-8?q?hall=C3=B6?=\n\n.dot\n",
            mail_options=["BODY=8BITMIME", "RET=HDRS"],
            rcpt_options=["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;b+2By"],
        )
    (message,) = smtp_rig.expect_messages(1)
    assert message.number == 1
    assert message.from_ == "a@x.example"
    assert message.to == ["b@y.example", "c@y.example"]
    assert message.recipients[0] == postern.Recipient(
        "b@y.example", {"NOTIFY": "SUCCESS,DELAY", "ORCPT": "rfc822;b+2By"}
    )
    assert message.parameters == {
        "SIZE": str(len(message.raw)),
        "BODY": "8BITMIME",
        "RET": "HDRS",
    }
    assert message.raw == b"Subject: =?utf-8?q?hall=C3=B6?=\r\n\r\n.dot\r\n"
    assert message.mime["Subject"] == "hallö"
    assert message.mime.get_content() == ".dot\r\n"
    assert message.mime is message.mime
    assert message.trace.startswith("Received: from client.example")
    assert before <= message.received
    assert repr(message) == (
        "<Message 1 from <a@x.example> to <b@y.example>, <c@y.example> "
        f"({len(message.raw)} octets, Subject: 'hallö')>"
    )

    (session,) = smtp_rig.wait_for_sessions(1)
    assert session.number == 1
    assert before <= session.began <= message.received
    assert session.client_address == "127.0.0.1"
    assert session.client_port > 0
    assert session.hello == "client.example"
    assert session.user is None
    assert session.mechanism is None
    assert session.tls_version is None
    assert session.tls_cipher is None
    assert session.client_subject is None
    assert session.extensions == {"SIZE", "8BITMIME", "DSN"}
    assert session.end == "quit"
    assert repr(session) == (
        f"<Session 1 from 127.0.0.1 port {session.client_port}, ended: quit>"
    )
    assert message.session.end is None
    assert "not ended" in repr(message.session)
    # The transcript of the message extends to the end of the session.
    assert message.transcript == session.transcript
    assert re.search(
        r"^\+\d\.\d{3} C: mail FROM:<a@x\.example> size=\d+ BODY=8BITMIME",
        session.transcript,
        re.M,
    )
    assert smtp_rig.transcript == f"{session!r}\n{session.transcript}"


def test_null_sender_is_empty(smtp_rig):
    with connect(smtp_rig) as client:
        client.sendmail("", ["b@y.example"], b"no header\xff\r\n")
    (message,) = smtp_rig.expect_messages(1)
    assert message.from_ == ""
    assert message.raw == b"no header\xff\r\n"
    assert "from <> to" in repr(message)


def test_utf8_addresses_are_text(smtp_rig):
    with connect(smtp_rig) as client:
        client.ehlo()
        client.mail("jörg@x.example", ["SMTPUTF8"])
        client.rcpt("用户@y.example")
        client.data("\r\n")
    (message,) = smtp_rig.expect_messages(1)
    assert message.from_ == "jörg@x.example"
    assert message.to == ["用户@y.example"]
    assert message.parameters == {"SMTPUTF8": ""}


def test_messages_are_the_same_objects_each_time(smtp_rig):
    send(smtp_rig)
    (first,) = smtp_rig.messages
    send(smtp_rig)
    assert smtp_rig.messages[0] is first
    assert [message.number for message in smtp_rig.messages] == [1, 2]


def test_clear_forgets(smtp_rig):
    send(smtp_rig)
    smtp_rig.wait_for_sessions(1)
    smtp_rig.clear()
    assert smtp_rig.messages == []
    assert smtp_rig.sessions == []
    send(smtp_rig)
    (message,) = smtp_rig.expect_messages(1)
    assert message.number == 2


def test_wait_returns_what_is_there(smtp_rig):
    assert smtp_rig.wait_for_messages(1, timeout=0) == []
    assert smtp_rig.wait_for_messages(0) == []
    assert smtp_rig.wait_for_sessions(1, timeout=-1) == []
    send(smtp_rig)
    assert len(smtp_rig.wait_for_messages(2, timeout=0.01)) == 1


def test_wait_sees_a_message_of_another_thread(smtp_rig):
    thread = threading.Timer(0.15, send, [smtp_rig])  # after the first slice
    thread.start()
    assert len(smtp_rig.wait_for_messages(1, timeout=60)) == 1
    thread.join()


@pytest.mark.smtp_rig(max_messages=1)
def test_wait_counts_messages_that_were_dropped(smtp_rig):
    send(smtp_rig)
    send(smtp_rig)
    (message,) = smtp_rig.expect_messages(2)
    assert message.number == 2


@pytest.mark.parametrize(
    "count, timeout, error",
    [
        (-1, 1, ValueError),
        (2**64, 1, ValueError),  # would be 0 in C
        (1, float("nan"), ValueError),
        ("1", 1, TypeError),
    ],
)
def test_wait_with_nonsense_is_an_error(smtp_rig, count, timeout, error):
    with pytest.raises(error):
        smtp_rig.wait_for_messages(count, timeout)


def test_expect_shows_the_last_session(smtp_rig):
    with pytest.raises(TimeoutError) as failed:
        smtp_rig.expect_messages(1, timeout=0)
    assert str(failed.value) == (
        "no messages instead of 1 after 0 s\n"
        f"no client has connected to {smtp_rig.address}"
    )
    send(smtp_rig)
    smtp_rig.on("rcpt", reply="550 5.1.1 no such user")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(smtp_rig)
    smtp_rig.wait_for_sessions(2)
    with pytest.raises(TimeoutError) as failed:
        smtp_rig.expect_messages(2, timeout=0.01)
    lines = str(failed.value).splitlines()
    assert lines[0] == (
        "1 message instead of 2 after 0.01 s; the last of 2 sessions:"
    )
    assert lines[1].startswith("<Session 2 from 127.0.0.1 port ")
    assert any("S: 550 5.1.1 no such user" in line for line in lines)


def test_long_transcripts_are_cut():
    assert _rig.shortened("a\nb\n") == "a\nb"
    lines = [str(number) for number in range(1000)]
    cut = _rig.shortened("\n".join(lines)).splitlines()
    assert cut[:60] == lines[:60]
    assert cut[60] == "... 880 lines are not shown ..."
    assert cut[61:] == lines[-60:]
    assert _rig.shortened("x" * 1000) == "x" * 400 + "... (1000 characters)"


# Faults.


@pytest.mark.parametrize(
    "stage, pattern, options, line",
    [
        ("rcpt", "*@x", {"reply": "450 4.7.1 later"}, "reply 450 4.7.1 later"),
        ("rcpt", "", {"reply": 450}, "reply 450 "),
        ("rcpt", "", {"reply": "450 a\\b\nc"}, r"reply 450 a\\b\nc"),
        ("rcpt", "", {"reply": "450 ü"}, r"reply 450 \xc3\xbc"),
        ("rcpt", "", {"reply": "450 trailing "}, r"reply 450 trailing\040"),
        ("mail", "", {"raw": b"\x00\xff1\r\n"}, r"raw \x00\xff\x31\r\n"),
        ("mail", "", {"raw": ""}, "raw "),
        ("mail", "", {"raw": " x times=9"}, r"raw \040x times=9"),
        ("end", "b", {"delay": 1.5, "close": "before"}, "delay=1500ms close=before"),
        ("end", "", {"delay": datetime.timedelta(minutes=1)}, "delay=60000ms"),
        ("quit", "", {"stall": True}, "stall"),
        ("content", "", {"close": "inside", "after": 9}, "close=inside after=9"),
        (
            "data",
            "",
            {"split": True, "write_rate": 7, "read_rate": 8},
            "split write-rate=7 read-rate=8",
        ),
        ("ehlo", "", {"hide": "starttls"}, "hide=STARTTLS"),
        ("ehlo", "", {"hide": ["SIZE", "DSN"]}, "hide=SIZE hide=DSN"),
        ("tls", "", {"certificate": "expired"}, "certificate=expired"),
        (
            "end",
            "b@y",
            {"skip": 1, "percent": 50, "each": True, "quota": 5, "reply": 452},
            "percent=50 each quota=5 reply 452 ",
        ),
    ],
)
def test_keywords_are_words_of_a_script(smtp_rig, stage, pattern, options, line):
    smtp_rig.on(stage, pattern, times=3, **options)
    before = f"applied 0 of 3 times: {stage}"
    if pattern:
        before += f" for={pattern}"
    if "skip" in options:
        before += f" skip={options['skip']}"
    assert smtp_rig.unmet_faults == [f"{before} times=3 {line}"]


@pytest.mark.parametrize(
    "stage, pattern, options, why",
    [
        ("rcp", "", {"reply": 450}, "not a stage: rcp (in the fault 'rcp reply"),
        ("", "", {"reply": 450}, "stage is empty"),
        ("rcpt\nquit", "", {"stall": True}, "stage cannot contain"),
        ("rcpt", "a b@x", {"stall": True}, "write * instead: 'a b@x'"),
        ("rcpt", "a\nquit stall", {"stall": True}, "pattern cannot contain"),
        ("rcpt", "a\0b", {"stall": True}, "pattern contains a NUL"),
        ("rcpt", "a\x0b", {"stall": True}, "pattern cannot contain"),
        ("rcpt", "", {}, "it does nothing"),
        ("rcpt", "", {"reply": "45 x"}, "not a reply code: 45"),
        ("rcpt", "", {"reply": "later"}, "not a reply code: later"),
        ("rcpt", "", {"reply": 999}, "200 to 599"),
        ("rcpt", "", {"reply": 450, "raw": "x"}, "only one reply"),
        ("rcpt", "", {"close": "after stall"}, "close cannot contain"),
        ("rcpt", "", {"close": "soon"}, "not before, inside or after: close=soon"),
        ("rcpt", "", {"delay": 0}, "delay: "),
        ("rcpt", "", {"delay": float("nan")}, "delay: "),
        ("rcpt", "", {"delay": 100000}, "delay: "),
        ("rcpt", "", {"stall": True, "times": -1}, "times=-1"),
        ("rcpt", "", {"hide": "STARTTLS"}, "only ehlo hides"),
        ("tls", "", {"certificate": "odd"}, "not a kind of certificate"),
    ],
)
def test_wrong_faults_are_errors(smtp_rig, stage, pattern, options, why):
    with pytest.raises(ValueError) as failed:
        smtp_rig.on(stage, pattern, **options)
    assert why in str(failed.value)
    assert send(smtp_rig) == {}


def test_wrong_types_of_faults_are_errors(smtp_rig):
    with pytest.raises(TypeError):
        smtp_rig.on("rcpt", times=1.5, reply=450)
    with pytest.raises(TypeError):
        smtp_rig.on("rcpt", b"a@x", reply=450)
    with pytest.raises(TypeError):
        smtp_rig.on("rcpt", repl=450)


def test_faults_apply(smtp_rig):
    smtp_rig.on("rcpt", "B@*", times=1, reply="450 4.7.1 later")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(smtp_rig)
    assert refused.value.recipients == {"b@y.example": (450, b"4.7.1 later")}
    smtp_rig.assert_faults_met()
    smtp_rig.on("end", close="before")
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(smtp_rig)
    smtp_rig.clear_faults()
    send(smtp_rig)


def test_script_is_added_as_a_whole(smtp_rig):
    with pytest.raises(ValueError) as failed:
        smtp_rig.faults("mail reply 450\n\nrcpt times=x\n")
    assert str(failed.value).startswith("faults:3: not a number")
    send(smtp_rig)
    smtp_rig.faults("# two\nmail times=2 reply 450\nquit times=1 stall\n")
    assert len(smtp_rig.unmet_faults) == 2
    with pytest.raises(ValueError, match="contains a NUL"):
        smtp_rig.faults("quit stall\0")


def test_unmet_faults_are_an_assertion(smtp_rig):
    smtp_rig.assert_faults_met()
    smtp_rig.on("rcpt", times=2, reply=450)
    with pytest.raises(AssertionError) as failed:
        smtp_rig.assert_faults_met()
    assert str(failed.value) == (
        "faults not met:\n  applied 0 of 2 times: rcpt times=2 reply 450 \n"
        f"no client has connected to {smtp_rig.address}"
    )


@pytest.mark.smtp_rig(faults="rcpt reply 450 4.7.1 later")
def test_faults_are_there_at_the_first_connection(smtp_rig):
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(smtp_rig)


# TLS and AUTH.


@pytest.mark.smtp_rig(tls="starttls", require_tls=True)
def test_starttls(smtp_rig):
    with connect(smtp_rig) as client:
        client.ehlo()
        assert client.mail("a@x.example")[0] == 530
        client.starttls(context=smtp_rig.ssl_context())
        client.sendmail("a@x.example", ["b@y.example"], TEXT)
    (message,) = smtp_rig.expect_messages(1)
    assert message.session.tls_version in ("TLSv1.2", "TLSv1.3")
    assert message.session.tls_cipher
    assert "STARTTLS" in message.session.extensions


@pytest.mark.smtp_rig(tls="first", require_tls=True)
def test_tls_first(smtp_rig):
    context = ssl.create_default_context(cafile=smtp_rig.ca_file)
    with smtplib.SMTP_SSL(
        "localhost", smtp_rig.port, timeout=20, context=context
    ) as client:
        client.sendmail("a@x.example", ["b@y.example"], TEXT)
    assert smtp_rig.expect_messages(1)[0].session.tls_version


@pytest.mark.smtp_rig(tls="starttls")
def test_certificates_are_verified(smtp_rig):
    with connect(smtp_rig) as client:
        with pytest.raises(ssl.SSLCertVerificationError):
            client.starttls(context=ssl.create_default_context())
        client.close()
    with postern.Rig() as other, connect(smtp_rig) as client:
        with pytest.raises(ssl.SSLCertVerificationError):
            client.starttls(context=other.ssl_context())
        client.close()
    smtp_rig.on("tls", certificate="expired")
    with connect(smtp_rig) as client:
        with pytest.raises(ssl.SSLCertVerificationError) as failed:
            client.starttls(context=smtp_rig.ssl_context())
        client.close()
    assert "expired" in failed.value.verify_message


@pytest.mark.smtp_rig(tls="starttls", mechanisms=["EXTERNAL"])
def test_certificate_of_a_client_is_its_user(smtp_rig):
    for user in ["joe", "ann"]:
        with connect(smtp_rig) as client:
            client.starttls(context=smtp_rig.ssl_context(client=user))
            client.ehlo()
            assert client.docmd("AUTH", "EXTERNAL =")[0] == 235
    assert [(s.user, s.client_subject) for s in smtp_rig.wait_for_sessions(2)] == [
        ("CN=joe", "CN=joe"),
        ("CN=ann", "CN=ann"),
    ]
    with pytest.raises(ValueError, match="1 to 64 octets"):
        smtp_rig.client_certificate("x" * 65)
    first, second = (smtp_rig.client_certificate("joe") for _ in range(2))
    assert first.certificate != second.certificate
    assert "PRIVATE KEY" in pathlib.Path(first.key).read_text()


@pytest.mark.smtp_rig(
    users={"joe": "sëcret", "ann": "other"},
    tokens={"ann": "tok"},
    require_auth=True,
)
def test_auth(smtp_rig):
    with connect(smtp_rig) as client:
        client.ehlo()
        assert client.mail("a@x.example")[0] == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("joe", "wrong")
    token = base64.b64encode(b"user=ann\1auth=Bearer tok\1\1").decode()
    with connect(smtp_rig) as client:
        client.ehlo()
        assert client.docmd("AUTH", f"XOAUTH2 {token}")[0] == 235
    plain = base64.b64encode("\0joe\0sëcret".encode()).decode()
    with connect(smtp_rig) as client:
        client.ehlo()
        assert client.docmd("AUTH", f"PLAIN {plain}")[0] == 235
        client.sendmail("a@x.example", ["b@y.example"], TEXT)
    assert [(s.user, s.mechanism) for s in smtp_rig.wait_for_sessions(3)] == [
        (None, None),
        ("ann", "XOAUTH2"),
        ("joe", "PLAIN"),
    ]
    assert plain not in smtp_rig.transcript
    assert "C: AUTH PLAIN ***" in smtp_rig.transcript


@pytest.mark.smtp_rig(users={"joe": "secret"}, show_passwords=True)
def test_passwords_are_shown_if_they_shall_be(smtp_rig):
    with connect(smtp_rig) as client:
        client.ehlo()
        client.docmd("AUTH", "PLAIN AGpvZQBzZWNyZXQ=")
    smtp_rig.wait_for_sessions(1)
    assert "AUTH PLAIN AGpvZQBzZWNyZXQ=" in smtp_rig.transcript


# Options.


def test_lmtp_on_a_unix_socket(tmp_path):
    path = tmp_path / "s"
    with postern.Rig(address=f"unix:{path}", lmtp=True) as rig:
        assert (rig.address, rig.host, rig.port) == (f"unix:{path}", str(path), 0)
        with smtplib.LMTP(rig.host) as client:
            client.sendmail("a@x.example", ["b@y.example"], TEXT)
        (message,) = rig.expect_messages(1)
        assert message.session.client_address is None
        assert "from a Unix socket" in repr(message.session)
    assert not path.exists()


@pytest.mark.parametrize(
    "address, host", [("127.0.0.1:0", "127.0.0.1"), ("*:0", "127.0.0.1")]
)
def test_address_names_the_port(address, host):
    with postern.Rig(address=address) as rig:
        assert rig.host == host
        assert rig.address == f"{address[:-2]}:{rig.port}"
        send(rig)


@pytest.mark.smtp_rig(
    host_name="mail.example",
    extensions=["DSN", "chunking"],
    max_message_size=1000,
    address_faults=True,
)
def test_options_change_the_server(smtp_rig):
    with connect(smtp_rig) as client:
        client.ehlo()
        assert client.ehlo_resp.decode().split("\n") == [
            "mail.example",
            "PIPELINING",
            "SIZE 1000",
            "8BITMIME",
            "ENHANCEDSTATUSCODES",
            "CHUNKING",
            "DSN",
            "LIMITS RCPTMAX=1000",
        ]
        client.mail("a@x.example")
        assert client.rcpt("rcpt-451@y.example")[0] == 451


@pytest.mark.smtp_rig(extensions=[], max_message_size=None)
def test_options_for_none(smtp_rig):
    with connect(smtp_rig) as client:
        client.ehlo()
        assert b"\nSIZE\n" in client.ehlo_resp
        assert b"DSN" not in client.ehlo_resp


@pytest.mark.smtp_rig(command_timeout=0.05)
def test_silent_client_gets_a_421(smtp_rig):
    with socket.create_connection((smtp_rig.host, smtp_rig.port), 20) as client:
        with client.makefile("rb") as replies:
            assert replies.read().startswith(b"220 rig.example ESMTP\r\n421 ")
    (session,) = smtp_rig.wait_for_sessions(1)
    assert session.end == "timeout"


@pytest.mark.parametrize(
    "options, error, why",
    [
        ({"tls": "startls"}, ValueError, "tls: not one of none, starttls, first"),
        ({"require_tls": True}, ValueError, "require_tls: "),
        ({"require_auth": True}, ValueError, "require_auth: "),
        ({"host_name": ""}, ValueError, "host_name: "),
        ({"host_name": "a\0b"}, ValueError, "host_name contains a NUL"),
        ({"host_name": b"x"}, TypeError, "host_name must be a str, not bytes"),
        ({"address": "nowhere"}, ValueError, "nowhere"),
        # A network for documentation: no host has it.
        ({"address": "192.0.2.1:0"}, OSError, "192.0.2.1:0"),
        ({"users": {"": "x"}}, ValueError, "users: "),
        ({"users": {"joe": None}}, TypeError, "users must be a str"),
        ({"mechanisms": ["GSSAPI"]}, ValueError, "GSSAPI"),
        ({"mechanisms": "PLAIN"}, TypeError, "mechanisms must be a list"),
        ({"extensions": ["SIZE"]}, ValueError, "that can be chosen: SIZE"),
        ({"certificate_names": [""], "tls": "first"}, ValueError, "certificate_n"),
        ({"max_messages": 0}, ValueError, "max_messages: "),
        ({"max_message_size": -1}, ValueError, "max_message_size: "),
        ({"command_timeout": 0}, ValueError, "command_timeout: "),
        ({"faults": "rcp"}, ValueError, "faults:1: not a stage: rcp"),
        ({"tsl": "first"}, TypeError, "tsl"),
    ],
)
def test_wrong_options_are_errors(options, error, why):
    before = threads()
    with pytest.raises(error) as failed:
        postern.Rig(**options)
    assert why in str(failed.value)
    # Although the traceback still has the rig.
    assert fewer_threads(before) == before


def test_address_in_use_is_an_error(smtp_rig):
    with pytest.raises(OSError) as failed:
        postern.Rig(address=smtp_rig.address)
    assert smtp_rig.address in str(failed.value)


# The life of a rig.


def threads():
    return len(os.listdir("/proc/self/task"))


def fewer_threads(wanted):
    """Returns the number of threads when it is `wanted`, or after 20 seconds.

    The kernel lists a thread for a moment after it was joined.
    """
    end = time.monotonic() + 20
    while (number := threads()) > wanted and time.monotonic() < end:
        time.sleep(0.001)
    return number


def refuses(rig):
    try:
        socket.create_connection((rig.host, rig.port), 20).close()
        return False
    except ConnectionRefusedError:
        return True


def test_closed_rig_keeps_what_it_has():
    with postern.Rig() as rig:
        send(rig)
        rig.wait_for_sessions(1)
        rig.on("rcpt", times=2, reply=450)
        ca_file = rig.ca_file
        assert os.path.exists(ca_file)
    assert refuses(rig)
    assert not os.path.exists(ca_file)
    assert [message.mime["Subject"] for message in rig.messages] == ["hi"]
    assert [session.end for session in rig.sessions] == ["quit"]
    assert "S: 221 " in rig.transcript
    assert len(rig.unmet_faults) == 1
    assert repr(rig) == f"<Rig {rig.address}, closed>"
    rig.close()
    # The caller's copy.
    rig.messages.clear()
    assert len(rig.messages) == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda rig: rig.on("quit", stall=True),
        lambda rig: rig.faults("quit stall"),
        lambda rig: rig.clear_faults(),
        lambda rig: rig.clear(),
        lambda rig: rig.wait_for_messages(1),
        lambda rig: rig.wait_for_sessions(1),
        lambda rig: rig.expect_messages(1),
        lambda rig: rig.ca_certificate,
        lambda rig: rig.ca_file,
        lambda rig: rig.client_certificate("joe"),
        lambda rig: rig.ssl_context(),
    ],
)
def test_closed_rig_cannot_be_used(use):
    rig = postern.Rig()
    rig.close()
    with pytest.raises(RuntimeError, match="the rig is closed"):
        use(rig)


def test_sessions_of_a_closed_rig_have_ended():
    rig = postern.Rig()
    with socket.create_connection((rig.host, rig.port), 20) as client:
        with client.makefile("rb") as replies:
            assert replies.readline().startswith(b"220 ")
            rig.close()
            (session,) = rig.sessions
            assert session.end is not None


def test_messages_outlive_their_rig():
    rig = postern.Rig()
    send(rig)
    (message,) = rig.messages
    session = message.session
    rig.close()
    del rig
    gc.collect()
    assert message.raw == b"Subject: hi\r\n\r\nbody\r\n"
    assert message.to == ["b@y.example"]
    assert "C: QUIT" in session.transcript


def test_garbage_collection_closes():
    before = threads()
    rig = postern.Rig()
    address = (rig.host, rig.port)
    assert threads() == before + 1
    del rig
    gc.collect()
    assert fewer_threads(before) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, 20)


def test_rig_that_was_not_made_is_no_trouble():
    with pytest.raises(ValueError):
        postern.Rig(tls="x")
    gc.collect()
    made = postern.Rig.__new__(postern.Rig)
    del made
    gc.collect()  # -W error: an exception in __del__ would be an error


def test_close_ends_the_waits_of_other_threads(monkeypatch):
    rig = postern.Rig()
    waits = threading.Event()
    errors = []
    library_waits = rig._library.wait_for_messages

    def enter(*arguments):
        waits.set()
        library_waits(*arguments)

    monkeypatch.setattr(rig._library, "wait_for_messages", enter)

    def wait():
        with pytest.raises(RuntimeError) as failed:
            rig.wait_for_messages(1, timeout=3600)
        errors.append(str(failed.value))

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    waits.wait(20)
    rig.close()
    thread.join(20)
    assert errors == ["the rig is closed"]


def test_threads_share_a_rig(smtp_rig):
    def client():
        for _ in range(5):
            send(smtp_rig)
            smtp_rig.on("vrfy", times=1, reply=550)
            assert smtp_rig.messages[-1].raw

    clients = [threading.Thread(target=client) for _ in range(8)]
    for thread in clients:
        thread.start()
    assert len(smtp_rig.expect_messages(40, timeout=60)) == 40
    for thread in clients:
        thread.join()
    assert [m.number for m in smtp_rig.messages] == list(range(1, 41))
    assert len(smtp_rig.unmet_faults) == 40


def test_threads_close_a_rig_at_the_same_time():
    for _ in range(20):
        rig = postern.Rig()
        send(rig)
        closing = [threading.Thread(target=rig.close) for _ in range(4)]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()
        assert len(rig.messages) == 1


def test_many_rigs_share_nothing():
    rigs = [postern.Rig() for _ in range(50)]
    assert len({rig.port for rig in rigs}) == 50
    for number, rig in enumerate(rigs):
        send(rig, text=f"Subject: {number}\n\n")
    for number, rig in enumerate(rigs):
        with rig:
            (message,) = rig.expect_messages(1)
            assert message.mime["Subject"] == str(number)


@pytest.mark.parametrize("stage", ["#rcpt", "", "nowhere"])
def test_unknown_stage_is_an_error(smtp_rig, stage):
    with pytest.raises(ValueError):
        smtp_rig.on(stage, reply=450)
    send(smtp_rig)
    smtp_rig.expect_messages(1)


def test_signal_interrupts_a_wait(smtp_rig):
    def on_alarm(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, on_alarm)
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            smtp_rig.wait_for_messages(1, timeout=3600)
    finally:
        signal.signal(signal.SIGALRM, before)
    send(smtp_rig)
    smtp_rig.expect_messages(1)


# Other processes.


def run(script, **environment):
    """Runs Python. Returns its exit code and what it has printed."""
    ended = subprocess.run(
        [sys.executable, "-B", "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )
    return ended.returncode, ended.stdout


def test_child_of_fork_cannot_use_the_rig():
    # In a process of its own, because pytest has other threads and files.
    code, printed = run(
        """
        import gc, os, smtplib, sys, warnings
        import postern
        warnings.simplefilter("ignore", DeprecationWarning)
        rig = postern.Rig()
        path = rig.ca_file
        child = os.fork()
        if child == 0:
            try:
                rig.messages
            except RuntimeError as error:
                print("belongs to process" in str(error), flush=True)
            rig.close()
            del rig
            gc.collect()
            with postern.Rig() as other:  # its own
                with smtplib.SMTP(other.host, other.port) as client:
                    client.sendmail("a@x", ["b@y"], "x")
                print(len(other.expect_messages(1)), flush=True)
            sys.exit(3)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        print(os.path.exists(path))
        with smtplib.SMTP(rig.host, rig.port) as client:
            client.sendmail("a@x", ["b@y"], "x")
        print(len(rig.expect_messages(1)))
        """
    )
    assert (code, printed) == (0, "True\n1\n3\nTrue\n1\n")


def test_end_of_the_interpreter_closes():
    code, printed = run(
        """
        import atexit, contextlib, socket, threading
        import postern
        def last():
            try:
                socket.create_connection((rig.host, rig.port), 20)
            except ConnectionRefusedError:
                print("refused")
        atexit.register(last)  # is called after what was registered later
        rig = postern.Rig(tls="starttls")
        waits = threading.Event()
        def wait():
            waits.set()
            # Python may abort if a thread prints its error at the end.
            with contextlib.suppress(RuntimeError):
                rig.wait_for_messages(1, timeout=3600)
        threading.Thread(target=wait, daemon=True).start()
        waits.wait()
        """
    )
    assert (code, printed) == (0, "refused\n")
    other, printed = run("import postern; print(postern.Rig().ca_file)")
    assert other == 0
    assert not os.path.exists(printed.strip())


@pytest.mark.parametrize(
    "library, parts",
    [
        (
            "/nonexistent/library.so",
            [
                "postern.LibraryError: postern cannot load its C library:",
                "/nonexistent/library.so: cannot open shared object file",
                "POSTERN_LIBRARY is '/nonexistent/library.so'",
            ],
        ),
        # Next to the package, in PREFIX/lib, then where the linker finds it.
        (
            "",
            [
                "postern/libpostern-rig.so.0: cannot open shared object file",
                f"  {PREFIX_LIBRARY}: cannot open shared object file",
                "  libpostern-rig.so.0: cannot open shared object file",
                "Install postern (tools/install), or set POSTERN_LIBRARY",
            ],
        ),
        ("libc.so.6", ["cannot load its C library", "/libc.so.6: cannot open"]),
    ],
)
def test_missing_library_is_an_error(library, parts):
    code, printed = run("import postern; postern.Rig()", POSTERN_LIBRARY=library)
    if not library and code == 0:
        pytest.skip("libpostern-rig.so.0 is installed on this host")
    assert code == 1
    for part in parts:
        assert part in printed


def test_library_of_the_prefix_is_found(tmp_path):
    """As tools/install --prefix puts them."""
    packages = tmp_path / "lib/python3.9/dist-packages"
    shutil.copytree(pathlib.Path(postern.__file__).parent, packages / "postern")
    library = tmp_path / "lib/libpostern-rig.so.0"
    library.symlink_to(os.environ["POSTERN_LIBRARY"])
    code, printed = run(
        """
        import pathlib
        import postern
        with postern.Rig():
            print("libpostern-rig" in pathlib.Path("/proc/self/maps").read_text())
        print(postern._library.library()._library._name)
        """,
        POSTERN_LIBRARY="",
        PYTHONPATH=str(packages),
    )
    assert (code, printed) == (0, f"True\n{library}\n")


def test_another_library_is_an_error():
    other = next(
        line.split()[-1]
        for line in pathlib.Path("/proc/self/maps").read_text().splitlines()
        if "/libc.so" in line
    )
    code, printed = run("import postern; postern.Rig()", POSTERN_LIBRARY=other)
    assert code == 1
    assert f"{other} has no function postern_rig_" in printed
    assert "older than this package" in printed


def test_import_needs_no_library():
    code, printed = run(
        "import postern.pytest_plugin", POSTERN_LIBRARY="/nonexistent"
    )
    assert (code, printed) == (0, "")


def test_package_has_every_function_of_the_library():
    symbols = pathlib.Path("postern_rig.symbols").read_text()
    names = set(re.findall(r"^postern_rig_(\w+)@@", symbols, re.M))
    assert names == {*_library._CHECKED, *_library._OTHERS}


def test_versions():
    changelog = pathlib.Path("CHANGELOG.md").read_text(encoding="utf-8")
    release = re.search(r"^## \[([\d.]+)\]", changelog, re.M)[1]
    assert postern.__version__ == release
    assert postern.library_version()[0].isdigit()
