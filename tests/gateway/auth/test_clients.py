"""Backend clients and their access tokens."""

import time
from hashlib import sha256
from typing import Any
from unittest.mock import AsyncMock

import pytest

from gateway.auth.clients import ACCESS_AUDIENCE, ACCESS_TYP, AccessTokens, authenticate, new_client
from gateway.auth.jws import OWN_KEY_ID, sign
from gateway.settings import LIMITS
from inbox.errors import Forbidden, Invalid, TokenExpired, Unauthorized
from inbox.store.base import Store
from tests.gateway.auth.keyring import KEY, claims, forge

pytestmark = pytest.mark.anyio

CLIENT, SECRET_SHOWN = new_client("acme", "shop", ["notifications:write", "users"])


def store(found: Any) -> AsyncMock:
    made = AsyncMock(Store)
    made.client.return_value = found
    return made


def test_a_secret_is_256_random_bits_of_which_only_the_hash_is_kept() -> None:
    _, other = new_client("acme", "shop", ["users"])

    assert len(SECRET_SHOWN) >= 43
    assert other != SECRET_SHOWN
    assert sha256(SECRET_SHOWN.encode()).digest() == CLIENT.secrets[0].hash
    assert SECRET_SHOWN not in repr(CLIENT)


@pytest.mark.parametrize(
    ("tenant", "name", "scopes", "field"),
    [
        ("a/b", "shop", ["users"], "tenant"),
        ("acme", "", ["users"], "name"),
        ("acme", "shop", [], "scope"),
        ("acme", "shop", ["everything"], "scope"),
    ],
)
def test_a_client_that_does_not_fit_is_refused(tenant: str, name: str, scopes: list[str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        new_client(tenant, name, scopes)
    assert [error.field for error in refused.value.errors] == [field]


async def test_the_right_secret_authenticates() -> None:
    assert await authenticate(store(CLIENT), CLIENT.id, SECRET_SHOWN) == CLIENT


@pytest.mark.parametrize("secret", ["", "x", SECRET_SHOWN + "x", SECRET_SHOWN.upper(), "é"])
async def test_another_secret_does_not(secret: str) -> None:
    with pytest.raises(Unauthorized):
        await authenticate(store(CLIENT), CLIENT.id, secret)


async def test_an_unknown_client_does_not_even_with_an_empty_hash() -> None:
    with pytest.raises(Unauthorized):
        await authenticate(store(None), "client-nobody", "")


async def test_an_id_that_no_client_can_have_is_not_looked_up() -> None:
    asked = store(CLIENT)
    with pytest.raises(Unauthorized):
        await authenticate(asked, '{"$gt": ""}', SECRET_SHOWN)
    asked.client.assert_not_awaited()


def test_an_access_token_carries_tenant_client_and_scopes() -> None:
    access = AccessTokens(KEY).verify(AccessTokens(KEY).mint(CLIENT, ["users"]))

    assert (access.tenant, access.client, access.scopes) == ("acme", CLIENT.id, frozenset({"users"}))
    assert access.expires_at - time.time() <= 900


def test_a_scope_that_was_not_given_is_forbidden() -> None:
    access = AccessTokens(KEY).verify(AccessTokens(KEY).mint(CLIENT, ["users"]))

    access.require("users")
    with pytest.raises(Forbidden):
        access.require("notifications:write")


def test_a_token_that_verified_once_still_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = AccessTokens(KEY)
    token = tokens.mint(CLIENT, ["users"])
    tokens.verify(token)
    later = time.time() + LIMITS.access_token_ttl_s + LIMITS.leeway_s + 1
    monkeypatch.setattr("gateway.auth.tokens.time.time", lambda: later)

    with pytest.raises(TokenExpired):
        tokens.verify(token)


def test_a_token_that_verified_once_does_not_vouch_for_a_changed_one() -> None:
    tokens = AccessTokens(KEY)
    token = tokens.mint(CLIENT, ["users"])
    tokens.verify(token)
    head, payload, signature = token.split(".")
    other = tokens.mint(CLIENT, ["users", "admin"]).split(".")[1]

    assert other != payload
    with pytest.raises(Unauthorized):
        tokens.verify(f"{head}.{other}.{signature}")


CLAIMS = {"sub": "c", "tenant": "t", "scope": "admin", "aud": ACCESS_AUDIENCE, "exp": 9_999_999_999}
OWN = {"alg": "HS256", "kid": OWN_KEY_ID, "typ": ACCESS_TYP}
FORGED: dict[str, str] = {
    "another key": forge(OWN, CLAIMS, bytes(32)),
    "alg none": forge({**OWN, "alg": "none"}, CLAIMS, KEY),
    "another typ": sign(KEY, "JWT", CLAIMS),
    "another audience": sign(KEY, ACCESS_TYP, {**CLAIMS, "aud": "bellwire"}),
    "no scope": sign(KEY, ACCESS_TYP, {name: value for name, value in CLAIMS.items() if name != "scope"}),
    "a user's claims": sign(KEY, ACCESS_TYP, claims()),
    "another kid": forge({**OWN, "kid": "x"}, CLAIMS, KEY),
    "huge": "x" * 100_000,
    "empty": "",
}


@pytest.mark.parametrize("name", FORGED)
def test_a_token_that_is_not_an_access_token_of_ours_is_refused(name: str) -> None:
    with pytest.raises(Unauthorized):
        AccessTokens(KEY).verify(FORGED[name])


def test_the_same_claims_under_the_right_header_are_accepted() -> None:
    assert AccessTokens(KEY).verify(forge(OWN, CLAIMS, KEY)).client == "c"
