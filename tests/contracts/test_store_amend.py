"""What every store promises about notifications that change after they were published."""

import asyncio

import pytest

from inbox.errors import Conflict
from inbox.ids import item_id
from inbox.model import Counts, Mark
from inbox.store.base import VERSIONS_MAX, Store
from inbox.times import now_ms
from tests.audit import audit
from tests.contracts.filling import ANNA, fill, make_topic, state_of, work_off
from tests.samples import TENANT, Recorder, retitled, stream_of, submission, title_of
from tests.waiting import until

pytestmark = pytest.mark.anyio

MANY = [f"user-{n:04d}" for n in range(1_200)]


async def test_an_amended_notification_is_new_in_every_inbox(store: Store) -> None:
    made = submission("anna", "ben")
    await store.publish(made)
    done = await store.amend(TENANT, made.notification.id, retitled("Better"))
    assert done is not None
    assert (done.state, done.notification.version) == ("done", 2)
    for user in ("anna", "ben"):
        found = await audit(store, stream_of(user))
        assert [title_of(item) for item in found.items] == ["Better"]
        assert [(entry.kind, title_of(entry.item)) for entry in found.log] == [
            ("created", "Hello"),
            ("updated", "Better"),
        ]


async def test_an_amendment_changes_neither_state_nor_place_nor_counts(store: Store) -> None:
    first = submission("anna")
    await store.publish(first)
    await fill(store, 1)
    await store.mark(ANNA, Mark("read", ids=(item_id(ANNA, first.notification.id),)))
    await store.amend(TENANT, first.notification.id, retitled("Better"))
    found = await audit(store, ANNA)
    assert [item.notification.id for item in found.items][1] == first.notification.id
    assert found.items[1].read_at is not None
    assert found.items[1].seq == found.head.seq == 4
    assert found.head.counts == Counts(1, 1)


async def test_an_amendment_is_announced_with_the_item_as_it_is(store: Store) -> None:
    made = submission("anna", actor="Ana")
    await store.publish(made)
    await store.mark(ANNA, Mark("seen", upto=1))
    recorder = Recorder()
    store.outlet = recorder
    await store.amend(TENANT, made.notification.id, retitled("Better"))
    (entry,) = recorder.entries[ANNA]
    assert (entry.kind, entry.seq, title_of(entry.item)) == ("updated", 3, "Better")
    assert entry.item is not None
    assert entry.item.seen_at is not None


async def test_an_amendment_that_changes_nothing_is_none(store: Store) -> None:
    made = submission("anna")
    await store.publish(made)
    done = await store.amend(TENANT, made.notification.id, lambda content: content)
    assert done is not None
    assert done.notification == made.notification
    assert (await audit(store, ANNA)).head.seq == 1


async def test_a_mark_up_to_a_number_goes_by_the_newest_change(store: Store) -> None:
    made = submission("anna")
    await store.publish(made)
    await fill(store, 1)
    await store.amend(TENANT, made.notification.id, retitled("Better"))
    done = await store.mark(ANNA, Mark("read", upto=2))
    assert done.changed is not None
    assert item_id(ANNA, made.notification.id) not in done.changed
    assert (await audit(store, ANNA)).head.counts == Counts(1, 1)


async def test_a_page_of_amended_items_is_in_the_order_of_their_arrival(store: Store) -> None:
    made = [submission("anna") for _ in range(5)]
    for one in made:
        await store.publish(one)
    await store.amend(TENANT, made[0].notification.id, retitled("Better"))
    await store.amend(TENANT, made[3].notification.id, retitled("Better"))
    first = await store.page(ANNA, limit=3)
    rest = await store.page(ANNA, limit=3, before=first.next)
    shown = [item.notification.id for item in (*first.items, *rest.items)]
    assert shown == [one.notification.id for one in reversed(made)]
    assert rest.next is None


async def test_amendments_at_the_same_time_all_count(store: Store) -> None:
    made = submission("anna")
    await store.publish(made)
    await asyncio.gather(*(store.amend(TENANT, made.notification.id, retitled(f"v{n}")) for n in range(8)))
    await work_off(store)
    found = await store.progress(TENANT, made.notification.id)
    assert found is not None
    assert found.notification.version == 9
    shown = (await audit(store, ANNA)).items[0]
    assert shown.notification == found.notification


async def test_a_scheduled_notification_is_sent_as_amended(store: Store) -> None:
    made = submission("anna", send_at=now_ms() + 3_000)
    await store.publish(made)
    done = await store.amend(TENANT, made.notification.id, retitled("Better"))
    assert done is not None
    assert done.state == "scheduled"

    async def sent() -> bool:
        await store.work()
        return (await state_of(store, made.notification.id))[0] == "done"

    await until(sent)
    await work_off(store)
    found = await audit(store, ANNA)
    assert [title_of(item) for item in found.items] == ["Better"]
    assert found.head.seq == 1, "what was amended before it was sent needs no second entry"


async def test_an_amendment_during_a_fan_out_reaches_everybody_once(store: Store) -> None:
    await make_topic(store, "news", *MANY)
    made = submission(topic="news")
    await store.publish(made)
    await store.work()
    await store.amend(TENANT, made.notification.id, retitled("Better"))
    await work_off(store)
    assert await state_of(store, made.notification.id) == ("done", 1_200, 1_200)
    audits = [await audit(store, stream_of(user)) for user in MANY[::40]]
    assert {tuple(title_of(item) for item in found.items) for found in audits} == {("Better",)}
    assert {found.head.seq for found in audits} <= {1, 2}
    assert {found.head.counts for found in audits} == {Counts(1, 1)}


async def test_what_was_taken_back_cannot_be_amended(store: Store) -> None:
    made = submission("anna")
    await store.publish(made)
    await store.cancel(TENANT, made.notification.id)
    with pytest.raises(Conflict):
        await store.amend(TENANT, made.notification.id, retitled("Better"))
    assert (await audit(store, ANNA)).head.seq == 2


async def test_a_removed_item_is_not_updated(store: Store) -> None:
    made = submission("anna")
    await store.publish(made)
    await store.mark(ANNA, Mark("remove", upto=1))
    await store.amend(TENANT, made.notification.id, retitled("Better"))
    assert (await audit(store, ANNA)).head.seq == 2


async def test_a_notification_of_another_tenant_is_not_amended(store: Store) -> None:
    made = submission("anna")
    await store.publish(made)
    assert await store.amend("other", made.notification.id, retitled("Better")) is None
    assert await store.amend(TENANT, "nothing", retitled("Better")) is None
    assert (await audit(store, ANNA)).head.seq == 1


async def test_a_notification_changes_so_often_and_no_more(store: Store) -> None:
    made = submission("anna")
    await store.publish(made)
    for n in range(VERSIONS_MAX - 1):
        await store.amend(TENANT, made.notification.id, retitled(f"v{n}"))
    with pytest.raises(Conflict):
        await store.amend(TENANT, made.notification.id, retitled("once too often"))
    assert (await audit(store, ANNA)).head.seq == VERSIONS_MAX
