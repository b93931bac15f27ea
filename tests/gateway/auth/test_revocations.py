"""Revoked user tokens: refused wherever tokens are verified, remembered while the store is away, never forgotten."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.auth.revocations import Revocations
from gateway.auth.tokens import UserTokens, mint_user
from gateway.settings import LIMITS, Settings
from inbox.errors import Unauthorized, Unavailable
from inbox.registered import Revocation
from inbox.store.registry import REVOCATIONS_MAX
from inbox.times import now_ms
from tests.gateway.auth.keyring import RING, SECRET, token
from tests.waiting import until

pytestmark = pytest.mark.anyio

SETTINGS = Settings(user_jwt_secret=SECRET)
QUICK = replace(LIMITS, revocations_read_s=0.01, revocations_timeout_s=0.05)


class Log:
    """A store's revocations, which can go away or not answer at all."""

    def __init__(self) -> None:
        self.rows: list[Revocation] = []
        self.is_away = False
        self.is_silent = False
        self.reads = 0

    async def revoke(self, revocation: Revocation) -> None:
        self._answer()
        self.rows.append(replace(revocation, number=len(self.rows) + 1))

    async def revocations(self, after: int) -> list[Revocation]:
        self.reads += 1
        if self.is_silent:
            await asyncio.Event().wait()
        self._answer()
        return self.rows[after : after + REVOCATIONS_MAX]

    def _answer(self) -> None:
        if self.is_away:
            raise Unavailable("away")


@pytest.fixture
def log() -> Log:
    return Log()


@asynccontextmanager
async def following(log: Log, **limits: Any) -> AsyncIterator[Revocations]:
    async with Revocations(log, replace(QUICK, **limits)) as made:
        yield made


def is_void(revocations: Revocations, user: str = "alice", jti: str | None = None, issued_at: float = 0.0) -> bool:
    try:
        revocations.check("acme", user, jti, issued_at)
    except Unauthorized:
        return True
    return False


async def test_what_is_in_the_store_holds_from_the_start(log: Log) -> None:
    for number in range(REVOCATIONS_MAX + 1):
        await log.revoke(Revocation("acme", f"user-{number}", now_ms()))
    async with following(log) as revocations:
        assert is_void(revocations, "user-0")
        assert is_void(revocations, f"user-{REVOCATIONS_MAX}")


async def test_what_another_process_writes_is_read_and_told(log: Log) -> None:
    async with following(log) as revocations:
        told: list[Revocation] = []
        revocations.on_new = told.extend
        await log.revoke(Revocation("acme", "alice", now_ms()))
        await until(lambda: is_void(revocations))

        assert [each.user for each in told] == ["alice"]


async def test_a_hurry_is_not_waited_for(log: Log) -> None:
    async with following(log, revocations_read_s=60.0) as revocations:
        await log.revoke(Revocation("acme", "alice", now_ms()))
        revocations.hurry()
        await until(lambda: is_void(revocations))


async def test_tokens_issued_until_then_are_void_and_later_ones_are_not(log: Log) -> None:
    async with following(log) as revocations:
        await log.revoke(Revocation("acme", "alice", 1_000_500))
        await until(lambda: is_void(revocations))

        assert is_void(revocations, issued_at=1_000.5)
        assert not is_void(revocations, issued_at=1_000.501)
        assert not is_void(revocations, "bob")


async def test_of_a_token_revoked_alone_the_users_others_stay_good(log: Log) -> None:
    async with following(log) as revocations:
        await revocations.revoke("acme", "alice", "t1")

        assert is_void(revocations, jti="t1", issued_at=9e9)
        assert not is_void(revocations, jti="t2")
        assert not is_void(revocations)
        assert not is_void(revocations, "bob", jti="t1")


async def test_another_tenants_user_of_that_name_is_not_touched(log: Log) -> None:
    async with following(log) as revocations:
        await revocations.revoke("other", "alice", None)

        assert not is_void(revocations)


@pytest.mark.parametrize("how", ["is_away", "is_silent"])
async def test_while_the_store_is_away_what_is_known_holds_and_then_it_goes_on(log: Log, how: str) -> None:
    async with following(log) as revocations:
        await revocations.revoke("acme", "alice", None)
        setattr(log, how, True)
        await until(lambda: revocations.statistics().failed >= 3)
        assert is_void(revocations)

        setattr(log, how, False)
        await log.revoke(Revocation("acme", "bob", now_ms()))
        await until(lambda: is_void(revocations, "bob"))


async def test_what_the_store_did_not_take_is_not_in_force(log: Log) -> None:
    async with following(log) as revocations:
        log.is_away = True
        with pytest.raises(Unavailable):
            await revocations.revoke("acme", "alice", None)

        assert not is_void(revocations)


async def test_beyond_the_limit_a_new_one_is_refused_and_none_is_forgotten(log: Log) -> None:
    async with following(log, revocations=2) as revocations:
        await revocations.revoke("acme", "alice", None)
        await revocations.revoke("acme", "bob", None)
        with pytest.raises(Unavailable):
            await revocations.revoke("acme", "carol", None)
        assert len(log.rows) == 2
        assert revocations.statistics().refused == 1

        await revocations.revoke("acme", "alice", None)
        await log.revoke(Revocation("acme", "dan", now_ms()))
        await until(lambda: is_void(revocations, "dan"))
        assert is_void(revocations, "alice")


async def test_a_revocation_by_a_slow_clock_takes_nothing_back(log: Log) -> None:
    async with following(log) as revocations:
        await log.revoke(Revocation("acme", "alice", 2_000_000))
        await log.revoke(Revocation("acme", "alice", 1_000_000))
        await until(lambda: is_void(revocations))

        assert is_void(revocations, issued_at=1_500.0)


async def test_what_is_older_than_any_token_is_not_kept(log: Log) -> None:
    await log.revoke(Revocation("acme", "alice", now_ms() - LIMITS.revocation_keep_s * 1_000))
    async with following(log) as revocations:
        assert revocations.statistics().in_force == 0


async def test_a_revoked_token_is_refused_and_one_minted_right_after_is_good(log: Log) -> None:
    async with following(log) as revocations:
        tokens = UserTokens(RING, SETTINGS, revocations=revocations)
        before = mint_user(RING, SETTINGS, "acme", "alice", 60).token
        await revocations.revoke("acme", "alice", None)
        after = mint_user(RING, SETTINGS, "acme", "alice", 60, void_until=revocations.void_until("acme", "alice")).token

        with pytest.raises(Unauthorized, match="revoked"):
            await tokens.verify(before)
        assert (await tokens.verify(after)).user == "alice"


async def test_a_token_that_does_not_say_when_it_was_issued_counts_as_issued_before(log: Log) -> None:
    async with following(log) as revocations:
        tokens = UserTokens(RING, SETTINGS, revocations=revocations)
        given = token(sub="alice", tenant="acme", iat=None)
        assert (await tokens.verify(given)).issued_at == 0.0
        await revocations.revoke("acme", "alice", None)

        with pytest.raises(Unauthorized, match="revoked"):
            await tokens.verify(given)


async def test_a_minted_token_says_to_the_millisecond_when_it_was_issued() -> None:
    began = now_ms()
    claims = await UserTokens(RING, SETTINGS).verify(mint_user(RING, SETTINGS, "acme", "alice", 60).token)

    assert began <= round(claims.issued_at * 1_000) <= now_ms()
