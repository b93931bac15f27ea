"""What the live side counts. The hot path only adds to integers."""

from collections import Counter

from msgspec import Struct

from gateway.live.codes import CloseCode

_NAMES = {code.value: code.name.lower() for code in CloseCode}


class LiveStatistics(Struct, frozen=True):
    """Counters since the start; ``sessions``, ``streams`` and ``channels`` are those held now."""

    sessions: int
    streams: int
    channels: int
    entries_sent: int
    """Entries handed to a connection, those within welcomes too."""
    entries_withheld: int
    """Entries not sent to a reader that was too slow: it was told to fetch them."""
    signals_sent: int
    """Signals handed to a connection."""
    signals_lost: int
    """Signals not sent to a reader that was too slow, or for which a channel had no room."""
    resumed: int
    """Welcomes that went on from a cursor."""
    snapshots: int
    """Welcomes that started over."""
    gaps_repaired: int
    """Sessions that saw a number missing and were given it from the store."""
    losses_found: int
    """Streams that the head check found behind: the bus had lost something without a trace."""
    read_failures: int
    """Reads for a hello or a repair that the store did not answer."""
    slow_aborts: int
    turned_away: int
    """Handshakes refused because the node or the address was full, too many came at once, or the node was ending."""
    welcomes_per_s: float
    """How many sessions this node can welcome in a second, as far as it had to."""
    closes: dict[str, int]
    """Connections ended by us, by the name of the close code."""


class Tally:
    """The counters, as they are added to."""

    __slots__ = (
        "closes",
        "entries_sent",
        "entries_withheld",
        "gaps_repaired",
        "losses_found",
        "read_failures",
        "resumed",
        "sessions",
        "signals_lost",
        "signals_sent",
        "snapshots",
        "turned_away",
        "welcomes_per_s",
    )

    def __init__(self, welcomes_per_s: float) -> None:
        self.welcomes_per_s = welcomes_per_s
        self.sessions = 0
        self.entries_sent = 0
        self.entries_withheld = 0
        self.signals_sent = 0
        self.signals_lost = 0
        self.resumed = 0
        self.snapshots = 0
        self.gaps_repaired = 0
        self.losses_found = 0
        self.read_failures = 0
        self.turned_away = 0
        self.closes: Counter[int] = Counter()

    def statistics(self, streams: int, channels: int) -> LiveStatistics:
        return LiveStatistics(
            sessions=self.sessions,
            streams=streams,
            channels=channels,
            entries_sent=self.entries_sent,
            entries_withheld=self.entries_withheld,
            signals_sent=self.signals_sent,
            signals_lost=self.signals_lost,
            resumed=self.resumed,
            snapshots=self.snapshots,
            gaps_repaired=self.gaps_repaired,
            losses_found=self.losses_found,
            read_failures=self.read_failures,
            slow_aborts=self.closes[CloseCode.SLOW],
            turned_away=self.turned_away,
            welcomes_per_s=self.welcomes_per_s,
            closes={_NAMES.get(code, str(code)): count for code, count in self.closes.items()},
        )
