"""What one user may ask for is counted over all of the user's sessions, and over HTTP."""

import httpx2
import pytest

from tests.gateway.live.node import NodeFactory

pytestmark = pytest.mark.anyio


async def test_marks_on_all_sockets_and_requests_of_a_user_are_counted_together(start: NodeFactory) -> None:
    node = await start(user_requests_burst=3, user_requests_per_s=0.01)
    async with node.client() as one, node.client() as other, node.client() as stranger:
        epoch = (await one.hello("anna"))["epoch"]
        await other.hello("anna")
        await stranger.hello("ben")
        mark = {"upto": 0, "epoch": epoch, "op": "a"}
        for client in (one, other):
            await client.say("seen", **mark)
            await client.hear_t("reply")
        async with httpx2.AsyncClient(headers={"authorization": "Bearer anna"}, trust_env=False) as http:
            counts = f"http://127.0.0.1:{node.port}/v1/inbox/counts"
            answers = [(await http.get(counts)).status_code for _ in range(2)]
        await one.say("seen", **mark)
        refused = await one.hear_t("error")
        await stranger.say("seen", **mark)
        await stranger.hear_t("reply")

    assert answers == [200, 429]
    assert (refused["op"], refused["code"], refused["temporary"]) == ("a", "rate_limited", True)


async def test_requests_for_an_event_stream_are_counted(start: NodeFactory) -> None:
    node = await start(user_requests_burst=1, user_requests_per_s=0.01)
    async with httpx2.AsyncClient(headers={"authorization": "Bearer anna"}, trust_env=False) as http:
        url = f"http://127.0.0.1:{node.port}/v1/stream"
        async with http.stream("GET", url) as first, http.stream("GET", url) as second:
            pass

    assert (first.status_code, second.status_code) == (200, 429)
