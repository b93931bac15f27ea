"""What only the MongoDB store has: its URL, ghosts, abandoned entries, what time releases."""

from collections.abc import AsyncIterator

import pytest

from inbox.errors import ConfigError, StreamReset
from inbox.model import Mark
from inbox.store.mongo import MongoStore
from inbox.store.mongo.records import Place, Record
from inbox.times import now_ms
from tests.audit import audit
from tests.inbox.store.mongo import Scene
from tests.samples import Recorder, stream_of, submission
from tests.servers.mongo import MongoServer

pytestmark = pytest.mark.anyio

ANNA = stream_of("anna")


@pytest.fixture
def scene(mongo: MongoServer) -> Scene:
    return Scene(mongo.url, log_keep_s=0.0)


@pytest.fixture
async def store(scene: Scene) -> AsyncIterator[MongoStore]:
    async with scene.store() as store:
        yield store


async def plant(scene: Scene, record: Record) -> None:
    """Insert an entry as a writer does that goes no further."""
    async with scene.raw() as raw:
        await raw.log.insert_one(record.document())


async def open_entries(scene: Scene) -> int:
    async with scene.raw() as raw:
        return int(await raw.log.count_documents({"open": True}))


async def trimmed(store: MongoStore) -> Recorder:
    """Anna has five items; of her log the newest entry is left."""
    store.outlet = recorder = Recorder()
    for _ in range(5):
        await store.publish(submission("anna"))
    while await store.trim(1, -1.0):
        pass
    return recorder


def ghost(seq: int) -> Record:
    """A mark whose writer slept until its number was trimmed."""
    return Record(ANNA, seq, "#ghost", "read", now_ms(), Place(seq, 0, 0, 0), ids=(), open=True)


@pytest.mark.parametrize("options", ["w=1", "w=0", "w=2", "journal=false", "w=majority&journal=false"])
async def test_a_write_concern_below_majority_and_journal_is_refused(options: str) -> None:
    with pytest.raises(ConfigError, match="w=majority"):
        MongoStore(f"mongodb://127.0.0.1/?{options}", database="x")


@pytest.mark.parametrize("url", ["mongodb://", "http://127.0.0.1", "mongodb://h:x"])
async def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="BELLWIRE_MONGO_URL"):
        MongoStore(url, database="x")


async def test_a_database_of_another_version_is_refused(scene: Scene) -> None:
    async with scene.raw() as raw:
        await raw.meta.insert_one({"_id": "store", "version": 99, "generation": "g"})
    store = MongoStore(scene.url, database=scene.database)
    with pytest.raises(ConfigError, match="expected schema version 2, found 99"):
        await store.open()
    await store.close()


async def test_a_reader_of_numbers_with_a_ghost_among_them_starts_over(scene: Scene, store: MongoStore) -> None:
    await trimmed(store)
    await plant(scene, ghost(4))
    (head,) = await store.heads([ANNA])
    with pytest.raises(StreamReset, match="trimmed"):
        await store.changes(ANNA, 3, head.epoch, 10)


async def test_whoever_finds_a_ghost_deletes_it_and_nothing_comes_of_it(scene: Scene, store: MongoStore) -> None:
    recorder = await trimmed(store)
    await plant(scene, ghost(4))
    page = await store.page(ANNA, limit=10)
    assert page.head.seq == 5
    assert await open_entries(scene) == 0
    await audit(store, ANNA, recorder.entries[ANNA])


async def test_an_entry_is_left_to_its_writer_for_a_while(scene: Scene, store: MongoStore) -> None:
    await plant(scene, Record(ANNA, 1, "#new", "read", now_ms(), Place(1), ids=(), open=True))
    assert [await store.sweep(), await store.sweep()] == [0, 0]
    assert await open_entries(scene) == 1


@pytest.mark.usefixtures("impatient_sweep")
async def test_an_abandoned_entry_is_finished_and_announced_by_the_sweep(scene: Scene, store: MongoStore) -> None:
    store.outlet = recorder = Recorder()
    await plant(scene, Record(ANNA, 1, "#old", "read", now_ms(), Place(1), ids=(), open=True))
    assert [await store.sweep(), await store.sweep()] == [0, 1]
    assert [entry.seq for entry in recorder.entries[ANNA]] == [1]
    assert (await store.heads([ANNA]))[0].seq == 1


async def test_trimming_stops_before_an_open_entry(scene: Scene, store: MongoStore) -> None:
    for _ in range(3):
        await store.publish(submission("anna"))
    async with scene.raw() as raw:
        await raw.log.update_one({"stream": ANNA, "seq": 2}, {"$set": {"open": True}})
    assert [await store.trim(1, -1.0), await store.trim(1, -1.0)] == [1, 0]


async def test_a_tombstone_outlives_the_log_and_is_collected_after_a_day(scene: Scene, store: MongoStore) -> None:
    await trimmed(store)
    await store.mark(ANNA, Mark("remove", upto=5))
    await store.trim(1, 0.0)
    async with scene.raw() as raw:
        assert await raw.items.count_documents({}) == 5
        await raw.items.update_many({}, {"$set": {"state.removed_at": now_ms() - 86_500_000}})
        await store.trim(1, 0.0)
        assert await raw.items.count_documents({}) == 0


async def test_a_key_is_released_after_a_day(scene: Scene, store: MongoStore) -> None:
    first = await store.publish(submission("anna", key="k"))
    await store.trim(1, 0.0)
    assert await store.publish(submission("anna", key="k")) == first
    async with scene.raw() as raw:
        await raw.notifications.update_many({}, {"$set": {"key_until": 0}})
    await store.trim(1, 0.0)
    assert (await store.publish(submission("anna", key="k"))).id != first.id


async def test_an_unfinished_publish_tells_how_far_it_is_and_is_finished(scene: Scene, store: MongoStore) -> None:
    receipt = await store.publish(submission("anna"))
    async with scene.raw() as raw:
        half_done = {"state": "running", "due_at": 1, "recipients": ["anna", "ben"], "total": 2, "fanned_out": 0}
        await raw.notifications.update_one({"_id": receipt.id}, {"$set": half_done})
    progress = await store.progress("acme", receipt.id)
    assert progress is not None
    assert (progress.state, progress.total, progress.fanned_out) == ("running", 2, 0)
    assert await store.work() is None
    progress = await store.progress("acme", receipt.id)
    assert progress is not None
    assert (progress.state, progress.fanned_out) == ("done", 2)
    assert [head.seq for head in await store.heads([ANNA, stream_of("ben")])] == [1, 1]
