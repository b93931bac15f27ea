"""Writers in processes of their own, forked from one that has imported what they need.

To import that takes longer than to write, and a test that kills a writer before each of its commands needs many.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Coroutine
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, ParamSpec

P = ParamSpec("P")

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [f"tests.writers.{main}" for main in ("mongo_writer", "sqlite_creator", "sqlite_writer")]
)


class Writer:
    """One that was started with ``forked``."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    @property
    def returncode(self) -> int | None:
        """``None`` until it has come to its end; then as that of a ``Popen``."""
        return self._process.exitcode

    async def wait(self) -> int:
        """How it ended."""
        await asyncio.to_thread(self._process.join)
        assert self._process.exitcode is not None
        return self._process.exitcode

    def is_stopped(self) -> bool:
        """By SIGSTOP. One that is gone, were it between the opening of its file and the reading, is not."""
        try:
            return Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        except (FileNotFoundError, ProcessLookupError):
            return False

    def go_on(self) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGCONT)


def barrier(parties: int) -> Barrier:
    """Where as many writers wait for each other."""
    return _CONTEXT.Barrier(parties)


async def forked(main: Callable[P, Coroutine[Any, Any, None]], *args: P.args, **options: P.kwargs) -> Writer:
    """Run ``main``, a function of a module, in a process of its own. It ends with 0 unless it is killed or raises."""
    process = _CONTEXT.Process(target=_run, args=(main, *args), kwargs=options, daemon=True)
    await asyncio.to_thread(process.start)
    return Writer(process)


def _run(main: Callable[P, Coroutine[Any, Any, None]], *args: P.args, **options: P.kwargs) -> None:
    asyncio.run(main(*args, **options))
