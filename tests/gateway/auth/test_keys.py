"""Which public keys we accept, and the one algorithm each stands for."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519

from gateway.auth.keys import configured_keys, jwk_key, public_key, secret_key
from gateway.settings import Settings
from inbox.errors import ConfigError
from tests.gateway.auth.keyring import EC, ED, RSA, encode, jwk, pem


@pytest.mark.parametrize("algorithm", [RSA, EC, ED])
def test_a_key_stands_for_one_algorithm(algorithm: str) -> None:
    assert jwk_key(jwk(algorithm, "a")).algorithm == algorithm
    assert jwk_key(jwk(algorithm, "a", alg=algorithm, use="sig")).id == "a"


REFUSED: dict[str, dict[str, Any]] = {
    "symmetric": {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"},
    "for encryption": jwk(RSA, use="enc"),
    "another algorithm of its type": jwk(RSA, alg="RS512"),
    "HS256 on an RSA key": jwk(RSA, alg="HS256"),
    "kid a number": jwk(RSA) | {"kid": 7},
    "unknown type": {"kty": "x"},
    "empty": {},
    "cut": {"kty": "RSA", "e": "AQAB"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_jwk_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        jwk_key(REFUSED[name])


WEAK: list[Any] = [
    rsa.generate_private_key(65_537, 1_024).public_key(),
    ec.generate_private_key(ec.SECP384R1()).public_key(),
    ec.generate_private_key(ec.SECP256K1()).public_key(),
    x25519.X25519PrivateKey.generate().public_key(),
]


@pytest.mark.parametrize("material", WEAK)
def test_a_weak_or_foreign_key_is_refused(material: Any) -> None:
    with pytest.raises(ValueError, match="expected RSA"):
        public_key(material)


NO_SECRETS: dict[str, str] = {
    "a public key": pem(EC),
    "a key for SSH": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0c",
    "a JWK": '{"kty":"oct","k":"' + encode(bytes(32)) + '"}',
}


@pytest.mark.parametrize("what", NO_SECRETS)
def test_a_secret_that_is_a_key_of_another_kind_is_a_setting_to_correct(what: str) -> None:
    with pytest.raises(ConfigError, match="BELLWIRE_USER_JWT_SECRET"):
        configured_keys(Settings(user_jwt_secret=NO_SECRETS[what]))


@pytest.mark.parametrize("length", [0, 31])
def test_a_secret_that_is_too_short_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="HMAC key"):
        secret_key(bytes(range(length)))
