"""The shape of the code, so that it stays: who may import whom, and how long a file may grow."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINES_MAX = 250

PURE = [
    "client-py/bellwire/errors.py",
    "client-py/bellwire/lines.py",
    "client-py/bellwire/methods.py",
    "client-py/bellwire/models.py",
    "client-py/bellwire/patience.py",
    "inbox/collapse.py",
    "inbox/encode.py",
    "inbox/errors.py",
    "inbox/ids.py",
    "inbox/model.py",
    "inbox/stream.py",
    "inbox/times.py",
    "inbox/bus/redis/seal.py",
    "gateway/client/backoff.py",
    "gateway/client/cursor.py",
    "gateway/client/messages.py",
    "gateway/live/codes.py",
    "gateway/live/events.py",
    "gateway/live/origins.py",
    "gateway/live/session.py",
    "gateway/live/wire.py",
    "gateway/rate.py",
]
EFFECTS = {
    "anyio",
    "asyncio",
    "httpx2",
    "pymongo",
    "redis",
    "socket",
    "sqlite3",
    "starlette",
    "threading",
    "uvicorn",
    "uvloop",
}
IMPLEMENTATIONS = (
    "inbox.store.sqlite",
    "inbox.store.mongo",
    "inbox.bus.memory",
    "inbox.bus.redis",
    "inbox.presence.redis",
)

PRODUCT = [path for top in ("inbox", "gateway", "client-py") for path in sorted((ROOT / top).rglob("*.py"))]
BENCH = sorted((ROOT / "bench").rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> set[str]:
    """The dotted names of every module that ``path`` imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: imports are absolute"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def tops(path: Path) -> set[str]:
    """The packages that ``path`` imports from."""
    return {name.partition(".")[0] for name in imports(path)}


def chosen_elsewhere(path: Path) -> list[str]:
    """The stores and buses that ``path`` imports although it belongs to none of them."""
    package = name_of(path).removesuffix(".py").replace("/", ".")
    foreign = tuple(one for one in IMPLEMENTATIONS if not package.startswith(one))
    return [name for name in imports(path) if name.startswith(foreign)]


def test_the_domain_imports_nothing_of_the_gateway() -> None:
    assert [name_of(path) for path in PRODUCT if name_of(path).startswith("inbox/") and "gateway" in tops(path)] == []


def test_the_sdk_imports_nothing_of_the_server() -> None:
    sdk = [path for path in PRODUCT if name_of(path).startswith("client-py/")]
    assert sdk
    assert [name_of(path) for path in sdk if tops(path) & {"gateway", "inbox"}] == []


@pytest.mark.parametrize("name", PURE)
def test_the_pure_core_imports_nothing_that_acts(name: str) -> None:
    assert tops(ROOT / name) & EFFECTS == set()


def test_the_product_imports_nothing_of_its_tests() -> None:
    assert [name_of(path) for path in PRODUCT if tops(path) & {"tests", "bench", "pytest"}] == []


def test_stores_and_buses_are_chosen_in_one_place() -> None:
    assert [name_of(path) for path in PRODUCT if chosen_elsewhere(path)] == ["gateway/parts.py"]


def test_a_file_fits_in_the_head() -> None:
    assert [name_of(path) for path in PRODUCT + BENCH if len(path.read_text().splitlines()) > LINES_MAX] == []
