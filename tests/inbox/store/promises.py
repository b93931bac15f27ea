"""What must be so once a change of mind, whatever became of its writer, has come to its end."""

from inbox.model import Counts
from inbox.store.base import Store
from tests.audit import Audit, audit
from tests.inbox.store.mongo import Scene
from tests.samples import TENANT, retitled, stream_of, submission, title_of
from tests.writers.changes import KEY, USERS


async def everybody(store: Store) -> dict[str, Audit]:
    """Every stream, exact."""
    return {user: await audit(store, stream_of(user)) for user in USERS}


def who_has(found: dict[str, Audit], notification: str) -> list[str]:
    """The users with an item that shows ``notification``; never two in one inbox."""
    shown = {user: [item.notification.id for item in each.items] for user, each in found.items()}
    assert all(ids.count(notification) <= 1 for ids in shown.values())
    return [user for user, ids in shown.items() if notification in ids]


async def check(store: Store, what: str, notification: str, answered: bool) -> None:
    """The change was made everywhere, or, unless its writer was ``answered``, nowhere; and can be made again."""
    found = await everybody(store)
    match what:
        case "collapse":
            await _check_collapse(store, found, notification, answered)
        case "cancel" | "expire":
            left = who_has(found, notification)
            assert left == [] or (what == "cancel" and not answered and left == list(USERS))
            await store.cancel(TENANT, notification)
            assert who_has(await everybody(store), notification) == []
        case "amend":
            await _check_amend(store, found, notification, answered)
        case "fanout":
            assert who_has(found, notification) == list(USERS)
            assert [len(each.items) for each in found.values()] == [2, 1, 1]
        case "erase":
            anna = found["anna"]
            if answered or not anna.head.epoch.endswith(".0"):
                assert (anna.items, anna.head.counts) == ([], Counts())
            assert who_has(found, notification)[-2:] == ["ben", "carl"]


async def _check_collapse(store: Store, found: dict[str, Audit], first: str, answered: bool) -> None:
    """``first`` was anna's; the later one took its item over."""
    took = first not in [item.notification.id for item in found["anna"].items]
    assert took or not answered
    assert [len(each.items) for each in found.values()] == ([2, 1, 1] if took else [2, 0, 0])
    again = await store.publish(submission(*USERS, key=KEY, collapse_key="likes", actor="Ben"))
    found = await everybody(store)
    assert who_has(found, again.id) == list(USERS)
    assert [each.items[0].collapsed for each in found.values()] == [1, 0, 0]
    assert found["anna"].items[0].actors == b'[{"name":"Ben"},{"name":"Ada"}]'


async def _check_amend(store: Store, found: dict[str, Audit], notification: str, answered: bool) -> None:
    now = await store.progress(TENANT, notification)
    assert now is not None
    assert now.notification.version == 2 or not answered
    for each in found.values():
        assert each.items[0].notification == now.notification
    await store.amend(TENANT, notification, retitled("Newer"))
    assert {title_of(each.items[0]) for each in (await everybody(store)).values()} == {"Newer"}


async def leaves_nothing(scene: Scene) -> None:
    """Of an erased incarnation: no item, and of the log only numbers."""
    async with scene.raw() as raw:
        erased = await raw.log.find_one({"stream": stream_of("anna"), "kind": "erased"})
        if erased is not None:
            old = {"stream": stream_of("anna"), "seq": {"$lt": erased["seq"]}}
            assert {name for entry in await raw.log.find(old).to_list() for name in entry} <= {
                "_id", "stream", "seq", "epoch", "n", "at",
            }  # fmt: skip
            others = {"stream": stream_of("anna"), "incarnation": {"$ne": erased["place"]["incarnation"]}}
            assert await raw.items.count_documents(others) == 0
