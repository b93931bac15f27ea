"""What the README says about settings and commands is so."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.settings import Settings
from tests.docs.conftest import filled

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def written(default: object) -> str:
    """A default as the table writes it."""
    match default:
        case None:
            return ""
        case bool():
            return f"`{str(default).lower()}`"
        case int() | float():
            return f"`{default:.0f}`"
    return f"`{default}`"


def test_the_settings_table_is_the_settings() -> None:
    table = dict(re.findall(r"^\| `(BELLWIRE_\w+)` \| (\S*) ?\|", README, re.MULTILINE))
    fields = msgspec.structs.fields(Settings)
    assert table == {f"BELLWIRE_{field.name.upper()}": written(field.default) for field in fields}


@pytest.mark.parametrize(
    "page", ["README.md", "docs/api.md", "docs/protocol.md", "client-py/README.md", "CHANGELOG.md"]
)
def test_links_to_files_lead_somewhere(page: str) -> None:
    path = ROOT / page
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("page", ["README.md", "client-py/README.md"])
def test_the_quick_start_of_the_sdk_publishes(page: str, words: dict[str, str]) -> None:
    names: dict[str, Any] = {}
    for code in re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE):
        exec(compile(filled(code, words), page, "exec"), names)
    names["bell"].close()
    assert names["published"].accepted == 1


def test_the_targets_that_are_named_exist() -> None:
    named = set(re.findall(r"^make (\w+)", README, re.MULTILINE))
    known = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named
    assert named <= known


@pytest.mark.parametrize("script", ["scripts/setup", "scripts/run", ".ci/run"])
def test_scripts_are_executable_and_parse(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    assert subprocess.run(["bash", "-n", ROOT / script], check=False).returncode == 0


def test_the_procfile_fixes_the_ports_that_the_design_fixes() -> None:
    ports = dict(
        re.findall(r"^(\w+): .* exec bellwire \w+ --port (\d+)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    )
    assert ports == {"gateway": "8080", "api": "8081", "worker": "8082"}
