"""Our own signing keys: the newest signs, and each is honoured until the last token it may have signed has ended."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType

import jwt
import msgspec
import structlog

from gateway.auth.keys import Key, secret_key
from gateway.settings import LIMITS, Limits
from inbox.errors import Unavailable
from inbox.registered import StoredKey
from inbox.tasks import end
from inbox.times import monotonic_s, now_ms

log = structlog.get_logger()

TOKEN_KEYS = "tokens"
"""The name of these keys in the store."""
OWN_KID = "bellwire-"
"""What the ``kid`` of every token we made begins with; the id of its key follows."""
KEEP_S = LIMITS.user_token_ttl_s + LIMITS.leeway_s + LIMITS.keys_reload_s
"""How long a key is honoured after it was replaced: whoever has not heard of the new one still signs with it."""

_jws = jwt.PyJWS(algorithms=["HS256"])


def honoured(stored: Sequence[StoredKey], now: int) -> Sequence[StoredKey]:
    """Those of ``stored`` (newest first) that may have signed a token which is still good at ``now`` (milliseconds)."""
    replaced_at = [now, *(key.created_at for key in stored)]
    return [key for key, at in zip(stored, replaced_at, strict=False) if at > now - KEEP_S * 1_000]


class KeyRing:
    """The keys, parsed once and in memory. Loaded again every ``keys_reload_s`` while the context is open.

    :param load: reads them from the store, the newest first.
    """

    def __init__(self, load: Callable[[], Awaitable[Sequence[StoredKey]]], limits: Limits = LIMITS) -> None:
        self._read = load
        self._limits = limits
        self._keys: dict[str | None, Key] = {}
        self._newest: StoredKey | None = None
        self._searching = asyncio.Lock()
        self._searched_at = float("-inf")
        self._is_away = False
        self._reloading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "KeyRing":
        await self.load()
        self._reloading = asyncio.create_task(self._reload_for_ever())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reloading is not None:
            await end([self._reloading])

    async def load(self) -> None:
        """Read the keys. :raises Unavailable: the store does not answer."""
        self.take(await self._read())

    def take(self, stored: Sequence[StoredKey]) -> None:
        """Use these keys, newest first, and no others.

        :raises Unavailable: one of them can be no key of ours; those in use stay.
        """
        try:
            known = [secret_key(key.value, OWN_KID + key.id) for key in honoured(stored, now_ms())]
        except ValueError as error:
            raise Unavailable(f"a signing key in the store is damaged: {error}") from None
        self._newest = stored[0]
        self._keys = {key.id: key for key in known}

    def sign(self, kind: str, claims: object) -> str:
        """A token of ours, its ``typ`` header saying what it may be used for."""
        assert self._newest is not None, "no keys were taken yet"
        header = {"kid": OWN_KID + self._newest.id, "typ": kind}
        return _jws.encode(msgspec.json.encode(claims), self._newest.value, "HS256", header)

    def at_hand(self, kid: str | None) -> tuple[Key, ...] | None:
        """What ``find`` would answer, unless it may have to ask the store."""
        found = self._keys.get(kid)
        return None if found is None else (found,)

    async def find(self, kid: str | None) -> tuple[Key, ...]:
        """The key that ``kid`` names. One we do not know may be new: the store is asked, at most once a second.

        :raises Unavailable: we do not know it, and the store does not answer.
        """
        if kid not in self._keys:
            await self._search(kid)
        found = self._keys.get(kid)
        if found is None and self._is_away:
            raise Unavailable("tokens cannot be verified now: the store does not answer")
        return () if found is None else (found,)

    async def _search(self, kid: str | None) -> None:
        async with self._searching:
            if kid not in self._keys and monotonic_s() - self._searched_at >= self._limits.keys_search_s:
                self._searched_at = monotonic_s()
                await self._reload()

    async def _reload(self) -> None:
        try:
            async with asyncio.timeout(self._limits.keys_timeout_s):
                await self.load()
            self._is_away = False
        except (Unavailable, TimeoutError) as error:
            self._is_away = True
            log.warning("keys_not_reloaded", reason=str(error))
        except Exception:
            # A reloader that died of a surprise would honour the keys it has for ever.
            self._is_away = True
            log.exception("keys_not_reloaded")

    async def _reload_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._limits.keys_reload_s)
            await self._reload()
