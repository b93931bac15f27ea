"""What the SDK does when the network, a proxy or the server does not do its part."""

import asyncio
import threading
import time

import pytest

import bellwire
from bellwire import AsyncClient, Client, Retries
from tests.client_py.conftest import Either, Server, closed, had, inbox
from tests.client_py.front import Cut, Front, Say
from tests.servers.ports import free_port

pytestmark = pytest.mark.anyio

LIMITED = Say(429, {}, b'{"code": "rate_limited", "detail": "expected at most 1 request a second"}')
BUSY = Say(503, {}, b'{"code": "unavailable", "detail": "the store is slow"}')
EXPIRED = Say(401, {}, b'{"code": "token_expired", "detail": "the token has expired"}')
STALE = Say(200, {}, b'{"access_token": "stale", "expires_in": 900}')
GATEWAY = Say(502, {"content-type": "text/html"}, b"<h1>Bad Gateway</h1>")


@pytest.mark.parametrize("fault", [Cut(after=True), Cut(after=False), GATEWAY, BUSY, LIMITED])
async def test_a_publish_whose_answer_is_lost_is_one_item(
    client: Either, server: Server, front: Front, fault: Cut | Say
) -> None:
    before = len(await inbox(server, client, "lost"))
    front.plan("POST /v1/notifications", fault)

    await had(client.notifications.publish(recipients="lost", title="Once"))

    assert front.count("POST /v1/notifications") == 2
    assert len(await inbox(server, client, "lost")) == before + 1


async def test_retry_after_is_honoured(client: Either, front: Front) -> None:
    front.plan("PUT /v1/users", Say(503, {"retry-after": "1"}))
    began = time.monotonic()

    await had(client.users.put("ann"))

    assert time.monotonic() - began >= 1


async def test_a_delete_whose_answer_is_lost_is_done(client: Either, front: Front) -> None:
    await had(client.topics.put("lost"))
    front.plan("DELETE", Cut(after=True))

    await had(client.topics.delete("lost"))

    assert front.count("DELETE") == 2


@pytest.mark.parametrize("fault", [Cut(after=True), BUSY, GATEWAY])
async def test_a_signal_is_not_sent_again_when_it_may_have_been_shown(
    client: Either, front: Front, fault: Cut | Say
) -> None:
    front.plan("POST /v1/topics", fault)

    with pytest.raises(bellwire.Unavailable) as failed:
        await had(client.topics.signal("room:7", {}))

    assert failed.value.maybe_done
    assert front.count("POST /v1/topics") == 1


async def test_a_signal_that_was_refused_is_sent_again(client: Either, front: Front) -> None:
    front.plan("POST /v1/topics", LIMITED)

    await had(client.topics.signal("room:7", {}))

    assert front.count("POST /v1/topics") == 2


async def test_a_refused_token_is_replaced_once(client: Either, front: Front) -> None:
    front.plan("POST /oauth/token", STALE)
    await had(client.users.put("ann"))
    assert (front.count("POST /oauth/token"), front.count("PUT /v1/users")) == (2, 2)

    front.plan("GET /v1/users", EXPIRED)
    front.plan("POST /oauth/token", STALE)
    with pytest.raises(bellwire.Unauthorized):
        await had(client.users.get("ann"))
    assert (front.count("POST /oauth/token"), front.count("GET /v1/users")) == (3, 2)


async def test_a_token_endpoint_that_stumbles_is_asked_again(client: Either, front: Front) -> None:
    front.plan("POST /oauth/token", Cut(after=True), GATEWAY)

    await had(client.users.put("ann"))

    assert front.count("POST /oauth/token") == 3


@pytest.mark.parametrize("kind", [Client, AsyncClient])
async def test_a_wrong_secret_is_said_at_once_and_not_shown(kind: type[Client], server: Server, front: Front) -> None:
    client = kind(front.url, server.client[0], "swordfish")

    with pytest.raises(bellwire.Unauthorized, match="check the client's id and secret") as failed:
        await had(client.users.get("ann"))

    assert failed.value.code == "invalid_client"
    assert front.seen == ["POST /oauth/token"]
    assert "swordfish" not in f"{client!r} {failed.value!r} {vars(client)}"
    await closed(client)


async def test_fifty_calls_at_once_fetch_one_token(server: Server, front: Front) -> None:
    async with AsyncClient(front.url, *server.client) as client:
        await asyncio.gather(*(client.topics.signal("room:7", {}) for _ in range(50)))

    assert front.count("POST /oauth/token") == 1
    assert front.count("POST /v1/topics") == 50


def test_ten_threads_at_once_fetch_one_token(server: Server, front: Front) -> None:
    with Client(front.url, *server.client) as client:
        threads = [threading.Thread(target=client.topics.signal, args=("room:7", {})) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert front.count("POST /oauth/token") == 1
    assert front.count("POST /v1/topics") == 10


async def test_whoever_waits_for_a_token_shares_the_failure(server: Server, front: Front) -> None:
    front.plan("POST /oauth/token", *[GATEWAY] * 4)
    async with AsyncClient(front.url, *server.client, retries=Retries(2)) as client:
        results = await asyncio.gather(*(client.users.get("ann") for _ in range(20)), return_exceptions=True)

    assert {type(result) for result in results} == {bellwire.Unavailable}
    assert front.count("POST /oauth/token") == 2


@pytest.mark.parametrize("kind", [Client, AsyncClient])
async def test_a_given_token_is_used_as_it_is(kind: type[Client], front: Front) -> None:
    client = kind(front.url, token="given")

    with pytest.raises(bellwire.Unauthorized):
        await had(client.users.get("ann"))

    assert (front.seen, front.authorizations) == (["GET /v1/users/ann"], ["Bearer given"])
    await closed(client)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
async def test_a_server_that_is_not_there_is_given_up_in_time(kind: type[Client]) -> None:
    client = kind(f"http://127.0.0.1:{free_port()}", token="x", retries=Retries(attempts=100, total_s=0.5))
    began = time.monotonic()

    with pytest.raises(bellwire.Unreachable, match="is the server running") as failed:
        await had(client.users.get("ann"))

    assert not failed.value.maybe_done
    assert time.monotonic() - began < 5
    await closed(client)


async def test_something_else_than_bellwire_is_named(client: Either, front: Front) -> None:
    front.plan("GET /v1/users", Say(200, {"content-type": "text/html"}, b"<h1>Welcome</h1>"))

    with pytest.raises(bellwire.BellwireError, match=r"not Bellwire's.*check the URL"):
        await had(client.users.get("ann"))
