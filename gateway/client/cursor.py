"""The client's rule (design §7): what to do with a numbered entry, given what one has. Pure."""

from typing import Literal

from inbox.model import Cursor

Verdict = Literal["drop", "apply", "fetch"]


class Follower:
    """One client's place in one stream. ``cursor`` is ``None`` until a snapshot gives it one.

    :param cursor: the place kept from an earlier run, if the entries up to it are kept too.
    """

    __slots__ = ("cursor",)

    def __init__(self, cursor: Cursor | None = None) -> None:
        self.cursor = cursor

    def start(self, epoch: str, seq: int) -> None:
        """A snapshot came that stands at ``seq``."""
        self.cursor = Cursor(epoch, seq)

    def judge(self, seq: int) -> Verdict:
        """What to do with entry ``seq``: it was there already, it is the next one, or some before it are missing."""
        have = 0 if self.cursor is None else self.cursor.seq
        if seq <= have:
            return "drop"
        return "apply" if seq == have + 1 else "fetch"

    def applied(self, seq: int) -> None:
        """Entry ``seq`` was applied, whole."""
        if self.cursor is not None and self.judge(seq) == "apply":
            self.cursor = Cursor(self.cursor.epoch, seq)

    def reset(self) -> None:
        """The stream was started over, or its log no longer reaches back: only a snapshot helps."""
        self.cursor = None
