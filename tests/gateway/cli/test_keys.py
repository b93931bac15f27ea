"""``bellwire key``: another signing key, beside a running server."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import jwt
import pytest

from tests.faults.fleet import Fleet
from tests.gateway.cli.conftest import Bellwire


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A server on the data directory of ``bellwire``."""
    fleet = Fleet({"BELLWIRE_DATA_DIR": str(tmp_path / "data")}, tmp_path)
    yield fleet.add("serve").url
    fleet.stop()


def opens(url: str, token: str) -> bool:
    answer = httpx2.get(f"{url}/v1/inbox", headers={"authorization": f"Bearer {token}"}, trust_env=False)
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_a_running_server_honours_a_rotation_at_once_and_the_old_key_too(bellwire: Bellwire, url: str) -> None:
    old = bellwire("token", "alice").stdout.strip()
    assert opens(url, old)
    rotated = bellwire("key", "rotate")
    new = bellwire("token", "alice").stdout.strip()

    assert (opens(url, new), opens(url, old)) == (True, True)
    assert kid(new) == f"bellwire-{rotated.stdout.strip()}" != kid(old)


def test_a_key_of_another_store_is_not_ours(bellwire: Bellwire, url: str, tmp_path: Path) -> None:
    assert not opens(url, bellwire("token", "alice", BELLWIRE_DATA_DIR=str(tmp_path / "other")).stdout.strip())


def test_a_rotation_is_audited_and_listed_and_no_key_is_ever_shown(bellwire: Bellwire) -> None:
    rotated = bellwire("key", "rotate")
    id, line = rotated.stdout.strip(), json.loads(rotated.stderr)
    listed = json.loads(bellwire("key", "list", "--json").stdout)

    assert (line["event"], line["act"], line["target"]) == ("audit", "key rotate", id)
    assert (listed[0]["id"], {*listed[0]}) == (id, {"id", "created_at"})
    assert bellwire("key", "list").stdout.splitlines()[0] == f"{id}  0.0 hours old, signs"
