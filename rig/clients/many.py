# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Sends messages with smtplib, eight at the same time.

    many.py PORT COUNT TIMEOUT

Waits TIMEOUT seconds for each reply. Prints the subject of each message, and "accepted", "refused" or "unknown".
"""

import concurrent.futures
import smtplib
import ssl
import sys


def outcome(subject):
    client = None
    try:
        client = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), "c",
                              int(sys.argv[3]))
        client.ehlo_or_helo_if_needed()
        if client.has_extn("starttls"):
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            client.starttls(context=context)
        client.sendmail("a@x", ["b@y", "c@y"], f"Subject: {subject}\n\nhi\n")
        return "accepted"
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
    except smtplib.SMTPResponseException as error:
        codes = [error.smtp_code]
    except (OSError, smtplib.SMTPException):
        codes = [-1]
    finally:
        # Without QUIT: it cannot change the outcome.
        if client:
            client.close()
    return "refused" if all(code >= 400 for code in codes) else "unknown"


def main():
    subjects = [f"smtplib-{n}" for n in range(int(sys.argv[2]))]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for subject, verdict in zip(subjects, pool.map(outcome, subjects)):
            print(subject, verdict)


if __name__ == "__main__":
    main()
