"""Public keys kept up to date from a JWKS URL, without letting a flood of tokens become a flood of requests."""

import asyncio
from typing import Any

import httpx2
import msgspec
import structlog

from gateway.auth.keys import Key, jwk_key
from gateway.settings import LIMITS, Limits
from inbox.errors import Unavailable
from inbox.times import monotonic_s

log = structlog.get_logger()

_KEYS_MAX = 32


class Jwks:
    """The key set behind ``url``.

    Fetched when first needed, again every ``jwks_refresh_s``, and when a token names a key we do not know, but
    never more often than every ``jwks_interval_s``. A key that was removed there is gone here with the next
    refresh; while the server does not answer, the keys live on for ``jwks_keep_s`` at most.
    """

    def __init__(self, url: str, limits: Limits = LIMITS, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._url = url
        self._limits = limits
        self._http = httpx2.AsyncClient(
            follow_redirects=False, timeout=limits.jwks_timeout_s, trust_env=False, transport=transport
        )
        self._keys: tuple[Key, ...] = ()
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._is_away = False
        self._refreshing = asyncio.Lock()

    def at_hand(self, id: str | None) -> tuple[Key, ...] | None:
        """What ``find`` would answer, unless it may have to ask the server."""
        found = self._matching(id)
        return found if found and self._age(self._fetched_at) <= self._limits.jwks_refresh_s else None

    async def find(self, id: str | None) -> tuple[Key, ...]:
        """The keys a token with this ``kid`` may be signed with; a token without one may be tried with all.

        :raises Unavailable: the key server does not answer, and no key it gave fits or is young enough.
        """
        found = self._matching(id)
        if not found or self._age(self._fetched_at) > self._limits.jwks_refresh_s:
            await self._refresh(wait=not found)
            found = self._matching(id)
        if (self._is_away and not found) or self._age(self._fetched_at) > self._limits.jwks_keep_s:
            raise Unavailable("user tokens cannot be verified now: the key server does not answer")
        return found

    async def close(self) -> None:
        await self._http.aclose()

    def _matching(self, id: str | None) -> tuple[Key, ...]:
        return self._keys if id is None else tuple(key for key in self._keys if key.id == id)

    def _age(self, at: float | None) -> float:
        return float("inf") if at is None else monotonic_s() - at

    async def _refresh(self, wait: bool) -> None:
        if self._refreshing.locked() and not wait:
            return
        async with self._refreshing:
            if self._age(self._tried_at) < self._limits.jwks_interval_s:
                return
            self._tried_at = monotonic_s()
            try:
                async with asyncio.timeout(self._limits.jwks_timeout_s):
                    self._keys = await self._fetch()
            except Exception as error:
                self._is_away = True
                log.warning("jwks_failed", reason=type(error).__name__, detail=str(error))
            else:
                self._is_away = False
                self._fetched_at = monotonic_s()

    async def _fetch(self) -> tuple[Key, ...]:
        body = bytearray()
        async with self._http.stream("GET", self._url, headers={"accept": "application/json"}) as answer:
            if answer.status_code != 200:
                raise ValueError(f"expected status 200, got {answer.status_code}")
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > self._limits.jwks_bytes:
                    raise ValueError(f"expected at most {self._limits.jwks_bytes} bytes")
        return _keys(msgspec.json.decode(body, type=dict[str, Any]))


def _keys(document: dict[str, Any]) -> tuple[Key, ...]:
    """The keys of a JWKS document that we can use; others stand beside them in real sets and are passed over."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise ValueError("expected a list under keys")
    keys: list[Key] = []
    for jwk in listed[:_KEYS_MAX]:
        try:
            keys.append(jwk_key(jwk))
        except Exception:
            # PyJWT has many ways to refuse one, and none may cost us those beside it.
            continue
    return tuple(keys)
