"""A call from its first request to its result, without doing anything: it yields what to do and is sent what came.

Both clients drive the same generators; whatever there is to decide is decided here.
"""

from collections.abc import Generator
from typing import Any, TypeVar

import httpx2
import msgspec
from msgspec import Struct

from bellwire.call import Call
from bellwire.errors import BellwireError, Unauthorized, Unreachable
from bellwire.patience import Patience
from bellwire.refusals import refusal

T = TypeVar("T")


class Authorize(Struct, frozen=True):
    """Send back an access token, another one than ``refused``. What it takes is taken from ``patience``."""

    refused: str | None
    patience: Patience


class Send(Struct, frozen=True):
    """Send back the answer to ``call``, or ``Unreachable``."""

    call: Call[Any]
    authorization: str

    def __repr__(self) -> str:
        return f"Send({self.call.method} {self.call.path})"


class Pause(Struct, frozen=True):
    """Let ``seconds`` pass."""

    seconds: float


Flow = Generator[Authorize | Send | Pause, Any, T]


def perform(call: Call[T], patience: Patience) -> Flow[T]:
    """``call`` with an access token; once more with a new one if that is refused.

    :raises BellwireError: it was refused, or ``patience`` has ended.
    """
    token: str = yield Authorize(None, patience)
    try:
        return (yield from attempts(call, f"Bearer {token}", patience))
    except Unauthorized:
        another: str = yield Authorize(token, patience)
        if another == token:
            raise
    return (yield from attempts(call, f"Bearer {another}", patience))


def attempts(call: Call[T], authorization: str, patience: Patience) -> Flow[T]:
    """``call`` again and again, until it is answered for good.

    :raises BellwireError: as in ``perform``.
    """
    maybe_done = False
    while True:
        answer: httpx2.Response | Unreachable = yield Send(call, authorization)
        if isinstance(answer, Unreachable):
            error: BellwireError = answer
        elif answer.is_success or (answer.status_code == 404 and call.removal and maybe_done):
            return _read(call, answer)
        else:
            error = refusal(answer)
        maybe_done = maybe_done or error.maybe_done
        if not error.temporary or (error.maybe_done and not call.repeatable):
            raise error
        yield Pause(patience.pause_s(error))


def _read(call: Call[T], answer: httpx2.Response) -> T:
    try:
        return call.read(answer)
    except msgspec.MsgspecError as error:
        raise BellwireError(
            f"the answer to {call.method} {call.path} is not Bellwire's: {error} (check the URL)",
            status=answer.status_code,
        ) from None
