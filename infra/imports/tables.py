"""What a file's table is to an import: rows of texts, read one at a time, as often as wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import msgspec

WHITESPACE = "whitespace"
"""The delimiter of columns that stand apart by any run of blanks."""
REJECTED = ("line", "column", "field", "rule", "code", "row_id")
"""The columns with which a rejects file begins; those of the imported file follow."""
JSON_COLUMNS = ("row",)
"""What a line of JSON is called in a rejects file."""


class TableError(Exception):
    """The file cannot be read as a table; the message says why."""


class Row(msgspec.Struct, frozen=True):
    """One row as the file has it."""

    line: int
    """The physical line on which it begins, from 1; of Parquet the row's number."""
    values: Mapping[str, str]
    """By column; what is empty or null is absent."""
    raw: Sequence[str]
    """The cells as they are, for the rejects file."""
    problem: str | None = None
    """Why it cannot be read."""
    id: str | None = None
    """The id that a rejects file gave it."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What a file's name does not tell."""

    format: str | None = None
    """csv, jsonl, parquet or excel; None: by the file's name."""
    encoding: str | None = None
    """Of CSV and JSON Lines; None: UTF-8, UTF-16 or GB 18030, whichever the file is."""
    delimiter: str | None = None
    """Between CSV's columns: one character, or `WHITESPACE`; None: what its first line has most of."""
    sheet: str | None = None
    """Which sheet of a workbook; None: the first."""
    columns: tuple[str, ...] | None = None
    """The names of CSV's columns, where the file does not begin with them."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A file's rows, to be read as often as wanted."""

    name: str
    path: Path
    columns: tuple[str, ...] | None
    """None where each row names its own."""
    raw_columns: tuple[str, ...]
    """What the cells of `Row.raw` are."""
    rows: Callable[[], Iterator[Row]]
    digest: str
    """Of the file's content."""
    about: int
    """How many rows there are; a guess, for a progress bar."""
    reading: str = ""
    """How it is read, where that is a guess that somebody should see."""


def texts(fields: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Values as a CSV file would have them; null and empty ones are absent."""
    return {name: text for name, value in fields if value is not None and (text := as_text(value))}


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime) and value.tzinfo is None and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))  # spreadsheets know no other numbers
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value)
