"""The document is true: a running server is asked everything it describes, rightly and wrongly, step upon step.

By Schemathesis: its examples, every boundary of every schema, chance, and walks along the links. No answer may be a 5xx
or lack its place in the document: status, headers, media type and schema. ``make contract`` asks for longer.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from inbox.times import rfc3339
from tests.faults.fleet import Fleet, Program, command
from tests.servers.mongo import MongoServer

EXAMPLES = int(os.environ.get("BELLWIRE_TEST_EXAMPLES", "3"))
"""Of chance for each operation, and walks."""
SCOPES = ("notifications:write", "notifications:read", "users", "topics")
HOUR_MS = 3_600_000

# What no schema can say (a cursor of this very list, a time zone that exists) is refused as documented: 410 or 422.
# The dictionaries make strangers meet: one step publishes to a user, another reads that user's inbox.
# A user needs no profile to be in topics: what is asked of one who was erased is answered, with nothing.
# Carol keeps her token: all that is asked as a user is asked with it, in the end more often than one user may.
CONFIG = """
[generation]
max-examples = %(examples)d

[auth.openapi]
user.bearer = "${USER_TOKEN}"
client = { username = "${CLIENT_ID}", password = "${CLIENT_SECRET}" }
backend.bearer = "${ACCESS_TOKEN}"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "410", "422", "429"]

[phases.stateful.generation]
mode = "positive"
max-examples = 100

[dictionaries]
users.values = ["carol", "dan"]
topics.values = ["room"]
soon.values = ["%(soon)s"]
later.values = ["%(later)s"]

[parameters]
"path.topic" = { dictionary = "topics", probability = 0.5 }
"path.id" = { dictionary = "users", probability = 0.5 }
"body.topic" = { dictionary = "topics", probability = 0.5 }
"body.recipients[*]" = { dictionary = "users", probability = 0.5 }
"body.add[*]" = { dictionary = "users", probability = 0.5 }
"body.remove[*]" = { dictionary = "users", probability = 0.5 }
"body.send_at" = { dictionary = "soon", probability = 0.5 }
"body.expires_at" = { dictionary = "later", probability = 0.5 }

# Its answer has no end; tests/gateway/live reads it.
[[operations]]
include-operation-id = "follow_stream"
enabled = false

[[operations]]
include-operation-id = "end_sessions"
parameters = { "path.id" = "dan" }

[[operations]]
include-operation-id = ["list_topics_of_user", "list_sessions", "export_user"]
checks.use_after_free.enabled = false
"""

pytestmark = pytest.mark.timeout(900)


class Asked:
    """A server, asked by a backend with every scope and by the user carol, who has something in her inbox."""

    def __init__(self, store: str, fleet: Fleet, program: Program, directory: Path) -> None:
        self.store = store
        self._url = program.url
        self._directory = directory
        self._environ = {**os.environ, **credentials(fleet, program)}
        now = time.time_ns() // 1_000_000
        values = {"examples": EXAMPLES, "soon": rfc3339(now + HOUR_MS), "later": rfc3339(now + 2 * HOUR_MS)}
        (directory / "schemathesis.toml").write_text(CONFIG % values)

    def everything(self, phases: str, seed: int = 1) -> None:
        tool = Path(sys.executable).with_name("schemathesis")
        asked = f"--config-file schemathesis.toml run {self._url}/openapi.json --continue-on-failure"
        done = subprocess.run(
            [tool, *asked.split(), "--no-color", "--phases", phases, "--seed", str(seed)],
            env=self._environ,
            cwd=self._directory,
            capture_output=True,
            text=True,
            timeout=850,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-1_000:]


def credentials(fleet: Fleet, program: Program) -> dict[str, str]:
    id, secret = fleet.client(*SCOPES)
    with httpx2.Client(base_url=program.url, trust_env=False) as http:
        granted = http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(id, secret))
        access_token = granted.json()["access_token"]
        for title in ("One", "Two", "Three"):
            body = {"recipients": ["carol"], "title": title}
            sent = http.post("/v1/notifications", json=body, headers={"authorization": f"Bearer {access_token}"})
            assert sent.status_code == 202, sent.text
    user_token = command(fleet.environ, "token", "carol")
    return {"CLIENT_ID": id, "CLIENT_SECRET": secret, "ACCESS_TOKEN": access_token, "USER_TOKEN": user_token}


@pytest.fixture(scope="module", params=["sqlite", "mongo"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    directory = tmp_path_factory.mktemp(request.param)
    environ = {"BELLWIRE_DATA_DIR": str(directory / "data"), "BELLWIRE_CLIENT_REQUESTS_PER_S": "1e6"}
    mongo = MongoServer(directory) if request.param == "mongo" else None
    if mongo is not None:
        mongo.start()
        environ["BELLWIRE_MONGO_URL"] = mongo.url
    fleet = Fleet({**environ, "BELLWIRE_CLIENT_REQUESTS_BURST": "1000000"}, directory)
    try:
        yield Asked(request.param, fleet, fleet.add("serve"), directory)
    finally:
        fleet.stop()
        if mongo is not None:
            mongo.stop()


@pytest.mark.parametrize("phases", ["examples,fuzzing", "coverage"])
def test_no_answer_is_a_5xx_or_outside_the_document(server: Asked, phases: str) -> None:
    if phases == "coverage" and server.store == "mongo" and "BELLWIRE_TEST_EXAMPLES" not in os.environ:
        pytest.skip("boundaries, 1,300 requests: on this store with make contract")
    server.everything(phases)


@pytest.mark.parametrize("seed", range(EXAMPLES))
def test_no_walk_along_the_links_leaves_the_document(server: Asked, seed: int) -> None:
    server.everything("stateful", seed)
