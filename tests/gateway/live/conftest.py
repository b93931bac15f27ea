"""Everything live runs on both event loops."""

from collections.abc import AsyncIterator

import pytest

from tests.gateway.live.node import Node, NodeFactory, nodes


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
        pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
    ],
)
def anyio_backend(request: pytest.FixtureRequest) -> object:
    return request.param


@pytest.fixture
async def start(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NodeFactory]:
    """Starts nodes with limits or a bus of the test's choice."""
    async with nodes(tmp_path_factory.mktemp("node")) as factory:
        yield factory


@pytest.fixture
async def node(start: NodeFactory) -> Node:
    return await start()
