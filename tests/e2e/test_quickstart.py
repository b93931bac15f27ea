"""What the README says, run for real: processes, ports, a kill, and the spread-out form."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.listener import Listener
from tests.faults.fleet import Fleet, command
from tests.servers.mongo import MongoServer
from tests.servers.redis import RedisServer

Listen = Callable[..., Listener]


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet({"BELLWIRE_DATA_DIR": str(tmp_path / "data")}, tmp_path)
    yield fleet
    fleet.stop()


@pytest.fixture
def spread(tmp_path: Path) -> Iterator[Fleet]:
    redis, mongo = RedisServer(tmp_path), MongoServer(tmp_path)
    redis.start()
    mongo.start()
    fleet = Fleet({"BELLWIRE_REDIS_URL": redis.url, "BELLWIRE_MONGO_URL": mongo.url}, tmp_path)
    yield fleet
    fleet.stop()
    mongo.stop()
    redis.stop()


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Starts listeners; none is left when the test ends."""
    started: list[Listener] = []

    def start(fleet: Fleet, user: str, *words: str) -> Listener:
        started.append(Listener(user, fleet.environ, *words))
        return started[-1]

    yield start
    for listener in started:
        listener.end(signal.SIGKILL)


def send(fleet: Fleet, url: str, title: str) -> dict[str, object]:
    answer: dict[str, object] = json.loads(command(fleet.environ, "send", "alice", "--title", title, "--api-url", url))
    return answer


def refused(fleet: Fleet, *words: str) -> str:
    """The one line of a command that fails."""
    with pytest.raises(AssertionError) as failed:
        command(fleet.environ, *words)
    return str(failed.value)


def test_the_two_commands_of_the_readme_show_a_notification_arriving(alone: Fleet, listen: Listen) -> None:
    url = alone.add("serve").url
    listener = listen(alone, "alice", "--url", url)
    welcome = listener.next()
    assert (welcome["t"], welcome["resumed"], welcome["seq"], welcome["items"]) == ("welcome", False, 0, [])

    answer = send(alone, url, "Hello")
    assert (answer["accepted"], answer["rejected"]) == (1, [])
    entry = listener.next()
    assert (entry["seq"], entry["kind"], entry["item"]["title"]) == (1, "created", "Hello")
    assert entry["item"]["notification"] == answer["id"]
    assert entry["counts"] == {"unread": 1, "unseen": 1}


def test_listen_outlives_a_killed_server_and_misses_nothing(alone: Fleet, listen: Listen) -> None:
    program = alone.add("serve")
    listener = listen(alone, "alice", "--url", program.url)
    listener.next()
    send(alone, program.url, "before")
    assert listener.next()["item"]["title"] == "before"

    program.kill()
    program.start()
    for title in ("while away", "after"):
        send(alone, program.url, title)
    missed = [listener.next() for _ in range(2)]
    assert [(entry["seq"], entry["item"]["title"]) for entry in missed] == [(2, "while away"), (3, "after")]


def test_another_users_listener_hears_nothing(alone: Fleet, listen: Listen) -> None:
    url = alone.add("serve").url
    alice, bob = listen(alone, "alice", "--url", url), listen(alone, "bob", "--url", url)
    alice.next()
    bob.next()
    send(alone, url, "for alice")
    assert alice.next()["item"]["title"] == "for alice"
    command(alone.environ, "send", "bob", "--title", "for bob", "--url", url)
    assert (entry := bob.next())["item"]["title"] == "for bob"
    assert entry["seq"] == 1


def test_ctrl_c_ends_listen_with_130(alone: Fleet) -> None:
    listener = Listener("alice", alone.environ, "--url", alone.add("serve").url)
    listener.next()
    assert listener.end(signal.SIGINT) == 130


def test_the_same_commands_work_across_processes_and_name_the_other_side(spread: Fleet, listen: Listen) -> None:
    gateway, api, _ = spread.add("gateway"), spread.add("api"), spread.add("worker")
    listener = listen(spread, "alice", "--url", gateway.url)
    listener.next()
    answer = send(spread, api.url, "Hello")
    entry = listener.next()
    assert (entry["seq"], entry["item"]["notification"]) == (1, answer["id"])
    assert "--api-url" in refused(spread, "send", "alice", "--title", "x", "--url", gateway.url)
    assert "--url" in refused(spread, "listen", "alice", "--url", api.url)


def test_doctor_finds_a_running_fleet_healthy(spread: Fleet) -> None:
    for role in ("gateway", "api", "worker"):
        spread.add(role)
    said = command(spread.environ, "doctor")
    assert [line.split()[:2] for line in said.splitlines()] == [
        ["ok", "configuration"],
        ["ok", "store"],
        ["ok", "bus"],
        ["ok", "clock"],
    ]
    assert "3 running processes" in said
