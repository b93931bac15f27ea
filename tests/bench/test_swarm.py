"""What the bench's clients count must be true: against a server that says what a test wants, and against a node."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.sync.server import ServerConnection, serve

from bench.gateway.fan_out import bare, product
from bench.gateway.node import node
from bench.gateway.rows import middle, ratios
from bench.gateway.sessions import opened
from bench.gateway.tool import Cores, Tool, publisher, swarm

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="the load generator needs a C compiler")

HELLO = '{"t":"hello","cursor":{"epoch":"e","seq":3},"token":"x"}'
WELCOME = '{"t":"welcome","user":"ann","epoch":"e","seq":%d,"resumed":true,"entries":[%s]}'


def entry(seq: int) -> str:
    return f'{{"t":"entry","seq":{seq},"kind":"read"}}'


@contextmanager
def clients(directory: Path, count: int, server: Callable[[ServerConnection], None]) -> Iterator[Tool]:
    with serve(server, "127.0.0.1", 0, compression=None) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        port = listening.socket.getsockname()[1]
        with swarm(port, "/", [HELLO] * count, directory, Cores(), "beat", "answer") as tool:
            yield tool
        listening.shutdown()


def welcoming(*messages: str) -> Callable[[ServerConnection], None]:
    """Answers hello with ``messages``, and hears until the client goes."""

    def server(socket: ServerConnection) -> None:
        socket.recv()
        for message in messages:
            socket.send(message)
        for _ in socket:
            pass

    return server


def test_entries_that_go_on_from_the_cursor_are_no_gap(tmp_path: Path) -> None:
    with clients(tmp_path, 2, welcoming(WELCOME % (6, f"{entry(4)},{entry(5)}"), entry(6), entry(7))) as tool:
        tool.ask("open 0 2 2")
        answer = tool.ask("wait messages 6 5")
    assert (answer["messages"], answer["gaps"], answer["caught_up"]) == (6, 0, 2)


@pytest.mark.parametrize("entries", [f"{entry(4)},{entry(6)}", entry(5), f"{entry(4)},{entry(4)},{entry(5)}"])
def test_an_entry_that_is_missing_or_there_twice_is_seen(tmp_path: Path, entries: str) -> None:
    with clients(tmp_path, 1, welcoming(WELCOME % (6, entries))) as tool:
        assert tool.ask("open 0 1 1")["gaps"] > 0


def test_a_client_that_lacks_entries_is_not_caught_up(tmp_path: Path) -> None:
    with clients(tmp_path, 1, welcoming(WELCOME % (6, entry(4)), entry(5))) as tool:
        tool.ask("open 0 1 1")
        assert tool.ask("wait messages 2 5")["caught_up"] == 0


def test_latency_is_the_time_from_the_stamp_to_the_client(tmp_path: Path) -> None:
    def late(socket: ServerConnection) -> None:
        socket.recv()
        socket.send(WELCOME % (3, ""))
        for delay_ms in (1_000, 3_000, 5_000):
            socket.send(f'{{"at":"@{time.monotonic_ns() - delay_ms * 1_000_000:019d}"}}')
        for _ in socket:
            pass

    with clients(tmp_path, 1, late) as tool:
        tool.ask("open 0 1 1")
        answer = tool.ask("wait stamped 3 5")
    assert 3_000 <= answer["p50_ms"] < 5_000 <= answer["p99_ms"]


def test_a_heartbeat_is_answered_and_not_counted(tmp_path: Path) -> None:
    answers: list[str | bytes] = []

    def beating(socket: ServerConnection) -> None:
        socket.recv()
        socket.send(WELCOME % (3, ""))
        socket.send("beat")
        answers.append(socket.recv())
        socket.send("more")
        socket.close(4003)

    with clients(tmp_path, 1, beating) as tool:
        tool.ask("open 0 1 1")
        answer = tool.ask("wait lost 1 5")
    assert answers == ["answer"]
    assert (answer["messages"], answer["close_code"]) == (2, 4003)


def test_a_node_and_the_floor_bring_every_message_to_every_client(tmp_path: Path) -> None:
    cores = Cores()
    with (
        node(cores) as target,
        publisher(cores) as out,
        product(target, out, 20) as (ours, by_post),
        bare(cores, 20, tmp_path) as floor,
    ):
        for fan in (ours, by_post, floor):
            fan.run(20, 0.2)
            fan.burst(20, 50)
            assert fan.answers[0]["stamped"] == 20 * 20


def test_clients_that_come_and_go_are_all_counted(tmp_path: Path) -> None:
    cores = Cores()
    with node(cores) as target, target.clients(target.scripts(["ann", "bob"])) as tool:
        tool.ask("churn 0 2 40")
        target.settle(lambda seen: seen["bellwire_live_sessions"] == 0)
        assert target.metrics()["bellwire_live_resumed_total"] == 40
        assert opened(tool, 0, 2)["open"] == 2


def test_ratios_are_of_runs_side_by_side() -> None:
    assert middle(ratios([2.0, 6.0, 3.0], [1.0, 2.0, 2.0])) == "2.00 (1.50-3.00)"
