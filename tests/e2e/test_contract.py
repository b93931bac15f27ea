"""The document is true: a running server is asked everything it describes, rightly and wrongly, step upon step.

By Schemathesis: its examples, every boundary of every schema, chance, and stateful walks along the links. No answer may
be a 5xx or lack its place in the document: status, headers, media type and schema. ``make contract`` asks for longer.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.faults.fleet import Fleet, Program, command
from tests.servers.mongo import MongoServer

EXAMPLES = os.environ.get("BELLWIRE_TEST_EXAMPLES", "4")
"""Of chance, for each operation. The boundaries, 1,300 requests, are asked for in any case."""
SCOPES = ("notifications:write", "notifications:read", "users", "topics")

# What no schema can say (a cursor of this very list, a time zone that exists) is refused as documented: 410 or 422.
CONFIG = """
seed = 1
[auth.openapi]
user.bearer = "${USER_TOKEN}"
client = { username = "${CLIENT_ID}", password = "${CLIENT_SECRET}" }
backend.bearer = "${ACCESS_TOKEN}"
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "410", "422"]
"""

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(params=["sqlite", "mongo"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fleet]:
    mongo = MongoServer(tmp_path) if request.param == "mongo" else None
    environ = {"BELLWIRE_DATA_DIR": str(tmp_path / "data"), "BELLWIRE_CLIENT_REQUESTS_PER_S": "1e6"}
    if mongo is not None:
        mongo.start()
        environ["BELLWIRE_MONGO_URL"] = mongo.url
    fleet = Fleet({**environ, "BELLWIRE_CLIENT_REQUESTS_BURST": "1000000"}, tmp_path)
    yield fleet
    fleet.stop()
    if mongo is not None:
        mongo.stop()


def credentials(fleet: Fleet, program: Program) -> dict[str, str]:
    id, secret = fleet.client(*SCOPES)
    granted = httpx2.post(
        f"{program.url}/oauth/token", data={"grant_type": "client_credentials"}, auth=(id, secret), trust_env=False
    )
    return {
        "CLIENT_ID": id,
        "CLIENT_SECRET": secret,
        "ACCESS_TOKEN": granted.json()["access_token"],
        "USER_TOKEN": command(fleet.environ, "token", "alice"),
    }


def test_no_answer_is_a_5xx_or_outside_the_document(fleet: Fleet, tmp_path: Path) -> None:
    program = fleet.add("serve")
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    tool = Path(sys.executable).with_name("schemathesis")
    asked = f"run {program.url}/openapi.json --checks all --max-examples {EXAMPLES} --continue-on-failure --no-color"
    done = subprocess.run(
        [tool, "--config-file", config, *asked.split()],
        env={**os.environ, **credentials(fleet, program)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=850,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-1_000:]
    assert "Stateful" in done.stdout
