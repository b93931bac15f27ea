"""uvicorn's HTTP protocol with the bounds it lacks: how large a head, how long a request, how many connections."""

import asyncio
import math
from typing import Any, NoReturn

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.http.callers import Callers
from gateway.http.problems import MEDIA_TYPE, STATUS, document
from gateway.settings import LIMITS

_LOOK_BYTES = 32
"""Of a target, to find it: more could make the search slow."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One timer runs while a request arrives, from its first byte (or the connection's start) to its last."""

    _timer: asyncio.TimerHandle | None = None
    _refusal = ("bad_request", "expected a valid HTTP/1.1 request")
    _head_bytes = 0
    _in_head = False
    _in_body = False
    _in_trailers = False
    _upgraded = False

    def __init__(self, callers: Callers, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._callers = callers

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._callers.enter(self, self.client):
            self._start_timer()
        else:
            self._refuse("unavailable", "too many connections: try again later", LIMITS.full_retry_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._callers.leave(self)
        self._stop_timer()
        super().connection_lost(exc)
        # uvicorn's timer would keep us after a reset, and requests that wait for their turn know us as we know them.
        self._unset_keepalive_if_required()
        self.pipeline.clear()
        del self.cycle

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._upgraded:
            return
        if self._timer is None and (self.cycle is None or self.cycle.response_complete):
            # An empty line before a request: it would end uvicorn's keep-alive timer and begin nothing.
            self._start_timer()
        if self._in_head or self._in_trailers:
            self._head_bytes += len(data) if self._head_bytes else self._begun_bytes(data)
            if self._head_bytes > LIMITS.head_bytes and not self.transport.is_closing():
                self._refuse("headers_too_large", f"expected at most {LIMITS.head_bytes} bytes of headers")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        self._in_head = True
        if self._timer is None:
            self._start_timer()

    def _begun_bytes(self, data: bytes) -> int:
        """How much of ``data`` belongs to the head that begins in it, which may be behind whole requests.

        Its target was read last of all, so where that stands last in ``data`` is no earlier than the head. Before any
        of the target there is only a method. Where trailers begin is not known: they count from the next ``data`` on.
        """
        return len(data) - data.rfind(b" " + self.url[:_LOOK_BYTES]) if self._in_head and self.url else 1

    def on_headers_complete(self) -> None:
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > LIMITS.head_bytes:
            self._refuse_head("headers_too_large", f"expected at most {LIMITS.head_bytes} bytes of headers")
        # RFC 9112, section 3.2.
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            self._refuse_head("bad_request", "expected one Host header")
        super().on_headers_complete()  # Raises where the target is none: that head gets its answer, too.
        self._in_head = False
        self._in_body = True

    def on_chunk_header(self) -> None:
        """Trailers follow, unless a body does: they count as head. Nobody reads them, and headers they are not."""
        self._in_trailers = True
        self._head_bytes = 0
        if not (self.parser.should_upgrade() and self._should_upgrade()):
            self.headers = []

    def on_body(self, body: bytes) -> None:
        self._in_trailers = False
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = self._in_trailers = False
        self._stop_timer()
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._callers.begin(self)
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        if not self.pipeline:
            self._callers.rest(self)
        super().on_response_complete()

    def hang_up(self) -> None:
        self.transport.abort()

    def _refuse_head(self, code: str, detail: str) -> NoReturn:
        self._refusal = (code, detail)
        raise ValueError("the parser stops here and calls send_400_response")

    def send_400_response(self, msg: str) -> None:
        self._refuse(*self._refusal)

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(LIMITS.request_read_s, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self._refuse("request_timeout", f"expected the whole request within {LIMITS.request_read_s:g} s")

    def _refuse(self, code: str, detail: str, retry_after_s: float | None = None) -> None:
        """Answer with a problem and close. What was asked before is answered first; what cannot be, is only closed.

        A body may go on when its request has its answer: another would be taken for that of the next request.
        """
        self._stop_timer()
        if self.cycle is None or self.cycle.response_complete:
            if not self._in_body:
                self.transport.write(refusal(code, detail, retry_after_s))
        elif not self._in_body:
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        elif not self.pipeline and not self.cycle.response_started:
            self.transport.write(refusal(code, detail))
        self.transport.close()


def refusal(code: str, detail: str, retry_after_s: float | None = None) -> bytes:
    """An answer from its first byte to its last: a problem, and the connection is closed."""
    body = document(code, detail) if retry_after_s is None else document(code, detail, temporary=True)
    head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
    if retry_after_s is not None:
        head += f"retry-after: {max(1, math.ceil(retry_after_s))}\r\n"
    return STATUS_LINE[STATUS[code][0]] + head.encode() + b"\r\n" + body
