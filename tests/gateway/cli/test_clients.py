"""``bellwire client``: what an operator does to backends, beside a running server."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from gateway.auth.clients import proves, revoked, rotated
from gateway.commands.clients import rotate_client
from gateway.commands.opener import opened
from gateway.settings import LIMITS, Settings
from inbox.errors import Conflict
from inbox.registered import Client
from inbox.store.sqlite import SqliteStore
from tests.faults.fleet import Fleet
from tests.gateway.cli.conftest import Bellwire
from tests.gateway.cli.test_cli import one_line

GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A server on the data directory of ``bellwire``."""
    fleet = Fleet({"BELLWIRE_DATA_DIR": str(tmp_path / "data")}, tmp_path)
    yield fleet.add("serve").url
    fleet.stop()


def login(url: str, id: str, secret: str) -> httpx2.Response:
    return httpx2.post(f"{url}/oauth/token", data=GRANT, auth=(id, secret), trust_env=False)


def create(bellwire: Bellwire) -> tuple[str, str]:
    made = json.loads(bellwire("client", "create", "shop", "--scope", "notifications:read", "--json").stdout)
    return made["client_id"], made["client_secret"]


def test_clients_are_listed_without_secrets(bellwire: Bellwire) -> None:
    id, secret = create(bellwire)
    (listed,) = json.loads(bellwire("client", "list", "--json").stdout)
    table = bellwire("client", "list").stdout

    assert (listed["client_id"], listed["name"], listed["scopes"]) == (id, "shop", ["notifications:read"])
    assert (listed["live_secrets"], listed["revoked_at"]) == (1, None)
    assert table.split() == [id, "shop", "1", "live", "notifications:read"]
    assert secret not in table + str(listed)


def test_another_tenants_client_is_unknown(bellwire: Bellwire) -> None:
    id, _ = create(bellwire)

    assert id in one_line(bellwire("client", "revoke", id, BELLWIRE_TENANT="other"), 1)
    assert json.loads(bellwire("client", "list", "--json", BELLWIRE_TENANT="other").stdout) == []


@pytest.mark.parametrize("words", [("rotate", "client-nobody"), ("revoke", "a/b")])
def test_an_unknown_client_is_one_line(bellwire: Bellwire, words: tuple[str, str]) -> None:
    assert words[1] in one_line(bellwire("client", *words), 1)


def test_both_secrets_live_while_a_client_rotates_and_without_grace_the_old_one_ends(
    bellwire: Bellwire, url: str
) -> None:
    id, first = create(bellwire)
    second = json.loads(bellwire("client", "rotate", id, "--json").stdout)["client_secret"]
    assert [login(url, id, secret).status_code for secret in (first, second)] == [200, 200]

    third = json.loads(bellwire("client", "rotate", id, "--grace", "0", "--json").stdout)["client_secret"]
    assert [login(url, id, secret).status_code for secret in (first, second, third)] == [401, 401, 200]


def test_a_revoked_client_gets_no_token_and_those_it_has_end_within_10_seconds(bellwire: Bellwire, url: str) -> None:
    id, secret = create(bellwire)
    headers = {"authorization": f"Bearer {login(url, id, secret).json()['access_token']}"}
    asked = f"{url}/v1/notifications/0"
    assert httpx2.get(asked, headers=headers, trust_env=False).status_code == 404
    bellwire("client", "revoke", id)
    revoked_at = time.monotonic()

    assert login(url, id, secret).json()["error"] == "invalid_client"
    while httpx2.get(asked, headers=headers, trust_env=False).status_code != 401:
        assert time.monotonic() - revoked_at < 10
        time.sleep(0.1)
    assert "revoked" in one_line(bellwire("client", "rotate", id), 1)


async def stored(id: str, directory: Path) -> Client | None:
    async with opened(Settings(data_dir=str(directory / "data"))) as store:
        return await store.client(id)


def overtake(monkeypatch: pytest.MonkeyPatch, change: Callable[[Client], Client]) -> None:
    """The next client that is read, somebody else changes at once."""
    read = SqliteStore.client

    async def overtaken(store: SqliteStore, id: str) -> Client | None:
        monkeypatch.setattr(SqliteStore, "client", read)
        found = await store.client(id)
        assert found is not None
        await store.put_client(change(found))
        return found

    monkeypatch.setattr(SqliteStore, "client", overtaken)


def test_a_revocation_that_overtakes_a_rotation_holds(
    bellwire: Bellwire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    id, _ = create(bellwire)
    overtake(monkeypatch, revoked)
    with pytest.raises(Conflict, match="revoked"):
        rotate_client.main([id, "--data-dir", str(tmp_path / "data")], standalone_mode=False)

    (listed,) = json.loads(bellwire("client", "list", "--json").stdout)
    assert listed["revoked_at"] is not None


def test_the_secrets_of_two_rotations_at_once_both_live(
    bellwire: Bellwire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    id, _ = create(bellwire)
    secrets: list[str] = []

    def rotate(client: Client) -> Client:
        made, secret = rotated(client, LIMITS.old_secret_s)
        secrets.append(secret)
        return made

    overtake(monkeypatch, rotate)
    rotate_client.main([id, "--data-dir", str(tmp_path / "data"), "--json"], standalone_mode=False)
    secrets.append(json.loads(capsys.readouterr().out.splitlines()[-1])["client_secret"])

    client = asyncio.run(stored(id, tmp_path))
    assert [proves(client, secret) for secret in secrets] == [True, True]


def test_administrative_acts_are_in_the_audit_and_secrets_are_not(bellwire: Bellwire) -> None:
    made = bellwire("client", "create", "shop", "--scope", "users", "--json")
    said = json.loads(made.stdout)
    lines = [json.loads(each.stderr) for each in (made, bellwire("client", "revoke", said["client_id"]))]

    assert [(line["event"], line["act"], line["outcome"], line["target"], line["client"]) for line in lines] == [
        ("audit", f"client {act}", "ok", said["client_id"], "bellwire-cli") for act in ("create", "revoke")
    ]
    assert said["client_secret"] not in made.stderr
