"""The commands are found by their names, and none brings another's parts along."""

import subprocess
import sys

import pytest

from tests.gateway.cli.conftest import Bellwire

COMMANDS = ("api", "client", "doctor", "gateway", "key", "listen", "send", "serve", "sessions", "token", "worker")


def test_the_help_names_every_command(bellwire: Bellwire) -> None:
    lines = bellwire("--help").stdout.partition("Commands:\n")[2].splitlines()
    assert tuple(line.split()[0] for line in lines) == COMMANDS


def test_a_misspelt_command_is_told_what_was_meant(bellwire: Bellwire) -> None:
    done = bellwire("sevre")
    assert done.returncode == 2
    assert "'serve'" in done.stderr


@pytest.mark.parametrize("module", ["clients", "keys", "tokens"])
def test_a_command_that_asks_the_store_imports_neither_a_server_nor_an_http_client(module: str) -> None:
    asked = f"import sys, gateway.cli, gateway.commands.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert {"uvicorn", "starlette", "httpx2", "pymongo"} & set(done.stdout.split()) == set()
