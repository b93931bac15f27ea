"""What a cluster says of its slots."""

from typing import Any

import pytest
from redis.crc import key_slot

from inbox.bus.redis.slots import NOBODY, Owners, name_at, owners_from, slot_of


def test_each_slot_has_the_primary_of_its_range_and_replicas_do_not_count() -> None:
    reply = [[0, 99, [b"10.0.0.1", 1, b"id"], [b"10.0.0.2", 2, b"id"]], [101, 101, [b"10.0.0.3", 3, b"id", []]]]
    owners = owners_from(reply, asked="10.0.0.9:9")
    assert [owners[slot] for slot in (0, 99, 100, 101, 102)] == ["10.0.0.1:1", "10.0.0.1:1", None, "10.0.0.3:3", None]
    assert len(owners) == len(NOBODY)


@pytest.mark.parametrize("host", [None, b""])
def test_a_node_that_does_not_know_its_host_is_where_it_was_asked(host: bytes | None) -> None:
    assert owners_from([[0, 0, [host, 7000, b"id"]]], asked="10.0.0.9:9")[0] == "10.0.0.9:7000"
    assert owners_from([[0, 0, [host, 7000, b"id"]]], asked="[::1]:9")[0] == "[::1]:7000"


def test_an_address_with_colons_is_bracketed() -> None:
    assert owners_from([[0, 0, [b"::1", 7000, b"id"]]], asked="[::1]:9")[0] == "[::1]:7000"


@pytest.mark.parametrize(
    "reply", [[[0, 2**62, [b"h", 1]]], [[-1, 3, [b"h", 1]]], [[5, 3, [b"h", 1]]], [[0, 1]], [7], [[0, 1, []]]]
)
def test_an_answer_that_is_none_is_refused(reply: list[Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        owners_from(reply, asked="10.0.0.9:9")


def test_the_slot_of_a_stream_is_that_of_its_channel() -> None:
    assert slot_of("acme/anna") == key_slot(b"bw:acme/anna")


def test_a_name_is_found_at_a_primary_that_owns_a_single_slot() -> None:
    owners: Owners = ["a:1"] * len(NOBODY)
    owners[16_383] = "b:2"
    assert slot_of(name_at("b:2", owners, "token")) == 16_383
