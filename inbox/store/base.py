"""The contract of the store, the durable truth. ``tests/contracts/test_store*.py`` run over every implementation.

**The log is the truth; items, counts and heads are views of it.** The atomic step is one unique insert of one log
entry (design §5). Whatever method returns has happened and is durable (MongoDB: majority, journaled; SQLite:
committed with ``synchronous=FULL``). Whatever raises ``Unavailable`` has not happened, or will soon, by the sweep.

Every stream is named by its key, ``tenant/user``: there is no method that reads or writes without one (or without
the tenant), so nothing here can cross from one user to another.
"""

from collections.abc import Sequence
from typing import Protocol

from inbox.model import (
    Changes,
    Client,
    Entry,
    Head,
    Mark,
    Marked,
    Page,
    Process,
    Progress,
    Receipt,
    Status,
    Submission,
)

HEADS_MAX = 1_000


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


class Store(Protocol):
    """One store. Every coroutine may raise ``Unavailable`` (temporary)."""

    outlet: Outlet
    """Set by the composition root before the first write; ``NoOutlet()`` until then."""

    async def open(self) -> None:
        """Connect, create what is missing (tables, indexes, generation), refuse what is unsafe.

        :raises ConfigError: a schema of another version, or a write concern below majority.
        """
        ...

    async def close(self) -> None: ...

    async def ping(self) -> None:
        """One cheap round trip: returns if the store answers within 2 s."""
        ...

    # Writing

    async def publish(self, submission: Submission) -> Receipt:
        """Make the job record durable, then give every recipient's stream its ``created`` entry.

        A repeated key with the same body finishes the first attempt if need be and returns its receipt. When the
        record is durable but a recipient could not be reached in time, the sweep finishes: the receipt is returned.

        :raises IdempotencyConflict: the key stands for another body.
        """
        ...

    async def mark(self, stream: str, mark: Mark) -> Marked:
        """Append one entry for the items that really change; none if nothing does.

        Ids that are not (or no longer) in this inbox are ``missing``; the caller decides what all-missing means.

        :raises StreamReset: ``mark.epoch`` names another incarnation.
        """
        ...

    async def ack(self, acks: dict[str, int]) -> None:
        """Remember per stream the highest ``seq`` that some client confirmed: a maximum, clamped to the head."""
        ...

    # Reading

    async def heads(self, streams: Sequence[str]) -> list[Head]:
        """Where each stream stands, in the order given (<= 1,000 in one query). Never ahead of what is readable."""
        ...

    async def acked(self, stream: str) -> int:
        """The highest ``seq`` of this stream that a client confirmed, 0 if none."""
        ...

    async def changes(self, stream: str, since: int, epoch: str, limit: int) -> Changes:
        """The entries after ``since``: dense from ``since + 1``, at most ``limit``.

        :raises StreamReset: another epoch, a cursor beyond the head, or the log no longer reaches back.
        """
        ...

    async def page(
        self,
        stream: str,
        *,
        limit: int,
        before: int | None = None,
        status: Status = "inbox",
        category: str | None = None,
    ) -> Page:
        """Items with ``seq`` < ``before``, newest on top. The page stands at its head (see ``Page``)."""
        ...

    async def progress(self, tenant: str, notification: str) -> Progress | None:
        """How far a notification is; ``None`` if this tenant has none of that id."""
        ...

    # Upkeep, by any process

    async def sweep(self) -> int:
        """One round: finish entries seen open for over 2 s, and jobs whose driver died. How many were finished."""
        ...

    async def trim(self, keep_entries: int, keep_s: float) -> int:
        """One bounded round: drop log entries beyond the newest ``keep_entries`` AND older than ``keep_s`` seconds.

        Only a prefix, never open entries, never the newest. Also collects tombstones and idempotency keys whose
        time is over. How many entries were dropped; call again while it is above zero.
        """
        ...

    # Keys, clients, processes

    async def secret(self, name: str) -> bytes:
        """The 32 random bytes kept under ``name``, made on first use; every process gets the same."""
        ...

    async def add_client(self, client: Client) -> None: ...

    async def client(self, id: str) -> Client | None: ...

    async def beat(self, process: Process) -> None:
        """Write (or refresh) the heartbeat row of a process."""
        ...

    async def leave(self, process_id: str) -> None: ...

    async def processes(self) -> list[Process]:
        """The processes that beat within the last 60 s by their own clocks."""
        ...
