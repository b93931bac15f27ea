"""Running ``bellwire`` for real."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Bellwire = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def bellwire(tmp_path: Path) -> Bellwire:
    """Run ``bellwire WORDS`` to its end on a data directory of the test's own; keywords are environment variables."""

    def run(*words: str, stdin: str = "", **environ: str) -> "subprocess.CompletedProcess[str]":
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("BELLWIRE_")}
        return subprocess.run(
            [sys.executable, "-m", "gateway.cli", *words],
            env={**inherited, "BELLWIRE_DATA_DIR": str(tmp_path / "data"), **environ},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
