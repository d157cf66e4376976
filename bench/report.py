"""What a run looks like: a table on the screen, a page for the docs, JSON for machines."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from rich.table import Table

from bench.harness import Better, Figure
from domain.records import Record

HEAD = ("what", "Kehu", "compared with", "its figure", "ratio", "rounds", "target", "reached")


class Circumstances(Record):
    """Under which a run was made."""

    command: str
    date: str
    cores: int
    machine: str
    load: str
    python: str
    postgres: str
    eventsourcing: str
    asyncpg: str


def circumstances(command: str, postgres: str) -> Circumstances:
    one, five, _ = os.getloadavg()
    return Circumstances(
        command=command,
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        cores=os.cpu_count() or 0,
        machine=f"{platform.system()} {platform.machine()}",
        load=f"{one:.1f} in the minute, {five:.1f} in the five minutes before",
        python=platform.python_version(),
        postgres=postgres,
        eventsourcing=version("eventsourcing"),
        asyncpg=version("asyncpg"),
    )


def cells(figure: Figure) -> tuple[str, ...]:
    """One line of the table, in the order of `HEAD`."""
    sign = "≥" if figure.better is Better.MORE else "≤"
    return (
        figure.what,
        f"{_short(figure.kehu)} {figure.unit}",
        figure.peer_name,
        f"{_short(figure.peer)} {figure.unit}",
        f"{_short(figure.ratio)} ×",
        f"{_short(figure.lowest)}–{_short(figure.highest)}",
        "" if figure.target is None else f"{sign} {figure.target:.3g} ×",
        {None: "", True: "yes", False: "no"}[figure.reached],
    )


def _short(number: float) -> str:
    if number >= 1_000:
        return f"{number:,.0f}"
    return f"{number:.3g}" if number < 100 else f"{number:.0f}"


def screen(figures: Sequence[Figure]) -> Table:
    table = Table(*HEAD)
    for figure in figures:
        table.add_row(*cells(figure))
    return table


def measured(figures: Sequence[Figure], under: Circumstances) -> str:
    """The measured part of the page, in Markdown."""
    lines = [
        f"Measured {under.date} with `{under.command}` on {under.cores} cores ({under.machine};"
        f" load average {under.load}), Python {under.python}, PostgreSQL {under.postgres},"
        f" `eventsourcing` {under.eventsourcing}, asyncpg {under.asyncpg}.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|" + "---|" * len(HEAD),
        *("| " + " | ".join(cells(figure)) + " |" for figure in figures),
    ]
    return "\n".join(lines) + "\n"


BEGIN = "<!-- measured: `make bench` writes what follows -->\n"
END = "<!-- end of what is measured -->\n"


def renewed(page: str, text: str) -> str:
    """The page with its measured part replaced. Raises `ValueError` where it has none."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError("the page has no part for what is measured")
    return before + BEGIN + "\n" + text + "\n" + END + after
