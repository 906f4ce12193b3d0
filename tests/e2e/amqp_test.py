# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""--deliver amqp: and postern relay, with RabbitMQ of Debian on loopback."""

import os
import queue
import re
import shutil
import signal
import smtplib
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

import harness
import rabbit

SIZE = 1000000
MESSAGE = "From: s@x.example\nSubject: queue\n\nhello\n"


def make_certificate(folder, name):
    """Returns a file with a certificate for `name`, and that of its key."""
    path, key = f"{folder}/{name}.pem", f"{folder}/{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out",
         path], check=True, capture_output=True, timeout=harness.PATIENCE)
    os.chmod(key, 0o644)  # the broker may be another user
    return path, key


def setUpModule():
    """Starts one broker for all tests, because that takes long."""
    global BROKER, TLS_PORT, CERTIFICATE
    if not rabbit.AVAILABLE:
        return  # each test is skipped and says so
    directory = tempfile.mkdtemp(prefix="postern-amqp-")
    unittest.addModuleCleanup(shutil.rmtree, directory, ignore_errors=True)
    (TLS_PORT,) = rabbit.free_ports(1)
    CERTIFICATE, key = make_certificate(directory, "localhost")
    # Its own limit is above SIZE.
    BROKER = rabbit.Cluster(directory, settings="\n".join([
        "max_message_size = 4000000",
        f"listeners.ssl.1 = 127.0.0.1:{TLS_PORT}",
        f"ssl_options.cacertfile = {CERTIFICATE}",
        f"ssl_options.certfile = {CERTIFICATE}",
        f"ssl_options.keyfile = {key}",
        "ssl_options.verify = verify_none"]))
    unittest.addModuleCleanup(BROKER.stop)
    BROKER.start()


class Relay:
    """postern relay. Its log is that of all relays of the test."""

    def __init__(self, test, queue, hop, *options, address=None):
        self.log_path = test.folder / "relay-log"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [harness.POSTERN, "relay", "--from",
                 address or BROKER.address(queue), "--to", hop, "--name",
                 "relay.example", "--delays", "1", *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=log,
                env={"PATH": os.environ["PATH"]})
        test.addCleanup(self.kill)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(harness.PATIENCE)

    def stop(self):
        self.process.terminate()
        return self.process.wait(harness.PATIENCE)

    def log(self):
        return self.log_path.read_text()

    def wait_log(self, text):
        wait_for(lambda: text in self.log(), lambda: self.log())
        return self.log()


class StandInBroker:
    """A broker whose confirms are those of the test: which messages RabbitMQ
    puts into one confirm depends on time. It confirms the messages by which
    the server tests it."""

    REPLIES = {  # of AMQP 0-9-1: to Open of a connection, and so on
        (10, 11): ((10, 30), struct.pack("!HIH", 0, 1 << 20, 0)),
        (10, 40): ((10, 41), b"\0"),
        (20, 10): ((20, 11), bytes(4)),
        (85, 10): ((85, 11), b""),
        (50, 10): ((50, 11), b"\1q" + bytes(8)),
    }

    def __init__(self, test):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.published = queue.Queue()  # the tags
        self.connection = None  # the last one
        threading.Thread(target=self.accept, daemon=True).start()
        test.addCleanup(self.listener.close)
        test.addCleanup(self.listener.shutdown, socket.SHUT_RDWR)

    def accept(self):
        while True:
            try:
                self.connection = self.listener.accept()[0]
            except OSError:  # the end of the test
                return
            threading.Thread(target=self.serve, args=(self.connection,),
                             daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            stream.read(8)  # the protocol and its version
            self.send(connection, 0, (10, 10), b"\0\x09" + bytes(4) +
                      struct.pack("!I5sI5s", 5, b"PLAIN", 5, b"en_US"))
            tag = 0
            is_test = False
            while head := stream.read(7):
                kind, channel, size = struct.unpack("!BHI", head)
                payload = stream.read(size + 1)[:-1]
                if kind == 2:  # the header of a message
                    tag += 1
                    left = struct.unpack("!Q", payload[4:12])[0]
                    while left > 0:
                        size = struct.unpack("!BHI", stream.read(7))[2]
                        left -= len(stream.read(size + 1)) - 1
                    if is_test:
                        self.confirm((60, 80), tag, 0)
                    else:
                        self.published.put(tag)
                elif kind == 1:
                    method = struct.unpack("!HH", payload[:4])
                    is_test = b".postern-test-of-size" in payload
                    if method in self.REPLIES:
                        self.send(connection, channel, *self.REPLIES[method])

    @staticmethod
    def send(connection, channel, method, arguments):
        payload = struct.pack("!HH", *method) + arguments
        connection.sendall(struct.pack("!BHI", 1, channel, len(payload)) +
                           payload + b"\xce")

    def confirm(self, method, tag, multiple):
        self.send(self.connection, 1, method, struct.pack("!QB", tag, multiple))

    def ack(self, tag):
        self.confirm((60, 80), tag, 0)

    def nack(self, tag, multiple):
        self.confirm((60, 120), tag, multiple)

    def next_tag(self):
        return self.published.get(timeout=harness.PATIENCE)


def fetch(url):
    with urllib.request.urlopen(url, timeout=harness.PATIENCE) as response:
        return response.read().decode()


def wait_for(condition, describe):
    end = time.monotonic() + harness.PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(describe())
        time.sleep(0.02)


@unittest.skipUnless(rabbit.AVAILABLE, "rabbitmq-server is not installed")
class QueueTestCase(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.queue = self.id().rsplit(".", 1)[1]
        self.store = self.folder / "store"
        for user in "abc":
            for name in ("tmp", "new", "cur"):
                (self.store / "local.example" / user / name).mkdir(
                    parents=True)

    def server(self, *options, deliver=None, size=SIZE):
        self.put("databytes", f"{size}\n")
        return harness.Serve(self, *options,
                             deliver=deliver or BROKER.address(self.queue))

    def hop(self, port=0):
        """Returns an LMTP server that has the Maildirs."""
        path = self.folder / "hop-log"
        with open(path, "ab") as log:
            server = harness.Serve(
                self, deliver=f"maildir:{self.store}/%d/%u", log=log,
                listen=(f"127.0.0.1:{port},lmtp",))
        server.log_path = path
        return server

    def inbox(self, user):
        folder = self.store / "local.example" / user / "new"
        return [path.read_text() for path in folder.iterdir()]

    def expect(self, count, queue):
        """Waits until a queue has `count` messages: a broker counts them only
        now and then."""
        wait_for(lambda: BROKER.nodes[0].messages(queue) == count,
                 lambda: f"not {count} messages in {queue}")


class AmqpTest(QueueTestCase):

    def test_message_travels_through_the_queue(self):
        server = self.server()
        for user in "ab":
            output, code = harness.swaks(
                server, "--to", f"{user}@local.example,c@local.example",
                "--body", ".dots\\n.")
            self.assertEqual(code, 0, output)
        log = server.wait_log(" message ")
        hop = self.hop()
        relay = Relay(self, self.queue, f"lmtp:127.0.0.1:{hop.port}",
                      "--metrics", "127.0.0.1:0")
        wait_for(lambda: len(self.inbox("c")) == 2, relay.log)
        wait_for(lambda: relay.log().count("result=deliver") == 2, relay.log)
        where = re.search(r"metrics at (\S+)", relay.log())[1]
        metrics = fetch(f"http://{where}/metrics")
        self.assertIn('postern_relay_recipients_total{result="deliver"} 4',
                      metrics)
        self.assertIn("postern_relay_connected 1", metrics)
        self.assertIn('postern_next_hop_up{server="127.0.0.1:', metrics)
        self.assertEqual(fetch(f"http://{where}/healthz"), "ok\n")
        text = self.inbox("a")[0]
        self.assertIn("\n.dots\n.\n", text)
        # The server and the next hop have added a field, the relay none.
        self.assertEqual(text.count("Received: "), 2)
        self.assertIn("Return-Path: <s@x.example>", text)
        identifier = re.search(r" id=(\S+) message ", log)[1]
        self.assertIn(f"message={identifier} ", relay.log())
        self.assertEqual(relay.stop(), 0)
        self.expect(0, self.queue)

    def test_recipients_have_fates_of_their_own(self):
        server = self.server()
        hop = self.hop()
        # A target that is there, one that never was, and one that comes back.
        gone = self.folder / "gone"
        (self.store / "local.example" / "b").rename(gone)
        (self.store / "local.example" / "b").write_text("not a Maildir")
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            client.sendmail("s@x.example",
                            ["a@local.example", "b@local.example",
                             "nobody@local.example"], MESSAGE)
        relay = Relay(self, self.queue, f"lmtp:127.0.0.1:{hop.port}")
        log = relay.wait_log("result=retry")
        self.assertIn("result=refused", log)
        self.assertEqual(len(self.inbox("a")), 1)
        (self.store / "local.example" / "b").unlink()
        gone.rename(self.store / "local.example" / "b")
        wait_for(lambda: self.inbox("b"), relay.log)
        self.assertEqual(len(self.inbox("a")), 1)
        self.assertEqual(relay.stop(), 0)
        self.expect(1, self.queue + ".dead")
        self.expect(0, self.queue + ".retry.1")

    def test_next_hop_that_is_down_delays_until_expiry(self):
        server = self.server()
        output, code = harness.swaks(server, "--to", "a@local.example")
        self.assertEqual(code, 0, output)
        relay = Relay(self, self.queue,
                      f"lmtp:127.0.0.1:{self.closed_port()}", "--expire", "1")
        log = relay.wait_log("result=expired")
        self.assertIn("451 the next hop does not accept connections", log)
        self.assertEqual(relay.stop(), 0)
        self.expect(1, self.queue + ".dead")

    def test_queue_of_another_kind_prevents_the_start(self):
        node = BROKER.nodes[0]
        node.ctl("eval",
                 'rabbit_amqqueue:declare(rabbit_misc:r(<<"/">>, queue, '
                 f'<<"{self.queue}">>), true, false, [], none, <<"test">>).')
        with self.assertRaisesRegex(AssertionError, "did not start") as caught:
            self.server()
        self.assertIn("fatal: --deliver: ", str(caught.exception))
        self.assertIn("inequivalent arg", str(caught.exception))
        relay = Relay(self, self.queue, "lmtp:127.0.0.1:24")
        self.assertEqual(relay.process.wait(harness.PATIENCE), 111)
        self.assertIn("inequivalent arg", relay.log())

    def test_broker_is_verified_with_tls(self):
        def deliver(host, certificate):
            return (f"amqps:{host}:{TLS_PORT},queue={self.queue},"
                    f"auth={BROKER.credentials},ca={certificate}")

        server = self.server(deliver=deliver("localhost", CERTIFICATE))
        output, code = harness.swaks(server)
        self.assertEqual(code, 0, output)
        hop = self.hop()
        relay = Relay(self, self.queue, f"lmtp:127.0.0.1:{hop.port}",
                      address=deliver("localhost", CERTIFICATE))
        relay.wait_log("result=")
        self.assertEqual(relay.stop(), 0)
        server.stop()
        other, _ = make_certificate(self.folder, "localhost")
        for host, certificate in (("localhost", other),
                                  # A certificate has names for it, not these.
                                  ("127.0.0.1", CERTIFICATE)):
            with self.subTest(host=host, certificate=certificate):
                server = self.server(deliver=deliver(host, certificate))
                server.wait_log("a 451 until a broker works")
                self.assertNotEqual(harness.swaks(server)[1], 0)
                server.stop()

    def test_frames_of_the_broker_prevent_the_start(self):
        node = BROKER.nodes[0]
        before = node.ctl("eval", "{ok, Max} = application:get_env(rabbit, "
                          "frame_max), Max.").split()[0]
        node.ctl("eval", "application:set_env(rabbit, frame_max, 65536).")
        try:
            with self.assertRaisesRegex(AssertionError,
                                        "permits frames of 65536 octets"):
                self.server()
        finally:
            node.ctl("eval",
                     f"application:set_env(rabbit, frame_max, {before}).")

    def test_limit_of_the_broker_prevents_the_start(self):
        with self.assertRaisesRegex(AssertionError, "did not start") as caught:
            self.server(size=5000000)
        self.assertIn("larger than configured max size",
                      str(caught.exception))
        with self.assertRaisesRegex(AssertionError, "needs one: set"):
            self.server(size=0)

    def test_credentials_are_private_and_correct(self):
        path = self.folder / "credentials"
        path.write_text("postern:wrong\n")
        deliver = BROKER.address(self.queue).replace(
            str(BROKER.credentials), str(path))
        path.chmod(0o640)
        with self.assertRaisesRegex(AssertionError, "users other than its"):
            self.server(deliver=deliver)
        path.chmod(0o600)
        with self.assertRaisesRegex(AssertionError, "ACCESS_REFUSED"):
            self.server(deliver=deliver)

    def test_broker_that_is_down_is_a_451(self):
        port = self.closed_port()
        deliver = (f"amqp:127.0.0.1:{port},queue={self.queue},"
                   f"auth={BROKER.credentials}")
        server = self.server(deliver=deliver)
        server.wait_log("a 451 until a broker works")
        wait_for(lambda: "451 4.4.1 the broker cannot be reached" in
                 harness.swaks(server)[0], server.log)
        # The second broker of the list works.
        server = self.server(deliver=deliver.replace(
            ",queue", f",{BROKER.hosts()},queue"))
        output, code = harness.swaks(server)
        self.assertEqual(code, 0, output)

    def test_memory_alarm_is_a_451(self):
        server = self.server()
        self.assertEqual(harness.swaks(server)[1], 0)
        relay = Relay(self, self.queue,
                      f"lmtp:127.0.0.1:{self.closed_port()}", "--drain", "1")
        relay.wait_log("result=retry")
        node = BROKER.nodes[0]
        node.ctl("set_vm_memory_high_watermark", "absolute", "1")
        try:
            wait_for(lambda: "it lacks resources (#4.4.1)" in
                     harness.swaks(server)[0], server.log)
            begin = time.monotonic()
            self.assertEqual(harness.swaks(server)[1], 24)
            self.assertLess(time.monotonic() - begin, 5)
            server.wait_log("takes no messages, which get a 451")
            # A reload changes nothing about it.
            server.signal(signal.SIGHUP)
            server.wait_log(" reloaded\n")
            self.assertEqual(harness.swaks(server)[1], 24)
            # A relay ends, although what it has to send stays with it.
            relay.wait_log("takes no messages")
            self.assertEqual(relay.stop(), 0)
            # A server starts.
            second = self.server()
            second.wait_log("takes no messages now")
            second.wait_log("a 451 until a broker works")
            second.stop()
        finally:
            node.ctl("set_vm_memory_high_watermark", "absolute", "2GB")
        wait_for(lambda: harness.swaks(server)[1] == 0, server.log)

    def test_server_ends_although_the_broker_hangs(self):
        server = self.server("--drain", "1")
        self.assertEqual(harness.swaks(server)[1], 0)
        node = BROKER.nodes[0]
        node.signal(signal.SIGSTOP)
        try:
            with smtplib.SMTP("127.0.0.1", server.port) as client:
                client.ehlo()
                client.mail("s@x.example")
                client.rcpt("a@local.example")
                self.assertEqual(client.docmd("DATA")[0], 354)
                client.send(b"Subject: late\r\n\r\n.\r\n")
                server.signal(signal.SIGTERM)
                self.assertEqual(server.wait(), 0)
                client.sock.close()
                client.sock = None
        finally:
            node.signal(signal.SIGCONT)

    def test_full_queue_is_a_451(self):
        """x-overflow of the queue refuses; the default drops the oldest."""
        server = self.server()
        self.assertEqual(harness.swaks(server)[1], 0)
        node = BROKER.nodes[0]
        node.ctl("set_policy", "full", f"^{self.queue}$",
                 '{"max-length":1}', "--apply-to", "queues")
        try:
            def refused():
                return ("the broker does not take the message" in
                        harness.swaks(server)[0])
            wait_for(refused, server.log)
        finally:
            node.ctl("clear_policy", "full")

    def test_refused_messages_are_those_of_the_confirm(self):
        broker = StandInBroker(self)
        server = self.server(
            deliver=f"amqp:127.0.0.1:{broker.port},queue=q,"
                    f"auth={BROKER.credentials}")
        for multiple, sent_again in ((0, 1), (1, 2)):
            clients = []
            tags = []
            for _ in range(2):
                client = smtplib.SMTP("127.0.0.1", server.port,
                                      timeout=harness.PATIENCE)
                self.addCleanup(client.close)
                client.ehlo()
                client.mail("s@x.example")
                client.rcpt("a@local.example")
                client.docmd("DATA")
                client.send(b"\r\n.\r\n")
                clients.append(client)
                tags.append(broker.next_tag())
            broker.nack(tags[1], multiple)
            if not multiple:
                broker.ack(tags[0])
            for _ in range(sent_again):
                broker.ack(broker.next_tag())
            for client in clients:
                self.assertEqual(client.getreply()[0], 250)
            self.assertTrue(broker.published.empty())

    def test_deleted_queue_is_a_451_and_not_a_loss(self):
        server = self.server()
        self.assertEqual(harness.swaks(server)[1], 0)
        BROKER.nodes[0].ctl("delete_queue", self.queue)
        self.assertIn("451 4.4.1 the broker has no queue for the message",
                      harness.swaks(server)[0])

    def test_poison_is_dead_lettered(self):
        node = BROKER.nodes[0]
        hop = self.hop()
        relay = Relay(self, self.queue, f"lmtp:127.0.0.1:{hop.port}")
        relay.wait_log("consuming queue")
        node.ctl("eval",
                 'rabbit_basic:publish(rabbit_misc:r(<<"/">>, exchange, '
                 f'<<>>), <<"{self.queue}">>, [], <<"poison">>).')
        log = relay.wait_log("result=invalid")
        self.assertIn("type: not postern.mail.1", log)
        self.assertEqual(relay.stop(), 0)
        self.expect(0, self.queue)
        self.expect(1, self.queue + ".dead")
        self.assertEqual(log.count("result=invalid"), 1)


if __name__ == "__main__":
    harness.main()
