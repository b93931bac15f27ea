"""docs/protocol.md taken apart: its examples and its table of close codes."""

import json
import re
from pathlib import Path
from typing import Any

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()


def examples(side: str) -> list[str]:
    """The JSON of every example of what ``side`` (``client`` or ``server``) says."""
    found: list[str] = re.findall(rf"^```json {side}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    return found


def stream() -> list[tuple[list[str], Any]]:
    """The events of the event stream that is shown: the names of the fields, and the message."""
    (shown,) = re.findall(r"^```sse\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return events(shown)


def events(text: str) -> list[tuple[list[str], Any]]:
    """The same of any event stream, without the comments that keep it open."""
    texts = (block for block in text.strip().split("\n\n") if block != ":")
    blocks = (dict(line.split(": ", 1) for line in block.splitlines()) for block in texts)
    return [(sorted(block), json.loads(block["data"])) for block in blocks]


def close_codes() -> list[tuple[int, str, bool]]:
    """Code, name and whether to come back, line by line."""
    lines = re.findall(r"^\| (4\d\d\d) \| ([^|]+) \| (yes|no) \|", PAGE, re.MULTILINE)
    return [(int(code), name, back == "yes") for code, name, back in lines]


def limits() -> dict[str, int]:
    """The table of limits: what is limited, and the first number of its line."""
    table = PAGE.partition("## Limits")[2].partition("##")[0]
    lines = re.findall(r"^\| ([a-z][^|]+) \| \D*([\d,]+)", table, re.MULTILINE)
    return {what: int(number.replace(",", "")) for what, number in lines}


def shape(value: Any) -> Any:
    """The names and types of a JSON value, without what it says; of an array the first element speaks for all."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def kind(text: str) -> str:
    """What a message is, for the name of a test."""
    message = json.loads(text)
    return " ".join(str(message[name]) for name in ("t", "kind", "resumed") if name in message)
