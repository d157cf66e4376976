"""`kehu import`: a file's rows into the log, each once, bad ones into a file of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from infra.database import connected
from infra.imports.files import open_table
from infra.imports.importing import Rehearsed, Summary, import_table, rehearse_table
from infra.imports.kinds import KINDS
from infra.imports.mapping import Saved, load, save
from infra.imports.rejects import Rejection, require_rejects
from infra.imports.steps import Job, columns_of
from infra.imports.tables import Table
from infra.log.log import Log
from kehu.console import bar, out, seconds, write_json
from kehu.failures import PARTLY
from kehu.opening import database, opened, require_tenant
from kehu.options import common
from kehu.settings import Settings


def _kinds() -> str:
    """The kinds, for the help."""
    lines = ["\b", "Kinds, whose columns --columns KIND tells:"]
    return "\n".join([*lines, *(f"  {kind.name:<15} {kind.doc}" for kind in KINDS.values())])


def _show_columns(context: click.Context, _: click.Parameter, name: str | None) -> None:
    """Answer with the columns of a kind, instead of importing."""
    if name is None:
        return
    kind = KINDS[name]
    if context.params.get("as_json"):
        write_json(
            [{"name": c.name, "required": c.required, "meaning": c.meaning} for c in kind.columns.values()]
        )
    else:
        out().print(f"{kind.name}: {kind.doc} (* is required)")
        for column in kind.columns.values():
            out().print(f"  {column.name + ('*' if column.required else ''):<18} {column.meaning}")
    context.exit()


def _pairs(_: click.Context, option: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{value!r} is not like {option.metavar}")
        pairs[name] = rest
    return pairs


def _zone(_: click.Context, __: click.Parameter, name: str | None) -> str | None:
    try:
        ZoneInfo(name or "UTC")
    except (LookupError, ValueError, OSError):
        raise click.BadParameter(f"{name!r} is not a time zone, such as Asia/Shanghai") from None
    return name


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "kind", type=click.Choice(list(KINDS)), metavar="KIND", help="What the rows are.")
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A saved mapping; what is told besides it counts more.",
)
@click.option(
    "--save-mapping",
    "saved",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what is told here into a mapping.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would be made, changed and rejected; write nothing.")
@click.option(
    "--map",
    "columns",
    multiple=True,
    callback=_pairs,
    metavar="FIELD=COLUMN",
    help="Where a field's column has another name.",
)
@click.option(
    "--set",
    "constants",
    multiple=True,
    callback=_pairs,
    metavar="FIELD=VALUE",
    help="A field with the same value in every row.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl", "parquet", "excel"]),
    help="Where the file's name does not tell.",
)
@click.option("--encoding", help="Of CSV and JSON Lines, such as gb18030 [UTF-8, UTF-16 or GB 18030: seen].")
@click.option("--delimiter", help="Between CSV's columns: a character, 'tab' or 'whitespace' [seen].")
@click.option("--sheet", help="Which sheet of a workbook [the first].")
@click.option(
    "--header", "names", metavar="A,B,C", help="The columns of a CSV file that does not begin with them."
)
@click.option(
    "--columns",
    "shown",
    type=click.Choice(list(KINDS)),
    metavar="KIND",
    is_eager=True,
    expose_value=False,
    callback=_show_columns,
    help="Tell which columns a kind of row has, and import nothing.",
)
@click.option(
    "--time-zone",
    "zone",
    callback=_zone,
    help="Of dates and times that name none [UTC].",
)
@click.option(
    "--date-format",
    "date_formats",
    multiple=True,
    metavar="FORMAT",
    help="How dates are written, such as %d.%m.%Y, beside ISO 8601; may be repeated.",
)
@click.option("--actor", default="import", show_default=True, help="In whose name the rows go in.")
@click.option(
    "--end-days",
    is_flag=True,
    help="Go by time, and end every day (UTC) from the first to the last that is over.",
)
@click.option(
    "--rejects", type=click.Path(dir_okay=False, path_type=Path), help="Where bad rows go [FILE.rejects.csv]."
)
@common
def import_command(
    settings: Settings,
    file: Path,
    kind: str | None,
    mapping: Path | None,
    saved: Path | None,
    dry_run: bool,
    columns: dict[str, str],
    constants: dict[str, str],
    form: str | None,
    encoding: str | None,
    delimiter: str | None,
    sheet: str | None,
    names: str | None,
    zone: str | None,
    date_formats: tuple[str, ...],
    actor: str,
    end_days: bool,
    rejects: Path | None,
    as_json: bool,
) -> int:
    """Import the rows of FILE (CSV, JSON Lines, Parquet, Excel or LibreOffice).

    Every row goes in once: its id, or without one its content, tells whether it was imported before.
    An interrupted import goes on where it was. Bad rows go to FILE.rejects.csv with line, column, field
    and rule, good rows go in; mend that file and import it. A date without a time means the start of
    that day; rows of the future are bad.

    \b
    Example:
      kehu import sales.csv --as purchases --map customer=client --set currency=CNY --dry-run
    """
    told = Saved(
        kind=kind,
        format=form,
        encoding=encoding,
        delimiter={"tab": "\t"}.get(delimiter, delimiter) if delimiter else None,
        sheet=sheet,
        header=tuple(name.strip() for name in names.split(",")) if names else None,
        time_zone=zone,
        date_formats=date_formats,
        columns=columns,
        constants=constants,
    )
    how = told if mapping is None else told.over(load(mapping))
    if how.kind is None:
        raise click.UsageError("say what the rows are, with --as KIND or in a mapping")
    table = open_table(file, how.shape())
    job = how.job(actor=actor, source=file.name[:200], end_days=end_days, now=datetime.now(UTC))
    columns_of(table, job)
    if saved is not None:
        save(how, saved)
    path = rejects or file.with_name(f"{file.name}.rejects.csv")
    if not dry_run:
        require_rejects(path, table)
    with database(settings) as dsn:
        if dry_run:
            rehearsed = asyncio.run(_rehearse(settings, dsn, table, job, as_json))
            write_json(rehearsed) if as_json else _tell_rehearsed(rehearsed)
            return PARTLY if rehearsed.rejected else 0
        summary = asyncio.run(_import(settings, dsn, table, job, path, as_json))
    write_json(summary) if as_json else _tell(file, summary)
    return PARTLY if summary.rejected else 0


async def _rehearse(settings: Settings, dsn: str, table: Table, job: Job, quiet: bool) -> Rehearsed:
    async with connected(dsn) as pool:
        if _must_exist(settings):
            await require_tenant(pool, settings.tenant)
        with bar(f"Rehearsing {_called(table)}", quiet=quiet) as moved:
            return await rehearse_table(Log(pool, settings.tenant), table, job, progress=moved)


async def _import(
    settings: Settings, dsn: str, table: Table, job: Job, rejects: Path, quiet: bool
) -> Summary:
    async with opened(settings, dsn, (), must_exist=_must_exist(settings)) as tenant:
        with bar(f"Importing {_called(table)}", quiet=quiet) as moved:
            return await import_table(tenant.engine, table, job, rejects, progress=moved)


def _must_exist(settings: Settings) -> bool:
    """Whether the log must be there: a name that is mistyped is told, not made."""
    return settings.tenant != Settings().tenant


def _called(table: Table) -> str:
    """The file's name, and how it is read where that was a guess."""
    return f"{table.name} ({table.reading})" if table.reading else table.name


def _tell_rehearsed(rehearsed: Rehearsed) -> None:
    console = out()
    console.print(
        f"{rehearsed.rows:,} rows: {rehearsed.imported:,} would be imported, {rehearsed.repeated:,} are there"
        f" already, {rehearsed.rejected:,} would be rejected ({seconds(rehearsed.seconds)})"
    )
    for title, things in (("new", rehearsed.made), ("changed", rehearsed.changed)):
        listed = ", ".join(f"{count:,} {noun}" for noun, count in sorted(things.items()))
        console.print(f"  {title}: {listed or 'nothing'}")
    if rehearsed.unread:
        console.print(f"  columns that are not read: {', '.join(rehearsed.unread)}")
    _tell_rejections(rehearsed.rejected, rehearsed.rejections)
    console.print("Nothing was written.")


def _tell_rejections(rejected: int, rejections: Sequence[Rejection]) -> None:
    for rejection in rejections:
        out().print(f"  {_place(rejection)}: {rejection.rule}")
    if rejections and rejected > len(rejections):
        out().print(f"  … and {rejected - len(rejections):,} more")


def _tell(file: Path, summary: Summary) -> None:
    console = out()
    if summary.finished_before:
        console.print(f"{file.name} was imported before; nothing to do.")
    console.print(
        f"{summary.rows:,} rows: {summary.imported:,} imported, {summary.repeated:,} there already,"
        f" {summary.rejected:,} rejected ({seconds(summary.seconds)})"
    )
    _tell_rejections(summary.rejected, summary.rejections)
    if summary.rejects:
        console.print(f"Rejected rows, to be mended and imported again: {summary.rejects}")


def _place(rejection: Rejection) -> str:
    """Row, column and field, as far as the rejection is about them."""
    field = f"({rejection.field})" if rejection.field != rejection.column else ""
    column = f"column {rejection.column}" if rejection.column else ""
    return ", ".join(part for part in (f"line {rejection.line}", f"{column} {field}".strip()) if part)


import_command.epilog = _kinds()
