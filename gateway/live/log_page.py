"""What was read of a stream's log, and how much more of it is worth reading. No I/O."""

from msgspec import Struct

from inbox.encode import entry_json
from inbox.model import Changes, Cursor
from inbox.stream import is_reset

Entries = list[tuple[int, bytes]]

_SAMPLE = 8
"""One entry in so many tells how large they are."""


class LogPage(Struct):
    """What the log of ``stream`` holds after ``since``, as far as it was read."""

    stream: str
    since: int
    changes: Changes

    def reaches(self, cursor: Cursor) -> bool:
        """Whether a reader that stands at ``cursor`` can go on with it."""
        return cursor.seq >= self.since and not is_reset(cursor, self.changes.head)

    def lacks(self, most: int, room_bytes: int) -> int:
        """How many entries more make ``most``, or fill ``room_bytes`` if they are as large as these; 0 at the end."""
        if not self.changes.more:
            return 0
        entries = self.changes.entries
        sizes = [len(entry_json(entry)) for entry in entries[::_SAMPLE]]
        return max(0, min(most, room_bytes * len(sizes) // sum(sizes) + 1) - len(entries))

    def end(self) -> tuple[str, Cursor]:
        """Where to read on."""
        return self.stream, Cursor(self.changes.head.epoch, self.changes.entries[-1].seq)

    def extend(self, more: Changes) -> None:
        """With what the log holds after ``end``."""
        self.changes = Changes(more.head, self.changes.entries + more.entries, more.more)

    def encoded(self) -> Entries:
        """It takes time: done with the portion in which the entries go out, not with the whole batch that was read."""
        return [(entry.seq, entry_json(entry)) for entry in self.changes.entries]
