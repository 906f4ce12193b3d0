# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""The lists of patched qmail: badhelo, badmailfrom, badrcptto, validrcptto."""

import subprocess

import harness

# A control file, its content, the part of a session, the code of the reply to
# RCPT, and the field `source` of its line in the log without the directory.
CASES = (
    ("badhelo", "^localhost$\n", ("localhost", "s@x.example", "u"), 553,
     "badhelo", "badhelo:1"),
    ("badhelonorelay", "!\\.\n", ("pc", "s@x.example", "u"), 553,
     "badhelo", "badhelonorelay:1"),
    ("badmailfrompatterns", "# x\n^[0-9]+@\n", ("c.example", "12@x.example",
                                               "u"), 553,
     "badmailfrom", "badmailfrompatterns:2"),
    ("badmailfromnorelay", "@LOCAL\\.example$\n",
     ("c.example", "s@local.example", "u"), 553,
     "badmailfrom", "badmailfromnorelay:1"),
    ("badrcptto", "u@local.example\n", ("c.example", "s@x.example", "u"), 553,
     "badrcptto", "badrcptto:1"),
    ("badrcpttopatterns", "%.*@\n", ("c.example", "s@x.example", "u%evil"),
     553, "badrcptto", "badrcpttopatterns:1"),
    ("badrcpttonorelay", "^u@\n", ("c.example", "s@x.example", "u"), 553,
     "badrcptto", "badrcpttonorelay:1"),
)
NO_RELAY = "norelay"


class ListsTest(harness.TestCase):

    def say(self, hello, sender, *users):
        lines = [f"EHLO {hello}", f"MAIL FROM:<{sender}>"]
        lines += [f"RCPT TO:<{user}@local.example>" for user in users]
        return "".join(f"{line}\r\n" for line in (*lines, "QUIT"))

    def put_valid(self, *keys):
        """Makes validrcptto.cdb, as the manual says."""
        path = self.control / "validrcptto.cdb"
        subprocess.run(["cdb", "-c", "-m", str(path)],
                       input="".join(f"{key}\n" for key in keys).encode(),
                       check=True, timeout=harness.PATIENCE)
        return str(path)

    def test_each_list_refuses(self):
        for name, content, said, code, rule, source in CASES:
            with self.subTest(name):
                self.put(name, content)
                talk = self.talk(self.say(*said))
                self.assertEqual(talk.codes[-3:], [250, code, 221])
                self.assertIn(f"rcpt decision=refuse rule={rule} "
                              f"source={self.control}/{source} ", talk.log)
                relay = self.talk(self.say(*said),
                                  environment={"RELAYCLIENT": ""})
                self.assertEqual(relay.codes[-2],
                                 250 if NO_RELAY in name else code)
                (self.control / name).unlink()

    def test_variables_turn_lists_off(self):
        self.put("badhelo", "^localhost$\n")
        self.put("badmailfrom", "s@x.example\n")
        said = self.say("localhost", "s@x.example", "u")
        for environment, code in (
                ({}, 553), ({"NOBADHELO": ""}, 553),
                ({"DISABLE_BADMAILFROM": ""}, 553),
                ({"NOBADHELO": "", "DISABLE_BADMAILFROM": ""}, 250)):
            talk = self.talk(said, environment=environment)
            self.assertEqual(talk.codes[-2], code, environment)

    def test_invalid_pattern_refuses_the_service(self):
        self.put("badhelo", "good\n*.dyn.example\n")
        talk = self.talk("QUIT\r\n")
        self.assertEqual(talk.codes, [421])
        self.assertIn("badhelo:2: the regular expression has a '*' that "
                      "repeats nothing", talk.log)

    def test_validrcptto(self):
        path = self.put_valid("ann@local.example ",
                              "ann-list-default@local.example ",
                              "ann-list-old@local.example -")
        said = self.say("c", "s@x.example", "Ann", "ann-list-2",
                        "ann-list-old", "bob")
        option = ("--validrcptto", path)
        for options, environment in ((option, {}), ((), {
                "VALIDRCPTTO_CDB": path})):
            talk = self.talk(said, *options, environment=environment)
            self.assertEqual(talk.codes[-5:-1], [250, 250, 553, 553])
            self.assertIn(f"rule=validrcptto source={path} ", talk.log)
            self.assertIn("553 5.7.1 sorry, this recipient is not in my "
                          "validrcptto list (#5.7.1)", talk.log)
        for environment in ({"RELAYCLIENT": ""}, {"VALIDRCPTTO_CDB": ""}):
            talk = self.talk(said, *option, environment=environment)
            self.assertEqual(talk.codes[-5:-1], [250] * 4)

    def test_too_many_invalid_recipients(self):
        path = self.put_valid("u@local.example ")
        said = self.say("c", "s@x.example", "a", "u", "b", "u", "u")
        for options, environment in (
                (("--max-invalid-recipients", "2"), {}),
                ((), {"VALIDRCPTTO_LIMIT": "2"}), ((), {"BRTLIMIT": "2"})):
            talk = self.talk(said, "--validrcptto", path, *options,
                             environment=environment)
            self.assertEqual(talk.codes[-4:], [553, 250, 553, 421])
            self.assertIn("421 4.3.0 too many invalid addresses, goodbye "
                          "(#4.3.0)", talk.log)

    def test_serve(self):
        path = self.put_valid("u@local.example ")
        self.put("badhelo", "^localhost$\n")
        self.put("spfbehavior", "3\n")
        rules = self.folder / "rules.txt"
        rules.write_text('127.0.0.2:allow,NOBADHELO="",BRTLIMIT="1"\n:allow\n')
        subprocess.run(["tcprules", str(self.folder / "rules.cdb"),
                        str(self.folder / "rules.tmp")],
                       stdin=rules.open(), check=True,
                       timeout=harness.PATIENCE)
        server = harness.Serve(self, "--validrcptto", path,
                               "--rules", str(self.folder / "rules.cdb"))
        server.wait_log(f"{self.control}/spfbehavior: not read: it is a "
                        "patch's; --spf has an action for each result.")

        def codes(source):
            with harness.Client(server, source) as client:
                client.reply()
                return [int(client.ask(line)[:3]) for line in (
                    "EHLO localhost", "MAIL FROM:<s@x.example>",
                    "RCPT TO:<u@local.example>", "RCPT TO:<v@local.example>",
                    "RCPT TO:<u@local.example>")]
        self.assertEqual(codes("127.0.0.1"), [250, 250, 553, 553, 553])
        server.wait_log(f"rule=badhelo source={self.control}/badhelo:1 ")
        self.assertEqual(codes("127.0.0.2"), [250, 250, 250, 553, 421])
        server.wait_log(f"rule=validrcptto source={path} ")


if __name__ == "__main__":
    harness.main()
