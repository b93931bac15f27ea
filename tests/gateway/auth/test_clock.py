"""Clocks that differ: a token's times are read with ``leeway_s`` to either side, to the second."""

import pytest

from gateway.auth.access import Access
from gateway.auth.tokens import UserTokens, check_times
from gateway.settings import LIMITS, Settings
from inbox.errors import TokenExpired, Unauthorized
from tests.gateway.auth.keyring import RING, SECRET, forge

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000
LEEWAY = LIMITS.leeway_s
ENDS = NOW + 3_600


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.auth.tokens.time.time", lambda: float(NOW))


@pytest.mark.parametrize("times", [(NOW - LEEWAY + 1,), (ENDS, NOW + LEEWAY), (ENDS, None, NOW + LEEWAY)])
def test_within_the_leeway_a_token_is_good(times: tuple[float, ...]) -> None:
    check_times(*times)


@pytest.mark.parametrize("ended", [NOW - LEEWAY, NOW - LEEWAY - 1, 0])
def test_at_the_end_of_the_leeway_a_token_has_expired(ended: float) -> None:
    with pytest.raises(TokenExpired):
        check_times(ended)


@pytest.mark.parametrize("times", [(ENDS, NOW + LEEWAY + 1), (ENDS, None, NOW + LEEWAY + 1)])
def test_beyond_the_leeway_a_token_is_not_valid_yet(times: tuple[float, ...]) -> None:
    with pytest.raises(Unauthorized, match="not valid yet"):
        check_times(*times)


@pytest.mark.parametrize(
    ("claims", "is_good"),
    [
        ({"exp": NOW - LEEWAY + 1}, True),
        ({"exp": NOW - LEEWAY}, False),
        ({"exp": ENDS, "nbf": NOW + LEEWAY}, True),
        ({"exp": ENDS, "nbf": NOW + LEEWAY + 1}, False),
        ({"exp": ENDS, "iat": NOW + LEEWAY}, True),
        ({"exp": ENDS, "iat": NOW + LEEWAY + 1}, False),
    ],
)
async def test_a_user_token_is_read_so(claims: dict[str, int], is_good: bool) -> None:
    given = forge({"alg": "HS256"}, {"sub": "alice", "aud": "bellwire", **claims})
    users = UserTokens(RING, Settings(user_jwt_secret=SECRET))
    if is_good:
        assert (await users.verify(given)).user == "alice"
    else:
        with pytest.raises(Unauthorized):
            await users.verify(given)


@pytest.mark.parametrize(("ends", "is_good"), [(NOW - LEEWAY + 1, True), (NOW - LEEWAY, False)])
def test_an_access_token_is_read_so(ends: float, is_good: bool) -> None:
    access = Access("acme", "client-x", frozenset({"users"}), ends)
    if is_good:
        access.require("users")
    else:
        with pytest.raises(TokenExpired):
            access.require("users")
