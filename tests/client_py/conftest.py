"""The SDK against a real server: every test that takes ``client`` runs once with each kind."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, TypeVar, cast

import httpx2
import pytest
from msgspec import Struct

from bellwire import AsyncClient, Client
from tests.client_py.front import Front
from tests.faults.fleet import Fleet

T = TypeVar("T")
Either = Client
"""A client of either kind; what its methods give goes through ``had`` or ``each``."""


class Server(Struct, frozen=True):
    """A running ``bellwire serve``, and a client that may do everything."""

    url: str
    client: tuple[str, str]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("client_py")
    fleet = Fleet({"BELLWIRE_DATA_DIR": str(directory / "data")}, directory)
    try:
        url = fleet.add("serve").url
        yield Server(url, fleet.client("notifications:write", "notifications:read", "users", "topics"))
    finally:
        fleet.stop()


@pytest.fixture
def front(server: Server) -> Iterator[Front]:
    with Front(server.url) as made:
        yield made


@pytest.fixture(params=[Client, AsyncClient])
async def client(request: pytest.FixtureRequest, server: Server, front: Front) -> AsyncIterator[Either]:
    """It talks to the server through ``front``."""
    made = request.param(front.url, *server.client)
    yield made
    await closed(made)


async def closed(client: Client | AsyncClient) -> None:
    if isinstance(client, AsyncClient):
        await client.aclose()
    else:
        client.close()


async def had(result: T) -> T:
    """What a method of a client of either kind gives in the end."""
    return await cast("Awaitable[T]", result) if inspect.isawaitable(result) else result


async def each(results: Iterator[T]) -> list[T]:
    """What an iterator of a client of either kind goes through."""
    if hasattr(results, "__aiter__"):
        return [one async for one in cast("AsyncIterator[T]", results)]
    return list(results)


async def inbox(server: Server, client: Either, user: str) -> list[dict[str, Any]]:
    """What ``user`` sees."""
    token = (await had(client.users.token(user))).token
    async with httpx2.AsyncClient(base_url=server.url, headers={"authorization": f"Bearer {token}"}) as http:
        items: list[dict[str, Any]] = (await http.get("/v1/inbox", params={"limit": 100})).json()["items"]
    return items
