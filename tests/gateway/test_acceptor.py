"""Accepting: everybody who waits, a few in each turn, on both loops."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway import acceptor
from gateway.acceptor import MOST, Acceptor
from tests.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> object:
    return ("asyncio", {"use_uvloop": request.param})


class Greeter(asyncio.Protocol):
    made = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Greeter.made += 1
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"hello")
        transport.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        listener.setblocking(False)
        yield listener


class Door:
    """An acceptor whose crowd the test makes."""

    def __init__(self, listener: socket.socket) -> None:
        Greeter.made = 0
        self.is_behind = False
        self.acceptor = Acceptor(listener, Greeter, lambda: self.is_behind)


@pytest.fixture
async def door(listener: socket.socket) -> AsyncIterator[Door]:
    door = Door(listener)
    yield door
    door.acceptor.close()
    await door.acceptor.wait_closed()


async def greeted(address: tuple[str, int], count: int) -> list[bytes]:
    async def one() -> bytes:
        reader, writer = await asyncio.open_connection(*address)
        said = await reader.read()
        writer.close()
        await writer.wait_closed()
        return said

    return await asyncio.gather(*(one() for _ in range(count)))


async def test_everybody_who_waits_is_accepted(listener: socket.socket, door: Door) -> None:
    assert await greeted(listener.getsockname(), 200) == [b"hello"] * 200


async def test_it_takes_more_turn_by_turn_and_one_while_those_before_wait(door: Door) -> None:
    assert [door.acceptor._quota() for _ in range(MOST + 2)][-1] <= MOST
    door.is_behind = True
    assert [door.acceptor._quota() for _ in range(10)][-1] == 1


async def test_once_closed_it_accepts_nobody(listener: socket.socket, door: Door) -> None:
    door.acceptor.close()
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
    door = Door(exhausted)  # type: ignore[arg-type]
    assert await greeted(listener.getsockname(), 1) == [b"hello"]
    assert exhausted.failed == 1
    door.acceptor.close()
    await door.acceptor.wait_closed()


async def test_a_client_that_hung_up_at_once_disturbs_nobody(listener: socket.socket, door: Door) -> None:
    for _ in range(20):
        with socket.socket() as client:
            client.connect(listener.getsockname())
            # With a reset instead of an end.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    await until(lambda: Greeter.made > 0)
    assert await greeted(listener.getsockname(), 5) == [b"hello"] * 5
