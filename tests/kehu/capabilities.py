"""The table of capabilities, as the tests read it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "capabilities.md"
ROW = re.compile(r"^\| (\d+) \|(.*)\|$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")


class Capability(NamedTuple):
    """One row."""

    number: int
    commands: list[str]
    shown: list[str]
    """Views and reports."""
    query: str
    test: str


def capabilities() -> list[Capability]:
    """All rows, in their order."""
    found = []
    for number, row in ROW.findall(PAGE.read_text(encoding="utf-8")):
        *_, commands, shown, query, test = row.split(" | ")
        [asked], [tested] = CODE.findall(query), CODE.findall(test)
        found.append(Capability(int(number), CODE.findall(commands), CODE.findall(shown), asked, tested))
    return found
