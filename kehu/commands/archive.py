"""`kehu archive`: old ranges of a tenant's log into Parquet files, from which they are read on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from infra.archive.archiving import archive, due
from kehu.console import bar, out, write_json
from kehu.opening import database, opened
from kehu.options import DAY, common
from kehu.settings import Settings


@click.command("archive")
@click.option(
    "--to",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Where the files go; every process of Kehu must find them there.",
)
@click.option("--until", type=click.IntRange(1), help="Only ranges that end at or before this position.")
@click.option(
    "--before",
    type=DAY,
    metavar="DAY",
    help="Only ranges that were recorded before this day (UTC).",
)
@common
def archive_command(
    settings: Settings, directory: Path, until: int | None, before: datetime | None, as_json: bool
) -> int:
    """Move whole old ranges of the log into Parquet files.

    A range is archived once every view has left it behind. Nothing else changes: the log is read through
    the files. Interrupted, a range is whole in the database or whole in its file; run again, it goes on.

    \b
    Example:
      kehu archive --to /backup/kehu --before 2026-01-01
    """
    if (until is None) == (before is None):
        raise click.UsageError("say either --until or --before")
    with database(settings) as dsn:
        files = asyncio.run(_archive(settings, dsn, directory.resolve(), until, before, as_json))
    write_json({"files": files}) if as_json else _tell(files)
    return 0


async def _archive(
    settings: Settings, dsn: str, directory: Path, until: int | None, before: datetime | None, quiet: bool
) -> list[str]:
    async with opened(settings, dsn, (), must_exist=True) as tenant:
        if before is not None:
            until = await tenant.log.position_at(before.replace(tzinfo=UTC))
        ranges = await due(tenant.log, until or 0)
        with bar("Archiving", quiet=quiet) as moved:
            return [str(path) for path in await archive(tenant.log, directory, ranges, moved)]


def _tell(files: list[Any]) -> None:
    for path in files:
        out().print(path)
    if not files:
        out().print("There is no whole range to archive.")
