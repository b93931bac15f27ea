"""The bound on requests in hand."""

import asyncio

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from gateway.http.admission import Admission, AdmissionStatistics
from gateway.http.problems import plain
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def test_beyond_the_bound_requests_are_turned_away_until_one_ends() -> None:
    end = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await end.wait()
        await plain("not_found", "done")(scope, receive, send)

    admission = Admission(slow, 2, lambda: False, ())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(admission), base_url="http://x") as http:
        waiting = [asyncio.create_task(http.get("/")) for _ in range(2)]
        await until(lambda: admission.statistics().in_hand == 2)
        refused = await http.get("/")
        end.set()
        done = await asyncio.gather(*waiting)

        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert (refused.json()["temporary"], refused.headers["retry-after"]) == (True, "1")
        assert [each.status_code for each in [*done, await http.get("/")]] == [404, 404, 404]
        assert admission.statistics() == AdmissionStatistics(in_hand=0, turned_away=1, shed=0)


async def test_a_request_that_fails_gives_its_place_back() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError

    admission = Admission(broken, 1, lambda: False, ())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(admission), base_url="http://x") as http:
        with pytest.raises(RuntimeError):
            await http.get("/")

    assert admission.statistics().in_hand == 0


async def test_a_websocket_takes_no_place() -> None:
    seen: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(admission.statistics().in_hand)

    admission = Admission(app, 0, lambda: True, ())
    await admission({"type": "websocket"}, None, None)  # type: ignore[arg-type]

    assert seen == [0]


async def test_while_the_store_is_slow_only_what_needs_no_store_is_answered() -> None:
    app = plain("not_found", "reached")
    slow = True
    admission = Admission(app, 10, lambda: slow, ["/healthz"])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(admission), base_url="http://x") as http:
        answers = [await http.get("/v1/inbox"), await http.get("/healthz")]
        slow = False
        answers.append(await http.get("/v1/inbox"))

    assert [each.status_code for each in answers] == [503, 404, 404]
    assert (answers[0].headers["retry-after"], answers[0].json()["temporary"]) == ("1", True)
    assert admission.statistics() == AdmissionStatistics(in_hand=0, turned_away=0, shed=1)
