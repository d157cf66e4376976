"""Files that hold a table: CSV, JSON Lines and Parquet, read one row at a time, every value as text."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

WHITESPACE = "whitespace"
"""The delimiter of columns that stand apart by any run of blanks."""
FORMATS: Mapping[str, str] = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
"""Which format a file's name stands for."""
REJECTED = ("line", "column", "field", "rule", "code", "row_id")
"""The columns with which a rejects file begins; those of the imported file follow."""
JSON_COLUMNS = ("row",)
"""What a line of JSON is called in a rejects file."""
BLOCK = 1 << 20


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
    """csv, jsonl or parquet; None: by the file's name."""
    delimiter: str | None = None
    """Between CSV's columns: one character, or `WHITESPACE`; None: a comma, in a .tsv file a tab."""
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


def open_table(path: Path, shape: Shape) -> Table:
    """The file as a table. Raises `TableError` where it is none, `OSError` where it cannot be read."""
    form = shape.format or FORMATS.get(path.suffix.lower())
    if form is None:
        raise TableError(f"{path.name}: say which format it has (csv, jsonl or parquet)")
    digest, lines = _survey(path)
    if form == "jsonl":
        return Table(
            name=path.name,
            path=path,
            columns=None,
            raw_columns=JSON_COLUMNS,
            rows=lambda: _json_rows(path),
            digest=digest,
            about=lines,
        )
    if form == "parquet":
        return _parquet_table(path, digest)
    delimiter = shape.delimiter or ("\t" if path.suffix.lower() == ".tsv" else ",")
    columns = shape.columns or _header(path, delimiter)
    read = partial(_csv_rows, path, delimiter, columns, skip=shape.columns is None)
    table = Table(
        name=path.name,
        path=path,
        columns=columns,
        raw_columns=columns,
        rows=read,
        digest=digest,
        about=max(lines - (shape.columns is None), 0),
    )
    return _mended(table) if columns[: len(REJECTED)] == REJECTED else table


def _mended(table: Table) -> Table:
    """The rows of a rejects file, as the file that they come from would have them."""
    columns = table.raw_columns[len(REJECTED) :]
    as_json = columns == JSON_COLUMNS

    def rows() -> Iterator[Row]:
        for row in table.rows():
            raw, id = row.raw[len(REJECTED) :], row.values.get("row_id")
            problem = row.problem and _misfit(raw, len(columns))
            values: Mapping[str, str] = {name: row.values[name] for name in columns if name in row.values}
            if as_json and not problem:
                values, problem = _json_values(raw[0])
            yield Row(row.line, values, raw, problem or row.problem, id)

    return msgspec.structs.replace(
        table, columns=None if as_json else columns, raw_columns=columns, rows=rows
    )


def _survey(path: Path) -> tuple[str, int]:
    """A digest of the file's content, and how many lines it has."""
    digest, lines, last = hashlib.sha256(), 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            lines += block.count(b"\n")
            last = block[-1:]
    return digest.hexdigest(), lines + (last != b"\n")


# --- CSV ------------------------------------------------------------------------------------------


def _header(path: Path, delimiter: str) -> tuple[str, ...]:
    _, names, problem = next(_records(path, delimiter), (1, [], None))
    columns = () if problem else tuple(name.strip() for name in names)
    if not any(columns):
        raise TableError(f"{path.name}: it does not begin with a line that names the columns")
    if len(set(columns)) < len(columns):
        raise TableError(f"{path.name}: two columns have the same name")
    return columns


def _csv_rows(path: Path, delimiter: str, columns: Sequence[str], *, skip: bool) -> Iterator[Row]:
    records = _records(path, delimiter, len(columns))
    if skip:
        next(records, None)
    for line, cells, problem in records:
        values = {name: cell for name, cell in zip(columns, cells, strict=False) if cell}
        yield Row(line, values, cells, problem)


_Record = tuple[int, list[str], str | None]
"""Line, cells and problem."""


def _records(path: Path, delimiter: str, width: int | None = None) -> Iterator[_Record]:
    """The records that are not blank, each of `width` cells; bytes that are no UTF-8 as surrogates."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        if delimiter == WHITESPACE:
            for line, text in enumerate(file, start=1):
                if cells := text.split():
                    yield line, cells, _misfit(cells, width)
        else:
            yield from _quoted_records(_Lines(file), delimiter, width)


def _quoted_records(lines: _Lines, delimiter: str, width: int | None) -> Iterator[_Record]:
    """Records that may go over several lines; of a bad one that does, only the first line is taken."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = lines.begin()
        try:
            cells = next(reader)
            problem = _misfit(cells, width) if cells else None
        except StopIteration:
            return
        except csv.Error as error:
            cells, problem = [], str(error)
        if problem and (not cells or lines.taken > 1):
            if lines.taken > 1:
                problem = f"a quoted cell that begins here does not end as it should: {problem}"
            cells = lines.keep_first().rstrip("\r\n").split(delimiter)
        if cells:
            yield line, cells, problem


def _misfit(cells: Sequence[str], width: int | None) -> str | None:
    return None if width in (None, len(cells)) else f"has {len(cells)} cells, not {width}"


class _Lines:
    """A file's physical lines, which can be taken back but for the first."""

    def __init__(self, file: Iterator[str]) -> None:
        self._file = file
        self._returned: deque[str] = deque()
        self._taken: list[str] = []
        self._before = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        text = self._returned.popleft() if self._returned else next(self._file)
        self._taken.append(text)
        return text

    @property
    def taken(self) -> int:
        """How many lines the record has taken so far."""
        return len(self._taken)

    def begin(self) -> int:
        """Begin a record; the number of its first line."""
        self._before += len(self._taken)
        self._taken.clear()
        return self._before + 1

    def keep_first(self) -> str:
        """Give back all lines of the record but its first, which is the answer."""
        self._returned.extendleft(reversed(self._taken[1:]))
        del self._taken[1:]
        return self._taken[0]


# --- JSON Lines -----------------------------------------------------------------------------------


def _json_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n") as file:
        for line, text in enumerate(file, start=1):
            if text := text.strip():
                values, problem = _json_values(text)
                yield Row(line, values, (text,), problem)


def _json_values(text: str) -> tuple[dict[str, str], str | None]:
    try:
        fields = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        return {}, f"is not JSON: {error}"
    if not isinstance(fields, dict):
        return {}, "is not a JSON object"
    for name, value in fields.items():
        if isinstance(value, dict | list):
            return {}, f"{name}: must be a plain value, not a list or an object"
    return _texts(fields.items()), None


# --- Parquet --------------------------------------------------------------------------------------


def _parquet_table(path: Path, digest: str) -> Table:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise TableError("Parquet files need pyarrow: pip install 'kehu[files]'") from None
    try:
        with ParquetFile(path) as file:
            columns, count = tuple(file.schema_arrow.names), file.metadata.num_rows
    except ArrowException as error:
        raise TableError(f"{path.name}: {error}") from None
    return Table(
        name=path.name,
        path=path,
        columns=columns,
        raw_columns=columns,
        rows=lambda: _parquet_rows(path, columns),
        digest=digest,
        about=count,
    )


def _parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    from pyarrow.parquet import ParquetFile

    line = 0
    with ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=5_000):
            for fields in batch.to_pylist():
                line += 1
                values = _texts(fields.items())
                yield Row(line, values, [values.get(name, "") for name in columns])


def _texts(fields: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Values as a CSV file would have them; null and empty ones are absent."""
    return {name: text for name, value in fields if value is not None and (text := _text(value))}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value)
