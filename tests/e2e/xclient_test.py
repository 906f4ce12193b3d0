# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""XCLIENT, with which a proxy names its clients: from swaks and by hand."""

import subprocess

import harness

RULES = ('127.0.0.1:allow,RELAYCLIENT=""\n'
         '192.0.2.7:allow,RELAYCLIENT="",DATABYTES="1000"\n'
         '192.0.2.66:deny\n'
         '=good.example:allow,RELAYCLIENT=""\n'
         ":allow\n")


class XClientTest(harness.TestCase):

    def serve(self, *options, rules=RULES, **more):
        self.rules = self.folder / "rules.cdb"
        subprocess.run(["tcprules", str(self.rules),
                        str(self.folder / "rules.tmp")], input=rules.encode(),
                       check=True, timeout=harness.PATIENCE)
        return harness.Serve(self, "--rules", str(self.rules),
                             "--xclient-from", "127.0.0.1", *options, **more)

    def ehlo(self, client):
        """Sends EHLO; returns the lines of the reply."""
        client.send("EHLO c.example\r\n")
        lines = []
        while True:
            lines.append(client.file.readline().decode().rstrip())
            if lines[-1][3:4] != "-":
                return [line[4:] for line in lines]

    def relay(self, client):
        """Sends RCPT for a remote recipient; returns the code."""
        self.ehlo(client)
        client.ask("MAIL FROM:<s@x.example>")
        code = int(client.ask("RCPT TO:<u@elsewhere.example>")[:3])
        client.ask("RSET")
        return code

    def test_rules_apply_to_the_named_client(self):
        server = self.serve()
        with harness.Client(server) as client:
            client.reply()
            self.assertIn("XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT",
                          self.ehlo(client))
            self.assertEqual(self.relay(client), 250)  # the proxy may relay
            for words, code in (
                    ("ADDR=192.0.2.8", 553), ("ADDR=192.0.2.7", 250),
                    ("ADDR=192.0.2.9 PORT=4711", 553),
                    ("ADDR=192.0.2.9 NAME=good.example", 250),
                    ("ADDR=IPV6:2001:db8::7", 553),
                    ("NAME=good.example", 250),
                    ("ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE]", 553)):
                self.assertEqual(client.ask(f"XCLIENT {words}")[:3], "220")
                # MAIL needs a new EHLO.
                self.assertEqual(client.ask("MAIL FROM:<s@x>")[:3], "503")
                self.assertEqual(self.relay(client), code, words)
            # DATABYTES applies to the client, but not to the next one.
            client.ask("XCLIENT ADDR=192.0.2.7")
            self.assertIn("SIZE 1000", self.ehlo(client))
            client.ask("XCLIENT ADDR=192.0.2.8")
            self.assertIn("SIZE 52428800", self.ehlo(client))
            # A denied client is refused, and the session is closed.
            self.assertEqual(client.ask("XCLIENT ADDR=192.0.2.66")[:3], "554")
            self.assertEqual(client.reply(), "")
        log = server.wait_log("session end=refused ip=192.0.2.66")
        self.assertIn("xclient from=127.0.0.1 ip=192.0.2.7\n", log)
        self.assertIn("decision=accept rule=relayclient source=RELAYCLIENT "
                      "ip=192.0.2.7 ", log)

    def test_xclient_is_not_offered_to_others(self):
        server = self.serve()
        with harness.Client(server, "127.0.0.2") as client:
            client.reply()
            self.assertNotIn("XCLIENT", "".join(self.ehlo(client)))
            self.assertEqual(client.ask("XCLIENT ADDR=192.0.2.7")[:3], "500")
            self.assertEqual(self.relay(client), 553)

    def test_named_client_gets_no_rights_of_a_proxy(self):
        # As in Postfix, only the address of the connection counts: a named
        # address in --xclient-from gives no rights, and the proxy keeps its own.
        server = self.serve()
        with harness.Client(server) as client:
            client.reply()
            for address in ("192.0.2.8", "127.0.0.1", "192.0.2.9"):
                self.assertEqual(client.ask(f"XCLIENT ADDR={address}")[:3],
                                 "220")
                self.assertIn("XCLIENT", "".join(self.ehlo(client)))

    def test_xclient_is_not_offered_on_a_unix_socket(self):
        path = self.folder / "socket"
        self.serve(listen=("127.0.0.1:0", f"unix:{path}"))
        done = subprocess.run(
            ["swaks", "--socket", str(path), "--quit-after", "EHLO"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=harness.PATIENCE, check=True)
        self.assertIn("250-PIPELINING", done.stdout)
        self.assertNotIn("XCLIENT", done.stdout)

    def test_login_is_accepted_only_on_listeners_with_auth(self):
        users = self.folder / "users"
        subprocess.run([harness.POSTERN, "users", "add", "--stdin",
                        "--iterations", "4096", str(users), "alice"],
                       input="secret\n", text=True, check=True,
                       timeout=harness.PATIENCE)
        server = self.serve(
            "--auth", f"cdb:{users}", "--auth-insecure",
            listen=("127.0.0.1:0", "127.0.0.1:0,submission"))
        with harness.Client(server) as client:
            client.reply()
            self.assertEqual(
                client.ask("XCLIENT ADDR=192.0.2.8 LOGIN=alice")[:3], "501")
            self.assertEqual(
                client.ask("XCLIENT ADDR=192.0.2.8 LOGIN=[UNAVAILABLE]")[:3],
                "220")
            self.assertEqual(self.relay(client), 553)
        server.port = server.ports[1]
        with harness.Client(server) as client:
            client.reply()
            self.assertIn(
                "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT",
                self.ehlo(client))
            client.ask("XCLIENT ADDR=192.0.2.8 LOGIN=alice")
            self.assertEqual(self.relay(client), 250)
            client.ask("XCLIENT ADDR=192.0.2.8")
            self.assertEqual(self.relay(client), 530)  # the identity is gone
        log = server.wait_log("rule=authenticated")
        self.assertIn("xclient from=127.0.0.1 ip=192.0.2.8 user=alice\n", log)

    def test_limits_count_the_clients_not_the_proxy(self):
        server = self.serve("--max-per-client", "2", "--max-connections", "3")

        def connect():
            client = harness.Client(server)
            self.addCleanup(client.__exit__)
            return client, client.reply()[:9]

        held = []
        for address in ("192.0.2.8", "192.0.2.8", "192.0.2.9"):
            client, code = connect()
            self.assertEqual(code[:3], "220")
            held.append(client)
            # Each client is counted instead of the proxy.
            self.assertEqual(client.ask(f"XCLIENT ADDR={address}")[:3], "220")
        self.assertEqual(connect()[1], "421 4.3.2")  # --max-connections
        self.assertEqual(held[2].ask("XCLIENT ADDR=192.0.2.8"),
                         "421 4.3.2 too many connections, try again later "
                         "(#4.3.2)")
        self.assertEqual(held[2].reply(), "")
        server.wait_log("connect decision=drop rule=max-per-client")
        # A client that is replaced frees its place.
        self.assertEqual(held[0].ask("XCLIENT ADDR=192.0.2.10")[:3], "220")
        client, code = connect()
        self.assertEqual(code[:3], "220")
        self.assertEqual(client.ask("XCLIENT ADDR=192.0.2.8")[:3], "220")

    def test_without_rules_no_client_is_served(self):
        server = self.serve()
        with harness.Client(server) as client:
            client.reply()
            self.rules.rename(self.folder / "away")
            self.assertEqual(client.ask("XCLIENT ADDR=192.0.2.8"),
                             "421 4.3.0 unable to read controls (#4.3.0)")
            self.assertEqual(client.reply(), "")
        server.wait_log("connect decision=drop rule=tcprules")

    def test_swaks_names_a_client(self):
        server = self.serve()
        done = subprocess.run(
            ["swaks", "--server", f"127.0.0.1:{server.port}",
             "--xclient-addr", "192.0.2.7", "--xclient-name", "c.example",
             "--xclient-helo", "h.example", "--xclient-port", "4711",
             "--from", "s@x.example", "--to", "u@elsewhere.example"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=harness.PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        (message,) = self.messages()
        self.assertIn(b" (c.example [192.0.2.7])\n", message)
        self.assertIn("message result=accept ", server.wait_log(" port=4711 "))


if __name__ == "__main__":
    harness.main()
