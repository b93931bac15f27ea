"""P4: a client that comes back has everything, in order, or is told to start over."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest

from inbox.model import Changes, Cursor
from tests.gateway.live.node import Json, Node, NodeFactory
from tests.samples import stream_of

pytestmark = pytest.mark.anyio


async def epoch_of(node: Node, user: str = "ann") -> str:
    (head,) = await node.store.heads([stream_of(user)])
    return head.epoch


def dense(welcome: Json, rest: list[int]) -> list[int]:
    return [entry["seq"] for entry in welcome["entries"]] + rest


@pytest.mark.parametrize("missed", [0, 10, 500, 501, 900])
async def test_everything_missed_comes_in_order(node: Node, missed: int) -> None:
    await node.publish("ann", 5 + missed)
    async with node.client() as client:
        welcome = await client.hello("ann", (await epoch_of(node), 5))
        assert (welcome["resumed"], welcome["seq"]) == (True, 5 + missed)
        assert len(welcome["entries"]) == min(missed, 500)
        rest = await client.seqs(5 + missed) if missed > 500 else []
        assert dense(welcome, rest) == list(range(6, 6 + missed))


async def test_live_goes_on_after_a_long_resume(node: Node) -> None:
    await node.publish("ann", 700)
    async with node.client() as client:
        welcome = await client.hello("ann", (await epoch_of(node), 0))
        await node.publish("ann", 5)
        assert dense(welcome, await client.seqs(705)) == list(range(1, 706))


async def test_a_welcome_is_bounded_in_bytes(start: NodeFactory) -> None:
    node = await start(welcome_bytes=20_000)
    await node.publish("ann", 30, body="x" * 4_000)
    async with node.client() as client:
        welcome = await client.hello("ann", (await epoch_of(node), 0))
        assert len(welcome["entries"]) == 4
        assert dense(welcome, await client.seqs(30)) == list(range(1, 31))


async def test_a_resume_larger_than_the_write_buffer_is_complete(start: NodeFactory) -> None:
    node = await start(write_soft_bytes=20_000, welcome_bytes=10_000)
    await node.publish("ann", 200, body="x" * 4_000)
    async with node.client() as client:
        welcome = await client.hello("ann", (await epoch_of(node), 0))
        assert dense(welcome, await client.seqs(200)) == list(range(1, 201))
        assert node.hub.statistics().entries_withheld == 0


@pytest.mark.parametrize(("missed", "length", "reads", "read"), [(500, 10, 2, 500), (200, 20_000, 20, 600)])
async def test_little_more_is_read_than_is_given(
    node: Node, monkeypatch: pytest.MonkeyPatch, missed: int, length: int, reads: int, read: int
) -> None:
    """A client takes 500 small entries at once, or 13 large ones."""
    await node.publish("ann", missed, body="x" * length)
    found: list[int] = []
    catch_up = node.store.catch_up

    async def counted(wanted: Sequence[tuple[str, Cursor]], limit: int) -> list[Changes | None]:
        answers = await catch_up(wanted, limit)
        found.append(sum(len(changes.entries) for changes in answers if changes is not None))
        return answers

    monkeypatch.setattr(node.store, "catch_up", counted)
    async with node.client() as client:
        welcome = await client.hello("ann", (await epoch_of(node), 0))
        rest = await client.seqs(missed) if len(welcome["entries"]) < missed else []
        assert dense(welcome, rest) == list(range(1, missed + 1))
    assert len(found) <= reads
    assert sum(found) <= read


@pytest.mark.parametrize(("epoch", "seq"), [("foreign", 3), (None, 31)])
async def test_a_cursor_that_does_not_belong_to_the_stream_gets_a_snapshot(
    node: Node, epoch: str | None, seq: int
) -> None:
    await node.publish("ann", 30)
    async with node.client() as client:
        welcome = await client.hello("ann", (epoch or await epoch_of(node), seq))
        assert (welcome["resumed"], welcome["seq"], len(welcome["items"])) == (False, 30, 25)


async def test_a_cursor_before_the_log_gets_a_snapshot(node: Node) -> None:
    await node.publish("ann", 20)
    await node.store.trim(5, 0)
    async with node.client() as client:
        assert (await client.hello("ann", (await epoch_of(node), 3)))["resumed"] is False


async def test_a_bad_cursor_does_not_spoil_a_good_one_of_the_same_round(node: Node) -> None:
    await node.publish("ann", 20)
    await node.store.trim(5, 0)
    epoch = await epoch_of(node)
    cursors = [("foreign", 1), ("foreign", 19), (epoch, 3), (epoch, 99), (epoch, 18), None]
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(node.client()) for _ in cursors]
        welcomes = await asyncio.gather(*(one.hello("ann", at) for one, at in zip(clients, cursors, strict=True)))
        assert [welcome["resumed"] for welcome in welcomes] == [False, False, False, False, True, False]
        assert dense(welcomes[4], []) == [19, 20]


async def test_a_storm_of_entries_while_clients_join_leaves_nobody_short(node: Node) -> None:
    await node.publish("ann", 30)
    epoch = await epoch_of(node)

    async def follow(since: int, upto: int) -> list[int]:
        async with node.client() as client:
            welcome = await client.hello("ann", (epoch, since))
            seen = dense(welcome, [])
            return seen + (await client.seqs(upto) if (seen or [since])[-1] < upto else [])

    publishing = asyncio.create_task(node.publish("ann", 400))
    followed = await asyncio.gather(*(follow(since, 430) for since in range(20)))
    await publishing
    assert followed == [list(range(since + 1, 431)) for since in range(20)]
