"""The access token: fetched when first needed, and again before it ends."""

from base64 import b64encode
from collections.abc import Callable
from math import inf
from urllib.parse import quote_plus, urlencode

from msgspec import Struct

from bellwire.call import Call, to
from bellwire.errors import BellwireError
from bellwire.exchange import Flow, attempts
from bellwire.patience import Patience

USED_FOR = 0.9
"""Of its life. The rest is for requests on their way and for clocks."""


class Minted(Struct, frozen=True):
    """RFC 6749, section 5.1; ``expires_in`` in seconds."""

    access_token: str
    expires_in: float


class Credentials(Struct, frozen=True):
    """Of a backend client."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Credentials({self.client_id})"

    def basic(self) -> str:
        """RFC 6749, section 2.3.1: both parts form-encoded first."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
        return f"Basic {b64encode(pair.encode()).decode()}"


class Tokens:
    """What is known of the token of ``credentials``. Callers take turns at ``settled``.

    :param clock: seconds, monotonic.
    """

    def __init__(self, credentials: Credentials, clock: Callable[[], float]) -> None:
        self._credentials = credentials
        self._clock = clock
        self._token = ""
        self._use_until = -inf
        self._error: BellwireError | None = None
        self.fetches = 0

    def settled(self, refused: str | None, fetches: int, patience: Patience) -> str | Flow[str]:
        """The token to use, or how to get one if none is known but the one that was ``refused``.

        :param fetches: how many there were when the caller came: whoever waited for one gets what it got.
        :raises BellwireError: that was none.
        """
        if self._error is not None and self.fetches > fetches:
            raise self._error
        if self._token != refused and self._clock() < self._use_until:
            return self._token
        return self._fetch(patience)

    def _fetch(self, patience: Patience) -> Flow[str]:
        began = self._clock()
        self._error = None
        try:
            minted = yield from attempts(_MINT, self._credentials.basic(), patience)
        except BellwireError as error:
            self._error = error
            raise
        finally:
            self.fetches += 1
        self._token, self._use_until = minted.access_token, began + USED_FOR * minted.expires_in
        return self._token


class FixedToken:
    """A token that was given, and is all there is."""

    fetches = 0

    def __init__(self, token: str) -> None:
        self._token = token

    def settled(self, refused: str | None, fetches: int, patience: Patience) -> str:
        return self._token


_MINT = Call(
    method="POST",
    path="/oauth/token",
    read=to(Minted),
    body=urlencode({"grant_type": "client_credentials"}).encode(),
    media_type="application/x-www-form-urlencoded",
)
