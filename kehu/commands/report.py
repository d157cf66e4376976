"""`kehu report`: any report as a file, with a command of its own whose options are the report's arguments."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from pathlib import Path

import click
import msgspec

from infra.charts import chart_of
from infra.export.files import whole
from infra.export.reports import MEDIA, Answer, Asked, Manner, answer, arguments, written
from kehu import plugins
from kehu.console import bar, out, write_bytes, write_json
from kehu.failures import NOT_FOUND, USAGE, Failure
from kehu.opening import database, opened
from kehu.options import common, in_a_directory, moment_of
from kehu.serving import catch_up
from kehu.settings import Settings
from projections.view import Field, Report, reports, views

BINARY = ("parquet",)
"""The formats that no terminal shows."""


def _load(context: click.Context, option: click.Parameter, paths: tuple[Path, ...]) -> None:
    if not context.resilient_parsing:
        for path in paths:
            plugins.load(path)


class Reports(click.Group):
    """A command for each declared report, also for those of loaded files."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(reports)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _command(reports[cmd_name]) if cmd_name in reports else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in reports:
            raise Failure(
                f"there is no report {args[0]!r}; there are {', '.join(sorted(reports))}", NOT_FOUND
            )
        return super().resolve_command(ctx, args)


@click.group("report", cls=Reports)
@click.option(
    "--projection",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    is_eager=True,
    expose_value=False,
    callback=_load,
    help="A Python file with reports of your own; may be repeated.",
)
def report_command() -> None:
    """Write a report into a file, as of any moment: CSV, JSON or Parquet, and those that declare a
    chart as SVG.

    Every report is a command; its arguments are options of it.

    \b
    Example:
      kehu report tier_distribution --as-of 1997-12-31 --tenant demo
      kehu report cohort_retention -o retention.svg --tenant demo
      kehu report complaint_statistics --since 1998-01-01 -o complaints.csv --tenant demo
    """


def _command(report: Report) -> click.Command:
    """The command of a report; its options follow from the declaration."""

    @click.option(
        "-o",
        "--out",
        "file",
        type=click.Path(dir_okay=False, path_type=Path),
        callback=in_a_directory,
        help="The file.",
    )
    @click.option(
        "--format", "form", type=click.Choice(list(MEDIA)), help="Which kind of file [as -o ends, csv]."
    )
    @click.option(
        "--as-of",
        "moment",
        metavar="MOMENT",
        help="A position, a recorded time (UTC unless it names a zone), or a business day, which is its end.",
    )
    @click.option("--bom", is_flag=True, help="Begin CSV with a byte order mark, by which Excel knows UTF-8.")
    @click.option("--raw", is_flag=True, help="Texts of CSV as they are, formulas unguarded: for programs.")
    def run(
        settings: Settings,
        file: Path | None,
        form: str | None,
        moment: str | None,
        as_json: bool,
        bom: bool,
        raw: bool,
        **given: str | None,
    ) -> int:
        form = form or _form(file, as_json=as_json)
        if file is None and form in BINARY:
            raise Failure(f"{form} goes into a file: name it with -o FILE", USAGE)
        if form == "svg":
            chart_of(report)
        values = arguments(report, {name: text for name, text in given.items() if text is not None})
        with database(settings) as dsn:
            answered = asyncio.run(_ask(settings, dsn, Asked(report=report, values=values), moment, as_json))
        _put(answered, written(answered, form, Manner(raw=raw, bom=bom)), file, as_json=as_json)
        return 0

    run.__doc__ = _help(report)
    made = click.command(report.name)(common(run))
    made.params[:0] = [
        click.Option(
            [f"--{field.name.replace('_', '-')}", field.name], help=field.doc, metavar=_metavar(field)
        )
        for field in report.arguments
    ]
    return made


def _metavar(field: Field) -> str:
    return {int: "NUMBER", float: "NUMBER", date: "DAY", datetime: "TIME"}.get(field.type, "TEXT")


def _help(report: Report) -> str:
    fields = "\n".join(f"  {field.name}: {' '.join(field.doc.split())}" for field in report.fields)
    return f"""{report.doc}

\b
Columns:
{fields}

\b
Example:
  kehu report {report.name} -o {report.name}.csv --as-of 1997-12-31
"""


def _form(file: Path | None, *, as_json: bool) -> str:
    """The format that a file's name ends with; without a file, one to read."""
    if file is None:
        return "json" if as_json else "csv"
    form = file.suffix.lstrip(".").lower()
    if form not in MEDIA:
        raise Failure(f"{file}: say --format with one of {', '.join(MEDIA)}", USAGE)
    return form


async def _ask(settings: Settings, dsn: str, asked: Asked, moment: str | None, quiet: bool) -> Answer:
    async with opened(settings, dsn, views.values(), must_exist=True) as tenant:
        position = None if moment is None else await moment_of(tenant.log, "--as-of", moment)
        least = await catch_up(tenant, quiet=quiet)
        with bar("Computing the report", quiet=quiet) as moved:
            asked = msgspec.structs.replace(asked, position=position, least=least)
            answered = await answer(tenant.reader, asked)
            moved(len(answered.rows), len(answered.rows))
        return answered


def _put(answered: Answer, text: bytes, file: Path | None, *, as_json: bool) -> None:
    """Write the file, whole or not at all, and say so; without a file, everything goes to stdout."""
    if file is None:
        write_bytes(text)
        return
    with whole(file) as begun:
        begun.write(text)
    name, rows, position = answered.asked.report.name, len(answered.rows), answered.position
    if as_json:
        write_json({"report": name, "position": position, "file": file, "rows": rows})
    else:
        out().print(f"{rows:,} rows of {name} as of position {position:,}: {file}")
