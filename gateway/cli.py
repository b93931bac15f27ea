"""``bellwire``: the command line. What goes wrong is one line on standard error that says what to do.

Exit codes: 0 done, 1 failed, 2 a wrong setting or flag, 130 ended by Ctrl-C.
"""

import os
import sys
from typing import NoReturn

import click

from gateway import log
from gateway.commands.backend import send, sessions, token
from gateway.commands.clients import client
from gateway.commands.doctor import doctor
from gateway.commands.keys import key
from gateway.commands.listen import listen
from gateway.commands.serve import role_command
from inbox.errors import BellwireError, ConfigError

FAILED, MISUSED, INTERRUPTED = 1, 2, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bellwire")
def cli() -> None:
    """Bellwire: a real-time push gateway with an in-app inbox.

    Settings are BELLWIRE_ variables in the environment, or the flags of the same name.
    """
    log.configure(sys.stderr)


for command in (
    *(role_command(role) for role in ("serve", "gateway", "api", "worker")),
    client,
    key,
    token,
    send,
    sessions,
    listen,
    doctor,
):
    cli.add_command(command)


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
