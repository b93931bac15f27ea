"""``bellwire send`` against a running server: to a user, to a topic, later."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.fleet import Fleet

Send = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def send(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Send]:
    """Run ``bellwire send WORDS`` beside a running server."""
    directory: Path = tmp_path_factory.mktemp("send")
    fleet = Fleet({"BELLWIRE_DATA_DIR": str(directory / "data")}, directory)

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "gateway.cli", "send", "--title", "Hello", "--url", url, *words],
            env={**os.environ, **fleet.environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    try:
        url = fleet.add("serve").url
        yield run
    finally:
        fleet.stop()


def test_the_answer_is_printed_as_the_server_gave_it(send: Send) -> None:
    answer = json.loads(send("alice", "--body", "There", "--collapse-key", "k", "--category", "news").stdout)

    assert len(answer.pop("id")) == 26
    assert answer == {"accepted": 1, "duplicates": 0, "rejected": []}


def test_a_time_to_come_and_a_time_to_go_are_taken(send: Send) -> None:
    done = send("alice", "--send-at", "2027-01-01T00:00:00Z", "--expires-at", "2027-01-02T00:00:00+01:00")

    assert json.loads(done.stdout)["accepted"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--topic", "nowhere"), "topic: expected a topic that exists"),
        ((), "recipients: expected either recipients or a topic"),
        (("alice", "--topic", "nowhere"), "recipients: expected either recipients or a topic"),
        (("alice", "--category", "No!"), "category: expected"),
        (("alice", "--token", "wrong"), "expected a JSON Web Token"),
    ],
)
def test_what_the_server_refuses_is_one_line(send: Send, words: tuple[str, ...], said: str) -> None:
    done = send(*words)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert said in done.stderr
