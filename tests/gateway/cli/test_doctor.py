"""``bellwire doctor``: one line a check, and what to do about it."""

import pytest

from gateway.commands.doctor import Finding, clocks, configuration
from gateway.settings import Settings
from inbox.registered import Process
from tests.gateway.cli.conftest import Bellwire
from tests.servers.ports import free_port


def process(skew_ms: int) -> Process:
    return Process("p1", "gateway", "node-7", 0, 0, 42, skew_ms)


def levels(stdout: str) -> list[tuple[str, str]]:
    return [(line.split()[0], line.split()[1]) for line in stdout.splitlines()]


def test_an_embedded_store_without_a_server_is_all_right(bellwire: Bellwire) -> None:
    done = bellwire("doctor")
    assert done.returncode == 0
    assert levels(done.stdout) == [("ok", "configuration"), ("ok", "store"), ("ok", "bus"), ("ok", "clock")]


def test_a_redis_that_is_away_fails_and_names_the_setting(bellwire: Bellwire) -> None:
    done = bellwire("doctor", BELLWIRE_REDIS_URL=f"redis://:swordfish@127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert ("fail", "bus") in levels(done.stdout)
    assert "BELLWIRE_REDIS_URL" in done.stdout
    assert "swordfish" not in done.stdout + done.stderr


def test_a_redis_address_that_cannot_be_one_fails_the_bus_and_not_the_store(bellwire: Bellwire) -> None:
    done = bellwire("doctor", BELLWIRE_REDIS_URL="redis://127.0.0.1:swordfish")
    assert done.returncode == 1
    assert {("ok", "store"), ("fail", "bus"), ("ok", "clock")} <= set(levels(done.stdout))
    assert "BELLWIRE_REDIS_URL" in done.stdout


def test_a_mongodb_that_is_away_fails_and_names_the_setting(bellwire: Bellwire) -> None:
    done = bellwire("doctor", BELLWIRE_MONGO_URL=f"mongodb://root:swordfish@127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert ("fail", "store") in levels(done.stdout)
    assert "BELLWIRE_MONGO_URL" in done.stdout
    assert "swordfish" not in done.stdout + done.stderr


@pytest.mark.parametrize("skew_ms", [-5_001, 5_001, 90_000])
def test_a_clock_more_than_5_s_off_fails_and_names_the_process(skew_ms: int) -> None:
    (finding,) = clocks([process(0), process(skew_ms)])
    assert finding.level == "fail"
    assert "node-7 (pid 42)" in finding.text
    assert "NTP" in finding.text


def test_clocks_within_5_s_are_all_right() -> None:
    (finding,) = clocks([process(-5_000), process(300)])
    assert finding == Finding("ok", "clock", "2 running processes, at most 5000 ms off")


def test_one_url_of_two_is_warned_of_by_the_name_of_the_other() -> None:
    (finding,) = configuration(Settings(redis_url="redis://127.0.0.1"))
    assert finding.level == "warn"
    assert "BELLWIRE_MONGO_URL" in finding.text


def test_lifted_safety_limits_are_warned_of() -> None:
    assert [finding.level for finding in configuration(Settings(test=True))] == ["ok", "warn"]
