"""A publisher in a process of its own: sends at an even rate, or all at once, and says how late it was.

One line of JSON in, one out. ``kind`` says what is sent: ``signals`` and ``entries`` go onto the Redis bus as another
node would put them, ``posts`` are requests of HTTP. Each message holds ``@`` and the time of its sending.
"""

import gc
import random
import select
import socket
import sys
import time
from collections.abc import Callable

import msgspec
from msgspec import Struct

from bench.load import percentile
from inbox.bus.redis.link import pack
from inbox.bus.redis.seal import Seal
from inbox.bus.redis.subscriber import channel
from inbox.encode import signal_json
from inbox.ids import channel_key, stream_key

REPLIES_S = 30.0
REQUESTS_IN_FLIGHT = 16
TENANT = "default"

Message = Callable[[], bytes]


class Order(Struct, frozen=True):
    """What to send: ``count`` messages, ``per_s`` a second (0: all at once), of ``data_bytes``.

    :param port: of redis-server, or of the HTTP server.
    :param key: of the bus, as hex.
    :param topic: of signals. ``users`` get entries, which go on from ``seq``.
    :param post: the request, with ``{data}`` where the data goes and ``{size}`` where its length does.
    """

    kind: str
    port: int
    count: int
    per_s: float
    data_bytes: int
    key: str = ""
    topic: str = ""
    users: tuple[str, ...] = ()
    epoch: str = ""
    seq: int = 0
    post: str = ""


class Outcome(Struct, frozen=True):
    """When it began (CLOCK_MONOTONIC), how late the publisher was, and how many replies were errors."""

    began_ns: int
    late_p99_ms: float
    late_max_ms: float
    refused: int


def stamped(data_bytes: int) -> bytes:
    """A JSON object of ``data_bytes`` with the time in it."""
    start = b'{"at":"@%019d","pad":"' % time.monotonic_ns()
    return start + b"x" * (data_bytes - len(start) - 2) + b'"}'


def signals(order: Order) -> Message:
    seal, key = Seal(bytes.fromhex(order.key)), channel_key(TENANT, order.topic)

    def message() -> bytes:
        return pack(
            "PUBLISH", channel(key), seal.close(key, 0, "", signal_json(order.topic, stamped(order.data_bytes)))
        )

    return message


def entries(order: Order) -> Message:
    """Each to a random user, numbered as the node expects it."""
    seal = Seal(bytes.fromhex(order.key))
    seqs = dict.fromkeys(order.users, order.seq)
    draw = random.Random(order.seq)

    def message() -> bytes:
        user = draw.choice(order.users)
        seqs[user] = seq = seqs[user] + 1
        stream = stream_key(TENANT, user)
        frame = b'{"t":"entry","seq":%d,"kind":"created","at":"2026-01-01T00:00:00.000Z","item":{"id":"x","data":%s}}'
        sealed = seal.close(stream, seq, order.epoch, frame % (seq, stamped(order.data_bytes)))
        return pack("PUBLISH", channel(stream), sealed)

    return message


def posts(order: Order) -> Message:
    head, _, body = order.post.partition("\r\n\r\n")

    def message() -> bytes:
        full = body.replace("{data}", stamped(order.data_bytes).decode())
        return f"{head.replace('{size}', str(len(full)))}\r\n\r\n{full}".encode()

    return message


KINDS = {"signals": signals, "entries": entries, "posts": posts}


class Replies:
    """Counts what Redis or an HTTP server answers, without ever waiting for it while there is something to send."""

    def __init__(self, wire: socket.socket, start: bytes, good: bytes) -> None:
        self._wire = wire
        self._start = start
        self._good = good
        self._rest = b""
        self.seen = 0
        self.refused = 0

    def read(self, wait_s: float) -> bool:
        """Take what comes within ``wait_s``; False if nothing does."""
        if not select.select([self._wire], [], [], wait_s)[0]:
            return False
        got = self._wire.recv(1 << 20)
        if not got:
            return False
        data = self._rest + got
        # The beginning of an answer may be cut in two.
        cut = data.rfind(b"\n") + 1
        whole, self._rest = data[:cut], data[cut:]
        seen = whole.count(self._start)
        self.seen += seen
        self.refused += seen - whole.count(self._good)
        return True


def send(order: Order) -> Outcome:
    message = KINDS[order.kind](order)
    is_http = order.kind == "posts"
    lates: list[float] = [0.0]
    with socket.create_connection(("127.0.0.1", order.port)) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        replies = Replies(wire, *((b"HTTP/1.1 ", b"HTTP/1.1 2") if is_http else (b"\r\n", b"\r\n")))
        began = time.monotonic()
        if order.per_s == 0 and not is_http:
            wire.sendall(b"".join(message() for _ in range(order.count)))
        else:
            for number in range(order.count):
                if order.per_s:
                    lates.append(_rest_until(began + number / order.per_s))
                wire.sendall(message())
                replies.read(0)
                while is_http and number - replies.seen >= REQUESTS_IN_FLIGHT and replies.read(REPLIES_S):
                    pass
        while replies.seen < order.count and replies.read(REPLIES_S):
            pass
    refused = replies.refused + max(order.count - replies.seen, 0)
    return Outcome(int(began * 1e9), percentile(lates, 0.99) * 1_000, max(lates) * 1_000, refused)


def _rest_until(due: float) -> float:
    """How late it is then."""
    if (wait_s := due - time.monotonic()) > 0:
        time.sleep(wait_s)
    return time.monotonic() - due


def main() -> None:
    gc.disable()
    decoder = msgspec.json.Decoder(Order)
    for line in sys.stdin:
        sys.stdout.write(msgspec.json.encode(send(decoder.decode(line))).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
