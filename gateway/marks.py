"""A mark as clients write it, over HTTP and on the socket alike. Pure."""

from typing import Annotated, ClassVar, get_args

from msgspec import Meta, Struct

from gateway.settings import LIMITS
from inbox.errors import Invalid
from inbox.model import Mark, MarkOp

# JavaScript counts exactly up to here, and no stream gets that long.
SEQ_MAX = (1 << 53) - 1
EPOCH_CHARACTERS = 64

Seq = Annotated[int, Meta(ge=0, le=SEQ_MAX)]
ItemId = Annotated[str, Meta(max_length=128)]
Epoch = Annotated[str, Meta(min_length=1, max_length=EPOCH_CHARACTERS)]

MARK_OPS: tuple[MarkOp, ...] = get_args(MarkOp)


class MarkBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Items by ``ids``, or every item up to ``upto`` of ``epoch``."""

    JSON_SCHEMA: ClassVar = {
        "oneOf": [
            {
                "properties": {"ids": {"type": "array"}, "upto": {"type": "null"}, "epoch": {"type": "null"}},
                "required": ["ids"],
            },
            {
                "properties": {"ids": {"type": "null"}, "upto": {"type": "integer"}, "epoch": {"type": "string"}},
                "required": ["upto", "epoch"],
            },
        ]
    }

    ids: Annotated[list[ItemId], Meta(min_length=1, max_length=LIMITS.mark_ids)] | None = None
    upto: Seq | None = None
    epoch: Epoch | None = None


def to_mark(op: MarkOp, body: MarkBody) -> Mark:
    """:raises Invalid: not exactly one of ``ids`` and ``upto`` with its ``epoch``."""
    if (body.ids is None) == (body.upto is None):
        raise Invalid.field("ids", "expected either ids, or upto with its epoch")
    if (body.upto is None) != (body.epoch is None):
        raise Invalid.field("epoch", "expected the epoch that upto belongs to, and none without upto")
    return Mark(op, None if body.ids is None else tuple(dict.fromkeys(body.ids)), body.upto, body.epoch)
