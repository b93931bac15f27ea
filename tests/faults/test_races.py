"""Two processes race over one store: whatever happens is what one order of the requests would have done."""

import asyncio
import random

import pytest

from inbox.ids import item_id, stream_key
from inbox.model import Counts
from tests.audit import Audit
from tests.faults.judge import TENANT, at_rest, judged, opened_store, shown_in
from tests.faults.pair import Pair

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(150)]

USERS = ["alice", "bob", "carol"]


async def audits(pair: Pair, users: list[str]) -> dict[str, Audit]:
    async with opened_store(pair.fleet.environ) as store:
        return await judged(store, users)


async def test_one_idempotency_key_at_two_processes_is_one_notification(pair: Pair) -> None:
    await pair.start()
    for key in range(20):
        both = (pair.publish(n % 2, recipients=USERS, idempotency_key=f"k{key}") for n in range(4))
        assert len(set(await asyncio.gather(*both))) == 1
    for found in (await audits(pair, USERS)).values():
        assert len(found.items) == found.head.seq == 20


async def test_one_collapse_key_at_two_processes_is_one_item(pair: Pair) -> None:
    await pair.start()
    body = {"recipients": USERS, "collapse_key": "likes"}
    names = [f"a{n}" for n in range(24)]
    made = await asyncio.gather(
        *(pair.publish(n % 2, actor={"name": name}, **body) for n, name in enumerate(names)),
    )
    for found in (await audits(pair, USERS)).values():
        (item,) = found.items
        assert item.collapsed == len(made) - 1
        assert found.head.counts == Counts(1, 1)
        assert item.notification.id in made


async def test_a_cancel_beside_the_fan_out_leaves_nobody_with_the_item(pair: Pair) -> None:
    users = [f"m{n}" for n in range(150)]
    await pair.start()
    await pair.make_topic("everybody", users)
    cancelled: list[str] = []
    for n in range(6):
        body = {"topic": "everybody"} if n % 2 else {"recipients": users}
        key = f"race-{n}"
        publishing = asyncio.create_task(pair.publish(0, idempotency_key=key, **body))
        if n % 2:
            await publishing
            await asyncio.sleep(random.uniform(0, 0.2))
        else:
            # A retry at the other process: its answer may come while the first still fans out.
            await asyncio.sleep(random.uniform(0, 0.02))
        id = await pair.publish(1, idempotency_key=key, **body)
        await pair.ask(1, "POST", f"/v1/notifications/{id}/cancel")
        assert await publishing == id
        cancelled.append(id)
    await _quiet(pair, cancelled, users)
    for found in (await audits(pair, users[::10])).values():
        assert found.items == []
        assert found.head.counts == Counts()


async def _quiet(pair: Pair, ids: list[str], users: list[str]) -> None:
    """Wait until all of these are cancelled, and everybody who took part has finished."""
    for id in ids:
        for number in (0, 1):
            await pair.settled(id, "cancelled", number=number)
    async with opened_store(pair.fleet.environ) as store:
        await at_rest(store, users)


async def test_a_patch_beside_a_read_keeps_both(pair: Pair) -> None:
    await pair.start()
    titles: dict[str, str] = {}
    for n in range(12):
        id = await pair.publish(0, recipients=["alice"])
        titles[id] = f"Better {n}"
        item = item_id(stream_key(TENANT, "alice"), id)
        _, answer = await asyncio.gather(
            pair.ask(1, "PATCH", f"/v1/notifications/{id}", json={"title": titles[id]}),
            pair.mark("alice", "read", ids=[item]),
        )
        assert answer.status_code == 200
    found = (await audits(pair, ["alice"]))["alice"]
    assert found.head.counts == Counts()
    assert all(item.read_at is not None for item in found.items)
    shown = {item.notification.id: item.notification.content for item in found.items}
    assert all(titles[id].encode() in content for id, content in shown.items())


async def test_patches_at_two_processes_end_in_one_of_them_everywhere(pair: Pair) -> None:
    await pair.start()
    id = await pair.publish(0, recipients=USERS)
    tries = (pair.ask(n % 2, "PATCH", f"/v1/notifications/{id}", json={"title": f"t{n}"}) for n in range(8))
    await asyncio.gather(*tries)
    newest = await pair.ask(0, "GET", f"/v1/notifications/{id}")
    for found in (await audits(pair, USERS)).values():
        assert newest["title"].encode() in found.items[0].notification.content
        assert found.items[0].notification.version == 9


async def test_a_publish_beside_an_erasure_comes_before_or_after_it(pair: Pair) -> None:
    await pair.start()
    for _ in range(8):
        id, _ = await asyncio.gather(
            pair.publish(0, recipients=USERS),
            pair.ask(1, "DELETE", "/v1/users/alice"),
        )
        last = await pair.publish(1, recipients=["alice"])
        found = await audits(pair, USERS)
        assert shown_in(found["alice"]) in ([last], [last, id])
        assert id in shown_in(found["bob"])
    assert len(found["bob"].items) == 8
