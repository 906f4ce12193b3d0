# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests with pytest: pytest test_welcome.py"""

import smtplib

import pytest


def send_welcome(to, host, port, password=None, context=None):
    """The code that is tested."""
    with smtplib.SMTP(host, port) as client:
        if password is not None:
            client.starttls(context=context)
            client.login("shop", password)
        client.sendmail("shop@x.example", [to], "Subject: Welcome\n\nHello\n")


# The fixture smtp_rig is a server of its own for each test: postern.Rig.
def test_welcome_arrives(smtp_rig):
    send_welcome("you@y.example", smtp_rig.host, smtp_rig.port)
    (message,) = smtp_rig.expect_messages(1)
    assert message.to == ["you@y.example"]
    assert message.mime["Subject"] == "Welcome"
    assert "Hello" in message.mime.get_content()


def test_refusal_is_an_error(smtp_rig):
    smtp_rig.on("rcpt", "you@*", times=1, reply="450 4.7.1 later")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send_welcome("you@y.example", smtp_rig.host, smtp_rig.port)
    send_welcome("you@y.example", smtp_rig.host, smtp_rig.port)
    assert len(smtp_rig.expect_messages(1)) == 1
    smtp_rig.assert_faults_met()


@pytest.mark.smtp_rig(tls="starttls", users={"shop": "secret"})
def test_password_is_sent_over_tls(smtp_rig):
    send_welcome("you@y.example", smtp_rig.host, smtp_rig.port,
                 password="secret", context=smtp_rig.ssl_context())
    (message,) = smtp_rig.expect_messages(1)
    assert message.session.user == "shop"
    assert message.session.tls_version == "TLSv1.3"
