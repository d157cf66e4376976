"""The page that a run writes: which tool found what."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from rich.table import Table

from conformance.checks import Check
from domain.records import Record

PAGE = Path(__file__).parent.parent / "docs" / "conformance.md"
HEAD = ("tool", "what is run", "result", "in words", "not offered", "command")
TEXT = """# Checks by others

Tools that other people wrote, each in its locked version and an environment of its own, against a running
Kehu: `kehu serve` on a free port with data of its own, a short story in its log, a key made by `kehu key`.
`make conformance` installs them (from npm and PyPI, once, into `~/.cache/kehu-conformance`), runs them,
renews this page, and fails where one fails; with `ARGS` it runs some and leaves the page. What a tool is
asked to do is its folder in [conformance/](../conformance).
Node.js 20 or later with npm must be there (Debian: `apt-get install nodejs npm`); `make check` needs neither.

Run {date} on {machine}, Python {python}.

{table}
"""


class Result(StrEnum):
    PASSED = "passed"
    FAILED = "FAILED"
    MISSING = "not offered"


class Finding(Record):
    """What came out of one check."""

    check: Check
    result: Result
    words: str


def cells(finding: Finding) -> tuple[str, ...]:
    """One line of the table, in the order of `HEAD`."""
    check = finding.check
    command = f"`make conformance ARGS={check.name}`"
    return (check.versions, check.does, finding.result, finding.words, check.lacks or "–", command)


def screen(findings: Sequence[Finding]) -> Table:
    table = Table("tool", "result", "in words")
    for finding in findings:
        table.add_row(finding.check.versions, finding.result, finding.words)
    return table


def page(findings: Sequence[Finding]) -> str:
    """The page in Markdown."""
    rows = [HEAD, ("---",) * len(HEAD), *map(cells, findings)]
    return TEXT.format(
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        machine=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        table="\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows),
    )
