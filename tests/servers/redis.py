"""A real redis-server for tests: on a free port, without persistence, ended by its pid."""

import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import redis

from tests.servers.freezing import freeze
from tests.servers.ports import free_port

_START_S = 10.0
_SLOTS = 16_384


class RedisServer:
    """One server; ``start`` after ``kill`` or ``stop`` gives an empty one on the same port.

    :param directory: where it keeps its files.
    :param options: further arguments of ``redis-server``, such as ``"--requirepass", "secret"``.
    """

    def __init__(self, directory: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._directory = directory
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it accepts connections.

        :raises RuntimeError: it does not within 10 s.
        """
        self._process = subprocess.Popen(
            ["redis-server", *self._arguments()],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        self.kill()
        raise RuntimeError(f"redis-server does not listen on port {self.port}")

    def stop(self) -> None:
        """End it, frozen or not. Nothing to do if it does not run."""
        self.kill()

    def kill(self) -> None:
        """As by a power cut (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop it in its tracks: connections stay open and nothing is answered (SIGSTOP)."""
        freeze(self._running().pid)

    def thaw(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def wipe(self) -> None:
        with self.client() as client:
            client.flushall()

    def cut_pubsub(self) -> int:
        """Cut every connection that has subscribed. How many there were."""
        with self.client() as client:
            return int(client.execute_command("CLIENT", "KILL", "TYPE", "pubsub"))

    def client(self) -> redis.Redis:
        """A client of the test's own; close it."""
        return redis.Redis(port=self.port, protocol=2)

    def _arguments(self) -> list[str]:
        network = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._directory)]
        return [*network, "--save", "", "--appendonly", "no", *self._options]

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server is not running"
        return self._process


class SentinelServer(RedisServer):
    """A sentinel that alone decides about ``master``, which it calls ``main``."""

    def __init__(self, directory: Path, master: RedisServer) -> None:
        super().__init__(directory)
        self.url = f"redis+sentinel://127.0.0.1:{self.port}/main"
        self._master = master

    def master_port(self) -> int:
        """The port of the server that the sentinel takes for the master now."""
        with self.client() as client:
            return int(client.sentinel_get_master_addr_by_name("main")[1])

    def _arguments(self) -> list[str]:
        file = self._directory / f"sentinel-{self.port}.conf"
        file.write_text(
            f"bind 127.0.0.1\nport {self.port}\ndir {self._directory}\n"
            f"sentinel monitor main 127.0.0.1 {self._master.port} 1\n"
            "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 5000\n"
        )
        return [str(file), "--sentinel"]


class RedisCluster:
    """Three primaries without replicas, which share the slots evenly.

    :param directory: where they keep their files.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.nodes = [ClusterNode(directory) for _ in range(3)]
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def start(self) -> None:
        """Returns when every node knows who owns what. Pub/sub does not wait for the cluster to call itself ok.

        :raises RuntimeError: they do not within 10 s.
        """
        for number, node in enumerate(self.nodes):
            node.start()
            first, last = _SLOTS * number // 3, _SLOTS * (number + 1) // 3 - 1
            node.command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.command("CLUSTER", "ADDSLOTSRANGE", first, last)
            self._meet(node, self.nodes[:number])
        self._wait_for("cluster_slots_assigned:16384")

    def add_replica(self, primary: "ClusterNode") -> "ClusterNode":
        """A further node, which can take over from ``primary``."""
        replica = ClusterNode(self._directory)
        replica.start()
        self._meet(replica, self.nodes)
        self.nodes.append(replica)
        self._wait_for("cluster_slots_assigned:16384")
        replica.command("CLUSTER", "REPLICATE", primary.name())
        return replica

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()

    def owner(self, slot: int) -> "ClusterNode":
        """Who owns ``slot``, as the first node sees it."""
        for first, last, (_, port, *_), *_ in self.nodes[0].command("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == port)
        raise LookupError(f"nobody owns slot {slot}")

    def move(self, slot: int, target: "ClusterNode") -> None:
        """Give ``slot``, which holds no key, to ``target``, as ``redis-cli --cluster reshard`` does."""
        source = self.owner(slot)
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", source.name())
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", target.name())
        for node in (target, source, *self.nodes):
            node.command("CLUSTER", "SETSLOT", slot, "NODE", target.name())

    def _meet(self, node: "ClusterNode", others: "list[ClusterNode]") -> None:
        for other in others:
            node.command("CLUSTER", "MEET", "127.0.0.1", other.port, other.bus_port)

    def _wait_for(self, info: str) -> None:
        deadline = time.monotonic() + _START_S
        while any(info.encode() not in node.command("CLUSTER", "INFO") for node in self.nodes):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the nodes of the cluster do not reach {info}")
            time.sleep(0.01)


class ClusterNode(RedisServer):
    """One server of a cluster; ``start`` after ``kill`` gives it back its slots."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.bus_port = free_port()
        self._file = directory / f"nodes-{self.port}.conf"

    def name(self) -> str:
        """Its id within the cluster."""
        return str(self.command("CLUSTER", "MYID").decode())

    def forget(self) -> None:
        """Lose what it knows of the cluster, as a server that kept no files; not while it runs."""
        self._file.unlink()

    def command(self, *words: str | int) -> Any:
        with self.client() as client:
            return client.execute_command(*words)

    def _arguments(self) -> list[str]:
        return [
            *(*super()._arguments(), "--cluster-enabled", "yes", "--cluster-port", str(self.bus_port)),
            *("--cluster-config-file", self._file.name, "--cluster-node-timeout", "2000"),
        ]
