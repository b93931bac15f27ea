"""Settings as flags, the same words in every command."""

import functools
import os
import sys
from collections.abc import Callable
from typing import TypeVar

import click

from gateway.settings import Settings, load
from inbox.errors import ConfigError

T = TypeVar("T")

STORE = ("data_dir", "tenant")

# Not here, so only in the environment: what may hold a password must not be in a command line others can read.
HELP = {
    "host": "Address to listen on.",
    "port": "Port to listen on; 0 takes a free one.",
    "data_dir": "Directory of the SQLite file.",
    "user_jwt_public_key": "Public key (PEM) of user tokens: RS256, ES256 or EdDSA.",
    "user_jwks_url": "Where the public keys of user tokens are.",
    "user_jwt_issuer": "The issuer that user tokens must name.",
    "jwt_audience": "The audience that user tokens must name.",
    "allowed_origins": "Web origins that may connect, comma-separated, or *.",
    "tenant": "The tenant of the command line and of tokens without one.",
    "log_keep_entries": "Log entries a stream keeps at least.",
    "log_keep_s": "Seconds a log entry is kept at least.",
    "item_keep_s": "Seconds an item is kept where the publish names no expires_at.",
    "sessions_per_address": "Sessions from one address on one node.",
    "trusted_proxies": "Addresses and networks of proxies whose X-Forwarded-For is believed, comma-separated.",
    "drain_s": "Seconds over which a process that ends lets its sessions go, at most.",
    "client_requests_per_s": "Requests a second that one backend client may make of one process.",
    "client_requests_burst": "Requests one backend client may make at once before that rate holds.",
}


def with_settings(*names: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Give a command a flag for each of the settings ``names`` and, as its first argument, the ``Settings``.

    The command raises ``ConfigError`` where they do not fit.
    """

    def decorate(command: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(command)
        def run(**given: object) -> T:
            flags = {name: given.pop(name) for name in names}
            return command(load(os.environ, **flags), **given)

        for name in reversed(names):
            flag = "--" + name.replace("_", "-")
            run = click.option(flag, name, help=f"{HELP[name]} [BELLWIRE_{name.upper()}]")(run)
        return run

    return decorate


def read_token(given: str | None) -> str | None:
    """The token of ``--token``: ``-`` reads it from standard input.

    :raises ConfigError: nothing stands there.
    """
    if given != "-":
        return given
    token = sys.stdin.readline().strip()
    if not token:
        raise ConfigError("--token -: expected a token on standard input, got nothing")
    return token


token_option = click.option(
    "--token", envvar="BELLWIRE_TOKEN", help="The token to use instead of minting one; - reads it. [BELLWIRE_TOKEN]"
)
url_option = click.option("--url", help="The server's user side. [from BELLWIRE_HOST and BELLWIRE_PORT]")


def user_url(settings: Settings, given: str | None) -> str:
    """The user side to talk to: ``given``, else where ``bellwire serve`` on these settings listens."""
    if given is not None:
        return given.rstrip("/")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
