"""`kehu import`: a file's rows into the log, each once, bad ones into a file of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from infra.imports.files import open_table
from infra.imports.importing import Summary, import_table
from infra.imports.kinds import KINDS
from infra.imports.rejects import Rejection, require_rejects
from infra.imports.steps import Job, columns_of
from infra.imports.tables import Shape, Table
from kehu.console import bar, out, seconds, write_json
from kehu.failures import PARTLY
from kehu.opening import database, opened
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


def _zone(_: click.Context, __: click.Parameter, name: str) -> str:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise click.BadParameter(f"{name!r} is not a time zone, such as Asia/Shanghai") from None
    return name


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "kind", type=click.Choice(list(KINDS)), required=True, help="What the rows are.")
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
    default="UTC",
    callback=_zone,
    show_default=True,
    help="Of dates and times that name none.",
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
    kind: str,
    columns: dict[str, str],
    constants: dict[str, str],
    form: str | None,
    encoding: str | None,
    delimiter: str | None,
    sheet: str | None,
    names: str | None,
    zone: str,
    actor: str,
    end_days: bool,
    rejects: Path | None,
    as_json: bool,
) -> int:
    """Import the rows of FILE (CSV, JSON Lines, Parquet, Excel or LibreOffice).

    Every row goes in once: its id, or without one its content, tells whether it was imported before.
    An interrupted import goes on where it was. Bad rows go to FILE.rejects.csv with line and reason,
    good rows go in. A date without a time means the start of that day; rows of the future are bad.

    \b
    Example:
      kehu import sales.csv --as purchases --map customer=client --set currency=CNY
    """
    shape = Shape(
        format=form,
        encoding=encoding,
        sheet=sheet,
        delimiter="\t" if delimiter == "tab" else delimiter,
        columns=tuple(name.strip() for name in names.split(",")) if names else None,
    )
    table = open_table(file, shape)
    job = Job(
        kind=KINDS[kind],
        columns=columns,
        constants=constants,
        zone=zone,
        actor=actor,
        source=file.name[:200],
        end_days=end_days,
        now=datetime.now(UTC),
    )
    columns_of(table, job)
    path = rejects or file.with_name(f"{file.name}.rejects.csv")
    require_rejects(path, table)
    with database(settings) as dsn:
        summary = asyncio.run(_import(settings, dsn, table, job, path, as_json))
    write_json(summary) if as_json else _tell(file, summary)
    return PARTLY if summary.rejected else 0


async def _import(
    settings: Settings, dsn: str, table: Table, job: Job, rejects: Path, quiet: bool
) -> Summary:
    async with opened(settings, dsn, ()) as tenant:
        reading = f" ({table.reading})" if table.reading else ""
        with bar(f"Importing {table.name}{reading}", quiet=quiet) as moved:
            return await import_table(tenant.engine, table, job, rejects, progress=moved)


def _tell(file: Path, summary: Summary) -> None:
    console = out()
    if summary.finished_before:
        console.print(f"{file.name} was imported before; nothing to do.")
    console.print(
        f"{summary.rows:,} rows: {summary.imported:,} imported, {summary.repeated:,} there already,"
        f" {summary.rejected:,} rejected ({seconds(summary.seconds)})"
    )
    for told in summary.rejections:
        console.print(f"  {_place(told)}: {told.rule}")
    if (more := summary.rejected - len(summary.rejections)) > 0 and summary.rejections:
        console.print(f"  … and {more:,} more")
    if summary.rejects:
        console.print(f"Rejected rows, to be mended and imported again: {summary.rejects}")


def _place(rejection: Rejection) -> str:
    """Row, column and field, as far as the rejection is about them."""
    field = f"({rejection.field})" if rejection.field != rejection.column else ""
    column = f"column {rejection.column}" if rejection.column else ""
    return ", ".join(part for part in (f"line {rejection.line}", f"{column} {field}".strip()) if part)


import_command.epilog = _kinds()
