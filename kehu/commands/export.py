"""`kehu export`: a view as of a moment, or the log, into files that other tools read."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click
import msgspec

from infra.export.files import FORMATS
from infra.export.log import export_log
from infra.export.views import Wanted, export_view
from kehu import plugins
from kehu.console import bar, out, write_json
from kehu.opening import database, opened
from kehu.options import common, in_a_directory, moment_of, own_projections, require_views
from kehu.serving import catch_up
from kehu.settings import Settings
from projections.view import views


@click.command("export")
@click.argument("what", metavar="VIEW|DIRECTORY")
@click.option("--log", "is_log", is_flag=True, help="Export the log itself, into a directory.")
@click.option("--to", "form", type=click.Choice(list(FORMATS)), required=True, help="Which kind of file.")
@click.option(
    "--out",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=in_a_directory,
    help="The file [VIEW.KIND].",
)
@click.option(
    "--as-of",
    "moment",
    metavar="MOMENT",
    help="A position, a recorded time (UTC unless it names a zone), or a business day, which is its end.",
)
@click.option("--history", is_flag=True, help="All versions of all rows up to then, with since and until.")
@own_projections
@common
def export_command(
    settings: Settings,
    what: str,
    is_log: bool,
    form: str,
    file: Path | None,
    moment: str | None,
    history: bool,
    projections: tuple[Path, ...],
    as_json: bool,
) -> int:
    """Write a view into a file, or the log into a directory of Parquet files.

    The file gets its name once it is whole; an older one of that name is replaced. A directory of the log
    grows: run again, the files whose range has grown are replaced, and no event is there twice.

    \b
    Example:
      kehu export customers --to parquet --as-of 1997-12-31 --tenant demo
      kehu export --log --to parquet /data/log --tenant demo
    """
    if is_log:
        _refuse_for_log(form, history=history, out=file is not None)
        with database(settings) as dsn:
            result = asyncio.run(_log(settings, dsn, Path(what), moment, as_json))
    else:
        for path in projections:
            plugins.load(path)
        require_views(what)
        wanted = Wanted(view=what, form=form, history=history)
        with database(settings) as dsn:
            path = file or Path(f"{what}.{form}")
            result = asyncio.run(_view(settings, dsn, wanted, path, moment, as_json))
    write_json(result) if as_json else _tell(result)
    return 0


def _refuse_for_log(form: str, **given: bool) -> None:
    if form != "parquet":
        raise click.UsageError("the log is exported as parquet only")
    for option in (name for name, is_given in given.items() if is_given):
        raise click.UsageError(f"--{option} is of a view, not of the log")


async def _log(
    settings: Settings, dsn: str, directory: Path, moment: str | None, quiet: bool
) -> dict[str, Any]:
    async with opened(settings, dsn, (), must_exist=True) as tenant:
        log = tenant.log
        until = await log.head() if moment is None else await moment_of(log, "--as-of", moment)
        with bar("Exporting", quiet=quiet) as moved:
            files = await export_log(log, directory, until, moved)
        return {"position": until, "directory": directory, "files": files}


async def _view(
    settings: Settings, dsn: str, wanted: Wanted, path: Path, moment: str | None, quiet: bool
) -> dict[str, Any]:
    async with opened(settings, dsn, views.values(), must_exist=True) as tenant:
        position = None if moment is None else await moment_of(tenant.log, "--as-of", moment)
        head = await catch_up(tenant, quiet=quiet)
        wanted = msgspec.structs.replace(wanted, position=position, least=head)
        with bar("Exporting", quiet=quiet) as moved:
            exported = await export_view(tenant.reader, wanted, path, moved)
        return {"position": exported.position, "file": path, "view": wanted.view, "rows": exported.rows}


def _tell(result: dict[str, Any]) -> None:
    if "view" in result:
        rows, position = f"{result['rows']:,}", f"{result['position']:,}"
        out().print(f"{rows} rows of {result['view']} as of position {position}: {result['file']}")
        return
    for path in result["files"]:
        out().print(str(path))
    out().print(f"{result['directory']} holds the log up to position {result['position']:,}.")
