# SPDX-License-Identifier: Apache-2.0
"""Starting and stopping brokers, ours and Apache's, for the tests. Standard library only.

A node belongs to the process group of the test that started it: the runner ends the group, so nothing outlives a test.
"""
import os
import pathlib
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ORACLE = str(ROOT / "tests/oracle/kafka")


def binary():
    """The program under test: ODRADEK_BIN for a sanitizer's build."""
    return os.environ.get("ODRADEK_BIN", str(ROOT / "bin/odradek"))


def free_ports(count=2):
    """`count` adjacent ports that nobody holds now. Below the ephemeral range, so that no outgoing connection takes one."""
    low, high = (int(x) for x in os.environ.get("TEST_PORTS", "20000-32000").split("-"))
    span = high - low
    seed = int.from_bytes(os.urandom(4), "big")
    for attempt in range(1000):
        first = low + (seed + attempt * 7919) % span
        held = []
        try:
            for port in range(first, first + count):
                s = socket.socket()
                held.append(s)
                s.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
    raise RuntimeError("no free ports")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Node:
    """One broker. kind is "odradek" or "kafka"; DIR/data is its log directory, DIR/log what it prints."""

    def __init__(self, kind, directory, port=0, settings=()):
        self.kind = kind
        self.directory = pathlib.Path(directory).resolve()
        self.port = port or free_ports(2)
        self.settings = list(settings)
        self.pid = None
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def data(self):
        return self.directory / "data"

    def start(self, adopt=False, wait=True):
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.kind == "kafka":
            verb = "adopt" if adopt else "start"
            done = subprocess.run([ORACLE, verb, str(self.directory), str(self.port), *self.settings],
                                  stdout=subprocess.PIPE, text=True, check=True)
            self.pid = int(done.stdout.split()[-1])
            return self
        (self.directory / "server.properties").write_text("\n".join([
            "process.roles=broker,controller", "node.id=1",
            f"listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.port + 1}",
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}", "controller.listener.names=CONTROLLER",
            f"controller.quorum.bootstrap.servers=127.0.0.1:{self.port + 1}", f"log.dirs={self.data}",
            "offsets.topic.replication.factor=1", "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1",
            "share.coordinator.state.topic.replication.factor=1", "share.coordinator.state.topic.min.isr=1",
            "group.initial.rebalance.delay.ms=0", *self.settings,
            *os.environ.get("ODRADEK_SETTINGS", "").split()]) + "\n")
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen([binary(), "server", str(self.directory / "server.properties")],
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.pid = self.process.pid
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout_s=60):
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                pass
            if not self.alive():
                break
            time.sleep(0.01)
        raise RuntimeError(f"the {self.kind} node in {self.directory} did not start:\n{self.log_tail()}")

    def log_tail(self, lines=20):
        try:
            return "\n".join((self.directory / "log").read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def alive(self):
        if self.process is not None and self.process.poll() is not None:
            return False
        return self.pid is not None and alive(self.pid)

    def wait_end(self, timeout_s=60):
        end = time.monotonic() + timeout_s
        while self.alive():
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    def stop(self):
        """A clean stop; the exit status must be 0 for ours (Java answers SIGTERM with 143)."""
        if self.pid is None:
            return
        if self.alive():
            os.kill(self.pid, signal.SIGTERM)
            if not self.wait_end():
                self.kill()
                raise RuntimeError(f"the {self.kind} node in {self.directory} did not stop in 60 s")
        status = self.process.wait() if self.process is not None else 0
        self.pid = self.process = None
        if status != 0:
            raise RuntimeError(f"the node in {self.directory} ended with {status}:\n{self.log_tail()}")

    def kill(self):
        if self.pid is not None and self.alive():
            os.kill(self.pid, signal.SIGKILL)
            self.wait_end()
        if self.process is not None:
            self.process.wait()
        self.pid = self.process = None
