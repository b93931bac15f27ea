"""The opaque ``next`` of a page."""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

from inbox.errors import Invalid

# A version byte, so that a later kind of cursor is told from this one.
_FORM = struct.Struct(">BQ")
_VERSION = 1


def encode_before(seq: int) -> str:
    return urlsafe_b64encode(_FORM.pack(_VERSION, seq)).decode()


def decode_before(text: str) -> int:
    """The number that ``encode_before`` hid in ``text``.

    :raises Invalid: it did not make this text.
    """
    try:
        version, seq = _FORM.unpack(urlsafe_b64decode(text.encode("ascii")))
    except (ValueError, Error, struct.error):
        version, seq = 0, 0
    if version != _VERSION or encode_before(seq) != text or seq >= 1 << 63:
        raise Invalid.field("before", "expected the `next` of a page, unchanged")
    return int(seq)
