"""What every store promises about publishing, and about what it keeps for the processes."""

import asyncio
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from inbox.errors import IdempotencyConflict
from inbox.ids import item_id, new_id, new_token
from inbox.model import Counts, Head, Mark
from inbox.registered import Client, ClientSecret, Process
from inbox.store.base import Store
from inbox.times import now_ms
from tests.audit import audit
from tests.contracts.filling import ANNA, fill, head_of
from tests.samples import Recorder, stream_of, submission

pytestmark = pytest.mark.anyio


async def test_a_publish_is_the_first_entry_of_each_recipient(store: Store) -> None:
    made = submission("anna", "ben")
    receipt = await store.publish(made)
    assert (receipt.id, receipt.total) == (made.notification.id, 2)
    for stream in (ANNA, stream_of("ben")):
        found = await audit(store, stream)
        assert found.head.seq == 1
        assert found.head.counts == Counts(1, 1)
        assert [item.id for item in found.items] == [item_id(stream, made.notification.id)]
        assert found.items[0].notification == made.notification


async def test_a_publish_to_a_thousand_recipients_reaches_each_once(store: Store) -> None:
    users = [f"user-{i}" for i in range(1_000)]
    for _ in range(2):
        await store.publish(submission(*users))
    heads = await store.heads([stream_of(user) for user in users])
    assert {(head.seq, head.counts) for head in heads} == {(2, Counts(2, 2))}
    await audit(store, stream_of("user-999"))


async def test_a_repeated_key_is_answered_like_the_first_time(store: Store) -> None:
    first = await store.publish(submission("anna", key="k"))
    assert await store.publish(submission("anna", key="k")) == first
    assert [item.notification.id for item in (await audit(store, ANNA)).items] == [first.id]


async def test_the_same_key_at_the_same_time_publishes_once(store: Store) -> None:
    receipts = await asyncio.gather(*(store.publish(submission("anna", "ben", key="k")) for _ in range(16)))
    assert len({receipt.id for receipt in receipts}) == 1
    assert len((await audit(store, ANNA)).items) == 1
    assert len((await audit(store, stream_of("ben"))).items) == 1


async def test_a_key_with_another_body_is_a_conflict_that_names_the_first(store: Store) -> None:
    first = await store.publish(submission("anna", key="k"))
    other = replace(submission("anna", key="k"), body_hash=b"hash of another body")
    with pytest.raises(IdempotencyConflict) as caught:
        await store.publish(other)
    assert caught.value.first == first.id
    assert (await audit(store, ANNA)).head.seq == 1


async def test_a_key_belongs_to_one_tenant(store: Store) -> None:
    first = await store.publish(submission("anna", key="k"))
    second = await store.publish(submission("anna", key="k", tenant="bolt"))
    assert first.id != second.id


async def test_publishes_at_the_same_time_get_dense_numbers(store: Store) -> None:
    await asyncio.gather(*(store.publish(submission("anna", f"user-{i % 3}")) for i in range(60)))
    assert (await audit(store, ANNA)).head.seq == 60


async def test_two_stores_on_one_database_number_a_stream_together(
    store: Store, new_store: Callable[[], Store]
) -> None:
    other = new_store()
    await other.open()
    try:
        await asyncio.gather(*(one.publish(submission("anna")) for one in (store, other) for _ in range(20)))
        assert (
            (await audit(store, ANNA)).head
            == (await audit(other, ANNA)).head
            == Head((await head_of(store)).epoch, 40, Counts(40, 40))
        )
    finally:
        await other.close()


async def test_what_was_answered_is_there_after_reopening(new_store: Callable[[], Store]) -> None:
    first = new_store()
    await first.open()
    ids = await fill(first, 3)
    await first.mark(ANNA, Mark("read", ids=(ids[0],)))
    before = await audit(first, ANNA)
    await first.close()
    second = new_store()
    await second.open()
    assert await audit(second, ANNA) == before
    await second.close()


async def test_progress_tells_how_far_a_notification_is(store: Store) -> None:
    made = submission("anna", "ben")
    await store.publish(made)
    progress = await store.progress("acme", made.notification.id)
    assert progress is not None
    assert progress.notification == made.notification
    assert (progress.state, progress.total, progress.fanned_out) == ("done", 2, 2)


async def test_progress_is_hidden_from_other_tenants(store: Store) -> None:
    receipt = await store.publish(submission("anna"))
    assert await store.progress("bolt", receipt.id) is None
    assert await store.progress("acme", new_id()) is None


# The outlet


async def test_an_entry_is_announced_before_its_writer_is_answered(store: Store) -> None:
    store.outlet = recorder = Recorder()
    (id,) = await fill(store, 1)
    assert [entry.item and entry.item.id for entry in recorder.entries[ANNA]] == [id]
    await store.mark(ANNA, Mark("read", ids=(id,)))
    assert recorder.entries[ANNA] == (await audit(store, ANNA)).log
    assert recorder.epochs == {(await head_of(store)).epoch}


async def test_entries_nobody_wants_are_not_handed_over(store: Store) -> None:
    store.outlet = recorder = Recorder(wanted=[ANNA])
    await store.publish(submission("anna", "ben"))
    await store.mark(stream_of("ben"), Mark("read", upto=1))
    assert list(recorder.entries) == [ANNA]


# Keys, clients, processes


async def test_a_secret_is_made_once_for_everybody(store: Store, new_store: Callable[[], Store]) -> None:
    made = await store.secret("bus")
    other = new_store()
    await other.open()
    assert await other.secret("bus") == made
    assert len(made) == 32
    assert await other.secret("tokens") != made
    await other.close()


async def test_a_client_is_found_by_its_id(store: Store) -> None:
    client = Client(
        new_token(), "acme", "shop", ("notifications:write", "users"), (ClientSecret(b"\x01" * 32, now_ms()),), now_ms()
    )
    await store.put_client(client)
    assert await store.client(client.id) == client
    assert await store.client("nobody") is None


async def test_a_process_is_listed_from_its_first_beat_until_it_leaves(store: Store) -> None:
    process = Process("p1", "serve", "host", now_ms(), 0, 4711)
    for _ in range(2):
        await store.beat(process)
    (found,) = await store.processes()
    assert found.beat_at >= process.started_at
    assert replace(found, beat_at=0, skew_ms=0) == process
    await store.leave("p1")
    assert await store.processes() == []


async def test_an_open_store_answers_a_ping(store: Store) -> None:
    await store.ping()
