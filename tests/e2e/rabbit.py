# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""RabbitMQ of Debian for tests and for tools/cluster: nodes on loopback that
share nothing with a broker of this host. They have their own names, ports,
directories, cookie and port mapper (epmd), and all are children of this
process."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

BIN = pathlib.Path("/usr/lib/rabbitmq/bin")
AVAILABLE = (BIN / "rabbitmq-server").exists()
USER, PASSWORD = "postern", "a:secret"
# In seconds. A node starts in about 10 on a quiet host.
PATIENCE = 180


def free_ports(count):
    """Returns ports of 127.0.0.1 that nothing uses. Erlang cannot be given a
    socket, so another program may take one of them before it does."""
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in holders]
    for each in holders:
        each.close()
    return ports


class Cluster:
    """Several nodes. Starts nothing by itself but the port mapper."""

    def __init__(self, folder, count=1, settings=""):
        self.folder = pathlib.Path(folder)
        self.epmd_port, *ports = free_ports(1 + 2 * count)
        # Erlang makes a cookie in HOME if there is none.
        self.home = self.folder / "home"
        self.home.mkdir()
        cookie = self.home / ".erlang.cookie"
        cookie.write_text("posterntest" + os.urandom(8).hex())
        cookie.chmod(0o400)
        (self.folder / "plugins").write_text("[].\n")
        names = [f"n{i}p{self.epmd_port}@localhost" for i in range(count)]
        self.credentials = self.folder / "credentials"
        self.credentials.write_text(f"{USER}:{PASSWORD}\n")
        self.credentials.chmod(0o600)
        self.epmd = subprocess.Popen(
            [shutil.which("epmd"), "-port", str(self.epmd_port), "-address",
             "127.0.0.1"], env=self.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.nodes = [Node(self, name, ports[2 * i], ports[2 * i + 1],
                           names, settings)
                      for i, name in enumerate(names)]

    def environment(self):
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
            "HOME": str(self.home), "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_MAX_PORTS": "4096", "ERL_CRASH_DUMP": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none",
            "RABBITMQ_CTL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1}",
        }

    def start(self):
        """Starts all nodes and waits until they are one cluster."""
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait()
        end = time.monotonic() + PATIENCE
        while True:
            count = int(self.nodes[0].ctl(
                "eval", "length(rabbit_nodes:all_running()).").split()[0])
            if count == len(self.nodes):
                return self
            if time.monotonic() > end:
                raise AssertionError(f"{count} nodes are in the cluster")
            time.sleep(0.2)

    def stop(self):
        for node in self.nodes:
            node.kill()
        self.epmd.kill()
        self.epmd.wait()

    def hosts(self):
        """Returns the nodes as --deliver names them."""
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def address(self, queue, *words):
        return ",".join([f"amqp:{self.hosts()}", f"queue={queue}",
                         f"auth={self.credentials}", *words])


class Node:

    def __init__(self, cluster, name, port, dist_port, names, settings):
        self.cluster, self.name, self.port = cluster, name, port
        self.process = None
        self.folder = cluster.folder / name.split("@")[0]
        self.folder.mkdir()
        self.log = self.folder / "log"
        self.path = self.folder / "rabbitmq.conf"
        self.path.write_text("\n".join([
            f"listeners.tcp.1 = 127.0.0.1:{port}",
            f"default_user = {USER}",
            f"default_pass = {PASSWORD}",
            "log.file = false",
            "log.console = true",
            "log.console.level = info",
            "vm_memory_high_watermark.absolute = 2GB",
            "disk_free_limit.absolute = 1MB",
            "cluster_formation.peer_discovery_backend = classic_config",
            *(f"cluster_formation.classic_config.nodes.{i + 1} = {each}"
              for i, each in enumerate(names)),
            settings]) + "\n")
        self.environment = {
            **cluster.environment(),
            "RABBITMQ_NODENAME": name,
            "RABBITMQ_CONFIG_FILE": str(self.path),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_DIST_PORT": str(dist_port),
        }

    def launch(self):
        self.offset = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(BIN / "rabbitmq-server")], env=self.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, start_new_session=True)

    def wait(self):
        """Waits until the node accepts connections."""
        end = time.monotonic() + PATIENCE
        while b"Server startup complete" not in self.text()[self.offset:]:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(
                    f"RabbitMQ did not start:\n{self.text().decode()}")
            time.sleep(0.1)
        return self

    def start(self):
        self.launch()
        return self.wait()

    def text(self):
        return self.log.read_bytes()

    def kill(self):
        """Ends the node without a chance to write anything."""
        if self.process is None or self.process.poll() is not None:
            return
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def signal(self, number):
        os.killpg(self.process.pid, number)

    def ctl(self, *arguments):
        """Runs rabbitmqctl and returns its output. It takes about 2 s."""
        done = subprocess.run(
            [str(BIN / "rabbitmqctl"), "-q", "-n", self.name, *arguments],
            env=self.environment, capture_output=True, timeout=PATIENCE,
            check=False, cwd=self.folder)
        output = (done.stdout + done.stderr).decode()
        if done.returncode != 0:
            raise AssertionError(f"rabbitmqctl {arguments}: {output}")
        return output

    def messages(self, queue):
        """Returns how many messages a queue has."""
        for line in self.ctl("list_queues", "name", "messages").splitlines():
            match = re.fullmatch(r"(\S+)\s+(\d+)", line)
            if match and match[1] == queue:
                return int(match[2])
        raise AssertionError(f"no queue {queue}")
