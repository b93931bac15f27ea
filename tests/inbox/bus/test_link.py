"""A link to a scripted Redis, plain and over TLS, on both loops: taken over, gathering, broken, full."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError

from inbox.bus.redis.link import Link, connected
from inbox.redis_address import Address
from tests.servers.certificate import Certificate
from tests.waiting import until

pytestmark = pytest.mark.anyio

_GATHER_S = 0.2
_FLOOD_BYTES = 16 * 1024 * 1024


@pytest.fixture(scope="module", params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> object:
    return ("asyncio", {"use_uvloop": request.param})


class Peer:
    """What Redis is here: ``first`` is what it says unasked, ``after`` what it does then."""

    first = b""
    after: Callable[[asyncio.StreamWriter], object] = staticmethod(lambda writer: None)
    url = ""
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        writer.write(self.first)
        self.after(writer)

    def say(self, *words: str) -> None:
        for word in words:
            self.writer.write(f"+{word}\r\n".encode())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    directory: Path = tmp_path_factory.mktemp("certificate")
    return Certificate(directory)


@pytest.fixture(params=["plain", "tls"])
async def peer(request: pytest.FixtureRequest, certificate: Certificate) -> AsyncIterator[Peer]:
    peer, tls = Peer(), request.param == "tls"
    server = await asyncio.start_server(peer.accept, "127.0.0.1", 0, ssl=certificate.context() if tls else None)
    place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    peer.url = f"rediss://{place}?ssl_ca_certs={certificate.file}" if tls else f"redis://{place}"
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    yield peer
    server.close()
    peer.writer.transport.abort()
    assert complaints == []


def linked(peer: Peer, ready: Callable[[Any], bool] = lambda source: True) -> AbstractAsyncContextManager[Link]:
    """A link to ``peer``, which takes over once ``ready`` says so of redis-py's reader."""
    connection: AbstractConnection = Address(peer.url).connection()
    usual = connection.connect

    async def connect() -> None:
        await usual()  # type: ignore[no-untyped-call]
        await until(lambda: hasattr(peer, "writer") and ready(connection._reader))

    connection.connect = connect  # type: ignore[method-assign]
    return connected(connection, lambda: None)


async def heard(link: Link, count: int, on_first: Callable[[], object] = lambda: None) -> list[list[bytes]]:
    """What comes up to ``count`` replies, by what came together. Gathers after the first, before ``on_first``."""
    portions: list[list[bytes]] = []

    def take(replies: list[bytes]) -> float:
        if not replies:
            return 0.0
        portions.append(replies)
        if len(portions) == 1:
            asyncio.get_running_loop().call_soon(on_first)
        return _GATHER_S if len(portions) == 1 else 0.0

    listening = asyncio.create_task(link.listen(take))
    await until(lambda: listening.done() or sum(map(len, portions)) >= count)
    listening.cancel()
    with suppress(asyncio.CancelledError, ConnectionError):
        await listening
    return portions


async def test_bytes_that_came_before_the_link_took_over_are_handed_over_before_those_after(peer: Peer) -> None:
    peer.first = b"+early\r\n+la"
    async with linked(peer, lambda source: len(source._buffer) == 11) as link:
        peer.writer.write(b"te\r\n")
        assert [word for portion in await heard(link, 2) for word in portion] == [b"early", b"late"]


async def test_a_connection_closed_before_the_link_took_over_breaks_it_at_once(peer: Peer) -> None:
    peer.first = b"+early\r\n"
    peer.after = lambda writer: writer.close()
    with anyio.fail_after(5), pytest.raises(ConnectionError):
        async with linked(peer, lambda source: source._eof) as link:
            await link.call([b"PING\r\n"])


async def test_a_call_waits_for_as_many_replies_as_it_has_commands(peer: Peer) -> None:
    async with linked(peer) as link:
        calling = asyncio.create_task(link.call([b"1\r\n", b"2\r\n"]))
        assert await peer.reader.readexactly(6) == b"1\r\n2\r\n"
        peer.say("one")
        await until(lambda: link._kept == [b"one"])
        peer.say("two")
        assert await calling == [b"one", b"two"]


async def test_while_replies_gather_reading_is_paused_and_then_all_come_together_in_order(peer: Peer) -> None:
    words = [str(number) for number in range(500)]
    async with linked(peer) as link:
        reading: list[bool] = []

        def go_on() -> None:
            reading.append(link._transport.is_reading())
            peer.say(*words[1:])

        peer.say(words[0])
        first, rest = await heard(link, 500, go_on)
        assert reading == [False]
        assert [word.decode() for word in first + rest] == words


async def test_what_came_before_the_connection_was_lost_while_gathering_is_still_handed_over(peer: Peer) -> None:
    async with linked(peer) as link:

        def leave() -> None:
            peer.say("last words")
            peer.writer.close()

        peer.say("first")
        assert await heard(link, 3, leave) == [[b"first"], [b"last words"]]
        with pytest.raises(ConnectionError):
            await link.call([b"PING\r\n"])


async def test_a_link_left_while_gathering_ends_quietly(peer: Peer) -> None:
    async with linked(peer) as link:
        peer.say("first")
        assert await heard(link, 1) == [[b"first"]]
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(2 * _GATHER_S, over.set)
    await over.wait()


async def test_what_the_taker_raises_is_raised_to_who_listens_and_nothing_more_is_taken(peer: Peer) -> None:
    def refuse(replies: list[bytes]) -> float:
        if replies:
            raise ValueError("not these")
        return 0.0

    async with linked(peer) as link:
        peer.say("first")
        with pytest.raises(ValueError, match="not these"):
            await link.listen(refuse)
        assert link._transport.is_closing()


async def test_sending_waits_while_redis_does_not_take_anything(peer: Peer) -> None:
    async with linked(peer) as link:
        sending = asyncio.create_task(flood(link))
        await until(lambda: not link._writable.is_set())
        await anyio.lowlevel.checkpoint()
        assert not sending.done()
        await peer.reader.readexactly(_FLOOD_BYTES)
        await sending


async def test_a_link_that_breaks_ends_the_wait_of_who_sends(peer: Peer) -> None:
    async with linked(peer) as link:
        sending = asyncio.create_task(flood(link))
        await until(lambda: not link._writable.is_set())
        peer.writer.transport.abort()
        with anyio.fail_after(5), pytest.raises((ConnectionError, OSError)):
            await loss(link, sending)


async def loss(link: Link, sending: asyncio.Task[None]) -> None:
    """A transport that fails in the middle of a write may take all the rest before it says so."""
    await sending
    await link.listen(lambda replies: 0.0)


async def flood(link: Link) -> None:
    """Send more than any buffer takes."""
    for _ in range(16):
        await link.send(bytes(_FLOOD_BYTES // 16))
