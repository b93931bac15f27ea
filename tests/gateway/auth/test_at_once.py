"""User tokens verified without waiting: the answer of ``verify``, or none yet."""

from collections.abc import AsyncIterator
from unittest.mock import AsyncMock

import httpx2
import orjson
import pytest

from gateway.auth.jwks import Jwks
from gateway.auth.keyring import KeyRing
from gateway.auth.revocations import RevocationLog, Revocations
from gateway.auth.tokens import UserTokens, mint_user
from gateway.settings import LIMITS, Settings
from inbox.errors import TokenExpired, Unauthorized
from inbox.registered import StoredKey
from inbox.times import now_ms
from tests.gateway.auth.keyring import EC, ED, KEY, RING, RSA, SECRET, jwk, pem, ring_of, token
from tests.gateway.auth.test_tokens import BAD_CLAIMS, FORGED, PEM

pytestmark = pytest.mark.anyio

URL = "https://idp.example/keys"
SETTINGS = Settings(user_jwt_secret=SECRET, user_jwt_public_key=PEM)
TOKENS = UserTokens(RING, SETTINGS)


async def test_a_token_of_ours_is_verified_at_once() -> None:
    given = mint_user(RING, SETTINGS, "acme", "alice", 60, ["news:*"]).token
    who = TOKENS.verify_at_once(given)

    assert who is not None
    assert (who.tenant, who.user, who.topics) == ("acme", "alice", ("news:*",))
    assert who == await TOKENS.verify(given)


@pytest.mark.parametrize("algorithm", ["HS256", RSA, EC, ED])
async def test_a_token_of_a_configured_key_is_verified_at_once(algorithm: str) -> None:
    public = None if algorithm == "HS256" else pem(algorithm)
    tokens = UserTokens(RING, Settings(user_jwt_secret=SECRET, user_jwt_public_key=public))
    given = token(algorithm, kid="whatever")

    assert tokens.verify_at_once(given) == await tokens.verify(given)


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_is_refused_at_once(name: str) -> None:
    with pytest.raises(Unauthorized):
        TOKENS.verify_at_once(FORGED[name])


@pytest.mark.parametrize("name", BAD_CLAIMS)
def test_claims_that_do_not_fit_are_refused_at_once(name: str) -> None:
    with pytest.raises(Unauthorized):
        TOKENS.verify_at_once(token(**BAD_CLAIMS[name]))


def test_a_token_whose_time_is_over_is_told_apart_at_once() -> None:
    with pytest.raises(TokenExpired):
        TOKENS.verify_at_once(token(exp_in=-LIMITS.leeway_s - 5))


async def test_a_revoked_token_is_refused_at_once() -> None:
    revocations = Revocations(AsyncMock(RevocationLog))
    tokens = UserTokens(RING, SETTINGS, revocations=revocations)
    await revocations.revoke("default", "alice", "stolen")

    assert tokens.verify_at_once(token(jti="another")) is not None
    with pytest.raises(Unauthorized, match="revoked"):
        tokens.verify_at_once(token(jti="stolen"))


async def test_a_key_of_ours_that_is_not_known_yet_needs_the_store() -> None:
    old, new = StoredKey("old", KEY, now_ms() - 1), StoredKey("new", KEY[::-1], now_ms())
    read = AsyncMock(side_effect=[(old,), (new, old)])
    ring = KeyRing(read)
    await ring.load()
    tokens = UserTokens(ring, SETTINGS)
    given = mint_user(ring_of(new), SETTINGS, "acme", "alice", 60).token

    assert tokens.verify_at_once(given) is None
    assert read.await_count == 1
    assert await tokens.verify(given) == tokens.verify_at_once(given)


class Provider:
    """A key set in process, and the clock by which its keys grow old."""

    now = 1_000.0
    hits = 0

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.hits += 1
        return httpx2.Response(200, content=orjson.dumps({"keys": [jwk(RSA, "a")]}))


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    provider = Provider()
    monkeypatch.setattr("gateway.auth.jwks.monotonic_s", lambda: provider.now)
    return provider


@pytest.fixture
async def listed(provider: Provider) -> AsyncIterator[UserTokens]:
    """With a secret in the settings and keys that are listed."""
    jwks = Jwks(URL, transport=httpx2.MockTransport(provider))
    yield UserTokens(RING, Settings(user_jwt_secret=SECRET, user_jwks_url=URL), jwks)
    await jwks.close()


@pytest.mark.parametrize("kid", ["a", None])
async def test_keys_that_were_fetched_verify_at_once(listed: UserTokens, provider: Provider, kid: str | None) -> None:
    given = token(RSA, kid=kid)
    assert listed.verify_at_once(given) is None
    assert provider.hits == 0
    who = await listed.verify(given)

    assert listed.verify_at_once(given) == who
    assert provider.hits == 1


async def test_a_kid_that_is_not_listed_needs_the_key_server(listed: UserTokens) -> None:
    await listed.verify(token(RSA, kid="a"))

    assert listed.verify_at_once(token(RSA, kid="b")) is None


async def test_keys_that_have_grown_old_need_the_key_server(listed: UserTokens, provider: Provider) -> None:
    await listed.verify(token(RSA, kid="a"))
    provider.now += LIMITS.jwks_refresh_s + 1
    assert listed.verify_at_once(token(RSA, kid="a")) is None
    await listed.verify(token(RSA, kid="a"))

    assert listed.verify_at_once(token(RSA, kid="a")) is not None


async def test_a_token_of_a_configured_key_waits_for_no_key_server(listed: UserTokens, provider: Provider) -> None:
    assert listed.verify_at_once(token()) is not None
    assert provider.hits == 0


async def test_a_token_of_ours_waits_for_no_key_server(listed: UserTokens, provider: Provider) -> None:
    assert listed.verify_at_once(mint_user(RING, SETTINGS, "acme", "alice", 60).token) is not None
    assert provider.hits == 0
