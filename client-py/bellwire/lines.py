"""JSON lines as they come in pieces. Pure."""

from contextlib import suppress

import msgspec
from msgspec import Struct

from bellwire.errors import Unavailable


class End(Struct, frozen=True):
    """The last line: whether it is ``complete``, and why not."""

    type: str = ""
    complete: bool = False
    detail: str = "no answer to the end"


_END = msgspec.json.Decoder(End)


class Lines:
    """Cuts at line feeds only: what other things call the end of a line may stand in a text."""

    def __init__(self) -> None:
        self._rest = b""
        self._last = b"{}"

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that ``chunk`` completes."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if whole:
            self._last = whole[-1]
        return whole

    def finish(self) -> None:
        """:raises Unavailable: the last line does not say that this was all."""
        end = End()
        with suppress(msgspec.MsgspecError):
            end = _END.decode(self._last)
        if self._rest or end.type != "end" or not end.complete:
            raise Unavailable(f"the export broke off: {end.detail}")
