"""Sealed messages: what we wrote comes back, anything else does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.bus.redis.seal import Seal

SEAL = Seal(bytes(range(32)))
STREAM = "acme/anna"


@given(seq=st.integers(0, 2**64 - 1), epoch=st.text("0123456789abc.", max_size=40), frame=st.binary(max_size=2_000))
def test_what_was_sealed_opens_as_it_was(seq: int, epoch: str, frame: bytes) -> None:
    assert SEAL.open(STREAM, SEAL.close(STREAM, seq, epoch, frame)) == (seq, epoch, frame)


@given(at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_a_message_with_one_bit_changed_does_not_open(at: int, bit: int) -> None:
    message = bytearray(SEAL.close(STREAM, 7, "g.0", b'{"seq":7}'))
    message[at % len(message)] ^= 1 << bit
    assert SEAL.open(STREAM, bytes(message)) is None


@given(st.binary(max_size=200))
def test_garbage_does_not_open(garbage: bytes) -> None:
    assert SEAL.open(STREAM, garbage) is None
    assert SEAL.open(STREAM, b"\x01" + garbage) is None


@given(st.integers(0, 60))
def test_a_message_cut_short_does_not_open(length: int) -> None:
    message = SEAL.close(STREAM, 7, "g.0", b"x" * 60)
    assert SEAL.open(STREAM, message[:length]) is None


def test_a_message_moved_to_another_stream_does_not_open() -> None:
    assert SEAL.open("acme/ben", SEAL.close(STREAM, 7, "g.0", b"{}")) is None


def test_a_message_under_another_key_does_not_open() -> None:
    assert SEAL.open(STREAM, Seal(bytes(32)).close(STREAM, 7, "g.0", b"{}")) is None


def test_what_is_epoch_and_what_is_frame_cannot_be_shifted() -> None:
    assert SEAL.close(STREAM, 7, "g.0", b"1{}")[1:17] != SEAL.close(STREAM, 7, "g.01", b"{}")[1:17]


@pytest.mark.parametrize("key_bytes", [0, 16, 64])
def test_a_key_of_another_length_is_refused(key_bytes: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Seal(bytes(key_bytes))
