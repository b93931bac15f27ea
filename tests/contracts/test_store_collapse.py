"""What every store promises about notifications that take over the unread one before them."""

import asyncio
import json

import pytest

from inbox.ids import item_id
from inbox.model import Counts, Item, Mark
from inbox.store.base import Store
from inbox.times import now_ms
from tests.audit import audit
from tests.contracts.filling import ANNA, fill, make_topic, state_of, work_off
from tests.samples import TENANT, Recorder, retitled, stream_of, submission, title_of
from tests.waiting import until

pytestmark = pytest.mark.anyio


def actors_of(item: Item) -> list[str]:
    return [actor["name"] for actor in json.loads(item.actors or b"[]")]


async def likes(store: Store, *names: str, user: str = "anna") -> list[str]:
    """One notification for each of these, all under one key; their ids."""
    made = [submission(user, collapse_key="likes", actor=name, title=f"{name} likes it") for name in names]
    for one in made:
        await store.publish(one)
    return [one.notification.id for one in made]


async def test_a_later_notification_takes_over_the_unread_item(store: Store) -> None:
    first, second, third = await likes(store, "Ana", "Ben", "Carl")
    found = await audit(store, ANNA)
    (item,) = found.items
    assert item.id == item_id(ANNA, first)
    assert (item.notification.id, item.collapsed, actors_of(item)) == (third, 2, ["Carl", "Ben", "Ana"])
    assert title_of(item) == "Carl likes it"
    assert [entry.kind for entry in found.log] == ["created", "updated", "updated"]
    assert found.head.counts == Counts(1, 1)
    assert await state_of(store, second) == ("done", 1, 1)


async def test_an_item_taken_over_is_on_top_and_unseen_again(store: Store) -> None:
    await likes(store, "Ana")
    (other,) = await fill(store, 1)
    await store.mark(ANNA, Mark("seen", upto=2))
    assert (await audit(store, ANNA)).head.counts == Counts(2, 0)
    await likes(store, "Ben")
    found = await audit(store, ANNA)
    assert [item.id for item in found.items][1] == other
    assert found.items[0].seen_at is None
    assert found.head.counts == Counts(2, 1)
    assert [item.id for item in (await store.page(ANNA, limit=1)).items] == [found.items[0].id]


async def test_a_take_over_is_announced_with_the_item_as_it_is(store: Store) -> None:
    await likes(store, "Ana")
    recorder = Recorder()
    store.outlet = recorder
    await likes(store, "Ben")
    (entry,) = recorder.entries[ANNA]
    assert entry.item is not None
    assert (entry.kind, entry.item.collapsed, actors_of(entry.item)) == ("updated", 1, ["Ben", "Ana"])


@pytest.mark.parametrize("op", ["read", "archive", "remove"])
async def test_an_item_that_is_done_with_is_left_alone(store: Store, op: str) -> None:
    (first,) = await likes(store, "Ana")
    await store.mark(ANNA, Mark(op, ids=(item_id(ANNA, first),)))  # type: ignore[arg-type]
    (second,) = await likes(store, "Ben")
    found = await audit(store, ANNA)
    assert found.items[0].id == item_id(ANNA, second)
    assert found.items[0].collapsed == 0


async def test_an_item_marked_unread_again_can_be_taken_over(store: Store) -> None:
    (first,) = await likes(store, "Ana")
    await store.mark(ANNA, Mark("read", upto=1))
    await store.mark(ANNA, Mark("unread", upto=1))
    await likes(store, "Ben")
    (item,) = (await audit(store, ANNA)).items
    assert (item.id, item.collapsed) == (item_id(ANNA, first), 1)


async def test_other_keys_and_other_users_are_left_alone(store: Store) -> None:
    await likes(store, "Ana")
    await store.publish(submission("anna", collapse_key="comments", actor="Ben"))
    await store.publish(submission("anna", actor="Ben"))
    await likes(store, "Ana", user="ben")
    assert [item.collapsed for item in (await audit(store, ANNA)).items] == [0, 0, 0]
    assert [item.collapsed for item in (await audit(store, stream_of("ben"))).items] == [0]


async def test_a_take_over_of_many_decides_for_each(store: Store) -> None:
    await likes(store, "Ana", user="ben")
    made = submission("anna", "ben", collapse_key="likes", actor="Carl")
    await store.publish(made)
    assert [item.collapsed for item in (await audit(store, ANNA)).items] == [0]
    assert [item.collapsed for item in (await audit(store, stream_of("ben"))).items] == [1]


async def test_a_topic_takes_over_too(store: Store) -> None:
    await make_topic(store, "fans", "anna", "ben")
    await likes(store, "Ana")
    await store.publish(submission(topic="fans", collapse_key="likes", actor="Carl"))
    await work_off(store)
    assert [item.collapsed for item in (await audit(store, ANNA)).items] == [1]
    assert [item.collapsed for item in (await audit(store, stream_of("ben"))).items] == [0]


async def test_the_same_key_at_the_same_time_makes_one_item(store: Store) -> None:
    made = [submission("anna", collapse_key="likes", actor=f"a{n}") for n in range(12)]
    await asyncio.gather(*(store.publish(one) for one in made))
    (item,) = (await audit(store, ANNA)).items
    assert item.collapsed == 11
    assert len(actors_of(item)) == 5


async def test_a_repeated_key_takes_over_once(store: Store) -> None:
    await likes(store, "Ana")
    for _ in range(2):
        await store.publish(submission("anna", key="k", collapse_key="likes", actor="Ben"))
    (item,) = (await audit(store, ANNA)).items
    assert item.collapsed == 1


async def test_cancelling_what_the_item_shows_removes_it(store: Store) -> None:
    _, second = await likes(store, "Ana", "Ben")
    await store.cancel(TENANT, second)
    found = await audit(store, ANNA)
    assert found.items == []
    assert found.head.counts == Counts()


async def test_cancelling_what_the_item_shows_no_more_leaves_it(store: Store) -> None:
    first, second = await likes(store, "Ana", "Ben")
    await store.cancel(TENANT, first)
    (item,) = (await audit(store, ANNA)).items
    assert (item.notification.id, item.collapsed) == (second, 1)


async def test_amending_what_the_item_shows_updates_it_and_keeps_the_rest(store: Store) -> None:
    first, second = await likes(store, "Ana", "Ben")
    await store.amend(TENANT, second, retitled("Better"))
    await store.amend(TENANT, first, retitled("Too late"))
    found = await audit(store, ANNA)
    (item,) = found.items
    assert (title_of(item), item.collapsed, actors_of(item)) == ("Better", 1, ["Ben", "Ana"])
    assert found.head.seq == 3


async def test_taking_over_an_amended_item_shows_the_new_notification(store: Store) -> None:
    (first,) = await likes(store, "Ana")
    await store.amend(TENANT, first, retitled("Better"))
    (second,) = await likes(store, "Ben")
    (item,) = (await audit(store, ANNA)).items
    assert (item.notification.id, item.notification.version, item.collapsed) == (second, 1, 1)


async def test_expiry_goes_by_what_the_item_shows_now(store: Store) -> None:
    first = submission("anna", collapse_key="likes", expires_at=now_ms() + 300)
    await store.publish(first)
    await likes(store, "Ben")

    async def expired() -> bool:
        await store.work()
        return (await state_of(store, first.notification.id))[0] == "expired"

    await until(expired)
    await work_off(store)
    assert len((await audit(store, ANNA)).items) == 1


async def test_marks_name_an_item_by_the_id_it_always_had(store: Store) -> None:
    first, second = await likes(store, "Ana", "Ben")
    done = await store.mark(ANNA, Mark("read", ids=(item_id(ANNA, first), item_id(ANNA, second))))
    assert done.changed == (item_id(ANNA, first),)
    assert done.missing == (item_id(ANNA, second),)
    assert (await audit(store, ANNA)).head.counts == Counts()
