"""The file of rows that an import refused, each with its reason: to be mended and imported again."""

from __future__ import annotations

import csv
import io
import os
from codecs import BOM_UTF8
from collections.abc import Sequence
from pathlib import Path

import msgspec

from domain.records import Record
from infra.imports.tables import REJECTED, Table, TableError


class NoRejects(TableError):
    """The file for rejects holds something else; the message says what."""


def require_rejects(path: Path, table: Table) -> None:
    """Raises `NoRejects` where rejects would destroy a file that is not one of theirs."""
    if not path.exists():
        return
    if path.samefile(table.path):
        raise NoRejects(f"{path}: this is the imported file; its rejects need a file of their own")
    if not path.is_file() or not _begins_like_rejects(path):
        raise NoRejects(f"{path} exists and is not a rejects file: name another with --rejects")


def _begins_like_rejects(path: Path) -> bool:
    """Whether the file begins with the header, as far as it goes."""
    header = BOM_UTF8 + ",".join((*REJECTED, "")).encode()
    with path.open("rb") as file:
        return header.startswith(file.read(len(header)))


class Rejection(Record):
    """Why a row did not go in."""

    line: int
    """The line of the file on which the row begins."""
    column: str
    """The file's column; empty where it is about the whole row, or about a value that no column holds."""
    field: str
    """What the kind of row calls it."""
    rule: str
    """The rule that was broken, in words."""
    code: str
    """The rule's stable name."""
    row_id: str
    """The row's id: a row with it goes in once, however often it is mended and imported again."""


class Rejects:
    """The file of refused rows, a table like the one they come from; it is made with the first of them."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path, self._columns = path, columns

    def holds(self, size: int) -> bool:
        """Whether what was written up to `size` is still there."""
        return not size or (self.path.exists() and self.path.stat().st_size >= size)

    def cut(self, size: int) -> None:
        """Forget what was written after `size`."""
        if not size:
            self.path.unlink(missing_ok=True)
        else:
            os.truncate(self.path, size)

    def add(self, rows: Sequence[tuple[Rejection, Sequence[str]]], size: int) -> int:
        """Append rejections, each with the row's cells, durably; the new size."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if not size:
            text.write("\ufeff")  # or spreadsheets take UTF-8 for something else
            writer.writerow([*REJECTED, *self._columns])
        writer.writerows([*msgspec.structs.astuple(rejection), *raw] for rejection, raw in rows)
        with self.path.open("ab") as file:
            file.write(text.getvalue().encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
            return file.tell()
