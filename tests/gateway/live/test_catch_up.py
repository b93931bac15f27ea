"""P3 and P4 over random interleavings: whatever the bus does, every session ends with every entry once, in order."""

import asyncio
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from inbox.model import Cursor
from tests.gateway.live.world import EPOCH, Follower, World


@settings(max_examples=500, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 120))
def test_every_session_ends_with_every_entry_once_and_in_order(random: Random, steps: int) -> None:
    async def play() -> None:
        world = World(random)
        await world.run(steps)
        world.check()

    asyncio.run(play())


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 120))
def test_no_head_check_is_needed_where_nothing_is_lost(random: Random, steps: int) -> None:
    async def play() -> None:
        world = World(random, sound=True)
        await world.run(steps)
        world.check()

    asyncio.run(play())


def test_many_joins_share_their_reads() -> None:
    async def play() -> None:
        world = World(Random(1))
        world.log.head = 4
        members = [Follower(world.held, Cursor(EPOCH, seq)) for seq in range(4) for _ in range(5)]
        for member, seq in zip(members, [0, 1, 2, 3] * 5, strict=True):
            world.held.members.append(member)
            world.held.read_from(member, Cursor(EPOCH, seq))
        await world.quiet()
        assert [member.seq for member in members] == [4] * 20
        # Two calls, the first entry and the others; each counts when it begins and when it ends.
        assert world.log.reads == 4

    asyncio.run(play())


def test_an_entry_that_comes_during_the_first_read_is_not_missed() -> None:
    """Its epoch cannot be judged yet, so it is not kept."""

    async def play() -> None:
        world = World(Random(1), sound=True)
        world.publish()
        world.log.meanwhile = [world.deliver, world.deliver, world.publish]
        follower = Follower(world.held, Cursor(EPOCH, 0))
        world.held.members.append(follower)
        world.held.read_from(follower, follower.cursor)
        await world.quiet()
        assert follower.got == [1, 2]

    asyncio.run(play())
