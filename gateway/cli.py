"""``bellwire``: the command line. What goes wrong is one line on standard error that says what to do.

Exit codes: 0 done, 1 failed, 2 a wrong setting or flag, 130 ended by Ctrl-C.
"""

import os
import sys
from importlib import import_module
from typing import NoReturn

import click

from gateway import log
from inbox.errors import BellwireError, ConfigError

FAILED, MISUSED, INTERRUPTED = 1, 2, 130

_MODULES = {
    "serve": ("serve", "gateway", "api", "worker"),
    "clients": ("client",),
    "keys": ("key",),
    "tokens": ("token",),
    "backend": ("send", "sessions"),
    "listen": ("listen",),
    "doctor": ("doctor",),
}
_COMMANDS = {command: module for module, commands in _MODULES.items() for command in commands}


class Commands(click.Group):
    """The commands of ``gateway.commands``, each imported when it is named: a token needs no server."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # With a name that is none, click looks among all of them for what may have been meant.
        for name in (cmd_name,) if cmd_name in _COMMANDS else _COMMANDS:
            self.add_command(getattr(import_module(f"gateway.commands.{_COMMANDS[name]}"), name))
        return super().get_command(ctx, cmd_name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bellwire")
def cli() -> None:
    """Bellwire: a real-time push gateway with an in-app inbox.

    Settings are BELLWIRE_ variables in the environment, or the flags of the same name.
    """
    log.configure(sys.stderr)


def main() -> NoReturn:
    """Run the command line and exit."""
    try:
        sys.exit(cli.main(prog_name="bellwire", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output left, as `head` does: say nothing, and let the last flush go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except ConfigError as error:
        _fail(error, MISUSED)
    except (BellwireError, OSError) as error:
        _fail(error, FAILED)


def _fail(error: Exception, code: int) -> NoReturn:
    hint = " (is it running? start it with: bellwire serve)" if isinstance(error, ConnectionError) else ""
    click.echo(f"bellwire: {' '.join(str(error).split())}{hint}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
