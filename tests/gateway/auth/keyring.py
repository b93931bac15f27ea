"""Key pairs and tokens as an identity provider, or somebody who pretends to be one, would make them."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.auth.keyring import OWN_KID, KeyRing
from inbox.registered import StoredKey
from inbox.times import now_ms

SECRET = "an operator's secret of 32 bytes or more"
SECRET_BYTES = SECRET.encode()
KEY = bytes(range(32))


def ring_of(*stored: StoredKey) -> KeyRing:
    """A ring that holds ``stored``, and always will."""

    async def read() -> Sequence[StoredKey]:
        return stored

    ring = KeyRing(read)
    ring.take(stored)
    return ring


RING = ring_of(StoredKey("1", KEY, now_ms()))
OWN_KEY_ID = OWN_KID + "1"

RSA, EC, ED = "RS256", "ES256", "EdDSA"


def private_key(algorithm: str, number: int = 0) -> Any:
    """The same key for the same arguments, made once."""
    return _private_key(algorithm, number)


@cache
def _private_key(algorithm: str, number: int) -> Any:
    match algorithm:
        case "RS256":
            return rsa.generate_private_key(65_537, 2_048)
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def pem(algorithm: str, number: int = 0) -> str:
    public = private_key(algorithm, number).public_key()
    text: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


def jwk(algorithm: str, kid: str | None = None, number: int = 0, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(
        private_key(algorithm, number).public_key(), as_dict=True
    )
    return made | ({} if kid is None else {"kid": kid}) | more


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims with ``changes``; ``None`` takes one away, ``exp_in=60`` sets ``exp`` to 60 s from now."""
    now = int(time.time())
    made: dict[str, Any] = {"sub": "alice", "aud": "bellwire", "exp": now + 3_600, "iat": now}
    for name, value in changes.items():
        made |= {name.removesuffix("_in"): now + value} if name.endswith("_in") else {name: value}
    return {name: value for name, value in made.items() if value is not None}


def encode(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def forge(header: Any, payload: Any, key: Any = SECRET_BYTES, algorithm: str = "HS256") -> str:
    """A token signed with ``key``, whatever its header says."""
    signed = f"{encode(header)}.{encode(payload)}"
    maker = jwt.get_algorithm_by_name(algorithm)
    return f"{signed}.{encode(maker.sign(signed.encode(), key))}"


def token(algorithm: str = "HS256", key: Any = None, kid: str | None = None, **changes: Any) -> str:
    """A good token with ``changes`` to its claims."""
    signer = key if key is not None else SECRET_BYTES if algorithm == "HS256" else private_key(algorithm)
    header = {"alg": algorithm, "typ": "JWT"} | ({} if kid is None else {"kid": kid})
    return forge(header, claims(**changes), signer, algorithm)
