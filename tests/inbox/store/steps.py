"""Before which of a writer's commands it meets its fate."""

import os
import random
from collections.abc import Iterator
from itertools import count

EVERY = int(os.environ.get("BELLWIRE_TEST_EVERY", "3"))
"""Of so many commands one, from a random one on: over a few runs that is all of them. ``make soak`` takes each."""


def steps() -> Iterator[int]:
    """The numbers of commands, without end: who comes through unharmed has no more."""
    first = random.randint(1, EVERY)
    print(f"every {EVERY} from {first}")  # noqa: T201  a test that fails shows it
    return count(first, EVERY)
