"""What a message on a channel looks like, and the proof that one of us wrote it. Pure.

::

    version 1 | MAC 16 | seq 8, big-endian | length of epoch 1 | epoch | frame

The MAC is keyed BLAKE2b over version, stream, seq, epoch and frame: a message copied to another channel fails too.
"""

import hmac
from hashlib import blake2b
from struct import Struct

_VERSION = b"\x01"
_MAC_BYTES = 16
_KEY_BYTES = 32
_HEADER = Struct(">QB")
_BODY_AT = len(_VERSION) + _MAC_BYTES
_EPOCH_AT = _BODY_AT + _HEADER.size


class Seal:
    """Closes and opens messages under ``key``, the same in every process.

    :raises ValueError: the key does not have 32 bytes (BLAKE2b takes an empty one, and then proves nothing).
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise ValueError(f"expected a key of {_KEY_BYTES} bytes, got {len(key)}")
        # Copying a keyed state is cheaper than keying one for each message.
        self._keyed = blake2b(_VERSION, key=key, digest_size=_MAC_BYTES)

    def close(self, stream: str, seq: int, epoch: str, frame: bytes) -> bytes:
        name = epoch.encode()
        body = _HEADER.pack(seq, len(name)) + name + frame
        return _VERSION + self._mac(stream, body) + body

    def open(self, stream: str, message: bytes) -> tuple[int, str, bytes] | None:
        """``seq, epoch, frame`` of a message that came on the channel of ``stream``; ``None`` if it is not ours."""
        if message[:1] != _VERSION or len(message) < _EPOCH_AT:
            return None
        body = message[_BODY_AT:]
        if not hmac.compare_digest(message[1:_BODY_AT], self._mac(stream, body)):
            return None
        seq, length = _HEADER.unpack_from(body)
        frame_at = _EPOCH_AT + length
        return seq, message[_EPOCH_AT:frame_at].decode(), message[frame_at:]

    def _mac(self, stream: str, body: bytes) -> bytes:
        mac = self._keyed.copy()
        # No stream holds a NUL, so no two pairs of stream and body give the same bytes.
        mac.update(stream.encode() + b"\0" + body)
        return mac.digest()
