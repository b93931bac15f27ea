"""What happens at each limit, in the words of the settings file: its comments are read where they stand."""

import inspect
import re
from typing import Any

from msgspec.structs import asdict

from gateway.settings import LIMITS, Limits

_LINE = re.compile(r"^    (\w+): .+?  # (.+)$", re.MULTILINE)
_POLICIES: dict[str, str] = dict(_LINE.findall(inspect.getsource(Limits)))


def described_limits() -> dict[str, Any]:
    """Every limit by its name, which ends in its unit: its ``value``, and the ``policy`` at the bound."""
    return {name: {"value": value, "policy": _POLICIES[name]} for name, value in asdict(LIMITS).items()}
