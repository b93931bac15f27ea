"""User tokens: what opens an inbox, and every known way to pretend."""

import base64
import json
from typing import Any

import pytest

from gateway.auth.access import ACCESS_AUDIENCE, AccessTokens
from gateway.auth.tokens import USER_TYP, UserTokens, mint_user
from gateway.settings import LIMITS, Settings
from inbox.errors import ConfigError, TokenExpired, Unauthorized
from inbox.registered import Client
from tests.gateway.auth.keyring import (
    EC,
    ED,
    OWN_KEY_ID,
    RING,
    RSA,
    SECRET,
    claims,
    encode,
    forge,
    pem,
    private_key,
    token,
)

pytestmark = pytest.mark.anyio

SETTINGS = Settings(user_jwt_secret=SECRET)
HS = {"alg": "HS256", "typ": "JWT"}


async def refused(settings: Settings, given: str, kind: type[Unauthorized] = Unauthorized) -> str:
    with pytest.raises(Unauthorized) as error:
        await UserTokens(RING, settings).verify(given)
    assert type(error.value) is kind
    return str(error.value)


async def test_a_token_of_ours_is_accepted_whatever_is_configured() -> None:
    minted = mint_user(RING, SETTINGS, "acme", "alice", 60)
    who = await UserTokens(RING, Settings(user_jwt_issuer="https://idp.example")).verify(minted.token)

    assert (who.tenant, who.user, who.expires_at) == ("acme", "alice", minted.expires_at)
    assert who.jti


@pytest.mark.parametrize("algorithm", [RSA, EC, ED])
async def test_a_token_of_the_configured_public_key_is_accepted(algorithm: str) -> None:
    settings = Settings(user_jwt_public_key=pem(algorithm).replace("\n", "\\n"))
    who = await UserTokens(RING, settings).verify(token(algorithm))

    assert (who.tenant, who.user) == ("default", "alice")


GOOD: dict[str, dict[str, Any]] = {
    "as it is": {},
    "an audience among others": {"aud": ["other", "bellwire"]},
    "a tenant": {"tenant": "acme"},
    "an id": {"jti": "x"},
    "a fractional end": {"exp_in": 60.5},
    "just ended, within the leeway": {"exp_in": 10 - LIMITS.leeway_s},
    "about to begin, within the leeway": {"nbf_in": LIMITS.leeway_s - 10},
    "unknown claims": {"name": "Alice", "roles": ["x"]},
    "the oddest name": {"sub": "~!#$&'()*+,-.:;=?@[]^_`{|}"},
}


@pytest.mark.parametrize("name", GOOD)
async def test_a_token_of_the_configured_secret_is_accepted(name: str) -> None:
    who = await UserTokens(RING, SETTINGS).verify(token(**GOOD[name]))

    assert who.user == GOOD[name].get("sub", "alice")
    assert who.tenant == GOOD[name].get("tenant", "default")


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "at+jwt"])
async def test_the_typ_of_an_access_token_or_none_is_accepted(typ: str | None) -> None:
    header = {"alg": "HS256"} | ({} if typ is None else {"typ": typ})

    assert (await UserTokens(RING, SETTINGS).verify(forge(header, claims()))).user == "alice"


async def test_the_settings_tenant_is_the_tenant_of_a_token_without_one() -> None:
    settings = Settings(user_jwt_secret=SECRET, tenant="acme")

    assert (await UserTokens(RING, settings).verify(token())).tenant == "acme"


async def test_the_configured_issuer_is_accepted() -> None:
    settings = Settings(user_jwt_secret=SECRET, user_jwt_issuer="https://idp.example")

    assert (await UserTokens(RING, settings).verify(token(iss="https://idp.example"))).user == "alice"


@pytest.mark.parametrize("iss", [None, "https://idp.example.evil", "https://idp", "", ["https://idp.example"]])
async def test_another_issuer_is_refused(iss: Any) -> None:
    settings = Settings(user_jwt_secret=SECRET, user_jwt_issuer="https://idp.example")
    await refused(settings, token(iss=iss))


BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "no sub": {"sub": None},
    "sub empty": {"sub": ""},
    "sub a number": {"sub": 7},
    "sub a list": {"sub": ["alice"]},
    "sub an object": {"sub": {"$gt": ""}},
    "sub with a slash": {"sub": "alice/bob"},
    "sub with a NUL": {"sub": "alice\0"},
    "sub with a line end": {"sub": "alice\n"},
    "sub not ASCII": {"sub": "\u0430lice"},
    "sub of 10 kB": {"sub": "x" * 10_240},
    "tenant with a slash": {"tenant": "a/b"},
    "tenant empty": {"tenant": ""},
    "tenant a number": {"tenant": 1},
    "no aud": {"aud": None},
    "another aud": {"aud": "other"},
    "aud a prefix": {"aud": "bell"},
    "aud longer": {"aud": "bellwire2"},
    "aud of the backend's API": {"aud": ACCESS_AUDIENCE},
    "aud an empty list": {"aud": []},
    "aud a list of others": {"aud": ["bell", "wire"]},
    "aud an object": {"aud": {"bellwire": 1}},
    "no exp": {"exp": None},
    "exp text": {"exp": "9999999999"},
    "exp true": {"exp": True},
    "exp negative": {"exp": -1},
    "exp after the year 9999": {"exp": 1e300},
    "exp a list": {"exp": [1]},
    "nbf ahead": {"nbf_in": 3_600},
    "nbf text": {"nbf": "soon"},
    "iat ahead": {"iat_in": 3_600},
    "iat text": {"iat": "now"},
    "jti a number": {"jti": 7},
}


@pytest.mark.parametrize("name", BAD_CLAIMS)
async def test_claims_that_do_not_fit_are_refused(name: str) -> None:
    await refused(SETTINGS, token(**BAD_CLAIMS[name]))


async def test_a_token_whose_time_is_over_is_told_apart() -> None:
    await refused(SETTINGS, token(exp_in=-LIMITS.leeway_s - 5), TokenExpired)


BAD_PAYLOADS: dict[str, bytes] = {
    "NaN": b'{"sub":"alice","aud":"bellwire","exp":NaN}',
    "1e400": b'{"sub":"alice","aud":"bellwire","exp":1e400}',
    "Infinity": b'{"sub":"alice","aud":"bellwire","exp":Infinity}',
    "a list": b"[]",
    "text": b'"alice"',
    "empty": b"",
    "not JSON": b"{",
    "not UTF-8": b'{"sub":"\xff"}',
    "nested": b'{"a":' + b"[" * 5_000,
    "a second exp that is over": b'{"sub":"alice","aud":"bellwire","exp":9999999999,"exp":1}',
    "a second sub that does not fit": b'{"sub":"alice","aud":"bellwire","exp":9999999999,"sub":"a/b"}',
}


@pytest.mark.parametrize("name", BAD_PAYLOADS)
async def test_a_payload_that_is_not_plain_json_claims_is_refused(name: str) -> None:
    given = forge(HS, BAD_PAYLOADS[name])
    with pytest.raises(Unauthorized):
        await UserTokens(RING, SETTINGS).verify(given)


PEM = pem(RSA)
FORGED: dict[str, str] = {
    "empty": "",
    "not a token": "hello",
    "two parts": "a.b",
    "five parts": "a.b.c.d.e",
    "not ASCII": "é.é.é",
    "no signature": token().rpartition(".")[0] + ".",
    "alg none": f"{encode({'alg': 'none'})}.{encode(claims())}.",
    "alg None": f"{encode({'alg': 'None'})}.{encode(claims())}.",
    "alg none, signature kept": f"{encode({'alg': 'none'})}." + token().partition(".")[2],
    "no alg": forge({"typ": "JWT"}, claims()),
    "alg null": forge({"alg": None}, claims()),
    "alg a list": forge({"alg": ["HS256"]}, claims()),
    "alg in lower case": forge({"alg": "hs256"}, claims()),
    "HS384 with the secret": forge({"alg": "HS384"}, claims(), SECRET.encode(), "HS384"),
    "another secret": forge(HS, claims(), b"somebody else's secret of 32 bytes!!"),
    "signed with the public PEM": forge(HS, claims(), PEM.encode()),
    "signed with the PEM, trimmed": forge(HS, claims(), PEM.strip().encode()),
    "signed with the PEM, RS256 said": forge({"alg": "RS256"}, claims(), PEM.encode()),
    "signed by another RSA key": forge({"alg": "RS256"}, claims(), private_key(RSA, 1), RSA),
    "an RSA signature, HS256 said": forge(HS, claims(), private_key(RSA), RSA),
    "PS256 of the right key": forge({"alg": "PS256"}, claims(), private_key(RSA), "PS256"),
    "payload changed": ".".join([token().split(".")[0], encode(claims(sub="bob")), token().split(".")[2]]),
    "signature cut": token()[:-2],
    "signature empty and padded": token().rpartition(".")[0] + ".==",
    "standard base64": token().replace("-", "+").replace("_", "/") + "+",
    "header a list": f"{encode([1])}.{encode(claims())}.x",
    "header nested": f"{encode(b'[' * 5_000)}.{encode(claims())}.x",
    "kid of ours, operator's secret": forge({**HS, "kid": OWN_KEY_ID}, claims()),
    "kid and typ of ours, operator's secret": forge({"alg": "HS256", "kid": OWN_KEY_ID, "typ": USER_TYP}, claims()),
    "typ of ours, operator's secret": forge({"alg": "HS256", "typ": USER_TYP}, claims()),
    "typ of a logout token": forge({"alg": "HS256", "typ": "logout+jwt"}, claims()),
    "kid a number": forge({**HS, "kid": 7}, claims()),
    "kid an object": forge({**HS, "kid": {"$gt": ""}}, claims()),
    "crit unknown": forge({**HS, "crit": ["exp"], "exp": 1}, claims()),
    "crit empty": forge({**HS, "crit": []}, claims()),
    "crit b64": forge({**HS, "crit": ["b64"], "b64": True}, claims()),
    "b64 false": forge({**HS, "b64": False}, claims()),
    "huge": token(name="x" * 1_000_000),
    "ten thousand claims": forge(HS, claims(**{f"c{n}": n for n in range(10_000)})),
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_token_that_was_not_signed_for_us_is_refused(name: str) -> None:
    settings = Settings(user_jwt_secret=SECRET, user_jwt_public_key=PEM)
    await refused(settings, FORGED[name])


POINTERS: dict[str, dict[str, Any]] = {
    "jku": {"jku": "http://127.0.0.1:1/keys"},
    "x5u": {"x5u": "http://127.0.0.1:1/cert"},
    "jwk": {"jwk": {"kty": "oct", "k": encode(b"mine, 32 bytes long or even more")}},
    "kid a path": {"kid": "../../../../dev/null"},
    "kid a URL": {"kid": "http://127.0.0.1:1/"},
    "kid SQL": {"kid": "x' UNION SELECT 'key' --"},
    "kid with a line end": {"kid": "a\nb"},
}


@pytest.mark.parametrize("name", POINTERS)
async def test_a_header_that_points_to_a_key_is_not_followed(name: str) -> None:
    for secret in (b"mine, 32 bytes long or even more", b""):
        await refused(SETTINGS, forge({**HS, **POINTERS[name]}, claims(), secret))


async def test_nothing_is_accepted_from_outside_when_nothing_is_configured() -> None:
    await refused(Settings(), token())


async def test_an_access_token_is_no_user_token_though_the_key_is_the_same() -> None:
    client = Client("alice", "default", "x", ("admin",), (), 0)
    await refused(SETTINGS, AccessTokens(RING).mint(client, client.scopes))


async def test_a_user_token_is_no_access_token_though_the_key_is_the_same() -> None:
    with pytest.raises(Unauthorized):
        await AccessTokens(RING).verify(mint_user(RING, SETTINGS, "default", "alice", 60).token)


async def test_our_own_claims_under_the_other_typ_do_not_fit() -> None:
    await refused(SETTINGS, RING.sign(USER_TYP, {"sub": "alice", "aud": ACCESS_AUDIENCE, "exp": 9_999_999_999}))


async def test_a_refused_token_is_not_repeated_in_the_error() -> None:
    given = forge(HS, claims(sub="a/b"))
    assert given not in await refused(SETTINGS, given)
    assert "a/b" not in await refused(SETTINGS, given)


def test_a_minted_token_says_who_made_it_and_what_for() -> None:
    header = json.loads(base64.urlsafe_b64decode(mint_user(RING, SETTINGS, "t", "u", 1).token.split(".")[0] + "=="))

    assert header == {"alg": "HS256", "kid": OWN_KEY_ID, "typ": USER_TYP}


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
def test_a_public_key_that_does_not_parse_is_a_setting_to_correct(text: str) -> None:
    with pytest.raises(ConfigError, match="BELLWIRE_USER_JWT_PUBLIC_KEY"):
        UserTokens(RING, Settings(user_jwt_public_key=text))
