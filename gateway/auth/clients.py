"""Backend clients and their credentials: made, rotated, revoked, and checked. Pure, but for chance and the clock."""

import secrets
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest

from msgspec.structs import replace

from inbox.errors import Conflict, FieldError, Invalid
from inbox.ids import NAME_RULE, is_name, new_token
from inbox.registered import Client, ClientSecret
from inbox.times import now_ms

SCOPES = ("notifications:write", "notifications:read", "users", "topics", "admin")

CLI_CLIENT = "bellwire-cli"
"""The command line as a client. It stands in no store: whoever may open the store needs no credentials."""

SECRETS_MAX = 2

# Compared where there is no secret, so that an unknown client takes as long as a wrong secret.
_NOBODY = bytes(32)


def new_client(tenant: str, name: str, scopes: Iterable[str]) -> tuple[Client, str]:
    """A new backend client and its secret, which is not kept: show it once.

    :raises Invalid: a malformed tenant or name, no scope, or one we do not have.
    """
    wanted = tuple(dict.fromkeys(scopes))
    errors = [FieldError("scope", f"{scope}: expected one of {', '.join(SCOPES)}") for scope in set(wanted) - {*SCOPES}]
    errors += [FieldError(field, NAME_RULE) for field, it in (("tenant", tenant), ("name", name)) if not is_name(it)]
    if errors or not wanted:
        raise Invalid(*errors or [FieldError("scope", f"expected at least one of {', '.join(SCOPES)}")])
    kept, secret = _new_secret()
    return Client(f"client-{new_token()}", tenant, name, wanted, (kept,), now_ms()), secret


def rotated(client: Client, grace_s: float) -> tuple[Client, str]:
    """``client`` with a new secret, and that secret. The newest of the others lives for ``grace_s`` more seconds.

    :raises Conflict: it is revoked.
    """
    if client.revoked_at is not None:
        raise Conflict(f"client {client.id} is revoked: create another")
    kept, secret = _new_secret()
    ends = now_ms() + int(grace_s * 1_000)
    old = [replace(each, expires_at=min(ends, each.expires_at or ends)) for each in client.secrets if is_live(each)]
    return replace(client, secrets=(kept, *old)[: SECRETS_MAX if grace_s else 1]), secret


def revoked(client: Client) -> Client:
    """``client`` without any right; it stays as it is if it has none."""
    return replace(client, secrets=(), revoked_at=client.revoked_at or now_ms())


def is_live(secret: ClientSecret) -> bool:
    return secret.expires_at is None or secret.expires_at > now_ms()


def proves(client: Client | None, secret: str) -> bool:
    """Whether ``secret`` is one of ``client``'s. Takes as long for no client, and whichever secret it is."""
    given = sha256(secret.encode()).digest()
    live = [each.hash for each in client.secrets if is_live(each)] if client is not None else []
    matches = [compare_digest(given, hash) for hash in (*live, *[_NOBODY] * SECRETS_MAX)[:SECRETS_MAX]]
    return any(matches) and client is not None and client.revoked_at is None


def _new_secret() -> tuple[ClientSecret, str]:
    secret = secrets.token_urlsafe(32)
    return ClientSecret(sha256(secret.encode()).digest(), now_ms()), secret
