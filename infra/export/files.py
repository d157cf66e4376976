"""Export files: Parquet, Arrow and CSV, written page by page, under their name only once they are whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import msgspec

from infra.archive.files import Row, sync
from infra.arrow import arrow
from infra.export.columns import Columns

PART = ".part"
"""How the names of files end that are not whole."""
QUOTED = frozenset('",\r\n')


class Sink(Protocol):
    """What takes an export's pages."""

    def write(self, rows: Sequence[Row]) -> None: ...

    def close(self) -> None: ...


class ParquetSink:
    """Parquet with zstd; each page is a row group."""

    def __init__(self, file: BinaryIO, columns: Columns) -> None:
        _, _, parquet = arrow()
        self._columns = columns
        self._writer = parquet.ParquetWriter(file, columns.schema, compression="zstd")

    def write(self, rows: Sequence[Row]) -> None:
        self._writer.write_table(self._columns.table(rows), row_group_size=len(rows))

    def close(self) -> None:
        self._writer.close()


class ArrowSink:
    """An Arrow IPC file (Feather 2), uncompressed so that it can be mapped; each page is a batch."""

    def __init__(self, file: BinaryIO, columns: Columns) -> None:
        pa, _, _ = arrow()
        self._columns = columns
        self._writer = pa.ipc.new_file(file, columns.schema)

    def write(self, rows: Sequence[Row]) -> None:
        self._writer.write_table(self._columns.table(rows))

    def close(self) -> None:
        self._writer.close()


class CsvSink:
    """CSV after RFC 4180 in UTF-8, texts as they are; no value is nothing, an empty text is `""`."""

    def __init__(self, file: BinaryIO, columns: Columns) -> None:
        self._file = file
        self.write([[field.name for field in columns.fields]])

    def write(self, rows: Sequence[Row]) -> None:
        self._file.write("".join(f"{','.join(map(_cell, row))}\r\n" for row in rows).encode())

    def close(self) -> None:
        """Nothing follows the last row."""


FORMATS: Mapping[str, Callable[[BinaryIO, Columns], Sink]] = {
    "parquet": ParquetSink,
    "csv": CsvSink,
    "arrow": ArrowSink,
}


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value if value and QUOTED.isdisjoint(value) else _quoted(value)
        case bool():
            return "true" if value else "false"
        case datetime() | date():
            return value.isoformat()
        case list():
            return _cell(msgspec.json.encode(value).decode())
        case _:
            return str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name once all of it is safe on disk, in place of an older one; else it is gone."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync(path.parent)
