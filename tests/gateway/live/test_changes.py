"""Changes of mind as devices see them: updated, removed, and an erasure that starts everything over."""

from typing import Any

import pytest

from gateway.live.codes import CloseCode
from inbox.model import Counts
from inbox.service import Draft
from inbox.times import now_ms
from tests.gateway.live.node import Json, Node
from tests.samples import TENANT, stream_of
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def publish(node: Node, actor: Json | None = None, **members: Any) -> str:
    """One notification to ann; its id."""
    draft = Draft(TENANT, "news", {"category": "news", "title": "Hello", "actor": actor}, **members)
    return (await node.inbox.publish(draft, ["ann"])).id


async def test_a_patch_replaces_the_item_and_leaves_it_read(node: Node) -> None:
    id = await publish(node)
    async with node.client() as ann:
        item: Json = (await ann.hello("ann"))["items"][0]
        await ann.say("read", ids=[item["id"]])
        read = await ann.hear_t("entry")
        await node.inbox.amend(TENANT, id, {"title": "Newer"})
        entry = await ann.hear_t("entry")
        assert (entry["kind"], entry["seq"], entry["counts"]) == ("updated", 3, read["counts"])
        assert entry["item"] == {**item, "seq": 3, "title": "Newer", "seen_at": read["at"], "read_at": read["at"]}


async def test_a_later_notification_takes_the_unread_item_over(node: Node) -> None:
    await publish(node, collapse_key="likes", actor={"name": "Ana"})
    async with node.client() as ann:
        item: Json = (await ann.hello("ann"))["items"][0]
        await publish(node, collapse_key="likes", actor={"name": "Ben"})
        entry = await ann.hear_t("entry")
        assert (entry["kind"], entry["item"]["id"], entry["item"]["collapsed"]) == ("updated", item["id"], 1)
        assert [actor["name"] for actor in entry["item"]["actors"]] == ["Ben", "Ana"]
        assert entry["counts"] == {"unread": 1, "unseen": 1}


async def test_a_cancelled_item_goes_with_its_reason(node: Node) -> None:
    id = await publish(node)
    async with node.client() as ann:
        item: Json = (await ann.hello("ann"))["items"][0]
        await node.inbox.cancel(TENANT, id)
        entry = await ann.hear_t("entry")
        assert (entry["kind"], entry["reason"], entry["ids"]) == ("removed", "cancelled", [item["id"]])
        assert entry["counts"] == {"unread": 0, "unseen": 0}


async def test_an_expired_item_goes_with_its_reason(node: Node) -> None:
    ends = now_ms() + 2_000
    await publish(node, expires_at=ends)
    async with node.client() as ann:
        await ann.hello("ann")
        await until(lambda: now_ms() > ends)
        await node.store.work()
        entry = await ann.hear_t("entry")
        assert (entry["kind"], entry["reason"]) == ("removed", "expired")


async def test_an_erased_user_is_closed_with_4004_and_starts_over(node: Node) -> None:
    await publish(node)
    async with node.client() as ann:
        welcome = await ann.hello("ann")
        await node.inbox.erase(TENANT, "ann")
        assert await ann.closed() == CloseCode.STREAM_RESET
    async with node.client() as ann:
        again = await ann.hello("ann", (welcome["epoch"], welcome["seq"]))
        (head,) = await node.store.heads([stream_of("ann")])
        assert (again["resumed"], again["items"], again["epoch"]) == (False, [], head.epoch)
        assert (again["epoch"] != welcome["epoch"], head.counts) == (True, Counts())


async def test_who_was_away_over_changes_of_mind_resumes_with_all_of_them(node: Node) -> None:
    id = await publish(node)
    async with node.client() as ann:
        welcome = await ann.hello("ann")
    await node.inbox.amend(TENANT, id, {"title": "Newer"})
    await node.inbox.cancel(TENANT, id)
    async with node.client() as ann:
        again = await ann.hello("ann", (welcome["epoch"], welcome["seq"]))
        assert (again["resumed"], [entry["kind"] for entry in again["entries"]]) == (True, ["updated", "removed"])
