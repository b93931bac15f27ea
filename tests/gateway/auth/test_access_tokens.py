"""Access tokens."""

import time

import pytest

from gateway.auth.access import ACCESS_AUDIENCE, ACCESS_TYP, AccessTokens
from gateway.auth.clients import new_client
from gateway.settings import LIMITS
from inbox.errors import Forbidden, TokenExpired, Unauthorized
from tests.gateway.auth.keyring import KEY, OWN_KEY_ID, RING, claims, forge

pytestmark = pytest.mark.anyio

CLIENT, _ = new_client("acme", "shop", ["notifications:write", "users"])


async def test_an_access_token_carries_tenant_client_and_scopes() -> None:
    access = await AccessTokens(RING).verify(AccessTokens(RING).mint(CLIENT, ["users"]))

    assert (access.tenant, access.client, access.scopes) == ("acme", CLIENT.id, frozenset({"users"}))
    assert access.expires_at - time.time() <= 900


async def test_a_scope_that_was_not_given_is_forbidden() -> None:
    access = await AccessTokens(RING).verify(AccessTokens(RING).mint(CLIENT, ["users"]))

    access.require("users")
    with pytest.raises(Forbidden):
        access.require("notifications:write")


async def test_a_token_that_verified_once_still_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = AccessTokens(RING)
    token = tokens.mint(CLIENT, ["users"])
    access = await tokens.verify(token)
    access.require("users")
    later = time.time() + LIMITS.access_token_ttl_s + LIMITS.leeway_s + 1
    monkeypatch.setattr("gateway.auth.tokens.time.time", lambda: later)

    with pytest.raises(TokenExpired):
        (await tokens.verify(token)).require("users")


async def test_a_token_that_verified_once_does_not_vouch_for_a_changed_one() -> None:
    tokens = AccessTokens(RING)
    token = tokens.mint(CLIENT, ["users"])
    await tokens.verify(token)
    head, payload, signature = token.split(".")
    other = tokens.mint(CLIENT, ["users", "admin"]).split(".")[1]

    assert other != payload
    with pytest.raises(Unauthorized):
        await tokens.verify(f"{head}.{other}.{signature}")


CLAIMS = {"sub": "c", "tenant": "t", "scope": "admin", "aud": ACCESS_AUDIENCE, "exp": 9_999_999_999}
OWN = {"alg": "HS256", "kid": OWN_KEY_ID, "typ": ACCESS_TYP}
FORGED: dict[str, str] = {
    "another key": forge(OWN, CLAIMS, bytes(32)),
    "alg none": forge({**OWN, "alg": "none"}, CLAIMS, KEY),
    "another typ": RING.sign("JWT", CLAIMS),
    "another audience": RING.sign(ACCESS_TYP, {**CLAIMS, "aud": "bellwire"}),
    "no scope": RING.sign(ACCESS_TYP, {name: value for name, value in CLAIMS.items() if name != "scope"}),
    "a user's claims": RING.sign(ACCESS_TYP, claims()),
    "another kid": forge({**OWN, "kid": "x"}, CLAIMS, KEY),
    "huge": "x" * 100_000,
    "empty": "",
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_token_that_is_not_an_access_token_of_ours_is_refused(name: str) -> None:
    with pytest.raises(Unauthorized):
        await AccessTokens(RING).verify(FORGED[name])


async def test_the_same_claims_under_the_right_header_are_accepted() -> None:
    assert (await AccessTokens(RING).verify(forge(OWN, CLAIMS, KEY))).client == "c"
