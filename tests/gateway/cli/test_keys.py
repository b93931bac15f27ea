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


def test_keys_are_listed_newest_first_by_id_and_age_without_their_values(bellwire: Bellwire, tmp_path: Path) -> None:
    ids = [bellwire("key", "rotate").stdout.strip() for _ in range(2)]
    listed = json.loads(bellwire("key", "list", "--json").stdout)

    assert [each["id"] for each in listed][:2] == ids[::-1]
    assert {*listed[0]} == {"id", "created_at"}
    assert bellwire("key", "list").stdout.splitlines()[0] == f"{ids[1]}  0.0 hours old, signs"


def test_a_rotation_is_in_the_audit(bellwire: Bellwire) -> None:
    done = bellwire("key", "rotate")
    line = json.loads(done.stderr)

    assert (line["event"], line["act"], line["target"]) == ("audit", "key rotate", done.stdout.strip())
