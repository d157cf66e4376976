"""What a command writes: results on stdout, for people or as JSON; progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
import msgspec
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

Moved = Callable[[int, int], None]
"""Called with how much is done, and of how much."""
WIDE = 200
"""Columns of a table that goes into a file or a pipe."""
UNWRAPPED = 24
"""Letters of a table's cell that stay on one line, however narrow the terminal."""
SHORT = 120
"""Letters of one value that are shown to people."""


def out() -> Console:
    """Where results for people go."""
    if Console().is_terminal:
        return Console(highlight=False, markup=False)
    return Console(highlight=False, markup=False, soft_wrap=True, width=WIDE)


def write_json(value: Any) -> None:
    """One JSON value on a line of its own."""
    click.echo(msgspec.json.encode(value, enc_hook=str).decode())


def write_bytes(value: bytes) -> None:
    """UTF-8 on stdout as it is, whatever the terminal's encoding."""
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:  # stdout is a text in memory
        sys.stdout.write(value.decode())
        return
    binary.write(value)
    binary.flush()


def note(message: str) -> None:
    """A line on stderr about what is going on."""
    click.echo(message, err=True)


@contextmanager
def bar(title: str, *, quiet: bool = False) -> Iterator[Moved]:
    """A progress bar on stderr; where that is no terminal, a line at the beginning."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        if not quiet:
            note(f"{title} ...")
        yield lambda done, total: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=max(done, total))


def seconds(value: float) -> str:
    return f"{value:.1f} s"


def short(value: Any) -> str:
    """A value on one line; JSON answers show all of it."""
    text = "–" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= SHORT else f"{text[:SHORT]}…"


def write_rows(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as a table, with a column for each of their names. Long texts wrap; nothing is cut off."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name, value in rows[0].items():
        heading = name.replace("_", " ")
        longest = max(map(cell_len, (heading, *(_cell(row[name]) for row in rows))))
        justify: JustifyMethod = "right" if type(value) in (int, float) else "left"
        table.add_column(heading, justify=justify, overflow="fold", min_width=min(longest, UNWRAPPED))
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    out().print(table, soft_wrap=True)


def _cell(value: Any) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:,}"
        case str():
            return value
        case _:
            return f"{value:%Y-%m-%d %H:%M}"
