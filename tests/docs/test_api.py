"""docs/api.md is executed: its examples against a running server, its tables against the code."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from bellwire import BellwireError
from bellwire.patience import RETRIES
from bellwire.refusals import BY_CODE
from gateway.http.paging import ListQuery
from gateway.http.problems import STATUS
from gateway.settings import LIMITS, Settings
from inbox.store.base import VERSIONS_MAX
from tests.docs.api import PAGE, answered, blocks, table
from tests.docs.conftest import filled
from tests.docs.protocol import shape
from tests.gateway.http.operations import BACKEND

MARK = "=== end of block ==="
STRICT = "set -euo pipefail\n"


def run(script: str) -> list[str]:
    """What each block of ``script`` printed.

    :raises AssertionError: a command failed.
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{done.stdout[-1000:]}\n{done.stderr}"
    return done.stdout.split(MARK)


def test_every_example_with_curl_runs_and_is_answered_as_shown(words: dict[str, str]) -> None:
    printed = run(STRICT + f"\necho '{MARK}'\n".join(filled(code, words) for code in blocks("sh")))
    for number, text in enumerate(printed):
        shown = answered().get(number, "{}")
        assert ("urn:bellwire:problem" in text) == ("urn:bellwire:problem" in shown), text
        if number in answered():
            last = re.split(r"(?<=})\s*(?={)", text.strip())[-1]
            assert shape(json.loads(last)) == shape(json.loads(shown)), last


def test_every_example_of_the_sdk_runs(words: dict[str, str], tmp_path: Path) -> None:
    names: dict[str, Any] = {"directory": tmp_path}
    try:
        for code in blocks("python"):
            exec(compile(filled(code, words), "docs/api.md", "exec"), names)
    finally:
        names["bell"].close()


def test_the_scopes_are_those_of_the_operations() -> None:
    assert {scope.strip("`") for scope, _ in table("Access")} == {
        each.security for each in BACKEND if each.is_for_backends
    }


def test_the_errors_are_those_of_the_server_and_of_the_sdk() -> None:
    shown = [(code.strip("`"), int(status), sdk.strip("`")) for code, status, _, sdk in table("Errors")]

    assert shown == [(code, status, BY_CODE.get(code, BellwireError).__name__) for code, (status, _) in STATUS.items()]


def test_the_limits_are_those_of_the_server() -> None:
    limits = {what: int(re.sub(r"\D", "", limit)) for what, limit, _ in table("Limits")}

    assert limits == {
        "a request": LIMITS.request_bytes // 1024,
        "recipients of a publish": LIMITS.recipients,
        "title": LIMITS.title_characters,
        "body": LIMITS.body_characters,
        "data": LIMITS.data_bytes // 1024,
        "nesting of data": LIMITS.json_depth,
        "a URL": LIMITS.url_characters,
        "actions": LIMITS.actions,
        "idempotency key": LIMITS.idempotency_key_characters,
        "collapse key": LIMITS.collapse_key_characters,
        "`send_at`": LIMITS.send_ahead_s // 86_400,
        "members changed by a request": LIMITS.member_changes,
        "profiles written by a request": LIMITS.bulk_users,
        "description of a topic": LIMITS.description_characters,
        "data of a signal": LIMITS.signal_bytes // 1024,
        "channels granted by a user token": LIMITS.grants,
        "life of a user token": LIMITS.user_token_ttl_s,
        "items of a page": LIMITS.list_items,
        "requests of one client at once": LIMITS.client_concurrent_requests,
    }


def test_the_figures_in_the_text_are_those_of_the_code() -> None:
    defaults = Settings()
    said = [
        f"lives {LIMITS.access_token_ttl_s // 60} minutes",
        f"leave {defaults.item_keep_s / 86_400:.0f} days after",
        f"up to {RETRIES.attempts} attempts in {RETRIES.total_s:.0f} seconds",
        f"may have {VERSIONS_MAX} versions",
        f"died within the last {LIMITS.presence_lease_s:.0f} seconds",
        f"kept for {LIMITS.revocation_keep_s // 86_400} days",
        f"Up to {LIMITS.revocations:,} may be in force",
        f"`limit` is 1 to {LIMITS.list_items}, by default {ListQuery().limit}",
        f"{defaults.client_requests_per_s:,.0f} requests a second of each process",
        f"{defaults.client_requests_burst:,} in a burst",
    ]
    text = " ".join(PAGE.split())
    assert [each for each in said if each not in text] == []
