from typing import cast

import pytest

from gateway.live.acks import Acks
from inbox.errors import Unavailable
from inbox.store.base import Store

pytestmark = pytest.mark.anyio


class AckStore:
    """Takes acks, unless it is away."""

    def __init__(self) -> None:
        self.is_away = False
        self.taken: list[dict[str, int]] = []

    async def ack(self, acks: dict[str, int]) -> None:
        if self.is_away:
            raise Unavailable("away")
        self.taken.append(acks)


async def test_only_the_highest_of_a_stream_is_written_and_once() -> None:
    store = AckStore()
    acks = Acks(cast("Store", store), 1.0)
    for seq in (3, 5, 4):
        acks.note("acme/ann", seq)
    await acks.flush()
    await acks.flush()
    assert store.taken == [{"acme/ann": 5}]


async def test_what_the_store_did_not_take_is_tried_again_and_never_goes_back() -> None:
    store = AckStore()
    acks = Acks(cast("Store", store), 1.0)
    store.is_away = True
    acks.note("acme/ann", 5)
    acks.note("acme/bob", 7)
    await acks.flush()
    store.is_away = False
    acks.note("acme/ann", 4)
    acks.note("acme/bob", 8)
    await acks.flush()
    assert store.taken == [{"acme/ann": 5, "acme/bob": 8}]
