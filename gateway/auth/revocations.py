"""User tokens that are void before their time: in the memory of every process, read from the store every second."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Protocol

import structlog
from msgspec import Struct

from gateway.settings import LIMITS, Limits
from inbox.errors import Unauthorized, Unavailable
from inbox.ids import stream_key
from inbox.registered import Revocation
from inbox.store.registry import REVOCATIONS_MAX
from inbox.tasks import end
from inbox.times import now_ms

log = structlog.get_logger()

_FORGET_S = 3_600


class RevocationLog(Protocol):
    """Where revocations are durable. See ``inbox.store.registry.Registry``."""

    async def revoke(self, revocation: Revocation) -> None: ...

    async def revocations(self, after: int) -> list[Revocation]: ...


class RevocationStatistics(Struct, frozen=True):
    """``in_force`` is how many are known now; since the start: ``refused`` beyond the limit, reads that ``failed``."""

    in_force: int
    refused: int
    failed: int


class Revocations:
    """Those in force. While the context is open it follows the log; while the store is away, what is known holds.

    ``on_new`` is called with what a read brought, for sessions that are to end.
    """

    def __init__(self, log: RevocationLog, limits: Limits = LIMITS) -> None:
        self.on_new: Callable[[Sequence[Revocation]], None] = lambda new: None
        self._log = log
        self._limits = limits
        self._known: dict[tuple[str, str | None], Revocation] = {}
        self._last = 0
        self._forget_at = 0
        self._hurried = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self._is_away = False
        self._refused = 0
        self._failed = 0

    async def __aenter__(self) -> "Revocations":
        """:raises Unavailable: the store does not answer."""
        await self._read()
        self._following = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._following is not None:
            await end([self._following])

    def statistics(self) -> RevocationStatistics:
        return RevocationStatistics(len(self._known), self._refused, self._failed)

    def check(self, tenant: str, user: str, jti: str | None, issued_at: float) -> None:
        """:raises Unauthorized: this token is revoked. ``issued_at`` is in seconds since 1970."""
        if not self._known:
            return
        stream = stream_key(tenant, user)
        for found in (self._known.get((stream, None)), self._known.get((stream, jti))):
            if found is not None and found.voids(jti, issued_at):
                raise Unauthorized("the token was revoked: get a new one")

    def void_until(self, tenant: str, user: str) -> int:
        """The user's tokens issued up to then (milliseconds since 1970) are void."""
        found = self._known.get((stream_key(tenant, user), None))
        return 0 if found is None else found.at

    async def revoke(self, tenant: str, user: str, jti: str | None) -> None:
        """Make the token ``jti`` of ``user`` void, or all that were issued until now. It holds here at once.

        :raises Unavailable: the store did not take it, or too many are in force.
        """
        made = Revocation(tenant, user, now_ms(), jti)
        if len(self._known) >= self._limits.revocations and _key(made) not in self._known:
            self._refused += 1
            raise Unavailable("too many tokens are revoked: the oldest are forgotten in time", retry_after_s=60)
        await self._log.revoke(made)
        self._take([made])

    def hurry(self) -> None:
        """There may be new ones: read now."""
        self._hurried.set()

    async def _follow(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.revocations_read_s):
                    await self._hurried.wait()
            self._hurried.clear()
            try:
                async with asyncio.timeout(self._limits.revocations_timeout_s):
                    await self._read()
                self._is_away = False
            except (Unavailable, TimeoutError) as failure:
                self._failed += 1
                if not self._is_away:
                    log.warning("revocations_not_read", reason=repr(failure))
                self._is_away = True
            except Exception:
                # A reader that died of a surprise would let every later revocation pass.
                self._failed += 1
                log.exception("revocations_not_read")

    async def _read(self) -> None:
        """Read on from the last one that is known."""
        while True:
            found = await self._log.revocations(self._last)
            if found:
                self._last = found[-1].number
                self._take(found)
            if len(found) < REVOCATIONS_MAX:
                break
        if now_ms() >= self._forget_at:
            self._forget()

    def _take(self, found: Sequence[Revocation]) -> None:
        for each in found:
            known = self._known.get(_key(each))
            if known is None or each.at > known.at:
                self._known[_key(each)] = each
        self.on_new(found)

    def _forget(self) -> None:
        """Drop those that the store has dropped, or will."""
        now = now_ms()
        self._forget_at = now + _FORGET_S * 1_000
        oldest = now - self._limits.revocation_keep_s * 1_000
        self._known = {key: each for key, each in self._known.items() if each.at > oldest}


def _key(revocation: Revocation) -> tuple[str, str | None]:
    return stream_key(revocation.tenant, revocation.user), revocation.jti
