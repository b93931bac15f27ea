"""POST /oauth/token: client credentials (RFC 6749, section 4.4), errors as its section 5.2 wants them."""

from base64 import b64decode
from urllib.parse import parse_qsl, unquote_plus

import orjson
from starlette.requests import Request
from starlette.responses import Response

from gateway.auth.clients import AccessTokens, authenticate
from gateway.http.body import read
from gateway.http.problems import PRIVATE
from gateway.settings import LIMITS
from inbox.errors import TooLarge, Unauthorized, UnsupportedMediaType
from inbox.store.base import Store

FORM = "application/x-www-form-urlencoded"


class OAuthError(Exception):
    """One of the error codes of RFC 6749, section 5.2."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


class OAuth:
    """The token endpoint."""

    def __init__(self, store: Store, tokens: AccessTokens) -> None:
        self._store = store
        self._tokens = tokens

    async def token(self, request: Request) -> Response:
        try:
            return await self._grant(request)
        except OAuthError as error:
            return _refusal(error)

    async def _grant(self, request: Request) -> Response:
        form = await _form(request)
        id, secret = _credentials(request.headers.getlist("authorization"), form)
        try:
            client = await authenticate(self._store, id, secret)
        except Unauthorized as error:
            raise OAuthError("invalid_client", str(error)) from None
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
