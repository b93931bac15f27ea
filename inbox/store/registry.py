"""The part of the store's contract that is about the installation: its keys, clients, revocations, processes."""

from typing import Protocol

from inbox.registered import Client, Process, Revocation, StoredKey

REVOCATIONS_MAX = 1_000
"""Revocations that one read gives."""
REVOCATION_KEEP_S = 30 * 86_400
"""How long one is kept. Then ``Store.trim`` drops it, so no token may live longer."""


class Registry(Protocol):
    """What is registered. Every coroutine may raise ``Unavailable`` (temporary)."""

    async def secret(self, name: str) -> bytes:
        """The 32 random bytes kept under ``name``, made on first use; every process gets the same."""
        ...

    async def keys(self, name: str) -> tuple[StoredKey, ...]:
        """The keys kept under ``name``, the newest first; one is made on first use."""
        ...

    async def rotate(self, name: str, keep_s: float) -> StoredKey:
        """Make a new key, the newest of ``keys(name)`` from now on. Those replaced over ``keep_s`` ago are deleted."""
        ...

    async def put_client(self, client: Client, was: Client | None = None) -> bool:
        """Make the client, or replace it as a whole.

        :param was: it is replaced only if it still is that, or ``client`` already. ``False``: it was left as it is.
        """
        ...

    async def client(self, id: str) -> Client | None: ...

    async def clients(self, tenant: str) -> list[Client]:
        """All of a tenant's, revoked ones too, the oldest first."""
        ...

    async def revoke(self, revocation: Revocation) -> None:
        """Make it known to every process, under the next number. It takes the place of those that it makes needless.

        An erasure leaves it: the user's tokens are still in somebody's hands.
        """
        ...

    async def revocations(self, after: int) -> list[Revocation]:
        """The first ``REVOCATIONS_MAX`` with a ``number`` above ``after``, in order.

        Numbers rise and are never reused, and none appears below one that was seen: asking for what comes after the
        last one misses nothing, whatever the clocks of the processes say.
        """
        ...

    async def beat(self, process: Process) -> None:
        """Write (or refresh) the heartbeat row of a process."""
        ...

    async def leave(self, process_id: str) -> None: ...

    async def processes(self) -> list[Process]:
        """The processes that beat within the last 60 s by their own clocks."""
        ...
