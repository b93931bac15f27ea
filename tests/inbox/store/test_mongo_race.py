"""Two processes with the same idempotency key at the same moment."""

import sys

import anyio
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.audit import audit
from tests.inbox.store.mongo import Scene
from tests.samples import stream_of
from tests.servers.mongo import MongoServer
from tests.writers.mongo_racer import USERS

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("impatient_sweep")]

ROUNDS = 20


class Racer:
    """One of the processes, spoken to in lines."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._input = process.stdin
        self._output = BufferedByteReceiveStream(process.stdout)

    async def say(self, line: str) -> None:
        await self._input.send(f"{line}\n".encode())

    async def line(self) -> str:
        return (await self._output.receive_until(b"\n", 100)).decode()


async def test_one_key_in_two_processes_publishes_once(mongo: MongoServer) -> None:
    scene = Scene(mongo.url)
    command = [sys.executable, "-m", "tests.writers.mongo_racer", mongo.url, scene.database]
    async with (
        scene.store() as store,
        await anyio.open_process(command, stderr=None) as left,
        await anyio.open_process(command, stderr=None) as right,
    ):
        racers = [Racer(left), Racer(right)]
        assert [await racer.line() for racer in racers] == ["ready", "ready"]
        ids: list[str] = []
        for turn in range(ROUNDS):
            for racer in racers:
                await racer.say(f"key {turn}")
            first, second = [await racer.line() for racer in racers]
            assert first == second
            ids.append(first)
        for racer in racers:
            await racer.say("")
        assert [await left.wait(), await right.wait()] == [0, 0]
        await scene.sweep(store)
        for user in USERS:
            items = (await audit(store, stream_of(user))).items
            assert [item.notification.id for item in items] == ids[::-1]
