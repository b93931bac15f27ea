"""Which channels should be subscribed and which are: the arithmetic of wanting, asking and confirming. Pure.

A channel has at most one question outstanding: a second one waits for the answer to the first. So an answer can
only mean the last question, and one that nobody asked for is seen as such.
"""

from collections.abc import Collection


class Subscriptions:
    """``wanted`` is what the node holds. A stream that may have missed something is *owed* a gap: it is reported
    with its next confirmation, when a look at the head is sure to find it.
    """

    def __init__(self) -> None:
        self.wanted: set[str] = set()
        self._confirmed: set[str] = set()
        self._owed: set[str] = set()
        self._asked: dict[str, bool] = {}
        # Not a set: taking from a set that once was large means looking for what is left in it.
        self._changed: dict[str, None] = {}

    def want(self, streams: Collection[str]) -> list[str]:
        """Want these too. Returns those that have to be confirmed first."""
        self.wanted.update(streams)
        missing = [stream for stream in streams if not self.is_settled(stream)]
        self._changed.update(dict.fromkeys(missing))
        return missing

    def forget(self, streams: Collection[str]) -> None:
        self.wanted.difference_update(streams)
        self._owed.difference_update(streams)
        self._changed.update(dict.fromkeys(streams))

    def owe(self, streams: Collection[str]) -> None:
        """These may have missed something: ask anew, unless a question is outstanding."""
        doubtful = self.wanted.intersection(streams)
        self._owed |= doubtful
        self._changed.update(dict.fromkeys(doubtful))

    def restart(self) -> None:
        """The connection is new: nothing is subscribed, and what was may have missed something."""
        self._owed |= self.wanted & self._confirmed
        self._confirmed.clear()
        self._asked.clear()
        self._changed = dict.fromkeys(self.wanted)

    def is_settled(self, stream: str) -> bool:
        """Whether it is wanted, subscribed as far as is known, and stays so."""
        return (
            stream in self.wanted
            and stream in self._confirmed
            and stream not in self._owed
            and self._asked.get(stream, True)
        )

    def questions(self, most: int) -> tuple[list[str], list[str]]:
        """Up to ``most`` streams each to subscribe and to unsubscribe now. Both empty: nothing is left to ask."""
        subscribe: list[str] = []
        unsubscribe: list[str] = []
        while self._changed and max(len(subscribe), len(unsubscribe)) < most:
            stream, _ = self._changed.popitem()
            if stream in self._asked or self.is_settled(stream):
                continue
            if stream in self.wanted:
                subscribe.append(stream)
            elif stream in self._confirmed:
                unsubscribe.append(stream)
        self._asked.update(dict.fromkeys(subscribe, True))
        self._asked.update(dict.fromkeys(unsubscribe, False))
        return subscribe, unsubscribe

    def refused(self) -> None:
        """Take a refusal, which names no stream: answers come in the order of the questions. Asked again later."""
        if self._asked:
            stream = next(iter(self._asked))
            del self._asked[stream]
            self._changed[stream] = None

    def answered(self, stream: str, subscribed: bool) -> bool:
        """Take a confirmation. Returns whether the stream is to be reported as a gap."""
        expected = self._asked.get(stream) is subscribed
        if expected:
            del self._asked[stream]
        wanted = stream in self.wanted
        if wanted is not subscribed:
            self._changed[stream] = None
        if not subscribed:
            self._lost(stream, expected)
            return False
        suspect = stream in self._owed or not expected
        self._confirmed.add(stream)
        self._owed.discard(stream)
        return suspect and wanted

    def _lost(self, stream: str, expected: bool) -> None:
        self._confirmed.discard(stream)
        if not expected:
            self.owe([stream])
