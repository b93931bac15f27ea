"""What a client is made of, checked before anything is sent."""

import time
from importlib.metadata import version
from typing import Any

import httpx2
from msgspec import Struct

from bellwire.exchange import Send
from bellwire.patience import Patience, Retries
from bellwire.tokens import Credentials, FixedToken, Tokens

clock = time.monotonic


class Config(Struct, frozen=True):
    """How to reach a server, for how long to try, and who asks."""

    url: str
    timeout_s: float
    retries: Retries
    tokens: Tokens | FixedToken

    def http(self) -> dict[str, Any]:
        """The options of the HTTP client: of either kind, they take the same."""
        agent = f"bellwire-client/{version('bellwire-client')}"
        return {"base_url": self.url, "timeout": self.timeout_s, "headers": {"user-agent": agent}}

    def patience(self) -> Patience:
        return Patience(self.retries, clock)


def request_of(send: Send) -> dict[str, Any]:
    """The parts of an HTTP request, as clients of either kind take them."""
    call = send.call
    headers = {"authorization": send.authorization}
    if call.body is not None:
        headers["content-type"] = call.media_type
    return {"method": call.method, "url": call.path, "params": call.query, "content": call.body, "headers": headers}


def configured(
    url: str,
    client_id: str | None,
    client_secret: str | None,
    token: str | None,
    timeout_s: float,
    retries: Retries,
) -> Config:
    """:raises ValueError: something that cannot work; no message holds a secret."""
    if "@" in url:
        raise ValueError("url: expected http://host:port, without a user and a password")
    try:
        parts = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ValueError(f"url: expected http://host:port, got {url}: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.host:
        raise ValueError(f"url: expected http://host:port, got {url}")
    return Config(url, timeout_s, retries, _tokens(client_id, client_secret, token))


def _tokens(client_id: str | None, client_secret: str | None, token: str | None) -> Tokens | FixedToken:
    if client_id and client_secret and token is None:
        return Tokens(Credentials(client_id, client_secret), clock)
    if token and client_id is None and client_secret is None:
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise ValueError("token: expected printable ASCII without spaces")
        return FixedToken(token)
    raise ValueError("expected a client_id and its client_secret, or a token")
