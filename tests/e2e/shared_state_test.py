# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""--shared-state: several servers count together in Debian's Redis."""

import base64
import re
import signal
import subprocess
import time
import urllib.request

import harness
import rabbit

# A checkpassword program for the user ann with the password "secret".
CHECKER = """#!/bin/sh
asked=$(tr '\\0' '|' <&3)
case $asked in 'ann|secret||') exec "$@" ;; esac
exit 1
"""


class Redis:
    """A redis-server of the test, on a Unix socket, without a disk."""

    def __init__(self, test, *options):
        self.socket = test.folder / "redis.sock"
        self.arguments = [
            "redis-server", "--port", "0", "--unixsocket", str(self.socket),
            "--save", "", "--appendonly", "no", "--dir", str(test.folder),
            "--loglevel", "warning", *options]
        self.test = test
        self.process = None
        test.addCleanup(self.stop)

    @property
    def address(self):
        return f"redis:unix:{self.socket}"

    @property
    def option(self):
        """The value of --shared-state. On a busy host a second is not enough
        for an answer."""
        return f"{self.address},timeout=60"

    def start(self, *options):
        self.process = subprocess.Popen(
            [*self.arguments, *options], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # redis-cli waits until the server accepts connections.
        end = time.monotonic() + harness.PATIENCE
        while self.try_ask("PING").returncode != 0:
            self.test.assertIsNone(self.process.poll(), "redis-server ended")
            self.test.assertLess(time.monotonic(), end)
        return self

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(harness.PATIENCE)

    def try_ask(self, *command):
        return subprocess.run(
            ["redis-cli", "-s", str(self.socket), *command],
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False)

    def ask(self, *command):
        done = self.try_ask(*command)
        self.test.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split("\n")[:-1]

    def keys_of(self, pattern):
        return self.ask("--scan", "--pattern", pattern)

    def keys(self):
        """Returns all keys but the one of the test of a connection, which
        expires soon. Each of them expires."""
        keys = [key for key in self.ask("--scan") if key != "postern:probe"]
        for key in keys:
            self.test.assertGreater(int(self.ask("PTTL", key)[0]), 0, key)
        return sorted(keys)


class Place:
    """The test, with another directory for the log of a server."""

    def __init__(self, test, name):
        self.test = test
        self.folder = test.folder / name
        self.folder.mkdir(exist_ok=True)

    def __getattr__(self, name):
        return getattr(self.test, name)


class SharedStateTest(harness.TestCase):

    def serve(self, name, redis, *options, **more):
        server = harness.Serve(Place(self, name), "--shared-state",
                               redis.option, *options, **more)
        server.wait_log("shared-state: ")
        return server

    def two(self, redis, *options, **more):
        return [self.serve(name, redis, *options, **more)
                for name in ("a", "b")]

    def metric(self, server, name):
        log = server.wait_log("metrics at ")
        where = log.split("metrics at ")[1].split("\n")[0]
        with urllib.request.urlopen(f"http://{where}/metrics",
                                    timeout=harness.PATIENCE) as answer:
            text = answer.read().decode()
        return re.search(rf"^{re.escape(name)} (\S+)$", text, re.M).group(1)

    def wait_for(self, ask):
        """Returns the first result of `ask` that is not empty."""
        end = time.monotonic() + harness.PATIENCE
        while not (result := ask()):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        return result

    def wait_times(self, server, text, times):
        """Waits until `text` is in the log `times` times."""
        self.wait_for(lambda: server.log().count(text) >= times)

    def checker(self):
        checker = self.folder / "checker"
        checker.write_text(CHECKER)
        checker.chmod(0o755)
        return f"checkpassword:{checker}"

    def explain(self, redis, *options):
        return subprocess.run(
            [harness.POSTERN, "explain", "--control", str(self.control),
             "--deliver", f"catch-all:{self.maildir}", "--shared-state",
             redis.option, *options, "--client", "127.0.0.1", "--sender",
             "s@x.example", "u@local.example"], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False)

    def test_limit_of_one_server_refuses_at_the_other_until_an_outage(self):
        redis = Redis(self).start()
        a, b = self.two(redis, "--rate-limit", "client:messages=3/1h",
                        "--rate-limit", "client:bytes=1M/1h", "--metrics",
                        "127.0.0.1:0")
        refused = "450 4.7.1 more than 3 messages in 1 hour from your address"
        for server in (a, b, a):
            said, code = harness.swaks(server)
            self.assertEqual(code, 0, said)
        for server in (a, b, a, b):
            self.assertIn(refused, harness.swaks(server)[0])
        self.wait_for(lambda: " rate-limit who=" in a.log() + b.log())
        logs = a.log() + b.log()
        self.assertEqual(logs.count(" rate-limit who="), 1, logs)
        self.assertEqual(redis.keys(),
                         ["postern:rate:client:bytes:3600:127.0.0.1",
                          "postern:rate:client:messages:3600:127.0.0.1"])
        # A message that is not accepted is not counted.
        taken = redis.ask("HVALS", "postern:rate:client:messages:3600:127.0.0.1")
        self.assertEqual(sum(int(each) for each in taken if int(each) < 99), 3)
        self.assertEqual(self.metric(a, "postern_shared_state_works"), "1")
        redis.stop()
        # b has accepted one message. It counts alone, and so do all others.
        for server, rest in ((a, 1), (b, 2)):
            for _ in range(rest):
                said, code = harness.swaks(server)
                self.assertEqual(code, 0, said)
            self.assertIn(refused, harness.swaks(server)[0])
            log = server.wait_log("this server counts alone until it works")
            self.assertIn(f"shared-state: {redis.address}: closed the "
                          "connection: this server counts alone", log)
            self.assertEqual(self.metric(server, "postern_shared_state_works"),
                             "0")
        redis.start()
        for server in (a, b):
            self.wait_times(server, f"{redis.address}: works\n", 2)
        # The new Redis has no counts, and the servers keep theirs.
        for server in (a, b):
            self.assertIn(refused, harness.swaks(server)[0])
        self.assertEqual(redis.keys(), [])

    def test_second_attempt_passes_at_the_other_server(self):
        redis = Redis(self).start()
        tables = [self.folder / "greylist-a", self.folder / "greylist-b"]
        a, b = [self.serve(name, redis, "--greylist", str(table))
                for name, table in zip("ab", tables)]
        key = "postern:grey:127.0.0.0/24"
        self.assertIn("451 4.7.1 greylisted, try again in ",
                      harness.swaks(a)[0])
        self.assertEqual(redis.keys(), ["postern:grey", key])
        attempt = "s@x.example:u@local.example"
        first, passed = redis.ask("HGET", key, attempt)[0].split(":")
        self.assertEqual(passed, "0")
        # Half of the delay is over, in Redis only.
        redis.ask("HSET", key, attempt, f"{int(first) - 150}:0")
        rest = r"greylisted, try again in (1[0-4]\d|150|\d\d?) seconds"
        redis.ask("DEL", "postern:probe")
        explained = self.explain(redis, "--greylist", str(tables[1]))
        self.assertRegex(explained.stdout, rest)
        self.assertEqual(redis.ask("EXISTS", "postern:probe"), ["0"])
        self.assertEqual(redis.ask("HGET", key, attempt)[0],
                         f"{int(first) - 150}:0")
        self.assertRegex(harness.swaks(b)[0], rest)
        redis.ask("HSET", key, attempt, f"{int(first) - 300}:0")
        said, code = harness.swaks(b)
        self.assertEqual(code, 0, said)
        # A second recipient is another attempt, which waits.
        self.assertIn("greylisted, try again", harness.swaks(
            a, "--to", "v@local.example")[0])
        self.assertEqual(redis.ask("HGET", key, "successes"), ["1"])
        # The table of b has learned what has passed. That of a does so with the
        # first attempt that passes there.
        said, code = harness.swaks(a)
        self.assertEqual(code, 0, said)
        redis.stop()
        for server in (a, b):
            said, code = harness.swaks(server)
            self.assertEqual(code, 0, said)
            said, code = harness.swaks(server, "--from", "new@x.example")
            self.assertIn("451 4.7.1 greylisted, try again in ", said)
        self.assertEqual(len(self.messages()), 4)
        # A Redis without data learns from the tables of the servers.
        redis.start()
        for server in (a, b):
            self.wait_times(server, f"{redis.address}: works\n", 2)
        said, code = harness.swaks(a)
        self.assertEqual(code, 0, said)
        self.wait_for(
            lambda: not redis.ask("HGET", key, attempt)[0].endswith(":0"))
        self.assertEqual(len(redis.keys()), 2)

    def test_whitelist_and_limits_of_the_greylist(self):
        redis = Redis(self).start()
        server = self.serve("a", redis, "--greylist",
                            f"{self.folder}/greylist,max-entries=100")
        key = "postern:grey:127.0.0.0/24"

        def attempt(sender, source="127.0.0.1"):
            return harness.swaks(server, "--from", f"{sender}@x.example",
                                 "--local-interface", source)
        # max-entries=100 permits one attempt of a network.
        for sender in ("one", "two", "three"):
            self.assertIn("greylisted, try again", attempt(sender)[0])
        self.assertEqual(
            [field for field in redis.ask("HKEYS", key) if ":" in field][-1],
            "three@x.example:u@local.example")
        self.assertLessEqual(int(redis.ask("HLEN", key)[0]), 3)
        # The oldest network of too many is removed.
        add_networks = (
            "for i = ARGV[1], ARGV[2] do "
            "redis.call('HSET', 'postern:grey:' .. i, 'x', '1:0') "
            "redis.call('EXPIRE', 'postern:grey:' .. i, 999) "
            "redis.call('ZADD', 'postern:grey', 100000000000 + i, "
            "'postern:grey:' .. i) end")
        redis.ask("EVAL", add_networks, "0", "1", "100")
        self.assertIn("greylisted", attempt("four", "127.0.1.1")[0])
        self.assertEqual(redis.ask("ZCARD", "postern:grey"), ["100"])
        self.assertEqual(redis.ask("EXISTS", key), ["0"])
        # After a greater limit, no question removes all that is too many.
        redis.ask("EVAL", add_networks, "0", "101", "1000")
        for network, left in (("3", 901), ("4", 802)):
            self.assertIn("greylisted",
                          attempt("more", f"127.0.{network}.1")[0])
            self.assertEqual(redis.ask("ZCARD", "postern:grey"), [str(left)])
            self.assertEqual(len(redis.keys_of("postern:grey:*")), left)
        redis.ask("EVAL", "for i = 1, 1000 do redis.call('DEL', "
                  "'postern:grey:' .. i) end redis.call('DEL', "
                  "'postern:grey')", "0")
        # Five successes, at most one in an hour, whitelist a network.
        now = int(redis.ask("TIME")[0])
        redis.ask("HSET", "postern:grey:127.0.2.0/24", "successes", "5",
                  "last", str(now - 7200))
        redis.ask("EXPIRE", "postern:grey:127.0.2.0/24", "999")
        said, code = attempt("five", "127.0.2.1")
        self.assertEqual(code, 0, said)
        self.assertGreaterEqual(
            int(redis.ask("HGET", "postern:grey:127.0.2.0/24", "last")[0]),
            now)
        self.assertGreater(
            int(redis.ask("TTL", "postern:grey:127.0.2.0/24")[0]), 3000000)

    def test_failures_of_two_servers_count_together(self):
        redis = Redis(self).start()
        a, b = self.two(redis, "--auth", self.checker(), "--auth-insecure",
                        "--auth-delay", "0", "--max-user-failures", "2",
                        "--max-client-failures", "5",
                        listen=("127.0.0.1:0,auth",))

        def login(server, password, user="ann"):
            plain = base64.b64encode(f"\0{user}\0{password}".encode())
            with harness.Client(server) as client:
                client.greet()
                return int(client.ask(f"AUTH PLAIN {plain.decode()}")[:3])
        self.assertEqual(login(a, "secret"), 235)
        self.assertEqual(redis.keys(), [])
        self.assertEqual(login(a, "wrong"), 535)
        self.assertEqual(login(b, "wrong"), 535)
        self.assertEqual(redis.keys(), ["postern:auth:127.0.0.1",
                                        "postern:auth:127.0.0.1:ann"])
        for server in (a, b):
            self.assertEqual(login(server, "secret"), 535)
        a.wait_log("auth result=limit ip=127.0.0.1")
        # Four attempts of the client have failed, at both servers together.
        self.assertEqual(login(a, "wrong", "b:o b"), 535)
        self.assertIn("postern:auth:127.0.0.1:b%3ao%20b", redis.keys())
        for server in (a, b):
            self.assertEqual(login(server, "secret"), 454)
        # Alone, each server has seen fewer failures.
        redis.stop()
        self.assertEqual(login(b, "secret"), 235)
        b.wait_log("this server counts alone until it works")

    def test_answers_of_redis_that_are_outages(self):
        redis = Redis(self).start()
        key = "postern:rate:client:messages:3600:127.0.0.1"
        server = self.serve("a", redis, "--rate-limit",
                            "client:messages=100/1h")
        works = f"shared-state: {redis.address}: works\n"
        for count, (change, restore, reason) in enumerate((
                (("SET", key, "x", "EX", "999"), ("DEL", key), "WRONGTYPE"),
                (("CONFIG", "SET", "maxmemory", "1"),
                 ("CONFIG", "SET", "maxmemory", "0"), "OOM"))):
            self.wait_times(server, works, count + 1)
            redis.ask(*change)
            said, code = harness.swaks(server)
            self.assertEqual(code, 0, said)
            log = server.wait_log(reason)
            self.assertRegex(log, f"shared-state: {redis.address}: .*{reason}"
                                  ".*: this server counts alone until it works")
            redis.ask(*restore)
        self.wait_times(server, works, 3)

    def test_dead_redis_at_the_start(self):
        redis = Redis(self)
        options = ("--rate-limit", "client:messages=2/1h")
        server = self.serve("a", redis, *options)
        server.wait_log(f"shared-state: {redis.address}: cannot connect: No "
                        "such file or directory: this server counts alone until "
                        "it works")
        said, code = harness.swaks(server)
        self.assertEqual(code, 0, said)
        done = subprocess.run(
            [harness.POSTERN, "check", "--control", str(self.control),
             "--deliver", f"catch-all:{self.maildir}", "--listen",
             "127.0.0.1:0", "--shared-state", redis.option, *options],
            capture_output=True, text=True, timeout=harness.PATIENCE,
            check=False)
        self.assertIn(f"--shared-state: {redis.address}: cannot connect: No "
                      "such file or directory: this server counts alone until "
                      "it works", done.stdout + done.stderr)
        self.assertEqual(done.returncode, 0, done.stdout)
        redis.start()
        server.wait_log(f"{redis.address}: works")
        explained = self.explain(redis, "--greylist", f"{self.folder}/none")
        self.assertIn("greylisted", explained.stdout)

    def test_password_is_read_again_after_sighup(self):
        redis = Redis(self, "--requirepass", "right").start()
        password = self.folder / "password"
        password.write_text("wrong\n")
        password.chmod(0o600)
        server = harness.Serve(
            self, "--shared-state", f"{redis.option},auth={password}",
            "--rate-limit", "client:messages=2/1h")
        server.wait_log("refuses AUTH: WRONGPASS")
        password.write_text("right\n")
        server.signal(signal.SIGHUP)
        server.wait_log(f"{redis.address}: works")
        password.chmod(0o644)
        server.signal(signal.SIGHUP)
        server.wait_log("not reloaded, all stays as it was: --shared-state: "
                        f"{password}: ")
        said, code = harness.fail_to_start(
            self, "--shared-state", f"{redis.address},auth={password}",
            "--rate-limit", "client:messages=2/1h")
        self.assertEqual(code, 111)
        self.assertIn(f"fatal: --shared-state: {password}: ", said)

    def test_wrong_values_are_errors(self):
        for options, error in (
                (("--shared-state", "localhost"),
                 "--shared-state: \"localhost\": not redis:HOST[:PORT]"),
                (("--shared-state", "redis:10.0.0.1,auth=/p",
                  "--rate-limit", "client:messages=1/1h"),
                 "could read the password"),
                (("--shared-state", "redis:localhost"),
                 "needs --rate-limit, --greylist or --auth")):
            said, code = harness.fail_to_start(self, *options)
            self.assertEqual(code, 100, said)
            self.assertIn(error, said)


class SharedStateTlsTest(harness.TlsTestCase):

    def test_certificate_is_verified(self):
        port = rabbit.free_ports(1)[0]
        Redis(self, "--tls-port", str(port), "--tls-cert-file",
              str(self.certificate), "--tls-key-file",
              str(self.folder / "key.pem"), "--tls-auth-clients", "no").start()
        for ca, host, said in (
                ("", "127.0.0.1", "TLS: "),
                (f",ca={self.certificate}", "localhost", "TLS: "),
                (f",ca={self.certificate}", "127.0.0.1",
                 f"shared-state: rediss:127.0.0.1:{port}: works")):
            server = harness.Serve(
                self, "--shared-state", f"rediss:{host}:{port}{ca},timeout=60",
                "--rate-limit", "client:messages=2/1h")
            server.wait_log(said)
            server.stop()


if __name__ == "__main__":
    harness.main()
