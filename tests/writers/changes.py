"""Changes of mind, as writers make them on either store, and the scenes they need."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from inbox.errors import Conflict
from inbox.ids import stream_key
from inbox.store.base import Store
from inbox.times import now_ms
from tests.contracts.filling import make_topic, work_off
from tests.samples import TENANT, retitled, stream_of, submission
from tests.waiting import until

USERS = ("anna", "ben", "carl")
KEY = "the key"
CHANGES = ("collapse", "cancel", "amend", "fanout", "expire", "erase")


async def set_scene(store: Store, what: str) -> str:
    """What must be there before the change; the id of the notification that it is about.

    Anna has an older item too. Nothing is under way, but what the change is to do.
    """
    await store.publish(submission("anna", title="Older"))
    if what == "collapse":
        one = submission("anna", collapse_key="likes", actor="Ada")
    elif what == "fanout":
        await make_topic(store, "news", *USERS)
        one = submission(topic="news")
    elif what == "expire":
        one = submission(*USERS, expires_at=now_ms() + 200)
    else:
        one = submission(*USERS)
    await store.publish(one)
    if one.notification.expires_at is not None:
        ends = one.notification.expires_at
        await until(lambda: now_ms() > ends)
    return one.notification.id


async def change(store: Store, what: str) -> Callable[[], Awaitable[object]]:
    """The change, with everything it must know read beforehand."""
    page = await store.page(stream_of("anna"), limit=1)
    newest = page.items[0].notification.id
    match what:
        case "collapse":
            return partial(store.publish, submission(*USERS, key=KEY, collapse_key="likes", actor="Ben"))
        case "cancel":
            return partial(store.cancel, TENANT, newest)
        case "amend":
            return partial(amend, store, newest)
        case "erase":
            return partial(store.erase, stream_key(TENANT, "anna"))
    return partial(work_off, store)


async def amend(store: Store, notification: str) -> None:
    """Amend it, unless somebody has taken it back."""
    with suppress(Conflict):
        await store.amend(TENANT, notification, retitled("Newer"))
