"""The command line's contract with scripts: what is printed where, and the exit codes."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest

from gateway.commands.options import HELP
from gateway.settings import FIELDS
from tests.gateway.cli.conftest import Bellwire
from tests.servers.ports import free_port


def one_line(done: "subprocess.CompletedProcess[str]", code: int) -> str:
    """The one line that a failed command leaves on standard error."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_token_prints_the_bare_token_and_nothing_else(bellwire: Bellwire) -> None:
    done = bellwire("token", "alice", "--ttl", "60")
    claims = jwt.decode(done.stdout.removesuffix("\n"), options={"verify_signature": False})
    assert (claims["sub"], claims["tenant"]) == ("alice", "default")
    assert claims["exp"] - time.time() == pytest.approx(60, abs=30)


def test_client_create_prints_id_and_secret_as_json(bellwire: Bellwire) -> None:
    done = bellwire("client", "create", "backend", "--scope", "users", "--scope", "topics", "--json")
    assert json.loads(done.stdout).keys() == {"client_id", "client_secret"}


def test_a_clients_secret_is_not_in_the_store(bellwire: Bellwire, tmp_path: Path) -> None:
    secret = json.loads(bellwire("client", "create", "backend", "--scope", "users", "--json").stdout)["client_secret"]
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
    assert b"backend" in kept
    assert secret.encode() not in kept


def test_an_unknown_scope_is_one_line_that_names_the_known(bellwire: Bellwire) -> None:
    assert "notifications:write" in one_line(bellwire("client", "create", "backend", "--scope", "nope"), 1)


def test_a_malformed_user_is_one_line(bellwire: Bellwire) -> None:
    assert "user: expected 1-128" in one_line(bellwire("token", "a/b"), 1)


@pytest.mark.parametrize("words", [("listen", "alice"), ("send", "alice", "--title", "Hello")])
def test_a_server_that_is_not_there_is_one_line_that_says_how_to_start_it(
    bellwire: Bellwire, words: tuple[str, ...]
) -> None:
    assert "bellwire serve" in one_line(bellwire(*words, BELLWIRE_PORT=str(free_port())), 1)


def test_a_url_that_cannot_be_one_is_one_line(bellwire: Bellwire) -> None:
    assert "url: expected http" in one_line(bellwire("send", "alice", "--title", "Hello", "--url", "localhost:80"), 1)


def test_a_time_that_is_none_is_exit_2_and_says_what_one_looks_like(bellwire: Bellwire) -> None:
    done = bellwire("send", "alice", "--title", "Hello", "--send-at", "tomorrow")
    assert done.returncode == 2
    assert "%Y-%m-%dT%H:%M:%S%z" in done.stderr


def test_a_token_that_should_come_from_standard_input_and_does_not_is_one_line(bellwire: Bellwire) -> None:
    assert "standard input" in one_line(bellwire("listen", "alice", "--token", "-"), 2)


@pytest.mark.parametrize("role", ["gateway", "api", "worker"])
def test_a_role_apart_without_both_urls_is_one_line_and_exit_2(bellwire: Bellwire, role: str) -> None:
    assert "BELLWIRE_MONGO_URL and BELLWIRE_REDIS_URL" in one_line(bellwire(role), 2)


def test_a_short_secret_is_one_line_and_exit_2(bellwire: Bellwire) -> None:
    line = one_line(bellwire("serve", BELLWIRE_USER_JWT_SECRET="swordfish"), 2)
    assert "32" in line
    assert "swordfish" not in line


def test_a_setting_of_another_type_is_one_line_that_names_it_and_exit_2(bellwire: Bellwire) -> None:
    assert "BELLWIRE_LOG_KEEP_S: expected `float`" in one_line(bellwire("serve", BELLWIRE_LOG_KEEP_S="long"), 2)


def test_a_store_that_cannot_be_used_is_one_line(bellwire: Bellwire, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    database = sqlite3.connect(tmp_path / "data" / "bellwire.sqlite3")
    database.execute("PRAGMA user_version = 999")
    database.close()
    one_line(bellwire("token", "alice"), 2)


def test_a_reader_that_left_is_no_crash(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli", "token", "alice"],
            env={**os.environ, "BELLWIRE_DATA_DIR": str(tmp_path)},
            stdout=pipe,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


def test_an_unknown_flag_is_exit_2(bellwire: Bellwire) -> None:
    assert bellwire("serve", "--nope").returncode == 2


def test_version_is_printed(bellwire: Bellwire) -> None:
    assert bellwire("--version").stdout.startswith("bellwire, version ")


def test_a_token_given_is_read_from_standard_input_and_used_as_it_is(bellwire: Bellwire, tmp_path: Path) -> None:
    done = bellwire("listen", "alice", "--token", "-", stdin="given\n", BELLWIRE_PORT=str(free_port()))
    assert done.returncode == 1
    assert not (tmp_path / "data").exists(), "nothing was minted, so no store was opened"


def test_secrets_are_no_flags() -> None:
    assert FIELDS.keys() - HELP.keys() == {"redis_url", "mongo_url", "user_jwt_secret", "test"}


def test_every_setting_but_the_secrets_is_a_flag_of_its_name(bellwire: Bellwire) -> None:
    text = bellwire("serve", "--help").stdout
    assert [name for name in HELP if f"--{name.replace('_', '-')} " not in text] == []
