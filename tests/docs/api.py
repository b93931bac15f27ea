"""docs/api.md taken apart: what is executed, what is answered, and its tables."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()

_BLOCK = re.compile(r"^```(\w+(?: answer)?)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    """The blocks of code in ``language``, in order."""
    return [code for name, code in _BLOCK.findall(PAGE) if name == language]


def answered() -> dict[int, str]:
    """The answers that are shown, by the number of the shell block that each follows."""
    found: dict[int, str] = {}
    number = -1
    for name, code in _BLOCK.findall(PAGE):
        number += name == "sh"
        if name == "json answer":
            found[number] = code
    return found


def table(heading: str) -> list[list[str]]:
    """The cells of the table under ``heading``, without its head."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]
