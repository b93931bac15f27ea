"""What every store promises about the profiles of users."""

import pytest
from msgspec.structs import replace

from inbox.model import User
from inbox.store.base import Store
from tests.samples import TENANT

pytestmark = pytest.mark.anyio

ANNA = User("anna", "de-AT", "Europe/Vienna", {"email": "anna@example.com", "sms": "+4312345"}, b'{"plan":"pro"}')


async def test_a_profile_is_found_as_it_was_put(store: Store) -> None:
    await store.put_users(TENANT, [ANNA])
    found = await store.user(TENANT, "anna")
    assert found is not None
    assert replace(found, created_at=0, updated_at=0) == ANNA
    assert found.created_at == found.updated_at > 0


async def test_a_profile_of_another_tenant_is_not_found(store: Store) -> None:
    await store.put_users(TENANT, [ANNA])
    assert await store.user("other", "anna") is None
    assert await store.user(TENANT, "Anna") is None
    assert (await store.users("other", None, 10)).items == ()


async def test_a_profile_put_again_is_replaced_and_keeps_its_age(store: Store) -> None:
    await store.put_users(TENANT, [ANNA])
    before = await store.user(TENANT, "anna")
    await store.put_users(TENANT, [User("anna", locale="en")])
    after = await store.user(TENANT, "anna")
    assert before is not None
    assert after is not None
    assert replace(after, created_at=0, updated_at=0) == User("anna", locale="en")
    assert after.created_at == before.created_at


async def test_a_thousand_profiles_are_put_at_once(store: Store) -> None:
    await store.put_users(TENANT, [User(f"user-{n}", data=b'{"n":%d}' % n) for n in range(1_000)])
    found = await store.user(TENANT, "user-999")
    assert found is not None
    assert found.data == b'{"n":999}'


async def test_profiles_are_listed_in_pages_each_once(store: Store) -> None:
    await store.put_users(TENANT, [User(f"user-{n}") for n in range(25)])
    found: list[str] = []
    after: str | None = None
    while True:
        page = await store.users(TENANT, after, 10)
        found += [user.id for user in page.items]
        after = page.next
        if after is None:
            break
    assert sorted(found) == sorted(f"user-{n}" for n in range(25))
