"""From the Authorization header to who is asking."""

from starlette.requests import Request

from gateway.auth.clients import Access, AccessTokens
from gateway.auth.tokens import UserClaims, UserTokens
from inbox.errors import MissingToken, Unauthorized


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

    def __init__(self, access: AccessTokens, users: UserTokens) -> None:
        self._access = access
        self._users = users

    async def backend(self, request: Request, scope: str) -> Access:
        """:raises Unauthorized: no valid access token. :raises Forbidden: it lacks ``scope``."""
        access = self._access.verify(bearer(request))
        access.require(scope)
        return access

    async def user(self, request: Request) -> UserClaims:
        """:raises Unauthorized: no valid user token. :raises Unavailable: it cannot be verified now."""
        return await self._users.verify(bearer(request))
