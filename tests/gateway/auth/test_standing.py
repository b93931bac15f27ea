"""How soon a revocation is felt, and what it costs to know."""

from unittest.mock import AsyncMock

import pytest

from gateway.auth.clients import CLI_CLIENT, new_client, revoked
from gateway.auth.standing import Standings
from gateway.settings import LIMITS
from inbox.errors import Unauthorized, Unavailable
from inbox.registered import Client
from inbox.store.base import Store

pytestmark = pytest.mark.anyio

CLIENT, _ = new_client("acme", "shop", ["users"])


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("gateway.auth.standing.monotonic_s", lambda: made.now)
    return made


def store(found: Client | None) -> AsyncMock:
    made = AsyncMock(Store)
    made.client.return_value = found
    return made


async def test_a_client_is_looked_up_once_in_a_while_however_often_it_asks(clock: Clock) -> None:
    asked = store(CLIENT)
    standings = Standings(asked)
    for step in range(100):
        clock.now = 1_000.0 + step * LIMITS.client_check_s / 101
        await standings.require_live(CLIENT.id)

    assert asked.client.await_count == 1


async def test_a_revocation_is_felt_within_10_seconds(clock: Clock) -> None:
    asked = store(CLIENT)
    standings = Standings(asked)
    await standings.require_live(CLIENT.id)
    asked.client.return_value = revoked(CLIENT)
    clock.now += 10

    with pytest.raises(Unauthorized, match="revoked"):
        await standings.require_live(CLIENT.id)


async def test_a_client_that_is_nowhere_is_refused(clock: Clock) -> None:
    with pytest.raises(Unauthorized):
        await Standings(store(None)).require_live("client-nobody")


async def test_the_command_line_is_not_looked_up() -> None:
    asked = store(None)
    await Standings(asked).require_live(CLI_CLIENT)

    asked.client.assert_not_awaited()


async def test_while_the_store_is_away_one_request_a_second_feels_it_and_the_others_go_on(clock: Clock) -> None:
    asked = store(CLIENT)
    standings = Standings(asked)
    await standings.require_live(CLIENT.id)
    asked.client.side_effect = Unavailable("away")
    clock.now += 10
    with pytest.raises(Unavailable):
        await standings.require_live(CLIENT.id)
    for _ in range(100):
        await standings.require_live(CLIENT.id)

    assert asked.client.await_count == 2


async def test_as_many_clients_are_remembered_as_the_limit_says(clock: Clock) -> None:
    asked = store(CLIENT)
    standings = Standings(asked)
    for number in [*range(LIMITS.clients_remembered + 1), 0]:
        await standings.require_live(f"client-{number}")

    assert asked.client.await_count == LIMITS.clients_remembered + 2
