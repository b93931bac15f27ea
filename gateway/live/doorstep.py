"""The first bytes of a connection, looked at before anything is made for it.

Who opens a WebSocket has mostly asked for it by the time its socket gets its turn. Then the whole request is taken from
the bare socket, and nothing of HTTP is ever made: no protocol, no timer, no scope. Whatever else is there, or not yet,
is left in the socket for uvicorn's protocol.
"""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from gateway.http.protocol import refusal
from gateway.live.entrance import PATH, Entrance
from gateway.settings import LIMITS

Make = Callable[[], asyncio.Protocol]

_ASKED = b"GET " + PATH


class _Head:
    """The head of a request, as httptools tells it. ``size_bytes`` is 0 unless it is whole and asks for an upgrade."""

    def __init__(self, data: bytes) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.size_bytes = 0
        self._requests = 0
        parser = HttpRequestParser(self)
        try:
            parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self.size_bytes = upgrade.args[0]
        except HttpParserError:
            return
        self.version = parser.get_http_version()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_message_complete(self) -> None:
        self._requests += 1

    @property
    def is_opening(self) -> bool:
        """Whether it asks for a WebSocket, and HTTP has nothing against it. No request may be before it."""
        is_upgrade = self.size_bytes > 0 and self._requests == 1
        return is_upgrade and self._values(b"upgrade") == [b"websocket"] and len(self._values(b"host")) == 1

    def _values(self, wanted: bytes) -> list[bytes]:
        return [value.lower() for name, value in self.headers if name == wanted]


class Doorstep:
    """Takes the requests of those who ask for a WebSocket and nothing else.

    :param make_room: ends a connection without a session where descriptors run short.
    :param http: makes the protocol of everybody else.
    """

    def __init__(self, entrance: Entrance, make_room: Callable[[], object], http: Make) -> None:
        self._entrance = entrance
        self._make_room = make_room
        self._http = http

    def greet(self, caller: socket.socket, peer: tuple[Any, ...]) -> Make:
        """What makes the protocol for ``caller``, a socket that does not block.

        :param peer: its address, as ``accept`` gives it.
        :raises OSError: the connection is broken.
        """
        try:
            head = _opening(caller.recv(LIMITS.head_bytes, socket.MSG_PEEK))
        except BlockingIOError:
            head = None
        if head is None:
            return self._http
        caller.recv(head.size_bytes)
        self._make_room()
        return partial(_Opening, self._entrance, head, self._entrance.address((peer[0], peer[1]), head.headers))


class _Opening(asyncio.Protocol):
    """Answers as soon as there is a transport, and hands it on. To look for room and to take it is one step."""

    def __init__(self, entrance: Entrance, head: _Head, address: bytes) -> None:
        self._entrance = entrance
        self._head = head
        self._address = address

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        writing = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        is_open, answer = self._answer()
        writing.write(answer)
        if is_open:
            writing.set_protocol(self._entrance.connect(writing, self._address))
        else:
            writing.close()

    def _answer(self) -> tuple[bool, bytes]:
        """Whether the handshake is complete, and what to say."""
        head = self._head
        no = self._entrance.refusal(head.url, head.headers, self._address)
        if no is not None:
            return False, refusal(no.code, no.detail, no.retry_after_s)
        return self._entrance.shake_hands("GET", head.version, head.headers)


def _opening(data: bytes) -> _Head | None:
    """The request that ``data`` begins with, if it is all there and asks for a WebSocket."""
    if not data.startswith(_ASKED):
        return None
    head = _Head(data)
    return head if head.is_opening else None
