"""From the Authorization header to who is asking."""

from contextlib import suppress

from starlette.requests import Request

from gateway.auth.access import Access, AccessTokens
from gateway.auth.standing import Standings
from gateway.auth.tokens import UserClaims, UserTokens
from gateway.http.limits import RequestLimits
from gateway.http.visit import Visit, visit_of
from inbox.errors import BellwireError, MissingToken, Unauthorized
from inbox.ids import stream_key


def bearer(request: Request) -> str:
    """The bearer token of ``request``.

    :raises Unauthorized: none (``MissingToken``), of another kind, or more than one.
    """
    given = request.headers.getlist("authorization")
    if not given:
        raise MissingToken("expected Authorization: Bearer and a token")
    if len(given) > 1:
        raise Unauthorized("expected one Authorization header")
    scheme, _, token = given[0].partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("expected Authorization: Bearer and a token")
    return token.strip()


class Gate:
    """Lets backends through to their routes and users to theirs, never one to the other's."""

    def __init__(
        self,
        access: AccessTokens,
        users: UserTokens,
        standings: Standings,
        limits: RequestLimits,
        user_limits: RequestLimits,
    ) -> None:
        self._access = access
        self._users = users
        self._standings = standings
        self._limits = limits
        self._user_limits = user_limits

    async def backend(self, request: Request, scope: str) -> Access:
        """Who asks, if it may do what ``scope`` names.

        :raises Unauthorized: no valid access token, or of a client that was revoked.
        :raises RateLimited: the client asks too much.
        :raises Forbidden: the token lacks ``scope``.
        :raises Unavailable: it cannot be verified now.
        """
        visit = visit_of(request)
        access = await self._verified(bearer(request), visit)
        visit.tenant, visit.client = access.tenant, access.client
        visit.enter(self._limits, access.client)
        await self._standings.require_live(access.client)
        access.require(scope)
        return access

    async def user(self, request: Request) -> UserClaims:
        """Who asks.

        :raises Unauthorized: no valid user token.
        :raises RateLimited: the user asks too much.
        :raises Unavailable: it cannot be verified now.
        """
        claims = await self._users.verify(bearer(request))
        visit_of(request).enter(self._user_limits, stream_key(claims.tenant, claims.user))
        return claims

    async def _verified(self, token: str, visit: Visit) -> Access:
        try:
            return await self._access.verify(token)
        except Unauthorized:
            # Somebody we know may have come to the wrong door: the audit says who.
            with suppress(BellwireError):
                user = await self._users.verify(token)
                visit.tenant, visit.user = user.tenant, user.user
            raise
