"""How far an import has come, and which rows it refused: what survives when it is interrupted."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from infra.database import Pool
from infra.imports.files import Table, TableError

HEADER = ("line", "field", "rule")
"""How every rejects file begins; the columns of the imported file follow."""


class Standing(msgspec.Struct, kw_only=True):
    """How an import stands after its last chunk."""

    done: int = 0
    """Steps that are in the log or refused, in the order of the import; the ends of days do not count."""
    imported: int = 0
    repeated: int = 0
    """Rows that were in the log already."""
    rejected: int = 0
    rejects_size: int = 0
    """Bytes of the rejects file that belong to these steps."""
    finished: bool = False


class Ledger:
    """One import's line in `kehu.imports`; `fingerprint` says of which file, read how."""

    def __init__(self, pool: Pool, tenant: str, fingerprint: str) -> None:
        self._pool, self._key = pool, (tenant, fingerprint)

    async def open(self, file: str, kind: str) -> Standing:
        """How the import stands; a new one is begun."""
        await self._pool.execute(
            "INSERT INTO kehu.imports (tenant, fingerprint, file, kind) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT DO NOTHING",
            *self._key,
            file,
            kind,
        )
        row = await self._pool.fetchrow(
            "SELECT done, imported, repeated, rejected, rejects_size, finished_at IS NOT NULL AS finished"
            " FROM kehu.imports WHERE tenant = $1 AND fingerprint = $2",
            *self._key,
        )
        assert row is not None
        return Standing(**dict(row))

    async def save(self, standing: Standing) -> None:
        await self._pool.execute(
            "UPDATE kehu.imports"
            " SET done = $3, imported = $4, repeated = $5, rejected = $6, rejects_size = $7,"
            " finished_at = CASE WHEN $8::boolean THEN coalesce(finished_at, now()) END"
            " WHERE tenant = $1 AND fingerprint = $2",
            *self._key,
            *msgspec.structs.astuple(standing),
        )


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
    header = ",".join((*HEADER, "")).encode()
    with path.open("rb") as file:
        return header.startswith(file.read(len(header)))


class Rejects:
    """The file of rows that were refused; it is made with the first of them."""

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

    def add(self, rows: Sequence[Sequence[object]], size: int) -> int:
        """Append rows (line, field, rule, cells…) durably; the new size."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if not size:
            writer.writerow([*HEADER, *self._columns])
        writer.writerows(rows)
        with self.path.open("ab") as file:
            file.write(text.getvalue().encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
            return file.tell()
