"""The reader of frames without a connection: what it hears does not depend on how the bytes come."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.live import wire
from gateway.live.frames import Closing, Control, Failure, FrameReader, FrameReaders, Heard
from tests.gateway.live.raw import BINARY, CLOSE, CONT, PING, PONG, TEXT, frame

MAX_BYTES = 10_000

payloads = st.one_of(
    st.binary(max_size=130),
    st.text(max_size=40).map(str.encode),
    st.sampled_from([b"x" * 1_024, b"x" * 5_000, b"x" * MAX_BYTES, b"x" * (MAX_BYTES + 1), b"\x03\xe8", b"\x03\xed"]),
)
frames = st.builds(
    frame,
    st.sampled_from([TEXT, TEXT, CONT, CONT, PING, PONG, CLOSE, BINARY, 3]),
    payloads,
    fin=st.booleans(),
    mask=st.sampled_from([True] * 9 + [False]),
)
cuts = st.lists(st.integers(0, 20_000), max_size=8)


def hear(data: bytes, at: list[int]) -> list[Heard]:
    """All that is heard from ``data`` when it comes in pieces, cut ``at`` these places.

    Between two messages the reader goes back, and somebody else has the same one meanwhile.
    """
    readers = FrameReaders(MAX_BYTES)
    reader: FrameReader | None = None
    heard: list[Heard] = []
    for start, end in pairwise([0, *sorted(min(cut, len(data)) for cut in at), len(data)]):
        reader = reader or readers.borrow()
        for one in reader.read(data[start:end]):
            heard.append(one)
            if isinstance(one, Closing | Failure):
                return heard
        if reader.is_between_messages:
            assert list(reader.read(frame(TEXT, b"somebody else"))) == ["somebody else"]
            readers.give_back(reader)
            reader = None
    return heard


@given(st.lists(frames, max_size=8).map(b"".join), cuts)
def test_it_does_not_matter_how_bytes_come(data: bytes, at: list[int]) -> None:
    assert hear(data, at) == hear(data, [])


@given(st.text(max_size=200), cuts, cuts)
def test_a_message_is_the_same_however_it_is_fragmented(text: str, at: list[int], fragments: list[int]) -> None:
    data = text.encode()
    places = [0, *sorted(cut % (len(data) + 1) for cut in fragments), len(data)]
    parts = [data[start:end] for start, end in pairwise(places)]
    sent = b"".join(
        frame(CONT if number else TEXT, part, fin=number == len(parts) - 1) + frame(PING, b"%d" % number)
        for number, part in enumerate(parts)
    )

    heard = hear(sent, at)

    assert [one for one in heard if isinstance(one, str)] == [text]
    answers = [one.answer for one in heard if isinstance(one, Control) and one.answer]
    assert answers == [wire.pong_frame(b"%d" % number) for number in range(len(parts))]
