"""What every store promises about topics and who is in them."""

import asyncio

import pytest

from inbox.errors import Invalid
from inbox.model import Listing, Membership, User
from inbox.store.base import Store
from tests.contracts.filling import make_topic
from tests.samples import TENANT, stream_of

pytestmark = pytest.mark.anyio


async def test_a_topic_is_there_once_it_was_put(store: Store) -> None:
    assert await store.topic(TENANT, "news") is None
    made = await store.put_topic(TENANT, "news", "All the news")
    assert (made.id, made.description, made.members) == ("news", "All the news", 0)
    assert await store.topic(TENANT, "news") == made


async def test_a_topic_put_again_keeps_its_members_and_its_age(store: Store) -> None:
    await make_topic(store, "news", "anna", "ben")
    before = await store.topic(TENANT, "news")
    after = await store.put_topic(TENANT, "news", "Other words")
    assert before is not None
    assert (after.created_at, after.members, after.description) == (before.created_at, 2, "Other words")


async def test_a_topic_of_another_tenant_is_another_topic(store: Store) -> None:
    await make_topic(store, "news", "anna")
    assert await store.topic("other", "news") is None
    assert await store.members("other", "news", None, 10) is None
    assert await store.change_members("other", "news", ["ben"], []) is None
    assert (await store.topics("other", None, 10)).items == ()
    assert not await store.drop_topic("other", "news")
    assert await store.topic(TENANT, "news") is not None


async def test_topics_are_listed_in_pages(store: Store) -> None:
    names = {f"topic-{n}" for n in range(7)}
    for name in names:
        await store.put_topic(TENANT, name, None)
    found: list[str] = []
    after: str | None = None
    while True:
        page = await store.topics(TENANT, after, 3)
        assert len(page.items) <= 3
        found += [topic.id for topic in page.items]
        after = page.next
        if after is None:
            break
    assert sorted(found) == sorted(names)


async def test_changing_members_says_what_it_did(store: Store) -> None:
    await make_topic(store, "news", "anna", "ben")
    assert await store.change_members(TENANT, "news", ["ben", "carl"], ["anna", "nobody"]) == Membership(1, 1)
    found = await store.members(TENANT, "news", None, 10)
    assert found is not None
    assert sorted(found.items) == ["ben", "carl"]
    topic = await store.topic(TENANT, "news")
    assert topic is not None
    assert topic.members == 2


async def test_changing_members_twice_is_changing_them_once(store: Store) -> None:
    await make_topic(store, "news", "anna")
    await store.change_members(TENANT, "news", ["ben"], ["anna"])
    assert await store.change_members(TENANT, "news", ["ben"], ["anna"]) == Membership(0, 0)
    topic = await store.topic(TENANT, "news")
    assert topic is not None
    assert topic.members == 1


async def test_members_are_listed_in_pages_each_once(store: Store) -> None:
    users = [f"user-{n}" for n in range(25)]
    await make_topic(store, "news", *users)
    found: list[str] = []
    after: str | None = None
    while True:
        page = await store.members(TENANT, "news", after, 10)
        assert page is not None
        found += page.items
        after = page.next
        if after is None:
            break
    assert sorted(found) == sorted(users)


@pytest.mark.parametrize("after", ["", "0", "a", "nonsense/\x00", "~", "\U0010ffff", "9" * 18, "9" * 400])
async def test_a_cursor_that_no_list_gave_shows_nothing_of_another_list(store: Store, after: str) -> None:
    for tenant, name in (("abc", "ada"), (TENANT, "anna"), ("zoo", "zoe")):
        await store.put_users(tenant, [User(name)])
        await store.put_topic(tenant, name, None)
        await store.change_members(tenant, name, [name], [])
    pages = await asyncio.gather(
        store.topics(TENANT, after, 10),
        store.users(TENANT, after, 10),
        store.members(TENANT, "anna", after, 10),
        store.topics_of(stream_of("anna"), after, 10),
        return_exceptions=True,
    )
    for page in pages:
        if not isinstance(page, Invalid):
            assert isinstance(page, Listing), page
            assert {getattr(item, "id", item) for item in page.items} <= {"anna"}


async def test_the_topics_of_a_user_are_those_he_is_in(store: Store) -> None:
    await make_topic(store, "news", "anna", "ben")
    await make_topic(store, "sports", "anna")
    assert sorted((await store.topics_of(stream_of("anna"), None, 10)).items) == ["news", "sports"]
    assert (await store.topics_of(stream_of("ben"), None, 10)).items == ("news",)
    assert (await store.topics_of(stream_of("nobody"), None, 10)).items == ()
    assert (await store.topics_of(stream_of("anna", "other"), None, 10)).items == ()


async def test_being_in_a_topic_is_no_entry_in_the_stream(store: Store) -> None:
    await make_topic(store, "news", "anna")
    (head,) = await store.heads([stream_of("anna")])
    assert (head.seq, head.counts.unread) == (0, 0)


async def test_a_dropped_topic_is_gone_with_its_members(store: Store) -> None:
    await make_topic(store, "news", "anna")
    assert await store.drop_topic(TENANT, "news")
    assert await store.topic(TENANT, "news") is None
    assert await store.members(TENANT, "news", None, 10) is None
    assert (await store.topics_of(stream_of("anna"), None, 10)).items == ()
    assert not await store.drop_topic(TENANT, "news")


async def test_a_topic_made_again_begins_empty(store: Store) -> None:
    await make_topic(store, "news", "anna")
    await store.drop_topic(TENANT, "news")
    made = await store.put_topic(TENANT, "news", None)
    assert made.members == 0
    found = await store.members(TENANT, "news", None, 10)
    assert found is not None
    assert found.items == ()
    assert (await store.topics_of(stream_of("anna"), None, 10)).items == ()


async def test_ids_that_differ_only_by_case_are_different(store: Store) -> None:
    await make_topic(store, "News", "anna", "Anna")
    assert await store.topic(TENANT, "news") is None
    found = await store.members(TENANT, "News", None, 10)
    assert found is not None
    assert sorted(found.items) == ["Anna", "anna"]
