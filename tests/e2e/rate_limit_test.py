# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Limits of messages, recipients and bytes: --rate-limit."""

import urllib.request

import harness

# A checkpassword program for the users ann and bob, with the password "secret".
CHECKER = """#!/bin/sh
asked=$(tr '\\0' '|' <&3)
case $asked in
  [Aa]nn'|secret||' | 'bob|secret||') exec "$@" ;;
esac
exit 1
"""


class RateLimitTest(harness.TestCase):

    def test_user_with_a_stolen_password_is_limited_and_logged_once(self):
        checker = self.folder / "checker"
        checker.write_text(CHECKER)
        checker.chmod(0o755)
        server = harness.Serve(
            self, "--auth", f"checkpassword:{checker}", "--auth-insecure",
            "--rate-limit", "user:recipients=3/1h", "--metrics", "127.0.0.1:0",
            listen=("127.0.0.1:0,auth",))
        login = ("--auth", "PLAIN", "--auth-password", "secret",
                 "--auth-user")
        for _ in range(3):
            said, code = harness.swaks(server, *login, "ann")
            self.assertEqual(code, 0, said)
        for user in ("ann", "Ann", "ann"):  # one user in two spellings
            said, code = harness.swaks(server, *login, user)
            self.assertIn("450 4.7.1 more than 3 recipients in 1 hour of this "
                          "user, try again later (#4.7.1)", said)
        said, code = harness.swaks(server, *login, "bob")
        self.assertEqual(code, 0, said)
        said, code = harness.swaks(server)
        self.assertEqual(code, 0, said)
        log = server.wait_log("decision=refuse rule=rate-limit")
        self.assertEqual(log.count(
            " rate-limit who=user what=recipients most=3 seconds=3600 "
            "ip=127.0.0.1 user=ann from=<s@x.example>\n"), 1)
        self.assertEqual(log.count(" rate-limit who="), 1)
        self.assertEqual(log.count("decision=refuse rule=rate-limit"), 3)
        where = log.split("metrics at ")[1].split("\n")[0]
        with urllib.request.urlopen(f"http://{where}/metrics",
                                    timeout=harness.PATIENCE) as answer:
            self.assertIn('postern_recipients_total{rule="rate-limit",'
                          'decision="refuse"} 3', answer.read().decode())

    def test_limits_of_clients_and_their_exemptions(self):
        server = harness.Serve(
            self, "--rate-limit", "client:messages=1/1d", "--rate-limit",
            "client:bytes=1k/1m", "--unlimited", "127.0.0.4/32",
            "--rules", self.rules('127.0.0.2:allow,RELAYCLIENT=""\n'
                        '127.0.0.3:allow,NORATELIMIT=""\n:allow\n'))
        for client, second in (("127.0.0.1", 24), ("127.0.0.2", 24),
                               ("127.0.0.3", 0), ("127.0.0.4", 0)):
            # A message that is refused does not count.
            said, code = harness.swaks(server, "--local-interface", client,
                                    "--body", "x" * 2000)
            limited = client in ("127.0.0.1", "127.0.0.2")
            self.assertEqual(code, 26 if limited else 0, said)
            if limited:
                self.assertIn("552 5.3.4 message is larger than 1024 bytes",
                              said)
            for expected in (0, second):
                said, code = harness.swaks(server, "--local-interface", client)
                self.assertEqual(code, expected, said)

    def test_wrong_value_is_an_error(self):
        said, code = harness.fail_to_start(
            self, "--rate-limit", "user:recipients=200")
        self.assertEqual(code, 100, said)
        self.assertIn('--rate-limit: "user:recipients=200": not '
                      "WHO:WHAT=N/TIME", said)


if __name__ == "__main__":
    harness.main()
