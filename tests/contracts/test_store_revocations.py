"""What every store promises about revocations."""

import asyncio
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from inbox.registered import Revocation
from inbox.store.base import Store
from inbox.store.registry import REVOCATION_KEEP_S, REVOCATIONS_MAX
from inbox.times import now_ms
from tests.contracts.filling import fill, work_off
from tests.samples import TENANT, stream_of

pytestmark = pytest.mark.anyio


def of(user: str, at: int | None = None, jti: str | None = None, tenant: str = TENANT) -> Revocation:
    return Revocation(tenant, user, now_ms() if at is None else at, jti)


def bare(found: list[Revocation]) -> list[Revocation]:
    """``found`` without the numbers, which must rise."""
    assert [each.number for each in found] == sorted({each.number for each in found})
    return [replace(each, number=0) for each in found]


async def test_a_revocation_is_read_as_it_was_made(store: Store) -> None:
    made = [of("anna"), of("anna", jti="t1"), of("anna", tenant="other")]
    for one in made:
        await store.revoke(one)

    assert bare(await store.revocations(0)) == made


async def test_only_what_is_new_is_read_whatever_the_clocks_say(store: Store) -> None:
    await store.revoke(of("anna"))
    seen = (await store.revocations(0))[-1].number
    behind = of("ben", at=now_ms() - 5_000)
    await store.revoke(behind)

    assert bare(await store.revocations(seen)) == [behind]


async def test_the_user_revoked_again_has_one_row_with_a_new_number(store: Store) -> None:
    first, second = of("anna", at=1_000), of("anna", at=2_000)
    await store.revoke(first)
    seen = (await store.revocations(0))[-1].number
    await store.revoke(second)

    assert bare(await store.revocations(seen)) == [second]
    assert bare(await store.revocations(0)) == [second]


async def test_a_revocation_by_a_slow_clock_takes_nothing_back(store: Store) -> None:
    later, earlier = of("anna", at=2_000), of("anna", at=1_000)
    await store.revoke(later)
    await store.revoke(earlier)

    assert later in bare(await store.revocations(0))


async def test_many_are_read_in_parts(store: Store) -> None:
    made = [of("anna", jti=f"t{number}") for number in range(REVOCATIONS_MAX + 1)]
    for one in made:
        await store.revoke(one)
    first = await store.revocations(0)
    rest = await store.revocations(first[-1].number)

    assert bare([*first, *rest]) == made
    assert len(rest) == 1


async def test_none_is_missed_while_two_processes_revoke_at_once(new_store: Callable[[], Store]) -> None:
    stores = [new_store() for _ in range(3)]
    for one in stores:
        await one.open()
    made = [of(f"user-{number}") for number in range(40)]
    read: list[Revocation] = []

    async def follow() -> None:
        while len(read) < len(made):
            read.extend(await stores[2].revocations(read[-1].number if read else 0))
            await asyncio.sleep(0)

    async with asyncio.timeout(30):
        await asyncio.gather(follow(), *(stores[n % 2].revoke(each) for n, each in enumerate(made)))
    assert {each.user for each in bare(read)} == {each.user for each in made}
    for one in stores:
        await one.close()


async def test_one_older_than_any_token_is_dropped_and_numbers_go_on(store: Store) -> None:
    old = now_ms() - REVOCATION_KEEP_S * 1_000 - 1
    await store.revoke(of("anna", at=old))
    await store.revoke(of("ben", at=old))
    seen = (await store.revocations(0))[-1].number
    await store.trim(1_000, 60)
    assert [each for each in await store.revocations(0) if each.user == "anna"] == []

    await store.revoke(of("cat"))
    await store.trim(1_000, 60)
    assert [each.user for each in await store.revocations(seen)] == ["cat"]


async def test_an_erased_users_tokens_stay_void(store: Store) -> None:
    await fill(store, 1)
    made = of("anna")
    await store.revoke(made)
    await store.erase(stream_of("anna"))
    await work_off(store)

    assert bare(await store.revocations(0)) == [made]
