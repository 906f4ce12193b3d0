# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""A minimal Debian that boots systemd.

It is made with debootstrap from the mirror that apt uses on this host, once for
each release. A machine is an overlay on it, so it begins as a fresh
installation, and its changes are gone when it ends. It has its own processes
and its own network. Another network has the clients, and is connected to it
alone. Needs root.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

CODENAMES = {"12": "bookworm", "13": "trixie"}
HOST = "mx.example.org"
ADDRESS = "192.0.2.25"  # of the machine
STRANGER = "198.51.100.7"  # a client somewhere in the Internet
FRIEND = "192.0.2.99"  # a client in the machine's network
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE = 60

# The shell of the first process of the name spaces. Its arguments: the
# directory of the machine, the installation, PATH.
BOOT = r"""
set -e
root=$0/root
mount -t overlay overlay -o "lowerdir=$1,upperdir=$0/upper,workdir=$0/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
touch "$root/dev/console"
mount --bind "$0/console" "$root/dev/console"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/old"
cd "$root"
pivot_root . old
umount -l /old
rmdir /old
exec env -i container=postern PATH="$2" /lib/systemd/systemd
"""

# With the host's network, before the machine boots.
DOWNLOAD = r"""
set -e
mount -t overlay overlay \
  -o "lowerdir=$1,upperdir=$0/upper,workdir=$0/work" "$0/root"
mount -t proc proc "$0/root/proc"
mount --rbind /dev "$0/root/dev"
mount --bind /etc/resolv.conf "$0/root/etc/resolv.conf"
root=$0/root
shift
chroot "$root" env -i PATH="$PATH" apt-get -qq update
chroot "$root" env -i PATH="$PATH" HOME=/root bash -c \
  'cd && apt-get -qq install --download-only -y "$@"' bash "$@"
"""


# A DNS server which knows no name: without an answer, each program that asks for
# the name of a client would wait for many seconds.
NAMELESS = r"""
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print(flush=True)
while True:
    query, client = server.recvfrom(512)
    # NXDOMAIN, with the question.
    server.sendto(query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12:],
                  client)
"""


# Connects the network of the process argv[1] with its own: what one end sends is
# what the other one receives. Both ends are tun devices.
CABLE = r"""
import ctypes, fcntl, os, selectors, struct, sys
def end():
    device = os.open("/dev/net/tun", os.O_RDWR)
    tun_without_header = 0x1001
    fcntl.ioctl(device, 0x400454ca,  # TUNSETIFF
                struct.pack("16sH14x", b"eth0", tun_without_header))
    return device
def enter(network):
    if ctypes.CDLL(None).setns(network.fileno(), 0):
        sys.exit("setns")
own = open("/proc/self/ns/net")
ours = end()
enter(open(f"/proc/{sys.argv[1]}/ns/net"))
theirs = end()
enter(own)
print(flush=True)
ready = selectors.DefaultSelector()
ready.register(ours, selectors.EVENT_READ, theirs)
ready.register(theirs, selectors.EVENT_READ, ours)
while True:
    for key, _ in ready.select():
        try:
            os.write(key.data, os.read(key.fd, 65536))
        except OSError:
            pass  # the other end is not up yet
"""


class Failed(Exception):
    """A command in the machine has failed."""


def installation(release):
    """Returns the directory of the minimal installation, and makes it first if
    there is none."""
    root = pathlib.Path(f"/var/tmp/postern-minimal-{release}")
    if root.exists():
        return root
    mirror = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)",
         "Created-By: Packages", "Origin: Debian", "Label: Debian"],
        check=True, capture_output=True, text=True).stdout.split("\n")[0]
    if not mirror:
        raise Failed("apt has no mirror of Debian on this host")
    part = root.with_name(root.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    subprocess.run(
        ["debootstrap", "--variant=minbase", "--include=systemd-sysv",
         CODENAMES[release], part, mirror], check=True, cwd="/",
        stdout=subprocess.DEVNULL)
    # How this host reaches the mirror, for example through a proxy.
    proxy = subprocess.run(
        ["apt-config", "dump", "--format", '%f "%v";%n', "Acquire::http",
         "Acquire::https"], check=True, capture_output=True, text=True).stdout
    (part / "etc/apt/apt.conf.d/90host").write_text(proxy)
    (part / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    (part / "etc/hostname").write_text(HOST + "\n")
    (part / "etc/hosts").write_text(
        f"127.0.0.1 localhost\n{ADDRESS} {HOST} mx\n::1 localhost\n")
    part.rename(root)
    return root


class Machine:
    """Use it in a `with` statement. `packages` can be installed although the
    machine has no network: they are downloaded before."""

    def __init__(self, release="12", packages=(), files=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(
            prefix="postern-machine-", dir="/var/tmp"))
        self.process = None
        self.programs = []
        self.init = 0
        try:
            self.base = installation(release)
            for name in ("root", "upper", "work"):
                (self.folder / name).mkdir()
            (self.folder / "console").touch()
            home = self.folder / "upper/root"
            home.mkdir(mode=0o700)
            for file in files:
                shutil.copy(file, home)
            if packages:
                done = subprocess.run(
                    ["unshare", "--mount", "bash", "-c", DOWNLOAD, self.folder,
                     self.base, *packages], capture_output=True, text=True,
                    cwd="/", env={"PATH": PATH}, check=False)
                if done.returncode:
                    raise Failed(f"apt-get:\n{done.stdout}{done.stderr}")
            self.boot()
        except BaseException:
            self.close()
            raise

    def boot(self):
        # If this process is killed, so is the machine.
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid",
             "--net", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child",
             "bash", "-c", BOOT, self.folder, self.base, PATH], cwd="/",
            env={"PATH": PATH}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL)
        children = pathlib.Path(
            f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        deadline = time.monotonic() + PATIENCE
        while True:
            found = children.read_text().split() if children.exists() else []
            if found:
                self.init = int(found[0])
                state = subprocess.run(
                    self.enter("systemctl", "is-system-running"),
                    capture_output=True, text=True, check=False).stdout.strip()
                if state in ("running", "degraded"):
                    break
            if self.process.poll() is not None:
                raise Failed("the machine does not boot")
            if time.monotonic() > deadline:
                raise Failed(f"the machine does not boot within {PATIENCE} s")
            time.sleep(0.1)
        self.start(self.in_network(self.init, sys.executable, "-c", NAMELESS))
        clients = self.start(["unshare", "--net", sys.executable, "-c", CABLE,
                              str(self.init)]).pid
        self.clients = clients
        for pid, addresses in ((self.init, [ADDRESS]),
                               (clients, [FRIEND, STRANGER])):
            for arguments in (
                    ["link", "set", "lo", "up"], ["link", "set", "eth0", "up"],
                    *(["address", "add", f"{each}/24", "dev", "eth0"]
                      for each in addresses),
                    ["route", "add", "default", "dev", "eth0"]):
                subprocess.run(self.in_network(pid, "ip", *arguments),
                               check=True)

    @staticmethod
    def in_network(pid, *command):
        return ["nsenter", "-t", str(pid), "--net", *command]

    def start(self, command):
        """Starts a program of this host, which ends with the machine, and waits
        until it writes a line."""
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE)
        self.programs.append(process)
        if not process.stdout.readline():
            raise Failed(f"{command[0]} does not start")
        return process

    def outside(self, *command, **more):
        """Starts a program of this host in the network of the clients. It ends
        with the machine."""
        process = subprocess.Popen(self.in_network(self.clients, *command),
                                   stdin=subprocess.DEVNULL, **more)
        self.programs.append(process)
        return process

    def swaks(self, source, *options):
        """Sends a message with this host's swaks from an address of the
        machine. Returns the exit code and the session."""
        process = self.outside(
            "swaks", "--server", ADDRESS, "--local-interface", source,
            "--helo", "client.example.net", "--timeout", str(PATIENCE),
            *options, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True)
        output = process.communicate(timeout=600)[0]
        return process.returncode, output

    def copy(self, tree):
        """Copies a directory of this host onto the machine's root."""
        subprocess.run(["cp", "-R", "--preserve=mode", f"{tree}/.",
                        f"/proc/{self.init}/root/"], check=True)

    def enter(self, *command):
        return ["nsenter", "-t", str(self.init), "--all", "env", "-i",
                f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive", *command]

    def run(self, script, check=True, timeout=600):
        """Runs a script of bash as root. Returns its status and output."""
        done = subprocess.run(
            self.enter("bash", "-c", "cd /root\n" + script),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False)
        if check and done.returncode:
            raise Failed(f"{script}\nexit code {done.returncode}:\n{done.stdout}")
        return done.returncode, done.stdout

    def close(self):
        for process in self.programs:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
        if self.process:
            # unshare ignores SIGTERM; --kill-child ends the machine with it.
            self.process.kill()
            self.process.wait()
        # The mounts end with the last process, a moment later.
        for _ in range(100):
            try:
                shutil.rmtree(self.folder)
                return
            except OSError:
                time.sleep(0.1)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()
