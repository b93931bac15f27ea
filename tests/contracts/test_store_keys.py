"""What every store promises about our own keys and about clients."""

import asyncio
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from inbox.ids import new_token
from inbox.registered import Client, ClientSecret
from inbox.store.base import Store
from inbox.times import now_ms
from tests.samples import TENANT

pytestmark = pytest.mark.anyio


def client(tenant: str = TENANT, created_at: int = 0) -> Client:
    secrets = (ClientSecret(b"\x01" * 32, now_ms()),)
    return Client(new_token(), tenant, "shop", ("notifications:write", "users"), secrets, created_at)


async def test_a_key_is_made_once_for_everybody(store: Store, new_store: Callable[[], Store]) -> None:
    (made,) = await store.keys("tokens")
    other = new_store()
    await other.open()
    assert await other.keys("tokens") == (made,)
    assert len(made.value) == 32
    assert (await other.keys("others"))[0].value != made.value
    await other.close()


async def test_a_new_key_comes_first_and_the_old_one_stays(store: Store) -> None:
    (old,) = await store.keys("tokens")
    new = await store.rotate("tokens", keep_s=60)
    assert await store.keys("tokens") == (new, old)
    assert new.value != old.value
    assert new.id != old.id


async def test_a_key_replaced_long_ago_is_deleted(store: Store) -> None:
    await store.keys("tokens")
    second = await store.rotate("tokens", keep_s=60)
    third = await store.rotate("tokens", keep_s=-1)
    kept = await store.keys("tokens")
    assert kept[0] == third
    # The first was replaced over -1 s ago; the second only now.
    assert set(kept) <= {third, second}


async def test_a_rotation_of_one_name_leaves_the_others(store: Store) -> None:
    before = await store.keys("others")
    await store.rotate("tokens", keep_s=0)
    assert await store.keys("others") == before


async def test_a_client_put_again_is_replaced(store: Store) -> None:
    made = client()
    await store.put_client(made)
    rotated = replace(made, secrets=(ClientSecret(b"\x02" * 32, 2), ClientSecret(b"\x01" * 32, 1, expires_at=9)))
    await store.put_client(rotated)
    assert await store.client(made.id) == rotated
    revoked = replace(rotated, revoked_at=now_ms())
    await store.put_client(revoked)
    assert await store.client(made.id) == revoked


async def test_a_client_that_somebody_changed_meanwhile_is_left_as_it_is(store: Store) -> None:
    made = client()
    await store.put_client(made)
    revoked = replace(made, secrets=(), revoked_at=now_ms())
    assert [await store.put_client(revoked, made) for _ in range(2)] == [True, True]
    assert not await store.put_client(replace(made, name="rotated"), made)
    assert not await store.put_client(client(), client())
    assert await store.client(made.id) == revoked


async def test_of_changes_to_a_client_at_once_one_is_made(store: Store, new_store: Callable[[], Store]) -> None:
    stores = store, other = store, new_store()
    await other.open()
    was = client()
    await store.put_client(was)
    made = []
    for _ in range(5):
        changes = [replace(was, name=new_token()) for _ in range(6)]
        done = await asyncio.gather(*(stores[n % 2].put_client(each, was) for n, each in enumerate(changes)))
        was = await store.client(was.id) or was
        made.append([each for each, is_done in zip(changes, done, strict=True) if is_done] == [was])
    await other.close()
    assert made == [True] * 5


async def test_clients_are_listed_by_tenant_the_oldest_first(store: Store) -> None:
    made = [client(created_at=at) for at in (3, 1, 2)]
    for one in [*made, client("other")]:
        await store.put_client(one)
    assert [each.created_at for each in await store.clients(TENANT)] == [1, 2, 3]
    assert await store.clients("nobody") == []
