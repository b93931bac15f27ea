"""Keys that signatures are checked with. The algorithm belongs to the key; a token never chooses it."""

from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from msgspec import Struct

from gateway.settings import Settings
from inbox.errors import ConfigError

MIN_RSA_BITS = 2048


class Key(Struct, frozen=True):
    """One key, parsed once. ``id`` is the ``kid`` that selects it, ``None`` if every token may be tried with it."""

    algorithm: str
    material: Any
    id: str | None = None


def public_key(material: object, id: str | None = None) -> Key:
    """The key for ``material``, with the one algorithm we accept for its type.

    :raises ValueError: a type, a curve or a size that we do not accept.
    """
    match material:
        case RSAPublicKey() if material.key_size >= MIN_RSA_BITS:
            return Key("RS256", material, id)
        case EllipticCurvePublicKey() if isinstance(material.curve, SECP256R1):
            return Key("ES256", material, id)
        case Ed25519PublicKey():
            return Key("EdDSA", material, id)
    raise ValueError(f"expected RSA of at least {MIN_RSA_BITS} bits, EC P-256 or Ed25519")


def pem_key(pem: str) -> Key:
    """The key in ``pem``; ``\\n`` written as two characters is taken as a line end, as ``.env`` files need it.

    :raises ConfigError: not a public key we accept.
    """
    try:
        return public_key(load_pem_public_key(pem.replace("\\n", "\n").encode()))
    except (ValueError, TypeError) as error:
        raise ConfigError(f"BELLWIRE_USER_JWT_PUBLIC_KEY should be a public key in PEM: {error}") from None


def jwk_key(jwk: dict[str, Any]) -> Key:
    """The public key in a member of a JWKS.

    :raises ValueError: not for signatures, symmetric, or of a kind we do not accept.
    """
    if jwk.get("kty") == "oct" or jwk.get("use", "sig") != "sig":
        raise ValueError("expected a public key for signatures")
    try:
        key = public_key(jwt.PyJWK(jwk).key, jwk.get("kid"))
    except jwt.PyJWTError as error:
        raise ValueError(str(error)) from None
    if jwk.get("alg", key.algorithm) != key.algorithm or not isinstance(key.id, str | None):
        raise ValueError(f"expected alg {key.algorithm}")
    return key


def configured_keys(settings: Settings) -> tuple[Key, ...]:
    """The keys for user tokens that the settings hold themselves.

    :raises ConfigError: a public key that does not parse.
    """
    keys: list[Key] = []
    if settings.user_jwt_secret is not None:
        keys.append(Key("HS256", settings.user_jwt_secret.encode()))
    if settings.user_jwt_public_key is not None:
        keys.append(pem_key(settings.user_jwt_public_key))
    return tuple(keys)
