"""A running server for the examples."""

from collections.abc import Iterator

import pytest

from tests.faults.fleet import Fleet


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What stands in the examples for a running server and its client, and what is true."""
    directory = tmp_path_factory.mktemp("docs")
    fleet = Fleet({"BELLWIRE_DATA_DIR": str(directory / "data")}, directory)
    try:
        url = fleet.add("serve").url
        id, secret = fleet.client("notifications:write", "notifications:read", "users", "topics")
        yield {"http://127.0.0.1:8080": url, "CLIENT_ID": id, "CLIENT_SECRET": secret}
    finally:
        fleet.stop()


def filled(code: str, words: dict[str, str]) -> str:
    """``code`` with what is true."""
    for word, value in words.items():
        code = code.replace(word, value)
    return code
