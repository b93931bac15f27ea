"""Keys from a JWKS URL: rotated, removed, away, hostile."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import orjson
import pytest
from msgspec.structs import replace

from gateway.auth.jwks import Jwks
from gateway.auth.tokens import UserTokens, mint_user
from gateway.settings import LIMITS, Settings
from inbox.errors import TokenExpired, Unauthorized, Unavailable
from tests.gateway.auth.keyring import EC, RING, RSA, SECRET, jwk, private_key, token

pytestmark = pytest.mark.anyio

URL = "https://idp.example/keys"


class Provider:
    """An identity provider's key endpoint, in process. ``answer`` is what it says; ``hits`` how often it was asked."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = [jwk(RSA, "a")]
        self.hits: list[str] = []
        self.answer: httpx2.Response | Exception | None = None

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.hits.append(str(request.url))
        await asyncio.sleep(0)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer or httpx2.Response(200, content=orjson.dumps({"keys": self.keys}))


@pytest.fixture
def provider() -> Provider:
    return Provider()


class Clock:
    now = 1_000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("gateway.auth.jwks.monotonic_s", lambda: clock.now)
    return clock


@pytest.fixture
async def tokens(provider: Provider, clock: Clock) -> AsyncIterator[UserTokens]:
    jwks = Jwks(URL, transport=httpx2.MockTransport(provider))
    yield UserTokens(RING, Settings(user_jwks_url=URL), jwks)
    await jwks.close()


async def verify(tokens: UserTokens, kid: str | None = "a", algorithm: str = RSA, number: int = 0) -> str:
    return (await tokens.verify(token(algorithm, private_key(algorithm, number), kid))).user


async def test_a_token_of_a_listed_key_is_accepted_with_one_request(tokens: UserTokens, provider: Provider) -> None:
    assert [await verify(tokens) for _ in range(3)] == ["alice"] * 3
    assert provider.hits == [URL]


async def test_tokens_that_come_at_once_cost_one_request(tokens: UserTokens, provider: Provider) -> None:
    await asyncio.gather(*(verify(tokens) for _ in range(20)))

    assert len(provider.hits) == 1


async def test_a_token_without_kid_may_be_of_any_listed_key(tokens: UserTokens, provider: Provider) -> None:
    provider.keys = [jwk(RSA, "a"), jwk(EC, "b")]

    assert await verify(tokens, None, EC) == "alice"


async def test_the_kid_selects_the_key(tokens: UserTokens, provider: Provider) -> None:
    provider.keys = [jwk(RSA, "a"), jwk(RSA, "b", 1)]

    assert await verify(tokens, "b", number=1) == "alice"
    with pytest.raises(Unauthorized):
        await verify(tokens, "a", number=1)


async def test_keys_we_cannot_use_are_passed_over(tokens: UserTokens, provider: Provider) -> None:
    symmetric: Any = {"kty": "oct", "k": "c2VjcmV0", "kid": "s"}
    provider.keys = [symmetric, {"kty": "x"}, {}, jwk(RSA, "e", use="enc"), jwk(RSA, "n", alg="none"), jwk(RSA, "a")]

    assert await verify(tokens) == "alice"


async def test_a_new_key_is_found_with_one_request(tokens: UserTokens, provider: Provider, clock: Clock) -> None:
    await verify(tokens)
    provider.keys = [jwk(RSA, "b", 1)]
    clock.now += LIMITS.jwks_interval_s

    assert await verify(tokens, "b", number=1) == "alice"
    assert len(provider.hits) == 2


async def test_a_flood_of_unknown_kids_asks_once_an_interval(
    tokens: UserTokens, provider: Provider, clock: Clock
) -> None:
    await verify(tokens)
    clock.now += LIMITS.jwks_interval_s
    for n in range(50):
        with pytest.raises(Unauthorized):
            await verify(tokens, f"made-up-{n}")

    assert len(provider.hits) == 2
    assert await verify(tokens) == "alice"


async def test_a_removed_key_dies_with_the_next_refresh(tokens: UserTokens, provider: Provider, clock: Clock) -> None:
    await verify(tokens)
    provider.keys = [jwk(RSA, "b", 1)]
    clock.now += LIMITS.jwks_refresh_s + 1

    with pytest.raises(Unauthorized):
        await verify(tokens)


ANSWERS: dict[str, httpx2.Response | Exception] = {
    "unreachable": httpx2.ConnectError("refused"),
    "too slow": httpx2.ReadTimeout("slow"),
    "500": httpx2.Response(500),
    "a redirect": httpx2.Response(302, headers={"location": "http://127.0.0.1:1/"}),
    "not JSON": httpx2.Response(200, content=b"<html>"),
    "a list": httpx2.Response(200, content=b"[]"),
    "no keys": httpx2.Response(200, content=b'{"keys":7}'),
    "nested": httpx2.Response(200, content=b'{"keys":' + b"[" * 100_000),
    "a surprise": RuntimeError("nobody thought of this"),
    "too large": httpx2.Response(200, content=b'{"keys":["' + b"x" * LIMITS.jwks_bytes + b'"]}'),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_provider_that_gives_no_keys_is_unavailable(tokens: UserTokens, provider: Provider, name: str) -> None:
    provider.answer = ANSWERS[name]
    with pytest.raises(Unavailable):
        await verify(tokens)

    assert provider.hits == [URL]


@pytest.mark.parametrize("name", ["unreachable", "500", "too large"])
async def test_known_keys_live_on_for_a_while_when_the_provider_is_away(
    tokens: UserTokens, provider: Provider, clock: Clock, name: str
) -> None:
    await verify(tokens)
    provider.answer = ANSWERS[name]
    clock.now += LIMITS.jwks_keep_s - 1

    assert await verify(tokens) == "alice"
    clock.now += LIMITS.jwks_interval_s
    with pytest.raises(Unavailable):
        await verify(tokens)


async def test_an_unknown_kid_while_the_provider_is_away_is_unavailable(
    tokens: UserTokens, provider: Provider, clock: Clock
) -> None:
    await verify(tokens)
    provider.answer = ANSWERS["unreachable"]
    clock.now += LIMITS.jwks_interval_s

    with pytest.raises(Unavailable):
        await verify(tokens, "new")


async def test_a_provider_that_hangs_is_given_up(provider: Provider) -> None:
    async def hang(request: httpx2.Request) -> httpx2.Response:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    jwks = Jwks(URL, replace(LIMITS, jwks_timeout_s=0.01), httpx2.MockTransport(hang))
    with pytest.raises(Unavailable):
        await jwks.find("a")
    await jwks.close()


async def test_a_token_of_ours_needs_no_provider(tokens: UserTokens, provider: Provider) -> None:
    provider.answer = ANSWERS["unreachable"]
    assert (await tokens.verify(mint_user(RING, Settings(), "t", "u", 60).token)).user == "u"
    assert provider.hits == []


async def test_a_token_of_a_configured_key_needs_no_provider(provider: Provider) -> None:
    provider.answer = ANSWERS["unreachable"]
    jwks = Jwks(URL, transport=httpx2.MockTransport(provider))
    tokens = UserTokens(RING, Settings(user_jwt_secret=SECRET, user_jwks_url=URL), jwks)

    assert (await tokens.verify(token())).user == "alice"
    with pytest.raises(TokenExpired):
        await tokens.verify(token(exp_in=-LIMITS.leeway_s - 5))
    assert provider.hits == []
    with pytest.raises(Unavailable):
        await tokens.verify(token(key=b"somebody else's secret of 32 bytes!!"))
    await jwks.close()
