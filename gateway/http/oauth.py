"""POST /oauth/token: client credentials (RFC 6749, section 4.4), errors as its section 5.2 wants them."""

from base64 import b64decode
from urllib.parse import parse_qsl, unquote_plus

import orjson
from cachetools import LRUCache
from starlette.requests import Request
from starlette.responses import Response

from gateway.audit import audit
from gateway.auth.access import AccessTokens
from gateway.auth.clients import proves
from gateway.http.body import read
from gateway.http.problems import PRIVATE
from gateway.rate import Rate
from gateway.settings import LIMITS
from inbox.errors import RateLimited, TooLarge, UnsupportedMediaType
from inbox.ids import is_name
from inbox.registered import Client
from inbox.store.base import Store
from inbox.times import monotonic_s

FORM = "application/x-www-form-urlencoded"


class OAuthError(Exception):
    """One of the error codes of RFC 6749, section 5.2."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


_FAILURES = Rate(LIMITS.failed_tokens_per_s, LIMITS.failed_tokens_burst)


class OAuth:
    """The token endpoint.

    Failures are limited by client id, but the right secret is always let in: ids are no secrets, so a limit that
    locked a client out would let anybody do so; and nobody guesses 256 random bits.
    """

    def __init__(self, store: Store, tokens: AccessTokens) -> None:
        self._store = store
        self._tokens = tokens
        self._failed: LRUCache[str, float] = LRUCache(LIMITS.clients_remembered)

    async def token(self, request: Request) -> Response:
        try:
            return await self._grant(request)
        except OAuthError as error:
            return _refusal(error)

    async def _grant(self, request: Request) -> Response:
        form = await _form(request)
        id, secret = _credentials(request.headers.getlist("authorization"), form)
        client = await self._authenticated(id if is_name(id) else "", secret)
        if form.get("grant_type") != "client_credentials":
            known = "grant_type" in form
            raise OAuthError(
                "unsupported_grant_type" if known else "invalid_request", "expected grant_type=client_credentials"
            )
        scopes = form.get("scope", "").split() or list(client.scopes)
        if not set(scopes) <= set(client.scopes):
            raise OAuthError("invalid_scope", f"this client may ask for {' '.join(client.scopes)}")
        answer = {
            "access_token": self._tokens.mint(client, scopes),
            "token_type": "Bearer",
            "expires_in": LIMITS.access_token_ttl_s,
            "scope": " ".join(scopes),
        }
        return Response(orjson.dumps(answer), 200, PRIVATE | {"pragma": "no-cache"}, "application/json")

    async def _authenticated(self, id: str, secret: str) -> Client:
        """The client whose credentials these are.

        :raises OAuthError: there is none. :raises RateLimited: and too many were tried with this id.
        """
        client = await self._store.client(id) if id else None
        if proves(client, secret) and client is not None:
            return client
        now, due = monotonic_s(), self._failed.get(id, 0.0)
        charged = _FAILURES.charge(due, now)
        if charged is None:
            raise RateLimited(
                "too many wrong secrets for this client: check its configuration", _FAILURES.wait_s(due, now)
            )
        self._failed[id] = charged
        if client is not None:
            audit("POST /oauth/token", "unauthorized", tenant=client.tenant, client=client.id)
        raise OAuthError("invalid_client", "unknown client, wrong secret, or revoked")


async def _form(request: Request) -> dict[str, str]:
    try:
        body = await read(request, FORM)
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20)
    except (UnsupportedMediaType, TooLarge, ValueError) as error:
        raise OAuthError("invalid_request", f"expected a form: {error}") from None
    if len(dict(pairs)) < len(pairs):
        raise OAuthError("invalid_request", "expected each parameter once")
    return dict(pairs)


def _credentials(headers: list[str], form: dict[str, str]) -> tuple[str, str]:
    """The client's id and secret, from the Authorization header or the form, never both."""
    posted = form.get("client_id", ""), form.get("client_secret", "")
    if not headers:
        return posted
    if len(headers) > 1 or posted[1]:
        raise OAuthError("invalid_request", "expected one way of authentication: Basic or client_secret")
    scheme, _, value = headers[0].partition(" ")
    try:
        id, colon, secret = b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        colon = ""
    if scheme.lower() != "basic" or not colon:
        raise OAuthError("invalid_client", "expected Authorization: Basic with a client's id and secret")
    return unquote_plus(id), unquote_plus(secret)


def _refusal(error: OAuthError) -> Response:
    body = orjson.dumps({"error": error.code, "error_description": str(error)})
    if error.code == "invalid_client":
        return Response(body, 401, PRIVATE | {"www-authenticate": 'Basic realm="bellwire"'}, "application/json")
    return Response(body, 400, PRIVATE, "application/json")
