"""Accepting: everybody who waits, a few in each turn, on both loops."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from typing import cast

import pytest

from gateway import acceptor
from gateway.acceptor import MOST, TURN_S, Acceptor
from tests.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> object:
    return ("asyncio", {"use_uvloop": request.param})


class Greeter(asyncio.Protocol):
    made = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Greeter.made += 1
        writing = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        writing.write(b"hello")
        writing.close()


def greet(connection: socket.socket, peer: object) -> type[Greeter]:
    return Greeter


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        listener.setblocking(False)
        yield listener


@pytest.fixture
async def door(listener: socket.socket) -> AsyncIterator[Acceptor]:
    Greeter.made = 0
    door = Acceptor(listener, greet)
    yield door
    door.close()
    await door.wait_closed()


async def greeted(address: tuple[str, int], count: int) -> list[bytes]:
    async def one() -> bytes:
        reader, writer = await asyncio.open_connection(*address)
        said = await reader.read()
        writer.close()
        await writer.wait_closed()
        return said

    return await asyncio.gather(*(one() for _ in range(count)))


async def test_everybody_who_waits_is_accepted(listener: socket.socket, door: Acceptor) -> None:
    assert await greeted(listener.getsockname(), 200) == [b"hello"] * 200


async def test_it_lets_in_more_while_turns_are_short_and_one_while_they_are_long(listener: socket.socket) -> None:
    now = 0.0
    door = Acceptor(listener, greet, clock=lambda: now)
    quotas = []
    for turn in range(MOST + 10):
        now += TURN_S / 2 if turn < MOST + 2 else TURN_S * 2
        quotas.append(door._quota())
    door.close()
    assert max(quotas) == quotas[MOST + 1] == MOST
    assert quotas[-1] == 1


async def test_it_lets_in_one_at_a_time_while_those_before_still_wait(listener: socket.socket) -> None:
    door = Acceptor(listener, greet, is_behind=lambda: True)
    assert {door._quota() for _ in range(20)} == {1}
    door.close()


async def test_those_who_wait_for_their_turn_when_it_closes_are_let_go(
    listener: socket.socket, door: Acceptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_quota", lambda: 0)
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    await until(lambda: len(door._waiting) == 1)
    door.close()
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_once_closed_it_accepts_nobody(listener: socket.socket, door: Acceptor) -> None:
    door.close()
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await reader.read()
    writer.close()
    await writer.wait_closed()
    assert Greeter.made == 0


async def test_without_descriptors_it_tries_again_later(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Exhausted:
        """``listener``, which fails once."""

        failed = 0

        def fileno(self) -> int:
            return listener.fileno()

        def accept(self) -> tuple[socket.socket, object]:
            if not self.failed:
                self.failed = 1
                raise OSError(errno.EMFILE, "too many open files")
            return listener.accept()

    monkeypatch.setattr(acceptor, "RETRY_S", 0.05)
    exhausted = Exhausted()
    door = Acceptor(exhausted, greet)  # type: ignore[arg-type]
    assert await greeted(listener.getsockname(), 1) == [b"hello"]
    assert exhausted.failed == 1
    door.close()
    await door.wait_closed()


async def test_a_client_that_hung_up_at_once_disturbs_nobody(listener: socket.socket, door: Acceptor) -> None:
    for _ in range(20):
        with socket.socket() as client:
            client.connect(listener.getsockname())
            # With a reset instead of an end.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    await until(lambda: Greeter.made > 0)
    assert await greeted(listener.getsockname(), 5) == [b"hello"] * 5
