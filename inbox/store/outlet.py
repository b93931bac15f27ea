"""Where what was written goes: the store's way to the bus."""

from typing import Protocol

from inbox.model import Entry


class Outlet(Protocol):
    """Where a store hands the entries it wrote, right after they are durable and before it answers.

    Both methods are called on the event loop, return at once and never raise. An entry may be handed over twice
    (its writer and the sweeper) and may be lost with its writer: readers notice by the number.
    """

    def wants(self, stream: str) -> bool:
        """Whether anybody may be listening: an entry nobody wants need not even be built."""
        ...

    def emit(self, stream: str, epoch: str, entry: Entry) -> None: ...


class NoOutlet:
    """For tools that write without a bus: nodes find the entries by their head check."""

    def wants(self, stream: str) -> bool:
        return False

    def emit(self, stream: str, epoch: str, entry: Entry) -> None:
        return None
