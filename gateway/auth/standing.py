"""Whether a client may still use its access tokens: they outlive a revocation by seconds, not by 15 minutes."""

from cachetools import LRUCache
from msgspec import Struct

from gateway.auth.clients import CLI_CLIENT
from gateway.settings import LIMITS
from inbox.errors import Unauthorized
from inbox.store.base import Store
from inbox.times import monotonic_s

RETRY_S = 1.0


class Standing(Struct):
    """What the store said of a client, and when to ask again."""

    is_live: bool
    ask_at: float


class Standings:
    """The clients seen of late, looked up every ``client_check_s``. While the store is away, what is known holds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: LRUCache[str, Standing] = LRUCache(LIMITS.clients_remembered)

    async def require_live(self, client: str) -> None:
        """:raises Unauthorized: ``client`` is revoked. :raises Unavailable: that cannot be known now."""
        if client == CLI_CLIENT:
            return
        known = self._known.get(client)
        if known is None or monotonic_s() >= known.ask_at:
            known = await self._ask(client, known)
        if not known.is_live:
            raise Unauthorized("this client was revoked")

    async def _ask(self, id: str, known: Standing | None) -> Standing:
        began = monotonic_s()
        if known is not None:
            # The client's other requests go on with what is known while this one asks.
            known.ask_at = began + RETRY_S
        client = await self._store.client(id)
        is_live = client is not None and client.revoked_at is None
        asked = self._known[id] = Standing(is_live, began + LIMITS.client_check_s)
        return asked
