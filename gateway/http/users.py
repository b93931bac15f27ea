"""POST /v1/users/{id}/tokens: a backend gets a token for one of its users."""

from typing import Annotated

import orjson
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from gateway.auth.keyring import KeyRing
from gateway.auth.revocations import Revocations
from gateway.auth.tokens import mint_user
from gateway.http.access import Gate
from gateway.http.body import JsonBody, NoQuery, parse_query
from gateway.http.endpoint import json_answer
from gateway.http.names import Name, path_name
from gateway.settings import LIMITS, Settings
from inbox.times import rfc3339


class NewToken(Struct, frozen=True, forbid_unknown_fields=True):
    """How long the token should live, in seconds, and the live channels it grants: names or ``prefix:*``."""

    ttl_s: Annotated[int, Meta(ge=1, le=LIMITS.user_token_ttl_s)] = 3_600
    topics: Annotated[tuple[Name, ...], Meta(max_length=LIMITS.grants)] = ()


_BODY = JsonBody(NewToken)


class Users:
    """The backend's side of users."""

    def __init__(self, ring: KeyRing, revocations: Revocations, settings: Settings, gate: Gate) -> None:
        self._ring = ring
        self._revocations = revocations
        self._settings = settings
        self._gate = gate

    async def new_token(self, request: Request) -> Response:
        access = await self._gate.backend(request, "users")
        parse_query(request, NoQuery)
        user = path_name(request, "id")
        wanted = await _BODY.read_if_any(request)
        void_until = self._revocations.void_until(access.tenant, user)
        minted = mint_user(self._ring, self._settings, access.tenant, user, wanted.ttl_s, wanted.topics, void_until)
        return json_answer(orjson.dumps({"token": minted.token, "expires_at": rfc3339(minted.expires_at * 1_000)}))
