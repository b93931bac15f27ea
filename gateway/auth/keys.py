"""Keys that signatures are checked with. The algorithm belongs to the key; a token never chooses it."""

from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from msgspec import Struct

from gateway.settings import Settings
from inbox.errors import ConfigError

MIN_RSA_BITS = 2048

_ALGORITHMS = {name: jwt.get_algorithm_by_name(name) for name in ("HS256", "RS256", "ES256", "EdDSA")}


class Key(Struct, frozen=True):
    """One key, parsed and prepared once: ``secret_key`` and ``public_key`` make them.

    ``id`` is the ``kid`` that selects it, ``None`` if every token may be tried with it.
    """

    algorithm: str
    material: Any
    id: str | None = None

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is this key's for ``message``."""
        try:
            return _ALGORITHMS[self.algorithm].verify(message, self.material, signature)
        except (jwt.PyJWTError, ValueError, TypeError):
            return False


class KeySource(Protocol):
    """Where keys are looked up by the ``kid`` of a token."""

    def at_hand(self, kid: str | None, /) -> tuple[Key, ...] | None:
        """What ``find`` would answer; ``None`` if it may have to ask somebody."""

    async def find(self, kid: str | None, /) -> tuple[Key, ...]:
        """The keys that the token may be signed with.

        :raises Unavailable: whoever knows does not answer.
        """


def secret_key(secret: bytes, id: str | None = None) -> Key:
    """The key for HS256 that ``secret`` is.

    :raises ValueError: too short, or known to everyone: a public key or a certificate.
    """
    return _prepared("HS256", secret, id)


def public_key(material: object, id: str | None = None) -> Key:
    """The key for ``material``, with the one algorithm we accept for its type.

    :raises ValueError: a type, a curve or a size that we do not accept.
    """
    match material:
        case RSAPublicKey() if material.key_size >= MIN_RSA_BITS:
            return _prepared("RS256", material, id)
        case EllipticCurvePublicKey() if isinstance(material.curve, SECP256R1):
            return _prepared("ES256", material, id)
        case Ed25519PublicKey():
            return _prepared("EdDSA", material, id)
    raise ValueError(f"expected RSA of at least {MIN_RSA_BITS} bits, EC P-256 or Ed25519")


def _prepared(algorithm: str, material: Any, id: str | None) -> Key:
    """The key, once PyJWT has looked at it as it would at every token."""
    maker = _ALGORITHMS[algorithm]
    try:
        prepared = maker.prepare_key(material)
    except jwt.InvalidKeyError as error:
        raise ValueError(str(error)) from None
    if (weakness := maker.check_key_length(prepared)) is not None:
        raise ValueError(weakness)
    return Key(algorithm, prepared, id)


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

    :raises ValueError: not for signatures, symmetric, or of a kind we do not accept. PyJWT raises others too.
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

    :raises ConfigError: a public key that does not parse, or a secret that is none.
    """
    keys: list[Key] = []
    if settings.user_jwt_secret is not None:
        keys.append(_configured_secret(settings.user_jwt_secret))
    if settings.user_jwt_public_key is not None:
        keys.append(pem_key(settings.user_jwt_public_key))
    return tuple(keys)


def _configured_secret(secret: str) -> Key:
    try:
        return secret_key(secret.encode())
    except ValueError as error:
        raise ConfigError(f"BELLWIRE_USER_JWT_SECRET should be a secret: {error}") from None
