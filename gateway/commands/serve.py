"""The commands that run a role until they are told to stop."""

import click

from gateway.commands.options import HELP, with_settings
from gateway.settings import Role, Settings

_TEXTS: dict[Role, str] = {
    "serve": "Run every role in one process.",
    "gateway": "Run the users' side: live connections and the inbox.",
    "api": "Run the backends' side: publishing.",
    "worker": "Run the background work.",
}
_SECRETS = """
    What may hold a password is read from the environment only: BELLWIRE_REDIS_URL, BELLWIRE_MONGO_URL,
    BELLWIRE_USER_JWT_SECRET."""


def _command(role: Role) -> click.Command:
    """The command that runs ``role``."""

    @click.command(role, help=_TEXTS[role] + "\n" + _SECRETS, short_help=_TEXTS[role])
    @with_settings(*HELP)
    def run(settings: Settings) -> None:
        from gateway.server import run as run_server

        run_server(settings, role)

    return run


serve, gateway, api, worker = (_command(role) for role in ("serve", "gateway", "api", "worker"))
