"""A request as data: what to ask, how to read the answer, and what may be done when no answer comes."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx2
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bellwire.models import Page

T = TypeVar("T")

LONGEST = {"limit": "100"}
"""Of a list, the longest pages there are."""
BATCH_ITEMS = 1_000
BATCH_BYTES = 200_000
"""Of one request: below the server's 256 kB."""


class Call(Struct, Generic[T], frozen=True, kw_only=True):
    """One request.

    :ivar read: makes the answer, a success, what the method returns.
    :ivar repeatable: doing it twice is doing it once, so it may be sent again when it is unknown whether it was done.
    :ivar removal: what is not there any more when it is sent again was removed by the first try.
    :ivar streamed: the answer is handed out before its body has come.
    """

    method: str
    path: str
    read: Callable[[httpx2.Response], T]
    query: Mapping[str, str] = {}
    body: bytes | None = None
    media_type: str = "application/json"
    repeatable: bool = True
    removal: bool = False
    streamed: bool = False


Pages = Call[Page[T]]
"""The first page of a list. The others are ``following``."""


def following(call: Pages[T], page: Page[T]) -> Pages[T] | None:
    """The call for the page after ``page``; ``None`` on the last."""
    return None if page.next is None else replace(call, query={**call.query, "after": page.next})


def path(*parts: str) -> str:
    """The path ``/v1/parts…``, each part one segment whatever it holds.

    :raises ValueError: an empty part, which would name another thing.
    """
    if not all(parts):
        raise ValueError("expected an id, got an empty text")
    # Dots too: `..` is a fine id, and would climb.
    return "/v1/" + "/".join(quote(part, safe=":").replace(".", "%2E") for part in parts)


def to(kind: type[T]) -> Callable[[httpx2.Response], T]:
    """Reads JSON as ``kind``."""
    decoder = msgspec.json.Decoder(kind)
    return lambda answer: decoder.decode(answer.content)


def nothing(_: httpx2.Response) -> None:
    """Reads an answer that says nothing."""


def given(**members: Any) -> bytes:
    """A JSON object of the ``members`` that are not ``None``."""
    return msgspec.json.encode({name: member for name, member in members.items() if member is not None})


def batches(items: Iterable[Any]) -> Iterator[list[msgspec.Raw]]:
    """``items`` as JSON, in parts that fit in a request each."""
    batch: list[msgspec.Raw] = []
    size = 0
    for item in items:
        encoded = msgspec.json.encode(item)
        if batch and (len(batch) == BATCH_ITEMS or size + len(encoded) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(msgspec.Raw(encoded))
        size += len(encoded) + 1
    if batch:
        yield batch
