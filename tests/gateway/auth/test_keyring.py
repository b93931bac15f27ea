"""The ring of our own signing keys."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from gateway.auth.access import ACCESS_TYP, AccessTokens
from gateway.auth.clients import new_client
from gateway.auth.jws import take_apart
from gateway.auth.keyring import KEEP_S, OWN_KID, KeyRing, honoured
from gateway.settings import LIMITS, Limits
from inbox.errors import Unauthorized, Unavailable
from inbox.registered import StoredKey
from inbox.times import now_ms
from tests.gateway.auth.keyring import OWN_KEY_ID, RING, forge, ring_of
from tests.waiting import until

pytestmark = pytest.mark.anyio

CLIENT, _ = new_client("acme", "shop", ["users"])
NOW = now_ms()


def stored(id: str, age_s: float = 0) -> StoredKey:
    return StoredKey(id, id.encode().ljust(32, b"."), NOW - int(age_s * 1_000))


class Shelf:
    """A store's keys: what a ring reads, how often it did, and whether it can."""

    def __init__(self, *keys: StoredKey) -> None:
        self.keys = list(keys)
        self.reads = 0
        self.failure: Exception | None = None

    async def read(self) -> Sequence[StoredKey]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        return tuple(self.keys)

    async def ring(self, limits: Limits = LIMITS) -> KeyRing:
        ring = KeyRing(self.read, limits)
        await ring.load()
        return ring

    def rotate(self, id: str) -> None:
        self.keys.insert(0, stored(id))


def token(ring: KeyRing) -> str:
    return AccessTokens(ring).mint(CLIENT, CLIENT.scopes)


async def test_the_newest_key_signs_and_its_id_is_the_kid() -> None:
    assert take_apart(token(ring_of(stored("new"), stored("old", 60)))).kid == OWN_KID + "new"


async def test_a_token_of_the_old_key_is_good_after_a_rotation() -> None:
    old = token(ring_of(stored("old", 60)))

    assert (await AccessTokens(ring_of(stored("new"), stored("old", 60))).verify(old)).client == CLIENT.id


async def test_the_kid_selects_the_key_and_no_other_is_tried() -> None:
    ring = ring_of(stored("new"), stored("old", 60))
    forged = forge({"alg": "HS256", "kid": OWN_KID + "new", "typ": ACCESS_TYP}, {}, stored("old").value)
    with pytest.raises(Unauthorized, match="signature"):
        await AccessTokens(ring).verify(forged)


def test_a_key_is_honoured_until_its_last_token_has_ended() -> None:
    keys = [stored("c"), stored("b", KEEP_S - 1), stored("a", KEEP_S + 1), stored("older", KEEP_S + 9)]

    assert [key.id for key in honoured(keys, NOW)] == ["c", "b", "a"]


async def test_a_key_that_somebody_else_rotated_in_is_found_at_once_with_one_read() -> None:
    shelf = Shelf(stored("old", 60))
    ring = await shelf.ring()
    shelf.rotate("new")
    found = await asyncio.gather(*(ring.find(OWN_KID + "new") for _ in range(50)))

    assert all(len(keys) == 1 for keys in found)
    assert shelf.reads == 2


async def test_a_flood_of_unknown_keys_is_one_read_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 1_000.0
    monkeypatch.setattr("gateway.auth.keyring.monotonic_s", lambda: clock)
    shelf = Shelf(stored("old", 60))
    ring = await shelf.ring()
    for second in range(3):
        clock = 1_000.0 + 1.01 * second
        assert [await ring.find(f"{OWN_KID}{number}") for number in range(100)] == [()] * 100

    assert shelf.reads == 1 + 3


async def test_a_key_that_is_known_costs_no_read() -> None:
    shelf = Shelf(stored("old", 60))
    ring = await shelf.ring()
    for _ in range(100):
        await AccessTokens(ring).verify(token(ring))

    assert shelf.reads == 1


async def test_the_keys_are_read_again_now_and_then_and_one_that_went_is_forgotten() -> None:
    shelf = Shelf(stored("new"), stored("old", 60))
    async with KeyRing(shelf.read, Limits(keys_reload_s=0.01, keys_search_s=60)) as ring:
        assert await ring.find(OWN_KID + "old") != ()
        shelf.keys.pop()
        await until(lambda: shelf.reads > 2)

        assert await ring.find(OWN_KID + "old") == ()


async def test_they_are_read_again_after_a_surprise() -> None:
    shelf = Shelf(stored("new"), stored("old", 60))
    async with KeyRing(shelf.read, Limits(keys_reload_s=0.01)) as ring:
        shelf.failure = RuntimeError("nobody thought of this")
        await until(lambda: shelf.reads > 2)
        shelf.failure = None
        shelf.keys.pop()

        await until(lambda: ring.at_hand(OWN_KID + "old") is None)


async def test_it_ends_although_a_driver_swallows_a_cancellation() -> None:
    shelf = Shelf(stored("a"))
    began = asyncio.Event()

    async def swallow() -> Sequence[StoredKey]:
        if shelf.reads == 1:
            began.set()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3_600)
        return await shelf.read()

    async with asyncio.timeout(5), KeyRing(swallow, Limits(keys_reload_s=0.01)):
        await began.wait()
    assert shelf.reads > 1


@pytest.mark.parametrize("failure", [Unavailable("away"), TimeoutError(), RuntimeError("nobody thought of this")])
async def test_while_the_store_is_away_known_keys_are_good_and_others_cannot_be_judged(failure: Exception) -> None:
    shelf = Shelf(stored("old", 60))
    ring = await shelf.ring()
    shelf.failure = failure

    for _ in range(2):
        with pytest.raises(Unavailable):
            await ring.find(OWN_KID + "new")
    assert len(await ring.find(OWN_KID + "old")) == 1


async def test_a_key_that_came_while_the_store_was_away_is_found_when_it_is_back() -> None:
    shelf = Shelf(stored("old", 60))
    ring = await shelf.ring(Limits(keys_search_s=0))
    shelf.failure = Unavailable("away")
    with pytest.raises(Unavailable):
        await ring.find(OWN_KID + "new")
    shelf.failure = None
    shelf.rotate("new")

    assert len(await ring.find(OWN_KID + "new")) == 1


async def test_the_ring_of_the_tests_signs_under_the_kid_they_forge() -> None:
    assert take_apart(token(RING)).kid == OWN_KEY_ID


def test_a_damaged_key_in_the_store_changes_nothing_and_is_named() -> None:
    ring = ring_of(stored("old"))

    with pytest.raises(Unavailable, match="damaged"):
        ring.take([StoredKey("new", b"short", NOW), stored("old")])
    assert take_apart(token(ring)).kid == OWN_KID + "old"
