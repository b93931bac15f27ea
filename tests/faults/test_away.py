"""Clients that were away come back: complete, or told so (P4)."""

import asyncio

import httpx2
import pytest

from tests.faults.backend import Backend
from tests.faults.device import Device, verdict
from tests.faults.fleet import Fleet
from tests.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


async def _away_for(program_url: str, backend: Backend, http: httpx2.AsyncClient, entries: int) -> Device:
    """A device that has 5 entries, is away while ``entries`` more are published, and is back up to date."""
    device = Device(program_url, await backend.user_token("alice"), http)
    await device.start()
    for n in range(5):
        await backend.publish(["alice"], f"before {n}")
    await until(lambda: device.seq == 5)
    await device.stop()
    for n in range(0, entries, 50):
        await asyncio.gather(*(backend.publish(["alice"], f"away {i}") for i in range(n, min(n + 50, entries))))
    device._task = asyncio.create_task(device._live())
    await until(lambda: device.seq == 5 + entries, timeout_s=30)
    return device


@pytest.mark.parametrize("entries", [10, 900])
async def test_a_client_that_was_away_gets_every_entry_since(
    entries: int, alone: Fleet, http: httpx2.AsyncClient
) -> None:
    program = await asyncio.to_thread(alone.add, "serve")
    backend = await Backend(
        program.url, http, await asyncio.to_thread(alone.client, "notifications:write", "users")
    ).login()
    device = await _away_for(program.url, backend, http, entries)
    assert (device.resumes, device.snapshots, device.fetches) == (1, 1, 0)
    assert [seq for seq, _ in device.applied] == list(range(1, 6 + entries))
    await verdict([device])
    await device.stop()


async def test_beyond_the_reach_of_the_log_a_client_is_told_and_gets_a_snapshot(
    alone: Fleet, http: httpx2.AsyncClient
) -> None:
    alone.environ |= {"BELLWIRE_TEST": "1", "BELLWIRE_LOG_KEEP_ENTRIES": "20", "BELLWIRE_LOG_KEEP_S": "1"}
    program = await asyncio.to_thread(alone.add, "serve")
    backend = await Backend(
        program.url, http, await asyncio.to_thread(alone.client, "notifications:write", "users")
    ).login()
    token = await backend.user_token("alice")
    device = await Device(program.url, token, http).start()
    await backend.publish(["alice"], "before")
    await until(lambda: device.seq == 1)
    await device.stop()
    for n in range(100):
        await backend.publish(["alice"], f"away {n}")

    async def trimmed() -> bool:
        answer = await http.get(
            f"{program.url}/v1/inbox/changes",
            params={"epoch": device.epoch, "since": 1},
            headers={"authorization": f"Bearer {token}"},
        )
        return answer.status_code == 410 and answer.json()["code"] == "stream_reset"

    await until(trimmed, timeout_s=15)
    device._task = asyncio.create_task(device._live())
    await until(lambda: device.seq == 101 and device.compared == 2)
    assert (device.resumes, device.snapshots, device.compared) == (0, 2, 2)
    await verdict([device])
    await device.stop()
