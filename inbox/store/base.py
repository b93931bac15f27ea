"""The contract of the store, the durable truth. ``tests/contracts/test_store*.py`` run over every implementation.

**The log is the truth; items, counts and heads are views of it.** The atomic step is one unique insert of one log
entry (design §5). Whatever method returns has happened and is durable (MongoDB: majority, journaled; SQLite:
committed with ``synchronous=FULL``). Whatever raises ``Unavailable`` has not happened, or will soon, by the sweep.

Every stream is named by its key, ``tenant/user``: there is no method that reads or writes without one (or without
the tenant), so nothing here can cross from one user to another.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from inbox.model import (
    Changes,
    Cursor,
    Head,
    Listing,
    Mark,
    Marked,
    Membership,
    Page,
    Progress,
    Receipt,
    Status,
    Submission,
    Topic,
    User,
)
from inbox.store.outlet import Outlet
from inbox.store.registry import Registry

HEADS_MAX = 1_000
CATCH_UP_MAX = 64
VERSIONS_MAX = 100
"""Contents that one notification may have had; a further change is refused."""


class Store(Registry, Protocol):
    """One store: the inboxes, and what ``Registry`` holds. Every coroutine may raise ``Unavailable`` (temporary)."""

    outlet: Outlet
    """Set by the composition root before the first write; ``NoOutlet()`` until then."""

    async def open(self) -> None:
        """Connect, create what is missing (tables, indexes, generation), refuse what is unsafe.

        :raises ConfigError: a schema of another version, or a write concern below majority.
        """
        ...

    async def close(self) -> None: ...

    async def ping(self) -> None:
        """One cheap round trip: returns if the store answers within 2 s."""
        ...

    # Writing

    async def publish(self, submission: Submission) -> Receipt:
        """Make the job record durable, then give every recipient's stream its entry.

        The entry is ``created``; or, where the notification has a ``collapse_key`` and the newest item that is
        neither read nor archived has the same, ``updated``: that item shows the new notification, unseen,
        ``collapsed`` one higher, with the newest of all actors, and stands on top again.

        To recipients the fan-out ends before this returns. To a topic, or with ``send_at``, only the record is made:
        ``work`` does the rest. Who is in the topic when its turn comes gets the notification, once, whatever
        happens meanwhile.

        A repeated key with the same body finishes the first attempt if need be and returns its receipt. When the
        record is durable but a recipient could not be reached in time, ``work`` finishes: the receipt is returned.

        :raises IdempotencyConflict: the key stands for another body.
        :raises NotFound: the tenant has no such topic.
        """
        ...

    async def cancel(self, tenant: str, notification: str) -> Progress | None:
        """Take a notification back: what is not fanned out never is, and every item that shows it is removed.

        From here on its state is ``cancelled`` (an expired one stays ``expired``). The items of at most 1,000
        recipients are gone when this returns, those of a topic soon. ``None``: this tenant has none of that id.
        """
        ...

    async def amend(self, tenant: str, notification: str, change: Callable[[bytes], bytes]) -> Progress | None:
        """Give a notification its next version, and every item that shows it an ``updated`` entry.

        The item keeps its place and its states. Timing as with ``cancel``. ``None``: none of that id.

        :param change: from the newest content to the next; pure, may be called more than once and in a thread.
            If it returns the same bytes there is no new version.
        :raises Conflict: the notification is cancelled or expired, or has had ``VERSIONS_MAX`` versions.
        """
        ...

    async def mark(self, stream: str, mark: Mark) -> Marked:
        """Append one entry for the items that really change; none if nothing does.

        Ids that are not (or no longer) in this inbox are ``missing``; the caller decides what all-missing means.

        :raises StreamReset: ``mark.epoch`` names another incarnation.
        """
        ...

    async def ack(self, acks: dict[str, int]) -> None:
        """Remember per stream the highest ``seq`` that some client confirmed: a maximum, clamped to the head."""
        ...

    # Reading

    async def heads(self, streams: Sequence[str]) -> list[Head]:
        """Where each stream stands, in the order given (<= 1,000 in one query). Never ahead of what is readable."""
        ...

    async def acked(self, stream: str) -> int:
        """The highest ``seq`` of this stream that a client confirmed, 0 if none."""
        ...

    async def changes(self, stream: str, since: int, epoch: str, limit: int) -> Changes:
        """The entries after ``since``: dense from ``since + 1``, at most ``limit``.

        :raises StreamReset: another epoch, a cursor beyond the head, or the log no longer reaches back.
        """
        ...

    async def catch_up(self, wanted: Sequence[tuple[str, Cursor]], limit: int) -> list[Changes | None]:
        """``changes`` of up to ``CATCH_UP_MAX`` streams at once, each after its cursor, in the order given.

        For many readers that come at the same time: it costs a fixed number of queries. ``None``: ``StreamReset``.
        """
        ...

    async def page(
        self,
        stream: str,
        *,
        limit: int,
        before: int | None = None,
        status: Status = "inbox",
        category: str | None = None,
    ) -> Page:
        """Items with ``seq`` < ``before``, newest on top. The page stands at its head (see ``Page``)."""
        ...

    async def progress(self, tenant: str, notification: str) -> Progress | None:
        """How far a notification is; ``None`` if this tenant has none of that id."""
        ...

    # Topics. ``after`` is the ``next`` of an earlier page of the same list. Any other text raises ``Invalid``, or the
    # page begins anywhere: it holds nothing but what is in this list.

    async def put_topic(self, tenant: str, topic: str, description: str | None) -> Topic:
        """Make the topic, or describe it anew."""
        ...

    async def topic(self, tenant: str, topic: str) -> Topic | None: ...

    async def topics(self, tenant: str, after: str | None, limit: int) -> Listing[Topic]: ...

    async def drop_topic(self, tenant: str, topic: str) -> bool:
        """Forget the topic and who is in it. A topic made later under the same name begins empty.

        A fan-out that has not come to its end reaches those it reached. False: there was none.
        """
        ...

    async def change_members(
        self, tenant: str, topic: str, add: Sequence[str], remove: Sequence[str]
    ) -> Membership | None:
        """Have these users (<= 1,000 together, no user in both) in the topic and not in it. ``None``: no such topic."""
        ...

    async def members(self, tenant: str, topic: str, after: str | None, limit: int) -> Listing[str] | None:
        """The users in the topic. ``None``: no such topic."""
        ...

    async def topics_of(self, stream: str, after: str | None, limit: int) -> Listing[str]:
        """The ids of the topics that a user is in."""
        ...

    # Users. ``after`` is as above.

    async def put_users(self, tenant: str, users: Sequence[User]) -> None:
        """Write these profiles (<= 1,000, distinct ids), all or none of each. Whoever is there keeps ``created_at``."""
        ...

    async def user(self, tenant: str, user: str) -> User | None: ...

    async def users(self, tenant: str, after: str | None, limit: int) -> Listing[User]: ...

    async def erase(self, stream: str) -> bool:
        """Remove every trace of a user: items, log, profile, memberships, places in notifications that wait.

        The stream goes on in another incarnation, with the next number (an ``erased`` entry, which the outlet gets
        and no reader): cursors of the old one are reset. Idempotent only in effect: each call begins another
        incarnation, unless the stream has nothing to erase.

        :return: False if it is durable but not all is gone yet: ``work`` goes on with it.
        """
        ...

    # Upkeep, by any process

    async def sweep(self) -> int:
        """One round: finish entries seen open for over 2 s. How many were finished."""
        ...

    async def work(self) -> float | None:
        """Do one bounded piece of the work that is due: a fan-out, a cancel, an amendment, an expiry, an erasure.

        A notification waits for its ``send_at``, a topic's fan-out for its next chunk, a live one for its
        ``expires_at``, one whose driver died for the end of the lease: any process may call this, any number at once.

        :return: seconds until more is known to be due, 0 if there is more now; ``None`` if nothing waits.
        """
        ...

    async def trim(self, keep_entries: int, keep_s: float) -> int:
        """One bounded round: drop log entries beyond the newest ``keep_entries`` AND older than ``keep_s`` seconds.

        Only a prefix, never open entries, never the newest. Also collects tombstones, idempotency keys and
        revocations whose time is over. How many entries were dropped; call again while it is above zero.
        """
        ...
