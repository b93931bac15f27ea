"""What a page in a real Chromium sees when the server ends its session."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.live.codes import CloseCode
from tests.browser.chromium import Chromium
from tests.browser.page import Page, web_server
from tests.browser.provocations import PROVOCATIONS
from tests.browser.stage import Stage, backend_of, hello
from tests.faults.fleet import Fleet, Program
from tests.servers.ports import free_port

pytestmark = pytest.mark.anyio

SAYS_BYE = {CloseCode.DRAIN, CloseCode.CANNOT_VERIFY}
"""The server asks these to come back, so it says when."""
ABORTS = {CloseCode.SLOW, CloseCode.HEARTBEAT_LOST}
"""Nothing reaches these clients, so no code does either."""
ABNORMAL = 1006


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    browser = Chromium(tmp_path_factory.mktemp("profile"))
    browser.start()
    yield browser
    browser.stop()


@pytest.fixture(scope="module")
def web_port() -> Iterator[int]:
    with web_server() as port:
        yield port


@pytest.fixture(scope="module")
def origin(web_port: int) -> str:
    return f"http://127.0.0.1:{web_port}"


@pytest.fixture(scope="module")
def fleet(origin: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Its key server is away; the tokens that it makes itself are good all the same."""
    directory = tmp_path_factory.mktemp("serve")
    environ = {
        "BELLWIRE_DATA_DIR": str(directory / "data"),
        "BELLWIRE_ALLOWED_ORIGINS": origin,
        "BELLWIRE_USER_JWKS_URL": f"http://127.0.0.1:{free_port()}/keys",
    }
    fleet = Fleet(environ, directory)
    yield fleet
    fleet.stop()


@pytest.fixture(scope="module")
def serve(fleet: Fleet) -> Program:
    return fleet.add("serve")


@pytest.fixture(scope="module")
def client(fleet: Fleet, serve: Program) -> tuple[str, str]:
    return fleet.client("users", "notifications:write")


@pytest.fixture
async def stage(
    chromium: Chromium, origin: str, serve: Program, client: tuple[str, str], tmp_path: Path
) -> AsyncIterator[Stage]:
    async with chromium.tab(f"{origin}/page.html") as tab, backend_of(serve, client) as backend:
        yield Stage(Page(tab), origin, serve, backend, tmp_path)


def test_every_code_that_can_reach_a_client_is_provoked() -> None:
    assert set(PROVOCATIONS) == set(CloseCode) - ABORTS


@pytest.mark.parametrize("code", PROVOCATIONS, ids=lambda code: code.name.lower())
async def test_the_page_sees_the_code(stage: Stage, code: CloseCode) -> None:
    closed = await PROVOCATIONS[code](stage)

    assert (closed.code, closed.was_clean) == (code, True)
    byes = [said["code"] for said in closed.heard if said["t"] == "bye"]
    assert byes == ([code] if code in SAYS_BYE else [])


async def test_a_page_of_a_foreign_origin_cannot_connect(
    chromium: Chromium, web_port: int, serve: Program, client: tuple[str, str]
) -> None:
    async with (
        chromium.tab(f"http://localhost:{web_port}/page.html") as tab,
        backend_of(serve, client) as backend,
    ):
        page = Page(tab)
        await page.open(serve.url, hello(await backend.user_token("ann")))
        closed = await page.closed()

    assert (closed.code, closed.was_clean, closed.heard) == (ABNORMAL, False, [])
